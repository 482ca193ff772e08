"""Changes of a single field of some layers, each over its whole range at once, as an array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from netcalc.core.analyse import Result, analyse
from netcalc.core.graph import Graph, Ref
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.published.quantities import Part

WIDEST = 4096
"""Widths and channels are tried up to this, or to twice what they are."""

RANGES = {"kernel": 15, "stride": 8}
"""Other fields are tried from 1 up to these."""


class Change(NamedTuple):
    """One field over its range: of a layer, or (with no layer) the channels of an input."""

    place: str
    field: str
    before: Any
    values: Any
    layers: dict[str, Op]
    inputs: dict[str, Tensor]

    def at(self, i: int) -> Change:
        """The change to one of the values."""

        def one(x: Any) -> Any:
            if isinstance(x, tuple):
                return tuple(one(v) for v in x)
            return int(x[i]) if isinstance(x, np.ndarray) else x

        layers = {
            name: replace(op, **{f.name: one(getattr(op, f.name)) for f in fields(op)})  # type: ignore[type-var, arg-type]
            for name, op in self.layers.items()
        }
        inputs = {n: Tensor(one(x.dims), x.dtype) for n, x in self.inputs.items()}
        return self._replace(layers=layers, inputs=inputs)


def module_of(part: Part) -> tuple[Graph, dict[str, Ref]]:
    """The layers of a part as a graph of their own, and where its inputs come from."""
    inside = {row.name for row in part.rows}
    names: dict[Ref, str] = {}
    inputs: dict[str, Tensor] = {}
    nodes = []
    for row in part.rows:
        refs = []
        for ref, x in zip(row.node.inputs, row.ins, strict=False):
            if ref[0] in inside:
                refs.append(ref)
                continue
            name = names.setdefault(ref, f"input{len(names) or ''}")
            inputs[name] = x
            refs.append((name, 0))
        nodes.append(row.node._replace(inputs=tuple(refs)))
    last = part.rows[-1].name
    graph = Graph(last, tuple(nodes), inputs, {last: (last, 0)})
    return graph, {name: ref for ref, name in names.items()}


def changes(graph: Graph) -> Iterator[Change]:
    """Every field of every layer over its range."""
    for name, x in graph.inputs.items():
        if len(x.dims) > 1:
            values = _up_to(max(WIDEST, 2 * x.dims[1]))
            yield Change("", "input channels", x.dims[1], values, {}, {name: _wide(x, values)})
    for node in graph.nodes:
        yield from _of_layer(node.name, node.op)


def _wide(x: Tensor, values: Any) -> Tensor:
    return Tensor((x.dims[0], values, *x.dims[2:]), x.dtype)


def _up_to(last: int) -> Any:
    return np.arange(1, last + 1, dtype=np.int64)


def _of_layer(name: str, op: Any) -> Iterator[Change]:
    for field in fields(op):
        before = getattr(op, field.name)
        if field.name in ("out_channels", "out_features", "groups"):
            values = _up_to(max(WIDEST, 2 * before))
            yield _change(name, op, field.name, before, values, {field.name: values})
        elif field.name == "bias":
            values = np.array([int(before), int(not before)])
            yield _change(name, op, "bias", before, values, {"bias": not before})
        elif field.name in RANGES and isinstance(before, tuple) and len(set(before)) == 1:
            every = _up_to(RANGES[field.name])
            swept = "Num" in str(field.type)  # of a pool, windows are static: one after the other
            for values in [every] if swept else np.split(every, len(every)):
                size = values if swept else int(values[0])
                made = _windows(op, field.name, size)
                yield _change(name, op, field.name, before[0], values, made)


def _change(
    name: str, op: Any, field: str, before: Any, values: Any, made: dict[str, Any]
) -> Change:
    return Change(name, field, before, values, {name: replace(op, **made)}, {})


def _windows(op: Any, field: str, values: Any) -> dict[str, Any]:
    """A kernel or stride on all axes; padding that keeps the size goes on doing so."""
    n = len(getattr(op, field))
    made: dict[str, Any] = {field: (values,) * n}
    same = tuple((k - 1) // 2 for k in op.kernel)
    if field == "kernel" and getattr(op, "padding", None) == same and any(same):
        made["padding"] = ((values - 1) // 2,) * n
    return made


def changed(graph: Graph, part: Part, change: Change, mask: Any = None) -> Part:
    """The part with the change in it."""
    nodes = tuple(
        node._replace(op=change.layers[node.name]) if node.name in change.layers else node
        for node in graph.nodes
    )
    made = replace(graph, nodes=nodes)
    inputs = {**graph.inputs, **change.inputs}
    result: Result = analyse(made, inputs, mask) if mask is not None else analyse(made, inputs)
    main = part.main and next(row for row in result.rows if row.name == part.main.name)
    return Part(result, part.paths, result.rows, main, part.printed)
