import json

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.contact import contact_sheet
from edge_wbc.lab.synthesis.cutouts import RED_CELL, Cutout, Pools
from edge_wbc.lab.synthesis.drawing import DRAWN
from edge_wbc.lab.synthesis.pool_runs import DrawOptions, draw_pools_into
from edge_wbc.lab.synthesis.pools import CONTACT_SHEET, POOL, RUN, read_pools, write_pool

GLASS = np.array([230, 220, 210], np.uint8)


def cutout(subtype, seed, nucleus=True):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-12:13, -15:16]
    alpha = np.clip(255 * (11 - np.hypot(x, y)), 0, 255).astype(np.uint8)
    rgb = rng.integers(0, 256, (25, 31, 3), np.uint8)  # also where alpha is 0
    return Cutout(subtype, rgb, alpha, np.hypot(x - 2, y) < 5 if nucleus else None)


def pools(um_per_px=0.16, stain="giemsa", background=GLASS):
    cutouts = {
        "band": tuple(cutout("band", seed) for seed in range(3)),
        RED_CELL: (cutout(RED_CELL, 9, nucleus=False),),
    }
    return Pools(cutouts, um_per_px, stain, background)


def write(out, made):
    for subtype, cutouts in made.cutouts.items():
        write_pool(out, made, subtype, [f"made {number}" for number in range(len(cutouts))])
    return out


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "pools", pools())


def assert_equal(one, two):
    assert (one.um_per_px, one.stain, one.background.tolist()) == (two.um_per_px, two.stain, two.background.tolist())
    assert list(one.cutouts) == list(two.cutouts)
    for name, mine in one.cutouts.items():
        for a, b in zip(mine, two.cutouts[name], strict=True):
            assert a.subtype == b.subtype == name and (a.nucleus is None) == (b.nucleus is None)
            for part in ("rgb", "alpha") if a.nucleus is None else ("rgb", "alpha", "nucleus"):
                assert (getattr(a, part) == getattr(b, part)).all() and getattr(b, part).dtype == getattr(a, part).dtype


def test_what_was_written_is_read(folder):
    assert_equal(pools(), read_pools(folder))
    assert json.loads((folder / "band" / POOL).read_text())["cutouts"][2] == {
        "name": "00002",
        "origin": "made 2",
        "nucleus": True,
    }


