"""Every fault: one clear line on stderr, exit code 2, nothing half-written."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch


def one_line(said, *words: str) -> None:  # type: ignore[no-untyped-def]
    lines = [line for line in said.err.splitlines() if line.startswith("edge-wbc:")]
    assert said.code == 2, said.err
    assert len(lines) == 1, said.err
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two classes of four small pictures each."""
    rng = np.random.default_rng(0)
    for label in ("neutrophil", "lymphocyte"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(4):
            picture = rng.integers(0, 255, (40, 40, 3), np.uint8)
            cv2.imwrite(str(tmp_path / "data" / label / f"{number}.png"), picture)
    return tmp_path / "data"


def test_folder_without_images(edge_wbc: Callable, tmp_path: Path, small_pack: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "out"
    one_line(edge_wbc("train", empty, "--out", out), str(empty), "no labelled images")
    one_line(edge_wbc("find", empty, "--out", out), str(empty), "no images")
    one_line(edge_wbc("classify", small_pack, empty), str(empty), "no images")
    one_line(edge_wbc("evaluate", small_pack, empty), str(empty), "no labelled images")
    one_line(edge_wbc("train", tmp_path / "nowhere", "--out", out), "no such folder")
    assert not out.exists()


@pytest.mark.parametrize("fault", ["empty", "text", "truncated"])
def test_unreadable_image(fault: str, edge_wbc: Callable, folders: Path, tmp_path: Path, small_pack: Path) -> None:
    bad = folders / "neutrophil" / "bad.jpg"
    whole = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))[1].tobytes()
    bad.write_bytes({"empty": b"", "text": b"not a picture", "truncated": whole[: len(whole) // 2]}[fault])
    out = tmp_path / "run"
    one_line(edge_wbc("train", folders, "--weights", "none", "--out", out), str(bad))
    assert not (out / "crops.npy").exists() and not (out / "run.json").exists()
    one_line(edge_wbc("classify", small_pack, bad, "--draw", tmp_path / "drawn.png"), str(bad))
    one_line(edge_wbc("evaluate", small_pack, folders, "--json"), str(bad))
    assert not (tmp_path / "drawn.png").exists()


def test_class_with_one_image(edge_wbc: Callable, folders: Path, tmp_path: Path) -> None:
    (folders / "monocyte").mkdir()
    shutil.copy(folders / "neutrophil" / "0.png", folders / "monocyte" / "only.png")
    said = edge_wbc("train", folders, "--weights", "none", "--out", tmp_path / "run")
    one_line(said, "'monocyte'", "1 image")
    assert not (tmp_path / "run" / "run.json").exists()


def test_unknown_class_offers_the_nearest(edge_wbc: Callable, folders: Path, tmp_path: Path) -> None:
    (folders / "neutrophil").rename(folders / "neutrofil")
    one_line(edge_wbc("train", folders, "--out", tmp_path / "run"), "neutrofil", "did you mean 'neutrophil'?")


def test_labels_csv_names_missing_files(edge_wbc: Callable, tmp_path: Path, small_pack: Path) -> None:
    (tmp_path / "images").mkdir()
    file = tmp_path / "labels.csv"
    file.write_text("image,label\n001.png,neutrophil\n")
    one_line(edge_wbc("train", tmp_path, "--out", tmp_path / "run"), str(file), "row 2", "001.png")
    one_line(edge_wbc("evaluate", small_pack, tmp_path), str(file), "row 2", "001.png")
    file.write_text("file,class\n001.png,neutrophil\n")
    one_line(edge_wbc("evaluate", small_pack, tmp_path), str(file), "image and label")


def test_nan_in_weights(edge_wbc: Callable, small_run: Path, tmp_path: Path, folders: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    state = safetensors.torch.load_file(run / "weights.safetensors")
    state["classifier.1.bias"][0] = torch.nan
    safetensors.torch.save_file(state, run / "weights.safetensors")
    one_line(edge_wbc("export", run, "--out", tmp_path / "pack"), "weights.safetensors", "classifier.1.bias", "NaN")
    one_line(edge_wbc("evaluate", run, folders), "classifier.1.bias")
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize("name", ["model.int8.tflite", "weights.safetensors", "MODEL_CARD.md", "numerics.json"])
def test_pack_with_one_byte_flipped(name: str, edge_wbc: Callable, small_pack: Path, folders: Path) -> None:
    broken = folders.parent / "pack"
    shutil.copytree(small_pack, broken)
    content = bytearray((broken / name).read_bytes())
    content[len(content) // 2] ^= 1
    (broken / name).write_bytes(content)
    picture = folders / "neutrophil" / "0.png"
    one_line(edge_wbc("classify", broken, picture), name, "SHA-256")
    one_line(edge_wbc("evaluate", broken, folders), name, "SHA-256")
    one_line(edge_wbc("pack", "inspect", broken), name, "SHA-256")


def test_full_disk_while_writing_a_pack(
    edge_wbc: Callable, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import export.pack as exporter

    # The conversion itself is proved elsewhere; here only its end matters.
    monkeypatch.setattr(exporter, "convert", lambda graph, kinds, *rest: {kind: b"model" for kind in kinds})
    monkeypatch.setattr(exporter, "embed_metadata", lambda name, model, facts, labels: model)

    class Fine:
        broken = ()

        def to_json(self) -> dict[str, object]:
            return {}

    monkeypatch.setattr(exporter, "prove", lambda *arguments, **named: Fine())
    monkeypatch.setattr(exporter, "prove_on_old_runtimes", lambda proofs, *rest: proofs)
    monkeypatch.setattr(exporter, "model_card", lambda *arguments: "card")
    whole = Path.write_bytes
    written = []

    def full(self: Path, content: bytes) -> int:
        written.append(self)
        if self.name == "training.sha256" and ".partial" in str(self.parent):
            whole(self, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return whole(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    out = tmp_path / "packs" / "pack"
    one_line(edge_wbc("export", small_run, "--out", out, "--kinds", "tflite-int8"), "No space left on device")
    assert written
    assert list((tmp_path / "packs").iterdir()) == []


def test_export_of_something_else(edge_wbc: Callable, tmp_path: Path, small_run: Path) -> None:
    one_line(edge_wbc("export", tmp_path, "--out", tmp_path / "pack"), "no finished run")
    one_line(edge_wbc("export", small_run, "--out", tmp_path / "pack", "--kinds", "tflite-int7"), "tflite-int7")
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "model": "shufflenet_v2_x1_0"}))
    one_line(edge_wbc("export", run, "--out", tmp_path / "pack"), "weights of another network")
    (run / "weights.safetensors").unlink()
    one_line(edge_wbc("export", run, "--out", tmp_path / "pack"), "weights.safetensors", "missing")
    assert not (tmp_path / "pack").exists()


def test_a_folder_that_is_no_pack_is_never_replaced(edge_wbc: Callable, small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    one_line(edge_wbc("train", tmp_path, "--out", tmp_path), "no labelled images")
    one_line(edge_wbc("export", small_run, "--out", tmp_path), str(tmp_path), "holds no pack.json")
    assert (tmp_path / "thesis.txt").read_text() == "mine"
