import csv
import json

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import write_image
from edge_wbc.core.taxonomy import LABELS
from edge_wbc.lab.synthesis.cutouts import POOL_NAMES
from edge_wbc.lab.synthesis.cutting import SUBTYPE_OF, Cut, Refused, Source, cut, finished, marks_in, turned
from edge_wbc.lab.synthesis.outlines import glass_around
from edge_wbc.lab.synthesis.pool_runs import CutOptions, cut_pools_into
from edge_wbc.lab.synthesis.pools import read_pools

GLASS = (235, 228, 220)


def single(glass=GLASS, radius=30, middle=(60, 62)):
    """A cell of one nucleus on glass, 120 x 124, and its mask."""
    y, x = np.mgrid[:124, :120]
    away = np.hypot(x - middle[0], y - middle[1])
    mask = np.select([away < radius / 2, away < radius], [255, 128], 0).astype(np.uint8)
    rgb = np.full((124, 120, 3), glass, np.uint8)
    rgb[mask == 128], rgb[mask == 255] = (200, 180, 205), (90, 40, 140)
    return cv2.GaussianBlur(rgb, (0, 0), 0.8), mask


@pytest.fixture
def masked(tmp_path):
    """Four labelled photographs with masks, the last of a cell that the border cuts."""
    data = tmp_path / "lab"
    rows = [("image", "label")]
    for number, label in enumerate(("neutrophil", "lymphocyte", "ig", "monocyte")):
        rgb, mask = single(radius=30 + number, middle=(60, 62) if number < 3 else (20, 62))
        for folder, picture in (("images", rgb), ("masks", np.dstack([mask] * 3))):
            (data / folder).mkdir(parents=True, exist_ok=True)
            write_image(data / folder / f"{number}.png", picture)
        rows.append((f"{number}.png", label))
    with (data / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return data


def cut_into(out, data, **options):
    return cut_pools_into(out, [data], CutOptions(**{"um_per_px": 0.2, "stain": "Giemsa", **options}))


def test_labels_go_into_pools():
    assert set(SUBTYPE_OF) <= set(LABELS) and set(SUBTYPE_OF.values()) <= set(POOL_NAMES)


def test_masked_photographs(masked, tmp_path):
    made = cut_into(tmp_path / "pools", masked)
    assert made.cutouts == {"lymphocyte": 1, "segmented_neutrophil": 1} and made.stain == "giemsa"
    assert made.refused == {
        "immature_granulocyte": {"no pool takes this label": 1},
        "monocyte": {"cut by the border": 1},
    }
    assert np.abs(np.subtract(made.background, GLASS)).max() <= 2 and made.without_glass == 0
    (one,) = read_pools(tmp_path / "pools").cutouts["segmented_neutrophil"]
    rgb, mask = single()
    height, width = one.alpha.shape
    y, x = 62 - height // 2, 60 - width // 2
    inside = mask[y : y + height, x : x + width]
    assert (one.cell & (inside > 0)).sum() >= 0.98 * (one.cell | (inside > 0)).sum()
    assert (one.nucleus == (inside == 255)).all()
    # Laid on its pool's glass it looks as it was photographed.
    share = one.alpha[..., None] / 255
    laid = np.array(made.background) * (1 - share) + one.rgb * share
    assert np.abs(laid - rgb[y : y + height, x : x + width]).max() <= 12


def test_each_cell_comes_to_the_glass_of_its_pool(tmp_path):
    bright, dark = np.array(GLASS), np.array(GLASS) * 0.6
    rgb, mask = single()
    lit, dim = (Cut(whole(rgb * light, mask), glass_around(rgb, mask == 0) * light, "") for light in (1.0, 0.6))
    background = np.rint(bright).astype(np.uint8)
    one, two = (finished(cell, background, 1.0) for cell in (lit, dim))
    assert np.abs(one.rgb.astype(int) - two.rgb).max() <= 3
    assert np.abs(finished(lit, dark.astype(np.uint8), 1.0).rgb[60, 60] - 0.6 * one.rgb[60, 60]).max() <= 2


def whole(rgb, mask):
    from edge_wbc.lab.synthesis.cutouts import Cutout

    alpha = np.where(mask > 0, 255, 0).astype(np.uint8)
    return Cutout("monocyte", np.clip(np.rint(rgb), 0, 255).astype(np.uint8), alpha, mask == 255)


@pytest.mark.parametrize("degrees", [0.0, 33.0, 90.0, 200.0])
def test_turned_copies_keep_the_cell(degrees):
    rgb, mask = single(middle=(60, 62))
    mask[62:, 60:][mask[62:, 60:] > 0] = 255
    background = np.array(GLASS, np.uint8)
    one = whole(rgb, mask)
    two = turned(one, background, degrees)
    assert abs(int(two.cell.sum()) - int(one.cell.sum())) < 0.02 * one.cell.sum()
    assert abs(int(two.nucleus.sum()) - int(one.nucleus.sum())) < 0.03 * one.nucleus.sum()
    assert (two.rgb[two.alpha == 0] == background).all()
    # No glass got into the edge's colours.
    assert two.rgb[two.cell].max(0)[1] <= one.rgb[one.cell].max(0)[1]
    x0, y0, x1, y1 = two.box
    assert abs(x0 + x1 - two.alpha.shape[1]) <= 2 and abs(y0 + y1 - two.alpha.shape[0]) <= 2


def test_scale_makes_cells_smaller(masked, tmp_path):
    cut_into(tmp_path / "one", masked)
    cut_into(tmp_path / "two", masked, at=0.4)
    one, two = (read_pools(tmp_path / name) for name in ("one", "two"))
    assert (one.um_per_px, two.um_per_px) == (0.2, 0.4)
    for name in one.cutouts:
        (large,), (small,) = one.cutouts[name], two.cutouts[name]
        assert small.cell.sum() == pytest.approx(large.cell.sum() / 4, rel=0.04)
        assert np.abs(small.rgb[small.cell].mean(0) - large.rgb[large.cell].mean(0)).max() < 4


def test_copies_and_counts_are_by_seed(masked, tmp_path):
    def origins(out, **options):
        cut_into(out, masked, **options)
        return [entry["origin"] for entry in json.loads((out / "lymphocyte/pool.json").read_text())["cutouts"]]

    three = origins(tmp_path / "three", copies=2)
    assert three[0] == "lab/1.png" and len(three) == 3 and all("lab/1.png turned" in one for one in three[1:])
    assert three == origins(tmp_path / "again", copies=2) != origins(tmp_path / "other", copies=2, seed=1)
    assert len(read_pools(tmp_path / "three").cutouts["segmented_neutrophil"]) == 3


def test_scale_and_stain_have_to_be_known_and_one(masked, tmp_path):
    with pytest.raises(BadInput, match="no record says its scale; give --um-per-px"):
        cut_into(tmp_path / "out", masked, um_per_px=None)
    with pytest.raises(BadInput, match="no record says its stain; give --stain NAME"):
        cut_into(tmp_path / "out", masked, stain="")
    with pytest.raises(BadInput, match=r"no cell could be cut; .*not 5 to 40 um across"):
        cut_into(tmp_path / "out", masked, um_per_px=0.002)
    with pytest.raises(BadInput, match="lies in"):
        cut_into(masked / "out", masked)
    with pytest.raises(BadInput, match="no such folder"):
        cut_into(tmp_path / "out", tmp_path / "nowhere")
    assert not (tmp_path / "out").exists() and not (masked / "out").exists()


@pytest.fixture
def lab(tmp_path, draw, spots):
    """Two fields of records with red cells and platelets, scales and stains as given."""

    def make(scales=(0.18, 0.18), stains=("Giemsa", "giemsa")):
        data = tmp_path / "fields"
        for folder in ("images", "records"):
            (data / folder).mkdir(parents=True, exist_ok=True)
        for number, (scale, stain) in enumerate(zip(scales, stains, strict=True)):
            write_image(data / "images" / f"{number}.png", draw(640, 480, **spots))
            cells = []
            for label, kind, room in (("red_cell", "red_cells", 1), ("platelet", "platelets", 2)):
                for x, y, radius in spots[kind]:
                    reach = radius + room
                    box = [x - reach, y - reach, x + reach + 1, y + reach + 1]
                    cells.append({"box": box, "votes": {"drawn": label}})
            record = {"schema": 1, "image": f"images/{number}.png", "width": 640, "height": 480, "cells": cells}
            record |= {"smear": {"stain": stain}, "um_per_px": scale}
            (data / "records" / f"{number}.json").write_text(json.dumps(record))
        return data

    return make


def test_lone_cells_come_out_of_their_boxes(lab, tmp_path, spots):
    made = cut_pools_into(tmp_path / "pools", [lab()], CutOptions())
    assert made.um_per_px == 0.18 and made.stain == "giemsa"
    whole_boxes = 2 * len(spots["red_cells"])
    assert made.cutouts["red_cell"] >= 0.7 * whole_boxes
    assert made.cutouts["red_cell"] + sum(made.refused.get("red_cell", {}).values()) == whole_boxes
    for one in read_pools(tmp_path / "pools").cutouts["red_cell"]:
        # A red cell of 20 px radius; its pale middle belongs to it.
        assert 2 * np.sqrt(one.cell.sum() / np.pi) == pytest.approx(40, abs=3)
        height, width = one.alpha.shape
        assert one.cell[height // 2, width // 2] and one.nucleus is None


def test_two_scales_or_stains_are_refused(lab, tmp_path):
    with pytest.raises(BadInput, match="1.png: is of 0.2 um a pixel, .*0.png of 0.18; take cells of one magnification"):
        cut_pools_into(tmp_path / "out", [lab(scales=(0.18, 0.2))], CutOptions())
    with pytest.raises(BadInput, match="0.png: is of 0.18 um a pixel, --um-per-px of 0.3"):
        cut_pools_into(tmp_path / "out", [lab()], CutOptions(um_per_px=0.3))
    with pytest.raises(BadInput, match="1.png: is stained wright, .*0.png giemsa; take cells of one stain"):
        cut_pools_into(tmp_path / "out", [lab(stains=("giemsa", "wright"))], CutOptions())
    assert not (tmp_path / "out").exists()


def test_what_is_no_lone_cell_is_refused(tmp_path, draw):
    spots = [(100, 100, 20), (136, 100, 20), (300, 100, 20), (400, 300, 20), (3, 200, 20)]
    write_image(tmp_path / "field.png", draw(480, 400, [], spots))
    boxes = [(x - 21, y - 21, x + 22, y + 22) for x, y, _ in spots[:3]]
    boxes += [(360, 280, 440, 320), (200, 200, 242, 242), (0, 178, 25, 222)]
    labels = ("red_cell",) * 6
    source = Source(tmp_path / "field.png", "field", labels, tuple(boxes), (False,) * 6, None, 0.18, "giemsa")
    found = cut(source, 0.18)
    assert [one.reason if isinstance(one, Refused) else "cut" for one in found] == [
        "overlaps another box",
        "overlaps another box",
        "cut",
        "fills its box badly",
        "no glass around it",
        "cut by the border",
    ]
    alone = Source(tmp_path / "field.png", "field", labels[:1], (boxes[0],), (False,), None, 0.18, "giemsa")
    assert [one.reason for one in cut(alone, 0.18)] == ["touches a neighbour"]


def test_a_stopped_cut_goes_on_to_the_same_bytes(masked, tmp_path):
    class Stop(Exception):
        pass

    def stop(title, done, _total):
        if title == "writing pools" and done == 1:
            raise Stop

    options = CutOptions(um_per_px=0.2, stain="giemsa", copies=3)
    with pytest.raises(Stop):
        cut_pools_into(tmp_path / "one", [masked], options, stop)
    first = (tmp_path / "one" / "lymphocyte" / "pool.json").stat().st_mtime_ns
    made = cut_pools_into(tmp_path / "one", [masked], options)
    assert (tmp_path / "one" / "lymphocyte" / "pool.json").stat().st_mtime_ns == first
    assert cut_pools_into(tmp_path / "two", [masked], options) == made

    def files(out):
        return {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*") if file.is_file()}

    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert cut_pools_into(tmp_path / "one", [masked], options) == made
    with pytest.raises(BadInput, match="holds the pools of another run"):
        cut_pools_into(tmp_path / "one", [masked], CutOptions(um_per_px=0.2, stain="giemsa", copies=2))


def test_the_real_tecom(shared_data, tmp_path):
    made = cut_into(tmp_path, shared_data / "tecom", um_per_px=0.17)
    assert sum(made.cutouts.values()) == 200 and not made.refused and made.without_glass == 0
    assert made.cutouts["segmented_neutrophil"] == 117
    cells = [one for mine in read_pools(tmp_path).cutouts.values() for one in mine]
    marks = [one for one in marks_in(shared_data / "tecom") if isinstance(one, Source)]
    areas = sum((cv2.imread(str(one.mask), cv2.IMREAD_GRAYSCALE) >= 64).sum() for one in marks)
    assert sum(one.cell.sum() for one in cells) == pytest.approx(areas, rel=0.01)


def test_the_real_bccd(shared_data, tmp_path):
    made = cut_into(tmp_path, shared_data / "bccd", um_per_px=0.075, at=0.17)
    assert set(made.cutouts) == {"red_cell", "platelet"}
    assert made.cutouts["red_cell"] >= 100 and made.cutouts["platelet"] >= 40
    diameters = [2 * np.sqrt(one.cell.sum() / np.pi) * 0.17 for one in read_pools(tmp_path).cutouts["red_cell"]]
    assert 6.5 < np.median(diameters) < 8.5
