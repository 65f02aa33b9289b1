"""A pack from a file is read with after it has verified and run; a bad one changes nothing; a lost one is told of."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import read_pack
from mobile_app.desk import Desk
from mobile_app.packs import DEFAULT_PACK, install_pack, installed_packs, open_pack
from mobile_app.sources.frames import photograph_of

pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed: no pack can be run")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another lab's pack, as a folder."""
    return shutil.copytree(DEFAULT_PACK, tmp_path / "tehran")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "home")
    yield desk
    desk.close()


def _again(desk: Desk) -> Desk:
    desk.close()
    return Desk(desk.store.folder)


def _files(folder: Path) -> dict:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("zipped", [False, True])
def test_installed_pack_is_the_files_that_were_verified(other: Path, tmp_path: Path, zipped: bool) -> None:
    path = other
    if zipped:
        path = tmp_path / "tehran.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in other.rglob("*"):
                archive.write(file, file.relative_to(other).as_posix())
    reader = install_pack(tmp_path / "home", path)
    assert reader.pack.path.name.startswith("tehran-")
    assert read_pack(reader.pack.path).files == read_pack(other).files
    assert read_pack(reader.pack.path).manifest == read_pack(other).manifest
    assert installed_packs(tmp_path / "home") == [DEFAULT_PACK, reader.pack.path]


def test_chosen_pack_is_the_one_after_a_restart(desk: Desk, other: Path) -> None:
    desk.use_pack(other)
    again = _again(desk)
    assert again.pack == desk.pack != DEFAULT_PACK
    again.use_pack(DEFAULT_PACK)
    last = _again(again)
    assert last.pack == DEFAULT_PACK
    last.close()


def test_one_that_is_chosen_while_another_is_opened_stays(
    desk: Desk, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = desk.verified(other)
    assert desk.pack == DEFAULT_PACK, "verifying changes nothing"

    def slowly(path: Path):
        desk.choose(chosen)  # by a person, before the reading thread has opened this one
        return open_pack(path)

    monkeypatch.setattr("mobile_app.desk.open_pack", slowly)
    photograph = photograph_of(np.full((300, 400, 3), 200, np.uint8))
    desk.read(photograph)
    assert desk._reader is chosen and desk._named_by[photograph] == chosen.pack.path.name == desk.pack.name


@pytest.mark.parametrize("harm", ["flip", "list", "model", "text"])
def test_bad_pack_is_refused_by_name_and_the_last_good_one_reads_on(desk: Desk, other: Path, harm: str) -> None:
    desk.use_pack(other)
    good, before = desk.pack, _files(desk.store.folder / "packs")
    bad = shutil.copytree(other, other.with_name("bad"))
    model = bad / "model.int8.tflite"
    if harm == "flip":
        data = bytearray(model.read_bytes())
        data[1000] ^= 1
        model.write_bytes(data)
    elif harm == "list":
        (bad / "more").write_text("more")
    elif harm == "model":
        model.unlink()
    else:
        bad = bad / "MODEL_CARD.md"
    with pytest.raises(BadInput, match="bad"):
        desk.use_pack(bad)
    assert desk.pack == good
    assert desk.store.setting("pack") == good.name
    assert _files(desk.store.folder / "packs") == before


def test_pack_removed_in_use_reads_on_and_the_next_start_says_that_the_default_one_does(
    desk: Desk, other: Path
) -> None:
    blank = photograph_of(np.full((48, 64, 3), 200, np.uint8))
    desk.use_pack(other)
    shutil.rmtree(desk.pack)
    desk.read(blank)
    assert desk.pack_fault is None
    again = _again(desk)
    again.read(blank)
    assert "default pack is used" in str(again.pack_fault)
    assert desk.pack.name in str(again.pack_fault)
    # The remedy works.
    again.use_pack(other)
    assert again.pack == desk.pack and again.pack.is_dir() and again.pack_fault is None
    again.close()


def test_what_is_left_of_a_pack_is_replaced(desk: Desk, other: Path) -> None:
    desk.use_pack(other)
    (desk.pack / "pack.json").unlink()
    desk.use_pack(other)
    assert read_pack(desk.pack).files == read_pack(other).files


def test_a_damaged_default_pack_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobile_app.packs.DEFAULT_PACK", tmp_path / "none")
    with pytest.raises(BadInput, match="none"):
        open_pack(tmp_path / "none")


def test_full_storage_is_said_and_changes_nothing(desk: Desk, other: Path) -> None:
    (desk.store.folder / "packs").write_text("no folder")
    with pytest.raises(BadInput, match="cannot be written"):
        desk.use_pack(other)
    assert desk.pack == DEFAULT_PACK


def test_cells_say_which_pack_named_them_though_another_is_in_use_when_they_are_kept(desk: Desk, other: Path) -> None:
    from mobile_app.live.worker import Answer
    from mobile_app.session.shelf import Setup

    desk.begin(Setup("Monday"), "Sara")
    rgb = np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)  # small: one cell, by its size
    photograph = photograph_of(rgb)
    cells = tuple(desk.read(photograph))
    desk.use_pack(other)
    desk.keep(Answer(1, photograph, cells, None))
    assert desk.open.cells()[0].suggestion.pack == "default"
