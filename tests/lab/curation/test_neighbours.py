"""Both ways through the pairs find what comparing everything finds, each pair once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.lab.curation import neighbours
from edge_wbc.lab.curation.neighbours import near_pairs


def clustered(rng: np.random.Generator, count: int, flips: float, skew: float) -> tuple[np.ndarray, np.ndarray]:
    """Hashes around a few centres, of bits that are seldom fair."""
    chance = np.where(rng.random((2, 64)) < skew, 0.03, 0.5)
    centres = rng.random((max(1, count // 8), 2, 64)) < chance
    bits = centres[rng.integers(0, len(centres), count)] ^ (rng.random((count, 2, 64)) < flips)
    both = np.packbits(bits, axis=2).view(">u8")[..., 0].astype(np.uint64)
    return both[:, 0], both[:, 1]


def compared(ahash: np.ndarray, phash: np.ndarray, limits: tuple[int, int], first_new: int) -> list[tuple[int, int]]:
    near = (np.bitwise_count(ahash[:, None] ^ ahash) < limits[0]) & (
        np.bitwise_count(phash[:, None] ^ phash) < limits[1]
    )
    return [(one, other) for one, other in np.argwhere(np.triu(near, 1)).tolist() if other >= first_new]


def found(*arguments: object) -> list[tuple[int, int]]:
    batches = [batch.tolist() for batch in near_pairs(*arguments)]  # type: ignore[arg-type]
    return sorted((one, other) for batch in batches for one, other in batch)


@pytest.mark.parametrize("worth_filing", [0, 1e18], ids=["filed", "every pair"])
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 400),
    flips=st.floats(0, 0.2),
    skew=st.floats(0, 1),
    limits=st.tuples(st.integers(0, 20), st.integers(0, 22)),
    share_known=st.floats(0, 1),
)
def test_as_comparing_everything(
    worth_filing: float,
    seed: int,
    count: int,
    flips: float,
    skew: float,
    limits: tuple[int, int],
    share_known: float,
) -> None:
    ahash, phash = clustered(np.random.default_rng(seed), count, flips, skew)
    first_new = int(share_known * count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_WORTH_FILING", worth_filing)
        assert found(ahash, phash, *limits, first_new) == compared(ahash, phash, limits, first_new)


@pytest.mark.parametrize("worth_filing", [0, 1e18], ids=["filed", "every pair"])
def test_more_rows_than_a_block_holds(worth_filing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_WORTH_FILING", worth_filing)
    monkeypatch.setattr(neighbours, "_COLUMNS", 256)
    ahash, phash = clustered(np.random.default_rng(5), 1500, 0.08, 0.4)
    wanted = compared(ahash, phash, (11, 14), 0)
    assert len(wanted) > 1000
    assert found(ahash, phash, 11, 14) == wanted


@pytest.mark.parametrize("worth_filing", [0, 1e18], ids=["filed", "every pair"])
def test_a_thousand_copies_come_in_bounded_batches(worth_filing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_WORTH_FILING", worth_filing)
    same = np.full(1000, 0xF0F0F0F0F0F0F0F0, np.uint64)
    sizes = [len(batch) for batch in near_pairs(same, same, 1, 1)]
    assert sum(sizes) == 1000 * 999 // 2
    assert max(sizes) < 128 * 1000
