"""The values in the file of a table: networks, settings, texts and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from netcalc.core.frozen import FrozenDict
from netcalc.core.inputs import read_shape
from netcalc.core.tensor import Tensor
from netcalc.published.model import Given, Net
from netcalc.published.printed import WAYS
from netcalc.published.quantities import NUMBERS
from netcalc.spec.messages import Messages
from netcalc.spec.reader import Fields, Items, Text, Value
from netcalc.spec.values import fields_of, flag

SETTINGS = ("quantity", "at", "units", "digit", "round", "net", "covers", "layer", "input")
"""What a column, a row, a cell of a row or a hypothesis may say of its cells."""


class Values(Messages):
    """Reads the values of one file; every message names its line."""

    def flag(self, value: Value, what: str) -> bool:
        """True or false."""
        with self.at(value.line, what):
            return flag(value, {})

    def nets(self, value: Value) -> dict[str, Net]:
        """Networks by the short names that formulas use."""
        with self.at(value.line):
            named = fields_of(value, "nets")
        for name, line in named.lines.items():
            if not name.isidentifier() or name == "row" or name in NUMBERS:
                hint = "use letters, digits and _, and no quantity's name"
                raise self.wrong(line, f"{name!r} is no name for a network here; {hint}")
        return {name: self._net(inner) for name, inner in named.entries.items()}

    def _net(self, value: Value) -> Net:
        """A NET, with its input where that is another than its own, or a spec in its place."""
        if isinstance(value, Text):
            return Net(self.text(value))
        if isinstance(value, Fields) and "net" in value.entries:
            given = self.mapping(value, ("net", "input"), "a network")
            shape = self.given(given["input"]) if "input" in given else None
            return Net(self.text(given["net"]), None, shape)
        if isinstance(value, Fields):
            return Net("", value)
        raise self.wrong(value.line, "a network is a NET such as googlenet, or a spec")

    def settings(self, value: Value, known: Iterable[str]) -> dict[str, Any]:
        """Those of the known settings that a mapping has."""
        given = value.entries if isinstance(value, Fields) else {}
        return {key: _READERS[key](self, given[key]) for key in known if key in given}

    def mapping(self, value: Value, known: Iterable[str], what: str) -> dict[str, Value]:
        """A mapping with none but known keys."""
        if not isinstance(value, Fields):
            raise self.wrong(value.line, f"{what} is a mapping")
        self.check_keys(value, known, what)
        return value.entries

    def items(self, value: Value, what: str) -> tuple[Value, ...]:
        """The items of a list that has some."""
        if not isinstance(value, Items):
            raise self.wrong(value.line, f"{what} is a list")
        if not value.items:
            raise self.wrong(value.line, f"{what} is empty: there is nothing to audit")
        return value.items

    def text(self, value: Value, empty: bool = False) -> str:
        """One line of text."""
        if not isinstance(value, Text) or not (value.text.strip() or empty):
            raise self.wrong(value.line, "here stands a text")
        text = " ".join(value.text.split())
        if not text.isprintable():
            raise self.wrong(value.line, "there are control characters in this text")
        return text

    def _quantity(self, value: Value) -> str:
        return self.text(value)

    def texts(self, value: Value) -> tuple[str, ...]:
        """A text, or a list of them."""
        if isinstance(value, Items):
            self._some(value)
            return tuple(self.text(v) for v in value.items)
        return (self.text(value, empty=True),)

    def _some(self, value: Items) -> tuple[Value, ...]:
        if not value.items:
            raise self.wrong(value.line, "an empty list; leave the key out, or put something in")
        return value.items

    def _units(self, value: Value) -> dict[str, tuple[Fraction, ...]]:
        with self.at(value.line):
            named = fields_of(value, "units")
        return {
            name: tuple(self.number(v) for v in (self._some(x) if isinstance(x, Items) else (x,)))
            for name, x in named.entries.items()
        }

    def number(self, value: Value) -> Fraction:
        """A positive number, with decimals or as a fraction."""
        text = self.text(value)
        known = re.fullmatch(r"\d{1,18}(\.\d{1,18}|/0*[1-9]\d{0,17}|[eE]\d{1,2})?", text)
        if not known or not Fraction(text):
            raise self.wrong(value.line, f"here stands a positive number, got {text[:40]!r}")
        return Fraction(text)

    def _round(self, value: Value) -> tuple[str, ...]:
        ways = self.texts(value)
        for way in ways:
            if way not in WAYS:
                raise self.wrong(value.line, f"round is one of {', '.join(WAYS)}, got {way!r}")
        return ways

    def given(self, value: Value) -> Given:
        """An input: a list of numbers or a text, ``1,16:int64``; of several, each by its name."""
        if isinstance(value, Fields):
            if not value.entries:
                raise self.wrong(value.line, "no input is named; leave the key out, or name one")
            return FrozenDict({name: self._shape(v, name) for name, v in value.entries.items()})
        return self._shape(value, "input")

    def _shape(self, value: Value, what: str) -> tuple[int, ...] | Tensor:
        if not isinstance(value, Items):
            with self.at(value.line):
                return read_shape(self.text(value), what)
        dims = [self.number(v) for v in self._some(value)]
        if any(d.denominator != 1 for d in dims):
            raise self.wrong(value.line, "an input is a shape such as [3, 224, 224]")
        return tuple(int(d) for d in dims)

    def _netname(self, value: Value) -> Net:
        return self._net(value)


_READERS: dict[str, Any] = {
    "quantity": Values._quantity,
    "at": Values.texts,
    "units": Values._units,
    "digit": Values.number,
    "round": Values._round,
    "net": Values._netname,
    "covers": Values.texts,
    "layer": Values._quantity,
    "input": Values.given,
}
