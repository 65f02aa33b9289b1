"""What the app's Outline writes is a dataset with masks to the lab: a folder of crops, and a session's zip."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.images import write_image
from edge_wbc.core.masks import read_mask
from edge_wbc.core.records import Cell
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.datasets.check import check_dataset
from edge_wbc.lab.datasets.importing import import_set
from mobile_app.session import Setup, Shelf, Store
from mobile_app.session.export import export_zip
from mobile_app.session.outlines import SessionOutlines
from mobile_app.tracing.folder import FolderOutlines
from mobile_app.tracing.tracing import Tracing


def photograph() -> np.ndarray:
    rgb = np.full((90, 120, 3), (232, 226, 215), np.uint8)
    for x in (35, 85):
        cv2.circle(rgb, (x, 45), 16, (214, 176, 200), -1)
        cv2.circle(rgb, (x, 45), 7 + x // 20, (104, 52, 140), -1)
    return rgb


def outlined(of: FolderOutlines | SessionOutlines, number: int, person: str) -> np.ndarray:
    tracing = Tracing(of.crop(number), of.kept(number))
    tracing.propose()
    of.keep(number, tracing.outline(person, 1.0))
    assert set(np.unique(tracing.picture)) == {0, 128, 255}
    return tracing.picture


def test_a_folder_of_crops_is_imported_with_its_masks(tmp_path: Path) -> None:
    src = tmp_path / "src"
    src.mkdir()
    write_image(src / "a.png", photograph()[20:70, 10:60])
    (src / "labels.csv").write_text("image,label\na.png,monocyte\n")
    picture = outlined(FolderOutlines(src, "Ann"), 1, "Ann")
    assert [one.fault for one in check_dataset(src) if not one.fault.startswith("has 1 image")] == []
    done = import_set("tecom", src, tmp_path / "out")
    assert not done.faults and (read_mask(tmp_path / "out" / "masks" / "a.png", (50, 50)) == picture).all()


def test_the_outlines_of_a_sessions_zip_are_a_dataset_and_the_session_is_imported_as_ever(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    session = Shelf(store).create(Setup("Monday"), "Ann")
    data = cv2.imencode(".png", photograph()[..., ::-1])[1].tobytes()
    session.add_field(data, (120, 90), [Cell((19, 29, 51, 61)), Cell((69, 29, 101, 61))])
    session.vote(1, "eosinophil")
    session.vote(2, "band")
    of = SessionOutlines(session, lambda field: photograph())
    pictures = [outlined(of, cell, "Ann") for cell in (1, 2)]
    export_zip(store, session.id, tmp_path / "s.zip")
    store.close()
    assert not import_set("session", tmp_path / "s.zip", tmp_path / "imported").faults
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        archive.extractall(tmp_path / "whole")
    src = tmp_path / "whole" / "outlines"
    assert [one.fault for one in check_dataset(src) if not one.fault.startswith("has 1 image")] == []
    items = read_dataset(src).items
    assert [item.label for item in items] == ["eosinophil", "neutrophil"]
    for item, picture in zip(items, pictures, strict=True):
        assert (read_mask(src / "masks" / f"{item.image.stem}.png", picture.shape[::-1]) == picture).all()
    assert FolderOutlines(src, "Bob").progress() == (2, 2)  # and gone on with on a desktop
