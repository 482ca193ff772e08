"""A network in the layout of the paper's own table."""

from __future__ import annotations

from netcalc.core.analyse import Result
from netcalc.published import Published, load
from netcalc.published.regenerate import WORKED_OUT, Regenerated, regenerate
from netcalc.report.table import Column, Table

MARK = "*"


def paper_table(result: Result) -> tuple[Table, tuple[str, ...]]:
    """The published table that a network follows, regenerated, and the lines below it.

    Cells that the paper prints otherwise carry a mark, and the first line says what it prints.
    """
    published = load(result.graph.paper)
    made = regenerate(published, result)
    columns = tuple(
        Column(c["key"], c["heading"], c.get("short", ""), right=c["quantity"] != "label")
        for c in published.columns
    )
    rows = tuple(tuple(cell.derived or None for cell in row) for row in made.rows)
    differing = _differing(published, made) if made.faithful else {}
    marks = dict.fromkeys(differing, MARK)
    source = f"{published.source}; {published.legend}"
    return Table(columns, rows, marks=marks), (*_notes(differing, made), source)


def _differing(published: Published, made: Regenerated) -> dict[tuple[int, int], str]:
    """What the paper prints in the cells that come out otherwise."""
    return {
        (i, j): cell.printed
        for i, row in enumerate(made.rows)
        for j, cell in enumerate(row)
        if published.columns[j]["quantity"] in WORKED_OUT
        and not made.added[i]
        and cell.derived != cell.printed
    }


def _notes(differing: dict[tuple[int, int], str], made: Regenerated) -> tuple[str, ...]:
    notes: list[str] = []
    if differing:
        by_row: dict[int, list[str]] = {}
        for (i, _), printed in differing.items():
            by_row.setdefault(i, []).append(printed)
        told = ", ".join(
            f"{made.rows[i][0].derived} {' and '.join(printed)}" for i, printed in by_row.items()
        )
        notes.append(f"{MARK} the paper prints: {told}")
    elif not made.faithful:
        notes.append(
            "the printed cells are not compared: this is not the network and input of the paper"
        )
    if any(made.added):
        names = [row[0].derived for row, added in zip(made.rows, made.added, strict=True) if added]
        notes.append(f"not in the paper's table: {', '.join(names)}")
    return tuple(notes)
