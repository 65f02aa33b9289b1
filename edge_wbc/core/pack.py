"""The model pack: a folder, or that folder zipped, that the phone can trust.

``pack.json`` lists every file with its size and SHA-256. A reader refuses whatever does not match and says
which. Nothing in a pack is pickled.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Callable, Dict, Iterable, Mapping, Protocol, Tuple

from edge_wbc.core.colour import COLOURS, REFERENCES
from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_folder
from edge_wbc.core.taxonomy import FIVE_CLASSES, LABELS

__all__ = [
    "CLASSIFY",
    "DETECT",
    "PACK_SCHEMA",
    "WEIGHTS_FILE",
    "Manifest",
    "Pack",
    "artefact_name",
    "artefacts_in",
    "check_replaceable",
    "read_pack",
    "read_verified",
    "task_of",
    "write_folder",
    "write_pack",
]

PACK_SCHEMA = 1
LARGEST_FILE = 256 * 1024 * 1024
LARGEST_MANIFEST = 4 * 1024 * 1024

KINDS: Dict[str, str] = {
    "tflite-fp32": "model.fp32.tflite",
    "tflite-fp16": "model.fp16.tflite",
    "tflite-dynamic": "model.dynamic.tflite",
    "tflite-int8": "model.int8.tflite",
    "onnx-fp32": "model.onnx",
    "onnx-int8": "model.int8.onnx",
}
CLASSIFY, DETECT = "classify", "detect"
"""What a pack's model does; a pack.json without a `task` classifies."""

WEIGHTS_FILE = "weights.safetensors"
"""What `edge-wbc adapt` starts from: kernels in half precision, vectors in single."""


class Describes(Protocol):
    """What a pack.json can be written from."""

    def to_json(self) -> Dict[str, Any]:
        """The members of pack.json that describe the model."""


@dataclass(frozen=True)
class Manifest:
    """What pack.json says beside its list of files.

    Attributes:
        model: the network's name in the registry.
        labels: of the output's columns, in order.
        crop: the crop rule that training used and the phone must use.
        mean, std: per channel, 0 to 1; already inside every artefact's graph.
        temperature: logits are divided by it inside the graph.
        uncertain_below: a highest probability under it is "uncertain".
        metrics: domain -> the object that ``evaluate --json`` prints.
        seed, versions: of the training.
    """

    model: str
    labels: Tuple[str, ...]
    crop: CropRule
    mean: Tuple[float, float, float]
    std: Tuple[float, float, float]
    temperature: float = 1.0
    uncertain_below: float = 0.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Dict[str, Any]:
        """The members of pack.json that describe the model."""
        return {
            "schema": PACK_SCHEMA,
            "model": self.model,
            "labels": list(self.labels),
            "input": {"size": self.crop.size, "layout": "NHWC", "channels": "RGB", "range": [0, 255]},
            "crop": asdict(self.crop),
            "normalisation": {"mean": list(self.mean), "std": list(self.std), "in_graph": True},
            "colour_reference": REFERENCES.get(self.crop.colour),
            "temperature": self.temperature,
            "uncertain_below": self.uncertain_below,
            "metrics": dict(self.metrics),
            "seed": self.seed,
            "versions": dict(self.versions),
            "note": "research use, not for diagnosis",
        }


@dataclass(frozen=True)
class Pack:
    """A pack whose every file has been verified.

    Attributes:
        path: where it was read from.
        manifest: what it says of its model.
        files: name -> content, exactly the files that pack.json lists.
    """

    path: Path
    manifest: Manifest
    files: Mapping[str, bytes]

    def artefacts(self) -> Dict[str, str]:
        """Kind -> file name of the artefacts in this pack, in the order of `KINDS`."""
        return artefacts_in(self.files)


def typed(value: Any, *kinds: type) -> Any:
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{value!r} is of the wrong type")
    return value


def number(value: Any) -> float:
    return float(typed(value, int, float))


