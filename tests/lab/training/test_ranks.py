"""Two ranks on loopback train the very network that one trains."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.models import MODELS
from edge_wbc.lab.training import Recipe, TrainOptions, load_run, loop, ranks, recipes, train

EVERY = """
import sys
from dataclasses import replace
from pathlib import Path
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.models import MODELS
from edge_wbc.lab.training import RECIPES, Recipe, TrainOptions, joined_ranks, train
# Processes that cut crops would start it anew.
if __name__ == "__main__":
    data = [read_dataset(Path("lab"))]
    short = Recipe(1, 8, 1e-3, "constant")
    with joined_ranks() as ranks:
        for name in sys.argv[1:]:
            recipe = replace(RECIPES["yu"], epochs=2, batch=8) if name.endswith("+yu") else short
            size = max(32, MODELS[name.partition("+")[0]].least)
            train(data, Path(name), TrainOptions(name, recipe, "none", size=size), ranks=ranks)
"""
START = """
from edge_wbc.cli.main import main
from test_ranks import plain
# Processes that cut crops would start it anew.
if __name__ == "__main__":
    plain(setattr)
    main()
"""


def plain(put: Callable[[object, str, object], None]) -> None:
    """A small network, and nothing that each rank draws for itself: no variation, no dropout."""
    put(ranks, "pick_device", lambda: torch.device("cpu"))
    put(loop, "vary", lambda crops, chance, how, colour: crops)
    put(loop, "build_network", small)
    put(recipes, "RECIPES", {"plain": Recipe(2, 16, 0.2, "cosine", average=0.9, freeze_norm=True)})


def small(model: str, labels: int, imagenet: bool = False) -> nn.Module:
    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, labels)),
    )
    for figure in ("mean", "std"):
        network.register_buffer(figure, torch.full((3, 1, 1), 0.5), persistent=False)
    return network


@pytest.fixture
def gloo() -> None:
    try:
        torch.distributed.ProcessGroupGloo.create_device(hostname="127.0.0.1")
        torch.distributed.TCPStore("127.0.0.1", 0, 1, True)
    except (RuntimeError, OSError) as error:
        pytest.skip(f"gloo opens no socket here: {error}")


def torchrun(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Two processes of a script, on loopback."""
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", script, *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )


def test_two_ranks_equal_one(gloo: None, drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = tmp_path / "lab"
    shutil.copytree(drawn_lab, lab, ignore=shutil.ignore_patterns("*_001.*", "*_002.*"))
    (tmp_path / "start.py").write_text(START)
    said = torchrun(
        tmp_path, "start.py", "train", "lab", "--recipe", "plain", "--weights", "none", "--size", "32", "--out", "two"
    )
    assert said.returncode == 0, said.stderr
    # One of them speaks.
    assert said.stderr.count("epoch 2/2: loss") == said.stdout.count("in two") == 1

    plain(monkeypatch.setattr)
    train([read_dataset(lab)], tmp_path / "one", TrainOptions(recipe="plain", weights="none", size=32))
    one, two = (safetensors.torch.load_file(tmp_path / run / "weights.safetensors") for run in ("one", "two"))
    torch.manual_seed(0)
    begun = small("", 5).state_dict()
    assert min((value - begun[name]).abs().max() for name, value in one.items() if "weight" in name) > 0.002
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.allclose(value, two[name], atol=1e-4), name
    assert (tmp_path / "one" / "crops.csv").read_bytes() == (tmp_path / "two" / "crops.csv").read_bytes()
    losses = [(tmp_path / run / "curves.csv").read_text().splitlines()[1].split(",")[2] for run in ("one", "two")]
    assert float(losses[0]) == pytest.approx(float(losses[1]), abs=1e-4)


def test_networks_of_every_kind_train_on_two_ranks(gloo: None, other_lab: Path, tmp_path: Path) -> None:
    """Another library's, whose auxiliary head is left out; a frozen one whose head alone learns. HEAVY=1 takes all."""
    names = ["inception_v3", "mobilenet_v2+yu"]
    if "HEAVY" in os.environ:
        names = [*MODELS, "resnet18+embedding", "vgg16+yu"]
    shutil.copytree(other_lab, tmp_path / "lab", ignore=shutil.ignore_patterns("[5-8].png"))
    (tmp_path / "every.py").write_text(EVERY)
    said = torchrun(tmp_path, "every.py", *names)
    assert said.returncode == 0, said.stderr
    for name in names:
        run = load_run(tmp_path / name)
        assert run.model == name and sum(len(run.crops(part)[0]) for part in ("train", "val", "test")) == 21
        assert [] == [key for key, value in run.network.state_dict().items() if not value.isfinite().all()]
        shutil.rmtree(tmp_path / name)


def test_one_crop_a_rank_is_refused(drawn_lab: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="one crop a rank has no batch statistics; give it 4 or more"):
        train([read_dataset(drawn_lab)], tmp_path / "run", TrainOptions(batch=2), ranks=ranks.Ranks(1, 2, 1))


def test_a_batch_that_ranks_cannot_share_is_refused(drawn_lab: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="10 crops can't be shared by 3 ranks"):
        train([read_dataset(drawn_lab)], tmp_path / "run", TrainOptions(recipe="raabin"), ranks=ranks.Ranks(1, 3, 1))
    assert not (tmp_path / "run").exists()
