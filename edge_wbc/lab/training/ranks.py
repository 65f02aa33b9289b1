"""Several processes that train one network, as ``torchrun`` starts them; one process alone is the same, with one rank.

Every rank reads the run folder, so all of them must see it. The batch of the recipe is that of all ranks together.
Batch norm is synchronised on CUDA. PyTorch has no such layer for the CPU: there each rank normalises by its own share
of the batch, as large trainings do (Goyal et al. 2017, section 2.3), and the statistics that are kept are read anew
afterwards or were never touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn

from edge_wbc.lab.models import pick_device

__all__ = ["ALONE", "Ranks", "joined_ranks", "rank_count"]

# Others wait while the first rank cuts crops or judges.
_PATIENCE = timedelta(hours=6)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; `local` counts those of its machine."""

    rank: int = 0
    count: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether it is the one that writes, logs and judges."""
        return self.rank == 0

    def device(self) -> torch.device:
        """A GPU of its own where there are any, else the CPU."""
        device = pick_device()
        return torch.device("cuda", self.local) if device.type == "cuda" and self.count > 1 else device

    def wait(self) -> None:
        """Until every rank is here."""
        if self.count > 1:
            distributed.barrier()

    def summed(self, values: Sequence[float]) -> list[float]:
        """The sums over all ranks."""
        if self.count == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=self.device())
        distributed.all_reduce(sums)
        return sums.tolist()

    def together(self, network: nn.Module) -> nn.Module:
        """The network as it is trained: with gradients averaged over the ranks."""
        if self.count == 1:
            return network
        device = self.device()
        if device.type == "cuda":
            return nn.parallel.DistributedDataParallel(
                nn.SyncBatchNorm.convert_sync_batchnorm(network), device_ids=[device.index]
            )
        return nn.parallel.DistributedDataParallel(network)


ALONE = Ranks()


def rank_count() -> int:
    """How many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Joins the ranks that ``torchrun`` started, over NCCL between GPUs and gloo between CPUs; else it is `ALONE`."""
    if rank_count() == 1:
        yield ALONE
        return
    ranks = Ranks(int(os.environ["RANK"]), rank_count(), int(os.environ["LOCAL_RANK"]))
    device = ranks.device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield ranks
    finally:
        distributed.destroy_process_group()
