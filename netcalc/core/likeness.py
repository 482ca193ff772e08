"""How alike two layers are by themselves, and which kinds can stand for one another."""

from __future__ import annotations

from netcalc.core.analyse import Row
from netcalc.core.structure import acting

ACTIVATIONS = frozenset({"ReLU", "Tanh", "Pointwise"})
"""Kinds of layer that can stand for one another, as any two kinds of pooling can."""


def similarity(x: Row, y: Row) -> int:
    """How similar two layers are by kind, fields and inputs; 0 for those of different kinds."""
    if family(x) != family(y):
        return 0
    same_type = x.type == y.type
    mine, theirs = acting(x.node.op), acting(y.node.op)
    fields = [mine[k] == theirs[k] for k in mine if k in theirs] if same_type else [False]
    axes = [
        p == q
        for m, n in zip(x.ins, y.ins, strict=False)
        for p, q in zip(m.dims, n.dims, strict=False)
    ]
    return (3 if x.counts.macs else 2) * (50 + 50 * same_type + _share(fields) + _share(axes))


def _share(found: list[bool]) -> int:
    """How many of a hundred are true."""
    return 100 * sum(found) // len(found) if found else 100


def is_costly(row: Row) -> bool:
    """Whether a layer has a cost of its own, or is a pool: one that is told from others by it."""
    return bool(row.counts.macs or row.stored or row.node.op.POOL)


def kind(row: Row) -> str:
    """The type."""
    return row.type


def worker(row: Row) -> str:
    """The type of a layer that does MACs, or pools."""
    return row.type if row.counts.macs or row.node.op.POOL else ""


def normaliser(row: Row) -> str:
    """The type of a layer that has tensors and does no MACs, as normalisations do."""
    return row.type if row.stored and not row.counts.macs and len(row.ins) == 1 else ""


def family(row: Row) -> str:
    """The type, with one name for those that can stand for one another."""
    if row.node.op.POOL:
        return "pool"
    return "activation" if row.type in ACTIVATIONS else row.type
