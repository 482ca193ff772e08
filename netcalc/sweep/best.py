"""The best of many candidates: those that no other one beats, or the first few by one quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from netcalc.sweep.fronts import undominated

Table = dict[str, Any]
"""Columns by name, arrays of one length."""

SAME = "same"
"""The column that says how many candidates share all that a front looks at."""

_PROBED, _PROBES = 1024, 12


def named(key: str) -> str:
    """The column that a key looks at."""
    return key.removeprefix("-")


class Best(NamedTuple):
    """``keys`` are columns of which less is better, or more with a minus in front.

    With ``most`` the first so many, by the keys in order; without, the Pareto front: one candidate
    (the first) for each combination of keys that no other one is at least as good as in all of them
    and better than in one.
    """

    keys: tuple[str, ...]
    most: int | None = None

    def of(self, table: Table) -> Table:
        """The best rows of a table, in order."""
        points = _points(table, self.keys)
        if not len(points):
            return table if self.most else {**table, SAME: np.zeros(0, np.int64)}
        if self.most:
            return _taken(table, first(points, table["candidate"], self.most))
        same = table.get(SAME, np.ones(len(points), np.int64))
        kept, counts = front(points, table["candidate"], same)
        return {**_taken(table, kept), SAME: counts}

    def joined(self, tables: Sequence[Table]) -> Table:
        """The best of some tables of best rows."""
        return self.of(stacked(tables))


def stacked(tables: Sequence[Table]) -> Table:
    """Tables below one another."""
    return {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}


def _taken(table: Mapping[str, Any], at: Any) -> Table:
    return {name: column[at] for name, column in table.items()}


def _points(table: Table, keys: Sequence[str]) -> Any:
    """A row for each candidate, of which less is better."""
    columns = [-table[named(k)] if k.startswith("-") else table[k] for k in keys]
    return np.stack(columns, axis=1)


def first(points: Any, numbers: Any, count: int) -> Any:
    """The positions of the first ``count``, ties in the order of their numbers."""
    at = np.arange(len(points))
    if len(points) > count:
        lead = points[:, 0]
        limit = np.partition(lead, count - 1)[count - 1]
        at = np.flatnonzero(lead <= limit)
    return at[_sorted(points[at], numbers[at])][:count]


def _sorted(points: Any, numbers: Any) -> Any:
    return np.lexsort((numbers, *points.T[::-1]))


def front(points: Any, numbers: Any, same: Any) -> tuple[Any, Any]:
    """The positions of a Pareto front, and how many candidates share each of its points."""
    at = _probed(points)
    at = at[_sorted(points[at], numbers[at])]
    ordered = points[at]
    new = np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))
    starts = np.flatnonzero(new)
    counts = np.add.reduceat(same[at], starts)
    kept = undominated(ordered[starts])
    return at[starts][kept], counts[kept]


def _probed(points: Any) -> Any:
    """The positions of those that no point of a few good ones beats."""
    at = np.arange(len(points))
    if len(points) <= _PROBED:
        return at
    probe = points[:: len(points) // _PROBED]
    least = points[[int(np.argmin(points[:, k])) for k in range(points.shape[1])]]
    probe = np.unique(np.concatenate([probe, least]), axis=0) if points.dtype != object else probe
    good = probe[undominated(probe[_sorted(probe, np.arange(len(probe)))])]
    columns = [np.ascontiguousarray(column) for column in points.T]
    left = np.ones(len(points), bool)
    for p in good[:: max(1, len(good) // _PROBES)]:
        no_better = [column >= x for column, x in zip(columns, p, strict=True)]
        worse = [column > x for column, x in zip(columns, p, strict=True)]
        left &= ~(np.logical_and.reduce(no_better) & np.logical_or.reduce(worse))
    return np.flatnonzero(left)
