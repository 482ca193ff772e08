"""Pareto fronts by divide and conquer: of points in order only an earlier one beats a later one."""

from __future__ import annotations

from typing import Any

import numpy as np

_FEW = 64
"""So many points are compared each with each."""

_PAIRS = 2**13
"""Two sets with so few pairs are."""


def undominated(points: Any) -> Any:
    """The positions of those that no other one beats, of points in lexicographic order.

    Of equal points the first one stays. Numbers are replaced by their ranks, so that they may be
    Python's own of any size.
    """
    if points.shape[1] == 2:
        second = points[:, 1]
        best = np.minimum.accumulate(second)
        return np.flatnonzero(np.append(True, second[1:] < best[:-1]))
    if points.shape[1] == 1:
        return np.arange(1)
    return _front(np.stack([np.unique(c, return_inverse=True)[1].ravel() for c in points.T]))


def _front(x: Any) -> Any:
    """The positions of the front of points, a column for each."""
    n = x.shape[1]
    if n <= _FEW:
        return np.flatnonzero(~np.triu(_no_worse(x, x), 1).any(axis=0))
    first, second = _front(x[:, : n // 2]), n // 2 + _front(x[:, n // 2 :])
    return np.concatenate([first, second[_unbeaten(x[1:, first], x[1:, second])]])


def _no_worse(a: Any, b: Any) -> Any:
    """For each pair of points, whether the first one is no worse in all rows."""
    return np.logical_and.reduce([p[:, None] <= q for p, q in zip(a, b, strict=True)])


def _unbeaten(a: Any, b: Any) -> Any:
    """Which points of ``b`` none of ``a`` is as good as, in all rows of them."""
    if not a.shape[1] or not b.shape[1]:
        return np.ones(b.shape[1], bool)
    if len(a) == 1:
        return b[0] < a[0].min()
    if a.shape[1] * b.shape[1] <= _PAIRS:
        return ~_no_worse(a, b).any(axis=0)
    if len(a) == 2:
        return _unbeaten_of_two(a, b)
    return _divided(a, b)


def _unbeaten_of_two(a: Any, b: Any) -> Any:
    order = np.argsort(a[0], kind="stable")
    best = np.minimum.accumulate(a[1][order])
    below = np.searchsorted(a[0][order], b[0], side="right")
    return (below == 0) | (b[1] < best[np.maximum(below, 1) - 1])


def _divided(a: Any, b: Any) -> Any:
    """Halve the range of the first row: below the middle all three pairs matter but one, and of
    one of those the first row is settled.
    """
    low, high = min(a[0].min(), b[0].min()), max(a[0].max(), b[0].max())
    if a[0].max() <= b[0].min():
        return _unbeaten(a[1:], b[1:])
    middle = (low + high) // 2
    a_low, b_low = a[0] <= middle, b[0] <= middle
    left = np.ones(b.shape[1], bool)
    left[b_low] = _unbeaten(a[:, a_low], b[:, b_low])
    at = np.flatnonzero(~b_low)
    at = at[_unbeaten(a[1:, a_low], b[1:, at])]
    left[~b_low] = False
    left[at] = _unbeaten(a[:, ~a_low], b[:, at])
    return left
