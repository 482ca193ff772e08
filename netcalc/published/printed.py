"""Numbers as tables print them, held against exact ones: ``159K``, ``1.5 billion``, ``28%``."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple

from netcalc.errors import SpecError

Units = Mapping[str, tuple[Fraction, ...]]
"""What stands behind a number, with what it may stand for: K is 1024 or 1000."""

_FACTORS: dict[str, int | Fraction] = {
    "x × times": 1,
    "%": Fraction(1, 100),
    "k K thousand KB": 10**3,
    "m M million MB": 10**6,
    "g G B billion GB": 10**9,
    "T trillion TB": 10**12,
    "Ki KiB": 2**10,
    "Mi MiB": 2**20,
    "Gi GiB": 2**30,
}
UNITS: Units = {
    suffix: (Fraction(factor),)
    for names, factor in {"": 1, **_FACTORS}.items()
    for suffix in names.split() or [""]
}
"""The suffixes that every table may use; its own ``units`` go before them."""

_ABOUT = ("about", "approximately", "around", "nearly", "roughly", "only", "almost")
_BOUNDS = {
    "<=": ("at most", "up to", "within", "<=", "≤"),
    ">=": ("at least", ">=", "≥"),
    "<": ("less than", "fewer than", "under", "below", "<"),
    ">": ("more than", "greater than", "over", "above", ">"),
}
_BEFORE = "|".join(
    re.escape(word)
    for word in (*_ABOUT, *(w for words in _BOUNDS.values() for w in words), "~", "≈", "c.", "+")
)
_PRINTED = re.compile(
    rf"(?P<before>(?:(?:{_BEFORE})\s*)*)"
    r"(?P<number>[-−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?: \d{3})+(?!\d)|\d+)?(?:\.\d+)?)"
    r"(?P<tail>(?:\s*(?:[eE]|[x×·*]\s?10\^)(?P<power>[-+−]?\d{1,2}))?\s?(?P<unit>.*))",
    re.IGNORECASE,
)
"""A number with what stands around it; digits may be grouped by commas or spaces."""

DIGITS = 60
"""No number of a table is longer."""

_WORD = re.compile(r"\(?[^\W\d_]+(?:[-'’][^\W\d_]+)*\)?[.,;]?")
"""What may follow a unit."""

_BLANK = ("-", "–", "—", "−", "n/a", "na", "tbd", "?", "none")


class Printed(NamedTuple):
    """A printed number: in its unit, the worth of its last digit, what the unit may stand for.

    ``tail`` is what stands behind it: a power of ten, the unit, a space before it. ``bound`` is
    one of < <= > >= where it is a bound, as "less than 25 million".
    """

    number: Fraction
    digit: Fraction
    unit: str
    factors: tuple[Fraction, ...]
    tail: str
    bound: str = ""

    @property
    def value(self) -> Fraction:
        """The number in ones."""
        return self.number * self.factors[0]


def read(text: str, units: Units, digit: Fraction | None = None) -> Printed:
    """A printed cell as a number; marks of a footnote behind it are none of it.

    ``digit`` is the worth of its last significant digit, in its unit, where zeros at the end are
    none: 10,000 for 650,000. Raises SpecError for what is no number in a known unit.
    """
    plain = re.sub(r"^(\D*)10\^", r"\g<1>1e", text.strip().rstrip("*†‡§ "))
    match = _PRINTED.fullmatch(plain)
    number = re.sub("[, ]", "", match["number"]).replace("−", "-") if match else ""
    if match is None or not number.strip("-."):
        raise SpecError(_no_number(text))
    if len(number) > DIGITS:
        raise SpecError(f"a number of {len(number)} characters; a cell may have {DIGITS}")
    known_as = _unit(text, match["unit"].strip(), units)
    decimals = len(number.partition(".")[2])
    power = Fraction(10) ** int((match["power"] or "0").replace("−", "-"))
    least = digit if digit is not None else Fraction(1, 10**decimals)
    factors = tuple(f * power for f in units.get(known_as, UNITS.get(known_as, ())))
    tail = match["tail"].removesuffix(match["unit"]) + known_as
    bound = _bound(match["before"].lower())
    return Printed(Fraction(number), least, known_as, factors, tail.rstrip(), bound)


def _no_number(text: str) -> str:
    if text.strip().lower() in _BLANK:
        return f"{text!r} is no number; write '' where nothing is printed, or quantity: none"
    return f"{text[:40]!r} is no number; write it as printed, such as 2.7K or 1.5 billion"


def _unit(text: str, unit: str, units: Units) -> str:
    """The unit that stands behind a number: all of the rest, or the first word of it."""
    if unit in units or unit in UNITS:
        return unit
    first, *rest = unit.split()
    known = first in units or first in UNITS
    scaled = [word for word in rest if UNITS.get(word, (1,)) != (1,) or word.lower() == "to"]
    if known and not scaled and all(map(_WORD.fullmatch, rest)):
        return first
    if known or not _WORD.fullmatch(first):
        raise SpecError(
            f"{text[:40]!r} is a range, a sum or a product; one number to a cell, such as 2.7K"
        )
    names = ", ".join(name for name in {**UNITS, **units} if name)
    raise SpecError(
        f"{text[:40]!r}: there is no unit {unit[:40]!r}; say what it stands for under units, as"
        f" units: {{{first[:40]}: 1}}, or use one of {names}"
    )


def _bound(before: str) -> str:
    """Which bound the words in front of a number make it; "at least" is not "less than"."""
    for sign, words in _BOUNDS.items():
        if any(word in before for word in words):
            return sign
    return ""


class Judged(NamedTuple):
    """How a printed number stands to an exact one.

    ``verdict`` is exact, rounds or off; ``how`` says it in words; ``off`` is the difference in
    units of the last printed digit; ``factor`` is what the unit stands for, ``way`` one of WAYS.
    """

    verdict: str
    how: str
    factor: Fraction
    off: Fraction = Fraction(0)
    way: str = ""


WAYS = ("nearest", "truncate", "up")
"""How tables round."""


def judge(printed: Printed, value: Fraction, ways: tuple[str, ...] = WAYS[:2]) -> Judged:
    """Whether a number is what a table prints, or what that rounds."""
    if printed.bound:
        return _held(printed, value)
    several = len(printed.factors) > 1
    for factor in printed.factors:
        scaled = value / factor
        k = f", {printed.unit} = {factor}" if several else ""
        if scaled == printed.number:
            return Judged("exact", k.removeprefix(", "), factor)
        for way in ways:
            if _rounded(scaled, printed.digit, way, printed.number):
                return Judged("rounds", f"{_WORDS[way]}{k}", factor, way=way)
    factor = printed.factors[0]
    return Judged("off", "", factor, (printed.number - value / factor) / printed.digit)


_HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _held(printed: Printed, value: Fraction) -> Judged:
    """Whether a bound holds; one in round numbers must be the next of them."""
    factor = printed.factors[0]
    scaled = value / factor
    gap, digit = abs(printed.number - scaled), printed.digit
    near = gap < digit or (gap == digit and printed.bound in "<>")
    next_one = digit <= 1 or (near and (printed.number / digit).denominator == 1)
    if _HOLDS[printed.bound](scaled, printed.number) and next_one:
        return Judged("rounds", "a bound that holds", factor)
    return Judged("off", "", factor, (printed.number - scaled) / digit)


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


MORE = 3
"""So many digits more than a printed number has are shown of what it rounds."""


def shown(value: Fraction, printed: Printed, judged: Judged | None = None) -> str:
    """A number in the unit of a printed one, with as many more digits as tell them apart.

    Of a number that rounds to the printed one, so many that what is shown does so too.
    """
    scaled = value / (judged.factor if judged else printed.factors[0])
    way = judged.way if judged else ""
    decimals = 0
    while printed.digit * 10**decimals < 1:
        decimals += 1
    for more in range(MORE + 1):
        text = decimal(scaled, decimals + more)
        near = Fraction(text.replace(",", ""))
        apart = more and near != printed.number
        if scaled == printed.number or (
            apart and (not way or _rounded(near, printed.digit, way, printed.number))
        ):
            break
    return f"{text}{printed.tail}"


def decimal(value: Fraction, decimals: int) -> str:
    """A fraction with so many decimals at most, rounded half up; digits grouped by commas."""
    scaled = floor(abs(value) * 10**decimals + Fraction(1, 2))
    whole, rest = divmod(scaled, 10**decimals)
    sign = "-" if value < 0 and scaled else ""
    fraction = f".{rest:0{decimals}}".rstrip("0").rstrip(".") if decimals else ""
    return f"{sign}{whole:,}{fraction}"
