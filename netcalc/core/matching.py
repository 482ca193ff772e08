"""Which layer of one network stands for which of another, whatever they are called.

Equal parts are found first, whatever the order in which their branches run; then namesakes, where
the networks use the same names; then layers in like surroundings; then layers in order, by their
similarity; at last what lies between layers that are matched.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

from netcalc.core.aligning import aligned, rising
from netcalc.core.analyse import Result, Row
from netcalc.core.likeness import family, is_costly, kind, normaliser, similarity, worker
from netcalc.core.structure import Ids, Side, backward, forward, signs_of, surroundings

Ways: TypeAlias = tuple[list[frozenset[int]], list[frozenset[int]]]
"""For each layer of two networks, others before it or behind it."""

Keys: TypeAlias = tuple[Sequence[Hashable], Sequence[Hashable]]
"""For each layer of two networks, by its number, what must be the same in both; None for no key."""

MANY = 10_000
"""More possible pairs than this are not weighed up one by one."""

STEPS_AROUND = 3
"""How far surroundings reach."""


def matched(a: Result, b: Result) -> dict[str, str]:
    """By the names of layers of ``a``, those of the layers of ``b`` that stand for them."""
    if _rank(b) < _rank(a):  # so that it does not matter which network is named first
        return {theirs: mine for mine, theirs in matched(b, a).items()}
    found = _Matching(a, b)
    found.match_equal()
    found.match_namesakes()
    found.match_half_equal()
    found.match_surroundings()
    found.match_as_many_between()
    found.match_in_order()
    found.match_in_stages()
    found.match_between(heavy=True)
    found.match_between(heavy=False)
    found.match_other_kinds()
    return {found.a.rows[i].name: found.b.rows[j].name for i, j in sorted(found.partner.items())}


def _rank(result: Result) -> tuple[Any, ...]:
    totals = result.totals
    return len(result.rows), totals.params, totals.macs, [row.name for row in result.rows]


class _Matching:
    """Two networks, and the numbers of the layers that are matched so far."""

    def __init__(self, a: Result, b: Result) -> None:
        self.a, self.b = self.sides = (Side(a), Side(b))
        self.partner: dict[int, int] = {}
        self.back: dict[int, int] = {}
        self.ids: Ids = {}
        self.signs = signs_of(self.a, self.ids), signs_of(self.b, self.ids)
        x, y = self.signs
        self.forward = forward(self.a, x, self.ids), forward(self.b, y, self.ids)
        self.backward = backward(self.a, x, self.ids), backward(self.b, y, self.ids)
        self.scores: dict[tuple[int, int], int] = {}

    def pair(self, i: int, j: int) -> None:
        self.partner[i] = j
        self.back[j] = i

    def free(self, heavy: bool | None = None) -> tuple[list[int], list[int]]:
        """The layers that are not matched yet: all, those with a cost of their own, the others."""
        mine, theirs = (
            [
                i
                for i, row in enumerate(side.rows)
                if i not in taken and heavy in (None, is_costly(row))
            ]
            for side, taken in zip(self.sides, (self.partner, self.back), strict=True)
        )
        return mine, theirs

    def match(
        self, keys: Keys, heavy: bool | None = None, most: int = 0, equally: bool = False
    ) -> None:
        """Pair layers that have the same key, the closest first.

        With ``most``, only where no more than so many in each network have it; ``equally``: where
        as many in both.
        """
        classes: dict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for side, rows in enumerate(self.free(heavy)):
            for i in rows:
                classes[keys[side][i]][side].append(i)
        for key, (left, right) in classes.items():
            few = len(left) <= (most or len(left)) and len(right) <= (most or len(right))
            if key is not None and few and (len(left) == len(right) or not equally):
                self.pair_closest(left, right)

    def pair_closest(self, left: list[int], right: list[int]) -> None:
        """Pair layers each of which could stand for each; too many of them in their order."""
        if len(left) * len(right) > MANY:
            for i, j in zip(left, right, strict=False):
                self.pair(i, j)
            return
        few, many = (left, right) if len(left) <= len(right) else (right, left)
        free = many[:]
        for k in few:
            ways = ((k, other) if few is left else (other, k) for other in free)
            i, j = max(ways, key=lambda way: self.closeness(*way))
            free.remove(j if few is left else i)
            self.pair(i, j)

    def closeness(self, i: int, j: int) -> tuple[int, int, int, int]:
        """How many neighbours are matched, how similar the layers are, how many users are alike."""
        near = [
            (self.partner.get(p) for p, _ in self.a.sources[i]),
            (self.partner.get(u) for u, *_ in self.a.users[i]),
        ]
        theirs = {p for p, _ in self.b.sources[j]}, {u for u, *_ in self.b.users[j]}
        known = [sum(p in over for p in own) for own, over in zip(near, theirs, strict=True)]
        follow = [
            Counter(own[u] for u, *_ in side.users[k])
            for side, own, k in zip(self.sides, self.signs, (i, j), strict=True)
        ]
        return known[0], known[1], self.score(i, j), (follow[0] & follow[1]).total()

    def match_equal(self) -> None:
        """Layers that are equal with all that leads to them and all that follows."""
        mine, theirs = (
            list(zip(f, b, strict=True)) for f, b in zip(self.forward, self.backward, strict=True)
        )
        self.match((mine, theirs))

    def match_half_equal(self) -> None:
        """Layers that are equal with all that leads to them, or with all that follows."""
        for keys in (self.forward, self.backward):
            self.match(keys, heavy=True)

    def match_namesakes(self) -> None:
        """Layers of one name and kind, where half of a network's layers have such a namesake."""
        called = [[_called(row) for row in side.rows] for side in self.sides]
        left, right = self.free(heavy=True)
        mine, theirs = {called[0][i] for i in left} - {None}, {called[1][j] for j in right} - {None}
        if 2 * len(mine & theirs) >= min(len(mine), len(theirs)) > 0:
            self.match((called[0], called[1]), heavy=True)

    def match_surroundings(self) -> None:
        """Layers that are the only ones in like surroundings, the wider ones first."""
        mine, theirs = (surroundings(side, self.ids, STEPS_AROUND) for side in self.sides)
        for keys in reversed(list(zip(mine, theirs, strict=True))):
            self.match(keys, most=1)

    def match_in_order(self) -> None:
        """Layers with a cost, in the order in which they run, between those that are matched."""
        anchors = rising(sorted(self.partner.items()))
        gaps: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for side, rows in enumerate(self.free(heavy=True)):
            bounds = [pair[side] for pair in anchors]
            for row in rows:
                gaps[bisect_left(bounds, row)][side].append(row)
        for mine, theirs in gaps.values():
            for i, j in aligned(mine, theirs, self.score):
                self.pair(i, j)

    def score(self, i: int, j: int) -> int:
        """How similar two layers are, 0 for those that cannot stand for one another."""
        key = self.signs[0][i], self.signs[1][j]
        x, y = self.a.rows[i], self.b.rows[j]
        if key not in self.scores:
            self.scores[key] = similarity(x, y)
        found = self.scores[key]
        return found + NAMED if found and x.name == y.name else found

    def match_between(self, heavy: bool) -> None:
        """Layers of one kind between the same matched layers; then behind them, or before them."""
        before, after = self.around()
        self.match_near((before, after), kind, heavy)
        self.match_near((before,), kind, heavy)
        self.match_near((after,), kind, heavy)
        self.match_near((before, after), family, heavy)
        self.match_near((before,), family, heavy)

    def match_as_many_between(self) -> None:
        """Layers that work between the same matched layers, where there are as many in both.

        Then the normalisations behind them.
        """
        self.match_near(self.around(), worker, heavy=True, equally=True)
        self.match_near(self.around()[:1], normaliser, heavy=True, equally=True)

    def match_near(
        self, ways: Sequence[Ways], called: Callable[[Row], str], heavy: bool, equally: bool = False
    ) -> None:
        """Layers that are called the same (empty: not at all) amid the same matched layers."""
        mine, theirs = (
            [
                (called(row), over) if all(over) and called(row) else None
                for row, over in zip(side.rows, zip(*of_side, strict=True), strict=True)
            ]
            for side, of_side in zip(self.sides, zip(*ways, strict=True), strict=True)
        )
        self.match((mine, theirs), heavy, equally=equally)

    def around(self) -> tuple[Ways, Ways]:
        """The nearest matched layers before and behind each, those of the second network."""
        known = {**self.partner, **{i: i for i in self.a.at.values() if i < 0}}
        ways = self.a.preceding(self.partner), self.a.following(self.partner)
        mine = [[frozenset(known[i] for i in over) for over in way] for way in ways]
        return (mine[0], self.b.preceding(self.back)), (mine[1], self.b.following(self.back))

    def match_in_stages(self) -> None:
        """What is left in stages that belong together, by similarity, in whatever order it runs.

        Normalisations come after the layers that they belong to.
        """
        stage = [[row.node.group() for row in side.rows] for side in self.sides]
        together = {(stage[0][i], stage[1][j]) for i, j in self.partner.items()}
        left, right = (
            [i for i in rows if not normaliser(side.rows[i])]
            for side, rows in zip(self.sides, self.free(heavy=True), strict=True)
        )
        found = [
            (-score, i, j)
            for i in left
            for j in right
            if (stage[0][i], stage[1][j]) in together and (score := self.score(i, j)) >= SIMILAR
        ]
        for _, i, j in sorted(found):
            if i not in self.partner and j not in self.back:
                self.pair(i, j)

    def match_other_kinds(self) -> None:
        """At last, what has the same name and is of another kind."""
        mine, theirs = ([_name(row) for row in side.rows] for side in self.sides)
        self.match((mine, theirs))


NAMED = 150
"""What it is worth that two similar layers have the same name."""

SIMILAR = 400
"""Less similar layers than this are not paired out of order."""


def _name(row: Row) -> str | None:
    """The name, unless it ends in a number: that tells a place in a row of layers, no more."""
    return None if row.name.rpartition("/")[2].isdigit() else row.name


def _called(row: Row) -> tuple[str, str] | None:
    name = _name(row)
    return None if name is None else (name, row.type)
