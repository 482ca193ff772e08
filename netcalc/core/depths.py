"""How deep a network is: the layers on the longest path to each of its nodes."""

from __future__ import annotations

from netcalc.core.graph import Graph


def depths(graph: Graph) -> dict[str, tuple[int, int]]:
    """For each node, the most convolution and linear layers on a path to it, then with pools."""
    own = layers(graph)
    found = dict.fromkeys(graph.inputs, (0, 0))
    for node in graph.nodes:
        more, inputs = own[node.name], node.inputs
        if len(inputs) == 1:
            before, with_pools = found[inputs[0][0]]
        else:
            reached = [found[ref] for ref, _ in inputs]
            before = max([n for n, _ in reached], default=0)
            with_pools = max([n for _, n in reached], default=0)
        found[node.name] = (before + more, with_pools + more + node.op.POOL)
    return found


def layers(graph: Graph) -> dict[str, int]:
    """For each node, how many convolution and linear layers it counts for itself.

    A product is a linear layer where one factor is a parameter, or made of parameters alone by what
    is no such layer.
    """
    if not any(node.op.LEARNED for node in graph.nodes):
        return {node.name: node.op.layers(()) for node in graph.nodes}
    learned: set[str] = set()
    found: dict[str, int] = {}
    for node in graph.nodes:
        of = [ref in learned for ref, _ in node.inputs]
        found[node.name] = node.op.layers(of)
        if node.op.LEARNED or (of and all(of) and not found[node.name]):
            learned.add(node.name)
    return found
