"""The `edge-wbc` program: its commands, and the one place where faults become a line and an exit code."""

from __future__ import annotations

import os
import sys

import typer

from adapter_cad.errors import BadDesign
from edge_wbc.cli import (
    adapt,
    adapter,
    agree,
    bench,
    classify,
    compare,
    data,
    dedup,
    demo,
    evaluate,
    export,
    find,
    models,
    pack,
    segment,
    synth,
    train,
)
from edge_wbc.cli import app as app_command
from edge_wbc.cli.show import remark
from edge_wbc.core.errors import BadInput, CheckFailed

__all__ = ["app", "main"]

# libgomp's threads spin while they wait; beside one other busy process that made training on two cores 15 times
# slower. With short spins: 348 images a second alone (320 before), 96 beside a busy process (58 before).
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

app = typer.Typer(
    name="edge-wbc",
    help="Smartphone microscopy of white blood cells: find, train, export, classify. Research use, not for diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: Rich alone would take a third of the time that --help may take
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.add_typer(synth.app, name="synth")
app.command("find")(find.find)
app.add_typer(data.app, name="data")
app.command("agree")(agree.agree)
app.command("dedup")(dedup.dedup)
app.command("segment")(segment.segment)
app.command("train")(train.train)
app.command("adapt")(adapt.adapt)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.command("classify")(classify.classify)
app.command("bench")(bench.bench)
app.command("compare")(compare.compare)
app.command("models")(models.models)
app.add_typer(pack.app, name="pack")
app.add_typer(adapter.app, name="adapter")
app.command("app")(app_command.app)

_EXTRA_OF = {
    "torch": "train",
    "torchvision": "train",
    "sklearn": "train",
    "scipy": "train",
    "safetensors": "train",
    "matplotlib": "train",
    "optuna": "train",
    "jinja2": "train",
    "pydantic": "train",
    "defusedxml": "train",
    "yaml": "train",
    "tensorboard": "tensorboard",
    "distributed": "cluster",
    "dask": "cluster",
    "litert_torch": "export",
    "ai_edge_quantizer": "export",
    "ai_edge_litert": "export",
    "onnx": "export",
    "onnxruntime": "export",
    "trimesh": "cad",
    "manifold3d": "cad",
    "embreex": "cad",
    "networkx": "cad",
    "lxml": "cad",
    "PIL": "cad",
    "kivy": "app",
    "arabic_reshaper": "app",
}


def main() -> None:
    """Runs a command; exits 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    try:
        app()
    except CheckFailed as failed:
        remark(f"edge-wbc: {failed}")
        sys.exit(1)
    except (BadInput, BadDesign) as fault:
        remark(f"edge-wbc: {fault}")
        sys.exit(2)
    except ModuleNotFoundError as missing:
        extra = _EXTRA_OF.get((missing.name or "").split(".")[0])
        if extra is None:
            raise
        remark(f"edge-wbc: {missing.name}: not installed; pip install 'edge-wbc[{extra}]'")
        sys.exit(2)
    except OSError as error:
        place = error.filename or "the disk"
        remark(f"edge-wbc: {place}: {error.strerror or error}; free some space or choose another place")
        sys.exit(2)
    except KeyboardInterrupt:
        remark("edge-wbc: stopped; the same command goes on where long work was")
        sys.exit(130)
