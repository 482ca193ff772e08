"""What a file says of a graph, its nodes and its layers, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from netcalc.core.fields import plain
from netcalc.core.graph import Graph, Node, Ref
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.errors import SpecError
from netcalc.spec.layers import field_annotations


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
        refs = graph.outputs.items()
        found["outputs"] = {name: f"{ref}:{i}" if i else ref for name, (ref, i) in refs}
    if graph.loss_weights:
        found["loss_weights"] = {name: float(w) for name, w in graph.loss_weights.items()}
    return found


def _input(x: Tensor) -> Any:
    shape = [_plain(d) for d in x.dims]
    return shape if x.dtype == "float32" else {"shape": shape, "dtype": x.dtype}


def layer_of(op: Op) -> dict[str, Any]:
    """The type of a layer and the fields that are not as usual."""
    usual = _usual(op)
    known = field_annotations(op.type)
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
    if node.tensors:
        found["tensors"] = {k: "none" if key is None else key for k, key in node.tensors.items()}
    return found
