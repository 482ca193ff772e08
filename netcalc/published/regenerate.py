"""A published table worked out anew from the derivation, cell by cell."""

from __future__ import annotations

from typing import Any, NamedTuple

from netcalc.core.analyse import Result, Row
from netcalc.published import Published
from netcalc.published.quantities import NUMBERS, TEXTS, Part, part_of

WORKED_OUT = ("weights", "macs")
"""Quantities that the paper worked out; the others are what the network is built from."""


class Cell(NamedTuple):
    """A cell as derived and as printed; both empty where the row has nothing there."""

    derived: str
    printed: str


class Regenerated(NamedTuple):
    """The rows of a published table for a network, each with its cells.

    ``faithful`` says whether the network is the one that the table describes: same input, and every
    cell that it is built from (type, window, output size, depth, widths) as printed. Only then does
    holding the other cells against the printed ones mean anything. ``added`` rows are parts of the
    network that the table does not have.
    """

    rows: tuple[tuple[Cell, ...], ...]
    added: tuple[bool, ...]
    faithful: bool


def regenerate(table: Published, result: Result) -> Regenerated:
    """Each cell of the table, derived; parts that no row covers stand between, in their order.

    A row is left out where the network lacks the layer that it is about.
    """
    order = {row.name: i for i, row in enumerate(result.rows)}
    parts = [part for spec in table.rows if (part := _part(spec, result)) is not None]
    covered = {row.name for part in parts for row in part.rows}
    parts += _uncovered([row for row in result.rows if row.name not in covered], result)
    parts.sort(key=lambda part: order[part.rows[0].name])
    rows = [tuple(_cells(table, part)) for part in parts]
    same = sum(not part.added for part in parts) == len(table.rows) and all(
        cell.derived == cell.printed
        for row, part in zip(rows, parts, strict=True)
        for column, cell in zip(table.columns, row, strict=True)
        if column["quantity"] not in WORKED_OUT and not part.added
    )
    faithful = same and tuple(next(iter(result.inputs.values())).dims) == table.input
    return Regenerated(tuple(rows), tuple(part.added for part in parts), faithful)


def _part(spec: dict[str, Any], result: Result) -> Part | None:
    return part_of(result, spec["covers"], spec.get("layer", ""), tuple(spec["printed"]))


def _uncovered(rest: list[Row], result: Result) -> list[Part]:
    """Parts of their own for what no row covers: stages, of the last stage the single layers."""
    groups: dict[str, list[Row]] = {}
    for row in rest:
        stage = row.node.group()
        groups.setdefault(row.node.unit if stage == "head" else stage, []).append(row)
    return [Part(result, (name,), tuple(rows)) for name, rows in groups.items()]


def _cells(table: Published, part: Part) -> list[Cell]:
    printed = part.printed or ("",) * len(table.columns)
    return [
        Cell(_shown(column, part), text)
        for column, text in zip(table.columns, printed, strict=True)
    ]


def _shown(column: dict[str, Any], part: Part) -> str:
    """A cell: a text, or a number in the column's unit; nothing for none of it."""
    quantity = column["quantity"]
    if quantity in TEXTS:
        return "" if part.added and "at" in column else TEXTS[quantity](part, column.get("at", ()))
    value = NUMBERS[quantity](part)
    if "units" not in column:
        return str(value)
    return in_unit(value, column) if value else ""


def in_unit(value: int, column: dict[str, Any]) -> str:
    """An exact count in a column's unit: rounded half up, trailing zeros dropped."""
    digits, (suffix, unit) = column["digits"], unit_of(column)
    scaled = (2 * value * 10**digits + unit) // (2 * unit)
    whole, rest = divmod(scaled, 10**digits)
    fraction = f".{rest:0{digits}}".rstrip("0").rstrip(".") if digits else ""
    return f"{whole}{fraction}{suffix}"


def unit_of(column: dict[str, Any]) -> tuple[str, int]:
    """The suffix of a column's numbers, and what it stands for."""
    ((suffix, (factor, *_)),) = column["units"].items()
    return suffix, factor
