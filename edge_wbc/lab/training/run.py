"""The run folder: what training writes and export, evaluate and resume read.

``run.json`` facts and figures, ``weights.safetensors``, ``crops.npy`` + ``crops.csv`` the very crops in the colours of
their photographs, their labs and split, ``curves.csv`` + ``curves.png``, ``tensorboard`` where it was asked for;
``checkpoint.pt`` while training goes on.
"""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
import torchvision
from torch import nn

import edge_wbc
from edge_wbc.core.colour import normalise
from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.lab.datasets.read import UNLABELLED
from edge_wbc.lab.evaluation import GUARD_LABEL
from edge_wbc.lab.models import build_network, entry_of, load_weights

__all__ = ["TrainedRun", "load_run"]

RUN_SCHEMA = 2
SOURCE_FILE = "source.sha256"
"""In an adapted run: what its source was trained on, as a pack's training.sha256 lists it."""


@dataclass(frozen=True)
class CropRow:
    """What a run knows of one crop; `label` is the expert's, `box` is empty for a photograph of one cell."""

    domain: str
    image: str
    box: str
    label: str
    smear: str
    part: str
    sha256: str


def column_of(label: str, labels: Sequence[str]) -> int:
    """The output that answers for an expert's label: its own, or the guard's; -1 where no expert said anything."""
    if label == UNLABELLED:
        return -1
    return labels.index(label if label in labels else GUARD_LABEL)


def provenance_lines(provenance: Iterable[tuple[str, str, str]]) -> bytes:
    """(SHA-256, name, part) of photographs as lines "SHA-256  PART/NAME"."""
    return "".join(f"{digest}  {part}/{name}\n" for digest, name, part in provenance).encode()


def read_provenance(lines: bytes, where: object) -> list[tuple[str, str, str]]:
    """What `provenance_lines` wrote; raises `BadInput` that names `where` and the line."""
    found = []
    for number, line in enumerate(lines.decode("utf-8", "replace").splitlines(), 1):
        digest, _, place = line.partition("  ")
        part, slash, name = place.partition("/")
        if not slash:
            raise BadInput(f"{where} line {number}", "is not `SHA-256  PART/NAME`", "make it again")
        found.append((digest, name, part))
    return found


