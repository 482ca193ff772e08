"""What every output format is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from netcalc.core.frozen import FrozenDict


class Column(NamedTuple):
    """A column: its heading, the two lines of it where text is narrow, and how cells are shown.

    Text leaves out a column ``in_sections``: its section headings say what stands in it.
    """

    key: str
    heading: str
    short: str = ""
    right: bool = True
    show: Callable[[Any], str] = str
    in_sections: bool = False

    @property
    def full(self) -> list[str]:
        """The heading in at most two lines."""
        return self.heading.rsplit(" ", 1)

    @property
    def lines(self) -> list[str]:
        """The heading where text is narrow."""
        return self.short.split("\n") if self.short else self.full


class Table(NamedTuple):
    """Cells under columns; a cell is a raw value (None: empty), shown by its column.

    ``sections`` gives for some rows the path or the heading that they stand under; text prints it
    once, above them, and names relative to a path. A ``marks`` entry (row, column) puts a mark
    behind a cell.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    title: str = ""
    sections: Mapping[int, str] = FrozenDict()
    marks: Mapping[tuple[int, int], str] = FrozenDict()

    def cell(self, row: int, column: int) -> str:
        """One cell as people read it, with its mark."""
        value = self.rows[row][column]
        text = "" if value is None else self.columns[column].show(value)
        return text + self.marks.get((row, column), "")

    def cells(self) -> list[list[str]]:
        """All cells as people read them."""
        return [[self.cell(i, j) for j in range(len(self.columns))] for i in range(len(self.rows))]

    def in_text(self) -> Table:
        """The table without the columns that its section headings make superfluous."""
        kept = [j for j, column in enumerate(self.columns) if not column.in_sections]
        return self._replace(
            columns=tuple(self.columns[j] for j in kept),
            rows=tuple(tuple(row[j] for j in kept) for row in self.rows),
            marks={(i, kept.index(j)): m for (i, j), m in self.marks.items() if j in kept},
        )


class Report(NamedTuple):
    """A whole output: a heading, tables, lines below them ("" parts them), the document for JSON.

    A no-break space in a line keeps together what text would otherwise wrap. ``flat`` is what CSV
    has, where that is not the first table.
    """

    title: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    document: Callable[[], dict[str, Any]]
    flat: Table | None = None
