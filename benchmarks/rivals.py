"""Our export beside what its user would do instead: the same weights, the same crops to calibrate on, one machine.

    python benchmarks/rivals.py RUN ... [--data ../shared/data] [--onnx2tf VENV] [--work build/rivals] [--reuse]

- ours: `export.pack.convert`, as `edge-wbc export` calls it.
- stock: litert-torch as its README has it (`to_channel_last_io`, `convert`) and ai-edge-quantizer with its own recipe
  `static_wi8_ai8` and its own calibration.
- onnx2tf: PyTorch's ONNX exporter and `onnx2tf -oiqt`, which computes with TensorFlow; VENV is an environment of its
  own: python3.11 -m venv VENV && VENV/bin/pip install onnx2tf==1.29.24

All take bytes and give probabilities, normalisation and softmax inside. Times are LiteRT's (XNNPACK) with one thread,
of the call that computes and nothing else; rounds go over all files in turn. ONNX Runtime runs our .onnx beside them.
Labels are compared with PyTorch's on held-out crops of the run and, with --data, on tecom's, of another laboratory.

Every file stays in --work as RUN.MAKER.KIND.tflite; with --reuse those of an earlier call are measured again. Prints a
table and writes benchmarks/results/rivals.json and rivals.md.
"""

from __future__ import annotations

import argparse
import os

# Before anything that computes is loaded: calibration and PyTorch shall not disturb what is timed either.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import muted_stderr, open_interpreter
from edge_wbc.lab.datasets import load_crops, read_dataset
from edge_wbc.lab.training import load_run
from edge_wbc.lab.training.run import TrainedRun
from export.calibration import CALIBRATION_CROPS
from export.cost import cost_of
from export.device import device_name, installed
from export.evidence import Evidence, evidence_of_run
from export.graph import DeployableGraph, graph_of_run, probabilities
from export.pack import convert
from export.quiet import quiet

ROOT = Path(__file__).parents[1]
PACKAGES = ("torch", "litert-torch", "litert-converter", "ai-edge-quantizer", "ai-edge-litert", "onnx", "onnxruntime")
PROBES = ("onnx2tf", "tensorflow", "onnx", "onnxsim")
TURN = 5  # timed inferences in a row, after one that is not
HELD_OUT = 300
OPSET = 17
OURS, STOCK, ONNX2TF = "ours", "stock", "onnx2tf"
# What is divided by what.
RATIOS = {
    "ours: fp32 / int8": (f"{OURS}.fp32.tflite", f"{OURS}.int8.tflite"),
    "stock: fp32 / int8": (f"{STOCK}.fp32.tflite", f"{STOCK}.int8.tflite"),
    "stock / ours, fp32": (f"{STOCK}.fp32.tflite", f"{OURS}.fp32.tflite"),
    "stock / ours, int8": (f"{STOCK}.int8.tflite", f"{OURS}.int8.tflite"),
    "onnx2tf / ours, fp32": (f"{ONNX2TF}.fp32.tflite", f"{OURS}.fp32.tflite"),
    "onnx2tf / ours, int8": (f"{ONNX2TF}.int8.tflite", f"{OURS}.int8.tflite"),
    "ONNX Runtime / ours, int8": (f"{OURS}.int8.onnx", f"{OURS}.int8.tflite"),
}


class ChannelsFirst(nn.Module):
    """The graph as PyTorch's users write it: float32 (N, 3, S, S) 0..255 in, probabilities out."""

    def __init__(self, graph: DeployableGraph) -> None:
        super().__init__()
        self.graph = graph
        # PyTorch's exporter puts a module back into the mode that it found, and its children with it.
        self.eval()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        normalise = self.graph.normalise
        logits = self.graph.network(functional.conv2d(pixels, normalise.gain, normalise.shift, groups=3))
        return torch.softmax(logits * self.graph.inverse_temperature, dim=1)


def make_ours(graph: DeployableGraph, size: int, crops: np.ndarray) -> dict[str, bytes]:
    """What `edge-wbc export` makes."""
    names = {"tflite-fp32": "fp32.tflite", "tflite-int8": "int8.tflite", "onnx-int8": "int8.onnx"}
    made = convert(graph.channels_last(), list(names), size, crops, lambda stage, done, total: None)
    return {f"{OURS}.{names[kind]}": model for kind, model in made.items()}


