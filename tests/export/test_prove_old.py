"""The proof on old runtimes: what agrees there is noted, what does not is refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from export.evidence import Evidence
from export.graph import probabilities
from export.old_runtimes import open_runtime
from export.prove import Limits, prove
from export.prove_old import prove_on_old_runtimes

FILE = "model.int8.tflite"


def quiet(*step: object) -> None:
    """Takes a step of progress and tells nobody."""


@pytest.fixture(scope="module")
def proved(run, graph, int8_tflite):
    evidence = Evidence(np.zeros((0, 32, 32, 3), np.uint8), "test", *run.crops("test"))
    expected = probabilities(graph, evidence.crops)
    loose = Limits(agreement=0.9, accuracy_drop=0.1)
    proof = prove("tflite-int8", FILE, int8_tflite, evidence, expected, run.labels, loose)
    return proof, evidence, expected, loose


@pytest.fixture
def tflite_2_14():
    try:
        open_runtime("2.14.0-x86_64")
    except BadInput as error:
        pytest.skip(str(error))


def test_where_none_is_built_nothing_is_claimed(proved, int8_tflite, monkeypatch, tmp_path):
    proof, evidence, expected, limits = proved
    monkeypatch.setenv("EDGE_WBC_RUNTIMES", str(tmp_path))
    assert prove_on_old_runtimes([proof], {FILE: int8_tflite}, evidence, expected, limits, quiet) == [proof]


def test_agreement_there_is_noted(proved, int8_tflite, tflite_2_14):
    proof, evidence, expected, limits = proved
    (done,) = prove_on_old_runtimes([proof], {FILE: int8_tflite}, evidence, expected, limits, quiet)
    assert done.old_runtimes["2.14.0"]["crops"] == 60 and done.old_runtimes["2.14.0"]["agreement"] >= 0.9
    assert done.broken == proof.broken == ()


def test_what_says_other_labels_there_or_does_not_load_is_broken(proved, int8_tflite, tflite_2_14):
    proof, evidence, expected, limits = proved
    turned = np.roll(expected, 1, axis=1)
    (done,) = prove_on_old_runtimes([proof], {FILE: int8_tflite}, evidence, turned, limits, quiet)
    assert any("on TFLite 2.14.0" in line and "labels differ" in line for line in done.broken)
    (done,) = prove_on_old_runtimes([proof], {FILE: b"TFL3 no more"}, evidence, expected, limits, quiet)
    assert any("TFLite 2.14.0 refuses it" in line for line in done.broken)


def test_onnx_is_none_of_its_business(proved, int8_tflite, tflite_2_14):
    proof, evidence, expected, limits = proved
    other = replace(proof, kind="onnx-int8", file="model.int8.onnx")
    assert prove_on_old_runtimes([other], {other.file: b""}, evidence, expected, limits, quiet) == [other]
