"""Records -> format -> records: equal, whatever stands in them; and what others write is read as its format says."""

from __future__ import annotations

import csv
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.records import Cell, Field, Smear, write_field
from edge_wbc.core.taxonomy import SUBTYPES
from edge_wbc.lab.datasets.formats import FORMATS
from edge_wbc.lab.datasets.formats.common import (
    ANNOTATION_SETS,
    Exported,
    Marked,
    plain_name,
    stem_of,
    thin_box,
    to_field,
)

ANNOTATIONS = [name for name, form in FORMATS.items() if form.write]


def sound(record: Field, suffix: str) -> Field:
    """The same with a photograph's suffix, and without boxes of one pixel."""
    cells = tuple(cell for cell in record.cells if not thin_box("", "", cell.box))
    return replace(record, image=f"of {record.image}{suffix}", cells=cells)


def write(name: str, out: Path, records: list[Field], classes: str = "labels") -> None:
    """Annotation files, and an empty file for each photograph."""
    form = FORMATS[name]
    assert form.write
    (out / form.images).mkdir(parents=True)
    entries = [Exported(plain_name(record.image), record) for record in records]
    for entry in entries:
        (out / form.images / entry.name).touch()
    form.write(out, entries, ANNOTATION_SETS[classes])


def read(name: str, src: Path, sizes: dict[str, tuple[int, int]]) -> tuple[list[Field], list[Fault]]:
    """Records by the size of each photograph's file name, and all faults."""
    records, faults = [], []
    for entry in FORMATS[name].read(src):
        if isinstance(entry, Fault):
            faults.append(entry)
            continue
        assert isinstance(entry, Marked)
        record, found = to_field(entry, *sizes[entry.image.name])
        faults += found
        records += [record] if record else []
    return records, faults


@pytest.mark.parametrize("name", ANNOTATIONS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_nothing_is_lost_on_the_way_there_and_back(name, any_records, data):
    one = st.builds(sound, any_records, st.sampled_from([".jpg", ".PNG", ".tif"]))
    records = data.draw(st.lists(one, min_size=1, max_size=3, unique_by=lambda record: stem_of(record.image).lower()))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        write(name, out, records)
        sizes = {plain_name(record.image): (record.width, record.height) for record in records}
        back, faults = read(name, out, sizes)
    assert faults == []
    assert sorted(back, key=lambda record: record.image) == sorted(records, key=lambda record: record.image)


def test_the_dataset_folder_reads_itself(tmp_path):
    record = Field("images/smear 1/a.jpg", 50, 40, (Cell((1, 2, 30, 40), {"ana": "band"}, None, True),), Smear("7"))
    (tmp_path / "images" / "smear 1").mkdir(parents=True)
    (tmp_path / record.image).touch()
    (tmp_path / "records").mkdir()
    write_field(tmp_path / "records" / "a.json", record)
    assert read("session", tmp_path, {"a.jpg": (50, 40)}) == ([record], [])


RECORD = Field(
    "images/a.jpg",
    100,
    80,
    (Cell((0, 0, 40, 30), {"ana": "band", "ben": "band"}, 0.5), Cell((60, 50, 100, 80), {"ana": "burst"}, None, True)),
    Smear("7", "Giemsa"),
)


def test_boxes_are_written_as_each_format_counts(tmp_path):
    for name in ANNOTATIONS:
        write(name, tmp_path / name, [RECORD])
    coco = json.loads((tmp_path / "coco" / "annotations.json").read_text())
    assert [row["bbox"] for row in coco["annotations"]] == [[0, 0, 40, 30], [60, 50, 40, 30]]
    names = {row["id"]: row["name"] for row in coco["categories"]}
    assert [names[row["category_id"]] for row in coco["annotations"]] == ["band", "burst"]
    xml = (tmp_path / "voc" / "Annotations" / "a.xml").read_text()
    # From 1, inclusive: a box over the whole photograph would be 1, 1, 100, 80.
    assert (
        "<xmin>1</xmin>" in xml and "<xmax>40</xmax>" in xml and "<xmin>61</xmin>" in xml and "<ymax>80</ymax>" in xml
    )
    first = (tmp_path / "yolo" / "labels" / "a.txt").read_text().splitlines()[0].split()
    assert first == ["1", "0.2", "0.1875", "0.4", "0.375"]
    assert "1: band" in (tmp_path / "yolo" / "data.yaml").read_text()
    row = next(csv.DictReader((tmp_path / "csv" / "labels.csv").open()))
    assert [row[key] for key in ("image", "label", "smear", "x0", "y0", "x1", "y1")] == [
        *("a.jpg", "band", "7"),
        *("0", "0", "40", "30"),
    ]


@pytest.mark.parametrize("name", ["coco", "voc", "yolo"])
@pytest.mark.parametrize("classes", ["main", "subtypes"])
def test_subtypes_and_their_main_types_lead_back(name, classes, tmp_path):
    votes = [(subtype, {"drawn": label}) for subtype, label in SUBTYPES.items()]
    votes.append(("lymphocyte", {"drawn": "large_lymphocyte"}))
    cells = [Cell((2 * k, 0, 2 * k + 2, 9), said, subtype=subtype) for k, (subtype, said) in enumerate(votes)]
    record = Field("images/a.jpg", 100, 80, tuple(cells))
    write(name, tmp_path, [record], classes)
    assert read(name, tmp_path, {"a.jpg": (100, 80)}) == ([record], [])


def test_cells_without_a_subtype_are_not_written_as_one(tmp_path):
    with pytest.raises(BadInput, match="only drawn and assembled smears"):
        write("coco", tmp_path, [RECORD], "main")


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_a_class_changed_elsewhere_is_believed(name, tmp_path):
    write(name, tmp_path, [RECORD])
    file, old, new = {
        "coco": ("annotations.json", '"category_id": 2', '"category_id": 6'),
        "voc": ("Annotations/a.xml", "<name>band</name>", "<name>monocyte</name>"),
        "yolo": ("data.yaml", "1: band", "1: monocyte"),
        "csv": ("labels.csv", "a.jpg,band", "a.jpg,monocyte"),
    }[name]
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new))
    (record,), faults = read(name, tmp_path, {"a.jpg": (100, 80)})
    assert faults == [] and record.cells[0].votes == {name: "monocyte"}
    assert record.cells[0].score == 0.5 and record.cells[1] == RECORD.cells[1]


