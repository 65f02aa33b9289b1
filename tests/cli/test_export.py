"""`edge-wbc export`: a pack exported again from its weights, and one line for every fault, with nothing left behind."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

pytest.importorskip("litert_torch", reason="needs the export extra")

from edge_wbc.core.pack import Manifest, read_pack, write_pack
from edge_wbc.lab.adaptation.weights import write_halves
from edge_wbc.lab.models import build_network
from edge_wbc.lab.training import load_run


def one_line(said, *words: str, code: int = 2) -> None:  # type: ignore[no-untyped-def]
    lines = [line for line in said.err.splitlines() if line.startswith("edge-wbc:")]
    assert said.code == code and said.out == "", said
    assert len(lines) == 1 and "Traceback" not in said.err, said.err
    for word in words:
        assert word in lines[0], lines[0]


def packed(small_run: Path, out: Path, model: str, weights: bytes | None) -> Path:
    """A pack of the small run's facts with another network's name, and weights or none."""
    run = load_run(small_run)
    manifest = Manifest(model, run.labels, run.crop, run.mean, run.std, run.temperature, run.uncertain_below)
    write_pack(out, manifest, {} if weights is None else {"weights.safetensors": weights})
    return out


@pytest.fixture(scope="module")
def b0_pack(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EfficientNet-B0, which becomes ONNX alone and so is exported in seconds; its weights are those it began with."""
    torch.manual_seed(0)
    labels = load_run(small_run).labels
    network = build_network("efficientnet_b0", len(labels))
    weights = write_halves(network)
    return packed(small_run, tmp_path_factory.mktemp("b0") / "pack", "efficientnet_b0", weights)


