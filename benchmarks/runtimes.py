"""Builds the runtimes that the phones' artefacts are proved on.

    python benchmarks/runtimes.py [--out build/runtimes] [NAME ...]

TFLite 2.8.0 and 2.11.0, from PyPI's wheels for Python 3.9, beside the Python and NumPy of Debian bullseye: for ARMv7,
run by QEMU, and for x86-64. TFLite 2.14.0 beside the Python that runs this. Nothing is mounted and no chroot is
entered: packages are unpacked, never installed, and each Python is started by its own root's loader. Goes on where it
was stopped. Needs Debian's mmdebstrap, and for ARMv7 qemu-user; root installs them by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from edge_wbc.core.errors import BadInput
from export.old_runtimes import FACTS, OLD_RUNTIMES, OldRuntime

SUITE = "bullseye"  # the one Debian with Python 3.9, which the wheels are for
PACKAGES = "python3.9,python3-numpy"
ARCHITECTURES = {"armv7l": "armhf", "x86_64": "amd64"}
EMULATOR = ("qemu-arm", "-cpu", "cortex-a15")  # ARMv7-A with NEON and VFPv4, as the phones' Krait
WITH_THIS_PYTHON = {"2.14.0": ("tflite-runtime==2.14.0", "numpy==1.26.4")}
SPEAK = """
import json, platform, numpy, tflite_runtime, tflite_runtime.interpreter
versions = {"tflite-runtime": tflite_runtime.__version__, "python": platform.python_version()}
print(json.dumps({**versions, "numpy": numpy.__version__, "machine": platform.machine()}))
"""


def tell(started: float, what: str, loaded: float) -> None:
    """One line a step."""
    print(f"{what}: {loaded / 1e6:.1f} MB downloaded, {time.monotonic() - started:.0f} s", flush=True)


def run(command: list[str], what: str, remedy: str) -> str:
    """The command's standard output; where it fails, the program ends with one line."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        sys.exit(f"{what}: {said[-1]}; {remedy}")
    return done.stdout


def need(*tools: tuple[str, str]) -> None:
    """Installs the Debian packages of programs that are missing, (program, package) each."""
    missing = [package for program, package in tools if not shutil.which(program)]
    if not missing:
        return
    remedy = f"sudo apt-get install {' '.join(missing)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"{', '.join(missing)} not installed; {remedy}")
    run(["apt-get", "update", "-qq"], "apt-get update", remedy)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], "apt-get install", remedy)


def debian_mirror() -> str:
    """The mirror that this machine's apt reads Debian from."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    mirrors = run(asked, "apt-get indextargets", "name one with --mirror").split()
    if not mirrors:
        sys.exit("apt knows no Debian mirror; run apt-get update, or name one with --mirror")
    return mirrors[0]


def make_root(out: Path, architecture: str, mirror: str) -> Path:
    """Python 3.9 and NumPy of Debian bullseye, unpacked."""
    root = out / architecture
    if root.is_dir():
        return root
    started, partial = time.monotonic(), out / f"{architecture}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    need(("mmdebstrap", "mmdebstrap"))
    mirror = mirror or debian_mirror()
    options = ["--mode=chrootless", "--variant=extract", "--skip=cleanup/apt", f"--architectures={architecture}"]
    run(
        ["mmdebstrap", *options, f"--include={PACKAGES}", SUITE, str(partial), mirror],
        f"{SUITE} {architecture} from {mirror}",
        f"name a mirror that has {SUITE} with --mirror",
    )
    archives = partial / "var" / "cache" / "apt" / "archives"
    loaded = sum(file.stat().st_size for file in archives.glob("*.deb"))
    for folder in (archives, partial / "var" / "lib" / "apt" / "lists"):
        shutil.rmtree(folder)
    partial.rename(root)
    tell(started, f"root {architecture}", loaded)
    return root


def unpack_wheels(target: Path, wheels: Path, options: list[str], requirements: tuple[str, ...]) -> None:
    """Wheels from PyPI, downloaded into `wheels` and unpacked into `target`."""
    started = time.monotonic()
    shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(wheels, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    run(
        [*pip, "--only-binary=:all:", *options, "--dest", str(wheels), *requirements],
        " ".join(requirements),
        "try again where pip reaches PyPI",
    )
    loaded = 0
    for wheel in sorted(wheels.glob("*.whl")):
        loaded += wheel.stat().st_size
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(target)
    shutil.rmtree(wheels)
    tell(started, f"{target.parent.name} wheels", loaded)


def loader(root: Path) -> list[str]:
    """What starts a root's Python: its own dynamic loader, on its own libraries."""
    triplet = next((root / "usr" / "lib").glob("*-linux-gnu*"))
    homes = [triplet, triplet / "blas", triplet / "lapack", root / "lib" / triplet.name]
    found = next((root / "lib" / triplet.name).glob("ld-2.*.so"))
    return [str(found), "--library-path", ":".join(map(str, homes)), str(root / "usr" / "bin" / "python3.9")]


def build(out: Path, name: str, mirror: str) -> None:
    """One runtime, whole or not at all."""
    folder = out / name
    if (folder / FACTS).is_file():
        print(f"{name}: built already")
        return
    version, machine = name.split("-")
    here = f"{platform.system()} on {platform.machine()}"
    if version in WITH_THIS_PYTHON and (here != "Linux on x86_64" or sys.version_info[:2] != (3, 11)):
        print(f"{name}: left out; it runs beside Python 3.11, this is {platform.python_version()}, {here}")
        return
    if here != "Linux on x86_64":
        sys.exit(f"{name}: built on Linux on x86_64 only, this is {here}")
    site = folder / "site"
    environment = {"PYTHONPATH": str(site), "PYTHONNOUSERSITE": "1"}
    if version in WITH_THIS_PYTHON:
        # Without site-packages: the interpreter would take today's runtime where it finds one.
        command, options, requirements = [sys.executable, "-S"], [], WITH_THIS_PYTHON[version]
    else:
        root = make_root(out, ARCHITECTURES[machine], mirror)
        command = loader(root)
        if machine == "armv7l":
            need((EMULATOR[0], "qemu-user"))
            command = [*EMULATOR, *command]
        environment["PYTHONHOME"] = str(root / "usr")
        options = ["--python-version=3.9", "--implementation=cp", "--abi=cp39", f"--platform=manylinux2014_{machine}"]
        requirements = (f"tflite-runtime=={version}",)
    unpack_wheels(site, folder / "wheels", options, requirements)
    try:
        versions = json.loads(OldRuntime(name, tuple(command), environment).python("-c", SPEAK))
    except BadInput as error:
        sys.exit(str(error))
    if (versions["tflite-runtime"], versions["machine"]) != (version, machine):
        sys.exit(f"{name}: says that it is {versions['tflite-runtime']} on {versions['machine']}")
    facts = {"command": command, "environment": environment, "versions": versions}
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: Python {versions['python']}, NumPy {versions['numpy']}: built", flush=True)


def main() -> None:
    """Builds what was asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(OLD_RUNTIMES)}; default: all")
    parser.add_argument("--out", type=Path, default=Path("build/runtimes"))
    parser.add_argument("--mirror", default="", help="a Debian mirror; default: the one that apt uses")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(OLD_RUNTIMES):
        parser.error(f"no runtime {', '.join(sorted(unknown))}; there are {', '.join(OLD_RUNTIMES)}")
    out = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name in asked.names or OLD_RUNTIMES:
        build(out, name, asked.mirror)


if __name__ == "__main__":
    main()
