"""Printed numbers held against exact ones: whether they are, round to, or differ from them."""

from __future__ import annotations

import operator
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple

from netcalc.published.reading import Printed


class Judged(NamedTuple):
    """How a printed number stands to an exact one.

    ``verdict`` is exact, rounds or off; ``how`` says it in words; ``off`` is the difference in
    units of the last printed digit; ``factor`` is what the unit stands for; ``ways`` are those of
    WAYS by which it rounds, or by which it does not.
    """

    verdict: str
    how: str
    factor: Fraction
    off: Fraction = Fraction(0)
    ways: tuple[str, ...] = ()


WAYS = ("nearest", "truncate", "up")
"""How tables round."""


def judge(printed: Printed, value: Fraction, ways: tuple[str, ...] = WAYS[:2]) -> Judged:
    """Whether a number is what a table prints, or what that rounds."""
    if printed.bound:
        return _held(printed, value)
    for factor in printed.factors:
        if value / factor == printed.number:
            return Judged("exact", _which(printed, factor), factor)
    for factor in printed.factors:
        for way in ways:
            if _rounded(value / factor, printed.digit, way, printed.number):
                told = ", ".join(filter(None, (_WORDS[way], _which(printed, factor))))
                return Judged("rounds", told, factor, ways=(way,))
    factor = printed.factors[0]
    return Judged("off", "", factor, (printed.number - value / factor) / printed.digit, ways)


def _which(printed: Printed, factor: Fraction) -> str:
    """What a unit stands for, where it may stand for several numbers."""
    return f"{printed.unit} = {factor}" if len(printed.factors) > 1 else ""


_HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _held(printed: Printed, value: Fraction) -> Judged:
    """Whether a bound holds; one in steps that the table tells must be the next of them."""
    factor = printed.factors[0]
    scaled = value / factor
    gap, digit = abs(printed.number - scaled), printed.digit
    near = gap < digit or (gap == digit and printed.bound in "<>")
    next_one = near and (printed.number / digit).denominator == 1
    holds = _HOLDS[printed.bound](scaled, printed.number)
    if holds and (next_one or not printed.stepped):
        return Judged("rounds", "a bound that holds", factor)
    told = "not the next bound" if holds else "the bound does not hold"
    return Judged("off", told, factor, (printed.number - scaled) / digit)


_WORDS = {"nearest": "rounded", "truncate": "truncated", "up": "rounded up"}


def _rounded(scaled: Fraction, digit: Fraction, way: str, number: Fraction) -> bool:
    """Whether a number rounds to the printed one."""
    return (number / digit).denominator == 1 and _within(scaled, *_bounds(number, digit, way))


def _bounds(number: Fraction, digit: Fraction, way: str) -> tuple[Fraction, Fraction, bool, bool]:
    """Between which numbers those lie that round to one, and whether the bounds do so too.

    A half is rounded up, or to the even digit, as tables do either; of 159.5, 160 is rounded and
    159 truncated.
    """
    if way == "nearest":
        even = number / digit % 2 == 0
        return number - digit / 2, number + digit / 2, number >= 0 or even, number <= 0 or even
    if way == "up" or number < 0:  # a negative number is cut off towards 0
        return number - digit, number, False, True
    return number, number + digit, True, False


def _within(value: Any, low: Fraction, high: Fraction, with_low: bool, with_high: bool) -> Any:
    return (low <= value if with_low else low < value) and (
        value <= high if with_high else value < high
    )


def ranges(printed: Printed, ways: tuple[str, ...] = WAYS[:2]) -> list[tuple[int, int]]:
    """The whole numbers that may stand behind a printed one: from the first to the last of each."""
    if printed.bound[:1] == "<":
        return [(0, floor(printed.value) - (printed.bound == "<" and _whole(printed.value)))]
    if printed.bound:
        return [(ceil(printed.value) + (printed.bound == ">" and _whole(printed.value)), MOST)]
    found = []
    for factor in printed.factors:
        for way in ways:
            low, high, with_low, with_high = _bounds(printed.number, printed.digit, way)
            first, last = ceil(low * factor), floor(high * factor)
            first += first == low * factor and not with_low
            last -= last == high * factor and not with_high
            found.append((first, last))
    return found


MOST = 2**62
"""No count is held to be larger."""


def _whole(value: Fraction) -> bool:
    return value.denominator == 1


MORE = 12
"""So many digits more than a printed number has are shown of a derived one, if they are needed."""

LONG = 40
"""A longer number is shown in ones."""


def shown(value: Fraction, printed: Printed, judged: Judged | None = None) -> str:
    """A number in the unit of a printed one, with as many more digits as tell them apart.

    So many that what is shown is judged as the number itself is: that 159.5 rounds to 160 is to be
    seen, and that 13.64999 does not round to 13.7.
    """
    scaled = value / (judged.factor if judged else printed.factors[0])
    decimals = 0
    while printed.digit * 10**decimals < 1:
        decimals += 1
    if decimals > LONG:
        return decimal(value, MORE)
    for more in range(MORE + 1):
        text = decimal(scaled, decimals + more)
        if _tells(Fraction(text.replace(",", "")), scaled, printed, judged, bool(more)):
            break
    return f"{text}{printed.tail}" if len(text) <= LONG else decimal(value, MORE)


def _tells(
    near: Fraction, scaled: Fraction, printed: Printed, judged: Judged | None, more: bool
) -> bool:
    """Whether a number with fewer digits tells of the exact one what is to be known."""
    if near == scaled:
        return True
    if not near or near == printed.number or not more:
        return False
    if judged is None:
        return True
    half = printed.digit / 2
    tie = abs(near - printed.number) == half and not printed.bound
    alone = printed._replace(factors=(Fraction(1),))
    return not tie and judge(alone, near, judged.ways).verdict == judged.verdict


def decimal(value: Fraction, decimals: int) -> str:
    """A fraction with so many decimals at most, rounded half up; digits grouped by commas."""
    scaled = floor(abs(value) * 10**decimals + Fraction(1, 2))
    whole, rest = divmod(scaled, 10**decimals)
    sign = "-" if value < 0 and scaled else ""
    fraction = f".{rest:0{decimals}}".rstrip("0").rstrip(".") if decimals else ""
    return f"{sign}{whole:,}{fraction}"