def test_a_pack_is_exported_again_on_cells_of_ones_own(
    edge_wbc: Callable, b0_pack: Path, other_lab: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again"
    said = edge_wbc("export", b0_pack, "--data", other_lab, "--kinds", "onnx-fp32,weights", "--out", out, "--json")
    assert said.code == 0, said.err
    (proof,) = json.loads(said.out)["artefacts"]
    assert proof["kind"] == "onnx-fp32" and proof["part"] == "lab" and 18 <= proof["crops"] <= 23
    assert proof["max_error"] < 1e-3
    before, after = read_pack(b0_pack), read_pack(out)
    assert after.manifest == before.manifest
    assert set(after.files) >= {"model.onnx", "weights.safetensors", "training.sha256", "MODEL_CARD.md"}
    mine, theirs = (safetensors.torch.load(pack.files["weights.safetensors"]) for pack in (before, after))
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
    (row,) = json.loads(edge_wbc("pack", "inspect", out, "--json").out)["artefacts"]
    assert row["agrees"] is True
    # A pack's zip serves as well, and an earlier pack is replaced.
    zipped = shutil.make_archive(str(tmp_path / "zipped"), "zip", b0_pack)
    said = edge_wbc("export", zipped, "--data", other_lab, "--kinds", "onnx-fp32", "--out", out)
    assert said.code == 0 and "part lab" in said.out and "not for diagnosis" in said.err
    assert "weights.safetensors" not in read_pack(out).files


def test_what_a_pack_and_its_data_lack(
    edge_wbc: Callable, b0_pack: Path, small_run: Path, other_lab: Path, tmp_path: Path
) -> None:
    def export(source: Path, *more: object) -> object:
        return edge_wbc("export", source, "--kinds", "onnx-fp32", "--out", tmp_path / "out", *more)

    one_line(export(b0_pack), str(b0_pack), "carries no cells to calibrate and prove on", "--data DATA")
    light = packed(small_run, tmp_path / "light", "efficientnet_b0", None)
    one_line(export(light, "--data", other_lab), str(light), "carries no weights.safetensors", "weights")
    (tmp_path / "empty").mkdir()
    one_line(export(b0_pack, "--data", tmp_path / "empty"), str(tmp_path / "empty"))
    one_line(export(b0_pack, "--data", tmp_path / "gone"), "gone", "no such folder")
    shutil.copytree(other_lab / "basophil", tmp_path / "one" / "basophil")
    one_line(export(b0_pack, "--data", tmp_path / "one"), "cells of one label alone", "basophil")
    one_line(export(b0_pack, "--data", other_lab, "--calibration", 0), "--calibration")
    one_line(
        edge_wbc("export", b0_pack, "--data", other_lab, "--kinds", "weights", "--out", tmp_path / "out"), "--kinds"
    )
    assert not (tmp_path / "out").exists()


def test_weights_of_another_network(edge_wbc: Callable, small_run: Path, other_lab: Path, tmp_path: Path) -> None:
    run = load_run(small_run)
    weights = write_halves(run.network)
    pack = packed(small_run, tmp_path / "pack", "shufflenet_v2_x1_0", weights)
    one_line(
        edge_wbc("export", pack, "--data", other_lab, "--out", tmp_path / "out"),
        str(pack),
        "weights of another network",
    )
    assert not (tmp_path / "out").exists()


class Sentinel:
    """Unpickled, it leaves a file behind."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple:  # type: ignore[type-arg]
        return Path.touch, (self.file,)


@pytest.mark.parametrize("made_by", [pickle.dump, torch.save])
def test_nothing_is_unpickled(
    made_by: Callable, edge_wbc: Callable, small_run: Path, other_lab: Path, tmp_path: Path
) -> None:
    with (tmp_path / "weights.pt").open("wb") as stream:
        made_by({"classifier.1.bias": Sentinel(tmp_path / "executed")}, stream)
    content = (tmp_path / "weights.pt").read_bytes()
    run = shutil.copytree(small_run, tmp_path / "run")
    (run / "weights.safetensors").write_bytes(content)
    out = ("--out", tmp_path / "out")
    one_line(edge_wbc("export", run, *out), "weights.safetensors")
    pack = packed(small_run, tmp_path / "pack", "mobilenet_v2", content)
    one_line(edge_wbc("export", pack, "--data", other_lab, *out), "weights.safetensors", "not readable weights")
    assert not (tmp_path / "executed").exists() and not (tmp_path / "out").exists()
    with (tmp_path / "weights.pt").open("rb") as stream:
        # The sentinel is no dud.
        pickle.load(stream) if made_by is pickle.dump else torch.load(stream, weights_only=False)
    assert (tmp_path / "executed").exists()


class With(nn.Module):
    """A network with one operator of somebody's choice."""

    def __init__(self, operator: Callable[[torch.Tensor], torch.Tensor], labels: int) -> None:
        super().__init__()
        self.first, self.operator, self.last = nn.Conv2d(3, 4, 3, 2), operator, nn.Linear(4, labels)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.last(self.operator(self.first(picture)).mean((2, 3)))


@pytest.mark.parametrize(
    ("operator", "kinds", "code", "words"),
    [
        (torch.lgamma, "tflite-int8", 2, ("litert-torch: cannot convert it", "lgamma")),
        (lambda x: x * (x > 0).nonzero().shape[0], "tflite-int8", 2, ("litert-torch: cannot convert it", "nonzero")),
        (lambda x: x if x.sum() > 0 else -x, "tflite-int8", 2, ("litert-torch: cannot convert it", "data-dependent")),
        (torch.lgamma, "onnx-fp32", 2, ("torch.onnx: cannot convert it", "aten::lgamma")),
        (torch.atan, "tflite-int8", 1, ("operator ATAN2 is unknown to TFLite 2.8", "no pack was written")),
        (torch.sin, "tflite-int8", 1, ("int8 .tflite", "left in float", "no pack was written")),
    ],
)
def test_an_operator_that_does_not_convert(
    operator: Callable,
    kinds: str,
    code: int,
    words: tuple[str, ...],
    edge_wbc: Callable,
    small_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = load_run(small_run)
    torch.manual_seed(0)
    # EfficientNet-B0 is the one whose int8 nobody asks for.
    model = "efficientnet_b0" if kinds == "onnx-fp32" else run.model
    odd = replace(run, model=model, network=With(operator, len(run.labels)).eval())
    monkeypatch.setattr("edge_wbc.lab.adaptation.source.open_source", lambda path: odd)
    said = edge_wbc("export", small_run, "--kinds", kinds, "--out", tmp_path / "packs" / "pack")
    one_line(said, str(small_run), model, *words, code=code)
    assert [*tmp_path.iterdir()] == []


def test_a_run_without_its_crops_or_weights(edge_wbc: Callable, small_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    state = safetensors.torch.load_file(run / "weights.safetensors")
    state.pop("classifier.1.bias")
    safetensors.torch.save_file(state, run / "weights.safetensors")
    one_line(edge_wbc("export", run, "--out", tmp_path / "out"), "weights.safetensors", "another network")
    (run / "weights.safetensors").unlink()
    one_line(edge_wbc("export", run, "--out", tmp_path / "out"), "weights.safetensors", "missing")
    shutil.copy(small_run / "weights.safetensors", run)
    (run / "crops.npy").unlink()
    one_line(edge_wbc("export", run, "--out", tmp_path / "out"), "crops.npy")
    assert not (tmp_path / "out").exists()
