"""Which phone this is, and how hot: what a measurement has to name."""

from __future__ import annotations

from typing import Any, Dict, Optional

from mobile_app.android.java import java_class, java_exception

__all__ = ["AndroidDevice"]

_NAMES = (
    *("android.os.Build", "android.os.Build$VERSION", "android.content.Context", "android.content.Intent"),
    *("android.content.IntentFilter", "android.os.PowerManager", "org.kivy.android.PythonActivity"),
)
_THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_THERMAL_SINCE = 29


class AndroidDevice:
    """The phone that this runs on; make it on the main thread, ask it on any.

    Attributes:
        name: maker and model.
        versions: of Android, and its API level.
    """

    def __init__(self) -> None:
        java = {name.rsplit(".", 1)[1]: java_class(name) for name in _NAMES}
        build, version = java["Build"], java["Build$VERSION"]
        self.name = f"{build.MANUFACTURER} {build.MODEL}"
        self.versions: Dict[str, str] = {"android": str(version.RELEASE), "api": str(version.SDK_INT)}
        self._activity = java["PythonActivity"].mActivity
        self._filter = java["IntentFilter"](java["Intent"].ACTION_BATTERY_CHANGED)
        self._power: Optional[Any] = None
        if version.SDK_INT >= _THERMAL_SINCE:
            self._power = self._activity.getSystemService(java["Context"].POWER_SERVICE)

    def heat(self) -> Dict[str, Any]:
        """`thermal_status` in Android's words from Android 10 on, else null; `battery_c` in degrees or null."""
        status = None
        if self._power is not None:
            try:
                number = int(self._power.getCurrentThermalStatus())
                status = _THERMAL[number] if 0 <= number < len(_THERMAL) else str(number)
            except java_exception():
                status = None
        # No receiver is registered: Android hands over its last broadcast.
        battery = self._activity.registerReceiver(None, self._filter)
        tenths = -1 if battery is None else int(battery.getIntExtra("temperature", -1))
        return {"thermal_status": status, "battery_c": tenths / 10 if tenths >= 0 else None}
