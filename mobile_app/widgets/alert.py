"""A tone and a shake: the hand and the ear learn of it while the eye is at the ocular."""

from __future__ import annotations

import io
import math
import struct
import tempfile
import wave
from pathlib import Path
from typing import Optional

from kivy.core.audio import Sound, SoundLoader
from kivy.utils import platform

__all__ = ["alert", "tone"]

RATE, SECONDS, HERTZ = 22_050, 0.35, 880.0
SHAKE_MS = 400
_sound: Optional[Sound] = None


def tone() -> bytes:
    """The tone as a WAV file."""
    count = int(RATE * SECONDS)
    fade = [min(1.0, place / 400, (count - place) / 400) for place in range(count)]
    wave_form = [int(20_000 * fade[k] * math.sin(2 * math.pi * HERTZ * k / RATE)) for k in range(count)]
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{count}h", *wave_form))
    return held.getvalue()


def alert() -> None:
    """Sounds the tone, and shakes a phone.

    A device without sound, or without room for the tone's file, stays silent: the screen says the same in words, and
    the tap that was counted must not fail for it.
    """
    global _sound
    if _sound is None:
        _sound = _loaded()
    if _sound is not None:
        _sound.play()
    if platform == "android":
        from jnius import autoclass

        activity = autoclass("org.kivy.android.PythonActivity").mActivity
        activity.getSystemService(autoclass("android.content.Context").VIBRATOR_SERVICE).vibrate(SHAKE_MS)


def _loaded() -> Optional[Sound]:
    try:
        with tempfile.TemporaryDirectory() as folder:  # Kivy plays files only, and has read it when it is loaded
            path = Path(folder) / "tone.wav"
            path.write_bytes(tone())
            return SoundLoader.load(str(path))
    except OSError:
        return None