def test_a_yolo_row_added_elsewhere_shifts_nothing(tmp_path):
    write("yolo", tmp_path, [RECORD])
    file = tmp_path / "labels" / "a.txt"
    file.write_text("5 0.5 0.5 0.1 0.1\n\n" + file.read_text())
    (record,), faults = read("yolo", tmp_path, {"a.jpg": (100, 80)})
    assert faults == []
    assert record.cells == (Cell((45, 36, 55, 44), {"yolo": "monocyte"}), *RECORD.cells)


def plain(src: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (src / name).parent.mkdir(parents=True, exist_ok=True)
        (src / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return src


def test_plain_coco(tmp_path):
    body = {
        "images": [{"id": 3, "file_name": "f.jpg", "width": 100, "height": 80}, {"id": 4, "file_name": "gone.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 3, "category_id": 9, "bbox": [10.4, 5, 20.2, 30], "segmentation": [], "iscrowd": 0},
            {"id": 2, "image_id": 3, "category_id": 1, "bbox": [0, 0, 9, 9]},
            {"id": 3, "image_id": 3, "category_id": 2, "bbox": [0, 0, 9, 9]},
            {"id": 4, "image_id": 77, "category_id": 9, "bbox": [0, 0, 9, 9]},
            {"id": 5, "image_id": 3, "category_id": 9, "bbox": [0, 0, 9]},
            {"id": 6, "image_id": 3, "category_id": 9, "bbox": [0, 0, float("nan"), 5]},
        ],
        "categories": [{"id": 9, "name": "Neutrophils"}, {"id": 1, "name": "WBC"}, {"id": 2, "name": "eosinofil"}],
    }
    plain(tmp_path, {"train/_annotations.coco.json": "\ufeff" + json.dumps(body), "train/f.jpg": ""})
    (record,), faults = read("coco", tmp_path, {"f.jpg": (100, 80)})
    assert record == Field(
        "images/train_f.jpg", 100, 80, (Cell((10, 5, 31, 35), {"coco": "neutrophil"}), Cell((0, 0, 9, 9)))
    )
    assert {(fault.row, fault.fault.split(":")[0], fault.remedy) for fault in faults} == {
        ("annotations 3", "unknown label 'eosinofil'", "did you mean 'eosinophil'?"),
        ("annotations 4", "names a missing image 77", "add it or remove the row"),
        ("annotations 5", "bbox.3", ""),
        ("annotations 6", "bbox.2", ""),
        ("images 2", "names a missing photograph 'gone.jpg'", "put it back or remove what names it"),
    }


_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def test_plain_voc(tmp_path):
    def thing(name: str, *box: object, truncated: int = 0) -> str:
        corners = "".join(f"<{key}>{value}</{key}>" for key, value in zip(_CORNERS, box, strict=True))
        return f"<object><name>{name}</name><truncated>{truncated}</truncated><bndbox>{corners}</bndbox></object>"

    things = [
        thing("WBC", 1, 1, 100, 80, truncated=1),
        thing("RBC", 0, 11, 20, 30),
        thing("Platelets", 5, 5, 5, 5),
        thing("neutrofil", 5, 5, 9, 9),
        thing("WBC", 50, 5, 40, 9),
        thing("WBC", "a", 5, 40, 9),
    ]
    head = "<annotation><filename>f.jpg</filename><size><width>100</width><height>80</height></size>"
    plain(tmp_path, {"Annotations/f.xml": head + "".join(things) + "</annotation>", "JPEGImages/f.jpg": ""})
    (record,), faults = read("voc", tmp_path, {"f.jpg": (100, 80)})
    assert record.cells == (Cell((0, 0, 100, 80), {}, None, True), Cell((0, 10, 20, 30), {"voc": "red_cell"}))
    assert [(fault.row, fault.fault.partition(",")[0]) for fault in faults] == [
        ("object 4", "unknown label 'neutrofil'"),
        ("object 6", "<bndbox/xmin> holds 'a'"),
        ("object 3", "box [4"),
        ("object 5", "box [49"),
    ]


@pytest.mark.parametrize("layout", [("images/{}", "labels/{}"), ("train/images/{}", "train/labels/{}"), ("{}", "{}")])
def test_plain_yolo(tmp_path, layout):
    images, labels = layout
    files = {images.format("f.jpg"): "", labels.format("f.txt"): "0 0.5 0.5 0.25 0.5\n1 .5 .5 .2 .2 0.75"}
    files |= {images.format("g.jpg"): "", labels.format("g.txt"): "", images.format("h.jpg"): ""}
    plain(tmp_path, {**files, "data.yaml": "nc: 2\nnames: [Lymph, WBC]\n"})
    records, faults = read("yolo", tmp_path, {"f.jpg": (100, 80), "g.jpg": (100, 80)})
    assert [record.cells for record in records] == [
        (Cell((38, 20, 62, 60), {"yolo": "small_lymphocyte"}), Cell((40, 32, 60, 48), {}, 0.75)),
        (),
    ]
    assert [(Path(fault.file).name, fault.fault) for fault in faults] == [("h.txt", "missing")]


def test_yolo_rows_at_fault(tmp_path):
    rows = ["0 0.5 0.5 0.2", "x 0.5 0.5 0.2 0.2", "0 nan 0.5 0.2 0.2", "3 .5 .5 .2 .2", "0 0.99 .5 .2 .2"]
    rows += ["0 0.505 0.5 0.01 0.2", "0 .5 .5 .2 .2"]
    plain(tmp_path, {"images/f.jpg": "", "labels/f.txt": "\n".join(rows), "labels/lost.txt": ""})
    (record,), faults = read("yolo", tmp_path, {"f.jpg": (100, 100)})
    assert record.cells == (Cell((40, 40, 60, 60)),)
    assert [fault.row for fault in faults if fault.row] == [f"row {number}" for number in range(1, 7)]
    assert "class 3 has no name" in faults[3].fault and "one pixel wide" in faults[5].fault
    assert [Path(fault.file).name for fault in faults if not fault.row] == ["lost.txt"]


def test_a_table_of_boxes_by_others(tmp_path):
    text = "\ufeffimage,label,x0,y0,x1,y1\nf.jpg,NEU,1,2,30,40\ng.jpg,,,,,\nf.jpg,mono,5,5,1,9\nf.jpg,eos,a,5,1,9\n"
    plain(tmp_path, {"labels.csv": text, "images/f.jpg": "", "images/g.jpg": ""})
    (f, g), faults = read("csv", tmp_path, {"f.jpg": (100, 80), "g.jpg": (100, 80)})
    assert f.cells == (Cell((1, 2, 30, 40), {"csv": "neutrophil"}),) and g.cells == ()
    assert [fault.row for fault in faults] == ["row 5", "row 4"]


BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("bcdefghi", "cdefghij", strict=True))
    + "]><annotation><filename>&j;</filename></annotation>"
)
EXTERNAL = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation><filename>&b;</filename></annotation>'


@pytest.mark.parametrize("text", [BILLION_LAUGHS, EXTERNAL, "<annotation>", "", "<a/>\0", '<?xml encoding="x"?><a/>'])
def test_hostile_or_broken_xml_is_a_fault(tmp_path, text):
    plain(tmp_path, {"Annotations/f.xml": text})
    records, faults = read("voc", tmp_path, {})
    assert records == []
    assert [Path(fault.file).name for fault in faults] == ["f.xml"]
    assert "readable XML" in faults[0].fault


@pytest.mark.parametrize(
    "name", ["../secret.jpg", "/etc/secret.jpg", "a/../../secret.jpg", "C:\\secret.jpg", "..\\secret.jpg"]
)
def test_a_path_that_leaves_the_folder(tmp_path, name):
    plain(tmp_path, {"secret.jpg": "mine"})
    src = tmp_path / "set"
    coco = {"images": [{"id": 1, "file_name": name}], "annotations": [], "categories": []}
    plain(src, {"annotations.json": json.dumps(coco)})
    plain(
        src,
        {"f.xml": f"<annotation><filename>{name}</filename></annotation>", "labels.csv": f"image,label\n{name},eos\n"},
    )
    plain(src, {"records/a.json": json.dumps({"schema": 1, "image": name, "width": 9, "height": 9})})
    for form in ("coco", "voc", "csv", "session"):
        entries = list(FORMATS[form].read(src))
        assert entries and all(isinstance(entry, Fault) for entry in entries), form
        assert "points outside" in entries[0].fault, form


def test_a_link_that_leaves_the_folder(tmp_path):
    plain(tmp_path, {"secret.jpg": "mine", "set/labels.csv": "image,label\nf.jpg,eos\n", "set/images/g.jpg": ""})
    (tmp_path / "set" / "images" / "f.jpg").symlink_to(tmp_path / "secret.jpg")
    (fault,) = FORMATS["csv"].read(tmp_path / "set")
    assert isinstance(fault, Fault) and "link out of the folder" in fault.fault


@pytest.mark.parametrize("image", ["records/a.jpg", "masks/a.jpg", "../a.jpg", "/a.jpg", "images/a.json", 7, ""])
def test_what_rides_along_cannot_choose_any_place(tmp_path, image):
    row = {"id": 1, "file_name": "f.jpg", "edge_wbc": {"image": image}}
    coco = {"images": [row], "annotations": [], "categories": []}
    plain(tmp_path, {"annotations.json": json.dumps(coco), "f.jpg": ""})
    records, faults = read("coco", tmp_path, {"f.jpg": (9, 9)})
    assert records == [] and faults


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
COCO = {
    "images": [{"id": 1, "file_name": "f.jpg", "width": 9, "height": 9, "edge_wbc": {"image": "f.jpg"}}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "edge_wbc": {"votes": {"a": "band"}}}],
    "categories": [{"id": 1, "name": "band"}],
}
CELL = {"Label1": "Band", "Label2": "Neutrophil", "x1": "0", "x2": "5", "y1": "0", "y2": "5"}
OURS = {"schema": 1, "image": "f.jpg", "width": 9, "height": 9, "cells": [{"box": [0, 0, 5, 5]}], "smear": {"id": ""}}
STRANGE = {
    "coco": ("annotations.json", COCO),
    "raabin": ("f.json", {"Cell_0": CELL, "Microscope": "CX18", "Camera": "Galaxy S5"}),
    "session": ("records/f.json", OURS),
    "yolo": ("edge_wbc.json", {"labels": {"f.txt": {"field": {"image": "f.jpg"}, "cells": [["0 .5 .5 .5 .5", {}]]}}}),
}


