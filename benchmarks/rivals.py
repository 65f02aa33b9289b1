"""Our export beside what its user would do instead: the same weights, the same crops to calibrate on, one machine.

    python benchmarks/rivals.py RUN ... [--data ../shared/data] [--onnx2tf VENV] [--work build/rivals] [--reuse]

- ours: `export.pack.convert`, as `edge-wbc export` calls it.
- stock: litert-torch as its README has it (`to_channel_last_io`, `convert`) and ai-edge-quantizer with its own recipe
  `static_wi8_ai8` and its own calibration.
- onnx2tf: PyTorch's ONNX exporter and `onnx2tf -oiqt`, which computes with TensorFlow; VENV is an environment of its
  own: python3.11 -m venv VENV && VENV/bin/pip install onnx2tf==1.29.24

All take bytes and give probabilities, normalisation and softmax inside. Times are LiteRT's (XNNPACK) with one thread,
of the call that computes and nothing else; rounds go over all files in turn. ONNX Runtime runs our .onnx beside them.
Labels are compared with PyTorch's on held-out crops of the run and, with --data, on tecom's, of another laboratory; and
on TFLite 2.8.0, which the phones run, where `make runtimes` has built it: each file as its maker left it.

Every file stays in --work as RUN.MAKER.KIND.tflite; with --reuse those of an earlier call are measured again. Prints a
table and writes benchmarks/results/rivals.json and rivals.md.
"""

from __future__ import annotations

import argparse
import os

# Before anything that computes is loaded: calibration and PyTorch shall not disturb what is timed either.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rival_exports import ONNX2TF, OURS, STOCK, make_onnx2tf, make_ours, make_stock, versions_in

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
from export.old_runtimes import open_runtime, run_there, runtimes_folder

ROOT = Path(__file__).parents[1]
PACKAGES = ("torch", "litert-torch", "litert-converter", "ai-edge-quantizer", "ai-edge-litert", "onnx", "onnxruntime")
TURN = 5  # timed inferences in a row, after one that is not
HELD_OUT = 300
OLD = "2.8.0-x86_64"
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


def made_before(work: Path, run: str) -> dict[str, bytes]:
    """The same of an earlier call."""
    kept = {file.name.removeprefix(f"{run}."): file.read_bytes() for file in sorted(work.glob(f"{run}.*.*.*"))}
    if not kept:
        raise BadInput(work, f"holds nothing made of {run}", "call without --reuse")
    order = sorted(kept, key=lambda name: ((OURS, STOCK, ONNX2TF).index(name.split(".")[0]), name.endswith(".onnx")))
    return {name: kept[name] for name in order}


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
        return interpreter.invoke


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


def on_old(models: dict[str, bytes], crops: np.ndarray, expected: np.ndarray) -> dict[str, dict[str, Any]]:
    """Of every .tflite what TFLite 2.8.0 makes of it: agreement and the number of different answers, or its words."""
    asked = {name: model for name, model in models.items() if name.endswith(".tflite")}
    found = run_there(open_runtime(OLD), asked, crops)
    told: dict[str, dict[str, Any]] = {
        name: {"refused": words.splitlines()[0]} for name, words in found.refused.items()
    }
    for name, scores in found.scores.items():
        same = float((scores.argmax(1) == expected.argmax(1)).mean())
        told[name] = {"agreement": same, "different_answers": len(np.unique(scores, axis=0))}
    return told


def measure(run: TrainedRun, graph: DeployableGraph, models: dict[str, bytes], evidence: Evidence, asked: Any) -> Any:
    """Rows and ratios of one network."""
    count = len(evidence.crops)
    crops = evidence.crops[np.linspace(0, count - 1, min(count, HELD_OUT)).astype(int)]
    expected = probabilities(graph, crops)
    abroad = load_crops(read_dataset(asked.data / "tecom"), run.crop).pixels if asked.data else None
    elsewhere = probabilities(graph, abroad) if abroad is not None else None
    times = timed(models, run.crop.size, asked.rounds)
    old = on_old(models, crops, expected) if asked.old else {}
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
        if name in old:
            row["tflite_2_8_0"] = old[name]
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


def old_words(found: dict[str, Any]) -> str:
    """What a table says of `on_old`."""
    if "refused" in found:
        return "refused: " + found["refused"].removeprefix("tflite-runtime refuses it (").split(". ")[0]
    if found.get("different_answers") == 1:
        return "one answer to all crops"
    return f"{found['agreement']:.1%}" if found else ""


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
        " int8 | agreement, held out | on TFLite 2.8.0 | tecom: labels changed | mean difference of a probability |",
        "|" + " --- |" * 14,
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
            old_words(row.get("tflite_2_8_0", {})),
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
    asked.old = (runtimes_folder() / OLD).is_dir()
    asked.work.mkdir(parents=True, exist_ok=True)
    versions = {**installed(PACKAGES), **(versions_in(asked.onnx2tf) if asked.onnx2tf else {})}
    rows: list[dict[str, Any]] = []
    ratios: dict[str, Any] = {}
    faults = [] if asked.onnx2tf or asked.reuse else ["onnx2tf: not asked for (--onnx2tf VENV)"]
    faults += [] if asked.old else [f"TFLite {OLD} is not built (make runtimes)"]
    try:
        for path in asked.runs:
            run = load_run(path)
            graph = graph_of_run(run)
            evidence = evidence_of_run(run, graph, CALIBRATION_CROPS, 0)
            if asked.reuse:
                models = made_before(asked.work, path.name)
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
    faults += [f"{name}: onnx2tf made nothing" for name, of in ratios.items() if asked.reuse and len(of) < len(RATIOS)]
    options = "--data DATA " * bool(asked.data) + "--onnx2tf VENV " * bool(asked.onnx2tf) + "--reuse " * asked.reuse
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
