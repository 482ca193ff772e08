"""Published tables as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from netcalc.errors import InputError, did_you_mean
from netcalc.published.formula import is_number, rows_of
from netcalc.published.model import NONE, Column, Hypothesis, PublishedTable, TableRow
from netcalc.published.quantities import NUMBERS, TEXTS
from netcalc.published.values import SETTINGS, Values
from netcalc.spec.reader import Fields, Items, Text, Value, read_file
from netcalc.spec.values import fields_of

_TOP = (
    *("title", "source", "note", "legend", "verified", "nets", "columns", "rows", "hypotheses"),
    *("net", "input", "units"),
)
_COLUMN = ("key", "heading", "short", "given", "digits", *SETTINGS)
_ROW = ("row", "printed", "note", "columns", "hypotheses", "verified", *SETTINGS)
_HYPOTHESIS = ("says", "columns", *SETTINGS)


EXAMPLE = "`netcalc audit --new NET` writes a full one"


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
        own = table_of(read_file(known[key]), known[key].name, key)
        return own._replace(built_in=True)
    if Path(name).suffix.lower() not in (".yaml", ".yml", ".json"):
        near = did_you_mean(key.lower(), known)
        hint = f"{near} Or give" if near else "see `netcalc audit`, or give"
        raise InputError(f"there is no table called {name!r}; {hint} a .yaml file")
    return table_of(read_file(Path(name), EXAMPLE), name, Path(name).stem)


def told_apart(tables: Sequence[PublishedTable]) -> list[PublishedTable]:
    """Tables of which files with one name go by their paths, as they were given."""
    names = [table.name for table in tables]
    return [
        table._replace(name=table.file)
        if names.count(table.name) > 1 and not table.built_in
        else table
        for table in tables
    ]


def table_of(value: Value, file: str, name: str) -> PublishedTable:
    """The table that the value of a file describes."""
    return _Reader(file).table(value, name)


class _Reader(Values):
    """Reads one file; every message names its line."""

    def table(self, value: Value, name: str) -> PublishedTable:
        if not isinstance(value, Fields):
            raise self.wrong(value.line, "a table is a mapping with columns and rows")
        self.check_keys(value, _TOP, "a table")
        top = value.entries
        for key in ("columns", "rows"):
            if key not in top:
                raise self.wrong(value.line, f"a table needs {key}, a list")
        columns = tuple(self._column(v) for v in self.items(top["columns"], "columns"))
        keys = [c.key for c in columns]
        self._distinct(keys, top["columns"].line, "columns")
        rows = tuple(self._row(v, keys) for v in self.items(top["rows"], "rows"))
        self._distinct([r.name for r in rows], top["rows"].line, "rows")
        self._no_circle(rows)
        texts = {
            k: self.text(top[k], k == "source") for k in ("title", "source", "note") if k in top
        }
        return PublishedTable(
            name,
            texts.get("title", name),
            texts.get("source", ""),
            texts.get("note", ""),
            self.flag(top["verified"], "verified") if "verified" in top else True,
            self.file,
            self.nets(top["nets"]) if "nets" in top else {},
            self.settings(value, ("net", "input", "units")),
            columns,
            rows,
            self._hypotheses(top, keys),
        )

    def _distinct(self, names: list[str], line: int, what: str) -> None:
        twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
        if twice is not None:
            raise self.wrong(line, f"two {what} are called {twice!r}; rename one")

    def _no_circle(self, rows: tuple[TableRow, ...]) -> None:
        """Refuse rows whose hypotheses explain each by what the other prints."""
        uses = {row.name: set(_used(row)) - {row.name} for row in rows}
        for row in rows:
            reached, new = set[str](), uses[row.name]
            while new:
                reached |= new
                new = {name for one in new for name in uses.get(one, ())} - reached
            if row.name in reached:
                others = " and ".join(name for name in uses if name in reached - {row.name})
                told = f"the hypotheses of {row.name} and {others} explain each other"
                raise self.wrong(row.line, told)

    def _column(self, value: Value) -> Column:
        if isinstance(value, Text):  # as short as the name of a quantity
            value = Fields({"key": value}, {"key": value.line}, value.line)
        given = self.mapping(value, _COLUMN, "a column")
        if "key" not in given:
            raise self.wrong(value.line, "a column needs a key, its name")
        key = self.text(given["key"])
        settings = dict(self.settings(value, SETTINGS))
        if "quantity" not in settings and (key in NUMBERS or key in TEXTS):
            settings["quantity"] = key
        heading = self.text(given["heading"]) if "heading" in given else key
        return Column(
            key, heading, "given" in given and self.flag(given["given"], "given"), settings
        )

    def _row(self, value: Value, keys: list[str]) -> TableRow:
        given = self.mapping(value, _ROW, "a row")
        if "printed" not in given:
            raise self.wrong(value.line, "a row needs printed, its cells")
        printed = self._printed(given["printed"], keys, value.line)
        if not printed:
            raise self.wrong(value.line, "this row prints nothing to audit; leave it out")
        name = self.text(given["row"]) if "row" in given else next(iter(printed.values()), "")
        return TableRow(
            name,
            value.line,
            printed,
            self.settings(value, SETTINGS),
            self._by_column(given, keys),
            self._hypotheses(given, keys),
            self.text(given["note"]) if "note" in given else "",
            self.flag(given["verified"], "verified") if "verified" in given else True,
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
        texts = {key: self.text(inner, empty=True) for key, inner in value.entries.items()}
        return {key: texts[key] for key in keys if texts.get(key)}

    def _by_column(self, given: Mapping[str, Value], keys: list[str]) -> dict[str, Any]:
        if "columns" not in given:
            return {}
        with self.at(given["columns"].line):
            named = fields_of(given["columns"], "columns")
        self._check_columns(named, keys)
        for key, inner in named.entries.items():
            self.mapping(inner, SETTINGS, key)
        return {key: self.settings(inner, SETTINGS) for key, inner in named.entries.items()}

    def _check_columns(self, given: Fields, keys: list[str]) -> None:
        for key, line in given.lines.items():
            if key not in keys:
                hint = did_you_mean(key, keys) or f"there are {', '.join(keys)}"
                raise self.wrong(line, f"there is no column {key!r}; {hint}")

    def _hypotheses(self, given: Mapping[str, Value], keys: list[str]) -> tuple[Hypothesis, ...]:
        if "hypotheses" not in given:
            return ()
        items = self.items(given["hypotheses"], "hypotheses")
        return tuple(self._hypothesis(value, keys) for value in items)

    def _hypothesis(self, value: Value, keys: list[str]) -> Hypothesis:
        given = self.mapping(value, _HYPOTHESIS, "a hypothesis")
        if "says" not in given:
            raise self.wrong(value.line, "a hypothesis says in words what it supposes")
        settings = self.settings(value, SETTINGS)
        by_column = self._by_column(given, keys)
        every = (settings, *by_column.values())
        if any(s.get("quantity") == NONE for s in every):
            raise self.wrong(
                value.line, f"quantity: {NONE} explains nothing; a hypothesis derives another one"
            )
        for said in (s.get("quantity", "") for s in every):
            if is_number(said):
                raise self.wrong(
                    value.line,
                    f"the number {said} alone explains nothing; say what it is worked out of",
                )
        if any("digit" in s for s in every):
            raise self.wrong(
                value.line,
                "a hypothesis sets no digit; set it beside the cell, which is printed so",
            )
        return Hypothesis(self.text(given["says"]), settings, by_column)


def _used(row: TableRow) -> Iterator[str]:
    """The rows whose printed cells the hypotheses of a row use."""
    for hypothesis in row.hypotheses:
        for said in (hypothesis.settings, *hypothesis.columns.values()):
            yield from rows_of(said.get("quantity", ""))
