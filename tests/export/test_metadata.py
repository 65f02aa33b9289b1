"""Metadata rides inside each artefact, reads back, and the artefact still runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import open_interpreter
from export.metadata import embed_metadata, read_metadata
from export.to_onnx import to_onnx

FACTS = {"model": "tiny", "temperature": 1.5, "crop": {"size": 32}, "name": "Zürich ✓"}
words = st.text(st.characters(blacklist_characters="\n", blacklist_categories=("Cs",)), min_size=1)


@pytest.fixture(scope="module")
def artefacts(graph, float_tflite, int8_tflite):
    return {"f.tflite": float_tflite, "q.tflite": int8_tflite, "f.onnx": to_onnx(graph, 32)}


@pytest.mark.parametrize("name", ["f.tflite", "q.tflite", "f.onnx"])
def test_facts_return_and_the_artefact_runs_as_before(artefacts, run, name):
    model = embed_metadata(name, artefacts[name], FACTS, run.labels)
    assert read_metadata(name, model) == (FACTS, run.labels)
    crops = run.crops("val")[0][:6]
    before, after = (open_interpreter(name, each).predict(crops) for each in (artefacts[name], model))
    np.testing.assert_array_equal(before, after)
    assert model == embed_metadata(name, artefacts[name], FACTS, run.labels)


@given(st.dictionaries(st.text(st.characters(blacklist_categories=("Cs",))), st.integers() | words), st.lists(words))
def test_any_facts_and_labels_return(facts, labels):
    model = embed_metadata("m.tflite", b"flatbuffer", facts, labels)
    assert model.startswith(b"flatbuffer")
    assert read_metadata("m.tflite", model) == (facts, tuple(labels))


@pytest.mark.parametrize("name", ["m.tflite", "m.onnx"])
def test_an_artefact_without_metadata_says_so(name):
    with pytest.raises(BadInput, match=name):
        read_metadata(name, b"\x00\x01 nothing of ours")


@pytest.mark.parametrize("name, label", [("m.bin", "a"), ("m.tflite", "a\nb")])
def test_what_cannot_hold_metadata_is_refused(name, label):
    with pytest.raises(ValueError):
        embed_metadata(name, b"", {}, [label])


def test_metadata_is_not_embedded_twice():
    with pytest.raises(ValueError, match="already"):
        embed_metadata("m.tflite", embed_metadata("m.tflite", b"x", {}, []), {}, [])