def make_stock(graph: DeployableGraph, size: int, crops: np.ndarray) -> dict[str, bytes]:
    """What the READMEs of litert-torch and ai-edge-quantizer make."""
    with quiet():
        import litert_torch
        from ai_edge_quantizer import quantizer as aeq
        from ai_edge_quantizer import recipe

        wrapped = litert_torch.to_channel_last_io(ChannelsFirst(graph), args=[0]).eval()
        whole = bytes(litert_torch.convert(wrapped, (torch.zeros(1, size, size, 3),)).model_content())
        with muted_stderr():
            from ai_edge_litert.interpreter import Interpreter

            signature = Interpreter(model_content=whole).get_signature_list()["serving_default"]
        feed = [{signature["inputs"][0]: crop[None].astype(np.float32)} for crop in crops]
        quantizer = aeq.Quantizer(bytearray(whole), recipe.static_wi8_ai8())
        ranges = quantizer.calibrate({"serving_default": feed}, num_threads=1)
        small = bytes(quantizer.quantize(ranges, enable_progress_report=False).quantized_model)
    return {f"{STOCK}.fp32.tflite": whole, f"{STOCK}.int8.tflite": small}


def make_onnx2tf(venv: Path, graph: DeployableGraph, size: int, crops: np.ndarray) -> dict[str, bytes]:
    """What onnx2tf makes of PyTorch's own ONNX.

    Raises:
        BadInput: it fails; the line carries its last words.
    """
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        with quiet():
            torch.onnx.export(
                ChannelsFirst(graph),
                (torch.zeros(1, 3, size, size),),
                str(folder / "model.onnx"),
                dynamo=False,
                opset_version=OPSET,
                input_names=["pixels"],
                output_names=["probabilities"],
            )
        np.save(folder / "crops.npy", crops.astype(np.float32))
        # It compares itself with ONNX Runtime on photographs that it would download: here, on some of the crops.
        some = [cv2.resize(crop, (128, 128)) for crop in crops[:20]]
        np.save(folder / "calibration_image_sample_data_20x128x128x3_float32.npy", np.float32(some) / np.float32(255))
        # (crop - 0) / 1 is what it calibrates on, channels last.
        data = ["-cind", "pixels", "crops.npy", "[[[[0,0,0]]]]", "[[[[1,1,1]]]]", "-coton", "denorm"]
        tools = venv.absolute() / "bin"
        command = [str(tools / "onnx2tf"), "-i", "model.onnx", "-o", "out", "-oiqt", *data]
        # It calls onnxsim by name, and goes on without where there is none.
        environment = {**os.environ, "PATH": os.pathsep.join([str(tools), os.environ["PATH"]])}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace")
        found = {
            f"{ONNX2TF}.fp32.tflite": folder / "out" / "model_float32.tflite",
            f"{ONNX2TF}.int8.tflite": folder / "out" / "model_full_integer_quant.tflite",
        }
        if done.returncode or not all(file.is_file() for file in found.values()):
            said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).splitlines()
            words = [line for line in said if "Error" in line] or [f"exit code {done.returncode}"]
            raise BadInput("onnx2tf", f"fails ({words[-1]})")
        return {name: file.read_bytes() for name, file in found.items()}


def make_all(
    graph: DeployableGraph, size: int, crops: np.ndarray, venv: Path | None, faults: list[str], run: str
) -> dict[str, bytes]:
    """MAKER.KIND.SUFFIX -> model; what failed is added to `faults`."""
    made = {**make_ours(graph, size, crops), **make_stock(graph, size, crops)}
    if venv is not None:
        try:
            made.update(make_onnx2tf(venv, graph, size, crops))
        except BadInput as error:
            faults.append(f"{run}: {error}")
    return made


