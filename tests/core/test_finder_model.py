"""The finder's JSON: read back as it was, refused with one line when it is not one."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.finder import find_cells
from edge_wbc.core.finder_model import default_model, read_finder, write_finder
from edge_wbc.core.proposals import FEATURES


def test_what_ships_is_small_and_says_where_it_comes_from(tmp_path):
    write_finder(tmp_path / "finder.json", default_model())
    assert (tmp_path / "finder.json").stat().st_size < 12_000
    assert default_model().learned_from["cells"] > 500


def test_written_and_read_it_finds_the_same(tmp_path, field):
    write_finder(tmp_path / "finder.json", default_model())
    again = read_finder(tmp_path / "finder.json")
    assert find_cells(field, again) == find_cells(field)
    write_finder(tmp_path / "twice.json", again)
    assert (tmp_path / "twice.json").read_bytes() == (tmp_path / "finder.json").read_bytes()


def test_the_threshold_decides(field):
    cells = find_cells(field)
    scores = sorted(cell.score for cell in cells)
    assert len(set(scores)) > 2
    sure = find_cells(field, replace(default_model(), threshold=(scores[0] + scores[1]) / 2))
    assert sure == [cell for cell in cells if cell.score > scores[0]]
    assert find_cells(field, replace(default_model(), threshold=1.0)) == []


def test_one_outlying_feature_does_not_decide(field):
    model = default_model()
    row = model.mean.copy()
    row[FEATURES.index("area")] = 1e9
    assert np.abs(model.standardised(row[None])).max() <= 6


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"schema": 9}, "another version"),
        ({"features": ["area"]}, "another version"),
        ({"colour": [1.0, 2.0]}, "'colour'"),
        ({"judge": None}, "finite numbers"),
        ({"mean": [float("nan")] * len(FEATURES)}, "finite"),
        ({"scale": [0.0] * len(FEATURES)}, "positive"),
        ({"threshold": 2}, "0 to 1"),
    ],
)
def test_what_is_no_finder_is_refused(tmp_path, change, word):
    file = tmp_path / "finder.json"
    write_finder(file, default_model())
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(BadInput, match=word) as fault:
        read_finder(file)
    assert str(file) in str(fault.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 1}'])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "finder.json").write_text(text)
    with pytest.raises(BadInput):
        read_finder(tmp_path / "finder.json")
    with pytest.raises(BadInput, match="cannot be read"):
        read_finder(tmp_path / "none.json")
