"""A pack's half-precision weights name cells as the whole ones do, also where half precision has no numbers."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.adaptation.source import open_source
from edge_wbc.lab.adaptation.weights import read_halves, write_halves
from edge_wbc.lab.training import load_run
from edge_wbc.lab.training.judging import predict_logits


def tiny() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def test_batch_norm_that_half_precision_cannot_hold() -> None:
    network, other = tiny(), tiny()
    norm = network[1]
    with torch.no_grad():
        norm.running_var.copy_(torch.tensor([1e-9, 7e4, 1e6, 1e-38]))
        norm.running_mean.copy_(torch.tensor([1e5, -1e5, 0.0, 3e-8]))
    assert not torch.isfinite(norm.running_var.half()).all() and (norm.running_var.half() == 0).any()
    read_halves(write_halves(network), other, "here")
    for name, value in norm.state_dict().items():
        assert torch.equal(other[1].state_dict()[name], value)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_kernels_beyond_half_precision_stay_single(scale: float) -> None:
    network, other = tiny(), tiny()
    with torch.no_grad():
        network[0].weight[2] *= scale
    content = write_halves(network)
    stored = safetensors.torch.load(content)
    assert stored["0.weight"].dtype == torch.float32 and stored["3.weight"].dtype == torch.float16
    read_halves(content, other, "here")
    assert torch.equal(other[0].weight, network[0].weight)


def test_a_pack_opens_as_the_run_it_came_from(small_run: Path, weights_pack: Path, tmp_path: Path) -> None:
    run, pack = load_run(small_run), open_source(weights_pack)
    for name in ("model", "labels", "crop", "temperature", "uncertain_below", "mean", "std", "seed"):
        assert getattr(pack, name) == pytest.approx(getattr(run, name)) if name in ("mean", "std") else True
        if name not in ("mean", "std"):
            assert getattr(pack, name) == getattr(run, name)
    assert pack.provenance == run.provenance
    crops, _ = run.crops("test")
    whole, halved = (predict_logits(network, crops) for network in (run.network, pack.network))
    assert np.abs(whole - halved).max() < 0.05 * np.abs(whole).max()
    sizes = [(folder / "weights.safetensors").stat().st_size for folder in (small_run, weights_pack)]
    assert sizes[1] < 0.53 * sizes[0]


def test_weights_that_do_not_fit() -> None:
    with pytest.raises(BadInput, match="here: not readable weights"):
        read_halves(b"nonsense", tiny(), "here")
    with pytest.raises(BadInput, match="here: weights of another network"):
        read_halves(write_halves(nn.Linear(2, 2)), tiny(), "here")
    broken = tiny()
    with torch.no_grad():
        broken[3].bias[0] = float("nan")
    with pytest.raises(BadInput, match=r"here: tensor '3\.bias' holds NaN"):
        read_halves(write_halves(broken), tiny(), "here")


def test_the_same_weights_are_the_same_bytes() -> None:
    assert len({write_halves(tiny_once) for tiny_once in [tiny()] * 8}) == 1
