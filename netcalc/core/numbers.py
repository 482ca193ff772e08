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
    def __le__(self, other: Any, /) -> Any: ...
    def __ge__(self, other: Any, /) -> Any: ...


Cond: TypeAlias = Any
"""What comparing two ``Num`` gives: a bool, an array of bools, or a sympy relation."""


def ceil_div(a: Num, b: Num) -> Any:
    """The quotient a / b rounded up, for positive b."""
    return (a + b - 1) // b


def product(factors: Iterable[Num]) -> Any:
    """The product of all factors, exact for ints; 1 where there are none."""
    return prod(cast("Iterable[int]", factors))
