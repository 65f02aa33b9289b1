"""`edge-wbc pack inspect`: what a pack says, and whether each artefact says the same of itself."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_wbc.core.crops import CropRule
from edge_wbc.core.pack import KINDS, Manifest, write_pack
from export.metadata import embed_metadata, read_metadata

MANIFEST = Manifest("tiny", ("neutrophil", "basophil"), CropRule(32), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), 1.5, 0.6)


def tflite(**changes: object) -> bytes:
    """An artefact that holds metadata and no model, which nothing here runs."""
    facts = {**MANIFEST.to_json(), "kind": "tflite-int8", **changes}
    return embed_metadata("m.tflite", b"no model", facts, facts["labels"])  # type: ignore[arg-type]


def packed(tmp_path: Path, content: bytes, kind: str = "tflite-int8", manifest: Manifest = MANIFEST) -> Path:
    write_pack(tmp_path / "pack", manifest, {KINDS[kind]: content})
    return tmp_path / "pack"


@pytest.mark.parametrize(
    ("content", "agrees", "words"),
    [
        (tflite(), True, "as pack.json says"),
        (tflite(temperature=1.4, extra=1), False, "differs from pack.json in extra, temperature"),
        (tflite(kind="tflite-fp32"), False, "in kind"),
        (tflite(labels=["basophil", "neutrophil"]), False, "in labels, labels.txt"),
        (b"no model", False, "holds no metadata"),
    ],
)
def test_each_artefact_beside_pack_json(
    content: bytes, agrees: bool, words: str, edge_wbc: Callable, tmp_path: Path
) -> None:
    pack = packed(tmp_path, content)
    said = edge_wbc("pack", "inspect", pack, "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    (row,) = facts["artefacts"]
    assert facts["files"] == {row["file"]: len(content)} and row["kind"] == "tflite-int8"
    assert row["agrees"] is agrees and words in row["metadata"]
    if agrees:
        assert row["labels"] == facts["labels"] == ["neutrophil", "basophil"]
    said = edge_wbc("pack", "inspect", pack)
    assert said.code == 0 and row["file"] in said.out and words.split()[0] in said.out


def test_metrics_that_are_tuples_here_and_lists_in_a_file_agree(edge_wbc: Callable, tmp_path: Path) -> None:
    manifest = replace(MANIFEST, metrics={"test": {"accuracy": 0.9, "accuracy_ci95": (0.8, 0.95)}})
    facts = {**manifest.to_json(), "kind": "tflite-int8"}
    pack = packed(tmp_path, embed_metadata("m.tflite", b"", facts, manifest.labels), manifest=manifest)
    (row,) = json.loads(edge_wbc("pack", "inspect", pack, "--json").out)["artefacts"]
    assert row["agrees"] is True


def test_onnx_is_read_where_onnx_is_installed(
    edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the export extra")
    graph = onnx.helper.make_graph([], "none", [], [])
    facts = {**MANIFEST.to_json(), "kind": "onnx-fp32"}
    content = embed_metadata("m.onnx", onnx.helper.make_model(graph).SerializeToString(), facts, MANIFEST.labels)
    pack = packed(tmp_path, content, "onnx-fp32")
    (row,) = json.loads(edge_wbc("pack", "inspect", pack, "--json").out)["artefacts"]
    assert row["agrees"] is True and row["labels"] == ["neutrophil", "basophil"]
    monkeypatch.setitem(sys.modules, "onnx", None)
    (row,) = json.loads(edge_wbc("pack", "inspect", pack, "--json").out)["artefacts"]
    assert row["agrees"] is None and row["metadata"] == "not read: onnx is not installed"


@pytest.mark.parametrize("facts", ["[1]", "[" * 100_000, "7", " " * (5 << 20)])
def test_metadata_that_are_none(facts: str, edge_wbc: Callable, tmp_path: Path) -> None:
    """What a stranger's file may hold: no object, one nested too deep, one that unzips to far more than it says."""
    file = io.BytesIO(b"")
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", facts)
        archive.writestr("labels.txt", "a\n")
    (row,) = json.loads(edge_wbc("pack", "inspect", packed(tmp_path, file.getvalue()), "--json").out)["artefacts"]
    assert row["agrees"] is False and "holds no metadata" in row["metadata"]


def test_the_default_packs_artefact_says_what_it_says(edge_wbc: Callable) -> None:
    default = Path(__file__).parents[2] / "mobile_app" / "packs" / "default"
    facts = json.loads(edge_wbc("pack", "inspect", default, "--json").out)
    assert [row["agrees"] for row in facts["artefacts"]] == [True]
    name = facts["artefacts"][0]["file"]
    assert list(read_metadata(name, (default / name).read_bytes())[1]) == facts["labels"]
