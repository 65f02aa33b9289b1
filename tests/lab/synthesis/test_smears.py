import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import field_from_json, field_to_json, read_field
from edge_wbc.core.taxonomy import five_class
from edge_wbc.lab.synthesis import DOMAINS, SmearOptions, draw_field, draw_smears, random_stain
from edge_wbc.lab.synthesis.fields import compose_field, smear_look

HOME, AWAY = DOMAINS
WHITE = ("segmented_neutrophil", "reactive_lymphocyte", "monocyte", "eosinophil", "basophil")


def options(**changed):
    return SmearOptions(**{"domain": HOME, "smears": 2, "fields_per_smear": 2, **changed})


def composed(seed, names=WHITE, um_per_px=0.16):
    look = smear_look(random_stain(np.random.default_rng(seed)), um_per_px, np.random.SeedSequence(seed))
    return compose_field(look, names, 640, 480, np.random.SeedSequence(seed), 0.16)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 9), st.integers(0, 99), st.integers(0, 2**31))
def test_a_field_is_the_same_alone_and_in_a_longer_run(smear, field, seed):
    image, record = draw_field(options(seed=seed), smear, field)
    draw_field(options(seed=seed + 1), 0, 0)
    again, same = draw_field(options(seed=seed, smears=50, fields_per_smear=100), smear, field)
    assert (image == again).all() and record == same
    assert image.shape == (480, 640, 3) and image.dtype == np.uint8
    assert field_from_json(field_to_json(record)) == record


def test_smears_fields_and_seeds_differ():
    told = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    images = [draw_field(options(seed=seed), smear, field)[0].astype(int) for seed, smear, field in told]
    assert all(np.abs(a - b).mean() > 5 for k, a in enumerate(images) for b in images[:k])


@pytest.mark.parametrize("field", range(3))
def test_two_domains_show_the_same_cells(field):
    (seen, home), (otherwise, away) = (draw_field(options(domain=domain), 1, field) for domain in (HOME, AWAY))
    assert [cell.votes for cell in home.cells] == [cell.votes for cell in away.cells]
    assert (home.smear, home.image) == (away.smear, away.image) and home.camera != away.camera
    for one, two in zip(home.cells, away.cells, strict=True):
        sizes = [np.subtract(cell.box[2:], cell.box[:2]) for cell in (one, two)]
        assert np.allclose(sizes[0] * home.um_per_px, sizes[1] * away.um_per_px, atol=0.6)
        middles = [np.add(cell.box[2:], cell.box[:2]) / 2 for cell in (one, two)]
        assert np.allclose(middles[0], middles[1], atol=6)
    assert np.abs(seen.mean((0, 1)) - otherwise.mean((0, 1))).max() > 5


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.16, 0.185]))
def test_boxes_are_the_extent_of_the_masks_and_cells_keep_apart(seed, um_per_px):
    drawn = composed(seed, um_per_px=um_per_px)
    total = 0
    for cell in drawn.placed:
        x0, y0, x1, y1 = cell.box
        assert 0 <= x0 < x1 <= 640 and 0 <= y0 < y1 <= 480
        tight = cell.sprite.cell[cell.sprite.cell.any(1)][:, cell.sprite.cell.any(0)]
        assert tight.shape == (y1 - y0, x1 - x0)
        assert drawn.cells[y0:y1, x0:x1][tight].all()
        total += int(cell.sprite.cell.sum())
    assert drawn.cells.sum() > 0.99 * total


@pytest.mark.parametrize("domain", DOMAINS)
def test_nuclei_are_purple_and_nothing_else_is(domain):
    for smear in range(6):
        image, record = draw_field(options(domain=domain, classes=("lymphocyte",)), smear, 0)
        red, green, blue = np.moveaxis(image.astype(int), 2, 0)
        purple = cv2.blur(np.minimum(red, blue) - green + 0.0, (3, 3))
        elsewhere = np.ones(purple.shape, bool)
        inside = []
        for x0, y0, x1, y1 in (cell.box for cell in record.cells):
            elsewhere[max(0, y0 - 4) : y1 + 4, max(0, x0 - 4) : x1 + 4] = False
            inside.append(np.median(purple[y0 + (y1 - y0) // 3 : y1 - (y1 - y0) // 3, (x0 + x1) // 2 - 5 :][:, :10]))
        assert np.median(purple[elsewhere]) < 5
        assert min(inside) > 12
        assert np.percentile(purple[elsewhere], 97) < min(inside)


def test_labels_follow_class_and_size():
    seen = set()
    for field in range(8):
        _, record = draw_field(options(classes=("lymphocyte", "basophil")), 0, field)
        for cell in record.cells:
            assert five_class(cell.label) in ("lymphocyte", "basophil")
            seen.add(cell.label)
    assert seen == {"small_lymphocyte", "large_lymphocyte", "basophil"}


def test_a_run_is_complete_and_resumes(tmp_path):
    told = []
    small = options(width=320, height=240, white_cells=2)
    assert draw_smears(tmp_path, small, lambda done, total: told.append((done, total))) == 4
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    records = sorted((tmp_path / "records").iterdir())
    assert len(records) == 4 and len(list(tmp_path.rglob("*"))) == 10
    record = read_field(records[3])
    image = cv2.imread(str(tmp_path / record.image), cv2.IMREAD_COLOR_RGB)
    drawn, same = draw_field(small, 1, 1)
    assert record == same and (image == drawn).all()

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert draw_smears(tmp_path, small) == 0
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    (tmp_path / record.image).unlink()
    assert draw_smears(tmp_path, small) == 1
    with pytest.raises(BadInput, match="other options"):
        draw_smears(tmp_path, dataclasses.replace(small, seed=1))


def test_two_processes_draw_what_one_draws(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_wbc.lab.many._TASTE_SECONDS", 0)
    monkeypatch.setattr("edge_wbc.lab.many._WORTH_SECONDS", 0)
    small = options(width=320, height=240, white_cells=2)
    assert draw_smears(tmp_path, small, processes=2) == 4
    image = cv2.imread(str(tmp_path / "images" / "smear_001_000.jpg"), cv2.IMREAD_COLOR_RGB)
    assert (image == draw_field(small, 1, 0)[0]).all()


@pytest.mark.parametrize(
    "changed",
    [
        {"domain": "nokia"},
        {"smears": 0},
        {"fields_per_smear": -1},
        {"white_cells": 0},
        {"width": 0},
        {"classes": ()},
        {"classes": ("platelet",)},
        {"seed": -1},
        {"name": "a/b"},
        {"name": ""},
    ],
)
def test_bad_options_are_refused(changed):
    with pytest.raises(BadInput):
        options(**changed)


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(BadInput, match="fit"):
        draw_field(options(white_cells=60), 0, 0)
    with pytest.raises(BadInput, match="begin at 0"):
        draw_field(options(), -1, 0)
    with pytest.raises(BadInput, match="processes"):
        draw_smears(tmp_path, options(), processes=0)
