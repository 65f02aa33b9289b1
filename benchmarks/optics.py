"""The optics of the two phones: how long a photograph takes, and what it looks like beside real ones.

    python benchmarks/optics.py [--data ../shared/data] [--pictures docs/images]

Times `jpeg_photograph` on 1024 x 1024. Then one ruler for drawn fields and for the photographs of smartphone_fields
(an unnamed phone on an Olympus CX23), where those are at hand: the bright disc's rim is found in each colour, and from
it brightness, stray light, decentring, fringe and noise. Prints a table and writes benchmarks/results/optics.json;
--pictures also draws phone-optics.png and phone-optics-near.png.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import platform
import statistics
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.images import read_image
from edge_wbc.lab.synthesis.optics import DOMAINS, Optics, decoded, domain_optics, jpeg_photograph, photograph
from edge_wbc.lab.synthesis.placement import PlacementOptions, place

ROOT = Path(__file__).parents[1]
COLUMNS = {
    "rim": "glass at 0.9 to 0.95 of the radius by glass at 0.1 to 0.4",
    "stray": "dark outside by glass, as shown",
    "off": "decentring by the radius",
    "fringe": "how much further out blue ends than red, % of the radius",
    "noise_red": "noise of red in bright flat parts, % of white",
    "noise_green": "of green",
    "noise_blue": "of blue",
}
NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6


def scene(um_per_px: float, side: int, seed: int = 0) -> np.ndarray:
    """Discs like red cells and a few like white ones on glass: what matters here is edges, uint8 (side, side, 3)."""
    rng = np.random.default_rng(seed)
    sizes = np.full((round(0.011 * (side * um_per_px) ** 2), 2), round(7.2 / um_per_px))
    sizes[:6] = round(13 / um_per_px)
    done = place(sizes, (side, side), PlacementOptions(thresholds=(0.0, 0.05)), rng)
    field = np.full((side, side, 3), (236, 232, 226), np.uint8)
    for number in np.flatnonzero(done.placed)[::-1]:
        middle = tuple(int(part) for part in done.corners[number] + sizes[number] // 2)
        reach = int(sizes[number, 0] // 2)
        outer, inner, part = (
            ((205, 160, 165), (222, 190, 190), 0.4) if number >= 6 else ((200, 170, 205), (92, 48, 130), 0.62)
        )
        cv2.circle(field, middle, reach, outer, -1, cv2.LINE_AA)
        cv2.circle(field, middle, int(part * reach), inner, -1, cv2.LINE_AA)
    return field


def rim_of(channel: np.ndarray) -> tuple[float, float, float] | None:
    """Middle and radius of the bright disc, by a circle through its rim; None where too little of it is in sight."""
    bright = cv2.GaussianBlur(channel, (0, 0), 1.5) > 0.25 * np.percentile(channel, 95)
    _, pieces, facts, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8))
    disc = (pieces == 1 + facts[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    lines, _ = cv2.findContours(disc, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rim = max(lines, key=len)[:, 0].astype(float)
    height, width = channel.shape
    rim = rim[(rim > 3).all(1) & (rim < (width - 4, height - 4)).all(1)]
    for _ in range(5):
        if len(rim) < 200:
            return None
        x, y, rest = np.linalg.lstsq(np.c_[2 * rim, np.ones(len(rim))], (rim**2).sum(1), rcond=None)[0]
        radius = float(np.sqrt(rest + x * x + y * y))
        away = np.abs(np.hypot(*(rim - (x, y)).T) - radius)
        rim = rim[away < max(2, 2.5 * np.median(away))]
    return (float(x), float(y), radius) if np.median(away) < 1.5 else None


def edges(channel: np.ndarray, x: float, y: float, radius: float) -> np.ndarray:
    """For 720 directions, the radius at which half the light there is left, by the disc's radius; NaN out of sight."""
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)[:, None]
    steps = np.linspace(0.96, 1.04, 161)[None]
    right, down = x + radius * steps * np.cos(angles), y + radius * steps * np.sin(angles)
    profile = cv2.remap(channel, right.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR)
    half = (profile[:, :40].mean(1) + profile[:, -40:].mean(1)) / 2
    found = steps[0][(profile < half[:, None]).argmax(1)]
    height, width = channel.shape
    there = ((right > 1) & (right < width - 2) & (down > 1) & (down < height - 2)).all(1)
    return np.where(there & (half > 0.15), found, np.nan)


def read_off(rgb: np.ndarray) -> dict[str, float] | None:
    """All of `COLUMNS` of one photograph, or None where no disc is found."""
    part = rgb.astype(np.float32) / 255
    rim = rim_of(part[..., 1])
    if rim is None:
        return None
    x, y, radius = rim
    green = part[..., 1]
    height, width = green.shape
    away = np.hypot(np.arange(width)[None] - x, np.arange(height)[:, None] - y) / radius
    glass = np.percentile(green[(away > 0.1) & (away < 0.4)], 90)
    unrest = cv2.blur(cv2.Laplacian(cv2.GaussianBlur(green, (0, 0), 2), cv2.CV_32F) ** 2, (15, 15))
    bright = (green > np.percentile(green, 70)) & (part.max(2) < 0.97) & (away < 0.95)
    red, blue = (edges(np.ascontiguousarray(part[..., channel]), x, y, radius) for channel in (0, 2))
    if (away > 1.06).sum() < 200 or bright.sum() < 1000 or np.isfinite(blue - red).sum() < 100:
        return None
    flat = bright & (unrest < np.percentile(unrest[bright], 30))
    # A mean and not a median: eight bits leave too few values to choose from.
    noise = [100 * 1.2533 * float(np.abs(cv2.filter2D(part[..., c], -1, NOISE)[flat]).mean()) for c in range(3)]
    return {
        "rim": float(np.percentile(green[(away > 0.9) & (away < 0.95)], 90) / glass),
        "stray": float(np.median(green[away > 1.06]) / glass),
        "off": float(np.hypot(x - (width - 1) / 2, y - (height - 1) / 2) / radius),
        "fringe": 100 * float(np.nanmean(blue - red)),
        "noise_red": noise[0],
        "noise_green": noise[1],
        "noise_blue": noise[2],
    }