def _manifest(where: str, data: Mapping[str, Any]) -> Manifest:
    try:
        labels = tuple(typed(label, str) for label in typed(data["labels"], list))
        colour = typed(data["crop"]["colour"], str)
        crop = CropRule(typed(data["crop"]["size"], int), number(data["crop"]["widen"]), colour)
        colours = data["normalisation"]
        mean, std = (tuple(number(value) for value in typed(colours[key], list)) for key in ("mean", "std"))
        manifest = Manifest(
            typed(data["model"], str),
            labels,
            crop,
            mean,  # type: ignore[arg-type]
            std,  # type: ignore[arg-type]
            number(data["temperature"]),
            number(data["uncertain_below"]),
            typed(data["metrics"], dict),
            typed(data["seed"], int),
            typed(data["versions"], dict),
        )
        # As text, since 0 == False.
        said, meant = (
            json.dumps([part["input"], part["colour_reference"]], sort_keys=True) for part in (data, manifest.to_json())
        )
        as_written = said == meant and colours["in_graph"] is True and colour in COLOURS
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadInput(where, f"pack.json is not as its schema says ({error!r})", "export the pack again") from error
    unknown = [label for label in labels if label not in LABELS and label not in FIVE_CLASSES]
    sound = (
        len(mean) == len(std) == 3
        and all(0 <= value <= 1 for value in mean)
        and all(0 < value <= 1 for value in std)
        and 16 <= crop.size <= 1024
        and 0.5 <= crop.widen <= 4
        and 0 < manifest.temperature < float("inf")
        and 0 <= manifest.uncertain_below <= 1
    )
    if not as_written:
        raise BadInput(where, "an input, colour or normalisation that this edge-wbc does not know", "update edge-wbc")
    if unknown or not labels or len(set(labels)) != len(labels) or not sound:
        raise BadInput(
            where, "pack.json names impossible labels, crop, normalisation or threshold", "export the pack again"
        )
    return manifest


def _stored(path: Path) -> Tuple[Dict[str, int], Callable[[str], bytes]]:
    """Sizes of the files in a pack, and what reads one; a zip's own sizes are not believed when reading."""
    if path.is_dir():
        sizes = {
            file.relative_to(path).as_posix(): file.lstat().st_size
            for file in path.rglob("*")
            if file.is_symlink() or not file.is_dir()
        }
        linked = [name for name in sizes if (path / name).is_symlink()]
        if linked:
            raise BadInput(path / linked[0], "a link inside a pack", "replace it by the file")

        def load(name: str) -> bytes:
            try:
                return (path / name).read_bytes()
            except OSError as error:
                raise BadInput(path / name, f"cannot be read ({error.strerror})") from error

        return sizes, load
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged zip raises many kinds that share no base but Exception
        raise BadInput(path, f"neither a pack's folder nor its zip ({error})") from error
    names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    if len(set(names)) != len(names):
        raise BadInput(path, "two files of one name in the zip")

    def read(name: str) -> bytes:
        try:
            with archive.open(name) as stream:
                return stream.read(LARGEST_FILE + 1)
        except Exception as error:  # as above, zlib's and lzma's own too
            raise BadInput(f"{path}: {name}", f"cannot be unzipped ({error})") from error

    return {entry.filename: entry.file_size for entry in archive.infolist() if not entry.is_dir()}, read


def read_pack(path: Path) -> Pack:
    """Reads and verifies the pack of a classifier.

    Raises:
        BadInput: no pack there, a detector's, an unknown schema, a path outside the pack, a file missing, unlisted,
            oversized or with another SHA-256; the line names the file.
    """
    data, files = read_verified(path)
    if task_of(data) != CLASSIFY:
        raise BadInput(path, f"holds a model to {task_of(data)}, not to {CLASSIFY}", "name a classifier's pack")
    return Pack(path, _manifest(f"{path}: pack.json", data), files)


