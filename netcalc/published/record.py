"""The verdicts that netcalc's own tables had when they were last looked at by a human."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

from netcalc.published.audit import Audited

FILE = Path(__file__).with_name("verdicts.csv")
HEADING = ("title", "row", "column", "printed", "derived", "verdict", "note")


def changes(audited: Audited) -> tuple[str, ...]:
    """What is not as recorded of a table of that title, a line for each cell; none if no such.

    A copy of one of netcalc's tables, wherever it lies, has its title and at least half of its
    cells; what it has besides has no record.
    """
    known: Any = _recorded().get(audited.table.title)
    if known is None:
        return ()
    now: Any = {
        (cell.row, cell.column): (cell.printed, cell.derived, cell.verdict, cell.note)
        for cell in audited.cells
    }
    if not audited.table.built_in:  # whose notes are its own
        known = {cell: said[:3] for cell, said in known.items()}
        now = {cell: said[:3] for cell, said in now.items() if cell in known}
        if 2 * len(now) < len(known):
            return ()
    return tuple(
        f"{row}, {column}: {_said(known.get((row, column)))} is recorded, now"
        f" {_said(now.get((row, column)))}"
        for row, column in dict.fromkeys((*known, *now))
        if known.get((row, column)) != now.get((row, column))
    )


def _said(cell: tuple[str, ...] | None) -> str:
    if cell is None:
        return "nothing"
    printed, derived, verdict, *note = cell
    said = f"{printed} ({verdict}, {derived} derived)" if derived else f"{printed} ({verdict})"
    return ", ".join(filter(None, (said, *note)))


def _recorded() -> dict[str, dict[tuple[str, str], tuple[str, ...]]]:
    found: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for title, row, column, *rest in list(csv.reader(file))[1:]:
            found.setdefault(title, {})[row, column] = tuple(rest)
    return found


def recorded(tables: Iterable[Audited]) -> str:
    """The text of the record of some tables."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADING)
    for each in tables:
        for c in each.cells:
            said = (c.printed, c.derived, c.verdict, c.note)
            writer.writerow((each.table.title, c.row, c.column, *said))
    return out.getvalue()
