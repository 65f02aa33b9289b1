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
from edge_wbc.lab.training import Recipe, TrainOptions, loop, ranks, recipes, train

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


def test_two_ranks_equal_one(gloo: None, drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = tmp_path / "lab"
    shutil.copytree(drawn_lab, lab, ignore=shutil.ignore_patterns("*_001.*", "*_002.*"))
    (tmp_path / "start.py").write_text(START)
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    said = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "start.py", "train"]
        + ["lab", "--recipe", "plain", "--weights", "none", "--size", "32", "--out", "two"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
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


def test_a_batch_that_ranks_cannot_share_is_refused(drawn_lab: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="10 crops can't be shared by 3 ranks"):
        train([read_dataset(drawn_lab)], tmp_path / "run", TrainOptions(recipe="raabin"), ranks=ranks.Ranks(1, 3, 1))
    assert not (tmp_path / "run").exists()
