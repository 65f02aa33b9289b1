"""What a person has outlined in one crop, and how: the picture of the masks and the facts beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

import numpy as np

__all__ = ["BY_HAND", "EASY_GT", "FOUND", "LARGEST", "NONE", "Facts", "Outline"]

EASY_GT, BY_HAND, FOUND, NONE = "easy-gt", "hand", "found", "none"
"""What an outline began with: a threshold, nothing, a mask that lay there, or no nucleus, as basophils have it."""
LARGEST = 2048
"""Pixels a side of a crop; what is larger is a field."""


@dataclass(frozen=True)
class Facts:
    """How an outline came about.

    Attributes:
        nucleus, cell: what each began with, before any stroke.
        threshold: of the magenta map, 0 to 255: what is above it is nucleus; None where none was used.
        strokes: of brush and eraser.
    """

    nucleus: str = BY_HAND
    cell: str = BY_HAND
    threshold: Optional[int] = None
    strokes: int = 0


@dataclass(frozen=True, eq=False)
class Outline:
    """A kept outline.

    Attributes:
        picture: (H, W) uint8 of the crop's size, 255 nucleus, 128 cytoplasm, 0 rest; not empty.
        person: who drew it, or "" where nobody knows.
        at: seconds since 1970 by the device's clock, which may be wrong.
    """

    picture: np.ndarray
    person: str
    facts: Facts = field(default_factory=Facts)
    at: float = 0.0
