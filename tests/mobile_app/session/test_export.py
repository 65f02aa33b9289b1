"""A session leaves whole: as the lab's zip, as a table, as a page."""

import csv
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.crops import CropRule, crop_near
from edge_wbc.core.errors import BadInput
from edge_wbc.core.light import Light
from edge_wbc.core.records import Cell, Field, Microscope, Smear, field_from_json
from mobile_app.session import Session, Setup, Shelf, Store, Suggestion
from mobile_app.session.export import USE, export_csv, export_zip, safe_for_spreadsheets
from mobile_app.session.report import write_report

SETUP = Setup("=1+1 <b>گستره</b>", Smear("7", "Giemsa", "CML"), Microscope("CX18", 100.0), "S5", 0.123456789012345)


@pytest.fixture
def full(store: Store, draw_photograph: Callable[[int], bytes]) -> Session:
    """A session with whatever a session may hold, by two experts."""
    shelf = Shelf(store)
    session = shelf.create(SETUP, "Ann")
    bob = shelf.open(session.id, "Bób")
    for grey in (90, 140, 200):
        cells = [Cell((at, at, at + 9, at + 9), score=at / 30 + 0.1, cut=at == 0) for at in (0, 10, 20)]
        hints = [Suggestion("monocyte", 0.987654321, "default"), None, Suggestion("band", 0.1, "default")]
        session.add_field(draw_photograph(grey), (64, 48), cells, hints, focus=grey / 1000)
    field = session.fields()[0].id
    session.place(field, (30, 30, 41, 43))
    session.remove(session.cells(field)[1].id)
    session.remove_field(session.fields()[2].id)
    for number, cell in enumerate(session.cells()):
        session.vote(cell.id, "monocyte" if number % 2 else "erythroblast")
        if number % 3:
            bob.vote(cell.id, "band")
    session.undo()
    for label in ("basophil", "burst", "basophil"):
        session.tap(label)
    bob.tap("eosinophil")
    return session


def records_in(zipped: Path) -> dict[str, Field]:
    with zipfile.ZipFile(zipped) as archive:
        assert archive.testzip() is None
        names = [name for name in archive.namelist() if name.startswith("records/")]
        return {name: field_from_json(json.loads(archive.read(name))) for name in names}


def test_the_zip_holds_every_vote_and_every_fact(full: Session, tmp_path: Path) -> None:
    out = tmp_path / "session.zip"
    assert export_zip(full.store, full.id, out) == ()
    records = list(records_in(out).values())
    bob = Shelf(full.store).open(full.id, "Bób")
    assert len(records) == 2 and sum(len(record.cells) for record in records) == 6
    for taken in full.fields():
        ours, theirs = full.record(taken.id), bob.record(taken.id)
        (record,) = (record for record in records if record.image == ours.image)
        merged = [dict(one.votes, **two.votes) for one, two in zip(ours.cells, theirs.cells, strict=True)]
        assert [dict(cell.votes) for cell in record.cells] == merged
        for cell, one in zip(record.cells, ours.cells, strict=True):
            assert (cell.box, cell.score, cell.cut) == (one.box, one.score, one.cut)
        assert (record.smear, record.microscope, record.camera) == (SETUP.smear, SETUP.microscope, "S5")
        assert record.um_per_px == SETUP.um_per_px
        with zipfile.ZipFile(out) as archive:
            assert archive.read(record.image) == taken.photograph.read_bytes()
    with zipfile.ZipFile(out) as archive:
        facts = json.loads(archive.read("session.json"))
        hints = list(csv.DictReader(archive.read("suggestions.csv").decode().splitlines()))
    assert facts["manual_counts"] == {"Ann": {"basophil": 2, "burst": 1}, "Bób": {"eosinophil": 1}}
    assert (facts["name"], facts["classes"], facts["target"]) == (SETUP.name, list(SETUP.classes), 100)
    assert sorted(facts["focus"].values()) == [0.09, 0.14] and facts["use"] == USE
    said = {(one["image"], int(one["cell"])): (one["label"], float(one["score"]), one["pack"]) for one in hints}
    expected = {}
    for taken in full.fields():
        for number, cell in enumerate(full.cells(taken.id), 1):
            if cell.suggestion:
                hint = cell.suggestion
                expected[taken.record.image, number] = (hint.label, hint.score, hint.pack)
    assert said == expected and len(said) == 4


def test_the_same_session_makes_the_same_zip(full: Session, tmp_path: Path) -> None:
    export_zip(full.store, full.id, tmp_path / "a.zip")
    export_zip(full.store, full.id, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_data_import_takes_it_back_without_loss(full: Session, tmp_path: Path) -> None:
    pytest.importorskip("pydantic", reason="edge-wbc data import needs the train extra")
    pytest.importorskip("torch", reason="edge-wbc data import needs the train extra")
    zipped, out = tmp_path / "session.zip", tmp_path / "lab"
    export_zip(full.store, full.id, zipped)
    run = [sys.executable, "-m", "edge_wbc", "data", "import", "session", str(zipped), "--out", str(out), "--json"]
    for kept in (0, 2):  # and again, which brings nothing new
        done = subprocess.run(run, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert (said["photographs"], said["kept"], said["cells"], said["faults"]) == (2, kept, 6, [])
    for name, record in records_in(zipped).items():
        assert field_from_json(json.loads((out / name).read_text(encoding="utf-8"))) == record
        with zipfile.ZipFile(zipped) as archive:
            assert (out / record.image).read_bytes() == archive.read(record.image)
    with zipfile.ZipFile(zipped) as archive:
        for beside in ("session.json", "suggestions.csv"):
            assert (out / beside).read_bytes() == archive.read(beside)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "lab", "session.zip"], "nothing left beside"


def test_a_lost_photograph_is_named_and_its_votes_leave_all_the_same(full: Session, tmp_path: Path) -> None:
    first, second = (taken.photograph for taken in full.fields())
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"x")
    assert export_zip(full.store, full.id, tmp_path / "s.zip") == (first.name, second.name)
    assert len(records_in(tmp_path / "s.zip")) == 2
    write_report(full, tmp_path / "r.html")