def _places(data, way=()):
    yield way
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from _places(value, (*way, key))


@pytest.mark.parametrize("name", STRANGE)
@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_whatever_stands_in_a_strangers_json_is_read_or_a_fault(name, data):
    file, body = STRANGE[name]
    body = json.loads(json.dumps(body))
    *way, last = data.draw(st.sampled_from([place for place in _places(body) if place]))
    inner = body
    for step in way:
        inner = inner[step]
    inner[last] = data.draw(_json)
    with tempfile.TemporaryDirectory() as folder:
        src = plain(Path(folder), {file: json.dumps(body), "f.jpg": "", "f.txt": "0 .5 .5 .5 .5"})
        try:
            read(name, src, {"f.jpg": (9, 9)})
        except BadInput as fault:
            assert str(src) in str(fault)


@pytest.mark.parametrize("name", STRANGE)
def test_untouched_they_are_read(name, tmp_path):
    file, body = STRANGE[name]
    plain(tmp_path, {file: json.dumps(body), "f.jpg": "", "f.txt": "0 .5 .5 .5 .5"})
    (record,), faults = read(name, tmp_path, {"f.jpg": (9, 9)})
    assert faults == [] and len(record.cells) == 1


@pytest.mark.parametrize(("name", "file"), [("yolo", "labels/f.txt"), ("yolo", "data.yaml"), ("csv", "labels.csv")])
@settings(deadline=None, max_examples=80)
@given(text=st.binary(max_size=60) | st.text(max_size=60).map(str.encode), head=st.booleans())
def test_whatever_stands_in_a_text_file_is_read_or_a_fault(name, file, text, head):
    start = b"image,label,x0,y0,x1,y1\n" if head and name == "csv" else b""
    with tempfile.TemporaryDirectory() as folder:
        src = plain(Path(folder), {"images/f.jpg": "", "labels/f.txt": "", file: start + text})
        try:
            read(name, src, {"f.jpg": (9, 9)})
        except BadInput as fault:
            assert str(src) in str(fault)
