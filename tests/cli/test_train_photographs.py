"""Photographs as labs have them, through train and evaluate: turned, grey, 16-bit, CMYK, transparent; odd labels."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.images import read_image

TRAIN = ("--weights", "none", "--epochs", "1", "--batch", "4", "--size", "32", "--model", "shufflenet_v2_x1_0")


@pytest.fixture
def lab(tmp_path: Path, other_lab: Path) -> Path:
    """Three classes of six photographs of single cells."""
    for label in ("neutrophil", "lymphocyte", "monocyte"):
        (tmp_path / "lab" / label).mkdir(parents=True)
        for number in range(1, 7):
            shutil.copy(other_lab / label / f"{number}.png", tmp_path / "lab" / label / f"{number}.png")
    return tmp_path / "lab"


def refused(said, *words: str) -> None:  # type: ignore[no-untyped-def]
    lines = [line for line in said.err.splitlines() if line.startswith("edge-wbc:")]
    assert said.code == 2 and len(lines) == 1 and "Traceback" not in said.err, said.err
    assert all(word in lines[0] for word in words), lines[0]


def crops_of(run: Path) -> dict[str, np.ndarray]:
    with (run / "crops.csv").open(newline="") as stream:
        names = [row["image"] for row in csv.DictReader(stream)]
    return dict(zip(names, np.load(run / "crops.npy"), strict=True))


def test_every_way_to_store_a_photograph_gives_its_crop(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    from PIL import Image

    assert edge_wbc("train", lab, *TRAIN, "--out", tmp_path / "plain").code == 0
    plain = crops_of(tmp_path / "plain")

    odd = tmp_path / "odd"
    shutil.copytree(lab, odd)

    def again(name: str, suffix: str) -> tuple[np.ndarray, Path]:
        path = odd / name
        rgb = read_image(path)
        path.unlink()
        return rgb, path.with_suffix(suffix)

    rgb, path = again("neutrophil/1.png", ".png")
    cv2.imwrite(str(path), rgb[..., ::-1].astype(np.uint16) * 257)
    rgb, path = again("neutrophil/2.png", ".tif")
    cv2.imwrite(str(path), rgb[..., ::-1].astype(np.uint16) * 257)
    rgb, path = again("neutrophil/3.png", ".png")
    cv2.imwrite(str(path), np.dstack([rgb[..., ::-1], np.full(rgb.shape[:2], 255, np.uint8)]))
    rgb, path = again("lymphocyte/1.png", ".jpg")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(np.rot90(rgb)).save(path, quality=95, exif=turned)
    rgb, path = again("lymphocyte/2.png", ".jpg")
    Image.fromarray(rgb).convert("CMYK").save(path, quality=95)
    rgb, path = again("lymphocyte/3.png", ".tif")
    Image.fromarray(rgb).convert("CMYK").save(path)
    rgb, path = again("monocyte/1.png", ".png")
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    rgb, path = again("monocyte/2.png", ".png")
    Image.fromarray(rgb).quantize(256).save(path)

    said = edge_wbc("train", odd, *TRAIN, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    found = {name.rsplit(".", 1)[0]: crop for name, crop in crops_of(tmp_path / "run").items()}
    for name, crop in plain.items():
        stem = name.rsplit(".", 1)[0]
        if stem == "monocyte/1":
            assert np.ptp(found[stem].astype(int), axis=2).max() == 0
            continue
        off = np.abs(found[stem].astype(int) - crop).mean()
        # JPEG, CMYK and palette lose a little; a turned or otherwise cut crop would be 20 off.
        assert off < (8 if stem in ("lymphocyte/1", "lymphocyte/2", "lymphocyte/3", "monocyte/2") else 0.6), (stem, off)
    judged = edge_wbc("evaluate", tmp_path / "run", odd, "--json")
    assert judged.code == 0 and json.loads(judged.out)["n"] == 18


def test_12_bits_in_16_are_refused_by_name(edge_wbc: Callable, lab: Path, tmp_path: Path, small_run: Path) -> None:
    bad = lab / "monocyte" / "4.png"
    cv2.imwrite(str(bad), read_image(bad)[..., ::-1].astype(np.uint16) << 4)
    for said in (edge_wbc("train", lab, *TRAIN, "--out", tmp_path / "run"), edge_wbc("evaluate", small_run, lab)):
        refused(said, str(bad), "uses 12 of its 16 bits", "export it again with 8 bits")
    assert not (tmp_path / "run" / "crops.npy").exists()


def split_by_hand(edge_wbc: Callable, lab: Path, part_of: Callable[[str, int], str]) -> None:
    """A split.csv whose parts `part_of(label, number)` says."""
    assert edge_wbc("data", "split", lab).code == 0
    with (lab / "split.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (lab / "split.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows({**row, "part": part_of(row["label"], int(Path(row["image"]).stem))} for row in rows)


def test_a_class_without_test_cells(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    """Trained, and judged on the classes that occur; and a set with a class that the run has never seen."""
    held = {1: "val", 2: "val", 3: "test", 4: "test"}
    split_by_hand(edge_wbc, lab, lambda label, number: "train" if label == "monocyte" else held.get(number, "train"))
    said = edge_wbc("train", lab, *TRAIN, "--recipe", "course", "--out", tmp_path / "run", "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert facts["labels"] == ["neutrophil", "lymphocyte", "monocyte"]
    test = facts["metrics"]["test"]
    assert test["n"] == 4 and sum(row["support"] > 0 for row in test["per_class"].values()) == 2
    (lab / "split.csv").unlink()
    shutil.copytree(lab / "monocyte", lab / "basophil")
    judged = json.loads(edge_wbc("evaluate", tmp_path / "run", lab, "--json").out)
    assert judged["n"] == 24 and judged["per_class"]["basophil"]["sensitivity"] == 0


def test_a_validation_part_of_one_class_has_no_auc_to_choose_by(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    held = {("monocyte", 1): "val", ("monocyte", 2): "test"}
    split_by_hand(edge_wbc, lab, lambda label, number: held.get((label, number), "train"))
    said = edge_wbc("train", lab, *TRAIN, "--recipe", "course", "--out", tmp_path / "run")
    refused(said, "the validation part: has one class, and so no AUC to choose an epoch by")


@pytest.mark.parametrize("images", [1, 2])
def test_a_class_of_too_few_images(images: int, edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    for number in range(images + 1, 7):
        (lab / "monocyte" / f"{number}.png").unlink()
    said = edge_wbc("train", lab, *TRAIN, "--out", tmp_path / "run")
    refused(said, "class 'monocyte'", f"has {images} image", "training, validation and test need one each")


def test_labels_unknown_to_the_taxonomy(edge_wbc: Callable, lab: Path, tmp_path: Path, small_run: Path) -> None:
    (lab / "monocyte").rename(lab / "quux")
    for said in (edge_wbc("train", lab, *TRAIN, "--out", tmp_path / "run"), edge_wbc("evaluate", small_run, lab)):
        refused(said, "unknown label 'quux'", "one of: neutrophil")
    (lab / "quux").rename(lab / "images")
    (lab / "labels.csv").write_text("image,label\n1.png,monocyte\n2.png,monocite\n")
    for said in (edge_wbc("train", lab, *TRAIN, "--out", tmp_path / "run"), edge_wbc("evaluate", small_run, lab)):
        refused(said, "labels.csv", "row 3", "unknown label 'monocite'", "did you mean 'monocyte'?")


def test_a_network_or_recipe_that_is_not_there(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    refused(edge_wbc("train", lab, "--model", "vgg17", "--out", tmp_path / "run"), "'vgg17'", "vgg16", "+yu")
    refused(edge_wbc("train", lab, "--recipe", "cake", "--out", tmp_path / "run"), "'cake'", "raabin", "course")
    refused(edge_wbc("train", lab, "--model", "inception_v3", "--size", "64", "--out", tmp_path / "run"), "75 or more")
    assert not (tmp_path / "run").exists()


def test_tensorboard_that_is_not_installed(
    edge_wbc: Callable, lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in ("tensorboard", "torch.utils.tensorboard"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    said = edge_wbc("train", lab, *TRAIN, "--tensorboard", "--out", tmp_path / "run")
    refused(said, "tensorboard: not installed; pip install 'edge-wbc[tensorboard]'")
    assert not (tmp_path / "run").exists()


def test_tensorboard_and_the_files_hold_the_same_curves(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    assert edge_wbc("train", lab, *TRAIN, "--tensorboard", "--out", tmp_path / "run").code == 0
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    header = (tmp_path / "run" / "curves.csv").read_text().splitlines()[0].split(",")
    assert {"train_loss", "train_accuracy", "val_loss", "val_accuracy"} <= set(header)
    assert read_image(tmp_path / "run" / "curves.png").shape[2] == 3
