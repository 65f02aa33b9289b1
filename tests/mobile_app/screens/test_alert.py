"""The tone at the target: made by code, played where there is a device, and no fault where there is none."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import wave

import numpy as np
import pytest

ALERT = """
from mobile_app.widgets import alert
alert.alert()
alert.alert()
print("told", alert._sound is not None and alert._sound.length > 0.3)
"""


def test_tone_is_one_note_that_neither_clips_nor_clicks() -> None:
    from mobile_app.widgets.alert import HERTZ, tone

    with wave.open(io.BytesIO(tone())) as file:
        rate = file.getframerate()
        played = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)
    spectrum = np.abs(np.fft.rfft(played))
    assert np.fft.rfftfreq(len(played), 1 / rate)[spectrum.argmax()] == pytest.approx(HERTZ, rel=0.01)
    assert 10_000 < np.abs(played).max() < 32_000
    assert np.abs(played[[0, -1]]).max() < 500


@pytest.mark.parametrize(("driver", "heard"), [("dummy", True), ("no-such-driver", None)])
def test_a_tap_does_not_fail_for_want_of_sound(driver: str, heard: bool | None) -> None:
    env = {**os.environ, "SDL_AUDIODRIVER": driver}
    done = subprocess.run([sys.executable, "-c", ALERT], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("told") and (heard is None or str(heard) in done.stdout)


def test_a_full_disk_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    from mobile_app.widgets import alert

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(alert, "_sound", None)
    monkeypatch.setattr(alert.tempfile, "TemporaryDirectory", full)
    alert.alert()
    assert alert._sound is None
