"""Fixtures shared by all rooms: drawn fields, a small drawn lab, a run trained on it, a pack exported from that."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

# Real weights where they are at hand; no test downloads any.
os.environ.setdefault("TORCH_HOME", str(Path(__file__).parents[2] / "shared" / "torch"))

import cv2
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from edge_wbc.core.records import Field

# The same examples every time, so that a red run means a changed line; HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs beside the project; a test that asks for them skips where they are absent."""
    path = Path(__file__).parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"no real photographs at {path}")
    return path


Spot = tuple[int, int, int]

BACKGROUND, RED_CELL, PALLOR = (236, 231, 226), (222, 160, 156), (232, 198, 192)
NUCLEUS, CYTOPLASM = (104, 56, 150), (206, 188, 216)


def _draw(
    width: int,
    height: int,
    nuclei: list[Spot],
    red_cells: list[Spot] = (),
    platelets: list[Spot] = (),
    noise: float = 2.0,
    scale: int = 1,
    red_cell: tuple[int, int, int] = RED_CELL,
) -> np.ndarray:
    """A stained field: spots are x, y, radius of a nucleus, red cell or platelet in pixels, times `scale`."""
    rgb = np.full((height * scale, width * scale, 3), BACKGROUND, np.uint8)

    def disc(x: int, y: int, radius: float, colour: tuple[int, int, int]) -> None:
        cv2.circle(rgb, (x * scale, y * scale), int(round(radius * scale)), colour, cv2.FILLED, cv2.LINE_AA)

    for x, y, radius in red_cells:
        disc(x, y, radius, red_cell)
        disc(x, y, radius * 0.4, PALLOR)
    for x, y, radius in nuclei:
        disc(x, y, radius * 1.35, CYTOPLASM)
        disc(x, y, radius, NUCLEUS)
    for x, y, radius in platelets:
        disc(x, y, radius, NUCLEUS)
    grain = np.random.default_rng(3).normal(0, noise, rgb.shape) if noise else 0.0
    return np.clip(cv2.GaussianBlur(rgb, (0, 0), 0.8 * scale) + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def draw() -> Callable[..., np.ndarray]:
    """Draws a stained field: draw(width, height, nuclei, red_cells, platelets, noise, scale, red_cell)."""
    return _draw


@pytest.fixture(scope="session")
def spots() -> dict[str, list[Spot]]:
    """Where a 640 x 480 field's nuclei, red cells and platelets lie: apart from each other, off the border."""
    rng = np.random.default_rng(11)
    placed: list[Spot] = []

    def place(count: int, radius: int, room: int) -> list[Spot]:
        mine: list[Spot] = []
        while len(mine) < count:
            x, y = int(rng.integers(60, 580)), int(rng.integers(60, 420))
            if all((x - u) ** 2 + (y - v) ** 2 > (room + other) ** 2 for u, v, other in placed):
                placed.append((x, y, room))
                mine.append((x, y, radius))
        return mine

    return {"nuclei": place(5, 24, 40), "red_cells": place(28, 20, 24), "platelets": place(12, 5, 9)}


@pytest.fixture(scope="session")
def field(draw: Callable[..., np.ndarray], spots: dict[str, list[Spot]]) -> np.ndarray:
    """The 640 x 480 field of `spots`."""
    return draw(640, 480, **spots)


def _draw_masked(
    height: int = 120,
    width: int = 120,
    lobes: list[Spot] = ((52, 56, 15), (70, 66, 14)),
    cell: Spot = (60, 60, 34),
    red_cells: list[Spot] = ((8, 10, 20), (112, 104, 20)),
    others: list[tuple[Spot, Spot]] = (),
    seed: int = 0,
) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """A crop of one white cell, its nucleus and the whole of it; `others` are nuclei and cells that are not meant."""
    rgb = np.full((height, width, 3), BACKGROUND, np.uint8)
    nucleus, whole = np.zeros((2, height, width), np.uint8)

    def disc(picture: np.ndarray, spot: Spot, colour: "tuple[int, int, int] | int") -> None:
        cv2.circle(picture, spot[:2], spot[2], colour, cv2.FILLED)

    for spot in red_cells:
        disc(rgb, spot, RED_CELL)
    for inner, outer in others:
        disc(rgb, outer, CYTOPLASM)
        disc(rgb, inner, NUCLEUS)
    disc(rgb, cell, CYTOPLASM)
    disc(whole, cell, 1)
    for spot in lobes:
        disc(rgb, spot, NUCLEUS)
        disc(nucleus, spot, 1)
    grain = np.random.default_rng(seed).normal(0, 3, rgb.shape)
    rgb = np.clip(cv2.GaussianBlur(rgb, (0, 0), 0.8) + grain, 0, 255).astype(np.uint8)
    return rgb, nucleus.view(bool), whole.view(bool)


@pytest.fixture(scope="session")
def draw_masked() -> Callable[..., "tuple[np.ndarray, np.ndarray, np.ndarray]"]:
    """Draws a crop with masks: draw_masked(height, width, lobes, cell, red_cells, others, seed)."""
    return _draw_masked


@pytest.fixture(scope="session")
def any_records() -> "st.SearchStrategy[Field]":
    """Records with whatever a record may hold."""
    from edge_wbc.core.records import Cell, Field, Microscope, Smear
    from edge_wbc.core.taxonomy import LABELS

    segment = st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
    path = st.lists(segment.filter(lambda name: name != ".."), min_size=1, max_size=3).map("/".join)
    path = path.filter(lambda path: path[1:2] != ":")
    positive = st.floats(0, exclude_min=True, allow_infinity=False) | st.integers(1, 10**6)
    text = st.text(max_size=8)

    @st.composite
    def records(draw: st.DrawFn) -> Field:
        width, height = draw(st.integers(1, 6000)), draw(st.integers(1, 6000))

        def box() -> tuple[int, int, int, int]:
            x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
            return (x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height)))

        cells = tuple(
            Cell(
                box(),
                draw(st.dictionaries(text, st.sampled_from(list(LABELS)), max_size=3)),
                draw(st.none() | st.floats(0, 1)),
                draw(st.booleans()),
            )
            for _ in range(draw(st.integers(0, 3)))
        )
        return Field(
            draw(path),
            width,
            height,
            cells,
            Smear(draw(text), draw(text), draw(text)),
            Microscope(draw(text), draw(st.none() | positive)),
            draw(text),
            draw(st.none() | positive),
        )

    return records()


