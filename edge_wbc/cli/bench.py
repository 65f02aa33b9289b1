"""`edge-wbc bench`."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from edge_wbc.cli.pack import open_pack
from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, remark, table

if TYPE_CHECKING:
    from export.phone import PhoneFile

__all__ = ["bench"]

_BUSY = 2.0


def bench(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="A pack's folder or its zip.")],
    runs: Annotated[int, typer.Option(help="Timed inferences of each artefact, with one thread and with two.")] = 200,
    csv_file: Annotated[
        Optional[Path], typer.Option("--csv", metavar="FILE", help="Write the rows to this too.")
    ] = None,
    phone: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="What the app measured on a phone, to set beside.")
    ] = None,
    instructions: Annotated[
        bool,
        typer.Option("--instructions", help="Count ARMv7 instructions of the .tflite; needs `make runtimes` and cc."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure every artefact of a pack: size, operators, time, memory.

    Multiply-adds, bytes and operators are read off the files and hold on every machine; times hold on this one alone.
    """
    from edge_wbc.core.errors import BadInput
    from edge_wbc.core.files import write_whole
    from edge_wbc.core.pack import DETECT, artefacts_in
    from export.bench import PACKAGES, BenchOptions
    from export.bench import bench as measure
    from export.device import device_name, installed
    from export.estimate import SNAPDRAGON_801, estimate

    if runs < 1:
        raise BadInput("--runs", f"{runs} is not a number of runs")
    if csv_file is not None and not csv_file.parent.is_dir():
        raise BadInput(csv_file, "no such folder to write it to")
    opened = open_pack(pack)
    facts = opened.manifest.to_json()
    artefacts = {kind: (name, opened.files[name]) for kind, name in artefacts_in(opened.files).items()}
    if not artefacts:
        raise BadInput(pack, "holds no artefact", "export it with --kinds tflite-int8")
    if instructions and facts.get("task") == DETECT:
        raise BadInput(pack, "instructions are counted of networks that name cells", "leave out --instructions")
    on_phone = _phone(phone, artefacts)
    counted = _instructions(artefacts) if instructions else {}
    with progress_bar() as progress:
        rows = measure(artefacts, facts["input"]["size"], BenchOptions(runs), progress)
    found = {
        "device": device_name(),
        "versions": installed(PACKAGES),
        "artefacts": [
            {**row.to_json(), **({"armv7_instructions": counted.get(row.kind)} if instructions else {})} for row in rows
        ],
        "estimate": {
            "device": SNAPDRAGON_801.name,
            "note": "estimated from the files, not measured",
            "ms": {row.file: [round(end, 1) for end in estimate(row.cost)] for row in rows if row.cost},
        },
        **({"phone": on_phone.model_dump()} if on_phone else {}),
    }
    if csv_file is not None:
        write_whole(csv_file, _csv(found).encode())
    if as_json:
        emit_json(found)
    else:
        _tables(pack, found, "field, pixels to maps" if facts.get("task") == DETECT else "crop, pixels to scores")
    if any(row.cost is None for row in rows):
        remark("ai-edge-litert or onnx is not installed: what the files say of their cost is left out")
    if any(row.ms_p90 > _BUSY * row.ms_median for row in rows):
        remark(f"the machine was busy: p90 is over {_BUSY:g} times the median; measure again when it is quiet")
    remark("research use, not for diagnosis")


def _instructions(artefacts: dict[str, tuple[str, bytes]]) -> dict[str, int]:
    """Kind -> instructions of one inference on the oldest runtime, of every .tflite."""
    from export.instructions import counter
    from export.old_runtimes import open_runtime

    runtime = open_runtime("2.8.0-armv7l")
    chosen = {kind: model for kind, (file, model) in artefacts.items() if file.endswith(".tflite")}
    counted: dict[str, int] = {}
    with counter() as counts, progress_bar() as progress:
        for kind, model in chosen.items():
            progress("counting", len(counted), len(chosen))
            counted[kind] = counts.per_inference(runtime, model)
        progress("counting", len(chosen), len(chosen))
    return counted


def _phone(file: Path | None, artefacts: dict[str, tuple[str, bytes]]) -> PhoneFile | None:
    if file is None:
        return None
    from export.phone import read_phone

    return read_phone(file, artefacts)


def _measured(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Host's and phone's rows, each with its device."""
    of_phone = found.get("phone", {"device": "", "artefacts": []})
    return [{"device": part["device"], **row} for part in (found, of_phone) for row in part["artefacts"]]


def _csv(found: dict[str, Any]) -> str:
    rows = _measured(found)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _tables(pack: Path, found: dict[str, Any], what: str) -> None:
    once = {row["file"]: row for row in found["artefacts"]}
    expected = found["estimate"]["ms"]
    here = found["device"].partition(" (")[0]
    told = ["ARMv7 instr.,\nM, TFLite 2.8"] if "armv7_instructions" in found["artefacts"][0] else []
    table(
        f"{pack}: what the files say of one inference",
        ("artefact", "size,\nMB", "opera-\ntors", "in\nint8", "trans-\nposes", "MACs,\nM", "of them\nin int8")
        + (
            "moved,\nMB",
            "activations\nat most, MB",
            *told,
            "ESTIMATE, not measured:\nms, " + found["estimate"]["device"],
        ),
        [
            (
                file,
                f"{row['bytes'] / 1e6:.2f}",
                *(_facts(row) if row["operators"] is not None else ("-",) * 7),
                *(f"{row['armv7_instructions'] / 1e6:.1f}" if row["armv7_instructions"] else "-" for _ in told),
                "{:.0f} to {:.0f}".format(*expected[file]) if file in expected else "-",
            )
            for file, row in once.items()
        ],
    )
    table(
        f"measured: one {what}; here: {found['device']}",
        ("artefact", "device", "runtime", "threads", "median,\nms", "p90,\nms", "grows by,\nMB"),
        [
            (
                row["file"],
                here if row["device"] == found["device"] else row["device"],
                row["runtime"],
                str(row["threads"]),
                f"{row['ms_median']:.2f}",
                f"{row['ms_p90']:.2f}",
                "-" if row.get("resident_bytes") is None else f"{row['resident_bytes'] / 1e6:.1f}",
            )
            for row in sorted(_measured(found), key=lambda row: list(once).index(row["file"]))
        ],
    )


def _facts(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["operators"]),
        str(row["int8_operators"]),
        str(row["transposes"]),
        f"{row['multiply_adds'] / 1e6:.1f}",
        percent(row["int8_multiply_adds"] / max(row["multiply_adds"], 1)),
        f"{row['bytes_moved'] / 1e6:.1f}",
        f"{row['peak_bytes'] / 1e6:.2f}",
    )
