"""Outlines of a session's cells: each expert's own, kept as labels are, handed on as a dataset of crops."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image
from mobile_app.session import Session, Shelf, Store
from mobile_app.session.export import export_zip
from mobile_app.session.outlines import SessionOutlines, window
from mobile_app.tracing.outline import Facts, Outline


def outlines(session: Session) -> SessionOutlines:
    return SessionOutlines(session, lambda field: decode_image(session.field(field).photograph.read_bytes(), "f"))


def drawn(of: SessionOutlines, cell: int, strokes: int = 2, at: float = 9.5) -> Outline:
    picture = np.zeros(of.crop(cell).shape[:2], np.uint8)
    picture[2:9, 2:9], picture[4:7, 4:7] = 128, 255
    return Outline(picture, of.person, Facts("easy-gt", "hand", 140, strokes), at)


def test_a_cells_crop_is_the_photographs_own_pixels_round_its_box(session: Session) -> None:
    of = outlines(session)
    assert window((10, 10, 19, 19), (64, 48)) == (6, 6, 22, 22)
    assert window((0, 0, 9, 9), (64, 48)) == (0, 0, 12, 12)  # no pixel is made up at the border
    assert of.crop(2).shape == (16, 16, 3) and (of.crop(2) == 100).all() and (of.crop(5) == 200).all()
    with pytest.raises(BadInput, match="too large to be outlined"):
        window((0, 0, 3000, 3000), (4608, 3456))


def test_each_expert_has_their_own_and_the_last_one_stands(session: Session) -> None:
    of = outlines(session)
    assert (of.progress(), of.next_open(), of.kept(1)) == ((0, 6), 1, None)
    of.keep(1, drawn(of, 1))
    of.keep(1, drawn(of, 1, strokes=5))
    again = outlines(Shelf(session.store).open(session.id, "Ann"))
    kept = again.kept(1)
    assert kept is not None and (kept.person, kept.at, kept.facts.strokes) == ("Ann", 9.5, 5)
    assert (kept.picture == drawn(of, 1).picture).all()
    assert (again.progress(), again.next_open()) == ((1, 6), 2)
    bob = outlines(Shelf(session.store).open(session.id, "Bob"))
    assert bob.kept(1) is None and bob.progress() == (0, 6)
    bob.keep(1, drawn(bob, 1, strokes=1))
    kept = of.kept(1)
    assert kept is not None and kept.facts.strokes == 5
    of.keep(1, None)
    assert of.kept(1) is None and bob.kept(1) is not None


def test_a_moved_cell_keeps_the_window_it_was_outlined_in_and_anothers_outline_holds_it(session: Session) -> None:
    of = outlines(session)
    of.keep(2, drawn(of, 2))
    session.move(2, (30, 20, 60, 44))
    assert of.crop(2).shape == (16, 16, 3) and of.kept(2) is not None
    of.keep(2, drawn(of, 2, strokes=3))
    with pytest.raises(BadInput, match="moved while it was drawn"):
        of.keep(3, drawn(of, 1))
    bob = Shelf(session.store).open(session.id, "Bob")
    with pytest.raises(BadInput, match="another expert has outlined it"):
        bob.remove(2)
    session.remove(2)
    assert of.progress() == (0, 5) and session.undo() is not None and of.progress() == (1, 6)


def test_a_deleted_session_takes_its_outlines_along(session: Session) -> None:
    of = outlines(session)
    of.keep(1, drawn(of, 1))
    Shelf(session.store).delete(session.id, confirm=True)
    assert session.store.read("SELECT * FROM outline") == []


def test_a_damaged_mask_is_said(session: Session) -> None:
    of = outlines(session)
    of.keep(1, drawn(of, 1))
    other = cv2.imencode(".png", np.zeros((5, 5), np.uint8))[1].tobytes()
    for mask in (b"no picture", other):
        with session.store.write() as db:
            db.execute("UPDATE outline SET mask = ?", (mask,))
        with pytest.raises(BadInput, match="outline: is damaged"):
            of.kept(1)


def test_the_zip_holds_a_dataset_of_crops_that_is_the_same_each_time(session: Session, tmp_path: Path) -> None:
    out = tmp_path / "s.zip"
    export_zip(session.store, session.id, out)
    with zipfile.ZipFile(out) as archive:
        assert not [name for name in archive.namelist() if name.startswith("outlines/")]
    bob = Shelf(session.store).open(session.id, "Bob")
    for one, cells in ((outlines(session), (2, 5)), (outlines(bob), (2,))):
        for cell in cells:
            one.keep(cell, drawn(one, cell))
    session.vote(2, "monocyte")
    bob.vote(2, "band")
    export_zip(session.store, session.id, out)
    with zipfile.ZipFile(out) as archive:
        files = {name[9:]: archive.read(name) for name in archive.namelist() if name.startswith("outlines/")}
    facts = list(csv.DictReader(io.StringIO(files["masks.csv"].decode(), newline="")))
    labels = {row["image"]: row["label"] for row in csv.DictReader(io.StringIO(files["labels.csv"].decode()))}
    assert [(row["person"], labels[row["image"]]) for row in facts] == [
        ("Ann", "monocyte"),
        ("Bob", "band"),
        ("Ann", "not_labelled"),
    ]
    assert [[int(row[side]) for side in ("x0", "y0", "x1", "y1")] for row in facts] == [[6, 6, 22, 22]] * 3
    for row in facts:
        crop, mask = (decode_image(files[f"{kind}/{row['image']}"], kind) for kind in ("images", "masks"))
        assert crop.shape == mask.shape == (16, 16, 3) and set(np.unique(mask)) == {0, 128, 255}
        assert (crop == (200 if row is facts[2] else 100)).all()
    export_zip(session.store, session.id, tmp_path / "again.zip")
    assert out.read_bytes() == (tmp_path / "again.zip").read_bytes()
    session.fields()[0].photograph.unlink()
    assert len(export_zip(session.store, session.id, out)) == 1
    with zipfile.ZipFile(out) as archive:
        names = [name for name in archive.namelist() if name.startswith("outlines/")]
    assert len([name for name in names if "/images/" in name]) == 1
    assert len([name for name in names if "/masks/" in name]) == 3


CHILD = """
import sys
from pathlib import Path
import numpy as np
from mobile_app.session import Shelf, Store
from mobile_app.session.outlines import SessionOutlines
from mobile_app.tracing.outline import Facts, Outline
session = Shelf(Store(Path(sys.argv[1]))).resume()
of = SessionOutlines(session, lambda field: np.full((48, 64, 3), 100, np.uint8))
kept = of.kept(2)
strokes = kept.facts.strokes if kept else 0
while True:
    strokes += 1
    picture = np.zeros((16, 16), np.uint8)
    picture.ravel()[:strokes] = 128
    of.keep(2, Outline(picture, "Ann", Facts(strokes=strokes), 1.0))
    print(strokes, flush=True)
"""


def test_a_kill_loses_no_stroke_that_was_kept(session: Session) -> None:
    folder = session.store.folder
    for stop in (1, 3, 7):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(stop)]
        child.kill()
        told = int([line for line in [*lines, *child.stdout.readlines()] if line.endswith("\n")][-1])
        child.wait()
        store = Store(folder)
        kept = outlines(Session(store, session.id, "Ann")).kept(2)
        store.close()
        assert kept is not None and kept.facts.strokes in (told, told + 1)
        assert (kept.picture > 0).sum() == min(kept.facts.strokes, 256)
