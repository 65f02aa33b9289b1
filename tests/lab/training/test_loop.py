"""A killed training goes on to the very weights of an uninterrupted one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.training import RECIPES, Recipe, TrainOptions, load_run, train

OPTIONS = TrainOptions(weights="none", epochs=2, size=32)


def test_run_folder_holds_what_later_commands_need(small_run: Path) -> None:
    assert {file.name for file in small_run.iterdir()} == {
        "plan.json",
        "run.json",
        "weights.safetensors",
        "crops.npy",
        "crops.csv",
        "curves.csv",
        "curves.png",
    }
    run = load_run(small_run)
    assert set(run.labels) == {"neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil"}
    sizes = {part: len(run.crops(part)[0]) for part in ("train", "val", "test")}
    assert sum(sizes.values()) == 216
    assert run.metrics["test"]["n"] == sizes["test"]
    parts: dict[str, set[str]] = {}
    for sha256, _, part in run.provenance:
        parts.setdefault(sha256, set()).add(part)
    assert all(len(found) == 1 for found in parts.values())
    assert len((small_run / "curves.csv").read_text().splitlines()) == 3


def test_killed_and_resumed_equals_uninterrupted(
    drawn_lab: Path, small_run: Path, tmp_path: Path, killed_in_epoch_2: Callable, same_weights: Callable
) -> None:
    out = tmp_path / "run"
    killed_in_epoch_2(
        "from edge_wbc.lab.datasets import read_dataset\n"
        "from edge_wbc.lab.training import TrainOptions, train\n"
        "train([read_dataset(Path(sys.argv[1]))], Path(sys.argv[2]),\n"
        "      TrainOptions(weights='none', epochs=2, size=32), log=kill)\n",
        drawn_lab,
        out,
    )
    with pytest.raises(BadInput, match="it goes on"):
        load_run(out)
    said: list[str] = []
    facts = train([read_dataset(drawn_lab)], out, OPTIONS, log=said.append)
    assert "goes on after epoch 1 of 2" in said
    assert same_weights(small_run, out)
    assert facts["metrics"] == json.loads((small_run / "run.json").read_text())["metrics"]


def test_a_recipe_with_everything_goes_on_as_uninterrupted(
    drawn_lab: Path, tmp_path: Path, same_weights: Callable
) -> None:
    """Averaged weights, their decay, AdamW's moments and the mixed styles' draws, over an end in epoch 2."""
    data = read_dataset(drawn_lab)
    data = replace(data, items=data.items[::3])
    recipe = Recipe(2, 16, 1e-3, "cosine", optimiser="adamw", average=0.99, freeze_norm=True, mix_style=0.5)
    options = replace(OPTIONS, recipe=recipe)
    train([data], tmp_path / "whole", options)

    def end(line: str) -> None:
        if line.startswith("epoch 2/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([data], tmp_path / "ended", options, log=end)
    assert (tmp_path / "ended" / "checkpoint.pt").is_file()
    facts = train([data], tmp_path / "ended", options)
    assert same_weights(tmp_path / "whole", tmp_path / "ended")
    assert facts["recipe"]["name"] == "own" and facts["recipe"]["average"] == 0.99
    state = load_run(tmp_path / "whole").network.state_dict()
    means = [value for name, value in state.items() if name.endswith("running_mean")]
    assert len(means) > 50 and all((mean == 0).all() for mean in means)
    with pytest.raises(BadInput, match=r"recipe.lr 0.001 instead of 0.01$|recipe.lr 0.001 instead of 0.01;"):
        train([data], tmp_path / "ended", replace(options, recipe=replace(recipe, lr=0.01)))


def test_a_run_of_an_older_version_is_refused(drawn_lab: Path, small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({"data": str(drawn_lab), "cells": 216, "seed": 0}))
    with pytest.raises(BadInput, match="another version of edge-wbc began"):
        train([read_dataset(drawn_lab)], tmp_path, OPTIONS)
    facts = json.loads((small_run / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**facts, "schema": 1}))
    with pytest.raises(BadInput, match="unknown schema 1; this edge-wbc reads 2: train again"):
        load_run(tmp_path)


def test_other_options_or_a_used_folder_are_refused(drawn_lab: Path, small_run: Path, tmp_path: Path) -> None:
    data = [read_dataset(drawn_lab)]
    with pytest.raises(BadInput, match="seed 0 instead of 7"):
        train(data, small_run, replace(OPTIONS, seed=7))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        train(data, tmp_path, OPTIONS)
    for number in (0, -1):
        with pytest.raises(BadInput, match="positive"):
            train(data, tmp_path / "new", replace(OPTIONS, epochs=number))


def test_weights_that_cannot_be_had_are_said(drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    said: list[str] = []
    facts = train(
        [read_dataset(drawn_lab)], tmp_path / "run", replace(OPTIONS, weights="imagenet", epochs=1), log=said.append
    )
    assert facts["weights"] == "none"
    assert any("no ImageNet weights for mobilenet_v2 (no network): training from scratch" in line for line in said)


def test_the_papers_recipe() -> None:
    recipe = RECIPES["raabin"]
    assert (recipe.epochs, recipe.batch, recipe.lr) == (15, 10, 0.001)
    optimiser = recipe.make_optimiser(torch.nn.Linear(2, 2))
    scheduler = recipe.make_scheduler(optimiser, epochs=15, steps=3)
    rates = []
    for _ in range(15):
        rates.append(optimiser.param_groups[0]["lr"])
        for _ in range(3):
            optimiser.step()
            scheduler.step()
    assert rates == pytest.approx([1e-3] * 7 + [1e-4] * 7 + [1e-5])


@pytest.mark.parametrize("steps", range(1, 42))
def test_the_rate_ends_near_zero_however_short_a_training_is(steps: int) -> None:
    recipe = RECIPES["default"]
    optimiser = recipe.make_optimiser(torch.nn.Linear(2, 2))
    scheduler = recipe.make_scheduler(optimiser, epochs=1, steps=steps)
    for _ in range(steps - 1):
        optimiser.step()
        scheduler.step()
    assert 0 < optimiser.param_groups[0]["lr"] < recipe.lr / 1000
