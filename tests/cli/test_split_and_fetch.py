"""`edge-wbc data split` and `fetch`: splits drawn, proved, used by train; public sets fetched."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_wbc.core.errors import BadInput


@pytest.fixture
def lab(drawn_lab: Path, tmp_path: Path) -> Path:
    """One field of each drawn smear, for a test to change."""
    shutil.copytree(drawn_lab, tmp_path / "lab", ignore=shutil.ignore_patterns("*_001.*", "*_002.*"))
    return tmp_path / "lab"


def test_split_is_drawn_proved_and_trained_on(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    from edge_wbc.lab.training.run import load_run

    drawn = edge_wbc("data", "split", lab, "--seed", 3, "--json")
    assert drawn.code == 0, drawn.err
    facts = json.loads(drawn.out)
    assert sum(facts["groups"].values()) == 12
    assert facts["faults"] == [] and sum(facts["cells"]["train"].values()) > 40
    assert "is there already" in edge_wbc("data", "split", lab).err
    proved = edge_wbc("data", "split", "--verify", lab / "split.csv", lab)
    assert proved.code == 0 and "72 cells in 12 groups" in proved.out

    out = tmp_path / "run"
    trained = edge_wbc("train", lab, "--weights", "none", "--epochs", 1, "--size", 32, "--out", out, "--json")
    assert trained.code == 0, trained.err
    assert json.loads(trained.out)["domains"]["lab"]["split"]["from"] == "split.csv"
    rows = {tuple(line.split(",")[:2]): line.split(",")[5] for line in (lab / "split.csv").read_text().splitlines()[1:]}
    crops = [line.split(",") for line in (out / "crops.csv").read_text().splitlines()[1:]]
    assert {(image, box): part for _, image, box, _, _, part, _ in crops} == rows
    assert load_run(out).path == out


def test_two_labs_are_trained_on_by_name(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    """One lab's records divided among two folders that point at the same photographs."""
    other = tmp_path / "other"
    shutil.copytree(lab, other)
    for number, record in enumerate(sorted((lab / "records").iterdir())):
        ((other if number % 2 else lab) / "records" / record.name).unlink()
    out = tmp_path / "run"
    asked = ("--weights", "none", "--epochs", 1, "--size", 32, "--out", out)
    trained = edge_wbc("train", lab, f"away={other}", *asked)
    assert trained.code == 0, trained.err
    assert "test lab" in trained.out and "test away" in trained.out and "val" in trained.out
    assert {line.split(",")[0] for line in (out / "crops.csv").read_text().splitlines()[1:]} == {"lab", "away"}
    assert edge_wbc("train", lab, f"lab={other}", *asked).code == 2
    refused = edge_wbc("train", lab, other, "--model", "ssdlite320_mobilenet_v2", "--out", tmp_path / "detector")
    assert refused.code == 2 and "learns from one dataset" in refused.err


def test_a_split_that_no_longer_holds_exits_with_1(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    assert edge_wbc("data", "split", lab, "--out", tmp_path / "split.csv").code == 0
    photographs = sorted((lab / "images").iterdir())
    photographs[0].write_bytes(photographs[1].read_bytes())
    photographs[2].unlink()
    said = edge_wbc("data", "split", "--verify", tmp_path / "split.csv", lab, "--json")
    assert said.code == 1
    faults = json.loads(said.out)["faults"]
    assert f"images/{photographs[0].name}: is not the photograph that was split (its SHA-256 differs)" in faults
    assert f"images/{photographs[2].name}: is gone" in faults
    assert all(fault in said.err for fault in faults) and f"{len(faults)} faults" in said.err

    shutil.copy(tmp_path / "split.csv", lab / "split.csv")
    (lab / "records" / photographs[2].with_suffix(".json").name).unlink()
    refused = edge_wbc("train", lab, "--weights", "none", "--epochs", 1, "--size", 32, "--out", tmp_path / "run")
    assert refused.code == 2 and "split.csv: images/" in refused.err and not (tmp_path / "run" / "run.json").exists()
    assert edge_wbc("data", "split", "--verify", lab / "split.csv", "--out", tmp_path / "x", lab).code == 2


def test_fetch_lists_and_refuses(edge_wbc: Callable, tmp_path: Path) -> None:
    listed = edge_wbc("data", "fetch", "--list")
    assert listed.code == 0 and "pbc: PBC" in listed.out and "licence: CC BY 4.0" in listed.out
    sets = json.loads(edge_wbc("data", "fetch", "--list", "--json").out)["sets"]
    assert sets["bccd"]["licence"] == "MIT"
    assert edge_wbc("data", "fetch").code == 2
    unknown = edge_wbc("data", "fetch", "pbcc", "--out", tmp_path / "out")
    assert unknown.code == 2 and "did you mean 'pbc'?" in unknown.err
    by_hand = edge_wbc("data", "fetch", "warty-pig", "--out", tmp_path / "out")
    assert by_hand.code == 2 and "by hand" in by_hand.err and not (tmp_path / "out").exists()


def test_fetch_prints_the_licence_before_it_begins(
    edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_wbc.lab.datasets import fetch, public

    def begin(*arguments: object) -> str:
        raise BadInput("the address", "is not asked in a test")

    monkeypatch.setattr(fetch, "download", begin)
    entry = public.public_set("pbc")
    said = edge_wbc("data", "fetch", "pbc", "--out", tmp_path / "out")
    assert said.code == 2 and "is not asked in a test" in said.err
    assert f"licence: {entry.licence}" in said.err and f"cite: {entry.citation}" in said.err

    (tmp_path / "out" / "PBC_dataset_normal_DIB.zip").write_bytes(b"there")
    (tmp_path / "out" / "PBC_dataset_normal_DIB").mkdir()
    there = edge_wbc("data", "fetch", "pbc", "--out", tmp_path / "out")
    assert there.code == 0 and f"5 bytes, SHA-256 {hashlib.sha256(b'there').hexdigest()}" in there.out
