"""What a graph's tensors are called in a file, which knows layers only."""

from __future__ import annotations

from collections.abc import Mapping

from netcalc.core.analyse import Result, Row
from netcalc.core.graph import Graph, Node, renamed


def named_by_layers(result: Result) -> Graph:
    """The graph with each tensor named after a layer that has it, the first where no name fits.

    A traced model names tensors as its modules do: ``bn1.weight``, which is the weight of the layer
    ``bn1/batch_norm``.
    """
    graph, names = result.graph, _names(result.rows)
    return renamed(graph, nodes=tuple(_with_names(node, names) for node in graph.nodes))


def _names(rows: tuple[Row, ...]) -> dict[str, str]:
    """For the key of each stored tensor, the name by a layer: the key itself where it is one."""
    users: dict[str, list[str]] = {}
    for row in rows:
        for operand in (term.operand for term in row.terms if term.operand):
            key = row.node.key(operand)
            if key is not None:
                users.setdefault(key, []).append(f"{row.name}.{operand}")
    return {key: key if key in own else own[0] for key, own in users.items()}


def _with_names(node: Node, names: Mapping[str, str]) -> Node:
    said = {o: None if key is None else names[key] for o, key in node.tensors.items()}
    return node._replace(tensors={o: n for o, n in said.items() if n != f"{node.name}.{o}"})
