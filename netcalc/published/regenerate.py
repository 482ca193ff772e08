"""A published table worked out anew from the derivation, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from netcalc.core.analyse import Result, Row, total
from netcalc.published import Published

NUMBERS = ("weights", "macs")
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
    """Each cell of the table, derived; parts that no row covers follow as rows of their own."""
    rows: list[tuple[Cell, ...]] = []
    for spec in table.rows:
        covered = tuple(row for path in spec["covers"] for row in result.under(path))
        if not covered:
            continue
        rows.append(tuple(_cells(table, spec, covered, result)))
    mentioned = {row.name for s in table.rows for p in s["covers"] for row in result.under(p)}
    rest = [row for row in result.rows if row.name not in mentioned]
    left = {_stage(row): None for row in rest}
    extra = [
        tuple(_cells(table, _unprinted(stage, table), _at(rest, stage), result)) for stage in left
    ]
    same = len(rows) == len(table.rows) and all(
        cell.derived == cell.printed
        for row in rows
        for column, cell in zip(table.columns, row, strict=True)
        if column["quantity"] not in NUMBERS
    )
    faithful = same and tuple(next(iter(result.inputs.values())).dims) == table.input
    return Regenerated(tuple(rows + extra), (False,) * len(rows) + (True,) * len(extra), faithful)


def _stage(row: Row) -> str:
    """Where a row that the table lacks is counted: its unit if the table splits its stage."""
    return row.node.unit if row.node.group() == "head" else row.node.group()


def _at(rows: list[Row], stage: str) -> tuple[Row, ...]:
    return tuple(row for row in rows if _stage(row) == stage)


def _unprinted(stage: str, table: Published) -> dict[str, Any]:
    return {"covers": [stage], "added": True, "printed": [stage, *[""] * (len(table.columns) - 1)]}


def _cells(
    table: Published, spec: dict[str, Any], covered: tuple[Row, ...], result: Result
) -> list[Cell]:
    cells = []
    for column, printed in zip(table.columns, spec["printed"], strict=True):
        derived = _QUANTITIES[column["quantity"]](column, spec, covered, result)
        cells.append(Cell(derived, printed))
    return cells


def _label(column: dict[str, Any], spec: dict[str, Any], rows: Any, result: Result) -> str:
    return str(spec["printed"][0])


def _window(column: dict[str, Any], spec: dict[str, Any], rows: Any, result: Result) -> str:
    """``7x7/2``; of a global pool, the map it covers."""
    at = [row for row in rows if row.name == spec.get("window")]
    if not at:
        return ""
    op = at[0].node.op
    kernel = getattr(op, "kernel", at[0].ins[0].dims[-2:])
    stride = getattr(op, "stride", (1,))
    return f"{'x'.join(map(str, kernel))}/{stride[0]}"


def _output(column: dict[str, Any], spec: dict[str, Any], rows: Any, result: Result) -> str:
    """Height x width x channels, as that paper writes sizes."""
    channels, *spatial = [*rows[-1].outs[0].dims[1:], 1, 1][:3]
    return "x".join(str(d) for d in (*spatial, channels))


def _depth(column: dict[str, Any], spec: dict[str, Any], rows: Any, result: Result) -> str:
    """How many convolution and linear layers a path through these layers has at most."""
    at: dict[str, int] = {}
    for row in rows:
        before = max(at.get(ref, 0) for ref, _ in row.node.inputs)
        at[row.name] = before + row.node.op.DEPTH
    return str(max(at.values()))


def _out_channels(column: dict[str, Any], spec: dict[str, Any], rows: Any, result: Result) -> str:
    """The width of the layer at one of the column's places below this row's part."""
    if spec.get("added"):
        return ""
    names = {f"{path}/{place}" for path in spec["covers"] for place in column["at"]}
    found = [row for row in rows if row.name in names and row.node.op.DEPTH]
    return str(found[0].node.op.out_channels) if found else ""


def _amount(quantity: str) -> Callable[..., str]:
    def show(column: dict[str, Any], spec: dict[str, Any], rows: Any, result: Result) -> str:
        value = getattr(total(row.counts for row in rows), quantity)
        return in_unit(value, column) if value else ""

    return show


def in_unit(value: int, column: dict[str, Any]) -> str:
    """An exact count in a column's unit: rounded half up, trailing zeros dropped."""
    digits, unit = column["digits"], column["unit"]
    scaled = (2 * value * 10**digits + unit) // (2 * unit)
    whole, rest = divmod(scaled, 10**digits)
    fraction = f".{rest:0{digits}}".rstrip("0").rstrip(".") if digits else ""
    return f"{whole}{fraction}{column['suffix']}"


_QUANTITIES: dict[str, Callable[..., str]] = {
    "label": _label,
    "window": _window,
    "output": _output,
    "depth": _depth,
    "out_channels": _out_channels,
    **{quantity: _amount(quantity) for quantity in NUMBERS},
}
