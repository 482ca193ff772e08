"""A graph that is made once, with intervals, and filled with the arrays of one chunk after another.

Making a graph anew checks its fields again, which takes longer than to count it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import fields
from typing import Any, NamedTuple

from netcalc.core.graph import Graph
from netcalc.core.tensor import Tensor
from netcalc.sweep.intervals import Interval


class Template(NamedTuple):
    """A graph, its inputs, and which fields of which of its nodes hold intervals."""

    graph: Graph
    inputs: Mapping[str, Tensor]
    holes: tuple[tuple[int, str], ...]
    names: Mapping[int, str]
    """Of the intervals of the axes, by their ids; the graph keeps them alive."""

    def filled(self, columns: Mapping[str, Any]) -> tuple[Graph, dict[str, Tensor]]:
        """The graph with arrays in the place of the intervals."""
        nodes = list(self.graph.nodes)
        for i, field in self.holes:
            op = copy(nodes[i].op)
            object.__setattr__(op, field, self._value(getattr(op, field), columns))
            nodes[i] = nodes[i]._replace(op=op)
        graph = copy(self.graph)
        object.__setattr__(graph, "nodes", tuple(nodes))
        inputs = {k: Tensor(self._value(x.dims, columns), x.dtype) for k, x in self.inputs.items()}
        return graph, inputs

    def _value(self, value: Any, columns: Mapping[str, Any]) -> Any:
        if isinstance(value, tuple):
            return tuple(self._value(part, columns) for part in value)
        return columns[self.names[id(value)]] if isinstance(value, Interval) else value


def template_of(
    graph: Graph, inputs: Mapping[str, Tensor], axes: Mapping[str, Interval]
) -> Template | None:
    """The template of a graph; None where a field is worked out from an axis, as ``2*c`` is."""
    names = {id(interval): name for name, interval in axes.items()}
    holes = []
    held = [part for x in inputs.values() for part in _intervals(x.dims)]
    for i, node in enumerate(graph.nodes):
        for field in fields(node.op):  # type: ignore[arg-type]
            found = _intervals(getattr(node.op, field.name))
            holes += [(i, field.name)] if found else []
            held += found
    if any(id(part) not in names for part in held):
        return None
    return Template(graph, inputs, tuple(holes), names)


def _intervals(value: Any) -> list[Interval]:
    parts = value if isinstance(value, tuple) else (value,)
    return [part for part in parts if isinstance(part, Interval)]
