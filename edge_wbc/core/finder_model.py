"""The finder's numbers: a colour filter and a judge of what it proposes, in one small JSON.

``finder.json`` beside this file is the default; ``edge-wbc find --learn`` fits another to a lab's own marked fields.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.proposals import FEATURES, RADIUS

__all__ = ["DEFAULT_FINDER", "FinderModel", "default_model", "read_finder", "write_finder"]

DEFAULT_FINDER = Path(__file__).with_name("finder.json")
_SCHEMA = 1
_SHAPES = {
    "colour": (3,),
    "mean": (len(FEATURES),),
    "scale": (len(FEATURES),),
    "judge": (len(FEATURES) + 1,),
    "box": (4, len(FEATURES) + 1),
}


@dataclass(frozen=True)
class FinderModel:
    """A fitted finder.

    Attributes:
        colour: (3,) weights of red, green and blue excess density in the nucleus score.
        mean, scale: (F,) of the features over what the filter proposed in the marked fields.
        judge: (F + 1,) logistic weights of the standardised features, and last the intercept.
        box: (4, F + 1) how far the cell reaches beyond its nucleus left, up, right and down, in red-cell radii.
        threshold: least score of a cell.
        learned_from: what it was fitted to, for people.
    """

    colour: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    judge: np.ndarray
    box: np.ndarray
    threshold: float
    learned_from: Dict[str, Any]

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """(N, F) -> (N, F + 1): zero mean, unit spread, a one for the intercept; outliers held to 6 spreads."""
        held = np.clip((features - self.mean) / self.scale, -6, 6)
        return np.concatenate([held, np.ones((len(features), 1))], axis=1)

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(N, F) features -> (N,) probability, 0 to 1, that each is a white cell."""
        return 1 / (1 + np.exp(-np.clip(self.standardised(features) @ self.judge, -30, 30)))

    def boxes(self, features: np.ndarray, nuclei: np.ndarray) -> np.ndarray:
        """(N, 4) boxes around whole cells, in working pixels."""
        reach = np.clip(self.standardised(features) @ self.box.T, 0, 3) * RADIUS
        return nuclei + reach * np.array([-1, -1, 1, 1])


def read_finder(path: Path) -> FinderModel:
    """Reads a finder's JSON.

    Raises:
        BadInput: not to be read, not a finder of this version, or numbers missing.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        if data["schema"] != _SCHEMA or tuple(data["features"]) != FEATURES:
            raise BadInput(path, "a finder of another version", "learn it again with `edge-wbc find --learn`")
        arrays = {name: np.array(data[name], np.float64) for name in _SHAPES}
        threshold, learned_from = float(data["threshold"]), dict(data["learned_from"])
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(path, f"not a finder ({error!r})", "learn it again with `edge-wbc find --learn`") from error
    for name, shape in _SHAPES.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise BadInput(path, f"{name!r} must be {shape} finite numbers", "learn it again")
    if not (arrays["scale"] > 0).all() or not 0 <= threshold <= 1:
        raise BadInput(path, "'scale' must be positive and 'threshold' lie in 0 to 1", "learn it again")
    return FinderModel(**arrays, threshold=threshold, learned_from=learned_from)


def write_finder(path: Path, model: FinderModel) -> None:
    """Writes a finder as JSON, whole or not at all."""

    def numbers(values: np.ndarray) -> Any:
        return [numbers(row) for row in values] if values.ndim > 1 else [float(f"{value:.5g}") for value in values]

    data = {
        "schema": _SCHEMA,
        "learned_from": model.learned_from,
        "threshold": round(model.threshold, 4),
        "features": list(FEATURES),
        **{name: numbers(getattr(model, name)) for name in _SHAPES},
    }
    write_whole(path, (json.dumps(data) + "\n").encode())


@lru_cache(maxsize=1)
def default_model() -> FinderModel:
    """The finder that ships."""
    return read_finder(DEFAULT_FINDER)
