"""`edge-wbc dedup` on fields that overlap, on folders of single cells, after a kill, and with photographs added."""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.images import read_image, write_image
from edge_wbc.core.records import Cell, Field, read_field, write_field
from edge_wbc.lab.curation import index
from edge_wbc.lab.curation.clean import deduplicate
from edge_wbc.lab.curation.duplicates import DedupOptions
from edge_wbc.lab.datasets.splitfile import read_duplicates


def window(lab: Path, record: Field, name: str, x0: int, x1: int, blur: float, out: Path) -> list[int]:
    """Photographs a part of a drawn field anew; which of its cells are whole in it."""
    seen = cv2.GaussianBlur(read_image(lab / record.image), (0, 0), blur) if blur else read_image(lab / record.image)
    inside = [number for number, cell in enumerate(record.cells) if cell.box[0] >= x0 and cell.box[2] <= x1]
    cells = tuple(
        Cell((box[0] - x0, box[1], box[2] - x0, box[3]), record.cells[number].votes)
        for number in inside
        for box in (record.cells[number].box,)
    )
    write_image(out / "images" / f"{name}.png", np.ascontiguousarray(seen[:, x0:x1]))
    write_field(
        out / "records" / f"{name}.json",
        Field(f"images/{name}.png", x1 - x0, record.height, cells, record.smear),
    )
    return inside