def opened(name: str, model: bytes, size: int) -> Callable[[], Any]:
    """A call that computes one inference, its input laid in before."""
    crop = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
    with muted_stderr():
        if name.endswith(".onnx"):
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            feed = {session.get_inputs()[0].name: crop.astype(np.float32)}
            return lambda: session.run(None, feed)
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
        takes = interpreter.get_input_details()[0]
        interpreter.set_tensor(takes["index"], crop.view(np.int8) if takes["dtype"] == np.int8 else crop.astype("f4"))
        return interpreter.invoke  # type: ignore[no-any-return]


def timed(models: dict[str, bytes], size: int, rounds: int) -> dict[str, np.ndarray]:
    """Milliseconds, (rounds, TURN), of every model."""
    calls = {name: opened(name, model, size) for name, model in models.items()}
    taken: dict[str, list[list[float]]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            turn = []
            for _ in range(TURN):
                started = time.perf_counter()
                call()
                turn.append(1e3 * (time.perf_counter() - started))
            taken[name].append(turn)
    return {name: np.array(turns) for name, turns in taken.items()}


def measure(run: TrainedRun, graph: DeployableGraph, models: dict[str, bytes], evidence: Evidence, asked: Any) -> Any:
    """Rows and ratios of one network."""
    count = len(evidence.crops)
    crops = evidence.crops[np.linspace(0, count - 1, min(count, HELD_OUT)).astype(int)]
    expected = probabilities(graph, crops)
    abroad = load_crops(read_dataset(asked.data / "tecom"), run.crop).pixels if asked.data else None
    elsewhere = probabilities(graph, abroad) if abroad is not None else None
    times = timed(models, run.crop.size, asked.rounds)
    rows = []
    for name, model in models.items():
        maker, kind, _ = name.split(".")
        interpreter, cost = open_interpreter(name, model), cost_of(name, model)
        scores = interpreter.predict(crops)
        row: dict[str, Any] = {
            "network": run.model,
            "maker": maker,
            "kind": kind,
            "runtime": interpreter.runtime,
            "ms_median": round(float(np.median(times[name])), 4),
            "ms_p90": round(float(np.percentile(times[name], 90)), 4),
            "ms_min": round(float(times[name].min()), 4),
            "bytes": len(model),
            "operators": sum(cost.operators.values()),
            "transposes": cost.transposes,
            "multiply_adds": cost.multiply_adds,
            "int8_multiply_adds": cost.int8_multiply_adds,
            "held_out_crops": len(crops),
            "agreement": float((scores.argmax(1) == expected.argmax(1)).mean()),
            "mean_difference": float(np.abs(scores - expected).mean()),
        }
        if abroad is not None and elsewhere is not None:
            found = interpreter.predict(abroad)
            row["tecom_crops"] = len(abroad)
            row["tecom_labels_changed"] = int((found.argmax(1) != elsewhere.argmax(1)).sum())
            row["tecom_mean_difference"] = float(np.abs(found - elsewhere).mean())
        rows.append(row)
    ratios = {
        title: {
            # Of one round with itself: what else the machine does slows both.
            "median_of_rounds": round(float(np.median(np.median(times[a], 1) / np.median(times[b], 1))), 3),
            "of_minima": round(float(times[a].min() / times[b].min()), 3),
        }
        for title, (a, b) in RATIOS.items()
        if a in times and b in times
    }
    return rows, ratios


def told(result: dict[str, Any]) -> str:
    """rivals.md."""
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    lines = [
        "# Our export beside others",
        "",
        f"`{result['command']}`",
        "",
        f"{result['device']}; one thread; {result['rounds']} rounds of {TURN}, in turn. {versions}. Agreement is with"
        f" PyTorch. Research use, not for diagnosis.",
        "",
        "| network | made by | runtime | ms, median | p90 | least | bytes | operators | transposes | multiply-adds in"
        " int8 | agreement, held out | tecom: labels changed | mean difference |",
        "|" + " --- |" * 13,
    ]
    for row in result["rows"]:
        tecom = ["", ""]
        if "tecom_crops" in row:
            tecom = [
                f"{row['tecom_labels_changed']} of {row['tecom_crops']}",
                f"{row['tecom_mean_difference']:.4f}",
            ]
        cells = [
            *(row["network"], f"{row['maker']} {row['kind']}", row["runtime"]),
            *(f"{row[name]:.3f}" for name in ("ms_median", "ms_p90", "ms_min")),
            *(f"{row['bytes']:,}", str(row["operators"]), str(row["transposes"])),
            f"{row['int8_multiply_adds'] / row['multiply_adds']:.1%}",
            f"{row['agreement']:.1%} of {row['held_out_crops']}",
            *tecom,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    titles = [title for title in RATIOS if any(title in of for of in result["ratios"].values())]
    lines += ["", "Time divided by time, the median of all rounds (and of the least of all):", ""]
    lines += [f"| network | {' | '.join(titles)} |", "|" + " --- |" * (len(titles) + 1)]
    for network, of in result["ratios"].items():
        cells = [f"{of[t]['median_of_rounds']:.2f} ({of[t]['of_minima']:.2f})" if t in of else "" for t in titles]
        lines.append(f"| {network} | {' | '.join(cells)} |")
    lines += ["", *(f"- {fault}" for fault in result["faults"])]
    return "\n".join(lines).rstrip() + "\n"


def versions_in(venv: Path) -> dict[str, str]:
    """Versions of onnx2tf and what it stands on."""
    code = f"import json, importlib.metadata as m; print(json.dumps({{n: m.version(n) for n in {PROBES}}}))"
    done = subprocess.run([venv / "bin" / "python", "-c", code], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{venv}: no onnx2tf there; python3.11 -m venv {venv} && {venv}/bin/pip install onnx2tf==1.29.24")
    return {f"onnx2tf: {name}": number for name, number in json.loads(done.stdout).items() if name != "onnx2tf"} | {
        "onnx2tf": json.loads(done.stdout)["onnx2tf"]
    }


def main() -> None:
    """Makes, measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--data", type=Path, help="a folder that holds tecom")
    parser.add_argument("--onnx2tf", type=Path, metavar="VENV")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "rivals")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--reuse", action="store_true", help="measure the files of an earlier call")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.work.mkdir(parents=True, exist_ok=True)
    versions = {**installed(PACKAGES), **(versions_in(asked.onnx2tf) if asked.onnx2tf else {})}
    rows: list[dict[str, Any]] = []
    ratios: dict[str, Any] = {}
    faults = [] if asked.onnx2tf else ["onnx2tf: not asked for (--onnx2tf VENV)"]
    try:
        for path in asked.runs:
            run = load_run(path)
            graph = graph_of_run(run)
            evidence = evidence_of_run(run, graph, CALIBRATION_CROPS, 0)
            if asked.reuse:
                kept = sorted(asked.work.glob(f"{path.name}.*.*.*"))
                models = {file.name.removeprefix(f"{path.name}."): file.read_bytes() for file in kept}
            else:
                models = make_all(graph, run.crop.size, evidence.calibration, asked.onnx2tf, faults, run.model)
                for name, model in models.items():
                    (asked.work / f"{path.name}.{name}").write_bytes(model)
            more, ratios[run.model] = measure(run, graph, models, evidence, asked)
            rows += more
            for row in more:
                print(
                    f"{row['network']:20} {row['maker']:8} {row['kind']:5} {row['runtime']:12}"
                    f" {row['ms_median']:7.3f} ms  {row['bytes']:10,} bytes  {row['transposes']:3} transposes"
                    f"  agreement {row['agreement']:.3f}",
                    flush=True,
                )
    except BadInput as error:
        sys.exit(str(error))
    options = "--data DATA " * bool(asked.data) + "--onnx2tf VENV " * bool(asked.onnx2tf)
    result = {
        "command": f"python benchmarks/rivals.py {options}{' '.join(path.name for path in asked.runs)}",
        "device": device_name(),
        "versions": versions,
        "rounds": asked.rounds,
        "rows": rows,
        "ratios": ratios,
        "faults": faults,
    }
    results = ROOT / "benchmarks" / "results"
    (results / "rivals.json").write_text(json.dumps(result, indent=1) + "\n")
    (results / "rivals.md").write_text(told(result))


if __name__ == "__main__":
    main()
