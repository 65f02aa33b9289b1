"""Converters that chatter, silenced: their progress belongs neither on our stdout nor on our progress bar's line."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

from edge_wbc.core.interpreter import muted_stderr

__all__ = ["quiet"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow what code inside prints, warns or logs below an error, native code too; exceptions pass untouched."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            with warnings.catch_warnings(), muted_stderr():
                warnings.simplefilter("ignore")
                yield
    finally:
        logging.disable(before)
