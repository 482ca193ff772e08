"""Suggestions for rows that do not follow, as people and as programs read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netcalc.published.suggestion import Suggested, Suggestion
from netcalc.report.table import Column, Report, Table

COLUMNS = (
    Column("row", "row", right=False),
    Column("change", "change", right=False),
    Column("gives", "gives", right=False),
    Column("but", "but the table prints", "but the table\nprints", right=False),
)


def suggestions_report(tables: tuple[Suggested, ...]) -> Report:
    """For each row that is off, the changes of one field that give what it prints."""
    shown = [each for each in tables if each.suggestions]
    parts = tuple(
        Table(COLUMNS, tuple(map(_row, each.suggestions)), _title(each, len(tables) > 1))
        for each in shown
    )
    return Report(
        "hypotheses: single changes that give all that a row prints",
        parts,
        tuple(_notes(tables)),
        lambda: document(tables),
        _flat(tables),
    )


def _flat(tables: tuple[Suggested, ...]) -> Table:
    """All suggestions in one table, for CSV."""
    names = ("table", "row", "layer", "field", "before", "after", "values", "cells", "contradicts")
    rows = tuple(
        (
            *(each.audited.table.name, s.row, s.place, s.field, int(s.before), int(s.best)),
            " ".join(map(str, s.values)),
            "; ".join(f"{c.column} {c.derived} {c.verdict}" for c in s.cells),
            "; ".join(s.contradicts),
        )
        for each in tables
        for s in each.suggestions
    )
    return Table(tuple(Column(name, name) for name in names), rows)


def _title(each: Suggested, several: bool) -> str:
    return each.audited.table.name if several else each.audited.table.title


def _row(s: Suggestion) -> tuple[str | None, ...]:
    gives = ", ".join(f"{c.column} {c.derived} {c.verdict}" for c in s.cells)
    return s.row, change(s), gives, "; ".join(s.contradicts) or None


def change(s: Suggestion) -> str:
    """``inception_5a/branch3x3/reduce out_channels 160 -> 175``; a range where several do."""
    place = f"{s.place.removeprefix(_stage(s.place))} " if s.place else ""
    if s.field == "bias":
        return f"{place}bias {_flag(s.before)} -> {_flag(s.best)}"
    several = f" (or {_spans(s)})" if len(s.values) > 1 else ""
    return f"{place}{s.field} {s.before} -> {s.best}{several}"


def _stage(place: str) -> str:
    return f"{place.partition('/')[0]}/" if "/" in place else ""


def _flag(value: Any) -> str:
    return "on" if value else "off"


def _spans(s: Suggestion) -> str:
    """The other values that do, neighbours joined: 471-474."""
    spans: list[list[int]] = []
    for value in s.values:
        if value == s.best:
            continue
        if spans and value == spans[-1][1] + 1:
            spans[-1][1] = value
        else:
            spans.append([value, value])
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in spans[:MANY]]
    more = sum(b - a + 1 for a, b in spans[MANY:])
    return ", ".join(shown) + (f", and {more:,} more" if more else "")


MANY = 8
"""So many ranges of values are shown; JSON and CSV have all."""


def _notes(tables: tuple[Suggested, ...]) -> Iterable[str]:
    for each in tables:
        where = f"{each.audited.table.name}: " if len(tables) > 1 else ""
        if each.none:
            yield f"{where}no single change does for {', '.join(each.none)}"
        for why in dict.fromkeys(row.why for row in each.untried):
            rows = ", ".join(row.row for row in each.untried if row.why == why)
            yield f"{where}not tried, {why}: {rows}"
    if not any(each.suggestions or each.none or each.untried for each in tables):
        yield "no cell is off"
    yield (
        "tried, one field at a time: kernels and strides up to the padded input (where the padding"
        " keeps the size and goes on doing so, up to twice the input), of each axis by itself where"
        " they differ; groups up to the channels that come in; widths, and channels or features"
        " that come in, up to the largest that could give what is printed, 2^20 at most (of lower"
        " bounds alone, up to the first power of two that keeps them); biases."
        " That one fits does not make it true"
    )


def document(tables: tuple[Suggested, ...]) -> dict[str, Any]:
    """The document for machines."""
    return {
        "schema": 1,
        "tables": [
            {
                "table": each.audited.table.name,
                "suggestions": [_suggestion(s) for s in each.suggestions],
                "none": list(each.none),
                "untried": [row._asdict() for row in each.untried],
            }
            for each in tables
        ],
    }


def _suggestion(s: Suggestion) -> dict[str, Any]:
    return {
        "row": s.row,
        "layer": s.place or None,
        "field": s.field,
        "before": s.before,
        "after": s.best,
        "values": list(s.values),
        "cells": [c._asdict() for c in s.cells],
        "contradicts": list(s.contradicts),
    }