@pytest.fixture(scope="module")
def smears(drawn_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Of six drawn fields: one sharp left part, the same blurred, and a right part; how many cells there are."""
    out = tmp_path_factory.mktemp("overlap")
    (out / "images").mkdir()
    (out / "records").mkdir()
    different = 0
    for number, file in enumerate(sorted((drawn_lab / "records").glob("*.json"))[::6]):
        record = read_field(file)
        seen = set(window(drawn_lab, record, f"{number}a", 0, 470, 0, out))
        window(drawn_lab, record, f"{number}b", 0, 466, 1.2, out)
        seen |= set(window(drawn_lab, record, f"{number}c", 100, 640, 0.6, out))
        different += len(seen)
    return out, different


def tree(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_overlapping_fields(edge_wbc: Callable, smears: tuple[Path, int], tmp_path: Path) -> None:
    folder, different = smears
    before = tree(folder)
    said = edge_wbc("dedup", folder, "--out", tmp_path / "clean", "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert tree(folder) == before
    left_over = facts["cells"] - facts["cells_removed"]
    # What lies beyond a border is mirrored, so that a copy there may be missed; none may be merged that is none.
    assert different <= left_over <= different + 3
    assert facts["photographs_removed"] >= 6  # each blurred left part at least
    clean = tmp_path / "clean" / "dataset"
    assert sorted(file.stem for file in (clean / "records").iterdir()) == sorted(
        file.stem for file in (clean / "images").iterdir()
    )
    left = [read_field(file) for file in (clean / "records").iterdir()]
    assert sum(len(field.cells) for field in left) == left_over
    assert not [field for field in left if "b.png" in field.image]
    for field in left:
        there = read_field(folder / "records" / f"{Path(field.image).stem}.json").cells
        assert all(cell in there for cell in field.cells)
        assert (clean / field.image).read_bytes() == (folder / field.image).read_bytes()
    with (tmp_path / "clean" / "duplicates.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sum(row["verdict"] == "removed" for row in rows) == facts["cells_removed"]
    assert {row["verdict"] for row in rows} == {"kept", "removed"}
    for row in rows:
        # Both photographs are of one drawn field.
        assert row["verdict"] == "kept" or row["copy_of"].split("/")[1][0] == row["cell"].split("/")[1][0]
    # Copied beside the photographs, the same table ties copies together when they are split.
    tied = tmp_path / "tied"
    shutil.copytree(folder, tied)
    shutil.copy(tmp_path / "clean" / "duplicates.csv", tied)
    groups = read_duplicates(tied)
    fields = [read_field(file) for file in (folder / "records").iterdir()]
    boxes = {(field.image, " ".join(map(str, cell.box))) for field in fields for cell in field.cells}
    assert set(groups) <= boxes and len(groups) == len(rows)
    assert len(set(groups.values())) == facts["components"]
    assert "not for diagnosis" in (tmp_path / "clean" / "report.html").read_text()
    assert read_image(tmp_path / "clean" / "sheet_01.png").shape[0] > 500


def test_cells_of_different_smears_are_never_copies(smears: tuple[Path, int], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(smears[0], folder)
    for file in (folder / "records").glob("*b.json"):
        file.write_text(file.read_text().replace('"id": "smear', '"id": "other smear'))
    facts = deduplicate(folder, tmp_path / "clean", DedupOptions()).facts
    assert (tmp_path / "clean" / "dataset" / "images" / "0b.png").is_file()
    assert facts["components"] > 0


def single_cells(folder: Path, lab: Path, count: int) -> None:
    """Pictures of single cells in two class folders, each with a blurred copy."""
    for number, file in enumerate(sorted((lab / "records").glob("*.json"))[:count]):
        record = read_field(file)
        rgb = read_image(lab / record.image)
        place = folder / ("neutrophil", "monocyte")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        for which, cell in enumerate(record.cells[:3]):
            crop = index.cut_cell(rgb, cell.box)
            write_image(place / f"{number}_{which}.png", crop)
            write_image(place / f"{number}_{which}_again.jpg", cv2.GaussianBlur(crop, (0, 0), 1))


def test_class_folders_and_photographs_added_later(drawn_lab: Path, tmp_path: Path) -> None:
    few, all_of_them = tmp_path / "few", tmp_path / "all"
    single_cells(all_of_them, drawn_lab, 8)
    shutil.copytree(all_of_them, few)
    added = [*few.rglob("3_*.png"), *few.rglob("5_*")]
    for file in added:
        file.unlink()
    assert deduplicate(few, tmp_path / "grown", DedupOptions()).facts["hashed"] == 48 - len(added)
    for file in added:
        shutil.copy(all_of_them / file.relative_to(few), file)
    grown = deduplicate(few, tmp_path / "grown", DedupOptions()).facts
    assert (grown["hashed"], grown["compared"]) == (len(added), len(added))
    anew = deduplicate(all_of_them, tmp_path / "anew", DedupOptions()).facts
    assert (anew["hashed"], anew["compared"]) == (48, 48)
    assert anew["components"] == 24
    for name in ("duplicates.csv", "report.html", "sheet_01.png"):
        assert (tmp_path / "grown" / name).read_bytes() == (tmp_path / "anew" / name).read_bytes()
    assert tree(tmp_path / "grown" / "dataset") == tree(tmp_path / "anew" / "dataset")
    assert sorted(tree(tmp_path / "anew" / "dataset")) == [
        name for name in sorted(tree(all_of_them)) if name.endswith(".png")
    ]
    # A photograph that went may have joined others: all is compared anew, nothing is hashed anew.
    added[0].unlink()
    fewer = deduplicate(few, tmp_path / "grown", DedupOptions()).facts
    assert (fewer["hashed"], fewer["compared"], fewer["cells"]) == (0, 47, 47)


def test_other_thresholds_compare_anew_and_the_papers_phash_hashes_anew(
    edge_wbc: Callable, drawn_lab: Path, tmp_path: Path
) -> None:
    single_cells(tmp_path / "data", drawn_lab, 2)
    call = ("dedup", tmp_path / "data", "--out", tmp_path / "out", "--json")
    assert json.loads(edge_wbc(*call).out)["hashed"] == 12
    paper = json.loads(edge_wbc(*call, "--thresholds", "paper").out)
    assert (paper["hashed"], paper["compared"]) == (0, 12)
    assert paper["options"] == {"ahash_below": 11, "phash_below": 14, "correlation": 0.0, "phash": "imagehash"}
    assert json.loads(edge_wbc(*call, "--thresholds", "paper", "--phash", "mean").out)["hashed"] == 12
    assert json.loads(edge_wbc(*call).out)["hashed"] == 0


def test_goes_on_after_a_kill(smears: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_A_SHARD", 4)

    def stop_at_ten(title: str, done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deduplicate(smears[0], tmp_path / "clean", DedupOptions(), progress=stop_at_ten)
    assert not (tmp_path / "clean" / "dataset").exists()
    assert deduplicate(smears[0], tmp_path / "clean", DedupOptions()).facts["hashed"] == 8
    deduplicate(smears[0], tmp_path / "whole", DedupOptions())
    assert tree(tmp_path / "clean" / "dataset") == tree(tmp_path / "whole" / "dataset")


def test_labels_csv_loses_the_rows_of_removed_pictures(drawn_lab: Path, tmp_path: Path) -> None:
    single_cells(tmp_path / "data", drawn_lab, 1)
    (tmp_path / "data" / "neutrophil").rename(tmp_path / "data" / "images")
    names = sorted(file.name for file in (tmp_path / "data" / "images").iterdir())
    lines = [f"{name},neutrophil,film 1,kept by expert" for name in names]
    (tmp_path / "data" / "labels.csv").write_text("image,label,smear,note\n" + "\n".join(lines) + "\n")
    deduplicate(tmp_path / "data", tmp_path / "out", DedupOptions())
    left = (tmp_path / "out" / "dataset" / "labels.csv").read_text().splitlines()
    assert left == ["image,label,smear,note", *(line for line in lines if ".png" in line)]


def test_faulty_photographs_are_named_and_the_rest_goes_on(edge_wbc: Callable, drawn_lab: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    single_cells(data, drawn_lab, 2)
    whole = (data / "neutrophil" / "0_0_again.jpg").read_bytes()
    (data / "neutrophil" / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    write_image(data / "neutrophil" / "flat.png", np.full((90, 90, 3), 210, np.uint8))
    write_image(data / "neutrophil" / "flat too.png", np.full((90, 90, 3), 210, np.uint8))
    said = edge_wbc("dedup", data, "--out", tmp_path / "out", "--json")
    assert said.code == 1
    assert "broken.jpg: truncated JPEG" in said.err
    facts = json.loads(said.out)
    assert (facts["photographs"], facts["cells_removed"], facts["set_aside"]) == (14, 6, 2)
    assert (tmp_path / "out" / "dataset" / "neutrophil" / "flat too.png").is_file()
    said = edge_wbc("dedup", data, "--out", tmp_path / "strict", "--strict")
    assert said.code == 2
    assert "broken.jpg: truncated JPEG" in said.err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--out", "data/clean"), "lies in the folder"),
        (("--out", "occupied"), "holds no index"),
        (("--out", "new", "--thresholds", "papers"), "none of default, paper"),
        (("--out", "new", "--phash", "median"), "neither imagehash nor mean"),
    ],
)
def test_bad_options(
    edge_wbc: Callable, drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    single_cells(Path("data"), drawn_lab, 1)
    Path("occupied").mkdir()
    Path("occupied/thesis.txt").write_text("mine")
    said = edge_wbc("dedup", "data", *arguments)
    assert said.code == 2
    assert words in said.err
    assert not Path("new").exists()


def test_many_photographs_go_through_processes(drawn_lab: Path, tmp_path: Path, edge_wbc: Callable) -> None:
    source = index.cut_cell(read_image(next((drawn_lab / "images").iterdir())), None)
    data = tmp_path / "data"
    data.mkdir()
    rng = np.random.default_rng(0)
    for number in range(610):
        y, x = rng.integers(0, 400, 2)
        write_image(data / f"{number:03d}.png", np.ascontiguousarray(source[y : y + 60, x : x + 60]))
    (data / "broken.png").write_bytes((data / "000.png").read_bytes()[:300])
    said = edge_wbc("dedup", data, "--out", tmp_path / "out", "--json")
    assert said.code == 1
    assert json.loads(said.out)["photographs"] == 610
    assert "broken.png: truncated PNG" in said.err
