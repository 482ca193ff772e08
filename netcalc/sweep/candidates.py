"""Which candidates a chunk has: a range of a grid in mixed radix, or a sample of it."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from netcalc.sweep.space import SLOW, Axis, Space

MOST, BYTES = 2**18, 2**26
"""Candidates of a chunk, and about so many bytes its columns take, at most."""

MOST_SLOW = 2**9
"""Candidates of a chunk where each is worked out by itself."""

LARGEST_GRID = 10**13
"""A larger grid is not gone through."""


def chunk_size(space: Space) -> int:
    """Candidates of a chunk: a power of two, fewer where they have many columns."""
    if any(name in SLOW for name in space.shown):
        return MOST_SLOW
    fit = BYTES // (8 * len(space.columns))
    return min(MOST, 1 << (fit.bit_length() - 1))


def in_graph(space: Space, sample: int | None, graph: int) -> int:
    """The number of candidates of a graph: its grid, or its share of a sample."""
    if sample is None or sample >= space.size:
        return space.grid
    return (graph + 1) * sample // space.graphs - graph * sample // space.graphs


def chunks_per_graph(space: Space, sample: int | None) -> int:
    """The number of chunks of every graph (the last ones may be empty)."""
    most = space.grid if sample is None or sample >= space.size else -(-sample // space.graphs)
    return max(1, -(-most // chunk_size(space)))


def candidates(
    space: Space, sample: int | None, seed: int, graph: int, chunk: int
) -> tuple[dict[str, Any], int]:
    """The values of the swept axes for a chunk of a graph, and how many there are.

    A sample divides the grid into as many equal parts and takes one candidate of each, so none
    comes twice; of a grid beyond 64 bits every axis is drawn by itself.
    """
    size, whole = chunk_size(space), in_graph(space, sample, graph)
    start, stop = chunk * size, min(whole, (chunk + 1) * size)
    n = max(0, stop - start)
    if sample is None or sample >= space.size:
        columns = _range(space.swept, start, n)
    else:
        random = np.random.default_rng([seed, graph, chunk])
        columns = _sampled(space, random, start, n, whole)
    return {axis.name: columns[axis.name] for axis in space.swept}, n


def _values(axis: Axis) -> Any:
    return np.array(axis.values, dtype=np.int64)


def _range(axes: tuple[Axis, ...], start: int, n: int) -> dict[str, Any]:
    """The candidates from ``start`` on: each axis repeats its values in runs."""
    found = {}
    run = 1
    for axis in reversed(axes):
        values, period = _values(axis), run * len(axis.values)
        first = start // run
        last = (start + max(n, 1) - 1) // run
        skipped = start - first * run
        if last - first + 1 <= len(values) or period > n:
            runs = values[np.arange(first, last + 1) % len(values)]
            found[axis.name] = np.repeat(runs, run)[skipped : skipped + n]
        else:
            before = start % period
            pattern = np.repeat(values, run)
            found[axis.name] = np.tile(pattern, (before + n) // period + 1)[before : before + n]
        run = period
    return found


def _sampled(space: Space, random: Any, start: int, n: int, whole: int) -> dict[str, Any]:
    grid = space.grid
    if grid >= 2**62 or whole >= 2**31:
        kinds = [np.uint16 if len(a.values) < 2**16 else np.int64 for a in space.swept]
        drawn = zip(space.swept, kinds, strict=True)
        return {a.name: _values(a)[random.integers(0, len(a.values), n, kind)] for a, kind in drawn}
    each, rest = divmod(grid, max(whole, 1))
    k = np.arange(start, start + n, dtype=np.int64)
    low, high = k * each + k * rest // whole, (k + 1) * each + (k + 1) * rest // whole
    at = random.integers(low, high) if n else low
    found = {}
    for axis in reversed(space.swept):
        at, digit = np.divmod(at, len(axis.values))
        found[axis.name] = _values(axis)[digit]
    return found


def examined(space: Space, sample: int | None) -> int:
    """The number of candidates of the whole sweep."""
    return prod((space.graphs, space.grid)) if sample is None else min(sample, space.size)
