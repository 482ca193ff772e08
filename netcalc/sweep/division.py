"""Integers, arrays of them and intervals that may be divided by 0: what comes out is marked.

An array of 64 bits would give 0 in silence, one of Python's integers an error for all candidates.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from netcalc.spec.expression import evaluate


class Divisible:
    """A number for each candidate, and whether no division by 0 led to it."""

    def __init__(self, value: Any, sound: Any = True) -> None:
        self.value, self.sound = value, sound

    def __add__(self, other: Any) -> Divisible:
        return self._with(other, operator.add)

    def __radd__(self, other: Any) -> Divisible:
        return _divisible(other)._with(self, operator.add)

    def __sub__(self, other: Any) -> Divisible:
        return self._with(other, operator.sub)

    def __rsub__(self, other: Any) -> Divisible:
        return _divisible(other)._with(self, operator.sub)

    def __mul__(self, other: Any) -> Divisible:
        return self._with(other, operator.mul)

    def __rmul__(self, other: Any) -> Divisible:
        return _divisible(other)._with(self, operator.mul)

    def __floordiv__(self, other: Any) -> Divisible:
        return self._with(_divisor(other), operator.floordiv)

    def __rfloordiv__(self, other: Any) -> Divisible:
        return _divisible(other).__floordiv__(self)

    def __mod__(self, other: Any) -> Divisible:
        return self._with(_divisor(other), operator.mod)

    def __rmod__(self, other: Any) -> Divisible:
        return _divisible(other).__mod__(self)

    def __neg__(self) -> Divisible:
        return Divisible(-self.value, self.sound)

    def _with(self, other: Any, how: Callable[[Any, Any], Any]) -> Divisible:
        right = _divisible(other)
        return Divisible(how(self.value, right.value), self.sound & right.sound)


def evaluated(text: str, names: Mapping[str, Divisible]) -> Divisible:
    """The value of an expression of such numbers. Raises SpecError for what is none."""
    return _divisible(evaluate(text, names))


def _divisible(x: Divisible | Any) -> Divisible:
    return x if isinstance(x, Divisible) else Divisible(x)


def _divisor(x: Divisible | Any) -> Divisible:
    """What may be divided by: 1 in the place of 0, and marked."""
    by = _divisible(x)
    if not isinstance(by.value, int | np.ndarray):
        return by  # an interval knows what to do
    zero = by.value == 0
    if not np.any(zero):
        return by
    value = np.where(zero, 1, by.value) if isinstance(by.value, np.ndarray) else 1
    return Divisible(value, by.sound & np.logical_not(zero))
