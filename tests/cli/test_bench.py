"""`edge-wbc bench`: the contract's JSON, a table that fits, and one line for every fault."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_wbc.core.errors import BadInput
from export.old_runtimes import open_runtime

pytest.importorskip("ai_edge_litert", reason="needs the export extra")

PACK = Path(__file__).parents[2] / "mobile_app" / "packs" / "default"
MODEL = PACK / "model.int8.tflite"


def phone(tmp_path: Path, **changes: object) -> Path:
    """A made-up phone's file: nobody has measured one yet."""
    row = {"file": MODEL.name, "kind": "tflite-int8", "bytes": MODEL.stat().st_size, "operators": None}
    row |= {"ms_median": 20.0, "ms_p90": 25.0, "runtime": "tflite-java", "threads": 1, **changes}
    file = tmp_path / "phone.json"
    file.write_text(json.dumps({"device": "made-up phone", "versions": {"android": "6.0.1"}, "artefacts": [row]}))
    return file


def test_json_is_the_contract(edge_wbc: Callable, tmp_path: Path) -> None:
    said = edge_wbc("bench", PACK, "--runs", 3, "--json", "--csv", tmp_path / "rows.csv", "--phone", phone(tmp_path))
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["device"] and found["versions"]["python"]
    assert [(row["file"], row["kind"], row["threads"]) for row in found["artefacts"]] == [
        (MODEL.name, "tflite-int8", threads) for threads in (1, 2)
    ]
    for row in found["artefacts"]:
        assert row["bytes"] == MODEL.stat().st_size
        assert (row["operators"], row["int8_operators"], row["transposes"]) == (71, 71, 0)
        assert row["multiply_adds"] == row["int8_multiply_adds"] == 55_044_480
        assert 0 < row["ms_median"] <= row["ms_p90"]
        assert row["runtime"] in ("litert", "tflite-runtime")
        assert row["runs"] == 3
    low, high = found["estimate"]["ms"][MODEL.name]
    assert 0 < low < high and "not measured" in found["estimate"]["note"]
    assert found["phone"]["artefacts"][0]["ms_median"] == 20.0
    rows = list(csv.DictReader((tmp_path / "rows.csv").open()))
    assert [(row["device"], row["threads"]) for row in rows] == [
        (found["device"], "1"),
        (found["device"], "2"),
        ("made-up phone", "1"),
    ]
    assert all(row["multiply_adds"] == "55044480" for row in rows[:2])


def test_the_table_fits_120_columns(edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    said = edge_wbc("bench", PACK, "--runs", 2, "--phone", phone(tmp_path))
    assert said.code == 0, said.err
    assert "…" not in said.out and max(map(len, said.out.splitlines())) <= 120
    assert "ESTIMATE, not" in said.out and "not for diagnosis" in said.err
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.out.splitlines() if "│" in line]
    timed = [line for line in lines if line[0] == MODEL.name and len(line) == 7]
    assert [line[3] for line in timed] == ["1", "2", "1"]
    assert timed[-1][1:6] == ["made-up phone", "tflite-java", "1", "20.00", "25.00"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), ("nowhere", "no such pack")),
        ((str(MODEL),), ("no pack.json in it",)),
        ((str(PACK), "--runs", "0"), ("--runs", "0")),
        ((str(PACK), "--csv", "no/such/folder/rows.csv"), ("rows.csv", "no such folder")),
        ((str(PACK), "--phone", "none.json"), ("none.json", "cannot be read")),
    ],
)
def test_bad_input_is_one_line(arguments: tuple, words: tuple, edge_wbc: Callable, tmp_path: Path) -> None:
    said = edge_wbc("bench", *arguments)
    one_line(said, *words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"runtime": "magic"}, ("runtime",)), ({"bytes": 3}, ("pack does not hold",)), ({"threads": "two"}, ("threads",))],
)
def test_a_wrong_phone_file_is_one_line(changes: dict, words: tuple, edge_wbc: Callable, tmp_path: Path) -> None:
    one_line(edge_wbc("bench", PACK, "--phone", phone(tmp_path, **changes)), "phone.json", *words)
    file = tmp_path / "phone.json"
    file.write_text("<html>")
    one_line(edge_wbc("bench", PACK, "--phone", file, "--csv", tmp_path / "rows.csv"), "phone.json", "Invalid JSON")
    assert not (tmp_path / "rows.csv").exists()


def test_a_pack_without_artefacts(edge_wbc: Callable, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(PACK, bare)
    (bare / MODEL.name).unlink()
    facts = json.loads((bare / "pack.json").read_text())
    del facts["files"][MODEL.name]
    (bare / "pack.json").write_text(json.dumps(facts))
    one_line(edge_wbc("bench", bare), "holds no artefact")


def one_line(said, *words: str) -> None:  # type: ignore[no-untyped-def]
    lines = [line for line in said.err.splitlines() if line.startswith("edge-wbc:")]
    assert said.code == 2, said.err
    assert len(lines) == 1, said.err
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in said.err and said.out == ""


def test_instructions_repeat_to_the_last_one_where_they_can_be_counted(edge_wbc: Callable) -> None:
    try:
        open_runtime("2.8.0-armv7l")
    except BadInput as error:
        pytest.skip(str(error))
    said = [edge_wbc("bench", PACK, "--runs", 1, "--instructions", "--json") for _ in range(2)]
    assert [each.code for each in said] == [0, 0], said[0].err
    counted = [{row["armv7_instructions"] for row in json.loads(each.out)["artefacts"]} for each in said]
    # Between a tenth of an instruction and ten a multiplication.
    assert counted[0] == counted[1] and 5e6 < max(counted[0]) < 6e8


def test_instructions_where_nothing_is_built_say_what_to_do(
    edge_wbc: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDGE_WBC_RUNTIMES", str(tmp_path))
    said = edge_wbc("bench", PACK, "--instructions")
    assert said.code == 2 and "make runtimes" in said.err and len(said.err.strip().splitlines()) == 1
