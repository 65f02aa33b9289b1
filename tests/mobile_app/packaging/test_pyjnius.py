"""AndroidCamera on the real pyjnius and the real NewestFrame; only the camera is made of plain Java."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from mobile_app.stage import ROOT

JAVA = sorted(str(file) for place in (ROOT / "mobile_app", Path(__file__).parent) for file in place.rglob("*.java"))

REHEARSE = """
import sys, threading, time, types
import cv2
import numpy as np

android = types.ModuleType("android.permissions")
android.Permission = types.SimpleNamespace(CAMERA="CAMERA")
android.check_permission = lambda name: True
sys.modules |= {"android": types.ModuleType("android"), "android.permissions": android}

from jnius import autoclass
from mobile_app.sources.android_camera import AndroidCamera
from mobile_app.sources.frames import FrameGone

Camera = autoclass("android.hardware.Camera")

def until(ready):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.002)
    sys.exit("nothing came")

def gone():
    try:
        source.newest()
    except FrameGone as fault:
        return str(fault)

fed = threading.Event()
def feed():
    while not fed.wait(0.003):
        if Camera.held is not None:
            Camera.held.frame()

source = AndroidCamera(side=320)
source.start()
until(lambda: Camera.held is not None and Camera.held.previewing)
feeder = threading.Thread(target=feed)
feeder.start()

# Every byte of a frame is its number: a torn frame, or one written back into a buffer in use, is of two colours.
for number in range(1, 50):
    frame = until(lambda: (now := source.newest()) is not None and now.number >= number and now)
    assert frame.rgb.shape == (240, 320, 3) and len(np.unique(frame.rgb.reshape(-1, 3), axis=0)) == 1, number

jpeg = cv2.imencode(".jpg", np.full((960, 1280, 3), 77, np.uint8))[1].tobytes()
taken = []
shot = threading.Thread(target=lambda: taken.append(source.still()))
shot.start()
until(lambda: not Camera.held.previewing)
Camera.held.picture(jpeg)
shot.join(20)
assert taken[0].data == jpeg and taken[0].rgb.shape == (960, 1280, 3)
number = source.newest() and source.newest().number or 0
until(lambda: (now := source.newest()) is not None and now.number > number)

assert source.lock(True) and Camera.held.getParameters().locked and Camera.held.parameters.size.width == 320
assert source.lock(False) and not Camera.held.getParameters().locked

Camera.held.fail(2)
assert "another app took it" in until(gone)
assert Camera.held is None
Camera.refuses = "Fail to connect to camera service"
source.start()
assert "cannot be used (Fail to connect to camera service)" in until(gone)
Camera.refuses = None
source.start()
until(lambda: source.newest())
source.stop()
until(lambda: Camera.held is None)
fed.set()
feeder.join()
print("rehearsed")
"""


@pytest.mark.skipif(find_spec("jnius") is None, reason="pyjnius not installed: pip install 'edge-wbc[android]'")
def test_the_camera_by_the_real_pyjnius(tool: Callable[[str], str], tmp_path: Path) -> None:
    command = [tool("javac"), "--release", "8", "-nowarn", "-encoding", "UTF-8", "-d", str(tmp_path), *JAVA]
    compiled = subprocess.run(command, capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr
    environment = {**os.environ, "CLASSPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", REHEARSE], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout) == (0, "rehearsed\n"), done.stdout + done.stderr
