"""Numbers as tables print them: ``159K``, ``1.5 billion``, ``3.8×10^9``, ``less than 28%``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from netcalc.errors import SpecError

Units = Mapping[str, tuple[Fraction, ...]]
"""What stands behind a number, with what it may stand for: K is 1024 or 1000."""

_FACTORS: dict[str, int | Fraction] = {
    "x × times": 1,
    "%": Fraction(1, 100),
    "k K thousand kB KB": 10**3,
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

COUNTED = frozenset(
    "flop flops mac macs op ops madd madds mult-add mult-adds multiply-add"  # noqa: SIM905
    " multiply-adds param params parameter parameters weight weights bias biases"
    " neuron neurons layer layers activation activations connection connections"
    " multiplications additions".split()
)
"""Words for what is counted: behind a number or a prefix, as in 13.6 Mparams or 4.1 GFLOPs."""

_ABOUT = (
    *("about", "approximately", "approx.", "approx", "around", "nearly", "roughly", "only"),
    *("almost", "circa", "ca.", "c.", "~", "∼", "≈"),
)
_BOUNDS = {
    "<=": ("at most", "up to", "within", "no more than", "not more than", "<=", "≤", "⩽"),
    ">=": ("at least", "no less than", "no fewer than", "not less than", ">=", "≥", "⩾"),
    "<": ("less than", "fewer than", "under", "below", "<"),
    ">": ("more than", "greater than", "over", "above", ">"),
}
_BEHIND = {">=": ("or more", "and more", "or above", "+"), "<=": ("or less", "or fewer")}
"""Bounds that stand behind a number."""

_BEFORE = "|".join(
    re.escape(word) for word in (*_ABOUT, *(w for words in _BOUNDS.values() for w in words), "+")
)
_PRINTED = re.compile(
    rf"(?P<before>(?:(?:{_BEFORE})\s*)*)"
    r"(?P<number>[-−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?: \d{3})+(?!\d)|\d+)?(?:\.\d*)?)"
    r"(?P<tail>(?:\s*(?:[eE]|[x×·*]\s?10\^)(?P<power>[-+−]?\d{1,4})(?!\d))?\s?(?P<unit>.*))",
    re.IGNORECASE,
)
"""A number with what stands around it; digits may be grouped by commas or spaces."""

DIGITS = 60
"""No number of a table is longer, and no power of ten larger."""

_WORD = re.compile(r"\(?[^\W\d_]+(?:[-'’][^\W\d_]+)*\)?[.,;]?")
"""What may follow a unit."""

_CHANGING = frozenset(
    "or and to plus minus by per each half dozen hundred thousand million billion"  # noqa: SIM905
    " trillion one two three four five six seven eight nine ten".split()
)
"""Words that would make another number of it."""

_BLANK = ("-", "–", "—", "−", "n/a", "na", "tbd", "?", "none", "null", "~", "nan")

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


class Printed(NamedTuple):
    """A printed number: in its unit, the worth of its last digit, what the unit may stand for.

    ``tail`` is what stands behind it: a power of ten, the unit, a space before it. ``bound`` is
    one of < <= > >= where it is a bound, as "less than 25 million"; ``stepped`` says that the table
    told the worth of the last digit, so that a bound must be the next in such steps.
    """

    number: Fraction
    digit: Fraction
    unit: str
    factors: tuple[Fraction, ...]
    tail: str
    bound: str = ""
    stepped: bool = False

    @property
    def value(self) -> Fraction:
        """The number in ones."""
        return self.number * self.factors[0]


def read(text: str, units: Units, digit: Fraction | None = None) -> Printed:
    """A printed cell as a number; marks of a footnote behind it are none of it.

    ``digit`` is the worth of its last significant digit, in its unit, where zeros at the end are
    none: 10,000 for 650,000. Raises SpecError for what is no number in a known unit.
    """
    plain, behind = _bound_behind(_plain(text))
    match = _PRINTED.fullmatch(plain)
    number = re.sub("[, ]", "", match["number"]).replace("−", "-") if match else ""
    if match is None or not number.strip("-."):
        raise SpecError(_no_number(text))
    power = int((match["power"] or "0").replace("−", "-"))
    if len(number) > DIGITS or abs(power) > DIGITS:
        raise SpecError(f"{text[:40]!r} is too long a number; a cell may have {DIGITS} digits")
    unit, factors = _unit(text, match["unit"].strip(), units)
    decimals = len(number.partition(".")[2])
    least = digit if digit is not None else Fraction(1, 10**decimals)
    tail = match["tail"].removesuffix(match["unit"]) + unit
    return Printed(
        Fraction(number.rstrip(".")),
        least,
        unit,
        tuple(f * Fraction(10) ** power for f in factors),
        tail.rstrip(),
        behind or _bound(match["before"].lower()),
        digit is not None,
    )


def _plain(text: str) -> str:
    """A text without marks of footnotes, its powers of ten with ``^``."""
    plain = re.sub(r"\s*(\[\d+\]|[*†‡§])+$", "", text.strip())
    plain = re.sub(r"10\s?([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"10^{m[1].translate(_RAISED)}", plain)
    plain = re.sub(r"10(?:\^|\*\*)\{?([-+−]?\d+)\}?", r"10^\1", plain)
    return re.sub(r"^(\D*)10\^", r"\g<1>1e", plain)


def _bound_behind(text: str) -> tuple[str, str]:
    """A text without the bound that stands behind its number, and that bound."""
    for sign, words in _BEHIND.items():
        for word in words:
            if text.lower().endswith(word) and re.search(r"\d", text):
                return text[: -len(word)].rstrip(), sign
    return text, ""


def _no_number(text: str) -> str:
    if text.strip().lower() in _BLANK:
        return f"{text!r} is no number; write '' where nothing is printed, or quantity: none"
    return f"{text[:40]!r} is no number; write it as printed, such as 2.7K or 1.5 billion"


def _unit(text: str, given: str, units: Units) -> tuple[str, tuple[Fraction, ...]]:
    """The unit that stands behind a number, all of the rest or its first word, and its factors."""
    first, *rest = given.split() or [""]
    for name, words in ((given, []), (first, rest)):
        found = _factors(name, units)
        if found is not None:
            _only_words(text, words)
            return name, found
    bare = re.sub(r"(?<=[^\W\d_])[⁰¹²³⁴⁵⁶⁷⁸⁹]+$|[.,;]+$", "", first)
    found = _factors(bare, units)
    if found is not None:
        _only_words(text, rest)
        return bare, found
    if not _WORD.fullmatch(first):
        raise SpecError(_not_one(text))
    names = ", ".join(name for name in {**UNITS, **units} if name)
    raise SpecError(
        f"{text[:40]!r}: there is no unit {given[:40]!r}; say what it stands for under units, as"
        f" units: {{{first[:40]}: 1}}, or use one of {names}"
    )


def _factors(name: str, units: Units) -> tuple[Fraction, ...] | None:
    """What a unit stands for: the table's own, everyone's, or the prefix of what is counted."""
    if name in units:
        return units[name]
    known = {**UNITS, **units}
    if name in UNITS:
        return UNITS[name]
    if name.lower() in COUNTED or (name and not name.strip(".,;")):
        return known[""]
    if len(name) > 2 and name.lower() in UNITS:  # Million
        return UNITS[name.lower()]
    prefix, counted = name[:1], name[1:].lower()
    return known.get(prefix) if prefix in "kKmMGBT" and counted in COUNTED else None


def _only_words(text: str, words: list[str]) -> None:
    """Refuse what stands behind a unit where it would make another number of it."""
    plain = [word.strip("(),.;").lower() for word in words]
    scaled = any(UNITS.get(w, (Fraction(1),)) != (Fraction(1),) for w in words)
    if scaled or not all(map(_WORD.fullmatch, words)) or _CHANGING.intersection(plain):
        raise SpecError(_not_one(text))


def _not_one(text: str) -> str:
    return f"{text[:40]!r} is a range, a sum or a product; one number to a cell, such as 2.7K"


def _bound(before: str) -> str:
    """Which bound the words in front of a number make it; "at least" is not "less than"."""
    for sign, words in _BOUNDS.items():
        if any(word in before for word in words):
            return sign
    return ""