def test_nothing_half_written_is_left(full: Session, tmp_path: Path) -> None:
    place = tmp_path / "nowhere" / "out"
    for write in (
        lambda: export_zip(full.store, full.id, place),
        lambda: export_csv(full, place),
        lambda: write_report(full, place),
    ):
        with pytest.raises(BadInput, match=r"cannot be written \(No such file or directory\)"):
            write()
    with pytest.raises(BadInput, match="there is no session 99"):
        export_zip(full.store, 99, tmp_path / "out.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_the_table_is_one_experts_and_reads_in_a_spreadsheet(full: Session, tmp_path: Path) -> None:
    out = tmp_path / "cells.csv"
    bob = Shelf(full.store).open(full.id, "Bób")
    export_csv(bob, out)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["source"] for row in rows] == ["cell"] * 6 + ["manual"]
    assert {row["label"] for row in rows} == {"", "band", "eosinophil"}, "nothing of what Ann said"
    assert rows[0]["session"] == "'=1+1 <b>گستره</b>" and rows[0]["expert"] == "Bób"
    assert (rows[0]["suggestion"], float(rows[0]["suggestion_score"])) == ("monocyte", 0.987654321)
    assert all(row["use"] == USE for row in rows)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", " =1", "\t1", "\r1", "＝1", "\n=1", "－x"])
def test_no_text_is_a_formula(text: str) -> None:
    assert safe_for_spreadsheets(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "گستره", "7", "'=1"])
def test_other_text_is_left_alone(text: str) -> None:
    assert safe_for_spreadsheets(text) == text


def test_the_page_needs_nothing_else_and_says_what_it_is_for(full: Session, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_report(full, out, right_to_left=True)
    page = out.read_text(encoding="utf-8")
    assert USE in page and 'dir="rtl"' in page
    assert "=1+1 &lt;b&gt;گستره&lt;/b&gt;" in page and "<b>" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page) and "http" not in page
    assert "<td>basophil</td>" in page and "4 / 100 (target not reached); of them by the manual counter: 2" in page
    assert page.count("<img") == 5, "one picture a labelled cell"
    assert "Erythroblasts per 100 white cells" in page
    assert "<td>band</td>" in page and "<figcaption>band" not in page, "nothing of what Bob said"
    write_report(full, out, say=lambda text: f"[{text}]")
    assert f"[{USE}]" in out.read_text(encoding="utf-8") and "small lymphocyte" in page


def test_the_light_of_a_field_goes_along_and_the_lab_learns_from_the_even_field(store: Store, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    levels = np.linspace(90, 230, 96)[None, :, None] * np.array([1, 0.9, 0.7]) * 256
    lamp = Light(levels.repeat(72, 0).astype(np.uint16))
    rgb = np.clip(rng.normal(150, 25, (240, 320, 3)), 0, 255).astype(np.uint8)
    png = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    session = Shelf(store).create(SETUP, "Ann")
    cell = Cell((100, 80, 160, 140))
    session.add_field(png, (320, 240), [cell], light=lamp.png())
    session.add_field(cv2.imencode(".png", rgb)[1].tobytes(), (320, 240), [cell], light=lamp.png())
    for one in session.cells():
        session.vote(one.id, "monocyte")
    out = tmp_path / "session.zip"
    assert export_zip(store, session.id, out) == ()
    with zipfile.ZipFile(out) as archive:
        assert sum(name.startswith("light/") for name in archive.namelist()) == 1
    lab = pytest.importorskip("edge_wbc.lab.datasets", reason="the lab's import needs the extra train")
    importing = pytest.importorskip("edge_wbc.lab.datasets.importing", reason="the lab's import needs the extra train")
    done = importing.import_set("session", out, tmp_path / "lab")
    assert done.faults == () and done.labelled == 2
    rule = CropRule(48)
    loaded = lab.load_crops(lab.read_dataset(tmp_path / "lab"), rule)
    even = crop_near(lamp.even(rgb), [cell.box], rule)[0]
    assert any(np.array_equal(pixels, even) for pixels in loaded.pixels)
    assert not any(np.array_equal(pixels, crop_near(rgb, [cell.box], rule)[0]) for pixels in loaded.pixels)
    next((tmp_path / "lab" / "light").iterdir()).unlink()
    with pytest.raises(BadInput, match="names a missing light"):
        lab.read_dataset(tmp_path / "lab")
    store.photograph(session.fields()[0].record.light[6:-4], ".png").unlink()
    (lost,) = set(export_zip(store, session.id, out))
    assert lost.endswith(".png")
    done = importing.import_set("session", out, tmp_path / "again")
    assert done.labelled == 2 and all("light" in fault.row for fault in done.faults)
    assert lab.read_dataset(tmp_path / "again").items[0].light is None


def test_a_light_is_swept_only_when_no_field_has_it(store: Store, draw_photograph: Callable[[int], bytes]) -> None:
    shelf, lamp = Shelf(store), Light(np.full((4, 6, 3), 40000, np.uint16)).png()
    first, second = (shelf.create(SETUP, "Ann") for _ in range(2))
    for number, session in enumerate((first, second)):
        session.add_field(draw_photograph(90 + number), (64, 48), light=lamp)
    file = first.fields()[0].light
    assert file is not None
    shelf.delete(first.id, confirm=True)
    assert file.read_bytes() == lamp
    shelf.delete(second.id, confirm=True)
    assert not file.exists()
