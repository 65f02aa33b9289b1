"""The bench's engine: what it counts and says, never how fast anything is."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
from ai_edge_litert import interpreter as litert

from edge_wbc.core.errors import BadInput
from export.bench import BenchOptions, bench
from export.cost import Cost, cost_of
from export.device import device_name, installed
from export.estimate import SNAPDRAGON_801, estimate
from export.memory import resident_growth
from export.phone import read_phone
from export.to_onnx import to_onnx

SIZE = 32
DEFAULT = Path(__file__).parents[2] / "mobile_app" / "packs" / "default" / "model.int8.tflite"


@pytest.fixture(scope="module")
def artefacts(float_tflite, int8_tflite, graph):
    return {
        "tflite-fp32": ("model.fp32.tflite", float_tflite),
        "tflite-int8": ("model.int8.tflite", int8_tflite),
        "onnx-fp32": ("model.onnx", to_onnx(graph, SIZE)),
    }


def test_every_artefact_with_every_number_of_threads(artefacts):
    told = []
    rows = bench(artefacts, SIZE, BenchOptions(7, memory=False), lambda *said: told.append(said))
    assert [(row.kind, row.threads) for row in rows] == [(kind, threads) for kind in artefacts for threads in (1, 2)]
    assert [row.runtime for row in rows] == ["litert"] * 4 + ["onnxruntime"] * 2
    for row in rows:
        file, model = artefacts[row.kind]
        assert (row.file, row.bytes, row.runs, row.resident_bytes) == (file, len(model), 7, None)
        assert 0 < row.ms_median <= row.ms_p90
        assert row.cost == cost_of(file, model)
        plain = row.to_json()
        assert plain["operators"] == sum(row.cost.operators.values())
        assert json.loads(json.dumps(plain)) == plain
    assert told[-1] == ("timing", 7, 7)


def test_turns_are_interleaved(artefacts, monkeypatch):
    """A busy moment hits all alike: no artefact has two turns in a row."""
    order = []

    class Counting:
        runtime = "counting"

        def __init__(self, key):
            self.key = key

        def outputs(self, pixels):
            order.append(self.key)

    monkeypatch.setattr("export.bench.open_interpreter", lambda file, model, threads: Counting((file, threads)))
    bench(artefacts, SIZE, BenchOptions(12, memory=False))
    turns = [key for index, key in enumerate(order) if index == 0 or order[index - 1] != key]
    first = turns[:6]
    assert len(set(first)) == 6 and turns == first * 3
    # 5 + 5 + 2 timed ones, and one before each turn.
    assert all(order.count(key) == 15 for key in first)


def test_memory_grows_by_the_activations_at_least():
    model = DEFAULT.read_bytes()
    grown = resident_growth(DEFAULT.name, model, 96)
    if Path("/proc/self/clear_refs").exists():
        assert cost_of(DEFAULT.name, model).peak_bytes < grown < 200e6
    else:
        assert grown is None
    with pytest.raises(BadInput, match=r"m\.tflite"):
        resident_growth("m.tflite", b"nothing", 96)


def test_beside_tflite_runtime_alone_it_says_so_and_knows_no_cost(artefacts, monkeypatch):
    """That runtime stands in for LiteRT; where it is installed nothing reads the flatbuffer."""
    home = types.ModuleType("tflite_runtime.interpreter")
    home.Interpreter = litert.Interpreter
    monkeypatch.setitem(sys.modules, "tflite_runtime", types.ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", home)
    for name in [name for name in sys.modules if name.split(".")[0] == "ai_edge_litert"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    kept = {"tflite-int8": artefacts["tflite-int8"]}
    for row in bench(kept, SIZE, BenchOptions(2, memory=False)):
        assert row.runtime == "tflite-runtime"
        assert row.cost is None and row.to_json()["operators"] is None


CPUINFO = {
    "x86": "processor\t: 0\nmodel name\t: Some CPU\nflags\t: sse avx2 fma avx512_vnni\n\nprocessor\t: 1\n",
    "arm": "processor\t: 0\nFeatures\t: swp neon vfpv4\n\nHardware\t: Qualcomm MSM8974PRO-AC\n",
}


def test_device_names_the_model_and_its_vectors(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text(CPUINFO["x86"])
    name = device_name(file)
    assert name.startswith("Some CPU ") and name.endswith(", 2 cores (avx2 avx512_vnni)")
    file.write_text(CPUINFO["arm"])
    name = device_name(file)
    assert name.startswith("Qualcomm MSM8974PRO-AC ") and name.endswith(", 1 core (neon)")
    elsewhere = device_name(tmp_path / "none")
    assert elsewhere and "(" not in elsewhere
    assert installed(("numpy", "no-such-package")).keys() == {"python", "numpy"}


def test_estimate_is_the_slower_of_work_and_memory():
    least, greatest = SNAPDRAGON_801.reached

    def cost(multiply_adds: int, in_int8: int, moved: int) -> Cost:
        return Cost({}, 0, 0, multiply_adds, in_int8, moved, 0)

    # 98 million float multiply-adds at 4 a cycle of 2.45 GHz: 10 ms at best.
    assert estimate(cost(98_000_000, 0, 1)) == pytest.approx((10 / greatest, 10 / least))
    assert estimate(cost(98_000_000, 98_000_000, 1)) == pytest.approx((7.5 / greatest, 7.5 / least))
    assert estimate(cost(1, 0, 14_928_000_000)) == pytest.approx((1000 / greatest, 1000 / least))


def phone_file(artefacts, **changes) -> dict:
    """A made-up phone: nobody has measured one yet."""
    row = {
        "file": "model.int8.tflite",
        "kind": "tflite-int8",
        "bytes": len(artefacts["tflite-int8"][1]),
        "operators": 10,
        "ms_median": 20.5,
        "ms_p90": 25.0,
        "runtime": "tflite-java",
        "threads": 1,
    }
    whole = {"device": "made-up phone", "versions": {"android": "6.0.1", "tflite": "2.11.0"}}
    row |= {key: value for key, value in changes.items() if key in row}
    return {**whole, **{key: value for key, value in changes.items() if key not in row}, "artefacts": [row]}


def test_a_phone_file_is_read(artefacts, tmp_path):
    file = tmp_path / "phone.json"
    file.write_text(json.dumps(phone_file(artefacts, app="1.0")))
    read = read_phone(file, artefacts)
    assert read.device == "made-up phone"
    assert [(row.runtime, row.ms_median, row.threads) for row in read.artefacts] == [("tflite-java", 20.5, 1)]


def test_what_bench_says_is_such_a_file(artefacts, tmp_path):
    rows = bench(artefacts, SIZE, BenchOptions(3, memory=False))
    said = {"device": device_name(), "versions": installed(("numpy",)), "artefacts": [row.to_json() for row in rows]}
    (tmp_path / "other.json").write_text(json.dumps(said))
    assert len(read_phone(tmp_path / "other.json", artefacts).artefacts) == 6


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runtime": "magic"}, "artefacts.0.runtime"),
        ({"kind": "tflite-int4"}, "artefacts.0.kind"),
        ({"ms_median": 0}, "artefacts.0.ms_median"),
        ({"ms_median": "20"}, "artefacts.0.ms_median"),
        ({"ms_median": float("inf")}, "artefacts.0.ms_median"),
        ({"ms_median": 30.0}, "ms_p90 is below ms_median"),
        ({"threads": 0}, "artefacts.0.threads"),
        ({"bytes": True}, "artefacts.0.bytes"),
        ({"bytes": 5}, "which this pack does not hold"),
        ({"device": "\x1b[2Jphone"}, "device"),
        ({"device": ""}, "device"),
        ({"versions": ["6"]}, "versions"),
    ],
)
def test_a_phone_file_that_is_none_is_refused_in_one_line(changes, said, artefacts, tmp_path):
    file = tmp_path / "phone.json"
    file.write_text(json.dumps(phone_file(artefacts, **changes)))
    with pytest.raises(BadInput) as fault:
        read_phone(file, artefacts)
    assert said in str(fault.value) and str(file) in str(fault.value)
    assert "\n" not in str(fault.value) and "\x1b" not in str(fault.value)


@pytest.mark.parametrize(
    "content", [b"", b"not JSON", b"[]", b"\xff\xfe", b'{"device": "x"}', b"[" * 100_000, b" " * 2**21]
)
def test_no_phone_file_at_all(content, artefacts, tmp_path):
    file = tmp_path / "phone.json"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=r"phone\.json"):
        read_phone(file, artefacts)
    with pytest.raises(BadInput, match="cannot be read"):
        read_phone(tmp_path / "none.json", artefacts)
