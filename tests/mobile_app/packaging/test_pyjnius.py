"""Camera and files on the real pyjnius, our own Java and python-for-android's Python; Android is made of plain Java."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from mobile_app.stage import ROOT

JAVA = sorted(str(file) for place in (ROOT / "mobile_app", Path(__file__).parent) for file in place.rglob("*.java"))

BEGIN = """
import os, queue, sys, threading, time, types
from pathlib import Path
import cv2
import numpy as np
from jnius import autoclass

def until(ready):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.002)
    sys.exit("nothing came")

sys.modules["android"] = types.ModuleType("android")
"""

CAMERA = """
android = sys.modules["android.permissions"] = types.ModuleType("android.permissions")
android.Permission = types.SimpleNamespace(CAMERA="CAMERA")
android.check_permission = lambda name: True

from mobile_app.sources.android_camera import AndroidCamera
from mobile_app.sources.frames import FrameGone

Camera = autoclass("android.hardware.Camera")

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


FILES = """
import importlib.util

config = sys.modules["android.config"] = types.ModuleType("android.config")
config.ACTIVITY_CLASS_NAME = "org.kivy.android.PythonActivity"
config.ACTIVITY_CLASS_NAMESPACE = "org/kivy/android/PythonActivity"
home = Path(importlib.util.find_spec("pythonforandroid").submodule_search_locations[0])
spec = importlib.util.spec_from_file_location("android.activity", home / "recipes/android/src/android/activity.py")
sys.modules["android.activity"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["android.activity"])

from mobile_app.android.files import AndroidFiles

activity = autoclass("org.kivy.android.PythonActivity").mActivity
Resolver, Descriptor = autoclass("android.content.ContentResolver"), autoclass("android.os.ParcelFileDescriptor")
room, told, later = Path(sys.argv[1]), [], queue.Queue()
files = AndroidFiles(room / "taken", later.put)

def answered(result=-1):
    activity.answer(result)
    later.get(timeout=20)()
    return told.pop()

def done(path, fault):
    told.append((path, fault))

kept = room / "kept"
kept.write_bytes(os.urandom(3_000_000))
files.pick(done)
assert (activity.asked.action, activity.asked.category, activity.asked.type) == ("OPEN", "OPENABLE", "*/*")
Resolver.opened, Resolver.mode = os.open(kept, os.O_RDONLY), "r"
assert answered() == (room / "taken" / "tehran.zip", None)
assert (room / "taken" / "tehran.zip").read_bytes() == kept.read_bytes() and Descriptor.ended == "closed"

files.pick(done)
assert answered(0) == (None, None)

files.pick(done)
Resolver.opened, Descriptor.breaks = os.open(kept, os.O_RDONLY), "Connection reset"
path, fault = answered()
assert path is None and "did not come through whole (Connection reset)" in str(fault), fault
assert not list((room / "taken").iterdir()) and Descriptor.ended == "not all of it was copied"

out = room / "session.zip"
out.write_bytes(os.urandom(1_000_000))
files.hand_out(out, done)
assert (activity.asked.action, activity.asked.type, activity.asked.title) == ("CREATE", "application/zip", out.name)
Resolver.opened, Resolver.mode = os.open(kept, os.O_WRONLY), "w"
assert answered() == (out, None) and kept.read_bytes() == out.read_bytes()

files.hand_out(out, done)
Resolver.mode = "r"
path, fault = answered()
assert path is None and "cannot be opened (not to be opened for w)" in str(fault), fault
assert autoclass("android.provider.DocumentsContract").removed == 1
print("rehearsed")
"""


@pytest.mark.skipif(find_spec("jnius") is None, reason="pyjnius not installed: pip install pyjnius==1.6.1")
@pytest.mark.parametrize("rehearse", [CAMERA, FILES], ids=["camera", "files"])
def test_by_the_real_pyjnius(rehearse: str, tool: Callable[[str], str], tmp_path: Path) -> None:
    if rehearse == FILES:
        pytest.importorskip("pythonforandroid", reason="p4a not installed: pip install 'edge-wbc[android]'")
    classes = tmp_path / "classes"
    command = [tool("javac"), "--release", "8", "-nowarn", "-encoding", "UTF-8", "-d", str(classes), *JAVA]
    compiled = subprocess.run(command, capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + rehearse, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "CLASSPATH": str(classes)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "rehearsed\n"), done.stdout + done.stderr