@pytest.fixture(scope="session")
def drawn_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve smears of three drawn fields: 216 cells with records."""
    from edge_wbc.lab.synthesis import SmearOptions, draw_smears

    out = tmp_path_factory.mktemp("drawn") / "lab"
    draw_smears(out, SmearOptions("galaxy-s5-olympus", 12, 3))
    return out


@pytest.fixture(scope="session")
def small_run(drawn_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MobileNet-V2 trained from scratch for two epochs at 32 pixels: it runs, it knows little."""
    from edge_wbc.lab.datasets import read_dataset
    from edge_wbc.lab.training import TrainOptions, train

    out = tmp_path_factory.mktemp("run") / "run"
    train([read_dataset(drawn_lab)], out, TrainOptions(weights="none", epochs=2, size=32))
    return out


@pytest.fixture(scope="session")
def small_pack(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run's pack, int8 and weights; so little training can't meet the usual limits, which other tests hold."""
    from edge_wbc.lab.training import load_run
    from export import ExportOptions, export_run
    from export.prove import Limits

    out = tmp_path_factory.mktemp("pack") / "pack"
    loose = Limits(agreement=0.0, accuracy_drop=1.0)
    export_run(load_run(small_run), out, ExportOptions(("tflite-int8", "weights"), 40, limits=loose))
    return out


@pytest.fixture(scope="session")
def other_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another lab's cells in class folders, eight of each, one of them twice."""
    import shutil
    from collections import Counter

    from edge_wbc.core.crops import CropRule, crop_cell
    from edge_wbc.core.images import read_image, write_image
    from edge_wbc.core.records import read_field
    from edge_wbc.core.taxonomy import five_class
    from edge_wbc.lab.synthesis import SmearOptions, draw_smears

    folder = tmp_path_factory.mktemp("new")
    draw_smears(folder / "fields", SmearOptions("lg-g3-zeiss", 12, 1, seed=5))
    taken: Counter[str] = Counter()
    for file in sorted((folder / "fields" / "records").glob("*.json")):
        record = read_field(file)
        rgb = read_image(folder / "fields" / record.image)
        for cell in record.cells:
            label = five_class(str(cell.label)) if cell.label else None
            if label and taken[label] < 8:
                taken[label] += 1
                (folder / "lab" / label).mkdir(parents=True, exist_ok=True)
                crop = crop_cell(rgb, cell.box, CropRule(80, 1.4))
                write_image(folder / "lab" / label / f"{taken[label]}.png", crop)
    first = folder / "lab" / "monocyte" / "1.png"
    shutil.copy(first, first.with_name("copy.png"))
    return folder / "lab"


@pytest.fixture
def quick_adaptation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few small steps: what is tested is not how well they adapt."""
    from edge_wbc.lab.adaptation import adapting
    from edge_wbc.lab.adaptation.mobile import MobileOptions

    quick = MobileOptions(rounds=2, steps=6, batch=8, surest=1.0)
    monkeypatch.setattr(adapting, "MobileOptions", lambda: quick)


@pytest.fixture(scope="session")
def weights_pack(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of that run that holds its weights and no artefact: it is exported in no time."""
    from edge_wbc.core.pack import Manifest, write_pack
    from edge_wbc.lab.adaptation.weights import write_halves
    from edge_wbc.lab.training import load_run
    from edge_wbc.lab.training.run import provenance_lines

    run = load_run(small_run)
    manifest = Manifest(run.model, run.labels, run.crop, run.mean, run.std, run.temperature, run.uncertain_below)
    out = tmp_path_factory.mktemp("weights") / "pack"
    weights = write_halves(run.network)
    files = {"weights.safetensors": weights, "training.sha256": provenance_lines(run.provenance)}
    write_pack(out, manifest, files)
    return out


@pytest.fixture(scope="session")
def small_detector(drawn_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SSDLite trained from scratch for two epochs at 64 pixels: it runs, it knows little."""
    from edge_wbc.lab.detection import DetectorOptions, read_fields, train_detector

    out = tmp_path_factory.mktemp("detector") / "run"
    train_detector(read_fields(drawn_lab), out, DetectorOptions(weights="none", epochs=2, batch=8, size=64))
    return out


@pytest.fixture(scope="session")
def detector_pack(small_detector: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That detector's pack, all but the float TFLite, which takes as long again to convert.

    So little training can't meet the usual limit of AP50, which other tests hold.
    """
    from edge_wbc.lab.detection import load_detector
    from export import DetectorExportOptions, DetectorLimits, export_detector

    out = tmp_path_factory.mktemp("detector_pack") / "pack"
    kinds = ("tflite-int8", "onnx-fp32", "onnx-int8")
    options = DetectorExportOptions(kinds, calibration_fields=12, limits=DetectorLimits(ap50_drop=1.0))
    export_detector(load_detector(small_detector), out, options)
    return out


@pytest.fixture
def killed_in_epoch_2() -> Callable[..., None]:
    """`killed_in_epoch_2(code, *arguments)` runs a training in a process of its own that dies after its second epoch.

    `code` passes `log=kill` to it and reads `arguments` from `sys.argv`.
    """

    def run(code: str, *arguments: Path) -> None:
        kill = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "def kill(line):\n"
            "    if line.startswith('epoch 2/'): os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        killed = subprocess.run([sys.executable, "-c", kill + code, *map(str, arguments)])
        assert killed.returncode == -signal.SIGKILL
        out = arguments[-1]
        assert (out / "checkpoint.pt").is_file() and not (out / "run.json").exists()

    return run


@pytest.fixture
def same_weights() -> Callable[[Path, Path], bool]:
    """Whether two runs hold the very same numbers."""
    import safetensors.torch
    import torch

    def compare(one: Path, other: Path) -> bool:
        mine, theirs = (safetensors.torch.load_file(run / "weights.safetensors") for run in (one, other))
        return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)

    return compare
