"""Receptive fields: which part of an input each output can see.

Along an axis, output i of a layer sees ``size`` positions of the input from ``i * stride -
padding`` on (Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019, equations 1 to 4). Where branches meet, the largest field is what they see together,
the smallest is that of the path with the smallest windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from netcalc.core.analyse import Result, Row
from netcalc.core.ops.base import Coupling
from netcalc.core.window import Window


class Field(NamedTuple):
    """What is seen along one axis of an input, in its positions.

    ``size`` and ``stride`` are the field of one output and the distance to the next one's; None
    where outputs differ in them. ``least`` is the field along the narrowest path. The first output
    sees from ``start`` on, the last one up to ``end``; either may lie outside, in the padding.
    ``axis`` and ``length`` are where and how long the axis is in the tensor that sees; an axis of
    GONE was reduced or left out, and what stays of it is of length 1.
    """

    least: int | None
    size: int | None
    stride: int | None
    start: int
    end: int
    axis: int
    length: int

    @property
    def padding(self) -> int:
        """How far the first output's field reaches before the input."""
        return -self.start


GONE = -1

Fields = Mapping[tuple[str, int], Field]
"""Fields by input and by its axis."""


def receptive_fields(result: Result) -> dict[str, Fields]:
    """For each node, its field on every axis of every input of the graph behind its channels.

    Padding counts as seen: a field can be larger than the input. Sizes are plain integers here.
    """
    found: dict[str, Fields] = {
        name: {(name, axis): _own(axis, x) for axis in _positions(result, name)}
        for name, x in result.inputs.items()
    }
    for row in result.rows:
        found[row.name] = _behind(row, found)
    return found


def _behind(row: Row, found: Mapping[str, Fields]) -> Fields:
    """The fields of a layer, of those of its inputs (none of an input that is not followed)."""
    inputs = row.node.inputs[: len(row.ins)]
    return _joined([_through(row, i, found.get(ref, {})) for i, (ref, _) in enumerate(inputs)])


def _positions(result: Result, name: str) -> list[int]:
    """The axes of an input behind its channels.

    The first layer with windows that the input comes to tells where they are: they are as many as
    its windows have axes, the last ones there. Where no layer tells, the first axis is a batch, but
    for inputs of three axes, which may be an image alone.
    """
    x = result.inputs[name]
    found: dict[str, Fields] = {name: {(name, i): _own(i, x) for i in range(1, len(x.dims))}}
    for row in result.rows:
        windows = len(getattr(row.node.op, "kernel", ()))
        first = row.node.inputs[0][0] if row.node.inputs else ""
        if windows and found.get(first):
            start = len(row.ins[0].dims) - windows
            return sorted(at for (_, at), field in found[first].items() if field.axis >= start)
        found[row.name] = _behind(row, found)
    return list(range(2 if result.graph.batched and len(x.dims) != 3 else 1, len(x.dims)))


def _own(axis: int, x: Any) -> Field:
    """What an input sees of itself."""
    return Field(1, 1, 1, 0, x.dims[axis] - 1, axis, x.dims[axis])


def _through(row: Row, i: int, fields: Fields) -> Fields:
    """The fields of a layer's output, of one of its inputs."""
    op = row.node.op
    out: dict[tuple[str, int], Field] = {}
    alone = [f.axis for f in fields.values()]
    for key, field in fields.items():
        if field.axis == GONE:
            out[key] = field
            continue
        coupling, axis = op.through(i, field.axis, row.ins)
        if isinstance(coupling, Window) and alone.count(field.axis) > 1:
            coupling = "uneven" if int(coupling.span) > 1 else "each"  # over flattened axes
        dims: Any = row.outs[0].dims or (1,)
        length = 1 if axis is None else dims[axis]
        out[key] = _coupled(field, coupling, length)._replace(axis=GONE if axis is None else axis)
    return out


def _coupled(field: Field, coupling: Coupling, length: int) -> Field:
    """A field behind one layer."""
    if coupling == "each" or (field.length == length == 1 and coupling != "uneven"):
        return field
    if coupling == "all":
        seen = field.end - field.start + 1
        least = field.least if field.length == 1 else None
        if field.least is not None and field.stride is not None:
            least = field.least + (field.length - 1) * field.stride
        return field._replace(least=least, size=seen, stride=None, length=1)
    if coupling == "uneven" or field.stride is None or field.size is None:
        return field._replace(least=None, size=None, stride=None, length=length)
    return _windowed(field, coupling, length)


def _windowed(field: Field, window: Window, length: int) -> Field:
    assert field.stride is not None
    assert field.size is not None
    more = (window.span - 1) * field.stride
    size, stride = field.size + more, field.stride * window.stride
    start = field.start - window.before * field.stride
    end = start + (length - 1) * stride + size - 1
    least = None if field.least is None else field.least + more
    return Field(least, size, stride, start, end, field.axis, length)


def _joined(inputs: list[Fields]) -> Fields:
    """What branches see together."""
    keys = dict.fromkeys(key for fields in inputs for key in fields)
    return {key: _union([fields[key] for fields in inputs if key in fields]) for key in keys}


def _union(fields: list[Field]) -> Field:
    first = next((field for field in fields if field.axis != GONE), fields[0])
    if len(fields) == 1:
        return first
    start, end = min(f.start for f in fields), max(f.end for f in fields)
    whole = first._replace(least=None, size=None, stride=None, start=start, end=end)
    sizes = [f.size for f in fields if f.size is not None]
    least = [f.least for f in fields if f.least is not None]
    if len({f.stride for f in fields}) > 1 or len(sizes) < len(fields):
        return whole
    size = max(f.start + n for f, n in zip(fields, sizes, strict=True)) - start
    narrowest = min(least) if len(least) == len(fields) else None
    return whole._replace(least=narrowest, size=size, stride=first.stride)


def shown_axes(fields: Fields, name: str) -> Iterator[Field]:
    """The fields on one input, in the order of its axes."""
    yield from (field for (of, _), field in sorted(fields.items()) if of == name)
