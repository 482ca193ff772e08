"""What a file says of a graph, its nodes and its layers, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from netcalc.core.fields import plain
from netcalc.core.graph import Graph, Node, Ref
from netcalc.core.ops import types
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.errors import SpecError
from netcalc.spec.kinds import known_kinds


def document(graph: Graph, body: dict[str, Any], outputs: Mapping[str, Ref]) -> dict[str, Any]:
    """A whole file: its header, its layers, and the outputs if they are not those given."""
    found: dict[str, Any] = {"name": graph.name}
    if graph.paper:
        found["paper"] = graph.paper
    if not graph.batched:
        found["batched"] = False
    inputs = {name: _input(x) for name, x in graph.inputs.items()}
    found |= {"input": inputs["input"]} if list(inputs) == ["input"] else {"inputs": inputs}
    found |= body
    if list(outputs.items()) != list(graph.outputs.items()):
        found["outputs"] = {name: _named(ref) for name, ref in graph.outputs.items()}
    if graph.cache:
        found["cache"] = [_named(ref) for ref in graph.cache]
    if graph.loss_weights:
        found["loss_weights"] = {name: float(w) for name, w in graph.loss_weights.items()}
    return found


def _named(ref: Ref) -> str:
    """An output of a layer, as seen from outside all lists."""
    return f"{ref[0]}:{ref[1]}" if ref[1] else ref[0]


def _input(x: Tensor) -> Any:
    shape = [_plain(d) for d in x.dims]
    return shape if x.dtype == "float32" else {"shape": shape, "dtype": x.dtype}


def layer_of(op: Op) -> dict[str, Any]:
    """The type of a layer and the fields that are not as usual.

    Raises SpecError for a layer of no kind that a file could name.
    """
    if op.type not in types() or types()[op.type][0] is not type(op):
        raise SpecError(f"{op.type} has a rule in Python (netcalc.register), which no file holds")
    usual = _usual(op)
    known = known_kinds()[op.type].fields
    attrs = {k: v for k, v in op.attrs().items() if k in known}
    news = {k: _plain(v) for k, v in attrs.items() if k not in usual or usual[k] != v}
    return {"type": op.type, **news}


def _usual(op: Op) -> dict[str, Any]:
    """The fields of a kind that have a default, with it."""
    return {f.name: plain(f.default) for f in fields(op) if f.default is not MISSING}  # type: ignore[arg-type]


def operation_of(op: Op) -> Any:
    """A layer as it stands under ``then`` and ``join``: its type alone where that says all."""
    found = layer_of(op)
    return found["type"] if len(found) == 1 else found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if not isinstance(value, int | float | str | None):
        raise SpecError(f"it holds {value!r}, which is no number")
    return "none" if value is None else value


def said_beside(node: Node) -> dict[str, Any]:
    """What is said of a node beside its layer and inputs."""
    found: dict[str, Any] = {}
    if node.unit != node.name:
        found["unit"] = node.unit
    if node.frozen:
        found["frozen"] = sorted(node.frozen)
    if node.operands:
        found["operands"] = list(node.operands)
    if node.types:
        found["types"] = dict(node.types)
    if node.tensors:
        found["tensors"] = {k: "none" if key is None else key for k, key in node.tensors.items()}
    return found
