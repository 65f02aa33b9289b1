import csv
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import FIVE_CLASSES, SUBTYPES, five_class
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.synthesis import DOMAINS
from edge_wbc.lab.synthesis.cutouts import RED_CELL, Cutout, Pools
from edge_wbc.lab.synthesis.optics import decoded
from edge_wbc.lab.synthesis.pool_runs import DrawOptions, draw_pools_into
from edge_wbc.lab.synthesis.pools import read_pools
from edge_wbc.lab.synthesis.single_cells import SHARES, SingleCellOptions, draw_single_cell, draw_single_cells


def files_of(out):
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("pools") / "pools"
    draw_pools_into(out, DrawOptions(3, um_per_px=0.2, seed=1))
    return out


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 2**31))
def test_a_cell_is_the_same_alone_and_in_any_run(number, seed):
    options = SingleCellOptions(seed=seed)
    one = draw_single_cell(options, number)
    draw_single_cell(SingleCellOptions(seed=seed + 1), 0)
    two = draw_single_cell(options, number)
    assert one.jpeg == two.jpeg and (one.mask == two.mask).all() and one.subtype == two.subtype
    assert SUBTYPES[one.subtype] == one.label and five_class(one.label) == FIVE_CLASSES[number % 5]
    rgb = decoded(one.jpeg)
    assert rgb.shape == (160, 160, 3) and one.mask.shape == (160, 160) and one.mask.dtype == np.uint8
    assert set(np.unique(one.mask)) <= {0, 128, 255}
    rows, columns = np.nonzero(one.mask)
    assert abs(np.mean(rows) - 80) < 24 and abs(np.mean(columns) - 80) < 24


def test_numbers_and_seeds_differ():
    told = [draw_single_cell(SingleCellOptions(seed=seed), number).jpeg for seed in (0, 1) for number in (0, 5)]
    images = [decoded(data).astype(int) for data in told]
    assert all(np.abs(a - b).mean() > 5 for k, a in enumerate(images) for b in images[:k])


def test_the_mask_is_where_the_nucleus_is():
    for number in range(0, 40, 2):
        made = draw_single_cell(SingleCellOptions(("lymphocyte",), domain=next(iter(DOMAINS))), number)
        green = decoded(made.jpeg)[..., 1].astype(int)
        assert green[made.mask == 255].mean() < green[made.mask == 0].mean() - 20


def one_cell(nucleus_at):
    """A pool of one violet disc whose nucleus is to its right or left, and pale red cells."""
    y, x = np.mgrid[-35:36, -35:36]
    disc, inner = np.hypot(x, y) < 30, np.hypot(x - nucleus_at, y) < 12
    rgb = np.select([inner[..., None], disc[..., None]], [(60, 20, 120), (150, 110, 200)], 235).astype(np.uint8)
    small = np.hypot(x, y) < 20
    red = np.where(small[..., None], (235, 200, 190), 235).astype(np.uint8)
    cutouts = {
        "monocyte": (Cutout("monocyte", rgb, np.where(disc, 255, 0).astype(np.uint8), inner & disc),),
        RED_CELL: (Cutout(RED_CELL, red, np.where(small, 255, 0).astype(np.uint8)),),
    }
    return Pools(cutouts, 0.2, "giemsa", np.array([235, 235, 235], np.uint8))


@pytest.mark.parametrize("nucleus_at", [-14, 14])
def test_masks_agree_with_what_is_seen(nucleus_at):
    for number in range(12):
        made = draw_single_cell(SingleCellOptions(("monocyte",), 160), number, one_cell(nucleus_at))
        assert made.mask.shape == (160, 160)
        area = int((made.mask > 0).sum())
        assert area == pytest.approx(np.pi * 30**2, rel=0.02)
        assert int((made.mask == 255).sum()) == pytest.approx(np.pi * 12**2, rel=0.05)
        green = cv2.GaussianBlur(decoded(made.jpeg)[..., 1], (0, 0), 1.0).astype(float)
        glass = np.percentile(green, 90)
        seen = green < 0.75 * glass
        count, pieces = cv2.connectedComponents(seen.astype(np.uint8))
        mine = pieces == np.bincount(pieces[made.mask > 0], minlength=count)[1:].argmax() + 1
        others = draw_single_cell(SingleCellOptions(("monocyte",), 160), number, one_cell(nucleus_at)).mask > 0
        assert (mine & others).sum() >= 0.95 * others.sum()


