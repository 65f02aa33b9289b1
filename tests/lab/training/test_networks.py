"""Every network of the registry: trained, ended, gone on with and judged; and how the papers' recipes train."""

import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.evaluation.classifier import open_classifier
from edge_wbc.lab.evaluation.labs import judge_lab
from edge_wbc.lab.models import MODELS
from edge_wbc.lab.training import RECIPES, Recipe, TrainOptions, load_run, loop, train
from edge_wbc.lab.training.checkpoint import Checkpoint

SHORT = Recipe(2, 8, 1e-3, "constant")
# 40 to 140 million weights, and two that differ from their neighbours in numbers alone.
HEAVY = {"vgg16", "vgg19", "resnet101_v2", "inception_resnet_v2", "resnet34", "resnext50_32x4d"}
heavy = pytest.mark.skipif("HEAVY" not in os.environ, reason="the slowest networks: HEAVY=1 trains them, in minutes")


def ends_in_epoch_2(line: str) -> None:
    if line.startswith("epoch 2/"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("model", [pytest.param(name, marks=heavy if name in HEAVY else ()) for name in MODELS])
def test_every_network_trains_goes_on_and_is_judged(model: str, other_lab: Path, tmp_path: Path) -> None:
    lab, out = read_dataset(other_lab), tmp_path / "run"
    data = [replace(lab, items=lab.items[::2])]
    options = TrainOptions(model, SHORT, "none", size=max(32, MODELS[model].least))
    with pytest.raises(KeyboardInterrupt):
        train(data, out, options, log=ends_in_epoch_2)
    said: list[str] = []
    facts = train(data, out, options, log=said.append)
    assert said[0] == "goes on after epoch 1 of 2" and facts["epoch"] == 2
    assert load_run(out).model == facts["model"] == model
    found = judge_lab(open_classifier(out), other_lab, "lab", embed=True)
    assert found.scores.shape == (41, 5) and found.embeddings is not None and len(found.embeddings) == 41
    np.testing.assert_allclose(found.scores.sum(1), 1, atol=1e-5)
    shutil.rmtree(out)  # up to half a gigabyte


@pytest.mark.parametrize("model", [name for name in MODELS if MODELS[name].least > 32] + ["inception_v3+yu"])
def test_crops_too_small_for_a_network_are_refused_by_its_name(model: str, other_lab: Path, tmp_path: Path) -> None:
    options = TrainOptions(model, "yu", "none", size=64)
    with pytest.raises(BadInput, match=rf"64 pixels are too small for {model.replace('+', '.')}; give it 75 or more"):
        train([read_dataset(other_lab)], tmp_path / "run", options)
    assert not (tmp_path / "run").exists()


def test_a_batch_of_one_is_refused(other_lab: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--batch: one crop a rank has no batch statistics; give it 2 or more"):
        train([read_dataset(other_lab)], tmp_path / "run", TrainOptions(weights="none", size=32, batch=1))
    assert not (tmp_path / "run").exists()


def test_raabins_recipe_balances_the_classes_by_flips_and_scale(
    other_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 2 basophils and 8 of the others an epoch sees as many, each time flipped and scaled by other draws."""
    lab = tmp_path / "lab"
    shutil.copytree(other_lab, lab)
    for number in range(4, 9):
        (lab / "basophil" / f"{number}.png").unlink()
    shown: list[np.ndarray] = []
    vary = loop.vary

    def varied(crops: np.ndarray, *rest: object) -> np.ndarray:
        found = vary(crops, *rest)  # type: ignore[arg-type]
        if len(crops) == RECIPES["raabin"].batch:
            shown.extend(found)
        return found

    drawn: list[np.ndarray] = []
    draw_rows = loop.draw_rows
    monkeypatch.setattr(loop, "vary", varied)
    monkeypatch.setattr(loop, "draw_rows", lambda *given: drawn.append(draw_rows(*given)) or drawn[-1])
    options = TrainOptions("mobilenet_v2", "raabin", "none", epochs=1, size=32)
    facts = train([read_dataset(lab)], tmp_path / "run", options)
    assert facts["recipe"]["name"] == "raabin" and facts["recipe"]["variation"]["zoom"] == [0.8, 1.2]
    run = load_run(tmp_path / "run")
    _, columns = run.crops("train")
    held, (rows,) = Counter(columns.tolist()), drawn
    basophil = run.labels.index("basophil")
    assert held[basophil] < min(count for column, count in held.items() if column != basophil)
    seen = Counter(columns[rows].tolist())
    # Four each, but for the fractions of a draw that chance rounds up or down; by their counts a basophil came once.
    assert len(rows) == 20 and len(seen) == 5 and all(abs(count - 4) <= 1 for count in seen.values())
    # A crop that is drawn twice is shown in two ways.
    twice = [row for row, count in Counter(rows.tolist()).items() if count > 1]
    assert twice and all(
        not np.array_equal(shown[first], shown[second])
        for first, second, *_ in (np.flatnonzero(rows == row) for row in twice)
    )


def test_a_frozen_network_learns_in_its_head_alone(
    other_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Yu's recipe: the body's features are computed once, and nothing of the body moves, its statistics neither."""
    begun: list[dict[str, torch.Tensor]] = []
    start = loop._start

    def kept(*given: object) -> tuple[torch.nn.Module, str]:
        network, weights = start(*given)  # type: ignore[arg-type]
        begun.append({name: value.clone() for name, value in network.state_dict().items()})
        return network, weights

    computed: list[int] = []
    features_of = loop.features_of
    monkeypatch.setattr(loop, "_start", kept)
    monkeypatch.setattr(
        loop,
        "features_of",
        lambda net, head, pixels, *rest: computed.append(len(pixels)) or features_of(net, head, pixels, *rest),
    )
    monkeypatch.setattr(loop, "vary", None)
    options = TrainOptions("mobilenet_v2+yu", "yu", "none", epochs=4, batch=8, size=32)
    train([read_dataset(other_lab)], tmp_path / "run", options)
    assert computed == [41]
    run = load_run(tmp_path / "run")
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, begun[0][name]) is not name.startswith("classifier.1."), name
    # What the cached features gave in each epoch is what the whole network says of the same crops.
    rows = (run.path / "curves.csv").read_text().splitlines()
    last = dict(zip(rows[0].split(","), rows[-1].split(","), strict=True))
    assert float(last["val_accuracy"]) == pytest.approx(run.metrics["val"]["accuracy"], abs=1e-5)
    assert float(last["train_loss"]) < float(
        dict(zip(rows[0].split(","), rows[1].split(","), strict=True))["train_loss"]
    )


@pytest.mark.parametrize("killed_after", [None, 2])
def test_the_epoch_with_the_best_auc_is_kept(
    killed_after: int | None, other_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The course report's rule, over a kill after the best epoch too."""
    saved: list[dict[str, torch.Tensor]] = []
    save, judge = Checkpoint.save, loop.judge
    aucs = iter([0.6, 0.9, 0.7])

    def save_and_die(self: Checkpoint, *rest: object) -> None:
        save(self, *rest)  # type: ignore[arg-type]
        network = self.parts["network"]
        assert isinstance(network, torch.nn.Module)
        saved.append({name: value.clone() for name, value in network.state_dict().items()})
        if len(saved) == killed_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", save_and_die)
    monkeypatch.setattr(loop, "judge", lambda *given: (*judge(*given)[:3], next(aucs)))
    options = TrainOptions("shufflenet_v2_x1_0", "course", "none", epochs=3, batch=8, size=32)
    data, out = [read_dataset(other_lab)], tmp_path / "run"
    if killed_after:
        with pytest.raises(KeyboardInterrupt):
            train(data, out, options)
    facts = train(data, out, options)
    assert facts["epoch"] == 2 and len(saved) == 3
    kept = load_run(out).network.state_dict()
    assert all(torch.equal(value, saved[1][name]) for name, value in kept.items())
    assert not torch.equal(kept["fc.weight"], saved[2]["fc.weight"])
    assert [line.split(",")[-2] for line in (out / "curves.csv").read_text().splitlines()] == [
        "val_auc",
        "0.6",
        "0.9",
        "0.7",
    ]


def test_the_course_reports_recipe() -> None:
    recipe = RECIPES["course"]
    assert (recipe.epochs, recipe.lr, recipe.keep, recipe.schedule) == (30, 1e-4, "auc", "constant")
    optimiser = recipe.make_optimiser(torch.nn.Linear(2, 2))
    assert type(optimiser) is torch.optim.Adam
    scheduler = recipe.make_scheduler(optimiser, epochs=30, steps=2)
    for _ in range(60):
        optimiser.step()
        scheduler.step()
        assert optimiser.param_groups[0]["lr"] == 1e-4
    with pytest.raises(ValueError, match="no best epoch"):
        replace(recipe, courses=2)
