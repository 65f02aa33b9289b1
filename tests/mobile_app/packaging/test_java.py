"""The Java: it does what it says on a camera made of plain Java, and is Android 6's and dex."""

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mobile_app.stage import ROOT

SOURCES = sorted(str(file) for file in (ROOT / "mobile_app" / "java").rglob("*.java"))
REHEARSAL = sorted(str(file) for file in (Path(__file__).parent / "java").rglob("*.java"))


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compiled(javac: str, out: Path, *options: str) -> Path:
    # 8 is what p4a's gradle file says; javac 21 warns of its age, and the camera's class is deprecated on purpose.
    run(javac, "--release", "8", "-encoding", "UTF-8", "-Xlint:all,-options,-deprecation", "-d", out, *options)
    return out


@pytest.fixture
def dex(tool: Callable[[str], str], tmp_path: Path) -> Path:
    classes = compiled(tool("javac"), tmp_path / "classes", "-Werror", "-cp", tool("android.jar"), *SOURCES)
    command = [tool("java"), "-cp", tool("dx.jar"), "com.android.dx.command.Main", "--dex", "--min-sdk-version=21"]
    run(*command, f"--output={tmp_path / 'classes.dex'}", classes)
    return tmp_path / "classes.dex"


def test_keeps_the_newest_frame(tool: Callable[[str], str], tmp_path: Path) -> None:
    classes = compiled(tool("javac"), tmp_path, *SOURCES, *REHEARSAL)
    assert run(tool("java"), "-cp", classes, "Rehearsal") == "rehearsed\n"


def test_compiles_against_android_6_and_dexes(dex: Path) -> None:
    content = dex.read_bytes()
    assert content[:8] == b"dex\n035\0"  # what Android 5 reads
    assert b"Lorg/edgewbc/NewestFrame;" in content


def test_a_signed_apk_of_the_java_and_the_manifest(
    dex: Path, tool: Callable[[str], str], packed: Path, tmp_path: Path
) -> None:
    """p4a's manifest of our spec, the dex, v1 and v2 signatures: Android 5 and 6 look for v1 alone."""
    ElementTree.register_namespace("android", "http://schemas.android.com/apk/res/android")
    manifest = ElementTree.parse(packed / "src" / "main" / "AndroidManifest.xml")
    manifest.getroot().set("package", "org.edgewbc")  # Gradle does so, from build.gradle's namespace
    manifest.write(tmp_path / "AndroidManifest.xml")
    assert "namespace 'org.edgewbc'" in (packed / "build.gradle").read_text()

    bare, aligned, signed = (tmp_path / f"{name}.apk" for name in ("bare", "aligned", "signed"))
    run(tool("aapt"), "package", "-f", "-M", tmp_path / "AndroidManifest.xml", "-S", packed / "src" / "main" / "res",
        "-I", tool("android.jar"), "-F", bare)  # fmt: skip
    with zipfile.ZipFile(bare, "a") as apk:
        apk.write(dex, "classes.dex")
    run(tool("zipalign"), "-f", "4", bare, aligned)
    key = ["-keystore", tmp_path / "key.p12", "-storepass", "research", "-alias", "test"]
    run(tool("keytool"), "-genkeypair", *key, "-keyalg", "RSA", "-keysize", "2048", "-dname", "CN=test")
    run(tool("apksigner"), "sign", "--ks", tmp_path / "key.p12", "--ks-pass", "pass:research", "--out", signed, aligned)

    said = run(tool("apksigner"), "verify", "--verbose", "--min-sdk-version", "21", signed)
    assert "Verified using v1 scheme (JAR signing): true" in said
    assert "Verified using v2 scheme (APK Signature Scheme v2): true" in said
    badging = run(tool("aapt"), "dump", "badging", signed)
    assert "package: name='org.edgewbc'" in badging
    assert "sdkVersion:'21'" in badging and "targetSdkVersion:'33'" in badging
    asked = {line.split("'")[1] for line in badging.splitlines() if line.startswith("uses-permission:")}
    wanted = ("CAMERA", "INTERNET", "ACCESS_NETWORK_STATE", "VIBRATE")
    assert asked == {f"android.permission.{name}" for name in wanted}
    assert "launchable-activity: name='org.kivy.android.PythonActivity'" in badging
