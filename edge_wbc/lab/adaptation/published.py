"""The ablation of Chossegros et al. (J. Pathol. Inform. 15:100405): what each setting leaves out, and its figures."""

from __future__ import annotations

from dataclasses import dataclass

from edge_wbc.core.errors import BadInput

__all__ = ["SETTINGS", "Setting", "setting_named"]


@dataclass(frozen=True)
class Setting:
    """One of the six settings, with its published figures.

    Attributes:
        source: whether the network learns from the source at all, or starts from ImageNet.
        tuned: what the target's labels move: "nothing", "head" or "all".
        mixed: whether as many source crops join the target's labels.
        colour: whether colours are transferred to the source's reference.
        accuracy, precision, recall: means over the paper's eight target sets.
        by_set: accuracy on each of them.
    """

    number: int
    name: str
    source: bool
    tuned: str
    mixed: bool
    colour: bool
    accuracy: float
    precision: float
    recall: float
    by_set: dict[str, float]


_SETS = ("Munich21", "Raabin", "LISC", "JSLH", "Choi", "Tecom", "BCCD", "Tianjin")


def _setting(
    number: int, name: str, steps: tuple[bool, str, bool, bool], means: tuple[float, float, float], *by_set: float
) -> Setting:
    return Setting(number, name, *steps, *means, dict(zip(_SETS, by_set, strict=True)))


SETTINGS: tuple[Setting, ...] = (
    _setting(
        1, "no-source", (False, "all", False, True), (0.48, 0.38, 0.34), 0.31, 0.49, 0.56, 0.45, 0.47, 0.69, 0.53, 0.33
    ),
    _setting(
        2, "no-fine-tuning", (True, "nothing", False, True), (0.59, 0.48, 0.50),
        0.75, 0.65, 0.46, 1.0, 0.57, 0.16, 0.25, 0.85,
    ),
    _setting(
        3, "head-only", (True, "head", False, True), (0.71, 0.65, 0.60), 0.77, 0.82, 0.67, 1.0, 0.81, 0.85, 0.41, 0.82
    ),
    _setting(
        4, "mixed", (True, "all", True, True), (0.74, 0.62, 0.58), 0.78, 0.80, 0.71, 1.0, 0.78, 0.54, 0.41, 0.91
    ),
    _setting(
        5, "no-colour", (True, "all", False, False), (0.84, 0.83, 0.76), 0.83, 0.92, 0.93, 1.0, 0.88, 0.77, 0.84, 0.56
    ),
    _setting(
        6, "full", (True, "all", False, True), (0.89, 0.85, 0.84), 0.82, 0.92, 0.89, 1.0, 0.90, 0.90, 0.81, 0.91
    ),
)  # fmt: skip


def setting_named(wanted: str) -> Setting:
    """A setting by its number or name; raises `BadInput` for another."""
    for setting in SETTINGS:
        if wanted in (str(setting.number), setting.name):
            return setting
    names = ", ".join(f"{setting.number} or {setting.name}" for setting in SETTINGS)
    raise BadInput("--setting", f"unknown setting {wanted!r}", f"one of: {names}, all")
