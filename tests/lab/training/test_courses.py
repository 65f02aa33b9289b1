"""Several courses from one start: their networks are averaged, and a killed training ends with the same bytes."""

from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.training import RECIPES, TrainOptions, train
from edge_wbc.lab.training.checkpoint import Checkpoint

# Frozen, so that what the courses end with is averaged and nothing is read off crops afterwards.
RECIPE = replace(RECIPES["scratch"], epochs=1, batch=8, lr=0.01, freeze_norm=True)


def run(lab: Path, out: Path, courses: int, epochs: int = 1) -> dict[str, torch.Tensor]:
    recipe = replace(RECIPE, courses=courses, epochs=epochs)
    options = TrainOptions("shufflenet_v2_x1_0", recipe, weights="none", size=32, labels="5")
    train([read_dataset(lab)], out, options)
    return safetensors.torch.load_file(out / "weights.safetensors")


def test_courses_begin_alike_and_are_averaged(drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[dict[str, torch.Tensor]] = []
    save = Checkpoint.save

    def kept(self: Checkpoint, *rest: object) -> None:
        ended.append({name: value.clone() for name, value in self.parts["network"].state_dict().items()})  # type: ignore[union-attr]
        save(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Checkpoint, "save", kept)
    soup = run(drawn_lab, tmp_path / "soup", courses=2)
    first, second = ended
    assert not torch.equal(first["fc.weight"], second["fc.weight"])
    assert torch.allclose(soup["fc.weight"], (first["fc.weight"] + second["fc.weight"]) / 2, atol=1e-6)
    alone = run(drawn_lab, tmp_path / "alone", courses=1)
    assert torch.equal(alone["fc.weight"], first["fc.weight"])


@pytest.mark.parametrize("killed_after", [2, 3])
def test_a_kill_between_or_within_courses(
    drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    whole = run(drawn_lab, tmp_path / "whole", courses=2, epochs=2)
    saved = 0
    save = Checkpoint.save

    def dies(self: Checkpoint, *rest: object) -> None:
        nonlocal saved
        save(self, *rest)  # type: ignore[arg-type]
        saved += 1
        if saved == killed_after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Checkpoint, "save", dies)
        run(drawn_lab, tmp_path / "killed", courses=2, epochs=2)
    again = run(drawn_lab, tmp_path / "killed", courses=2, epochs=2)
    assert all(torch.equal(whole[name], again[name]) for name in whole)
