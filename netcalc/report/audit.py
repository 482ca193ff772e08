"""The audit of published tables, as people and as programs read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netcalc.published.audit import (
    DERIVABLE,
    FROM_MEMORY,
    VERDICTS,
    Audited,
    Cell,
    summed,
)
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped

SHORT = 16
"""Longer cells are sentences, set left and broken where they do not fit."""

OFF = " !"
"""Behind the verdict of a cell that is off."""


OTHERS = ("input", "not derivable")
"""Verdicts of cells that are counted in a note where there are others to show."""

BY = "off by so many of the last printed digit, and in percent"


def audit_report(tables: tuple[Audited, ...], changed: tuple[str, ...], whole: bool) -> Report:
    """The cells of tables, or how many of each verdict there are in each."""
    several = len(tables) > 1
    shown = tuple(cells_of(each, several) for each in tables) if whole else ()
    if several or not whole:
        shown = (*shown, _overview(tables))
    if not several:
        notes = list(_notes(tables[0]))
    elif whole:
        notes = [line for each in tables for line in _notes_of_many(each)]
        notes += [BY] if any(map(_by, tables)) else []
    else:
        notes = [_legend()]
    notes += [f"not as recorded: {line}" for line in changed]
    title = _title(tables)
    return Report(title, shown, tuple(notes), lambda: document(tables, changed), _flat(tables))


def _flat(tables: tuple[Audited, ...]) -> Table:
    """Every cell of every table, for CSV."""
    names = ("table", "row", "column", "printed", "derived", "verdict", "note")
    rows = tuple(
        (each.table.name, c.row, c.column, c.printed, c.derived, c.verdict, c.note)
        for each in tables
        for c in each.cells
    )
    return Table(tuple(Column(name, name) for name in names), rows)


def _title(tables: tuple[Audited, ...]) -> str:
    if len(tables) == 1:
        return f"{tables[0].table.title} ({tables[0].table.source or tables[0].table.file})"
    cells = [cell for each in tables for cell in each.cells]
    derivable = sum(cell.verdict in DERIVABLE for cell in cells)
    published = "published " if all(each.table.built_in for each in tables) else ""
    return f"{len(tables)} {published}tables, {derivable} derivable cells"


def _legend() -> str:
    return (
        "exact: the printed string is the derived value; rounds: after rounding or truncation;"
        " explained: an executable hypothesis reproduces the row; off: it does not follow from the"
        " architecture; input: the spec is built from it. `netcalc audit TABLE` shows the cells,"
        " `netcalc audit all` those of every table"
    )


def cells_of(audited: Audited, named: bool, verdicts: tuple[str, ...] = DERIVABLE) -> Table:
    """The cells with some verdicts; all, where a table has none of these."""
    headings = {c.key: c.heading for c in audited.table.columns}
    cells = [cell for cell in audited.cells if cell.verdict in verdicts] or list(audited.cells)
    short = all(len(text) <= SHORT for c in cells for text in (c.printed, c.derived))
    one = len({c.column for c in audited.cells}) == 1
    columns = (
        Column("row", "row", right=False),
        *(() if one else (Column("column", "column", right=False),)),
        Column("printed", "printed", right=short),
        Column("derived", "derived", right=short),
        Column("verdict", "verdict", right=False),
        Column("how", "how", right=False),
    )
    numbers = _hypotheses(audited)
    rows = tuple(
        (
            c.row,
            *(() if one else (headings[c.column],)),
            *(c.printed, c.derived or None, c.verdict, _how(c, numbers) or None),
        )
        for c in cells
    )
    verdict = [column.key for column in columns].index("verdict")
    marks = {(i, verdict): OFF for i, c in enumerate(cells) if c.verdict == "off"}
    title = _named(audited) if named else ""
    return Table(columns, rows, title, marks=marks)


def _hypotheses(audited: Audited) -> dict[str, int]:
    """The hypotheses that explain cells of a table, numbered."""
    return {by: i for i, by in enumerate(dict.fromkeys(c.by for c in audited.cells if c.by), 1)}


def _how(cell: Cell, numbers: Mapping[str, int]) -> str:
    """How it stands to what is derived; of an explained cell, to what the hypothesis gives."""
    if not cell.by:
        return cell.how
    value = cell.given.rpartition(" = ")[2]
    how = "" if cell.how == "exact" else f", {cell.how}"
    return f"{value} by ({numbers[cell.by]}){how}"


def _named(audited: Audited) -> str:
    title, name = audited.table.title, audited.table.name
    return title if title == name else f"{title} ({name})"


def _overview(tables: tuple[Audited, ...]) -> Table:
    verdicts = tuple(Column(v, v, right=True, show=grouped) for v in VERDICTS)
    rows = [(each.table.name, *each.summary.values()) for each in tables]
    if len(tables) > 1:
        total = summed(cell for each in tables for cell in each.cells)
        rows.append(("total", *total.values()))
    return Table((Column("table", "table", right=False), *verdicts), tuple(rows), "summary")


def _notes(audited: Audited) -> Iterable[str]:
    yield from _told(audited)
    if _by(audited):
        yield BY
    yield from _counted(audited)
    yield ", ".join(f"{verdict}: {n}" for verdict, n in audited.summary.items())
    if audited.table.note:
        yield audited.table.note
    yield from _from_memory(audited)


def _notes_of_many(audited: Audited) -> Iterable[str]:
    """What there is to say of one table below several, each line with its name."""
    name = audited.table.name
    yield from (f"{name}: {line}" for line in _told(audited))
    if audited.table.note:
        yield f"{name}: {audited.table.note}"
    yield from _from_memory(audited, f"{name}: ")


def _by(audited: Audited) -> bool:
    """Whether a number is off."""
    return any(cell.verdict == "off" and cell.value is not None for cell in audited.cells)


def _counted(audited: Audited) -> Iterable[str]:
    """How many cells are not shown, and of which columns."""
    headings = {c.key: c.heading for c in audited.table.columns}
    for said, verdict, held in (
        ("input, held against the spec", "input", True),
        ("input, not compared", "input", False),
        ("not derivable, no count gives it", "not derivable", False),
    ):
        cells = [c for c in audited.cells if (c.verdict, bool(c.derived)) == (verdict, held)]
        if cells:
            names = ", ".join(dict.fromkeys(headings[c.column] for c in cells))
            count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
            yield f"{said}: {count} of {names}"


def _from_memory(audited: Audited, where: str = "") -> Iterable[str]:
    """What to check before relying on it."""
    rows = dict.fromkeys(cell.row for cell in audited.cells if not cell.verified)
    if rows:
        which = f"row {', '.join(rows)}" if audited.table.verified else "all of it"
        yield f"{where}{FROM_MEMORY}: {which}; check it before relying on it"


def _told(audited: Audited) -> Iterable[str]:
    """What there is to say of cells, each thing once, the numbered hypotheses first."""
    for by, number in _hypotheses(audited).items():
        cells = [c for c in audited.cells if c.by == by and " = " in c.given]
        values = "; ".join(f"{c.given} for {_place(audited, c)}" for c in cells)
        yield f"({number}) {by}: {values}" if values else f"({number}) {by}"
    by_text: dict[str, list[str]] = {}
    for cell in audited.cells:
        text = cell.told.removeprefix(f"{cell.by}: {cell.given}" if cell.by else "")
        if text:
            by_text.setdefault(text.removeprefix("; "), []).append(_place(audited, cell))
    for text, places in by_text.items():
        yield f"{'; '.join(places)}: {text}"


def _place(audited: Audited, cell: Cell) -> str:
    """A cell by its row, its column where there are several, and what it prints."""
    headings = {c.key: c.heading for c in audited.table.columns}
    one = len({c.column for c in audited.cells}) == 1
    column = "" if one else f", {headings[cell.column]}"
    return f'{cell.row}{column} "{cell.printed}"'


def document(tables: tuple[Audited, ...], changed: tuple[str, ...]) -> dict[str, Any]:
    """The document for machines: every cell of every table."""
    cells = [cell for each in tables for cell in each.cells]
    return {
        "schema": 1,
        "tables": [
            {
                "table": each.table.name,
                "title": each.table.title,
                "source": each.table.source,
                "note": each.table.note,
                "verified": each.table.verified,
                "cells": [_cell(cell) for cell in each.cells],
                "summary": each.summary,
            }
            for each in tables
        ],
        "summary": {**summed(cells), "changed": len(changed)},
        "changed": list(changed),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    value = cell.value
    exact = None if value is None else value.numerator if value.denominator == 1 else float(value)
    return {
        "row": cell.row,
        "column": cell.column,
        "printed": cell.printed,
        "derived": cell.derived,
        "value": exact,
        "verdict": cell.verdict,
        "note": cell.note,
        "verified": cell.verified,
    }
