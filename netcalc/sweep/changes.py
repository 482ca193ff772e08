"""Changes of a single field of some layers, each over its whole range at once, as an array."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from netcalc.core.analyse import Result, analyse
from netcalc.core.graph import Graph, Ref
from netcalc.core.ops.base import Op
from netcalc.core.ops.dense import Linear
from netcalc.core.ops.parts import AXES
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.published.quantities import Part


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


Make: TypeAlias = Callable[[Any], Change]
"""Makes the change of a field to some values."""


def changes(graph: Graph, part: Part, last: Callable[[Make], int]) -> Iterator[Change]:
    """Every field of every layer over its range.

    Widths, and channels that come in, have no end of their own: ``last`` says which is the last
    worth trying.
    """
    for name, x in graph.inputs.items():
        axis, field = _channels(graph, name, x)
        if axis < len(x.dims) and x.dtype in FLOATS:
            make = partial(_entering, name, x, axis, field)
            yield make(_up_to(last(make)))
    for row, node in zip(part.rows, graph.nodes, strict=True):
        yield from _of_layer(node.name, node.op, row.ins, last)


def _channels(graph: Graph, name: str, x: Tensor) -> tuple[int, str]:
    """Which axis of an input has its channels, and what it is called."""
    users = [node.op for node in graph.nodes if (name, 0) in node.inputs]
    linear = any(isinstance(op, Linear) for op in users)
    if linear or (len(x.dims) == SEQUENCE and not any(hasattr(op, "kernel") for op in users)):
        return len(x.dims) - 1, "input features"
    return 1, "input channels"


SEQUENCE = 3
"""So many axes has a sequence of vectors, which windows take as channels of a signal."""


def _entering(name: str, x: Tensor, axis: int, field: str, values: Any) -> Change:
    wide = Tensor((*x.dims[:axis], values, *x.dims[axis + 1 :]), x.dtype)
    return Change("", field, x.dims[axis], values, {}, {name: wide})


def _up_to(last: int) -> Any:
    return np.arange(1, last + 1, dtype=np.int64)


def _of_layer(
    name: str, op: Any, ins: tuple[Tensor, ...], last: Callable[[Make], int]
) -> Iterator[Change]:
    for field in fields(op):
        before = getattr(op, field.name)
        make = partial(_changed_to, name, op, field.name, before)
        if field.name in ("out_channels", "out_features"):
            yield make(_up_to(last(make)))
        elif field.name == "groups" and hasattr(op, "kernel"):
            channels: Any = ins[0].dims[-len(op.kernel) - 1]
            yield make(_up_to(channels))
        elif field.name == "bias":
            values = np.array([int(before), int(not before)])
            yield Change(name, "bias", before, values, {name: replace(op, bias=not before)}, {})
        elif field.name in ("kernel", "stride") and hasattr(op, "kernel"):
            static = "Num" not in str(field.type)  # of a pool: one value after the other
            yield from _of_windows(name, op, field.name, ins[0], static)


def _changed_to(name: str, op: Any, field: str, before: Any, values: Any) -> Change:
    return Change(name, field, before, values, {name: replace(op, **{field: values})}, {})


# --- windows -------------------------------------------------------------------------------------


def _of_windows(name: str, op: Any, field: str, x: Tensor, static: bool) -> Iterator[Change]:
    """A kernel or stride: of all axes where it is one number, else of each axis by itself."""
    before = getattr(op, field)
    n = len(before)
    alike = len(set(before)) == 1
    for axes in [range(n)] if alike else [[i] for i in range(n)]:
        called = field if alike else f"{field} {AXES[n][axes[0]]}"
        for follows in (True, False) if field == "kernel" and _keeps_size(op) else (False,):
            every = _up_to(max(_longest(op, x, i, follows) for i in axes))
            for values in np.split(every, len(every)) if static else [every]:
                value = int(values[0]) if static else values
                made = {field: _put(before, axes, value)}
                if follows:
                    made["padding"] = _put(op.padding, axes, (value - 1) // 2)
                changed = {name: replace(op, **made)}
                yield Change(name, called, before[axes[0]], values, changed, {})


def _put(before: tuple[Any, ...], axes: Iterable[int], value: Any) -> tuple[Any, ...]:
    return tuple(value if i in axes else v for i, v in enumerate(before))


def _keeps_size(op: Any) -> bool:
    """Whether its padding is such that a stride of 1 keeps the size: it may follow the kernel."""
    same = tuple((k - 1) // 2 for k in op.kernel)
    return any(same) and getattr(op, "padding", None) == same


def _longest(op: Any, x: Tensor, axis: int, follows: bool) -> Any:
    """The largest window that an axis admits: the input with its padding.

    Where the padding follows the kernel, one that from every place reaches over all of the input.
    """
    n = len(op.kernel)
    length: Any = x.dims[-n:][axis]
    padding = getattr(op, "padding", "valid")
    if follows or padding == "same":
        return 2 * length - 1
    return length if padding == "valid" else length + 2 * padding[axis]


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
