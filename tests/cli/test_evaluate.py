"""`evaluate` on one lab, on several, and the page it writes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of noise: the network has to answer, not to be right."""
    root = tmp_path_factory.mktemp("labs")
    chance = np.random.default_rng(0)
    for lab, labels in (("one", ("neutrophil", "monocyte", "platelet")), ("two/crops", ("lymphocyte", "basophil"))):
        for label in labels:
            (root / lab / label).mkdir(parents=True)
            for number in range(6):
                crop = chance.integers(0, 255, (40, 40, 3), np.uint8)
                cv2.imwrite(str(root / lab / label / f"{number}.png"), crop)
    return root


def test_one_lab_with_crops_outside_the_five(edge_wbc: Callable, small_pack: Path, labs: Path) -> None:
    said = edge_wbc("evaluate", small_pack, labs / "one", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["n"] == 12 and found["dropped"] == {"platelet": 6}
    assert found["guard"]["kept"]["n"] == 12
    assert found["guard"]["held_back"]["kinds"]["platelet"]["n"] == 6
    assert set(found["calibration"]) == {"temperature", "ece_before", "ece"}
    for name in ("balanced_accuracy", "balanced_accuracy_5", "macro_f1"):
        low, high = found[f"{name}_ci95"]
        assert low <= high
    told = edge_wbc("evaluate", small_pack, labs / "one")
    assert "held back" in told.out and "platelet" in told.out


def test_several_labs_and_their_page(edge_wbc: Callable, small_run: Path, labs: Path, tmp_path: Path) -> None:
    page, data = tmp_path / "page.html", (labs / "one", labs / "two" / "crops")
    said = edge_wbc("evaluate", small_run, *data, "--report", page, "--before", small_run, "--json")
    assert said.code == 0, said.err
    domains = json.loads(said.out)["domains"]
    assert {name: found["n"] for name, found in domains.items()} == {"one": 12, "two/crops": 12}
    html = page.read_text()
    assert "t-SNE" in html and "The worst mistakes" in html and "two/crops, before" in html
    told = edge_wbc("evaluate", small_run, *data, "--report", page, "--no-photographs")
    assert told.code == 0 and "two/crops" in told.out
    assert "The worst mistakes" not in page.read_text()


def test_what_cannot_be_judged_is_said_in_a_line(
    edge_wbc: Callable, small_pack: Path, labs: Path, tmp_path: Path
) -> None:
    shutil.copytree(labs / "one" / "platelet", tmp_path / "guard" / "platelet")
    for arguments, fault in (
        ((labs / "one", labs / "one"), "same folder twice"),
        ((labs / "one", "--before", small_pack), "--report"),
        ((labs / "one", "--report", tmp_path / "none" / "page.html"), "no such folder"),
        ((tmp_path / "guard",), "no cell of the five classes"),
    ):
        said = edge_wbc("evaluate", small_pack, *arguments)
        assert said.code == 2 and fault in said.err and said.err.strip().count("\n") == 0
