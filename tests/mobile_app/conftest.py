"""A Java side for what the app does through pyjnius: as strict as the real one where the app could fall over it."""

from __future__ import annotations

import sys
import threading
import types

import pytest

from mobile_app.android import java as bridge


class JavaException(Exception):
    def __init__(self, classname: str, innermessage: str = "") -> None:
        super().__init__(f"JVM exception occurred: {innermessage} {classname}")
        self.classname, self.innermessage = classname, innermessage


class ByteArray:
    """A byte[] that came from Java: no buffer, no bytes of its own."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def tostring(self) -> bytes:
        return self._data


class JavaList:
    def __init__(self, items: list) -> None:
        self._items = items

    def size(self) -> int:
        return len(self._items)

    def get(self, at: int) -> object:
        return self._items[at]


@pytest.fixture
def java(monkeypatch) -> types.SimpleNamespace:
    """A pyjnius whose classes the test puts into `java.classes`."""
    classes: dict[str, object] = {}

    def autoclass(name: str) -> object:
        assert threading.current_thread() is threading.main_thread(), f"{name} looked up off the main thread"
        if name not in classes:
            raise JavaException("java.lang.ClassNotFoundException", name)
        return classes[name]

    module = types.ModuleType("jnius")
    module.autoclass, module.JavaException = autoclass, JavaException
    monkeypatch.setitem(sys.modules, "jnius", module)
    return types.SimpleNamespace(classes=classes, JavaException=JavaException, ByteArray=ByteArray, List=JavaList)


@pytest.fixture
def permissions(monkeypatch) -> types.SimpleNamespace:
    """python-for-android's `android.permissions`: given, and what was asked, with its callbacks, in order."""
    state = types.SimpleNamespace(given={"android.permission.CAMERA"}, asked=[])
    module = types.ModuleType("android.permissions")
    module.Permission = types.SimpleNamespace(CAMERA="android.permission.CAMERA")
    module.check_permission = lambda name: name in state.given
    module.request_permissions = lambda names, told: state.asked.append((names, told))
    monkeypatch.setitem(sys.modules, "android", types.ModuleType("android"))
    monkeypatch.setitem(sys.modules, "android.permissions", module)
    monkeypatch.setattr(bridge, "_refused", set())
    return state
