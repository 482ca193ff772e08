"""What a number can be at least and at most: the rules are fed with such pairs before a sweep.

It tells which conditions hold whatever the candidate, and how large any number on the way gets.
"""

from __future__ import annotations

from typing import Any


class Maybe:
    """A condition that holds for some, for all that is known."""

    def __and__(self, other: Any) -> Any:
        return self

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return True if other is True else self

    __ror__ = __or__


MAYBE = Maybe()


class Interval:
    """All integers from ``lo`` to ``hi``. ``peak`` takes up the largest that came up."""

    __slots__ = ("hi", "lo", "peak")

    def __init__(self, lo: int, hi: int, peak: list[int]) -> None:
        self.lo, self.hi, self.peak = lo, hi, peak
        peak[0] = max(peak[0], abs(lo), abs(hi))

    def __repr__(self) -> str:  # where a message shows what stands for many numbers
        return "N"

    @property
    def most(self) -> int:
        """The largest magnitude."""
        return max(abs(self.lo), abs(self.hi))

    def _of(self, *ends: int) -> Interval:
        return Interval(min(ends), max(ends), self.peak)

    def __add__(self, other: Any) -> Interval:
        lo, hi = _ends(other)
        return self._of(self.lo + lo, self.hi + hi)

    __radd__ = __add__

    def __neg__(self) -> Interval:
        return self._of(-self.lo, -self.hi)

    def __sub__(self, other: Any) -> Interval:
        lo, hi = _ends(other)
        return self._of(self.lo - hi, self.hi - lo)

    def __rsub__(self, other: Any) -> Interval:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> Interval:
        lo, hi = _ends(other)
        return self._of(self.lo * lo, self.lo * hi, self.hi * lo, self.hi * hi)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Interval:
        lo, hi = _ends(other)
        if lo < 1:  # refused by a guard, so anything will do that is as large
            return self._of(-self.most - 1, self.most)
        return self._of(self.lo // lo, self.lo // hi, self.hi // lo, self.hi // hi)

    def __rfloordiv__(self, other: Any) -> Interval:
        return self._of(*_ends(other)) // self

    def __mod__(self, other: Any) -> Interval:
        lo, hi = _ends(other)
        return self._of(0, hi - 1) if lo >= 1 else self._of(-max(abs(lo), abs(hi)), abs(hi))

    def __rmod__(self, other: Any) -> Interval:
        return self._of(*_ends(other)) % self

    def __abs__(self) -> Interval:
        least = 0 if self.lo <= 0 <= self.hi else min(abs(self.lo), abs(self.hi))
        return self._of(least, self.most)

    def __le__(self, other: Any) -> Any:
        return True if self.hi <= _ends(other)[0] else MAYBE

    def __ge__(self, other: Any) -> Any:
        return True if self.lo >= _ends(other)[1] else MAYBE

    def __lt__(self, other: Any) -> Any:
        return True if self.hi < _ends(other)[0] else MAYBE

    def __gt__(self, other: Any) -> Any:
        return True if self.lo > _ends(other)[1] else MAYBE


def _ends(x: Any) -> tuple[int, int]:
    return (x.lo, x.hi) if isinstance(x, Interval) else (int(x), int(x))
