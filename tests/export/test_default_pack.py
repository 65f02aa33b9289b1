"""The pack that the app is built with: whole, small enough for the phone, and what its card says it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge_wbc.core.crops import CropRule
from edge_wbc.core.pack import Pack, read_pack
from edge_wbc.core.reading import open_reader
from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.adaptation.source import open_source
from edge_wbc.lab.datasets import load_crops, read_dataset
from edge_wbc.lab.training.judging import predict_logits

DEFAULT = Path(__file__).parents[2] / "mobile_app" / "packs" / "default"


@pytest.fixture(scope="module")
def pack() -> Pack:
    return read_pack(DEFAULT)


def test_it_fits_the_phone_and_can_be_adapted_from(pack: Pack) -> None:
    assert set(pack.files) >= {"model.int8.tflite", "weights.safetensors", "training.sha256", "MODEL_CARD.md"}
    assert len(pack.files["model.int8.tflite"]) <= 3.5e6
    assert sum(path.stat().st_size for path in DEFAULT.iterdir()) <= 8e6
    assert pack.manifest.labels == (*FIVE_CLASSES, "artifact")


def test_the_card_names_every_lab_its_licence_and_its_figures(pack: Pack) -> None:
    card = pack.files["MODEL_CARD.md"].decode()
    labs = {line.split("  ")[1].split("/")[1] for line in pack.files["training.sha256"].decode().splitlines()}
    assert labs == {"pbc", "tecom", "bccd", "drawn"}
    for lab in labs:
        assert f"| `{lab}` |" in card and f"| test {lab} |" in card
    assert all(word in card for word in ("CC BY 4.0", "GPL-3.0", "MIT", "not for diagnosis", "held back"))


def test_its_weights_say_what_its_int8_form_says(pack: Pack, drawn_lab: Path) -> None:
    cells = load_crops(read_dataset(drawn_lab), CropRule(pack.manifest.crop.size, colour=pack.manifest.crop.colour))
    run = open_source(DEFAULT)
    float_scores = torch.softmax(torch.from_numpy(predict_logits(run.network, cells.pixels)) / run.temperature, 1)
    int8_scores = open_reader(pack).interpreter.predict(cells.pixels)
    assert (float_scores.numpy().argmax(1) == int8_scores.argmax(1)).mean() > 0.97
    truth = np.array([item.label for item in cells.items])
    named = np.array(FIVE_CLASSES)[int8_scores[:, :5].argmax(1)]
    # Drawn cells of another seed than those it learned: far above one in five.
    assert (named == truth).mean() > 0.6
