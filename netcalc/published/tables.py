"""Published tables as files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from netcalc.errors import InputError, did_you_mean
from netcalc.published.model import Column, Hypothesis, Net, PublishedTable, TableRow
from netcalc.published.printed import WAYS
from netcalc.published.quantities import NUMBERS, TEXTS
from netcalc.spec.messages import Messages
from netcalc.spec.reader import Fields, Items, Text, Value, read_file
from netcalc.spec.values import fields_of, flag

SETTINGS = ("quantity", "at", "units", "digit", "round", "net", "covers", "layer", "input")
"""What a column, a row, a cell of a row or a hypothesis may say of its cells."""

_TOP = (
    *("title", "source", "note", "legend", "verified", "nets", "columns", "rows", "hypotheses"),
    *("net", "input", "units"),
)
_COLUMN = ("key", "heading", "short", "given", "digits", *SETTINGS)
_ROW = ("row", "printed", "note", "columns", "hypotheses", *SETTINGS)
_HYPOTHESIS = ("says", "columns", *SETTINGS)


def built_in() -> dict[str, Path]:
    """The files of netcalc's own tables, by name."""
    folder = Path(__file__).parent
    return {p.stem: p for p in sorted(folder.iterdir()) if p.suffix in (".yaml", ".json")}


def read_table(name: str) -> PublishedTable:
    """A table by its name or its file.

    Raises UnknownNameError for a table that there is not, InputError for a file that cannot be
    read, SpecError (with the line) for what is wrong in it.
    """
    known = built_in()
    key = name.strip().replace("-", "_")
    if key in known:
        return table_of(read_file(known[key]), known[key].name, key)
    if Path(name).suffix.lower() not in (".yaml", ".yml", ".json"):
        hint = did_you_mean(key, known) or f"there are {', '.join(known)}"
        raise InputError(f"there is no table called {name!r}; {hint}, or give a .yaml file")
    return table_of(read_file(Path(name)), name, Path(name).stem)


def is_built_in(table: PublishedTable) -> bool:
    """Whether a table is netcalc's own, and no file of somebody's."""
    return table.name in built_in() and built_in()[table.name].name == table.file


def table_of(value: Value, file: str, name: str) -> PublishedTable:
    """The table that the value of a file describes."""
    return _Reader(file).table(value, name)


