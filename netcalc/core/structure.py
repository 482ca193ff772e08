"""How the layers of a network are connected, and which are alike with all that is around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any, TypeAlias

from netcalc.core.analyse import Result, Row
from netcalc.core.ops.base import Op

Ids: TypeAlias = dict[Hashable, int]
"""A number for each thing that was seen, the same in both networks."""

COMMUTATIVE = frozenset({"Add", "Concat"})
"""Kinds of layer whose inputs may come in any order: at most, channels are numbered otherwise."""

TRAINING_ONLY = frozenset({"momentum", "dropout", "dropout_p"})
"""Fields that do not act in eval mode."""


def acting(op: Op) -> dict[str, Any]:
    """The fields of a layer that act in eval mode."""
    if op.TRAINING:
        return {}
    return {name: value for name, value in op.attrs().items() if name not in TRAINING_ONLY}


def commutes(op: Op) -> bool:
    """Whether the order of a layer's inputs does not matter."""
    return op.type in COMMUTATIVE or getattr(op, "function", "") in ("add", "mul")


class Side:
    """A network with its layers by number; an input of it has a number below 0."""

    def __init__(self, result: Result) -> None:
        self.rows = result.rows
        self.at = {name: -1 - i for i, name in enumerate(result.inputs)}
        self.at |= {row.name: i for i, row in enumerate(self.rows)}
        self.sources = [[(self.at[ref], k) for ref, k in row.node.inputs] for row in self.rows]
        self.users: list[list[tuple[int, int, int]]] = [[] for _ in self.rows]
        for i, sources in enumerate(self.sources):
            any_order = commutes(self.rows[i].node.op)
            for place, (source, k) in enumerate(sources):
                if source >= 0:
                    self.users[source].append((i, 0 if any_order else place, k))
        self.outputs: dict[int, list[int]] = defaultdict(list)
        for i, (ref, _) in enumerate(result.graph.outputs.values()):
            self.outputs[self.at[ref]].append(i)

    def origins(self, known: Iterable[int]) -> list[list[tuple[int, frozenset[int]]]]:
        """For each input of each layer, where it comes from, and the nearest known layers there.

        The inputs of the network are known.
        """
        taken = set(known)
        found: list[list[tuple[int, frozenset[int]]]] = []
        before: list[frozenset[int]] = []
        for sources in self.sources:
            over = [(p, frozenset({p}) if p in taken or p < 0 else before[p]) for p, _ in sources]
            found.append(over)
            before.append(frozenset[int]().union(*(nearest for _, nearest in over)))
        return found

    def preceding(self, known: Iterable[int]) -> list[frozenset[int]]:
        """For each layer, the nearest known ones before it, by any path."""
        found = self.origins(known)
        return [frozenset[int]().union(*(nearest for _, nearest in over)) for over in found]

    def following(self, known: Iterable[int]) -> list[frozenset[int]]:
        """For each layer, the nearest known ones behind it, by any path."""
        taken = set(known)
        found: list[frozenset[int]] = [frozenset()] * len(self.rows)
        for i in reversed(range(len(self.rows))):
            over = [{user} if user in taken else found[user] for user, _, _ in self.users[i]]
            found[i] = frozenset[int]().union(*over)
        return found


def signs_of(side: Side, ids: Ids) -> list[int]:
    """A number for each layer, the same for those of equal kind, fields, inputs and tensors."""
    found = []
    for row in side.rows:
        ins = [(x.dims, x.dtype) for x in row.ins]
        fields = tuple(acting(row.node.op).items())
        stored = tuple((tensor.operand, tensor.numel) for tensor in row.stored)
        outs = tuple(x.dims for x in row.outs)
        key = row.type, fields, tuple(sorted(ins) if commutes(row.node.op) else ins), outs, stored
        found.append(ids.setdefault(key, len(ids)))
    return found


def forward(side: Side, signs: list[int], ids: Ids) -> list[int]:
    """A number for each layer, the same for those that are equal with all that leads to them."""
    found: dict[int, int] = {i: i for i in side.at.values() if i < 0}
    for i, row in enumerate(side.rows):
        over = [(found[p], k) for p, k in side.sources[i]]
        key = "forward", signs[i], tuple(sorted(over) if commutes(row.node.op) else over)
        found[i] = ids.setdefault(key, len(ids))
    return [found[i] for i in range(len(side.rows))]


def backward(side: Side, signs: list[int], ids: Ids) -> list[int]:
    """A number for each layer, the same for those that are equal with all that follows.

    What else flows into that must be alike too: else the last layers of one block of many would be
    taken for those of another that is entered in another way.
    """
    found = [0] * len(side.rows)
    for i in reversed(range(len(side.rows))):
        over = sorted((found[user], place, k) for user, place, k in side.users[i])
        into = sorted(signs[p] if p >= 0 else p for p, _ in side.sources[i])
        key = "backward", signs[i], tuple(into), tuple(over), tuple(side.outputs.get(i, ()))
        found[i] = ids.setdefault(key, len(ids))
    return found


def surroundings(side: Side, ids: Ids, rounds: int) -> list[list[int | None]]:
    """For 1, 2, ... rounds: a number for each layer, the same for those in like surroundings.

    These are the layers that work, pool or join, so many steps away; flags and what lies between
    them (normalisations, activations, views) are left out. None for such a layer itself.
    """
    main = [i for i, row in enumerate(side.rows) if _is_main(row)]
    before, after = side.preceding(main), side.following(main)
    found = {i: -i for i in side.at.values() if i < 0}
    found |= {i: ids.setdefault(_roughly(side.rows[i]), len(ids)) for i in main}
    rings: list[list[int | None]] = []
    for _ in range(rounds):
        wider = {i: n for i, n in found.items() if i < 0}
        for i in main:
            near = [tuple(sorted(found[j] for j in way[i])) for way in (before, after)]
            wider[i] = ids.setdefault(("around", found[i], *near), len(ids))
        found = wider
        rings.append([found.get(i) for i in range(len(side.rows))])
    return rings


def _is_main(row: Row) -> bool:
    return bool(row.counts.macs or row.node.op.POOL) or len(row.ins) != 1


def _roughly(row: Row) -> Hashable:
    """A layer without its flags."""
    fields = [(k, v) for k, v in acting(row.node.op).items() if not isinstance(v, bool)]
    ins = [x.dims for x in row.ins]
    return "roughly", row.type, tuple(fields), tuple(sorted(ins) if commutes(row.node.op) else ins)
