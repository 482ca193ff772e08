"""The graph of some candidates: a network with arrays in the place of what varies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

from netcalc.core.graph import Graph, Node
from netcalc.core.inputs import inputs_of
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, NetcalcError, SpecError, UnknownNameError, did_you_mean
from netcalc.sweep.intervals import Interval
from netcalc.sweep.space import INPUT, Axis, Net, Place, Space

_TRIED = 8
"""Values of an argument that are looked at beside fields of layers."""


def is_argument(axis: Axis) -> bool:
    """Whether an axis is an argument of the network."""
    return not axis.places and axis.name != INPUT


def is_swept(net: Net, axis: Axis, before: Sequence[Axis] = ()) -> bool:
    """Whether an axis may be an array: all its values are sizes, and the rules take them as such.

    ``before`` has the arguments that stand at their first values. Raises InputError or
    UnknownNameError for what the network has not.
    """
    others = {a.name: _typed(a.values[0]) for a in before if is_argument(a)}
    whole = all(type(v) is int for v in axis.values)
    if axis.name == INPUT and not axis.places:
        if not whole or min(axis.values) < 1:
            raise InputError("takes whole numbers from 1 on, height and width of the input")
        with suppress(SpecError):  # these values cannot be; others may
            _sized(net.make(**others), 1)
        return True
    if axis.places:
        return _fields_swept(net.make(**others), axis) and whole
    first = _typed(axis.values[0])
    with suppress(SpecError):  # this value cannot be; others may
        net.make(**others, **{axis.name: first})
    kind = "Num" if net.kinds is None else net.kinds.get(axis.name, "")
    return whole and not net.traced and kind == "Num" and _takes(net, axis, others)


def _takes(net: Net, axis: Axis, others: Mapping[str, Any]) -> bool:
    """Whether an argument may be any number that calculates."""
    interval = Interval(max(1, min(axis.values)), max(1, *axis.values), [0])
    try:
        graph = net.make(**others, **{axis.name: interval})
    except (NetcalcError, TypeError):
        return False
    return not any(_in_static(node.op) for node in graph.nodes)


def _in_static(op: Any) -> bool:
    """Whether a field that is static holds an interval."""
    held = [getattr(op, f.name) for f in fields(op) if "Num" not in str(f.type)]
    parts = [part for value in held for part in (value if isinstance(value, tuple) else (value,))]
    return any(isinstance(part, Interval) for part in parts)


def _fields_swept(graph: Graph, axis: Axis) -> bool:
    nodes = {node.name: node for node in graph.nodes}
    kinds = []
    for layer, field in axis.places:
        if layer not in nodes:
            hint = did_you_mean(layer, nodes) or "see `netcalc table --layout layers`"
            raise UnknownNameError(f"there is no layer {layer}; {hint}")
        op: Any = nodes[layer].op
        known = {f.name: str(f.type) for f in fields(op)}
        if field not in known:
            hint = did_you_mean(field, known) or f"it has {', '.join(known) or 'none'}"
            raise UnknownNameError(f"{layer}: {op.type} has no field {field!r}; {hint}")
        kinds.append(known[field])
    return all("Num" in kind for kind in kinds)


def made(
    space: Space, static: Mapping[str, Any], swept: Mapping[str, Any]
) -> tuple[Graph, dict[str, Tensor]]:
    """The graph and its inputs, with values in the place of what varies.

    Raises SpecError where no such network can be.
    """
    given = {**static, **swept}
    arguments = {axis.name: _typed(given[axis.name]) for axis in space.axes if is_argument(axis)}
    graph = space.net.make(**arguments)
    changes: dict[str, dict[str, Any]] = {}
    for axis in space.axes:
        for layer, field in axis.places:
            changes.setdefault(layer, {})[field] = given[axis.name]
    if changes:
        _check_layers(graph, changes, {k: v for k, v in arguments.items() if k in static})
        graph = replace(graph, nodes=tuple(_changed(n, changes.get(n.name)) for n in graph.nodes))
    if any(axis.name == INPUT and not axis.places for axis in space.axes):
        return graph, _sized(graph, given[INPUT])
    return graph, inputs_of(graph, _own(space.shape))


def _check_layers(graph: Graph, layers: Iterable[str], given: Mapping[str, Any]) -> None:
    """What varies must be there in all graphs, else its values would differ in nothing."""
    names = {node.name for node in graph.nodes}
    for layer in layers:
        if layer not in names:
            at = ", ".join(f"{k}={v}" for k, v in given.items())
            raise InputError(
                f"there is no layer {layer} where {at}: a field of it would change nothing there;"
                " vary the two in a space each"
            )


def check_argument(net: Net, axis: Axis, axes: Sequence[Axis]) -> None:
    """An argument beside fields of layers must leave their layers, and do something else still.

    Raises InputError.
    """
    places = [place for a in axes for place in a.places]
    if not places:
        return
    others = {a.name: _typed(a.values[0]) for a in axes if is_argument(a)}
    whole: list[Any] = []
    rest: list[Any] = []
    for value in _tried(axis):
        try:
            graph = net.make(**{**others, axis.name: _typed(value)})
        except NetcalcError:  # this value cannot be; others may
            continue
        if value in axis.values:
            _check_layers(graph, (place.layer for place in places), {axis.name: value})
        for found, hidden in ((whole, ()), (rest, places)):
            told = graph.inputs, [_told(node, hidden) for node in graph.nodes]
            found += [told] if told not in found else []
    if len(rest) == 1 < len(whole):
        named = ", ".join(".".join(place) for place in places)
        raise InputError(f"changes nothing but {named}, which varies by itself; leave one out")


def _tried(axis: Axis) -> tuple[Any, ...]:
    """Some values of an argument, more than one where it is a number."""
    first, last = axis.values[: _TRIED - 1], axis.values[_TRIED - 1 :][-1:]
    more = (last or first)[-1] + 1 if type((last or first)[-1]) is int else None
    return (*first, *last) if more is None else (*first, *last, more)


def _told(node: Node, hidden: Collection[Place]) -> Any:
    """A node by its fields, but for those that are hidden."""
    shown = {f.name: getattr(node.op, f.name) for f in fields(node.op)}  # type: ignore[arg-type]
    for place in hidden:
        if place.layer == node.name:
            shown.pop(place.field, None)
    return node._replace(op=type(node.op)), shown  # type: ignore[arg-type]


def _own(shape: tuple[int, ...] | None) -> Any:
    return shape[0] if shape is not None and len(shape) == 1 else shape


def _typed(value: Any) -> Any:
    """A value as an argument takes it."""
    return str(value) if isinstance(value, Fraction) else value


def _changed(node: Node, given: Mapping[str, Any] | None) -> Node:
    if not given:
        return node
    op: Any = node.op
    new = {}
    for name, value in given.items():
        before = getattr(op, name)
        new[name] = (value,) * len(before) if isinstance(before, tuple) else value
    return node._replace(op=replace(op, **new))


def _sized(graph: Graph, side: Any) -> dict[str, Tensor]:
    """The only input of a graph with another height and width."""
    (name, x), *more = graph.inputs.items()
    if more or len(x.dims) != 4:
        raise InputError(f"{graph.name} takes no single image: input is height and width of one")
    return {name: Tensor((*x.dims[:2], side, side), x.dtype)}