def task_of(data: Mapping[str, Any]) -> str:
    """What the model of a pack.json does: `CLASSIFY`, `DETECT` or what a newer edge-wbc knows."""
    return str(data.get("task", CLASSIFY))


def artefacts_in(files: Iterable[str]) -> Dict[str, str]:
    """Kind -> file name of the artefacts among a pack's files, in the order of `KINDS`."""
    held = set(files)
    return {kind: name for kind, name in KINDS.items() if name in held}


def artefact_name(path: Path, files: Mapping[str, bytes], kind: str) -> str:
    """The file of a pack's artefact.

    Raises:
        BadInput: the pack has no such artefact; the line names those it has.
    """
    held = artefacts_in(files)
    if kind not in held:
        raise BadInput(path, f"holds no {kind} artefact", f"it holds: {', '.join(held) or 'none'}")
    return KINDS[kind]


def read_verified(path: Path) -> Tuple[Dict[str, Any], Dict[str, bytes]]:
    """What pack.json says and every file that it lists, of whatever task; raises as `read_pack` does."""
    if not path.exists():
        raise BadInput(path, "no such pack")
    sizes, read = _stored(path)
    for name, size in sizes.items():
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or ".." in parts or ":" in name:
            raise BadInput(path, f"{name!r} points outside the pack")
        if size > (LARGEST_MANIFEST if name == "pack.json" else LARGEST_FILE):
            raise BadInput(f"{path}: {name}", f"oversized ({size} bytes)")
    if "pack.json" not in sizes:
        raise BadInput(path, "no pack.json in it", "name a folder or zip that `edge-wbc export` wrote")
    where = f"{path}: pack.json"
    try:
        data = json.loads(read("pack.json").decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput(where, f"not JSON ({error})", "export the pack again") from error
    if not isinstance(data, dict) or data.get("schema") != PACK_SCHEMA or data["schema"] is True:
        raise BadInput(where, "unknown schema", f"this edge-wbc reads schema {PACK_SCHEMA}")
    listed = data.get("files")
    if not isinstance(listed, dict) or not all(isinstance(entry, dict) for entry in listed.values()):
        raise BadInput(where, "'files' must list every file with bytes and sha256")
    for name in sorted(set(sizes) ^ (set(listed) | {"pack.json"})):
        fault = "not listed in pack.json" if name in sizes else "listed in pack.json but missing"
        raise BadInput(f"{path}: {name}", fault, "export the pack again")
    files = {}
    for name, entry in listed.items():
        content = read(name)
        if len(content) != entry.get("bytes") or hashlib.sha256(content).hexdigest() != entry.get("sha256"):
            raise BadInput(f"{path}: {name}", "its SHA-256 is not the one in pack.json", "copy or export it again")
        files[name] = content
    return data, files


def check_replaceable(out: Path, known_by: str) -> None:
    """Raises `BadInput` where `out` is anything but free, empty, or a folder that holds the file `known_by`."""
    if out.exists() and not (out / known_by).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(out, f"exists and holds no {known_by}", "choose another --out")


def write_folder(out: Path, files: Mapping[str, bytes], known_by: str) -> None:
    """Writes a folder whole or not at all: beside its place first, then renamed.

    Args:
        known_by: a file that an earlier folder of this kind holds; a folder without it is never replaced.

    Raises:
        BadInput: something else is at `out`.
        OSError: the disk is full or the place not writable; nothing is left behind.
    """
    check_replaceable(out, known_by)
    with whole_folder(out) as beside:
        for name, content in files.items():
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            (beside / name).write_bytes(content)


def write_pack(out: Path, manifest: Describes, files: Mapping[str, bytes]) -> None:
    """Writes pack.json and its files as one folder, whole or not at all; raises as `write_folder` does."""
    listed = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()
    }
    body = json.dumps({**manifest.to_json(), "files": listed}, indent=1, ensure_ascii=False) + "\n"
    write_folder(out, {"pack.json": body.encode(), **files}, known_by="pack.json")
