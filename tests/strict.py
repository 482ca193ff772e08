"""A number that a rule may only calculate with."""

from __future__ import annotations

from typing import Any


class Strict:
    """An integer that refuses everything a rule must not do with a ``Num``.

    Rules run on arrays and symbols, so they may not branch on a number, compare two for equality,
    divide with ``/``, or turn one into an int; ``Strict`` raises on each of these.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: int) -> None:
        self.value = value

    def __bool__(self) -> bool:
        raise TypeError("a rule branched on a number")

    def __eq__(self, other: object) -> bool:
        raise TypeError("a rule compared numbers with ==")

    def __int__(self) -> int:
        raise TypeError("a rule turned a number into an int")

    __index__ = __float__ = __int__  # type: ignore[assignment]

    def __abs__(self) -> Strict:
        return Strict(abs(self.value))

    def __truediv__(self, other: Any) -> Strict:
        raise TypeError("a rule divided with /")

    __rtruediv__ = __truediv__


class StrictCond:
    """The result of comparing: it may be joined and handed on, not looked at."""

    def __init__(self, holds: bool) -> None:
        self.holds = holds

    def __bool__(self) -> bool:
        raise TypeError("a rule branched on a condition")

    def __and__(self, other: Any) -> StrictCond:
        return StrictCond(self.holds and getattr(other, "holds", other))

    def __or__(self, other: Any) -> StrictCond:
        return StrictCond(self.holds or getattr(other, "holds", other))

    __rand__, __ror__ = __and__, __or__


def _raw(x: Any) -> Any:
    return x.value if isinstance(x, Strict) else x


def _arithmetic(name: str) -> Any:
    def apply(self: Strict, other: Any) -> Strict:
        return Strict(getattr(self.value, name)(_raw(other)))

    return apply


def _comparison(name: str) -> Any:
    def apply(self: Strict, other: Any) -> StrictCond:
        return StrictCond(getattr(self.value, name)(_raw(other)))

    return apply


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    setattr(Strict, f"__{_name}__", _arithmetic(f"__{_name}__"))
    setattr(Strict, f"__r{_name}__", _arithmetic(f"__r{_name}__"))
for _name in ("le", "ge", "lt", "gt"):
    setattr(Strict, f"__{_name}__", _comparison(f"__{_name}__"))
