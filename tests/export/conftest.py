"""A tiny network, a made-up run around it, and crops drawn by chance: nothing is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("litert_torch", reason="needs the export extra")
torch = pytest.importorskip("torch", reason="needs the train extra")

from torch import nn  # noqa: E402

from edge_wbc.core.crops import CropRule  # noqa: E402
from export.graph import DeployableGraph  # noqa: E402
from export.quiet import quiet  # noqa: E402
from export.tflite import INPUT, to_int8_tflite, to_tflite  # noqa: E402

SIZE = 32
LABELS = ("neutrophil", "lymphocyte", "monocyte")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Tiny(nn.Module):
    """The operators that the real networks are made of: convolution, depthwise, residual, pooling, linear."""

    def __init__(self, labels: int = len(LABELS)) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.depth = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.point = nn.Conv2d(8, 8, 1)
        self.last = nn.Linear(8, labels)

    def forward(self, image):
        image = self.first(image)
        return self.last((image + self.point(self.depth(image))).mean(dim=(2, 3)))


def draw(count: int, seed: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Crops whose brightest channel is their label, with noise: uint8 (N, S, S, 3) and int64 (N,)."""
    chance = np.random.default_rng(seed)
    labels = np.arange(count) % len(LABELS)
    crops = chance.integers(0, 120, (count, size, size, 3))
    crops[np.arange(count), :, :, labels] += chance.integers(60, 130, (count, 1, 1))
    return crops.astype(np.uint8), labels.astype(np.int64)


@dataclass(frozen=True)
class FakeRun:
    """What `export_run` reads of a TrainedRun."""

    network: Any
    parts: dict[str, tuple[np.ndarray, np.ndarray]]
    path: Path = Path("runs/tiny")
    model: str = "tiny"
    labels: tuple[str, ...] = LABELS
    crop: CropRule = CropRule(SIZE, 1.2)
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    temperature: float = 1.5
    uncertain_below: float = 0.5
    metrics: dict[str, Any] = field(
        default_factory=lambda: {"test": {"n": 60, "accuracy": 1.0, "accuracy_ci95": [0.94, 1.0]}}
    )
    seed: int = 3
    recipe: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=lambda: {"torch": torch.__version__})
    provenance: tuple[tuple[str, str, str], ...] = ((hashlib.sha256(b"a").hexdigest(), "a.png", "train"),)

    def crops(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        return self.parts[part]

    def domains(self, part: str) -> list[str]:
        return ["a lab"] * len(self.parts[part][0])

    def but(self, **changes: Any) -> FakeRun:
        return replace(self, **changes)


def _trained() -> nn.Module:
    torch.manual_seed(0)
    network = Tiny()
    crops, labels = draw(240, 1)
    inputs = ((torch.from_numpy(crops).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2)
    targets = torch.from_numpy(labels)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), targets).backward()
        optimizer.step()
    return network.eval()


@pytest.fixture(scope="session")
def run() -> FakeRun:
    return FakeRun(_trained(), {"train": draw(90, 2), "val": draw(30, 3), "test": draw(60, 4)})


@pytest.fixture(scope="session")
def draw_crops():
    return draw


@pytest.fixture(scope="session")
def graph(run) -> DeployableGraph:
    return DeployableGraph(run.network, run.mean, run.std, run.temperature)


@pytest.fixture(scope="session")
def float_tflite(graph) -> bytes:
    return to_tflite(graph, SIZE)


@pytest.fixture(scope="session")
def int8_tflite(float_tflite, run) -> bytes:
    return to_int8_tflite(float_tflite, run.crops("train")[0])


@pytest.fixture(scope="session")
def stock_tflite() -> Callable[..., bytes]:
    """`stock_tflite(float_model, crops)` quantises by the quantiser's own recipe; without crops the weights alone."""

    def make(float_model: bytes, crops: np.ndarray | None = None) -> bytes:
        from ai_edge_quantizer import quantizer as aeq
        from ai_edge_quantizer import recipe

        with quiet():
            rules = recipe.dynamic_wi8_afp32() if crops is None else recipe.static_wi8_ai8()
            quantizer, ranges = aeq.Quantizer(bytearray(float_model), rules), None
            if crops is not None:
                feed = [{INPUT: crop[None].astype(np.float32)} for crop in crops]
                ranges = quantizer.calibrate({"serving_default": feed}, num_threads=1)
            return bytes(quantizer.quantize(ranges, enable_progress_report=False).quantized_model)

    return make
