"""What a table of layers can show. Adding a quantity is one row in COLUMNS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from netcalc.core.analyse import Counts, Row, Totals
from netcalc.core.term import WORK
from netcalc.errors import InputError, UnknownNameError, did_you_mean
from netcalc.report.expression import text
from netcalc.report.table import Column
from netcalc.report.units import grouped, percent, size


class Line(NamedTuple):
    """What one line of a table is about: a layer, or the layers of a module together."""

    name: str
    rows: tuple[Row, ...]
    counts: Counts
    totals: Totals


class Quantity(NamedTuple):
    """A column together with how its value is taken from a line."""

    column: Column
    value: Callable[[Line], Any]


def _type(line: Line) -> str:
    """The kind of layer; of a module, how many it has, an activation counted with its layer."""
    units = {row.node.unit for row in line.rows}
    return line.rows[0].type if len(units) == 1 else f"{len(units)} layers"


def _fields(line: Line) -> str:
    if len(line.rows) > 1:
        return ""
    return ", ".join(f"{k}={v}" for k, v in line.rows[0].node.op.attrs().items())


def _number(name: str, heading: str, value: Callable[[Counts], Any]) -> Quantity:
    return Quantity(Column(name, heading, show=grouped), lambda line: value(line.counts))


def _share(name: str, heading: str, value: Callable[[Counts], Any]) -> Quantity:
    return Quantity(
        Column(name, heading, heading.replace(" ", "\n")),
        lambda line: percent(value(line.counts), value(line.totals)),
    )


def work_done(counts: Counts) -> list[str]:
    """What is counted beside MACs: ``7292391 add``, in a fixed order."""
    return [f"{counts.ops[kind]} {kind}" for kind in WORK if counts.ops.get(kind)]


def _work(kind: str) -> Quantity:
    return _number(kind, kind, lambda counts: counts.ops.get(kind, 0))


COLUMNS: dict[str, Quantity] = {
    "layer": Quantity(Column("layer", "layer", right=False), lambda line: line.name),
    "type": Quantity(Column("type", "type", right=False), _type),
    "fields": Quantity(Column("fields", "fields", right=False), _fields),
    "input": Quantity(
        Column("input", "input size", "input\nsize"),
        lambda line: " + ".join(size(x) for x in line.rows[0].ins),
    ),
    "output": Quantity(
        Column("output", "output size", "output\nsize"), lambda line: size(line.rows[-1].outs[0])
    ),
    "params": _number("params", "params", lambda c: c.params),
    "params%": _share("params%", "params share", lambda c: c.params),
    "trainable": _number("trainable", "trainable", lambda c: c.trainable),
    "weights": _number("weights", "weights", lambda c: c.weights),
    "biases": _number("biases", "biases", lambda c: c.biases),
    "buffers": _number("buffers", "buffers", lambda c: c.buffers),
    "macs": _number("macs", "MACs", lambda c: c.macs),
    "macs%": _share("macs%", "MACs share", lambda c: c.macs),
    "flops": _number("flops", "FLOPs", lambda c: c.flops),
    "ops": Quantity(
        Column("ops", "other work", right=False, show=text),
        lambda line: ", ".join(work_done(line.counts)),
    ),
    **{kind: _work(kind) for kind in WORK if kind != "mac"},
}
"""Each column by the name that ``--columns`` takes."""

DEFAULT = ("layer", "type", "output", "params", "macs")


def chosen(names: tuple[str, ...], share: bool = False) -> tuple[Quantity, ...]:
    """The columns of the given names, the layer's name always first.

    ``share`` adds params% and macs%. Raises UnknownNameError with the nearest or all names,
    InputError where none is given.
    """
    if not names:
        raise InputError(f"no column is named; choose from {', '.join(COLUMNS)}")
    for name in names:
        if name not in COLUMNS:
            hint = f"{did_you_mean(name.lower(), COLUMNS)} choose from {', '.join(COLUMNS)}"
            raise UnknownNameError(f"there is no column {name!r}; {hint.strip()}")
    wanted = [n for n in names if n != "layer"]
    if share:
        for name in ("params", "macs"):
            at = wanted.index(name) + 1 if name in wanted else len(wanted)
            wanted.insert(at, f"{name}%")
    return tuple(COLUMNS[name] for name in dict.fromkeys(["layer", *wanted]))
