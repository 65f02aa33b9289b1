"""The app's own slips are noted down, within bounds, and never hide the fault itself."""

from __future__ import annotations

from pathlib import Path

from mobile_app.slips import FILE, LARGEST, Slips


def slip(text: str) -> Exception:
    try:
        raise KeyError(text)
    except KeyError as error:
        return error


def test_a_slip_is_noted_with_its_traceback_and_told_in_words(tmp_path: Path) -> None:
    fault = Slips(tmp_path).note(slip("nobody knows"))
    assert str(fault).startswith("app: stopped unexpectedly (KeyError); go on, everything up to the last tap is kept")
    noted = (tmp_path / FILE).read_text()
    assert "KeyError: 'nobody knows'" in noted and "test_slips.py" in noted


def test_the_same_slip_in_a_row_is_noted_once_and_the_file_stays_small(tmp_path: Path) -> None:
    slips, error = Slips(tmp_path), slip("at every frame")
    for _ in range(50):
        slips.note(error)
    assert (tmp_path / FILE).read_text().count("KeyError: ") == 1
    for number in range(600):
        slips.note(slip(f"{number} " + "x" * 200))
    assert (tmp_path / FILE).stat().st_size <= LARGEST
    assert "KeyError: '599 xxx" in (tmp_path / FILE).read_text()


def test_where_nothing_can_be_written_it_is_said_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "KeyError" in str(Slips(tmp_path / "file").note(slip("full")))
