"""What no screen has caught, on its way out of Kivy's loop."""

from __future__ import annotations

from typing import Callable

from kivy.base import ExceptionHandler, ExceptionManager

__all__ = ["Catch"]


class Catch(ExceptionHandler):
    """Hands exceptions to `caught` and lets the app go on; what ends a program, such as Ctrl-C, still ends it."""

    def __init__(self, caught: Callable[[Exception], None]) -> None:
        self._caught = caught

    def handle_exception(self, exception: BaseException) -> int:
        """As Kivy's."""
        if not isinstance(exception, Exception):
            return ExceptionManager.RAISE
        self._caught(exception)
        return ExceptionManager.PASS
