"""The phone and the ocular as solids, in the assembly frame: what the parts must hold and must not touch."""

from __future__ import annotations
