"""The model card: what it tells of data and figures."""

from __future__ import annotations

import numpy as np

from edge_wbc.lab.evaluation.guard import guard_measures
from export.card import model_card
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
    assert card.index("## Training data") < card.index(about) < card.index("## Evaluation")


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
