"""How deep a network is: the layers on the longest path to each of its nodes."""

from __future__ import annotations

from netcalc.core.graph import Graph


def depths(graph: Graph) -> dict[str, tuple[int, int]]:
    """For each node, the most convolution and linear layers on a path to it, then with pools."""
    found = dict.fromkeys(graph.inputs, (0, 0))
    for node in graph.nodes:
        op, inputs = node.op, node.inputs
        if len(inputs) == 1:
            layers, with_pools = found[inputs[0][0]]
        else:
            before = [found[ref] for ref, _ in inputs]
            layers = max([n for n, _ in before], default=0)
            with_pools = max([n for _, n in before], default=0)
        found[node.name] = (layers + op.DEPTH, with_pools + op.DEPTH + op.POOL)
    return found