@dataclass(frozen=True)
class TrainedRun:
    """A finished training.

    Attributes:
        network: in eval mode, from (N, 3, S, S) normalised by `mean` and `std` to (N, len(labels)) logits.
        temperature, uncertain_below: fitted on the validation part.
        metrics: part, and with several labs also "part domain" -> the object of ``evaluate --json``.
        recipe: its name and numbers.
        provenance: (SHA-256, name, part) of every photograph.
    """

    path: Path
    model: str
    network: nn.Module
    labels: tuple[str, ...]
    crop: CropRule
    temperature: float
    uncertain_below: float
    metrics: Mapping[str, Any]
    seed: int
    recipe: Mapping[str, Any]
    versions: Mapping[str, str]
    provenance: tuple[tuple[str, str, str], ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def crops(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """The (N, S, S, 3) uint8 crops of a part, in the rule's colours, and their (N,) int64 columns in `labels`."""
        pixels, crops = read_crops(self.path)
        rows = [row for row, crop in enumerate(crops) if crop.part == part]
        return normalise(pixels[rows], self.crop.colour), np.array(
            [column_of(crops[row].label, self.labels) for row in rows], np.int64
        )

    def domains(self, part: str) -> list[str]:
        """The lab of each of a part's crops."""
        return [crop.domain for crop in _crop_rows(self.path) if crop.part == part]


def write_json(path: Path, content: Any) -> None:
    """Writes JSON, whole or not at all."""
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def claim(out: Path, mine: Mapping[str, Any]) -> None:
    """Marks a folder as the training's that `mine` describes.

    Raises:
        BadInput: it was begun with other data or options, or holds something else.
    """
    out.mkdir(parents=True, exist_ok=True)
    plan = out / "plan.json"
    mine = _flat({"schema": RUN_SCHEMA, **mine})
    if not plan.is_file():
        if any(out.iterdir()):
            raise BadInput(out, "is not empty and holds no training", "choose another --out")
        write_json(plan, mine)
        return
    begun = json.loads(plan.read_text(encoding="utf-8"))
    if begun.get("schema") != RUN_SCHEMA:
        raise BadInput(out, "holds a training that another version of edge-wbc began", "choose another --out")
    other = [name for name in {**begun, **mine} if begun.get(name) != mine.get(name)]
    if other:
        changes = ", ".join(f"{name} {begun.get(name)!r} instead of {mine.get(name)!r}" for name in other)
        raise BadInput(out, f"holds a training with {changes}", "repeat its options or choose another --out")


def _flat(facts: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested facts under dotted names, as JSON gives them back."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{name}.")
        else:
            flat[above + name] = list(value) if isinstance(value, tuple) else value
    return flat


def versions(device: torch.device) -> dict[str, str]:
    """What a run was made with."""
    return {
        "edge-wbc": edge_wbc.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "device": str(device),
    }


def write_crops(run: Path, pixels: np.ndarray, rows: Sequence[CropRow]) -> None:
    """Keeps the crops and their split, so that a resumed training and the proof of an export see the same."""
    array = io.BytesIO()
    np.save(array, pixels)
    write_whole(run / "crops.npy", array.getvalue())
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([field.name for field in fields(CropRow)])
    writer.writerows(astuple(row) for row in rows)
    write_whole(run / "crops.csv", table.getvalue().encode())


def link_crops(source: Path, run: Path) -> None:
    """Gives a run the crops that another folder keeps, without a second copy where the disk allows."""
    for name in ("crops.npy", "crops.csv"):
        (run / name).unlink(missing_ok=True)
        try:
            os.link(source / name, run / name)
        except OSError:
            # Another disk, or one without links; the table comes last and whole, and says that all is there.
            write_whole(run / name, (source / name).read_bytes())


def read_crops(run: Path) -> tuple[np.ndarray, list[CropRow]]:
    """The (N, S, S, 3) uint8 crops, mapped from disk, and what each is."""
    rows = _crop_rows(run)
    pixels = np.load(run / "crops.npy", mmap_mode="r", allow_pickle=False)
    if len(pixels) != len(rows):
        raise BadInput(run / "crops.npy", f"has {len(pixels)} crops, crops.csv {len(rows)}", "train again")
    return pixels, rows


def _crop_rows(run: Path) -> list[CropRow]:
    with (run / "crops.csv").open(newline="", encoding="utf-8") as stream:
        return [CropRow(**row) for row in csv.DictReader(stream)]


def write_run(path: Path, network: nn.Module, facts: Mapping[str, Any]) -> None:
    """Ends a run: the weights, then run.json, which marks it as finished."""
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    write_whole(path / "weights.safetensors", safetensors.torch.save(state))
    write_json(path / "run.json", {"schema": RUN_SCHEMA, **facts})


def read_facts(path: Path) -> dict[str, Any]:
    """The facts of a finished run.

    Raises:
        BadInput: no finished run there, or facts of another version.
    """
    file = path / "run.json"
    if not file.is_file():
        started = (path / "checkpoint.pt").is_file()
        remedy = "run the same `edge-wbc train` again: it goes on" if started else "name a folder that train wrote"
        raise BadInput(path, "no finished run in it", remedy)
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        schema = facts["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(file, f"not a run's facts ({error!r})", "train again") from error
    if schema != RUN_SCHEMA:
        raise BadInput(file, f"unknown schema {schema!r}", f"this edge-wbc reads {RUN_SCHEMA}: train again")
    return facts


def load_run(path: Path) -> TrainedRun:
    """Reads a finished run; nothing in it is unpickled.

    Raises:
        BadInput: no finished run there, no weights, weights of another network, or weights that are not numbers.
    """
    file = path / "run.json"
    facts = read_facts(path)
    try:
        labels, crop = tuple(facts["labels"]), CropRule(**facts["crop"])
        network = build_network(facts["model"], len(labels))
        read_weights(path / "weights.safetensors", network)
        rows = _crop_rows(path)
        return TrainedRun(
            path,
            facts["model"],
            network.eval(),
            labels,
            crop,
            float(facts["temperature"]),
            float(facts["uncertain_below"]),
            facts["metrics"],
            facts["seed"],
            facts["recipe"],
            facts["versions"],
            tuple(sorted({(row.sha256, f"{row.domain}/{row.image}", row.part) for row in rows} | _of_source(path))),
            entry_of(facts["model"]).mean,
            entry_of(facts["model"]).std,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(file, f"not a run's facts ({error!r})", "train again") from error
    except FileNotFoundError as error:
        raise BadInput(str(error.filename), "missing from the run", "train again") from error


def _of_source(run: Path) -> set[tuple[str, str, str]]:
    file = run / SOURCE_FILE
    return set(read_provenance(file.read_bytes(), file)) if file.is_file() else set()


def read_weights(file: Path, network: nn.Module) -> None:
    """Gives a network the weights of a run's file.

    Raises:
        BadInput: no such file, not readable, another network's, or weights that are not numbers.
    """
    if not file.is_file():
        raise BadInput(file, "missing from the run", "train again")
    try:
        state = safetensors.torch.load_file(file)
    except (safetensors.SafetensorError, OSError) as error:
        raise BadInput(file, f"not readable weights ({error})", "train again") from error
    for name, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise BadInput(file, f"tensor {name!r} holds NaN or infinite weights", "train again at a lower --lr")
    try:
        load_weights(network, state)
    except RuntimeError as error:
        fault = str(error).strip().splitlines()[-1].strip()
        raise BadInput(file, f"weights of another network ({fault})", "train again") from error
