"""A pack of three small files."""

from __future__ import annotations

import pytest

from edge_wbc.core.crops import CropRule
from edge_wbc.core.pack import Manifest


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    """What a pack says of its model."""
    return Manifest(
        model="tiny",
        labels=("neutrophil", "lymphocyte", "monocyte"),
        crop=CropRule(64, 1.25),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        temperature=1.5,
        uncertain_below=0.6,
        metrics={"drawn": {"n": 12, "accuracy": 0.75, "accuracy_ci95": [0.43, 0.95]}},
        seed=7,
        versions={"torch": "2.12.1"},
    )


@pytest.fixture(scope="session")
def contents() -> dict[str, bytes]:
    """The files of a small pack."""
    return {
        "model.int8.tflite": bytes(range(256)) * 8,
        "MODEL_CARD.md": "# A model card, 5 µm\n".encode(),
        "extra/numerics.json": b'{"agreement": 1.0}\n',
    }
