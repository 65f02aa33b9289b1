"""What a machine is, as far as the speed of an inference depends on it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["device_name", "installed"]

# What int8 and float kernels are chosen by.
_VECTORS = (
    *("avx2", "avx512_vnni", "avx_vnni", "amx_int8"),
    *("neon", "asimd", "asimddp", "i8mm"),
)


def device_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model and its vector instructions, "AMD EPYC x86_64 Linux, 2 cores (avx2 avx512_vnni)".

    Args:
        cpuinfo: where Linux says so; elsewhere the file is missing and Python's own words stand.
    """
    facts: dict[str, str] = {}
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    cores = 0
    for line in lines:
        key, _, value = line.partition(":")
        cores += key.strip() == "processor"
        facts.setdefault(key.strip(), value.strip())
    model = facts.get("model name") or facts.get("Hardware") or platform.processor()
    flags = set((facts.get("flags") or facts.get("Features", "")).split())
    seen = " ".join(flag for flag in _VECTORS if flag in flags)
    words = [model] if model and model != platform.machine() else []
    words += [platform.machine(), platform.system()]
    counted = f", {cores} core{'s' * (cores > 1)}" if cores else ""
    return " ".join(words) + counted + (f" ({seen})" if seen else "")


def installed(packages: Sequence[str]) -> dict[str, str]:
    """Python's version and those of `packages` that are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
