"""Tables as plain text that fits a terminal."""

from __future__ import annotations

import re
import textwrap
from itertools import zip_longest

from netcalc.report.table import Table

MIN_ROOM = 14
"""A column that may be broken is never made narrower than this."""


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width``; continuation lines are set in further than the first."""
    indent = " " * (len(text) - len(text.lstrip(" ")) + 2)
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]


def wrap(text: str, width: int) -> list[str]:
    """Lines broken at spaces alone."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def text_table(table: Table, width: int) -> str:
    """Columns with single gaps under headings of at most two lines.

    What does not fit is broken: paths in the first column after a slash, words in a last column of
    text. Numbers never are.
    """
    cells = table.cells()
    if not cells:
        return "(nothing to show)"
    for i, path in table.sections.items():
        cells[i][0] = f"  {cells[i][0].removeprefix(path + '/')}"
    headings = _headings([column.full for column in table.columns])
    if sum(_widths(headings + cells)) + len(cells[0]) - 1 > width:
        headings = _headings([column.lines for column in table.columns])
    first, last = _rooms(table, _widths(headings + cells), width)
    lines = [_physical(row, first, last) for row in cells]
    everything = headings + [line for row in lines for line in row]
    aligned = _aligned(everything, table)
    at = len(headings)
    out = [*aligned[:at], " ".join("-" * w for w in _widths(everything))]
    above = ""
    for i, row in enumerate(lines):
        path = table.sections.get(i, "")
        out += [path] if path and path != above else []
        above = path
        out += aligned[at : at + len(row)]
        at += len(row)
    return "\n".join(line.rstrip() for line in out)


def _headings(columns: list[list[str]]) -> list[list[str]]:
    """The heading's lines across the columns, short ones set low."""
    height = max(map(len, columns))
    padded = [[""] * (height - len(lines)) + lines for lines in columns]
    return [list(line) for line in zip(*padded, strict=True)]


def _widths(rows: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _rooms(table: Table, widths: list[int], width: int) -> tuple[int, int]:
    """How wide the first column may be, and the last (0: it is not to be broken)."""
    gaps = len(widths) - 1
    if table.columns[-1].right or not gaps:
        return max(MIN_ROOM, width - gaps - sum(widths[1:])), 0
    both = max(2 * MIN_ROOM, width - gaps - sum(widths[1:-1]))
    last = min(widths[-1], max(MIN_ROOM, both - min(widths[0], both * 3 // 5)))
    return max(MIN_ROOM, both - last), last


def _physical(row: list[str], first: int, last: int) -> list[list[str]]:
    """The lines that one row takes."""
    columns = [[cell] for cell in row]
    columns[0] = _broken(row[0], first)
    if last:
        columns[-1] = wrap(row[-1], last) or [""]
    return [list(line) for line in zip_longest(*columns, fillvalue="")]


def _broken(name: str, room: int) -> list[str]:
    """A path in lines that fit, broken after slashes, dashes and spaces."""
    indent = len(name) - len(name.lstrip())
    lines = [""]
    for piece in re.findall(r"\s*[^/ -]+[/ -]?|[/ -]+", name):
        if lines[-1].strip() and len(lines[-1]) + len(piece.rstrip()) > room:
            lines.append(" " * (indent + 2))
        lines[-1] += piece
    return lines


def _aligned(rows: list[list[str]], table: Table) -> list[str]:
    """Lines with one space between columns."""
    pads = [str.rjust if column.right else str.ljust for column in table.columns]
    columns = list(zip(pads, _widths(rows), strict=True))
    return [
        " ".join(pad(cell, width) for cell, (pad, width) in zip(row, columns, strict=True))
        for row in rows
    ]