class _Reader(Messages):
    """Reads one file; every message names its line."""

    def table(self, value: Value, name: str) -> PublishedTable:
        if not isinstance(value, Fields):
            raise self.wrong(value.line, "a table is a mapping with columns and rows")
        self.check_keys(value, _TOP, "a table")
        top = value.entries
        for key in ("columns", "rows"):
            if key not in top:
                raise self.wrong(value.line, f"a table needs {key}, a list")
        columns = tuple(self._column(v) for v in self._items(top["columns"], "columns"))
        keys = [c.key for c in columns]
        self._distinct(keys, top["columns"].line, "columns")
        rows = tuple(self._row(v, keys) for v in self._items(top["rows"], "rows"))
        self._distinct([r.name for r in rows], top["rows"].line, "rows")
        texts = {
            k: self._text(top[k], k == "source") for k in ("title", "source", "note") if k in top
        }
        return PublishedTable(
            name,
            texts.get("title", name),
            texts.get("source", ""),
            texts.get("note", ""),
            flag(top["verified"], {}) if "verified" in top else True,
            self.file,
            self._nets(top["nets"]) if "nets" in top else {},
            self._settings(value, ("net", "input", "units")),
            columns,
            rows,
            self._hypotheses(top, keys),
        )

    def _distinct(self, names: list[str], line: int, what: str) -> None:
        twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
        if twice is not None:
            raise self.wrong(line, f"two {what} are called {twice!r}; rename one")

    def _column(self, value: Value) -> Column:
        if isinstance(value, Text):  # as short as the name of a quantity
            value = Fields({"key": value}, {"key": value.line}, value.line)
        given = self._mapping(value, _COLUMN, "a column")
        if "key" not in given:
            raise self.wrong(value.line, "a column needs a key, its name")
        key = self._text(given["key"])
        settings = dict(self._settings(value, SETTINGS))
        if "quantity" not in settings and (key in NUMBERS or key in TEXTS):
            settings["quantity"] = key
        heading = self._text(given["heading"]) if "heading" in given else key
        return Column(key, heading, "given" in given and flag(given["given"], {}), settings)

    def _row(self, value: Value, keys: list[str]) -> TableRow:
        given = self._mapping(value, _ROW, "a row")
        if "printed" not in given:
            raise self.wrong(value.line, "a row needs printed, its cells")
        printed = self._printed(given["printed"], keys, value.line)
        name = self._text(given["row"]) if "row" in given else next(iter(printed.values()), "")
        return TableRow(
            name,
            value.line,
            printed,
            self._settings(value, SETTINGS),
            self._by_column(given, keys),
            self._hypotheses(given, keys),
            self._text(given["note"]) if "note" in given else "",
        )

    def _printed(self, value: Value, keys: list[str], line: int) -> dict[str, str]:
        """The cells of a row by column: a list of all, or a mapping; an empty one is none."""
        if isinstance(value, Text):
            value = Items((value,), value.line)
        if isinstance(value, Items):
            if len(value.items) != len(keys):
                told = f"{len(value.items)} cells for {len(keys)} columns"
                raise self.wrong(line, f"printed has {told}; write '' where nothing is printed")
            value = Fields(
                dict(zip(keys, value.items, strict=True)), dict.fromkeys(keys, line), line
            )
        self._check_columns(value, keys)
        texts = {key: self._text(inner, empty=True) for key, inner in value.entries.items()}
        return {key: texts[key] for key in keys if texts.get(key)}

    def _by_column(self, given: Mapping[str, Value], keys: list[str]) -> dict[str, Any]:
        if "columns" not in given:
            return {}
        with self.at(given["columns"].line):
            named = fields_of(given["columns"], "columns")
        self._check_columns(named, keys)
        for key, inner in named.entries.items():
            self._mapping(inner, SETTINGS, key)
        return {key: self._settings(inner, SETTINGS) for key, inner in named.entries.items()}

    def _check_columns(self, given: Fields, keys: list[str]) -> None:
        for key, line in given.lines.items():
            if key not in keys:
                hint = did_you_mean(key, keys) or f"there are {', '.join(keys)}"
                raise self.wrong(line, f"there is no column {key!r}; {hint}")

    def _hypotheses(self, given: Mapping[str, Value], keys: list[str]) -> tuple[Hypothesis, ...]:
        if "hypotheses" not in given:
            return ()
        items = self._items(given["hypotheses"], "hypotheses")
        return tuple(self._hypothesis(value, keys) for value in items)

    def _hypothesis(self, value: Value, keys: list[str]) -> Hypothesis:
        given = self._mapping(value, _HYPOTHESIS, "a hypothesis")
        if "says" not in given:
            raise self.wrong(value.line, "a hypothesis says in words what it supposes")
        settings = self._settings(value, SETTINGS)
        return Hypothesis(self._text(given["says"]), settings, self._by_column(given, keys))

    # --- values ----------------------------------------------------------------------------------

    def _nets(self, value: Value) -> dict[str, Net]:
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
            return Net(self._text(value))
        if isinstance(value, Fields) and "net" in value.entries:
            given = self._mapping(value, ("net", "input"), "a network")
            shape = self._shape(given["input"]) if "input" in given else None
            return Net(self._text(given["net"]), None, shape)
        if isinstance(value, Fields):
            return Net("", value)
        raise self.wrong(value.line, "a network is a NET such as googlenet, or a spec")

    def _settings(self, value: Value, known: Iterable[str]) -> dict[str, Any]:
        given = value.entries if isinstance(value, Fields) else {}
        return {key: _READERS[key](self, given[key]) for key in known if key in given}

    def _mapping(self, value: Value, known: Iterable[str], what: str) -> dict[str, Value]:
        if not isinstance(value, Fields):
            raise self.wrong(value.line, f"{what} is a mapping")
        self.check_keys(value, known, what)
        return value.entries

    def _items(self, value: Value, what: str) -> tuple[Value, ...]:
        if not isinstance(value, Items):
            raise self.wrong(value.line, f"{what} is a list")
        return value.items

    def _text(self, value: Value, empty: bool = False) -> str:
        if not isinstance(value, Text) or not (value.text.strip() or empty):
            raise self.wrong(value.line, "here stands a text")
        text = " ".join(value.text.split())
        if not text.isprintable():
            raise self.wrong(value.line, "there are control characters in this text")
        return text

    def _quantity(self, value: Value) -> str:
        return self._text(value)

    def _texts(self, value: Value) -> tuple[str, ...]:
        if isinstance(value, Items):
            return tuple(self._text(v) for v in value.items)
        return (self._text(value, empty=True),)

    def _units(self, value: Value) -> dict[str, tuple[Fraction, ...]]:
        with self.at(value.line):
            named = fields_of(value, "units")
        return {
            name: tuple(self._number(v) for v in (x.items if isinstance(x, Items) else (x,)))
            for name, x in named.entries.items()
        }

    def _number(self, value: Value) -> Fraction:
        text = self._text(value)
        if not re.fullmatch(r"\d{1,18}(\.\d{1,18}|/\d{1,18}|[eE]\d{1,2})?", text) or not Fraction(
            text
        ):
            raise self.wrong(value.line, f"here stands a positive number, got {text[:40]!r}")
        return Fraction(text)

    def _round(self, value: Value) -> tuple[str, ...]:
        ways = self._texts(value)
        for way in ways:
            if way not in WAYS:
                raise self.wrong(value.line, f"round is one of {', '.join(WAYS)}, got {way!r}")
        return ways

    def _shape(self, value: Value) -> tuple[int, ...]:
        items = value.items if isinstance(value, Items) else (value,)
        dims = [self._number(v) for v in items]
        if any(d.denominator != 1 for d in dims):
            raise self.wrong(value.line, "an input is a shape such as [3, 224, 224]")
        return tuple(int(d) for d in dims)

    def _netname(self, value: Value) -> Net:
        return self._net(value)


_READERS: dict[str, Any] = {
    "quantity": _Reader._quantity,
    "at": _Reader._texts,
    "units": _Reader._units,
    "digit": _Reader._number,
    "round": _Reader._round,
    "net": _Reader._netname,
    "covers": _Reader._texts,
    "layer": _Reader._quantity,
    "input": _Reader._shape,
}
