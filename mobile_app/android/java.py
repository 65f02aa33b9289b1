"""Java classes and permissions through pyjnius, imported only when one of them is asked for."""

from __future__ import annotations

import importlib
import threading
from typing import Any, Callable, Set, Tuple, Type

from edge_wbc.core.errors import BadInput

__all__ = ["java_bytes", "java_class", "java_exception", "java_words", "with_permission"]

_refused: Set[str] = set()


def _jnius() -> Any:
    try:
        return importlib.import_module("jnius")
    except ImportError as error:
        raise BadInput("pyjnius", "is not installed: this is no Android", "choose another source of frames") from error


def java_class(name: str) -> Any:
    """The Java class of a name, as "android.hardware.Camera$Size".

    Raises:
        BadInput: there is no Java here, or no such class in it.
        RuntimeError: not called on the main thread, from which alone Android's class loader knows the app's classes.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{name} looked up off the main thread")
    jnius = _jnius()
    try:
        return jnius.autoclass(name)
    except jnius.JavaException as error:
        raise BadInput(name, "no such Java class in this app", "build the app again") from error


def java_exception() -> Type[Exception]:
    """What any exception thrown in Java comes out as."""
    return _jnius().JavaException


def java_words(error: Exception) -> str:
    """What a Java exception says, in one line."""
    said = getattr(error, "innermessage", None) or getattr(error, "classname", None) or str(error)
    return (str(said).strip().splitlines() or [type(error).__name__])[0]


def java_bytes(array: Any) -> bytes:
    """The content of a Java byte[], copied; the array itself is Java's: keep it no longer than that."""
    return array.tostring()


def with_permission(name: str, answered: Callable[[bool], None]) -> None:
    """Calls `answered` with whether a permission ("CAMERA") is given: at once where it is, else after asking.

    Asking pauses the app and ends on Android's own thread. Who has refused is not asked again while the app runs: an
    app that asks whenever it comes back from a pause would ask for ever.
    """
    permissions = importlib.import_module("android.permissions")
    wanted = getattr(permissions.Permission, name)
    given = permissions.check_permission(wanted)
    if given or wanted in _refused:
        answered(given)
        return

    def told(_asked: Tuple[str, ...], given: Tuple[bool, ...]) -> None:
        # Android gives empty lists where its question was interrupted.
        if given and not all(given):
            _refused.add(wanted)
        answered(bool(given) and all(given))

    permissions.request_permissions([wanted], told)
