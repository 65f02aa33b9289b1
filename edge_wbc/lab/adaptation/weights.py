"""A network's weights in half precision, as a pack carries them to adapt from."""

from __future__ import annotations

import safetensors
import safetensors.torch
import torch
from torch import nn

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.models import load_weights

__all__ = ["read_halves", "write_halves"]

_LARGEST_ERROR = 1e-3
"""Relative, of any output's weights; a normal half has 2**-11 of it at most, a subnormal far more."""
_NOTHING = 5e-8
"""Half the step between halves near 0: a two-hundredth of what batch norm adds to a variance."""


def write_halves(network: nn.Module) -> bytes:
    """The state of a network as safetensors, in half precision where that loses little.

    A kernel or matrix stays as it is if any output's weights lose more than a thousandth, a vector if any number does:
    one over 65504 would become infinite.
    """
    kept = {}
    for name, tensor in network.state_dict().items():
        # Cloned, because safetensors refuses two names for one piece of memory.
        value = tensor.detach().cpu().contiguous().clone()
        if value.is_floating_point() and _fits(value):
            value = value.half()
        kept[name] = value
    # No second fact beside the format: safetensors writes several in an order by chance.
    return safetensors.torch.save(kept, {"format": "pt"})


def _fits(value: torch.Tensor) -> bool:
    rows = value.double().reshape(len(value), -1) if value.ndim else value.double().reshape(1, 1)
    lost = (rows.half().double() - rows).norm(dim=1)
    return bool((lost <= _LARGEST_ERROR * rows.norm(dim=1) + _NOTHING).all())


def read_halves(content: bytes, network: nn.Module, where: str) -> None:
    """Gives a network the weights that `write_halves` kept, in the precision of the network.

    Raises:
        BadInput: not safetensors, another network's, or weights that are not numbers; the line names `where`.
    """
    remedy = "export the pack again"
    try:
        state = safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError) as error:
        raise BadInput(where, f"not readable weights ({error})", remedy) from error
    wanted = network.state_dict()
    for name, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise BadInput(where, f"tensor {name!r} holds NaN or infinite weights", remedy)
        if name in wanted:
            state[name] = value.to(wanted[name].dtype)
    try:
        load_weights(network, state)
    except RuntimeError as error:
        fault = str(error).strip().splitlines()[-1].strip()
        raise BadInput(where, f"weights of another network ({fault})", remedy) from error
