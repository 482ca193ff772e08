"""The file of a table that is yet to be published, with netcalc's own strings in it."""

from __future__ import annotations

from collections.abc import Sequence

from netcalc.core.analyse import Result
from netcalc.errors import UnknownNameError, did_you_mean
from netcalc.published.quantities import NUMBERS, TEXTS, Part, part_of


def skeleton(result: Result, net: str, columns: Sequence[str]) -> str:
    """A file with a row for each stage of a network and one for all of it.

    Raises UnknownNameError for a column that is no quantity.
    """
    for name in columns:
        if name not in NUMBERS and name not in TEXTS:
            known = [*TEXTS, *NUMBERS]
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise UnknownNameError(f"there is no quantity {name!r}; {hint}")
    stages = list(dict.fromkeys(row.node.group() for row in result.rows))
    lines = [
        f"title: {_quoted(f'{result.graph.name}, Table 1')}",
        "source: '' # where it will be printed",
        f"net: {_quoted(net)}",
        *_input(result),
        "columns:",
        *(f"  - {{key: {name}, quantity: {name}}}" for name in columns),
        "rows: # printed: what your table has there, such as 2.7K or 1.58 G",
    ]
    for stage in stages:
        lines += _row(stage, part_of(result, (stage,)), columns, (f"    covers: {_quoted(stage)}",))
    lines += _row("total", part_of(result, ("",)), columns)
    return "\n".join(lines) + "\n"


def _input(result: Result) -> list[str]:
    shapes = [list(x.dims) for x in result.inputs.values()]
    return [f"input: {shapes[0]}"] if len(shapes) == 1 else []


def _row(
    name: str, part: Part | None, columns: Sequence[str], covers: tuple[str, ...] = ()
) -> list[str]:
    assert part is not None
    cells = ", ".join(_quoted(_string(part, column)) for column in columns)
    return [f"  - row: {_quoted(name)}", *covers, f"    printed: [{cells}]"]


def _string(part: Part, column: str) -> str:
    return TEXTS[column](part, ()) if column in TEXTS else f"{NUMBERS[column](part):,}"


def _quoted(text: str) -> str:
    """Text that YAML reads as it is."""
    return "'" + text.replace("'", "''") + "'"
