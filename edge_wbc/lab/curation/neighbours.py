"""All pairs of crops whose two hashes are both near, exactly, without an N x N matrix.

PHash proposes, since it is by far the choosier of the two, and AHash judges what is left. Up to some 200,000 crops
every pair is looked at: a block of XORs and bit counts that stays in the cache costs less than a nanosecond a
pair. Beyond, crops are filed by a quarter of PHash's bits, once for each quarter: of hashes at most d bits apart at
least one quarter differs by no more than d / 4 bits (the pigeonhole principle), so only such buckets need meet.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice

import numpy as np

__all__ = ["near_pairs"]

_ROWS, _COLUMNS = 64, 8192
_QUARTERS, _KEYS = 4, 1 << 16
# Looking at this many pairs takes about as long as filing a million hashes four times.
_WORTH_FILING = 4e10


@dataclass(frozen=True)
class _Hashes:
    """What is searched: (N,) uint64 hashes, the limits, and the first row that was not compared before."""

    ahash: np.ndarray
    phash: np.ndarray
    ahash_below: int
    phash_below: int
    first_new: int


@dataclass(frozen=True)
class _File:
    """Rows filed by one quarter of their PHash.

    Attributes:
        rows: (N,) rows in the order of their keys; `phash` theirs.
        starts: (65537,) where each key begins in `rows`.
        near: the XORs that lead from a key to all within this quarter's reach.
        earlier: (mask, reach) of the quarters searched before; pairs within reach there were told there.
    """

    rows: np.ndarray
    phash: np.ndarray
    starts: np.ndarray
    near: np.ndarray
    earlier: tuple[tuple[np.uint64, int], ...]


def near_pairs(
    ahash: np.ndarray, phash: np.ndarray, ahash_below: int, phash_below: int, first_new: int = 0
) -> Iterator[np.ndarray]:
    """Pairs of rows with both Hamming distances below their limits, in bounded batches, on every core.

    Args:
        ahash, phash: (N,) uint64.
        first_new: only pairs with at least one row from this one on; those before were compared already.

    Yields:
        (M, 2) int64, lower row first, each pair once in all; a batch is some 64 rows against all at most, so that
        clusters of thousands of copies do not fill the memory.
    """
    hashes = _Hashes(np.ascontiguousarray(ahash), np.ascontiguousarray(phash), ahash_below, phash_below, first_new)
    if first_new == len(ahash):
        return iter(())
    every = (len(ahash) - first_new) * len(ahash) < _WORTH_FILING
    return _on_threads(_stripes(hashes) if every else _buckets(hashes))


def _on_threads(tasks: Iterable[Callable[[], np.ndarray]]) -> Iterator[np.ndarray]:
    """Results in the tasks' order, with only a few of them waiting to be fetched."""
    threads = os.cpu_count() or 1
    tasks = iter(tasks)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[np.ndarray]] = deque(pool.submit(task) for task in islice(tasks, 2 * threads))
        while waiting:
            pairs = waiting.popleft().result()
            waiting.extend(pool.submit(task) for task in islice(tasks, 1))
            if len(pairs):
                yield pairs


