"""Where everything lies before anything is solid: heights along the axis, bolts, screws; numbers only."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """Heights (mm, assembly frame, z = 0 the ocular's rim) and places of one design.

    pupil_z  of the exit pupil, where the camera's entrance pupil is put; back_z  of the phone's back, or its case's
    """

    pupil_z: float
    back_z: float
