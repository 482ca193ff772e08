"""Layers of two networks in pairs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, TypeVar

from netcalc.core.analyse import Counts, Result, Row
from netcalc.core.matching import matched
from netcalc.core.ops.base import Op
from netcalc.core.structure import acting
from netcalc.core.tensor import Tensor

NOTHING = Counts()

NameT = TypeVar("NameT", bound=Hashable)


class Move(NamedTuple):
    """One thing that differs between two layers: what it is, and its value in each."""

    what: str
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        if self.before is self.after is None:
            return self.what
        return f"{self.what} {self.before} -> {self.after}"

    @property
    def back(self) -> Move:
        """The same, seen from the other network."""
        return Move(self.what, self.after, self.before)


class Pair(NamedTuple):
    """What stands for the same thing in two networks; None where one of them lacks it."""

    a: Row | None
    b: Row | None

    @property
    def either(self) -> Row:
        """The layer, in the first network that has it."""
        row = self.a or self.b
        assert row is not None
        return row

    @property
    def name(self) -> str:
        """The path, in the first network that has it."""
        return self.either.name

    @property
    def type(self) -> str:
        """The kind of layer, likewise."""
        return self.either.type

    @property
    def counts(self) -> tuple[Counts, Counts]:
        """Both sides' counts, zero for a missing side."""
        return (
            self.a.counts if self.a else NOTHING,
            self.b.counts if self.b else NOTHING,
        )

    def changes(self) -> dict[str, str]:
        """The fields in which two layers differ, and what flows in, each with both values."""
        if self.a is None or self.b is None:
            return {}
        other = [Move("type", self.a.type, self.b.type)] if self.a.type != self.b.type else []
        moves = [*other, *field_moves(self.a, self.b)]
        moves += [move for move, _ in input_moves(self.a, self.b)]
        return {move.what: str(move) for move in moves}


def field_moves(x: Row, y: Row) -> list[Move]:
    """The fields that both layers have and in which they differ."""
    mine, theirs = acting(x.node.op), acting(y.node.op)
    return [Move(k, mine[k], theirs[k]) for k in mine if k in theirs and mine[k] != theirs[k]]


def input_moves(x: Row, y: Row) -> list[tuple[Move, tuple[Tensor, ...]]]:
    """How the inputs of two layers differ, one thing after the other, with the inputs then."""
    mine, theirs = [t.dims for t in x.ins], [t.dims for t in y.ins]
    if mine == theirs:
        return []
    if not len(mine) == len(theirs) == 1 or len(mine[0]) != len(theirs[0]) or len(mine[0]) < 2:
        some = "input" if len(mine) == len(theirs) == 1 else "inputs"
        return [(Move(some, _shown(x.ins), _shown(y.ins)), y.ins)]
    (old,), (new,) = mine, theirs
    at = _channels(x.node.op, len(old))
    found: list[tuple[Move, tuple[Tensor, ...]]] = []
    rest = [dims[:at] + dims[at + 1 :] for dims in (old, new)]
    if old[at] != new[at]:
        what = "in features" if at == len(old) - 1 else "in channels"
        between = Tensor((*old[:at], new[at], *old[at + 1 :]), x.ins[0].dtype)
        found.append((Move(what, old[at], new[at]), y.ins if rest[0] == rest[1] else (between,)))
    if rest[0] != rest[1]:
        one_batch = at > 0 and rest[0][0] == rest[1][0]
        sizes = ("x".join(map(str, dims[one_batch:])) for dims in rest)
        found.append((Move("input size", *sizes), y.ins))
    return found


def _channels(op: Op, rank: int) -> int:
    """The axis of an input that has its channels or features."""
    if rank == 2 or hasattr(op, "out_features") or hasattr(op, "normalized_shape"):
        return rank - 1
    return rank - 1 - len(op.kernel) if hasattr(op, "kernel") else 1


def _shown(ins: tuple[Tensor, ...]) -> str:
    return " and ".join(dict.fromkeys(map(str, ins))) or "none"


def paired(a: Result, b: Result) -> list[Pair]:
    """Pairs in the first network's order, what only the second has after what precedes it there."""
    partner = matched(a, b)
    back = {theirs: mine for mine, theirs in partner.items()}
    sides = [{row.name: row for row in result.rows} for result in (a, b)]
    mine = [(name, partner.get(name, "")) for name in sides[0]]
    theirs = [(back.get(name, ""), name) for name in sides[1]]
    return [Pair(sides[0].get(x), sides[1].get(y)) for x, y in merge_orders([mine, theirs])]


def merge_orders(orders: list[list[NameT]]) -> list[NameT]:
    """One order of all names in which each list's own order is kept where that is possible."""
    merged: list[NameT] = []
    known: set[NameT] = set()
    for order in orders:
        at = 0
        for name in order:
            if name in known:
                at = merged.index(name) + 1
            else:
                merged.insert(at, name)
                known.add(name)
                at += 1
    return merged


def difference(pairs: Iterable[Pair], quantity: str) -> Any:
    """What the second sides have more than the first, of ``params``, ``macs``, ..."""
    return sum(getattr(b, quantity) - getattr(a, quantity) for a, b in (p.counts for p in pairs))
