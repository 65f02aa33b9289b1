"""The methods by name: each takes a crop and gives masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge_wbc.core import easy_gt
from edge_wbc.core.errors import BadInput
from edge_wbc.core.masks import Masks
from edge_wbc.lab.segmentation.graph_cut import graph_cut
from edge_wbc.lab.segmentation.hull import nucleus_and_hull
from edge_wbc.lab.segmentation.kmeans import kmeans

__all__ = ["METHODS", "Method", "find_method"]


@dataclass(frozen=True)
class Method:
    """One way to segment.

    Attributes:
        about: what it does, in a line.
        segment: (H, W, 3) uint8 RGB crop of one cell -> `Masks` of its size.
    """

    about: str
    segment: Callable[[np.ndarray], Masks]


METHODS: dict[str, Method] = {
    "easy-gt": Method("a threshold on magenta between Otsu's for two and three classes", easy_gt.segment),
    "kmeans": Method("three clusters of magenta and green", kmeans),
    "graph-cut": Method("GrabCut from seeds that Easy-GT finds", graph_cut),
    "tavakoli": Method("Otsu on a soft map of the nucleus; its convex hull as cell", nucleus_and_hull),
}
"""Name, as commands take it -> the method."""


def find_method(name: str) -> Method:
    """The method of a name; raises BadInput where there is none."""
    if name not in METHODS:
        raise BadInput("METHOD", f"no method {name!r}", f"one of: {', '.join(METHODS)}")
    return METHODS[name]
