"""A labelling session without its screens: kept on disk at every tap, counted, undone, handed on."""

from __future__ import annotations

from mobile_app.session.acts import Act
from mobile_app.session.rows import MarkedCell, Suggestion, TakenField
from mobile_app.session.session import Session
from mobile_app.session.shelf import Listed, Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.session.tally import WHITE_LABELS, Tally, tally

__all__ = [
    "WHITE_LABELS",
    "Act",
    "Listed",
    "MarkedCell",
    "Session",
    "Setup",
    "Shelf",
    "Store",
    "Suggestion",
    "TakenField",
    "Tally",
    "tally",
]
