"""Drawn fields and whole runs: the same alone, in a longer run, on one process or two, and after a kill."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import field_from_json, field_to_json, read_field
from edge_wbc.core.taxonomy import FIVE_CLASSES, MAIN_TYPES, SUBTYPES, five_class
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.datasets.check import check_dataset
from edge_wbc.lab.datasets.importing import import_set
from edge_wbc.lab.synthesis import DOMAINS, PlacementOptions, SmearOptions, draw_field, draw_smears
from edge_wbc.lab.synthesis.assemble import FIRST_SCENERY
from edge_wbc.lab.synthesis.fields import drawn_field
from edge_wbc.lab.synthesis.stain import STAINS

HOME, AWAY = DOMAINS
SMALL = {"width": 256, "height": 192, "white_cells": 2}
# The paper's counts at a scale at which drawing is quick.
PAPER = {"white_cells": None, "width": 320, "height": 320, "um_per_px": 0.8}


def options(**changed):
    return SmearOptions(**{"domain": HOME, "smears": 2, "fields_per_smear": 2, **changed})


def contents(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@settings(max_examples=4)
@given(st.integers(0, 9), st.integers(0, 99), st.integers(0, 2**31))
def test_a_field_is_the_same_alone_and_in_a_longer_run(smear, field, seed):
    image, record = draw_field(options(seed=seed, **SMALL), smear, field)
    draw_field(options(seed=seed + 1, **SMALL), 0, 0)
    again, same = draw_field(options(seed=seed, smears=50, fields_per_smear=100, **SMALL), smear, field)
    assert (image == again).all() and record == same
    assert image.shape == (192, 256, 3) and image.dtype == np.uint8
    assert field_from_json(field_to_json(record)) == record


def test_smears_fields_and_seeds_differ():
    told = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    images = [draw_field(options(seed=seed, **SMALL), smear, field)[0].astype(int) for seed, smear, field in told]
    assert all(np.abs(a - b).mean() > 5 for k, a in enumerate(images) for b in images[:k])


def test_two_domains_show_the_same_cells():
    home, away = (
        draw_field(options(domain=domain, width=900, height=700, placement=PlacementOptions(inside="whole")), 1, 0)[1]
        for domain in (HOME, AWAY)
    )
    assert home.camera != away.camera and home.smear == away.smear and home.image == away.image

    def sizes(record):
        # A box's sides turn with its cell; its cell is one of the smear's, at the domain's scale.
        sides = [(cell.subtype, np.hypot(*np.subtract(cell.box[2:], cell.box[:2]))) for cell in record.cells]
        return sorted((subtype, record.um_per_px * float(side)) for subtype, side in sides)

    assert [name for name, _ in sizes(home)] == [name for name, _ in sizes(away)]
    assert len(home.cells) == 6
    assert np.allclose([side for _, side in sizes(home)], [side for _, side in sizes(away)], rtol=0.12)


def test_a_smear_has_one_stain_and_a_stain_asked_for_is_used():
    stains = [[draw_field(options(**SMALL), smear, field)[1].smear for field in range(2)] for smear in range(6)]
    assert all(one == other for one, other in stains)
    assert len({one.stain for one, _ in stains}) > 1 and {one.stain for one, _ in stains} <= set(STAINS)
    for name in STAINS:
        assert draw_field(options(stain=name, **SMALL), 0, 0)[1].smear.stain == name


@pytest.mark.parametrize("domain", DOMAINS)
def test_nuclei_are_purple_and_nothing_else_is(domain):
    for smear in range(6):
        drawn = drawn_field(options(domain=domain, classes=("lymphocyte",)), smear, 0)
        image = cv2.imdecode(np.frombuffer(drawn.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
        red, green, blue = np.moveaxis(image.astype(int), 2, 0)
        purple = cv2.blur(np.minimum(red, blue) - green + 0.0, (3, 3))
        nuclei = cv2.erode((drawn.mask == 255).astype(np.uint8), np.ones((5, 5))) > 0
        elsewhere = cv2.dilate((drawn.mask > 0).astype(np.uint8), np.ones((9, 9))) == 0
        assert np.median(purple[elsewhere]) < 5
        assert np.median(purple[nuclei]) > 12
        assert np.percentile(purple[elsewhere], 97) < np.median(purple[nuclei])


def test_labels_follow_subtype_and_size():
    seen = set()
    for field in range(8):
        _, record = draw_field(options(classes=("lymphocyte", "basophil")), 0, field)
        seen |= {(cell.subtype, cell.label, five_class(str(cell.label))) for cell in record.cells}
    assert seen == {
        ("lymphocyte", "small_lymphocyte", "lymphocyte"),
        ("reactive_lymphocyte", "large_lymphocyte", "lymphocyte"),
        ("basophil", "basophil", "basophil"),
    }
    _, record = draw_field(options(classes=("band", "plasma_cell", "nucleated_rbc"), white_cells=9), 0, 0)
    assert {cell.subtype for cell in record.cells} == {"band", "plasma_cell", "nucleated_rbc"}
    assert all(cell.label == SUBTYPES[cell.subtype] for cell in record.cells)


def test_platelets_have_boxes_under_the_papers_counts_alone():
    few = [draw_field(options(), smear, 0)[1] for smear in range(4)]
    assert {MAIN_TYPES[cell.subtype] for record in few for cell in record.cells} == {"wbc"}
    assert all(1 <= len(record.cells) <= 6 for record in few)
    many = [draw_field(options(**PAPER), smear, 0)[1] for smear in range(8)]
    assert {MAIN_TYPES[cell.subtype] for record in many for cell in record.cells} == {
        "wbc",
        "platelet",
        "nucleated_rbc",
    }
    assert len({len(record.cells) for record in many}) > 4


@settings(max_examples=6)
@given(seed=st.integers(0, 2**31), eyepiece=st.booleans())
def test_masks_say_what_the_record_says(seed, eyepiece):
    drawn = drawn_field(options(seed=seed, eyepiece=eyepiece, **PAPER), 0, 0)
    for number, cell in enumerate(drawn.record.cells, 1):
        mine = drawn.owners == number
        columns, rows = np.flatnonzero(mine.any(0)), np.flatnonzero(mine.any(1))
        assert cell.box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        if drawn.mask is not None:
            shades = set(np.unique(drawn.mask[mine]).tolist())
            assert shades <= ({0} if MAIN_TYPES[cell.subtype] == "platelet" else {128, 255})
    if drawn.mask is None:
        assert all(MAIN_TYPES[cell.subtype] == "platelet" for cell in drawn.record.cells)
    else:
        assert not drawn.mask[(drawn.owners == 0) | (drawn.owners >= FIRST_SCENERY)].any()
    image = cv2.imdecode(np.frombuffer(drawn.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    corners = [image[y, x].max() for y in (0, -1) for x in (0, -1)]
    assert (max(corners) < 40) == eyepiece
    if eyepiece:
        dark = image.max(2) < 40
        assert not (
            (drawn.owners > 0)
            & (drawn.owners < FIRST_SCENERY)
            & cv2.erode(dark.astype(np.uint8), np.ones((5, 5))).astype(bool)
        ).any()


def test_a_run_is_complete_and_resumes(tmp_path):
    told = []
    small = options(**SMALL)
    out = tmp_path / "run"
    assert draw_smears(out, small, lambda done, total: told.append((done, total)), formats=("records", "masks")) == 4
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    records = sorted((out / "records").iterdir())
    assert len(records) == 4 and len(list((out / "masks").iterdir())) == 4
    record = read_field(records[3])
    image = cv2.imread(str(out / record.image), cv2.IMREAD_COLOR_RGB)
    drawn, same = draw_field(small, 1, 1)
    assert record == same and (image == drawn).all()
    owners = cv2.imread(str(out / "instances" / "smear_0001_001.png"), cv2.IMREAD_UNCHANGED)
    assert owners.dtype == np.uint16 and (owners == drawn_field(small, 1, 1).owners).all()

    before = {path: path.stat().st_mtime_ns for path in (out / "images").iterdir()}
    assert draw_smears(out, small, formats=("records", "masks")) == 0
    assert before == {path: path.stat().st_mtime_ns for path in (out / "images").iterdir()}
    whole = contents(out)
    for name in ("images/smear_0001_001.jpg", "masks/smear_0000_000.png", "instances/smear_0000_001.png"):
        (out / name).unlink()
    assert draw_smears(out, small, formats=("records", "masks")) == 3
    assert contents(out) == whole


def test_any_count_and_a_longer_run_adds_to_a_shorter(tmp_path):
    small = options(smears=3, **SMALL)
    assert draw_smears(tmp_path / "grown", small, count=3) == 3
    assert len(list((tmp_path / "grown" / "images").iterdir())) == 3
    assert draw_smears(tmp_path / "grown", small, count=5) == 2
    assert draw_smears(tmp_path / "whole", small, count=5) == 5
    assert contents(tmp_path / "grown") == contents(tmp_path / "whole")
    with pytest.raises(BadInput, match="not in 1 to 6"):
        draw_smears(tmp_path / "more", small, count=7)


@pytest.mark.parametrize(
    "changed",
    [{"seed": 1}, {"domain": AWAY}, {"stain": "giemsa"}, {"placement": PlacementOptions("random")}, {"name": "film"}],
)
def test_another_run_is_not_mixed_in(changed, tmp_path):
    small = options(smears=1, fields_per_smear=1, **SMALL)
    draw_smears(tmp_path / "run", small)
    before = contents(tmp_path / "run")
    (what,) = changed
    with pytest.raises(BadInput, match=f"holds another run: {what} ") as error:
        draw_smears(tmp_path / "run", dataclasses.replace(small, **changed))
    assert str(tmp_path / "run") in str(error.value) and contents(tmp_path / "run") == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"exists and holds no smears\.json"):
        draw_smears(tmp_path / "other", small)


def test_two_processes_draw_what_one_draws(tmp_path, monkeypatch):
    small = options(**SMALL)
    draw_smears(tmp_path / "one", small, formats=("masks",))
    monkeypatch.setattr("edge_wbc.lab.many._TASTE_SECONDS", 0)
    monkeypatch.setattr("edge_wbc.lab.many._WORTH_SECONDS", 0)
    assert draw_smears(tmp_path / "two", small, processes=2, formats=("masks",)) == 4
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path):
    small = options(smears=6, **SMALL)
    draw_smears(tmp_path / "whole", small, formats=("masks",))
    code = (
        "from pathlib import Path\n"
        "from edge_wbc.lab.synthesis import SmearOptions, draw_smears\n"
        f"draw_smears(Path({str(tmp_path / 'cut')!r}), SmearOptions({HOME!r}, 6, 2, 2, 256, 192), formats=('masks',))\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.getcwd()})
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "cut").glob("records/*.json"))) < 3:
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    drawn = draw_smears(tmp_path / "cut", small, formats=("masks",))
    assert 0 < drawn < 10
    cut = {name: data for name, data in contents(tmp_path / "cut").items() if name.suffix != ".partial"}
    assert cut == contents(tmp_path / "whole")


def test_sets_for_other_tools_lead_back_to_the_records(tmp_path):
    paper = options(smears=3, fields_per_smear=1, **PAPER)
    out = tmp_path / "run"
    draw_smears(out, paper, formats=("records", "masks", "coco", "voc", "yolo"))
    records = [read_field(file) for file in sorted((out / "records").iterdir())]
    for name in ("coco", "voc", "yolo"):
        for classes in ("main", "subtypes"):
            import_set(name, out / name / classes, tmp_path / name / classes)
            back = [read_field(file) for file in sorted((tmp_path / name / classes / "records").iterdir())]
            assert back == records
    assert "wbc" in (out / "yolo" / "main" / "data.yaml").read_text()
    assert "plasma_cell" in (out / "yolo" / "subtypes" / "data.yaml").read_text()
    assert draw_smears(out, paper, formats=("voc",)) == 0
    assert not [fault for fault in check_dataset(out) if "training" not in fault.remedy]


def test_the_folder_is_read_as_data_and_platelets_are_dropped(tmp_path):
    draw_smears(tmp_path, options(smears=4, fields_per_smear=1, **PAPER))
    whole, five = read_dataset(tmp_path), read_dataset(tmp_path, only="5")
    assert {"platelet"} <= {item.label for item in whole.items}
    assert {item.label for item in five.items} <= set(FIVE_CLASSES) and five.dropped["platelet"]
    assert len(five.items) + sum(five.dropped.values()) == len(whole.items)


@pytest.mark.parametrize(
    "changed",
    [
        {"domain": "nokia"},
        {"smears": 0},
        {"fields_per_smear": -1},
        {"white_cells": 0},
        {"width": 0},
        {"height": 100_000},
        {"classes": ()},
        {"classes": ("platelet",)},
        {"stain": "ink"},
        {"um_per_px": -1.0},
        {"seed": -1},
        {"name": "a/b"},
        {"name": ""},
    ],
)
def test_bad_options_are_refused(changed):
    with pytest.raises(BadInput):
        options(**changed)


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"\d+ of \d+ cells fit in 640 x 480 px"):
        draw_field(options(white_cells=90), 0, 0)
    with pytest.raises(BadInput, match="begin at 0"):
        draw_field(options(), -1, 0)
    with pytest.raises(BadInput, match="processes"):
        draw_smears(tmp_path, options(), processes=0)
    with pytest.raises(BadInput, match="formats"):
        draw_smears(tmp_path, options(), formats=("pdf",))
    with pytest.raises(BadInput, match="cells fit"):
        draw_smears(tmp_path / "out", options(white_cells=90))
    assert not list(tmp_path.iterdir())
