"""Heads beside the main output, such as those that only add to the loss in training."""

from __future__ import annotations

from collections.abc import Iterable

from netcalc.core.graph import Graph, renamed


def without_heads(graph: Graph) -> Graph:
    """The network that inference runs: without the outputs that have a loss weight."""
    return without(graph, graph.loss_weights)


def without(graph: Graph, outputs: Iterable[str]) -> Graph:
    """A network without some of its outputs and the layers that only they need."""
    gone = set(outputs)
    if not gone:
        return graph
    kept = {name: ref for name, ref in graph.outputs.items() if name not in gone}
    only = _needed(graph, gone) - _needed(graph, kept)
    nodes = tuple(node for node in graph.nodes if node.name not in only)
    weights = {name: w for name, w in graph.loss_weights.items() if name in kept}
    return renamed(graph, nodes=nodes, outputs=kept, loss_weights=weights)


def _needed(graph: Graph, outputs: Iterable[str]) -> set[str]:
    """The nodes and inputs that some outputs depend on."""
    found = {graph.outputs[name][0] for name in outputs}
    for node in reversed(graph.nodes):  # whatever uses a node stands behind it
        if node.name in found:
            found.update(ref for ref, _ in node.inputs)
    return found