def test_folders_merge_on_one_glass(folder, tmp_path):
    half = (GLASS // 2).astype(np.uint8)
    other = write(tmp_path / "other", pools(background=half))
    merged = read_pools([folder, other])
    assert len(merged.cutouts["band"]) == 6 and merged.background.tolist() == GLASS.tolist()
    first, second = merged.cutouts["band"][0], merged.cutouts["band"][3]
    # The same colours on half the light let twice as much through.
    assert np.abs(np.minimum(255, first.rgb * (GLASS / half)) - second.rgb).max() <= 0.5


def edit(folder, **facts):
    file = folder / "band" / POOL
    file.write_text(json.dumps({**json.loads(file.read_text()), **facts}))


def entries(folder):
    return json.loads((folder / "band" / POOL).read_text())["cutouts"]


def grey(folder):
    picture = cv2.imread(str(folder / "band" / "00001.png"), cv2.IMREAD_COLOR)
    cv2.imwrite(str(folder / "band" / "00001.png"), picture)


def opaque(folder):
    picture = cv2.imread(str(folder / "band" / "00001.png"), cv2.IMREAD_UNCHANGED)
    picture[..., 3] = 255
    cv2.imwrite(str(folder / "band" / "00001.png"), picture)


def bare(folder):
    picture = cv2.imread(str(folder / "band" / "00001.png"), cv2.IMREAD_UNCHANGED)
    picture[..., 3] = 0
    cv2.imwrite(str(folder / "band" / "00001.png"), picture)


def mask(folder, change):
    file = str(folder / "band" / "masks" / "00001.png")
    cv2.imwrite(file, change(cv2.imread(file, cv2.IMREAD_UNCHANGED)))


REFUSALS = {
    "another magnification": (lambda f: edit(f, um_per_px=0.2), "of 0.16 um a pixel, .*band of 0.2"),
    "another stain": (lambda f: edit(f, stain="wright"), "is stained giemsa, .*band wright"),
    "an empty pool": (lambda f: edit(f, cutouts=[]), "band/pool.json: an empty pool"),
    "a missing picture": (lambda f: (f / "band/00001.png").unlink(), "00001.png: is listed in pool.json and missing"),
    "a missing mask": (lambda f: (f / "band/masks/00001.png").unlink(), "masks/00001.png: is listed in"),
    "an unlisted picture": (lambda f: (f / "band/more.png").write_bytes(b""), "more.png: is not listed"),
    "a stray file": (lambda f: (f / "notes.txt").write_text(""), "notes.txt: is no part of a pool"),
    "a double entry": (lambda f: edit(f, cutouts=[*entries(f), entries(f)[0]]), "lists a cut-out twice"),
    "a mask of another size": (lambda f: mask(f, lambda m: m[1:]), "a mask of 31 x 24 for a cut-out of 31 x 25"),
    "a mask of class numbers": (lambda f: mask(f, lambda m: m // 128), "holds other greys"),
    "a mask of another cell": (lambda f: mask(f, lambda m: np.roll(m, 4, 0)), "does not follow the alpha"),
    "no alpha": (grey, "00001.png: has no alpha"),
    "an alpha that hides nothing": (opaque, "00001.png: has no alpha"),
    "no cell": (bare, "shows no cell"),
    "no picture": (lambda f: (f / "band/00001.png").write_bytes(b"text"), "is no whole PNG"),
    "half a picture": (
        lambda f: (f / "band/00001.png").write_bytes((f / "band/00001.png").read_bytes()[:200]),
        "is no whole PNG",
    ),
    "an unknown subtype": (lambda f: (f / "band").rename(f / "blast"), "unknown subtype 'blast'"),
    "a renamed pool": (lambda f: (f / "band").rename(f / "monocyte"), "a pool of 'band' in a folder 'monocyte'"),
    "another schema": (lambda f: edit(f, schema=2), "schema 2 is not 1"),
    "an unknown member": (lambda f: edit(f, colour="red"), "colour: extra inputs"),
    "a path out of the pool": (
        lambda f: edit(f, cutouts=[{"name": "../x", "origin": "", "nucleus": False}]),
        "cutouts.0.name",
    ),
    "a scale that is none": (lambda f: edit(f, um_per_px=0), "um_per_px: input should be greater than 0"),
    "no JSON": (lambda f: (f / "band" / POOL).write_text("{"), "not JSON"),
    "no description": (lambda f: (f / "band" / POOL).unlink(), "has no pool.json"),
    "a stopped run": (lambda f: (f / RUN).write_text('{"done": false}'), "its run was stopped"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(folder, name):
    spoil, line = REFUSALS[name]
    spoil(folder)
    with pytest.raises(BadInput, match=line):
        read_pools(folder)


def test_no_pools_at_all(tmp_path):
    with pytest.raises(BadInput, match="no such folder"):
        read_pools(tmp_path / "none")
    with pytest.raises(BadInput, match="no pools in it"):
        read_pools(tmp_path)
    with pytest.raises(BadInput, match="nothing to write"):
        write_pool(tmp_path, Pools({}, 0.16, "giemsa", GLASS), "band", [])
    with pytest.raises(BadInput, match="no such pool"):
        write_pool(tmp_path, pools(), "blast", [])


def test_a_contact_sheet_shows_each_pool():
    sheet = contact_sheet(pools())
    assert sheet.dtype == np.uint8 and sheet.ndim == 3
    rows = 2 * (31 + 6 + 18)
    assert sheet.shape[0] == rows and (sheet[-1, -1] == GLASS).all()
    assert (sheet[18 : rows // 2] != GLASS).any() and (sheet[rows // 2 + 18 :] != GLASS).any()


def files_of(out):
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*") if file.is_file()}


class Stop(Exception):
    pass


def test_a_stopped_drawing_goes_on_to_the_same_bytes(tmp_path):
    options = DrawOptions(2, um_per_px=0.4, seed=3)

    def stop(_title, done, _total):
        if done == 7:
            raise Stop

    with pytest.raises(Stop):
        draw_pools_into(tmp_path / "one", options, stop)
    with pytest.raises(BadInput, match="its run was stopped"):
        read_pools(tmp_path / "one")
    done = []
    made = draw_pools_into(tmp_path / "one", options, lambda _title, done_now, total: done.append((done_now, total)))
    assert done[0] == (8, 19) and made == draw_pools_into(tmp_path / "two", options)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    found = read_pools(tmp_path / "one")
    assert set(found.cutouts) == set(DRAWN) and all(len(mine) == 2 for mine in found.cutouts.values())
    assert found.um_per_px == 0.4 and found.stain == "giemsa" and (tmp_path / "one" / CONTACT_SHEET).is_file()
    assert draw_pools_into(tmp_path / "one", options) == made
    with pytest.raises(BadInput, match="holds the pools of another run"):
        draw_pools_into(tmp_path / "one", DrawOptions(3, um_per_px=0.4, seed=3))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    with pytest.raises(BadInput, match="exists and holds no pools.json"):
        draw_pools_into(tmp_path / "full", options)


def test_seeds_draw_other_cells(tmp_path):
    for seed in (0, 1):
        draw_pools_into(tmp_path / str(seed), DrawOptions(1, um_per_px=0.4, seed=seed))
    one, two = (read_pools(tmp_path / name).cutouts["monocyte"][0] for name in "01")
    assert one.rgb.shape != two.rgb.shape or (one.rgb != two.rgb).any()
