"""The model card: what it tells of data and figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from edge_wbc.core.detector import AnchorMap
from edge_wbc.core.detector_pack import DetectorManifest
from edge_wbc.lab.evaluation.guard import guard_measures
from export.card import model_card
from export.detector import DetectorProof
from export.detector_card import detector_card
from export.prove import Proof

COST = {"operators": 2, "int8_operators": 1.0, "multiply_adds": 7, "int8_multiply_adds": 1.0}
PROOF = Proof(
    "tflite-int8", "model.int8.tflite", 9, "test", 5, 0.1, 0.01, 1.0, 0.8, 0.8, {}, **COST,
    transposes=0, peak_bytes=2048, ms_median=1.0, runtime="LiteRT",
)  # fmt: skip
SCORES = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.95, 0.05]]


def rows(card: str) -> list[list[str]]:
    lines = [line for line in card.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_images_are_counted_by_lab_and_part_below_what_is_said_of_them(run):
    names = [("pbc/a.png", "train"), ("pbc/b.png", "test"), ("bccd/crops/c.png", "train"), ("pbc/d.png", "train")]
    told = run.but(provenance=tuple(("0" * 64, name, part) for name, part in names))
    about = "Cells of **Barcelona**, CC BY 4.0."
    card = model_card(told, [PROOF], [], about + "\n")
    assert ["pbc", "2", "1"] in rows(card) and ["bccd", "1", "0"] in rows(card)
    assert card.index("### Training Data") < card.index(about) < card.index("## Evaluation")


def sections(card: str, level: int) -> list[str]:
    return [line[level + 1 :] for line in card.splitlines() if line.startswith("#" * level + " ")]


@pytest.fixture
def cards(run) -> list[str]:
    """A classifier's and a detector's."""
    figures = {"fields": 3, "cells": 9, "ap50": 0.9, "ap50_95": 0.5, "recall": 0.8, "false_per_field": 0.1}
    maps, grey = (AnchorMap(4, (16.0,)),), (0.5, 0.5, 0.5)
    manifest = DetectorManifest("ssd", 64, maps, 0.25, grey, grey, {"val": figures}, 3, {"torch": "2"})
    proof = DetectorProof("tflite-int8", "m.tflite", 9, "val", 3, 9, 0.1, 0.2, 0.9, 0.9, 0.5, 0.5, 1.0, "litert")
    return [model_card(run, [PROOF], [PROOF]), detector_card(manifest, [("0" * 64, "a.png", "val")], [proof])]


def test_headings_are_those_of_hugging_faces_template_in_their_order(cards):
    hub = pytest.importorskip("huggingface_hub", reason="Hugging Face's template is not installed")
    template = (Path(hub.__file__).parent / "templates" / "modelcard_template.md").read_text()
    theirs = [name.removesuffix(" [optional]") for name in sections(template, 2)]
    for card in cards:
        mine = sections(card, 2)
        assert mine == [name for name in theirs if name in mine] and len(mine) == 7
        ours = [name for name in sections(card, 3) if name not in ("Artefacts against PyTorch", "Rounding")]
        known = {name.removesuffix(" [optional]") for name in sections(template, 3)}
        assert {"Direct Use", "Out-of-Scope Use", "Training Data", "Results"} <= set(ours) <= known
        assert len(sections(card, 1)) == 1 and sections(card, 1)[0].startswith("Model Card for ")


def test_front_matter_is_yaml(cards):
    for card, task in zip(cards, ("image-classification", "object-detection"), strict=True):
        _, front, body = card.split("---\n", 2)
        facts = yaml.safe_load(front)
        assert facts["pipeline_tag"] == task and "white-blood-cells" in facts["tags"]
        assert body.count("Research use, not for diagnosis") == 1 and "{" not in body and "nan" not in body


def test_limits_calibration_and_guard_stand_beside_the_accuracy(run):
    truth = ["lymphocyte", "platelet", "red_cell", "red_cell"]
    guard = guard_measures(truth, np.array(SCORES), ("lymphocyte", "artifact"), 0.5)
    calibration = {"temperature": 0.5, "ece_before": 0.0812, "ece": 0.0123}
    measured = {"n": 9, "accuracy": 0.9, "accuracy_ci95": [0.8, 0.95], "guard": guard, "calibration": calibration}
    told = run.but(labels=("lymphocyte", "artifact"), metrics={"test": measured})
    found = rows(card := model_card(told, [PROOF], []))
    assert ["test", "9", "90.0% (80.0% to 95.0%)", "-", "-", "0.081, 0.012"] in found
    held = {row[1]: row[2:] for row in found if row[0] == "test" and len(row) == 4}
    assert held["white cells that stay certain"][0] == "1" and held["others held back"][1].startswith("66.7%")
    assert held["red_cell held back"][1].startswith("50.0%") and held["platelet held back"][1].startswith("100.0%")
    assert "hold back in part only" in card


def test_without_a_guard_the_card_warns_that_anything_gets_a_label(run):
    assert "given one of the labels all the same" in model_card(run, [PROOF], [])
