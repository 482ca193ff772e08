"""A published table worked out anew from the derivation, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from netcalc.core.analyse import Result, Row, total
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.pointwise import Dropout
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
    """Each cell of the table, derived; parts that no row covers stand between, in their order.

    A row is left out where the network lacks the layer that it is about.
    """
    order = {row.name: i for i, row in enumerate(result.rows)}
    parts = [part for spec in table.rows if (part := _part(spec, result)) is not None]
    covered = {row.name for part in parts for row in part.rows}
    parts += _uncovered([row for row in result.rows if row.name not in covered])
    parts.sort(key=lambda part: order[part.rows[0].name])
    rows = [tuple(_cells(table, part)) for part in parts]
    same = sum(not part.added for part in parts) == len(table.rows) and all(
        cell.derived == cell.printed
        for row, part in zip(rows, parts, strict=True)
        for column, cell in zip(table.columns, row, strict=True)
        if column["quantity"] not in NUMBERS and not part.added
    )
    faithful = same and tuple(next(iter(result.inputs.values())).dims) == table.input
    return Regenerated(tuple(rows), tuple(part.added for part in parts), faithful)


class Part(NamedTuple):
    """What a row of the table is about: its layers, and which of them gives type and window."""

    paths: tuple[str, ...]
    rows: tuple[Row, ...]
    main: Row | None
    printed: tuple[str, ...] | None

    @property
    def added(self) -> bool:
        """Whether the table has no such row."""
        return self.printed is None


def _part(spec: dict[str, Any], result: Result) -> Part | None:
    rows = tuple(row for path in spec["covers"] for row in result.under(path))
    main = next((row for row in rows if row.name == spec.get("layer")), None)
    if not rows or ("layer" in spec and main is None):
        return None
    return Part(tuple(spec["covers"]), rows, main, tuple(spec["printed"]))


def _uncovered(rest: list[Row]) -> list[Part]:
    """Parts of their own for what no row covers: stages, of the last stage the single layers."""
    groups: dict[str, list[Row]] = {}
    for row in rest:
        stage = row.node.group()
        groups.setdefault(row.node.unit if stage == "head" else stage, []).append(row)
    return [Part((name,), tuple(rows), None, None) for name, rows in groups.items()]


def _cells(table: Published, part: Part) -> list[Cell]:
    printed = part.printed or ("",) * len(table.columns)
    return [
        Cell(_QUANTITIES[column["quantity"]](column, part), text)
        for column, text in zip(table.columns, printed, strict=True)
    ]


def _label(column: dict[str, Any], part: Part) -> str:
    """The paper's word for the layer; ``inception (3a)`` for a module."""
    if part.added:
        return part.paths[0]
    if part.main is None:
        return part.paths[0].replace("_", " (") + ")"
    if isinstance(part.main.node.op, Dropout):
        return f"dropout ({100 * part.main.node.op.p:g}%)"
    return _WORDS.get(type(part.main.node.op).__name__, part.main.type)


_WORDS = {
    "Conv": "convolution",
    "MaxPool": "max pool",
    "AvgPool": "avg pool",
    "AdaptiveAvgPool": "avg pool",
    "Linear": "linear",
    "Softmax": "softmax",
}


def _window(column: dict[str, Any], part: Part) -> str:
    """``7x7/2``; of a global pool, the map it covers."""
    if part.main is None or len(part.main.ins[0].dims) != 4:
        return ""
    op = part.main.node.op
    kernel = getattr(op, "kernel", part.main.ins[0].dims[-2:])
    stride = getattr(op, "stride", (1,))
    return f"{'x'.join(map(str, kernel))}/{stride[0]}"


def _output(column: dict[str, Any], part: Part) -> str:
    """Height x width x channels, as that paper writes sizes."""
    channels, *spatial = [*part.rows[-1].outs[0].dims[1:], 1, 1][:3]
    return "x".join(str(d) for d in (*spatial, channels))


def _depth(column: dict[str, Any], part: Part) -> str:
    """How many convolution and linear layers a path through these layers has at most."""
    at: dict[str, int] = {}
    for row in part.rows:
        before = max(at.get(ref, 0) for ref, _ in row.node.inputs)
        at[row.name] = before + row.node.op.DEPTH
    return str(max(at.values()))


def _out_channels(column: dict[str, Any], part: Part) -> str:
    """The width of the layer at one of the column's places below this row's part."""
    if part.added:
        return ""
    names = {f"{path}/{place}" for path in part.paths for place in column["at"]}
    found = [row.node.op for row in part.rows if row.name in names]
    return "".join(str(op.out_channels) for op in found[:1] if isinstance(op, Conv))


def _amount(quantity: str) -> Callable[..., str]:
    def show(column: dict[str, Any], part: Part) -> str:
        value = getattr(total(row.counts for row in part.rows), quantity)
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
