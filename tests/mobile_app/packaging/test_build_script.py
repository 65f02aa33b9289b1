"""build-android says in one line what is missing, and else hands a staged app to buildozer."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mobile_app.stage import LIST, ROOT

TOOLS = ("git", "javac", "keytool", "cython", "autoconf", "automake", "libtoolize", "pkg-config", "cmake", "make")
TOOLS += ("unzip", "zip", "patch")


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(staged: Path, tmp_path: Path) -> Path:
    """What the script needs of a checkout, a home, and every tool it asks for, which do nothing."""
    root = tmp_path / "checkout"
    shutil.copytree(staged, root)
    for name in ("stage.py", "icon.py", "build-android", "buildozer.spec"):
        shutil.copy(ROOT / "mobile_app" / name, root / "mobile_app" / name)
    for name in TOOLS:
        program(tmp_path / "bin" / name, "#!/bin/sh\n")
    for module in ("buildozer", "pip"):
        (root / f"{module}.py").write_text("")
    told = (
        "import os, sys\nprint(os.getcwd(), *sys.argv[1:])\nprint(*sorted(n for n in os.environ if n[:4] == 'APP_'))\n"
    )
    (root / "buildozer.py").write_text(f"if __name__ == '__main__':\n    exec({told!r})\n")
    return root


@pytest.fixture
def build(checkout: Path, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        # The shell's own tools, and no others that this machine happens to have.
        for name in ("sh", "dirname", "echo", "grep", "printenv"):
            if not (tmp_path / "bin" / name).exists():
                (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
        variables = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path / "home"), "PYTHONPATH": str(checkout)}
        variables |= {"PYTHON": sys.executable, **environment}
        command = [str(checkout / "mobile_app" / "build-android"), *arguments]
        return subprocess.run(command, env=variables, capture_output=True, text=True)

    return run


def unpack_android(home: Path) -> None:
    platform = home / ".buildozer" / "android" / "platform"
    (platform / "android-ndk-r25b").mkdir(parents=True)
    (platform / "android-ndk-r25b" / "source.properties").write_text("Pkg.Revision = 25.1.8937393\n")
    program(platform / "android-sdk" / "tools" / "bin" / "sdkmanager", "#!/bin/sh\n")
    (platform / "android-sdk" / "licenses").mkdir()
    (platform / "android-sdk" / "licenses" / "android-sdk-license").write_text(
        "24333f8a63b6825ea9c5514f83c2829b004d1fee"
    )


def refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
    assert all(word in done.stderr for word in words), done.stderr


def test_stages_and_hands_over(build: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path) -> None:
    unpack_android(tmp_path / "home")
    done = build()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path}/checkout/mobile_app android debug\n\n"
    assert (tmp_path / "checkout" / "build" / "android" / LIST).is_file()
    assert (tmp_path / "checkout" / "build" / "icon" / "icon.png").is_file()


def test_what_is_missing_is_named(
    build: Callable[..., "subprocess.CompletedProcess[str]"], checkout: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    refused(build("--fast"), "--fast")
    refused(build(PYTHON="/no/python"), "/no/python")
    refused(build(), "NDK r25b", "ANDROIDNDK", "--download")
    unpack_android(home)
    platform = home / ".buildozer" / "android" / "platform"
    (platform / "android-sdk" / "licenses" / "android-sdk-license").unlink()
    refused(build(), "licences", "--licenses")
    (platform / "android-sdk" / "tools" / "bin" / "sdkmanager").unlink()
    refused(build(), "SDK tools", "ANDROIDSDK")
    (platform / "android-ndk-r25b" / "source.properties").write_text("Pkg.Revision = 27.0.1\n")
    refused(build(), "NDK r25b")
    (tmp_path / "bin" / "libtoolize").unlink()
    refused(build(), "libtool missing")
    (checkout / "mobile_app" / "packs" / "default" / "model.int8.tflite").write_bytes(b"")
    refused(build(), "model.int8.tflite")
    (checkout / "buildozer.py").write_text("import nothing_of_that_name")
    refused(build(), "no buildozer", "edge-wbc[android]")


def test_elsewhere_and_downloaded(build: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path) -> None:
    unpack_android(tmp_path / "other")
    platform = tmp_path / "other" / ".buildozer" / "android" / "platform"
    places = {"ANDROIDNDK": str(platform / "android-ndk-r25b"), "ANDROIDSDK": str(platform / "android-sdk")}
    assert build(**places).stdout.splitlines()[1] == "APP_ANDROID_NDK_PATH APP_ANDROID_SDK_PATH"
    assert build("--download").stdout.splitlines()[1] == "APP_ANDROID_ACCEPT_SDK_LICENSE"


def test_a_release_is_signed(build: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path) -> None:
    unpack_android(tmp_path / "home")
    refused(build("release"), "P4A_RELEASE_KEYSTORE not set")
    names = ("KEYSTORE", "KEYSTORE_PASSWD", "KEYALIAS", "KEYALIAS_PASSWD")
    done = build("release", **{f"P4A_RELEASE_{name}": "x" for name in names})
    assert done.stdout.startswith(f"{tmp_path}/checkout/mobile_app android release\n")


def test_the_spec_takes_what_the_script_sets(buildozer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """buildozer lets the environment set only what the spec names."""
    package = pytest.importorskip("buildozer")
    for name, value in {"NDK_PATH": "/ndk", "SDK_PATH": "/sdk", "ACCEPT_SDK_LICENSE": "True"}.items():
        monkeypatch.setenv(f"APP_ANDROID_{name}", value)
    monkeypatch.setenv("APP_ANDROID_RELEASE_ARTIFACT", "aab")
    target = package.Buildozer(os.path.join(ROOT, "mobile_app", "buildozer.spec"), "android").target
    assert (target.android_ndk_dir, target.android_sdk_dir) == ("/ndk", "/sdk")
    config = target.buildozer.config
    assert config.getbooldefault("app", "android.accept_sdk_license", False)
    assert config.get("app", "android.release_artifact") == "aab"
