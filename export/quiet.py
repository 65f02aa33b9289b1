"""Converters that chatter, silenced: their progress belongs neither on our stdout nor on our progress bar's line.

And what they raise at an operator that they do not know becomes the one line that a person can read.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator

from edge_wbc.core.errors import BadInput, CheckFailed
from edge_wbc.core.interpreter import muted_stderr

__all__ = ["converter", "quiet"]

_OPERATOR = re.compile(r"target=torch\.ops\.([\w.]+)")


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


@contextlib.contextmanager
def converter(name: str) -> Iterator[None]:
    """`quiet` around a converter.

    Raises:
        BadInput: what the converter raises, mostly at an operator that it does not know; the line names `name`.
    """
    try:
        with quiet():
            yield
    except (BadInput, CheckFailed, ModuleNotFoundError, OSError, MemoryError):
        raise
    except Exception as error:  # converters' exceptions share no base but Exception
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        operator = _OPERATOR.search(str(error))
        if operator and operator[1] not in said:
            said = f"{operator[1]}: {said}"
        raise BadInput(name, f"cannot convert it ({said})", "train a network of `edge-wbc models`") from error
