"""Tables as plain text that fits a terminal."""

from __future__ import annotations

import re
import textwrap
from itertools import zip_longest

from netcalc.report.table import Table

MIN_ROOM = 10
"""A column that may be broken is never made narrower than this."""


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character, none for a mark."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    import unicodedata  # only where there are such characters

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width``; continuation lines are set in further than the first."""
    indent = " " * (len(text) - len(text.lstrip(" ")) + 2)
    if columns_of(text) != len(text):
        return _wide(text, width, indent)
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]


def _wide(text: str, width: int, indent: str) -> list[str]:
    """Likewise where characters are wide: a line may end behind any of these."""
    lines = [""]
    for piece in re.findall(rf"\s*(?:{WIDE}|(?:(?!{WIDE})\S)+)", text):
        if lines[-1].strip() and columns_of(lines[-1] + piece) > width:
            lines.append(indent + piece.lstrip())
        else:
            lines[-1] += piece
    return lines


WIDE = "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]"
"""The characters of scripts without spaces, such as Chinese."""


def filled(text: str, width: int = 80) -> str:
    """Text in lines of at most ``width``, where line breaks mean nothing (LaTeX)."""
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def text_table(table: Table, width: int) -> str:
    """Columns with single gaps under headings of at most two lines.

    Text that does not fit goes on in a second line; numbers never do.
    """
    table = table.in_text()
    cells = table.cells()
    if not cells:
        return "(nothing to show)"
    for i, path in table.sections.items():
        cells[i][0] = f"  {cells[i][0].removeprefix(path + '/')}"
    headings = _headings([column.full for column in table.columns])
    if sum(_widths(headings + cells)) + len(cells[0]) - 1 > width:
        headings = _headings([column.lines for column in table.columns])
    rooms = _rooms(table, headings, cells, width)
    lines = [_physical(row, rooms) for row in cells]
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
    return [max(map(columns_of, column)) for column in zip(*rows, strict=True)]


def _rooms(
    table: Table, headings: list[list[str]], cells: list[list[str]], width: int
) -> dict[int, int]:
    """How wide each column of text may be, the widest narrowed first until all fit."""
    widths = _widths(headings + cells)
    least = [max(MIN_ROOM, n) for n in _widths(headings)]
    rooms = {i: widths[i] for i, column in enumerate(table.columns) if not column.right}
    words = {i: max(least[i], *(_longest(row[i]) for row in cells)) for i in rooms}
    over = sum(widths) + len(widths) - 1 - width
    whole, still = _narrowed(rooms, words, over)
    if still <= 0:
        return whole
    broken, still = _narrowed(rooms, dict(enumerate(least)), over)
    return broken if still <= 0 else whole  # what does not fit anyway is not torn too


def _narrowed(
    rooms: dict[int, int], least: dict[int, int], over: int
) -> tuple[dict[int, int], int]:
    """Rooms narrowed by so much in all, none below its least, and what is still over."""
    rooms = dict(rooms)
    while over > 0:
        wide = [i for i in rooms if rooms[i] > least[i]]
        if not wide:
            break
        rooms[max(wide, key=lambda i: rooms[i])] -= 1
        over -= 1
    return rooms, over


def _longest(name: str) -> int:
    """The length of the longest piece that a cell can be broken into, set in as it then is."""
    pieces = [piece.strip() for piece in _pieces(name)]
    indent = len(name) - len(name.lstrip()) + 2
    longest = max(map(len, pieces), default=0)
    return longest + (indent if len(pieces) > 1 else 0)


def _physical(row: list[str], rooms: dict[int, int]) -> list[list[str]]:
    """The lines that one row takes."""
    columns = [_broken(cell, rooms[i]) if i in rooms else [cell] for i, cell in enumerate(row)]
    return [list(line) for line in zip_longest(*columns, fillvalue="")]


def _broken(name: str, room: int) -> list[str]:
    """Text in lines that fit, broken after slashes, dashes and spaces, or anywhere if need be.

    An arrow stays whole.
    """
    indent = len(name) - len(name.lstrip()) + 2
    lines = [""]
    pieces = _pieces(name)
    while pieces:
        piece = pieces.pop(0)
        if columns_of(lines[-1] + piece.rstrip()) <= room:
            lines[-1] += piece
        elif lines[-1].strip():
            pieces.insert(0, piece)
            lines.append(" " * indent)
        else:
            cut = max(1, room - columns_of(lines[-1]))
            while cut > 1 and columns_of(lines[-1] + piece[:cut]) > room:
                cut -= 1
            lines[-1] += piece[:cut]
            pieces.insert(0, piece[cut:])
    return [line.rstrip() for line in lines]


def _pieces(name: str) -> list[str]:
    """The parts after which a text may be broken."""
    if name.isascii():  # the other pattern takes milliseconds to compile
        return re.findall(r"\s*(?:-> ?|[^/ -]+[/ -]?)|[/ -]+", name)
    return re.findall(rf"\s*(?:-> ?|{WIDE}|(?:(?!{WIDE})[^/ -])+[/ -]?)|[/ -]+", name)


def _aligned(rows: list[list[str]], table: Table) -> list[str]:
    """Lines with one space between columns."""
    columns = [(column.right, w) for column, w in zip(table.columns, _widths(rows), strict=True)]
    return [
        " ".join(_padded(cell, *column) for cell, column in zip(row, columns, strict=True))
        for row in rows
    ]


def _padded(cell: str, right: bool, width: int) -> str:
    pad = " " * (width - columns_of(cell))
    return pad + cell if right else cell + pad