def summary(photographs: list[np.ndarray]) -> dict[str, object]:
    """Median of each column with the 10th and 90th percentile."""
    rows = [row for row in map(read_off, photographs) if row]
    told: dict[str, object] = {"fields": len(rows)}
    for column in COLUMNS:
        low, middle, high = np.percentile([row[column] for row in rows], [10, 50, 90]).round(4).tolist()
        told[column] = {"median": middle, "p10": low, "p90": high}
    return told


def as_shared(domain: str, seed: int) -> np.ndarray:
    """A drawn field brought to 416 x 416 and saved again, as those of smartphone_fields were."""
    optics = domain_optics(domain, eyepiece=True)
    taken = photograph(
        scene(optics.um_per_px, round(190 / optics.um_per_px), seed), optics, np.random.default_rng(seed)
    )
    small = cv2.resize(taken, (416, 416), interpolation=cv2.INTER_AREA)
    return decoded(cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())


def time_of(optics: Optics, side: int = 1024) -> float:
    """Median milliseconds of CPU time of a photograph."""
    field, times = scene(optics.um_per_px, side), []
    for seed in range(15):
        start = time.process_time()
        jpeg_photograph(field, optics, np.random.default_rng(seed))
        times.append(1000 * (time.process_time() - start))
    return statistics.median(times)


def titled(rgb: np.ndarray, title: str) -> np.ndarray:
    """With a line of text above."""
    framed = cv2.copyMakeBorder(rgb, 34, 6, 6, 6, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    cv2.putText(framed, title, (8, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA)
    return framed


def pictures(folder: Path) -> None:
    """Both phones' round fields, and what becomes of a cell in the middle, at the rim and at high ISO."""
    whole, near = [], []
    for name in DOMAINS:
        optics = domain_optics(name, eyepiece=True)
        side = round(190 / optics.um_per_px)
        field = scene(optics.um_per_px, side)
        shown = photograph(field, optics, np.random.default_rng(1))
        whole.append(titled(cv2.resize(shown, (380, 380), interpolation=cv2.INTER_AREA), name))
        loud = photograph(field, replace(optics, iso=3200), np.random.default_rng(1))
        span, middle = round(26 / optics.um_per_px), side // 2
        low = middle + round(76 / optics.um_per_px) - span // 2
        cut = slice(middle - span // 2, middle + span // 2)
        views = {
            "the slide": field[cut, cut],
            f"{name}, middle": shown[cut, cut],
            "towards the rim": shown[low : low + span, cut],
            "middle, ISO 3200": loud[cut, cut],
        }
        near.append(
            np.hstack(
                [
                    titled(cv2.resize(view, (240, 240), interpolation=cv2.INTER_NEAREST), title)
                    for title, view in views.items()
                ]
            )
        )
    for name, picture in (("phone-optics", np.hstack(whole)), ("phone-optics-near", np.vstack(near))):
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main() -> None:
    """Times, the ruler's table, and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--pictures", type=Path, help="a folder")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    if asked.pictures:
        pictures(asked.pictures)
    times, pixels, rows = {}, {}, {}
    for name, optics in DOMAINS.items():
        sensor = optics.sensor
        pixels[name] = {
            "focal_mm": sensor.focal_mm,
            "um_per_px": sensor.um_per_px,
            "field_diameter_px": optics.field_um / sensor.um_per_px,
        }
        print(name, {key: round(value, 4) for key, value in pixels[name].items()})
        for eyepiece in (False, True):
            times[f"{name}, {'round field' if eyepiece else 'no rim'}"] = time_of(replace(optics, eyepiece=eyepiece))
        rows[name] = summary([as_shared(name, seed) for seed in range(20)])
    files = sorted((asked.data / "smartphone_fields").glob("*/images/*"))[::4]
    if files:
        rows["smartphone_fields"] = summary([read_image(file) for file in files])
    else:
        print(f"no smartphone_fields in {asked.data}: drawn fields alone")
    for name, milliseconds in times.items():
        print(f"{name}: {milliseconds:.0f} ms")
    for column, meaning in COLUMNS.items():
        cells = [
            f"{row[column]['median']:.3f} ({row[column]['p10']:.3f} to {row[column]['p90']:.3f})"
            for row in rows.values()
        ]
        print(f"{meaning}: " + " | ".join(f"{name} {cell}" for name, cell in zip(rows, cells, strict=True)))
    result = {
        "command": "python benchmarks/optics.py",
        "device": f"{platform.machine()} {platform.system()}, one core",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "opencv-python")},
        },
        "milliseconds_1024x1024": times,
        "computed_pixels": pixels,
        "columns": COLUMNS,
        "fields": rows,
    }
    (ROOT / "benchmarks" / "results" / "optics.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
