"""`edge-wbc synth pools` and `edge-wbc synth cells`, as a person types them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_wbc.core.images import read_image
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.synthesis.drawing import DRAWN
from edge_wbc.lab.synthesis.pools import read_pools


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from edge_wbc.lab.synthesis.pool_runs import DrawOptions, draw_pools_into

    out = tmp_path_factory.mktemp("drawn") / "pools"
    draw_pools_into(out, DrawOptions(2, um_per_px=0.2))
    return out


def test_pools_are_drawn(edge_wbc: Callable, tmp_path: Path) -> None:
    said = edge_wbc("synth", "pools", "--count", 1, "--um-per-px", 0.3, "--out", tmp_path / "pools", "--json")
    assert said.code == 0
    made = json.loads(said.out)
    assert set(made["cutouts"]) == set(DRAWN) and made["um_per_px"] == 0.3 and made["stain"] == "giemsa"
    assert set(read_pools(tmp_path / "pools").cutouts) == set(DRAWN)
    read_image(tmp_path / "pools" / "contact-sheet.png")
    again = edge_wbc("synth", "pools", "--count", 1, "--um-per-px", 0.3, "--out", tmp_path / "pools")
    assert again.code == 0 and "segmented_neutrophil" in again.out and "not for diagnosis" in again.err


def test_pools_are_cut_from_photographs_with_masks(edge_wbc: Callable, drawn: Path, tmp_path: Path) -> None:
    """Drawn cells, photographed with their masks, are cut out again."""
    cells = ("--classes", "eosinophil,monocyte", "--size", 150, "--pools", drawn, "--out", tmp_path / "lab")
    assert edge_wbc("synth", "cells", "--count", 6, *cells).code == 0
    command = ("synth", "pools", "--from", tmp_path / "lab", "--um-per-px", 0.2, "--stain", "giemsa", "--copies", 1)
    said = edge_wbc(*command, "--out", tmp_path / "cut", "--json")
    made = json.loads(said.out)
    refused = sum(count for reasons in made["refused"].values() for count in reasons.values())
    assert said.code == 0 and set(made["cutouts"]) == {"eosinophil", "monocyte"}
    assert sum(made["cutouts"].values()) == 2 * (6 - refused)
    assert edge_wbc(*command, "--out", tmp_path / "cut", "--json").out == said.out
    assert edge_wbc(*command, "--seed", 1, "--out", tmp_path / "cut").code == 2


def test_cells_are_ready_to_train_on(edge_wbc: Callable, tmp_path: Path) -> None:
    command = ("synth", "cells", "--classes", "neutrophil,plasma_cell", "--size", 110, "--out", tmp_path)
    assert json.loads(edge_wbc(*command, "--count", 3, "--json").out)["drawn"] == 3
    assert json.loads(edge_wbc(*command, "--count", 4, "--json").out)["drawn"] == 1
    assert len(read_dataset(tmp_path).items) == 4
    with (tmp_path / "labels.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["subtype"] == "plasma_cell" for row in rows] == [False, True, False, True]
    for row in rows:
        mask = tmp_path / "masks" / f"{Path(row['image']).stem}.png"
        assert read_image(tmp_path / "images" / row["image"]).shape == read_image(mask).shape == (110, 110, 3)


BAD = {
    "no count": (("pools",), "--count: how many cut-outs of each pool?; give --count, or --from DATA to cut them"),
    "a negative count": (("pools", "--count", -1), "count: -1 is not in 1 to 100000"),
    "a huge count": (("pools", "--count", 10**9), "count: 1000000000 is not in 1 to 100000"),
    "no scale": (("pools", "--count", 1, "--um-per-px", 0), "um-per-px: 0.0 is not a scale"),
    "an unknown stain": (("pools", "--count", 1, "--stain", "tea"), "stain: unknown stain 'tea'"),
    "copies of nothing": (("pools", "--count", 1, "--copies", 2), "--at, --copies: belong to --from"),
    "no such data": (("pools", "--from", "nowhere"), "nowhere: no such folder"),
    "negative copies": (("pools", "--from", "nowhere", "--copies", -1), "copies: -1 is not in 0 to 1000"),
    "no cells": (("cells", "--count", 0), "count: 0 is not in 1 to 10000000"),
    "an unknown class": (("cells", "--count", 1, "--classes", "blast"), "classes: unknown: blast"),
    "no room": (("cells", "--count", 1, "--size", 20), "size: 20 px are 3.2 um"),
    "an unknown phone": (("cells", "--count", 1, "--domain", "nokia"), "unknown domain 'nokia'"),
    "no such pools": (("cells", "--count", 1, "--pools", "nowhere"), "nowhere: no such folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, line = BAD[name]
    said = edge_wbc("synth", *arguments, "--out", tmp_path / "out", "--json")
    (shown,) = [row for row in said.err.splitlines() if row.startswith("edge-wbc: ")]
    assert said.code == 2 and said.out == "" and line in shown
    assert not (tmp_path / "out").exists()


def test_other_folders_are_left_alone(edge_wbc: Callable, drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for command in ("pools", "cells"):
        said = edge_wbc("synth", command, "--count", 1, "--out", tmp_path)
        assert said.code == 2 and "choose another --out" in said.err
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
    said = edge_wbc("synth", "pools", "--count", 3, "--um-per-px", 0.2, "--out", drawn)
    assert said.code == 2 and "holds the pools of another run" in said.err
