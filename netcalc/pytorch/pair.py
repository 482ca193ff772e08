"""Rows of an analysis and layers that ran: which is which."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from netcalc.core.analyse import Result, Row
from netcalc.pytorch.build import module_path
from netcalc.pytorch.record import Ran


class Pairing(NamedTuple):
    """Each row with the layer that stands for it (None: there is none), and layers left over."""

    pairs: tuple[tuple[Row, Ran | None], ...]
    left: tuple[Ran, ...]
    by: str


def pair(result: Result, ran: list[Ran]) -> Pairing:
    """Pair rows with layers: by path where the model has all of them, else by order.

    By order means: the n-th row of a kind with the n-th layer of that kind that ran.
    """
    by_path: dict[str, list[Ran]] = defaultdict(list)
    for layer in ran:
        by_path[layer.path].append(layer)
    paths = [module_path(row.name) for row in result.rows]
    if all(path in by_path for path in paths):
        pairs = tuple(
            (row, by_path[path].pop(0) if by_path[path] else None)
            for row, path in zip(result.rows, paths, strict=True)
        )
        return Pairing(pairs, tuple(x for rest in by_path.values() for x in rest), "path")
    by_kind: dict[type | None, list[Ran]] = defaultdict(list)
    for layer in ran:
        by_kind[layer.kind].append(layer)
    pairs = tuple(
        (row, by_kind[type(row.node.op)].pop(0) if by_kind[type(row.node.op)] else None)
        for row in result.rows
    )
    return Pairing(pairs, tuple(x for rest in by_kind.values() for x in rest), "order")
