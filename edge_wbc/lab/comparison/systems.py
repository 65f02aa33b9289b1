"""The one table of systems that can be compared: every network of the registry, and what is no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.comparison.parts import code_digest
from edge_wbc.lab.models import MODELS, entry_of
from edge_wbc.lab.training.recipes import recipe_named

__all__ = ["SYSTEMS", "Fitted", "System", "system_named", "systems_named"]

BASE = ("core", "lab/datasets")


class Fitted(Protocol):
    """What names cells once it is fitted."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What the columns of the scores stand for."""

    def scores(self, crops: np.ndarray) -> np.ndarray:
        """(N, S, S, 3) uint8 RGB -> (N, len(labels)) float64, rows sum to 1."""


Fit = Callable[[np.ndarray, Sequence[str], int], Fitted]


@dataclass(frozen=True)
class System:
    """One row of the table.

    Attributes:
        about: where it comes from and what it sees.
        kind: "network", fitted by `train`; "vote", of networks that are compared beside it; or "classical".
        fits: module and function of a classical one, imported when it is needed: (crops, truth, seed) -> Fitted.
        rooms: of `edge_wbc`, beside `BASE`, whose code decides what it says: when it changes, fits are void.
        chance: whether another seed makes another of it.
        model: of a network, its name in the registry.
        recipe: of a network, "" for the comparison's own.
        members: of a vote, "" for all networks beside it.
    """

    name: str
    about: str
    kind: str = "classical"
    fits: tuple[str, str] = ("", "")
    rooms: tuple[str, ...] = ()
    chance: bool = True
    model: str = ""
    recipe: str = ""
    members: tuple[str, ...] = ()

    def fit(self, crops: np.ndarray, truth: Sequence[str], seed: int) -> Fitted:
        """Fits a classical one on (N, S, S, 3) uint8 crops and their labels."""
        module, function = self.fits
        fit: Fit = getattr(import_module(module), function)
        return fit(crops, truth, seed)

    def code(self) -> str:
        """The version of the code that decides what it says."""
        return code_digest(*BASE, *self.rooms)


def _yu(name: str, function: str, about: str, chance: bool = False) -> System:
    return System(
        name,
        f"Yu et al.: {about}, on crops of 24 pixels, flattened",
        fits=("edge_wbc.lab.comparison.classical", function),
        rooms=("lab/comparison/classical.py",),
        chance=chance,
    )


def _network(model: str) -> System:
    return System(model, "a network of `edge-wbc models`", "network", rooms=("lab/models", "lab/training"), model=model)


SYSTEMS: dict[str, System] = {
    **{name: _network(name) for name in MODELS},
    "knn": _yu("knn", "fit_knn", "three nearest neighbours"),
    "svm": _yu("svm", "fit_svm", "support vector machine"),
    "logistic": _yu("logistic", "fit_logistic", "logistic regression"),
    "tree": _yu("tree", "fit_tree", "decision tree", chance=True),
    "tavakoli": System(
        "tavakoli",
        "Tavakoli et al.: 51 features of nucleus and hull, support vector machine",
        fits=("edge_wbc.lab.features", "fit_svm"),
        rooms=("lab/features",),
    ),
    "yu-vote": System("yu-vote", "Yu et al.: majority vote of the networks beside it", "vote"),
}


def system_named(name: str) -> System:
    """A system by its name: of the table, NETWORK+HEAD, NETWORK@RECIPE, or yu-vote:NETWORK:NETWORK.

    Raises:
        BadInput: an unknown name.
    """
    if name.startswith("yu-vote:"):
        return replace(SYSTEMS["yu-vote"], name=name, members=tuple(name.split(":")[1:]))
    model, at, recipe = name.partition("@")
    base, plus, _ = model.partition("+")
    found = SYSTEMS.get(base)
    if found is None or ((at or plus) and found.kind != "network"):
        raise BadInput("--models", f"unknown system {name!r}", f"one of: {', '.join(SYSTEMS)}")
    if at:
        recipe_named(recipe)
    if plus:
        entry_of(model)
    return replace(found, name=name, model=model, recipe=recipe) if at or plus else found


def systems_named(names: Sequence[str]) -> list[System]:
    """The systems of `--models`, votes with their members filled in.

    Raises:
        BadInput: none, an unknown one, one twice, or a vote of fewer than two networks that stand beside it.
    """
    if not names:
        raise BadInput("--models", "none given", f"some of: {', '.join(SYSTEMS)}")
    for name in names:
        if list(names).count(name) > 1:
            raise BadInput("--models", f"{name!r} twice", "name each once")
    systems = [system_named(name) for name in names]
    networks = [system.name for system in systems if system.kind == "network"]
    for row, system in enumerate(systems):
        if system.kind == "vote":
            members = system.members or tuple(networks)
            missing = [name for name in members if name not in networks]
            if missing or len(members) < 2:
                fault = f"{missing[0]!r} votes and is not compared" if missing else "a vote takes two networks at least"
                raise BadInput("--models", fault, "name the networks beside the vote")
            systems[row] = replace(system, members=members)
    return systems