def test_a_folder_trains_as_it_is(tmp_path):
    assert draw_single_cells(tmp_path, SingleCellOptions(size=100), 10) == 10
    found = read_dataset(tmp_path)
    assert Counter(item.label for item in found.items) == dict.fromkeys(FIVE_CLASSES, 2)
    with (tmp_path / "labels.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for number, row in enumerate(rows):
        made = draw_single_cell(SingleCellOptions(size=100), number)
        assert (row["label"], row["subtype"]) == (made.label, made.subtype)
        assert (tmp_path / "images" / row["image"]).read_bytes() == made.jpeg
        mask = cv2.imread(str(tmp_path / "masks" / row["image"].replace(".jpg", ".png")), cv2.IMREAD_UNCHANGED)
        assert (mask == made.mask).all()


class Stop(Exception):
    pass


def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, folder):
    options = SingleCellOptions(("eosinophil", "band"), 90, seed=4)

    def stop(done, _total):
        if done == 5:
            raise Stop

    with pytest.raises(Stop):
        draw_single_cells(tmp_path / "one", options, 8, [folder], stop)
    assert not (tmp_path / "one" / "labels.csv").exists()
    (tmp_path / "one" / "masks" / "cell_000006.png").write_bytes(b"half")
    done = []
    drawn = draw_single_cells(tmp_path / "one", options, 8, [folder], lambda now, total: done.append((now, total)))
    assert drawn == 3 and done[-1] == (8, 8)
    draw_single_cells(tmp_path / "two", options, 8, [folder])
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    draw_single_cells(tmp_path / "three", options, 3, [folder])
    draw_single_cells(tmp_path / "three", options, 8, [folder])
    assert files_of(tmp_path / "three") == files_of(tmp_path / "two")
    with pytest.raises(BadInput, match="holds 8 cells already; give --count 8 or more"):
        draw_single_cells(tmp_path / "two", options, 7, [folder])
    with pytest.raises(BadInput, match="holds the cells of another run"):
        draw_single_cells(tmp_path / "two", SingleCellOptions(("eosinophil", "band"), 91, seed=4), 8, [folder])


def test_processes_draw_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_wbc.lab.many._TASTE_SECONDS", 0)
    monkeypatch.setattr("edge_wbc.lab.many._WORTH_SECONDS", 0)
    for processes in (1, 2):
        draw_single_cells(tmp_path / str(processes), SingleCellOptions(size=100), 4, processes=processes)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")


def test_shares_are_of_the_classes():
    assert set(SHARES) == set(FIVE_CLASSES)
    for name, shares in SHARES.items():
        assert sum(shares.values()) == pytest.approx(1)
        assert all(five_class(SUBTYPES[subtype]) == name for subtype in shares)


@pytest.mark.parametrize("subtype", [name for name in SUBTYPES if "platelet" not in name])
def test_every_white_subtype_can_be_asked_for(subtype):
    made = draw_single_cell(SingleCellOptions((subtype,)), 0)
    if subtype not in FIVE_CLASSES:
        assert made.subtype == subtype
    assert (made.mask > 0).sum() > 200


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"classes": ("blast",)}, "classes: unknown: blast; of neutrophil, "),
        ({"classes": ()}, "classes: unknown: none given"),
        ({"classes": ("platelet",)}, "classes: unknown: platelet"),
        ({"size": 0}, "size: 0 is not in 1 to 2000 px"),
        ({"size": 5000}, "size: 5000 is not in"),
        ({"domain": "nokia"}, "unknown domain 'nokia'"),
        ({"stain": "tea"}, "unknown stain 'tea'"),
        ({"um_per_px": 0.0}, "0.0 is not a scale"),
        ({"um_per_px": float("nan")}, "nan is not a scale"),
        ({"seed": -1}, "seed: -1 is negative"),
    ],
)
def test_bad_options(changed, line):
    with pytest.raises(BadInput, match=line):
        SingleCellOptions(**changed)


def test_pools_that_do_not_serve(folder, tmp_path):
    pools = read_pools(folder)
    with pytest.raises(BadInput, match="asks for 0.16 um a pixel, the pools have 0.2"):
        draw_single_cell(SingleCellOptions(um_per_px=0.16), 0, pools)
    with pytest.raises(BadInput, match="asks for wright, the pools are giemsa"):
        draw_single_cell(SingleCellOptions(stain="wright"), 0, pools)
    with pytest.raises(BadInput, match="red_cell: there is no pool of it; add one with another --pools"):
        bare = Pools({"monocyte": pools.cutouts["monocyte"]}, 0.2, "giemsa", pools.background)
        draw_single_cell(SingleCellOptions(("monocyte",)), 0, bare)
    few = Pools({name: pools.cutouts[name] for name in ("monocyte", RED_CELL)}, 0.2, "giemsa", pools.background)
    with pytest.raises(BadInput, match="basophil: the pools have none of it; add a pool of basophil"):
        draw_single_cell(SingleCellOptions(("basophil",)), 0, few)
    with pytest.raises(BadInput, match="numbers begin at 0"):
        draw_single_cell(SingleCellOptions(), -1)
    with pytest.raises(BadInput, match="size: 60 px are 9.6 um; a cell needs 100 px at least"):
        draw_single_cells(tmp_path / "out", SingleCellOptions(size=60), 1)
    with pytest.raises(BadInput, match="size: 60 px are 12.0 um; a cell needs 80 px at least"):
        draw_single_cells(tmp_path / "out", SingleCellOptions(size=60), 1, [folder])
    for count in (0, -3, 10**8):
        with pytest.raises(BadInput, match=f"count: {count} is not in"):
            draw_single_cells(tmp_path / "out", SingleCellOptions(), count)
    with pytest.raises(BadInput, match="no such folder"):
        draw_single_cells(tmp_path / "out", SingleCellOptions(), 1, [tmp_path / "none"])
    assert not (tmp_path / "out").exists()