def _near(rows: np.ndarray, columns: np.ndarray, below: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in two sets of hashes that are fewer than `below` bits apart."""
    found = [np.zeros((2, 0), np.int64)]
    differing = np.empty((min(len(rows), _ROWS), min(len(columns), _COLUMNS)), np.uint64)
    counts = np.empty(differing.shape, np.uint8)
    for top in range(0, len(rows), _ROWS):
        block = rows[top : top + _ROWS, None]
        for left in range(0, len(columns), _COLUMNS):
            beside = columns[left : left + _COLUMNS]
            part = (slice(len(block)), slice(len(beside)))
            np.bitwise_xor(block, beside, out=differing[part])
            np.bitwise_count(differing[part], out=counts[part])
            hits = np.flatnonzero(counts[part] < below)
            if len(hits):
                found.append(np.stack(np.divmod(hits, len(beside))) + [[top], [left]])
    one, other = np.concatenate(found, axis=1)
    return one, other


def _judged(hashes: _Hashes, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of pairs near by PHash those near by AHash too, lower row first."""
    kept = np.bitwise_count(hashes.ahash[one] ^ hashes.ahash[other]) < hashes.ahash_below
    return np.sort(np.stack([one[kept], other[kept]], axis=1), axis=1)


def _stripes(hashes: _Hashes) -> Iterator[Callable[[], np.ndarray]]:
    """Every pair: 64 new rows against all rows before them."""
    for start in range(hashes.first_new, len(hashes.phash), _ROWS):
        yield partial(_stripe, hashes, start, min(start + _ROWS, len(hashes.phash)))


def _stripe(hashes: _Hashes, start: int, stop: int) -> np.ndarray:
    rows, columns = _near(hashes.phash[start:stop], hashes.phash[:stop], hashes.phash_below)
    rows += start
    once = columns < rows
    return _judged(hashes, rows[once], columns[once])


def _buckets(hashes: _Hashes) -> Iterator[Callable[[], np.ndarray]]:
    """Every two buckets within reach of each other, for each quarter of PHash."""
    bits = np.unpackbits(hashes.phash.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    # Dealt like cards, so that each quarter gets its share of the bits that tell crops apart.
    dealt = np.argsort(np.abs(bits.mean(axis=0) - 0.5), kind="stable")
    earlier: tuple[tuple[np.uint64, int], ...] = ()
    for quarter in range(_QUARTERS):
        mine = np.sort(dealt[quarter::_QUARTERS])
        keys = np.packbits(np.ascontiguousarray(bits[:, mine]), axis=1).view(">u2")[:, 0].astype(np.int64)
        # The reaches plus one add up to the limit: pairs beyond every reach are beyond the limit.
        reach = (hashes.phash_below + quarter) // _QUARTERS - 1
        rows = np.argsort(keys, kind="stable")
        starts = np.searchsorted(keys[rows], np.arange(_KEYS + 1))
        filed = _File(rows, hashes.phash[rows], starts, _within(reach), earlier)
        for stripes in _shared_out(starts):
            yield partial(_bucket_pairs, hashes, filed, stripes)
        mask = np.uint64(sum(1 << (63 - int(bit)) for bit in mine))
        earlier = (*earlier, (mask, reach))


def _within(reach: int) -> np.ndarray:
    """All 16-bit numbers with at most `reach` bits set."""
    return np.array(
        [sum(1 << bit for bit in chosen) for size in range(reach + 1) for chosen in combinations(range(16), size)],
        np.int64,
    )


def _shared_out(starts: np.ndarray) -> Iterator[list[tuple[int, int, int]]]:
    """Stripes of buckets, each a key with its first and last place, for tasks of at least 64 and fewer than 128."""
    task: list[tuple[int, int, int]] = []
    places = 0
    for key in np.flatnonzero(np.diff(starts)).tolist():
        for start in range(starts[key], starts[key + 1], _ROWS):
            stop = min(start + _ROWS, int(starts[key + 1]))
            task.append((key, start, stop))
            places += stop - start
            if places >= _ROWS:
                yield task
                task, places = [], 0
    if task:
        yield task


def _bucket_pairs(hashes: _Hashes, filed: _File, stripes: Iterable[tuple[int, int, int]]) -> np.ndarray:
    found = [np.zeros((0, 2), np.int64)]
    for key, start, stop in stripes:
        others = filed.near ^ key
        others = others[others >= key]
        begins = filed.starts[others]
        counts = filed.starts[others + 1] - begins
        # The ranges of all those buckets, one behind the other.
        places = np.arange(counts.sum()) + np.repeat(begins - np.cumsum(counts) + counts, counts)
        here, there = _near(filed.phash[start:stop], filed.phash[places], hashes.phash_below)
        here, there = here + start, places[there]
        once = there > here
        one, other = filed.rows[here[once]], filed.rows[there[once]]
        new = np.maximum(one, other) >= hashes.first_new
        differing = hashes.phash[one] ^ hashes.phash[other]
        for mask, reach in filed.earlier:
            new &= np.bitwise_count(differing & mask) > reach
        found.append(_judged(hashes, one[new], other[new]))
    return np.concatenate(found)
