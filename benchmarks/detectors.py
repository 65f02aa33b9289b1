"""White-cell detectors side by side: fields a second on one core, and quality on real fields.

    python benchmarks/detectors.py [--run RUN --data NAME=DIR ...] [--draw DIR]

Rates are of whole photographs of 640 x 480 in memory to cells, networks with random weights (the work is the
same). With --run, a detector's run is judged on dataset folders beside the colour-filter finder; --draw paints
what was missed and what is false. Prints tables and writes benchmarks/results/detectors.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision

from edge_wbc.core.finder import find_cells
from edge_wbc.core.images import write_image
from edge_wbc.lab.detection import (
    DETECTORS,
    Detector,
    build_detector,
    detect_cells,
    detect_loaded,
    detection_measures,
    froc,
    load_detector,
    load_fields,
    read_fields,
)
from edge_wbc.lab.detection.data import LoadedFields
from edge_wbc.lab.detection.measures import Detections, match_boxes
from edge_wbc.lab.synthesis import SmearOptions, draw_smears

SIZE = (480, 640)
NATIVE = 4096  # fields are judged as they were photographed


def drawn_fields(folder: Path, count: int) -> list[np.ndarray]:
    """Drawn fields cut to 640 x 480, so that anyone can repeat the rates."""
    draw_smears(folder, SmearOptions("galaxy-s5/olympus", count, 1))
    files = sorted((folder / "images").iterdir())
    fields = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]
    return [cv2.resize(rgb, (SIZE[1], SIZE[0]), interpolation=cv2.INTER_AREA) for rgb in fields]


def seconds_a_field(find: Callable[[np.ndarray], object], rgb: np.ndarray) -> float:
    """CPU seconds for one field: a neighbour on the machine does not count."""
    started = time.process_time()
    find(rgb)
    return time.process_time() - started


def rates(fields: list[np.ndarray], rounds: int) -> dict[str, dict[str, float]]:
    """Fields a second of every finder; they take turns, so that all see the same machine."""
    finders: dict[str, tuple[int | None, Callable[[np.ndarray], object]]] = {"colour filter": (None, find_cells)}
    for name, entry in DETECTORS.items():
        torch.manual_seed(0)
        # A threshold that random weights do not reach: what is measured is the network and its suppression.
        detector = Detector(Path(), name, build_detector(name).eval(), entry.size, 0.99, {})
        finders[name] = (entry.size, lambda rgb, detector=detector: detect_cells(rgb, detector))
    times: dict[str, list[float]] = {name: [] for name in finders}
    for turn in range(rounds + 1):
        for name, (_, find) in finders.items():
            times[name].append(seconds_a_field(find, fields[turn % len(fields)]))
    return {
        name: {
            "input": finders[name][0] or 0,
            "fields_a_second": 1 / statistics.median(got[1:]),
            "slowest_s": max(got[1:]),
            "quickest_s": min(got[1:]),
        }
        for name, got in times.items()
    }


def finder_boxes(loaded: LoadedFields) -> list[Detections]:
    """What the colour filter finds, in the form that detectors give."""
    found = []
    for rgb in loaded.pixels:
        cells = find_cells(rgb)
        boxes = np.array([cell.box for cell in cells], float).reshape(-1, 4)
        found.append((boxes, np.array([cell.score for cell in cells], float)))
    return found


def judge(loaded: LoadedFields, detector: Detector) -> dict[str, dict[str, object]]:
    """Both finders' measures on one dataset; the colour filter calls every box a cell."""
    both = {
        "colour filter": (finder_boxes(loaded), 0.0),
        detector.model: (detect_loaded(detector.network, loaded, detector.size), detector.threshold),
    }
    judged = {}
    for name, (found, threshold) in both.items():
        measured = detection_measures(found, loaded.boxes, threshold)
        recall, false = froc(found, loaded.boxes, "iou50").at(threshold)
        judged[name] = {**measured, "recall_by_iou": recall, "false_per_field_by_iou": false}
    return judged


def draw(folder: Path, names: list[str], loaded: LoadedFields, detector: Detector) -> None:
    """Paints every field with a fault: marked cells green where found and blue where missed, false boxes red."""
    folder.mkdir(parents=True, exist_ok=True)
    found = detect_loaded(detector.network, loaded, detector.size)
    for name, rgb, truth, (boxes, scores) in zip(names, loaded.pixels, loaded.boxes, found, strict=True):
        sure = scores >= detector.threshold
        claimed = match_boxes(boxes[sure], scores[sure], truth)
        missed = np.setdiff1d(np.arange(len(truth)), claimed)
        if not missed.size and (claimed >= 0).all():
            continue
        painted = rgb.copy()
        for box, colour in [
            *((box, (0, 0, 255) if row in missed else (0, 160, 0)) for row, box in enumerate(truth)),
            *((box, (255, 0, 0)) for box in boxes[sure][claimed < 0]),
        ]:
            x0, y0, x1, y1 = (round(float(value)) for value in box)
            cv2.rectangle(painted, (x0, y0), (x1, y1), colour, 2)
        write_image(folder / f"{Path(name).stem}.png", painted)


def main() -> None:
    """Rates first, then quality where a run is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--data", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--scratch", type=Path, default=Path("build/detectors"), help="where fields are drawn")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    speed = rates(drawn_fields(asked.scratch, 4), asked.rounds)
    print(f"{'finder':28} {'input':>6} {'fields/s':>9}")
    for name, row in speed.items():
        print(f"{name:28} {row['input'] or '':>6} {row['fields_a_second']:9.2f}")
    quality: dict[str, dict[str, dict[str, object]]] = {}
    if asked.run:
        detector = load_detector(asked.run)
        for given in asked.data:
            name, _, folder = given.partition("=")
            data = read_fields(Path(folder))
            loaded = load_fields(data, NATIVE)
            quality[name] = judge(loaded, detector)
            if asked.draw:
                draw(asked.draw / name, [field.name for field in data.fields], loaded, detector)
    for name, judged in quality.items():
        for finder, got in judged.items():
            allowed = got["recall_at_false_per_field"]
            print(
                f"{name:16} {finder:26} AP50 {got['ap50']:.3f}  AP50:95 {got['ap50_95']:.3f}  "
                + "  ".join(f"recall@{false} {recall:.3f}" for false, recall in allowed.items())  # type: ignore[attr-defined]
                + f"  at {got['threshold']:.2f}: recall {got['recall']:.3f}, false {got['false_per_field']:.3f}"
            )
    result = {
        "command": "python benchmarks/detectors.py --run RUN --data bccd=DIR --data smartphone_fields=DIR",
        "device": f"{platform.machine()} {platform.system()}, one core, CPU seconds",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "opencv": cv2.__version__,
            "numpy": np.__version__,
        },
        "field": [SIZE[1], SIZE[0]],
        "rounds": asked.rounds,
        "rates": speed,
        "quality": quality,
    }
    target = Path(__file__).parent / "results" / "detectors.json"
    target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
