"""What a table of layers can show. Adding a quantity is one row in COLUMNS."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from netcalc.core.analyse import Counts, Result, Row, Totals
from netcalc.core.counters import CountedAs
from netcalc.core.memory import Memory, bytes_moved, memory
from netcalc.core.receptive import Field, Fields, receptive_fields
from netcalc.core.term import WORK
from netcalc.errors import InputError, UnknownNameError, did_you_mean
from netcalc.report.expression import text
from netcalc.report.table import Column
from netcalc.report.units import decimal, grouped, percent, size


class Network:
    """A network of which lines are shown: what is no sum of terms is worked out when asked for."""

    def __init__(
        self, result: Result, optimizer: str | None = None, counted: CountedAs | None = None
    ) -> None:
        self.result = result
        self.optimizer = optimizer or "adam"
        self.counted = counted

    @cached_property
    def memory(self) -> Memory:
        """Bytes of inference and training."""
        return memory(self.result, self.optimizer)

    @cached_property
    def fields(self) -> dict[str, Fields]:
        """Receptive fields by layer."""
        return receptive_fields(self.result)

    def fields_of(self, name: str) -> tuple[Field, ...]:
        """Those of a layer on the axes of the first input."""
        first = next(iter(self.result.inputs), None)  # there may be none
        return tuple(field for (of, _), field in self.fields[name].items() if of == first)


class Line(NamedTuple):
    """What one line of a table is about: a layer, or the layers of a module together."""

    name: str
    rows: tuple[Row, ...]
    counts: Counts
    network: Network

    @property
    def totals(self) -> Totals:
        """The sums of the whole network."""
        return self.network.result.totals


class Quantity(NamedTuple):
    """A column together with how its value is taken from a line."""

    column: Column
    value: Callable[[Line], Any]


def _type(line: Line) -> str:
    """The kind of layer; of a module, how many it has, an activation counted with its layer."""
    units = {row.node.unit for row in line.rows}
    return line.rows[0].type if len(units) == 1 else f"{len(units)} layers"


def _last(line: Line) -> Row:
    """The last layer of a line, after which tensors may follow that no layer reads."""
    return next((r for r in reversed(line.rows) if r.node.op.PASSES != "stored"), line.rows[-1])


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


def activations(rows: tuple[Row, ...]) -> int:
    """Values that layers put out."""
    return sum(int(x.numel) for row in rows for x in row.outs)


def activation_bytes(rows: tuple[Row, ...]) -> int:
    """Their bytes."""
    return sum(int(x.nbytes) for row in rows for x in row.outs)


def _bytes(name: str, heading: str, value: Callable[[Line], int]) -> Quantity:
    return Quantity(Column(name, heading, show=grouped), value)


def counted(rows: tuple[Row, ...], network: Network) -> int:
    """What another counter's convention makes of layers."""
    if network.counted is None:
        raise InputError("the column counted goes with --as NAME, a counter's convention")
    return sum(network.counted.counted.by_layer.get(row.name, 0) for row in rows)


def _moved(line: Line) -> int:
    return sum(bytes_moved(row) for row in line.rows)


def _intensity(line: Line) -> str:
    moved = _moved(line)
    return decimal(line.counts.macs, moved, 2) if moved else ""


def _field(name: str, heading: str, value: Callable[[Field], int | None]) -> Quantity:
    """A figure of the receptive field of a line's last layer, once where all axes agree."""

    def shown(line: Line) -> str:
        found = [value(field) for field in line.network.fields_of(line.rows[-1].name)]
        each = ["-" if n is None else str(n) for n in found]
        return each[0] if len(set(each)) == 1 else "x".join(each)

    return Quantity(Column(name, heading), shown)


COLUMNS: dict[str, Quantity] = {
    "layer": Quantity(Column("layer", "layer", right=False), lambda line: line.name),
    "type": Quantity(Column("type", "type", right=False), _type),
    "fields": Quantity(Column("fields", "fields", right=False), _fields),
    "input": Quantity(
        Column("input", "input size", "input\nsize"),
        lambda line: " + ".join(size(x) for x in line.rows[0].ins),
    ),
    "output": Quantity(
        Column("output", "output size", "output\nsize"), lambda line: size(_last(line).outs[0])
    ),
    "params": _number("params", "params", lambda c: c.params),
    "params%": _share("params%", "params share", lambda c: c.params),
    "trainable": _number("trainable", "trainable", lambda c: c.trainable),
    "weights": _number("weights", "weights", lambda c: c.weights),
    "biases": _number("biases", "biases", lambda c: c.biases),
    "buffers": _number("buffers", "buffers", lambda c: c.buffers),
    "macs": _number("macs", "MACs", lambda c: c.macs),
    "macs%": _share("macs%", "MACs share", lambda c: c.macs),
    "counted": _bytes("counted", "counted", lambda line: counted(line.rows, line.network)),
    "flops": _number("flops", "FLOPs", lambda c: c.flops),
    "ops": Quantity(
        Column("ops", "other work", right=False, show=text),
        lambda line: ", ".join(work_done(line.counts)),
    ),
    **{kind: _work(kind) for kind in WORK if kind != "mac"},
    "receptive_field": _field("receptive_field", "receptive field", lambda f: f.size),
    "receptive_field_min": _field(
        "receptive_field_min", "smallest receptive field", lambda f: f.least
    ),
    "effective_stride": _field("effective_stride", "effective stride", lambda f: f.stride),
    "effective_padding": _field("effective_padding", "effective padding", lambda f: f.padding),
    "activations": _bytes("activations", "activations", lambda line: activations(line.rows)),
    "activation_bytes": _bytes(
        "activation_bytes", "activation bytes", lambda line: activation_bytes(line.rows)
    ),
    "saved_bytes": _bytes(
        "saved_bytes",
        "bytes saved for backward",
        lambda line: sum(line.network.memory.saved[row.name] for row in line.rows),
    ),
    "live_bytes": _bytes(
        "live_bytes",
        "live bytes",
        lambda line: max(line.network.memory.live[row.name] for row in line.rows),
    ),
    "bytes_moved": _bytes("bytes_moved", "bytes moved", _moved),
    "intensity": Quantity(Column("intensity", "MACs per byte"), _intensity),
}
"""Each column by the name that ``--columns`` takes."""

MEMORY = {"activations", "activation_bytes", "saved_bytes", "live_bytes"}
"""The columns below which the lines on memory stand."""

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
