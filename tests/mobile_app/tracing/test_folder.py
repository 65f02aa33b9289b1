"""A folder of crops: masks beside them with who made them, whole or not at all, read by the lab as any other."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import write_image
from mobile_app.tracing.folder import FolderOutlines
from mobile_app.tracing.outline import FOUND, Facts, Outline
from mobile_app.tracing.tracing import Tracing


@pytest.fixture
def folder(tmp_path: Path, crop: np.ndarray) -> Path:
    """Two crops, the second of another size; the first is labelled."""
    write_image(tmp_path / "a.png", crop)
    write_image(tmp_path / "b.jpg", crop[:50])
    (tmp_path / "labels.csv").write_text("image,label\na.png,Basophil\n")
    return tmp_path


def outline(height: int = 60, person: str = "Ann", at: float = 77.0) -> Outline:
    picture = np.zeros((height, 60), np.uint8)
    picture[10:40, 10:40], picture[20:30, 20:30] = 128, 255
    return Outline(picture, person, Facts("easy-gt", "hand", 118, 3), at)


def rows(folder: Path) -> list[dict]:
    with (folder / "masks.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_keeps_masks_beside_the_crops_with_who_made_them_and_how(folder: Path) -> None:
    crops = FolderOutlines(folder, "Ann")
    assert (crops.progress(), crops.next_open(), crops.label(1), crops.label(2)) == ((0, 2), 1, "Basophil", "")
    crops.keep(2, outline(50))
    picture = cv2.imread(str(folder / "masks" / "b.png"), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (50, 60) and (picture == outline(50).picture).all()
    wanted = dict(image="b.jpg", person="Ann", nucleus="easy-gt", threshold="118", cell="hand", strokes="3", at="77")
    assert rows(folder) == [wanted]
    crops.keep(1, outline(person="سارا"))
    again = FolderOutlines(folder, "Bob")
    assert (again.progress(), again.next_open()) == ((2, 2), None)
    kept = again.kept(1)
    assert kept is not None and (kept.person, kept.at, kept.facts) == ("سارا", 77.0, outline().facts)
    assert (kept.picture == outline().picture).all()
    again.keep(1, None)
    assert again.kept(1) is None and [row["image"] for row in rows(folder)] == ["b.jpg"]
    assert sorted(file.name for file in folder.rglob("*.p*")) == ["a.png", "b.png"]  # nothing half-written lies there


def test_goes_through_the_crops_in_order_and_prefers_a_folder_of_images(folder: Path, crop: np.ndarray) -> None:
    crops = FolderOutlines(folder)
    assert [crops.next_cell(at) for at in (0, 1, 2)] == [1, 2, None]
    assert [crops.previous_cell(at) for at in (2, 1)] == [1, None]
    (folder / "images").mkdir()
    write_image(folder / "images" / "z.png", crop)
    crops = FolderOutlines(folder)
    assert crops.progress() == (0, 1) and crops.title(1) == "z.png"


def test_a_mask_that_lay_there_is_taken_up_and_its_maker_is_not_made_up(folder: Path) -> None:
    (folder / "masks").mkdir()
    cv2.imwrite(str(folder / "masks" / "a.png"), outline().picture)
    crops = FolderOutlines(folder, "Ann")
    kept = crops.kept(1)
    assert kept is not None and (kept.person, kept.facts) == ("", Facts(FOUND, FOUND))
    tracing = Tracing(crops.crop(1), kept)
    tracing.begin()
    tracing.draw("cell", 2, (12, 50), (30, 50))
    tracing.finish()
    crops.keep(1, tracing.outline("Ann", 5.0))
    assert [rows(folder)[0][key] for key in ("person", "nucleus", "cell", "strokes")] == ["Ann", FOUND, FOUND, "1"]


def test_columns_of_others_stay(folder: Path) -> None:
    crops = FolderOutlines(folder, "Ann")
    crops.keep(1, outline())
    table = folder / "masks.csv"
    head, row = table.read_text().split()
    table.write_text(f"{head},note\n{row},kept\n")
    FolderOutlines(folder, "Bob").keep(2, outline(50, "Bob"))
    assert [(row["person"], row["note"]) for row in rows(folder)] == [("Ann", "kept"), ("Bob", "")]


def test_faults_are_one_line_each_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    crops = FolderOutlines(folder)
    with pytest.raises(BadInput, match="expert: is empty; type a name"):
        crops.keep(1, outline(person=""))
    assert not (folder / "masks").exists() and not (folder / "masks.csv").exists()
    (folder / "masks").mkdir()
    cv2.imwrite(str(folder / "masks" / "a.png"), outline(50).picture)
    with pytest.raises(BadInput, match="a.png: a mask of 60 x 50 for a photograph of 60 x 60") as said:
        crops.kept(1)
    assert "\n" not in str(said.value)
    cv2.imwrite(str(folder / "masks" / "a.png"), np.full((60, 60), 2, np.uint8))
    with pytest.raises(BadInput, match="neither nucleus"):
        crops.kept(1)
    (folder / "b.jpg").write_bytes(b"\xff\xd8no")
    with pytest.raises(BadInput, match="b.jpg: truncated"):
        crops.crop(2)
    (folder / "masks.csv").write_text("image,who\na.png,Ann\n")
    with pytest.raises(BadInput, match="masks.csv: its first line must name"):
        FolderOutlines(folder)
    (folder / "masks.csv").write_text("image,person,nucleus,threshold,cell,strokes,at\na.png,Ann,easy-gt,x,hand,1,2\n")
    cv2.imwrite(str(folder / "masks" / "a.png"), outline().picture)
    with pytest.raises(BadInput, match="masks.csv: not as the app writes it"):
        FolderOutlines(folder).kept(1)
    (folder / "a.bmp").write_bytes((folder / "a.png").read_bytes())
    with pytest.raises(BadInput, match="would share a mask"):
        FolderOutlines(folder)
    (tmp_path / "empty").mkdir()
    for place, said in ((tmp_path / "none", "no such folder"), (tmp_path / "empty", "no images")):
        with pytest.raises(BadInput, match=said):
            FolderOutlines(place)


def test_a_folder_that_cannot_be_written_is_said_and_nothing_stands_there(folder: Path) -> None:
    (folder / "masks").write_text("a letter")
    crops = FolderOutlines(folder)
    with pytest.raises(BadInput, match="cannot be written"):
        crops.keep(1, outline())
    assert not (folder / "masks.csv").exists() and crops.kept(1) is None


CHILD = """
import sys
from pathlib import Path
from mobile_app.tracing.folder import FolderOutlines
from mobile_app.tracing.tracing import Tracing
crops = FolderOutlines(Path(sys.argv[1]), "Ann")
tracing = Tracing(crops.crop(1), crops.kept(1))
while True:
    tracing.begin()
    tracing.draw("cell", 3, (tracing.strokes % 60, 7), (tracing.strokes % 60, 9))
    tracing.finish()
    crops.keep(1, tracing.outline("Ann", tracing.strokes))
    print(tracing.strokes, flush=True)
"""


def test_a_kill_loses_no_stroke_that_was_kept_and_leaves_none_half(folder: Path) -> None:
    told = 0
    for stop in (1, 4, 9):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(stop)]
        child.kill()
        lines += child.stdout.readlines()
        child.wait()
        assert child.returncode < 0
        told = int([line for line in lines if line.endswith("\n")][-1])
        kept = FolderOutlines(folder).kept(1)
        assert kept is not None and kept.facts.strokes in (told, told + 1) and kept.person == "Ann"
        assert (kept.picture[8, : min(told, 60)] >= 128).all()
    assert told >= 14
