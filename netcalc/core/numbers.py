"""The whole vocabulary of a rule.

A rule is plain arithmetic on a ``Num``: an ``int`` gives one exact count, a numpy array many
candidates at once, a sympy symbol a formula. So a rule never branches on a ``Num`` and never
compares two with ``==``, divides with ``/``, or calls ``min`` or ``int`` on one.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any, Protocol, TypeAlias, cast


class Num(Protocol):
    """What an int, a numpy integer array and a sympy expression have in common."""

    def __add__(self, other: Any, /) -> Any: ...
    def __radd__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...
    def __rsub__(self, other: Any, /) -> Any: ...
    def __mul__(self, other: Any, /) -> Any: ...
    def __rmul__(self, other: Any, /) -> Any: ...
    def __floordiv__(self, other: Any, /) -> Any: ...
    def __mod__(self, other: Any, /) -> Any: ...
    def __abs__(self) -> Any: ...
    def __le__(self, other: Any, /) -> Any: ...
    def __ge__(self, other: Any, /) -> Any: ...


Cond: TypeAlias = Any
"""What comparing two ``Num`` gives: a bool, an array of bools, or a sympy relation. Two of them are
joined with ``&`` and ``|``."""


def ceil_div(a: Num, b: Num) -> Any:
    """The quotient a / b rounded up, for positive b."""
    return (a + b - 1) // b


def larger(a: Num, b: Num) -> Any:
    """The larger of two numbers, also where they cannot be asked which it is."""
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    return (a + b + abs(a - b)) // 2


def smaller(a: Num, b: Num) -> Any:
    """The smaller of two numbers, likewise."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return (a + b - abs(a - b)) // 2


def equal(a: Num, b: Num) -> tuple[Cond, Cond]:
    """Equality as two bounds, which arrays and symbols understand too."""
    return a <= b, a >= b


def is_one(n: Num) -> bool:
    """Whether a number is known to be 1: nearly all groups are, and nothing is to be worked out."""
    return isinstance(n, int) and n == 1


def divides(a: Num, b: Num) -> Cond:
    """Whether a divides b."""
    return is_one(a) or b % a <= 0


def shared_out(a: Num, b: Num) -> Any:
    """The quotient a // b, and a itself where b is 1."""
    return a if is_one(b) else a // b


def product(factors: Iterable[Num]) -> Any:
    """The product of all factors, exact for ints; 1 where there are none."""
    return prod(cast("Iterable[int]", factors))


def doublings(n: Num) -> Any:
    """How often 1 must be doubled to reach ``n``: log2(n) rounded up, for n up to 2**50."""
    if isinstance(n, int):
        return max(n - 1, 0).bit_length()
    return sum(smaller(1, ceil_div(n, 2**i) - 1) for i in range(50))
