"""The file of a table that is yet to be published, with netcalc's own strings in it."""

from __future__ import annotations

from collections.abc import Sequence

from netcalc.core.analyse import Result
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, NetcalcError, UnknownNameError, did_you_mean
from netcalc.published.quantities import NUMBERS, TEXTS, Part, part_of


def skeleton(result: Result, net: str, columns: Sequence[str]) -> str:
    """A file with a row for each stage of a network and one for all of it.

    Cells that cannot be derived stay empty, rows without any are left out. Raises UnknownNameError
    for a column that is no quantity, InputError for none, for two of a name, or where nothing
    can be derived.
    """
    _check(columns)
    stages = list(dict.fromkeys(row.node.group() for row in result.rows))
    rows = [_row(stage, part_of(result, (stage,), "", ()), columns) for stage in stages]
    rows.append(_row("", part_of(result, ("",), "", ()), columns))
    if not any(rows):
        raise InputError(f"{result.graph.label} has nothing of {', '.join(columns)} to print")
    lines = [
        f"title: {_quoted(f'{result.graph.name}, Table 1')}",
        "source: '' # where it will be printed",
        f"net: {_quoted(net)}",
        *_input(result),
        "columns:",
        *(f"  - {{key: {name}, quantity: {name}}}" for name in columns),
        "rows: # printed: what your table has there, such as 2.7K or 1.58 G",
        *(line for row in rows for line in row),
    ]
    return "\n".join(lines) + "\n"


def _check(columns: Sequence[str]) -> None:
    known = [*TEXTS, *NUMBERS]
    if not columns:
        raise InputError(f"a table needs columns: quantities such as {', '.join(known[-5:])}")
    for i, name in enumerate(columns):
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise UnknownNameError(f"there is no quantity {name!r}; {hint}")
        if name in columns[:i]:
            raise InputError(f"two columns are called {name!r}; leave one out")


def _input(result: Result) -> list[str]:
    """The inputs, with their types where these are not the usual one."""
    if len(result.inputs) == 1:
        (x,) = result.inputs.values()
        whole = result.graph.retrace is None or len(x.dims) >= IMAGE
        return [f"input: {_shape(x, whole)}"]
    return ["input:", *(f"  {_quoted(n)}: {_shape(x, True)}" for n, x in result.inputs.items())]


def _shape(x: Tensor, whole: bool) -> str:
    """A shape; with its type where that is not the usual one, or some axes alone are no whole."""
    if whole and x.dtype == USUAL:
        return str(list(x.dims))
    return _quoted(f"{','.join(map(str, x.dims))}:{x.dtype}")


IMAGE = 4
"""A model that is traced takes fewer axes, without a type, for an image without its batch."""

USUAL = "float32"
"""The type of an input unless one is given."""


def _row(stage: str, part: Part | None, columns: Sequence[str]) -> list[str]:
    """The lines of a row, of all of the network for ""; none where it has no cells."""
    assert part is not None
    cells = [_string(part, column) for column in columns]
    if not any(cells):
        return []
    covers = [f"    covers: {_quoted(stage)}"] if stage else []
    printed = ", ".join(map(_quoted, cells))
    return [f"  - row: {_quoted(stage or 'total')}", *covers, f"    printed: [{printed}]"]


def _string(part: Part, column: str) -> str:
    try:
        return TEXTS[column](part, ()) if column in TEXTS else f"{NUMBERS[column](part):,}"
    except NetcalcError:  # there is no such quantity of these layers
        return ""


def _quoted(text: str) -> str:
    """Text that YAML reads as it is."""
    return "'" + text.replace("'", "''") + "'"
