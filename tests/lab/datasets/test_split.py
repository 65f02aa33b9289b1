"""No smear and no copy of one photograph crosses parts."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.datasets.split import PARTS, split_parts


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), st.booleans()), min_size=40, max_size=150))
def test_neither_smear_nor_copy_crosses(cells: list[tuple[int, int, bool]]) -> None:
    labels = ["monocyte" if number % 2 else "neutrophil" for number in range(len(cells))]
    smears = [f"s{smear}" if named else "" for smear, _, named in cells]
    hashes = [f"h{copy}" for _, copy, _ in cells]
    try:
        parts = split_parts(labels, smears, hashes, seed=3)
    except BadInput as fault:
        assert "smear" in str(fault)
        return
    for tokens in (smears, hashes):
        seen = defaultdict(set)
        for token, part in zip(tokens, parts, strict=True):
            if token:
                seen[token].add(part)
        assert all(len(found) == 1 for found in seen.values())


def test_shares_strata_and_seed() -> None:
    labels = ["neutrophil"] * 700 + ["basophil"] * 300
    hashes = [str(number) for number in range(1000)]
    parts = split_parts(labels, [""] * 1000, hashes, seed=1)
    assert [parts.count(part) for part in PARTS] == [700, 100, 200]
    basophils = [part for part, label in zip(parts, labels, strict=True) if label == "basophil"]
    assert [basophils.count(part) for part in PARTS] == [210, 30, 60]
    assert parts == split_parts(labels, [""] * 1000, hashes, seed=1)
    assert parts != split_parts(labels, [""] * 1000, hashes, seed=2)


def test_too_little_is_said() -> None:
    with pytest.raises(BadInput, match="'basophil'.*has 1 image"):
        split_parts(["neutrophil"] * 9 + ["basophil"], [""] * 10, list("abcdefghij"), 0)
    with pytest.raises(BadInput, match="2 smears"):
        split_parts(["neutrophil"] * 10, ["s1"] * 5 + ["s2"] * 5, list("abcdefghij"), 0)
