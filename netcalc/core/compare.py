"""Two networks side by side, and what their difference is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from netcalc.core.analyse import Counts, Result, Row, total
from netcalc.core.tensor import Tensor

NOTHING = Counts()


class Pair(NamedTuple):
    """What stands for the same thing in two networks; None where one of them lacks it."""

    a: Row | None
    b: Row | None

    @property
    def name(self) -> str:
        """The path, in the first network that has it."""
        row = self.a or self.b
        assert row is not None
        return row.name

    @property
    def type(self) -> str:
        """The kind of layer, likewise."""
        row = self.a or self.b
        assert row is not None
        return row.type

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
        mine, theirs = self.a.node.op.attrs(), self.b.node.op.attrs()
        found = {} if self.a.type == self.b.type else {"type": f"{self.a.type} -> {self.b.type}"}
        found |= {
            k: f"{k} {mine[k]} -> {theirs[k]}" for k in mine if k in theirs and mine[k] != theirs[k]
        }
        ins = zip(self.a.ins, self.b.ins, strict=False)
        return found | dict(_flow(x, y) for x, y in ins if x.dims != y.dims)


def _flow(x: Tensor, y: Tensor) -> tuple[str, str]:
    """How two inputs differ: by their channels or features alone, or as a whole."""
    if len(x.dims) == len(y.dims) > 1 and x.dims[:1] + x.dims[2:] == y.dims[:1] + y.dims[2:]:
        what = "in features" if len(x.dims) == 2 else "in channels"
        return what, f"{what} {x.dims[1]} -> {y.dims[1]}"
    return "input", f"input {x} -> {y}"


class Stage(NamedTuple):
    """The counts of one stage in each network, in their order; None where it has no such stage."""

    name: str
    counts: tuple[Counts | None, ...]


class Comparison(NamedTuple):
    """Networks side by side; for exactly two also their layers in pairs."""

    results: tuple[Result, ...]
    stages: tuple[Stage, ...]
    pairs: tuple[Pair, ...]

    @property
    def added(self) -> tuple[Pair, ...]:
        """Layers that only the second network has."""
        return tuple(p for p in self.pairs if p.a is None)

    @property
    def removed(self) -> tuple[Pair, ...]:
        """Layers that only the first network has."""
        return tuple(p for p in self.pairs if p.b is None)

    @property
    def kept(self) -> tuple[Pair, ...]:
        """Layers that both have, equal or not."""
        return tuple(p for p in self.pairs if p.a is not None and p.b is not None)


def compare(*results: Result) -> Comparison:
    """Networks side by side.

    Two are paired layer by layer: by path; what is left, in order, with a layer of the same kind in
    the same stage, then anywhere.
    """
    pairs = tuple(_paired(*results)) if len(results) == 2 else ()
    return Comparison(results, tuple(_stages(results)), pairs)


def _stages(results: tuple[Result, ...]) -> Iterable[Stage]:
    tables = [_by_stage(result) for result in results]
    names = merge_orders([list(table) for table in tables])
    return (Stage(name, tuple(table.get(name) for table in tables)) for name in names)


def _by_stage(result: Result) -> dict[str, Counts]:
    groups: dict[str, list[Counts]] = defaultdict(list)
    for row in result.rows:
        groups[row.node.group()].append(row.counts)
    return {name: total(counts) for name, counts in groups.items()}


def merge_orders(orders: list[list[str]]) -> list[str]:
    """One order of all names in which each list's own order is kept where that is possible."""
    merged: list[str] = []
    for order in orders:
        at = 0
        for name in order:
            if name in merged:
                at = merged.index(name) + 1
            else:
                merged.insert(at, name)
                at += 1
    return merged


def _paired(a: Result, b: Result) -> list[Pair]:
    """Pairs in the first network's order, what only the second has after what precedes it there."""
    partner: dict[str, Row] = {}
    taken: set[str] = set()

    def match(key: Callable[[Row], Any]) -> None:
        free: dict[Any, list[Row]] = defaultdict(list)
        for row in b.rows:
            if row.name not in taken:
                free[key(row)].append(row)
        for row in a.rows:
            if row.name not in partner and free[key(row)]:
                partner[row.name] = free[key(row)].pop(0)
                taken.add(partner[row.name].name)

    match(lambda row: (row.name, row.type))
    match(lambda row: row.name)
    match(lambda row: (row.node.group(), row.type))
    match(lambda row: row.type)
    return _in_order(a.rows, b.rows, partner)


def _in_order(a: tuple[Row, ...], b: tuple[Row, ...], partner: dict[str, Row]) -> list[Pair]:
    back = {row.name: name for name, row in partner.items()}
    order = merge_orders([[r.name for r in a], [back.get(r.name, f"+{r.name}") for r in b]])
    mine = {row.name: row for row in a}
    theirs = {f"+{row.name}": row for row in b}
    return [
        Pair(mine[name], partner.get(name)) if name in mine else Pair(None, theirs[name])
        for name in order
    ]


def difference(pairs: Iterable[Pair], quantity: str) -> Any:
    """What the second sides have more than the first, of ``params``, ``macs``, ..."""
    return sum(getattr(b, quantity) - getattr(a, quantity) for a, b in (p.counts for p in pairs))
