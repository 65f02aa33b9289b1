"""Which of the cells placed so far a new one is compared with: four answers behind the same two methods.

`near(box)` gives the candidates for a box, `add(box)` takes one that was placed; boxes are x0, y0, x1, y1 in px.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

__all__ = ["Blocks", "Box", "Candidates", "Every", "Grid", "Sectors"]

Box = tuple[int, int, int, int]


class Candidates(Protocol):
    """What a strategy looks at."""

    def near(self, box: Box) -> list[Box]:
        """Boxes that `box` has to be compared with."""
        ...

    def add(self, box: Box) -> None:
        """Takes a box that was placed."""
        ...


class Every:
    """All of them: brute force."""

    def __init__(self) -> None:
        self._boxes: list[Box] = []

    def near(self, box: Box) -> list[Box]:
        """Every box."""
        return self._boxes

    def add(self, box: Box) -> None:
        """Takes a box."""
        self._boxes.append(box)


class Grid:
    """All that overlap, and few beside: each box is filed under every square of a grid that it touches.

    Args:
        side: of the squares, px.
    """

    def __init__(self, side: int) -> None:
        self._side = side
        self._squares: dict[tuple[int, int], list[Box]] = {}

    def near(self, box: Box) -> list[Box]:
        """Boxes that share a square with this one."""
        # A dict and not a set: the order in which they were placed is the order in which they are compared.
        found: dict[Box, None] = {}
        for square in self._touched(box):
            if square in self._squares:
                found.update(dict.fromkeys(self._squares[square]))
        return list(found)

    def add(self, box: Box) -> None:
        """Takes a box."""
        for square in self._touched(box):
            self._squares.setdefault(square, []).append(box)

    def _touched(self, box: Box) -> list[tuple[int, int]]:
        x0, y0, x1, y1 = box
        side = self._side
        rows = range(y0 // side, (y1 - 1) // side + 1)
        return [(column, row) for column in range(x0 // side, (x1 - 1) // side + 1) for row in rows]


class Blocks:
    """Those whose middles lie in the same block of the canvas or in one beside it.

    Args:
        side: of the blocks, px.
        largest: the longest side of any box, px; where it exceeds `side`, blocks further off are looked into too.
    """

    def __init__(self, side: int, largest: int) -> None:
        self._side = side
        self._reach = -(-largest // side)
        self._blocks: dict[tuple[int, int], list[Box]] = {}

    def near(self, box: Box) -> list[Box]:
        """Boxes of this block and its neighbours."""
        column, row = self._block(box)
        beside = range(-self._reach, self._reach + 1)
        return [
            other for right in beside for down in beside for other in self._blocks.get((column + right, row + down), ())
        ]

    def add(self, box: Box) -> None:
        """Takes a box."""
        self._blocks.setdefault(self._block(box), []).append(box)

    def _block(self, box: Box) -> tuple[int, int]:
        x0, y0, x1, y1 = box
        return (x0 + x1) // 2 // self._side, (y0 + y1) // 2 // self._side


class Sectors:
    """Those of one bucket of Al-Qudah and Suen's hash: a bit for each random vector, the side its point lies on.

    Vectors through one point cut the plane into sectors, which is what their buckets are.

    Args:
        vectors: float (bits, 2).
        canvas: width, height, px; its middle is where the sectors meet.
    """

    def __init__(self, vectors: np.ndarray, canvas: tuple[int, int]) -> None:
        self._vectors: list[tuple[float, float]] = [(float(x), float(y)) for x, y in vectors]
        self._middle = canvas[0] / 2, canvas[1] / 2
        self._buckets: dict[tuple[bool, ...], list[Box]] = {}

    def near(self, box: Box) -> list[Box]:
        """Boxes of the same bucket."""
        return self._buckets.get(self._key(box), [])

    def add(self, box: Box) -> None:
        """Takes a box."""
        self._buckets.setdefault(self._key(box), []).append(box)

    def _key(self, box: Box) -> tuple[bool, ...]:
        right, down = box[0] - self._middle[0], box[1] - self._middle[1]
        return tuple(x * right + y * down > 0 for x, y in self._vectors)
