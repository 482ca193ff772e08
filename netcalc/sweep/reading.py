"""Spaces as YAML or JSON files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from netcalc.core.fields import LARGEST
from netcalc.errors import InputError, SpecError, did_you_mean
from netcalc.spec import values
from netcalc.spec.messages import Messages
from netcalc.spec.reader import Fields, Items, Text, Value
from netcalc.sweep.best import SAME
from netcalc.sweep.chunks import CANDIDATE
from netcalc.sweep.graphs import check_argument, is_argument, is_swept
from netcalc.sweep.intervals import Interval
from netcalc.sweep.space import (
    COMPARE,
    INPUT,
    QUANTITIES,
    Axis,
    Budget,
    Constraint,
    Net,
    Place,
    Space,
)

KEYS = ("net", "input", "vary", "constraints", "budgets", "show")
RANGE = ("from", "to", "step", "factor", "multiple", "of", "values")
MOST, MOST_FACTORS = 10**6, 1000
"""Values of one axis, and of one that goes by a factor."""

_ANY = Interval(1, 1, [0])
"""Stands for a name where a constraint is read."""

_NUMBER = re.compile(r"\d{1,16}(\.\d{1,15})?|\d{1,15}/\d{1,15}", re.ASCII)
_LIMIT = re.compile(r"(\d{1,30}(?:\.\d{1,30})?(?:[eE][+]?\d{1,2})?)\s*([kKMGTP]?i?B?)", re.ASCII)
_STEPS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_SIGN = re.compile("(<=|>=|==|!=|<|>)")


def space_of(value: Value, file: str, net_of: Callable[[str], Net]) -> Space:
    """The space that the value of a file describes; ``net_of`` finds its network.

    Raises SpecError with file and line for what is wrong in it, and what ``net_of`` raises.
    """
    messages = Messages(file)
    if not isinstance(value, Fields):
        raise messages.wrong(value.line, f"a space is a mapping with {', '.join(KEYS[:3])}")
    messages.check_keys(value, KEYS, "a space")
    for key in ("net", "vary"):
        if key not in value.entries:
            raise messages.wrong(value.line, f"a space needs {key}")
    return _Reader(messages, value, net_of).space()


def amount(text: str) -> Fraction:
    """A number as budgets have it: 7e6, 5M, 25MB, 10MiB, 1.5G. Raises SpecError."""
    match = _LIMIT.fullmatch(text.strip())
    if not match:
        raise SpecError(f"must be a number such as 7e6, 1.5G or 25MB, got {text.strip()[:60]!r}")
    number, unit = match.groups()
    step, binary = unit.rstrip("B").rstrip("i"), "i" in unit
    if binary and (not step or not unit.endswith("B")):
        raise SpecError(f"must end in MB, MiB, GB, ..., got {text.strip()[:60]!r}")
    base = 1024 if binary else 1000
    return Fraction(Decimal(number)) * Fraction(base ** _STEPS[step])


def comparison(text: str) -> tuple[str, str, str]:
    """The two sides of a condition and its sign. Raises SpecError."""
    parts = _SIGN.split(text)
    if len(parts) != 3 or not parts[0].strip() or not parts[2].strip():
        signs = " ".join(COMPARE)
        raise SpecError(f"must compare two sides by one of {signs}, got {text.strip()[:60]!r}")
    return parts[0].strip(), parts[1], parts[2].strip()


def budget(text: str) -> Budget:
    """A condition on a quantity. Raises SpecError."""
    left, sign, right = comparison(text)
    if left not in QUANTITIES:
        hint = did_you_mean(left, QUANTITIES) or f"choose from {', '.join(QUANTITIES)}"
        raise SpecError(f"there is no quantity {left[:60]!r}; {hint}")
    return Budget(f"{left} {sign} {right}", left, sign, amount(right))


class _Reader:
    def __init__(self, messages: Messages, top: Fields, net_of: Callable[[str], Net]) -> None:
        self.messages, self.top = messages, top
        with messages.at(top.lines["net"], "net"):
            self.net = net_of(values.word(top.entries["net"], {}))

    def space(self) -> Space:
        entries, lines = self.top.entries, self.top.lines
        with self.messages.at(lines["vary"]):
            vary = values.fields_of(entries["vary"], "vary")
        if not vary.entries:
            raise self.messages.wrong(lines["vary"], "vary names nothing")
        axes: list[Axis] = []
        for name, value in vary.entries.items():
            with self.messages.at(vary.lines[name], name):
                axes.append(self._axis(name, value, axes))
        axes = self._placed(axes, vary.lines)
        names = {a.name: _ANY for a in axes if all(type(v) is int for v in a.values)}
        shape = self._shape(entries.get("input"), axes)
        constraints = tuple(self._each("constraints", lambda text: _constraint(text, names)))
        shown = self._each("show", _quantity) or ["params", "macs"]
        budgets = tuple(self._each("budgets", budget))
        return Space(self.net, tuple(axes), constraints, budgets, tuple(shown), shape)

    def _each(self, key: str, meaning: Callable[[str], Any]) -> list[Any]:
        found = []
        value = self.top.entries.get(key)
        if value is None:
            return []
        for item in value.items if isinstance(value, Items) else (value,):
            with self.messages.at(item.line, key):
                found.append(meaning(values.word(item, {})))
        return found

    def _shape(self, value: Value | None, axes: Sequence[Axis]) -> tuple[int, ...] | None:
        if value is None:
            return None
        line = self.top.lines[INPUT]
        if any(axis.name == INPUT for axis in axes):
            raise self.messages.wrong(line, "input stands here and under vary; leave one out")
        with self.messages.at(line, INPUT):
            shape = values.indices(value, {})
            if not all(1 <= n <= LARGEST for n in shape):
                raise SpecError(f"every axis must be from 1 to {LARGEST:,}")
            return tuple(shape)

    def _axis(self, name: str, value: Value, before: Sequence[Axis]) -> Axis:
        places: tuple[Place, ...] = ()
        if name in (*QUANTITIES, CANDIDATE, SAME) or not name.isidentifier():
            raise SpecError(
                "is no name for what varies: use letters, digits and _, no quantity's,"
                f" not {CANDIDATE}, not {SAME}"
            )
        if isinstance(value, Fields):
            self.messages.check_keys(value, RANGE, name)
            if "of" in value.entries:
                places = tuple(map(_place, values.words(value.entries["of"])))
        found = _values(value)
        if len(found) > MOST:
            raise SpecError(f"has {len(found):,} values; at most {MOST:,} are taken")
        if len(set(found)) < len(found):
            raise SpecError("has a value twice")
        axis = Axis(name, found, places)
        for place, earlier in ((p, a) for a in before for p in places if p in a.places):
            raise SpecError(f"{'.'.join(place)} varies as {earlier.name} already; leave one out")
        if is_argument(axis):
            return axis._replace(swept=is_swept(self.net, axis, before))
        return axis

    def _placed(self, axes: Sequence[Axis], lines: Mapping[str, int]) -> list[Axis]:
        """The axes, those of layers and of the input too held against the network.

        That has its layers only when all arguments are known, whatever the order of the file.
        """
        found = []
        for axis in axes:
            with self.messages.at(lines[axis.name], axis.name):
                if is_argument(axis):
                    check_argument(self.net, axis, axes)
                    found.append(axis)
                else:
                    found.append(axis._replace(swept=is_swept(self.net, axis, axes)))
        return found


def _values(value: Value) -> tuple[Any, ...]:
    """The values of an axis, in order."""
    if isinstance(value, Fields) and "values" in value.entries:
        if set(value.entries) - {"of", "values"}:
            raise SpecError("takes values, or from and to")
        value = value.entries["values"]
    if isinstance(value, Fields):
        return _range({key: _number(v) for key, v in value.entries.items() if key != "of"})
    if not isinstance(value, Items) or not value.items:
        raise SpecError("must be a list of values, or {from: 16, to: 256, step: 16}")
    return tuple(map(_scalar, value.items))


def _scalar(value: Value) -> Any:
    """A whole number, a fraction, a flag or a word."""
    if not isinstance(value, Text) or not value.text:
        raise SpecError(f"must be a list of numbers, flags or words, got {values.shown(value)}")
    if value.text in values.FLAGS:
        return values.FLAGS[value.text]
    return _plain(Fraction(value.text)) if _NUMBER.fullmatch(value.text) else value.text


def _number(value: Value) -> Fraction:
    if not isinstance(value, Text) or not _NUMBER.fullmatch(value.text):
        raise SpecError(f"must be from and to numbers, got {values.shown(value)}")
    return Fraction(value.text)


def _plain(x: Fraction) -> Any:
    return int(x) if x.denominator == 1 else x


def _range(given: dict[str, Fraction]) -> tuple[Any, ...]:
    """From one number to another: by a step, by a factor, in multiples of a number."""
    if "from" not in given or "to" not in given:
        raise SpecError("needs from and to")
    if "step" in given and "factor" in given:
        raise SpecError("takes a step or a factor, not both")
    first, last, multiple = given["from"], given["to"], given.get("multiple", Fraction(0))
    factor = given.get("factor", Fraction(1))
    step = given.get("step", Fraction(0) if "factor" in given else multiple or Fraction(1))
    if first > last or (not step and factor <= 1) or ("multiple" in given and not multiple):
        raise SpecError("goes from a smaller number to a larger one, by a step above 0 or a factor")
    if step and (last - first) // step >= MOST - 1:
        raise SpecError(f"has more than {MOST:,} values")
    if multiple and "factor" not in given and "step" not in given:
        first = -(-first // multiple) * multiple
    found: dict[Any, None] = {}
    for _ in range(MOST_FACTORS if not step else MOST):
        if first > last:
            break
        unit = multiple or (Fraction(0) if step else Fraction(1))
        x = (first / unit + Fraction(1, 2)) // 1 * unit if unit else first
        if given["from"] <= x <= last:
            found[_plain(Fraction(x))] = None
        first = first * factor + step
    else:
        raise SpecError(f"has more than {MOST_FACTORS if not step else MOST:,} values")
    if not found:
        raise SpecError("has no value: no multiple lies between from and to")
    return tuple(found)


def _place(text: str) -> Place:
    layer, _, field = text.rpartition(".")
    if not layer or not field:
        raise SpecError(f"must name a layer and a field, a/conv.out_channels, got {text[:60]!r}")
    return Place(layer, field)


def _quantity(text: str) -> str:
    if text not in QUANTITIES:
        hint = did_you_mean(text, QUANTITIES) or f"choose from {', '.join(QUANTITIES)}"
        raise InputError(f"there is no quantity {text[:60]!r}; {hint}")
    return text


def _constraint(text: str, names: Mapping[str, Interval]) -> Constraint:
    left, sign, right = comparison(text)
    found = Constraint(f"{left} {sign} {right}", left, sign, right)
    found.holds(names)
    return found
