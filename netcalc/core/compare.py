"""Two networks side by side, and what their difference is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from netcalc.core.analyse import Result
from netcalc.core.pairs import Move, Pair, paired
from netcalc.core.pricing import Step, steps
from netcalc.core.stages import Stage, stages_by_name, stages_in_pairs
from netcalc.core.structure import Side, commutes

NORMS = ("BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RMSNorm")
"""What often takes the place of a bias."""


OTHERWISE = Move("inputs from other layers")
"""What differs where two layers are the same and stand in another place."""


class Difference(NamedTuple):
    """A change that layers of one kind have in common, and what it is worth in all of them."""

    steps: tuple[Step, ...]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The layers, in pairs; None where one of the networks lacks it."""
        return tuple(step.pair for step in self.steps)

    @property
    def type(self) -> str:
        """The kind of layer; empty where they are of several."""
        kinds = {pair.type for pair in self.pairs}
        return kinds.pop() if len(kinds) == 1 else ""

    @property
    def params(self) -> int:
        """How many parameters more the second network has for it."""
        return sum(step.params for step in self.steps)

    @property
    def macs(self) -> int:
        """How many MACs more the second network does for it."""
        return sum(step.macs for step in self.steps)


class Replacement(NamedTuple):
    """Biases that a normalisation behind their layers stands for, or the other way round."""

    before: str
    after: str
    gone: tuple[Step, ...]
    new: tuple[Step, ...]

    def worth(self, quantity: str) -> tuple[int, int]:
        """What goes and what comes, of ``params`` or ``macs``."""
        gone, new = (sum(getattr(s, quantity) for s in side) for side in (self.gone, self.new))
        return gone, new


class Comparison(NamedTuple):
    """Networks side by side; for exactly two also their layers in pairs, and what differs.

    ``steps`` has an entry for each change of each pair. Their parameters and MACs add up to the
    difference of the totals; some are worth nothing and change what the network computes.
    """

    results: tuple[Result, ...]
    stages: tuple[Stage, ...]
    pairs: tuple[Pair, ...]
    steps: tuple[Step, ...] = ()

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

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The same change of layers of one kind together, the largest first."""
        return self.grouped(lambda step: (step.pair.type, told(step, ("A", "B"))))

    @property
    def differences_briefly(self) -> tuple[Difference, ...]:
        """Changes of the same fields together, and what one network alone has at no cost."""

        def alike(step: Step) -> Hashable:
            kind = step.pair.type if step.moves or step.params or step.macs else ""
            return kind, told(step, ("A", "B"), briefly=True)

        return self.grouped(alike)

    def grouped(self, alike: Callable[[Step], Hashable]) -> tuple[Difference, ...]:
        """Steps together that are the same by some measure, the largest sums first."""
        groups: dict[Hashable, list[Step]] = defaultdict(list)
        for step in self.steps:
            otherwise = step.moves == (OTHERWISE,)  # what kind of layer it is does not matter
            groups[OTHERWISE if otherwise else alike(step)].append(step)
        found = [Difference(tuple(group)) for group in groups.values()]
        return tuple(sorted(found, key=lambda d: (-abs(d.params), -abs(d.macs))))

    @property
    def replacements(self) -> tuple[Replacement, ...]:
        """Where normalisations stand for biases."""
        return tuple(r for side in (0, 1) for r in _replacements(self.steps, side))


def told(step: Step, names: Sequence[str], briefly: bool = False) -> str:
    """What a step is: its fields with both values, or ``briefly`` their names alone."""
    if not step.moves:
        return f"only in {names[step.pair.a is None]}"
    return ", ".join(move.what if briefly else str(move) for move in step.moves)


def compare(*results: Result) -> Comparison:
    """Networks side by side.

    Two are paired layer by layer, by what the layers are and how they are connected; each pair's
    difference is taken apart.
    """
    if len(results) != 2:
        return Comparison(results, tuple(stages_by_name(results)), ())
    pairs = tuple(paired(*results))
    found = [step for pair in pairs for step in steps(pair)]
    found += [Step(pair, (OTHERWISE,), 0, 0) for pair in _connected_otherwise(results, pairs)]
    return Comparison(results, tuple(stages_in_pairs(results, pairs)), pairs, tuple(found))


def _connected_otherwise(results: tuple[Result, ...], pairs: tuple[Pair, ...]) -> Iterable[Pair]:
    """Pairs whose inputs come from layers that are no pair.

    An input that comes from a layer that one network alone has is no difference of its own.
    """
    a, b = (Side(result) for result in results)
    kept = [(pair, a.at[pair.a.name], b.at[pair.b.name]) for pair in pairs if pair.a and pair.b]
    partner = {i: j for _, i, j in kept} | {i: i for i in a.at.values() if i < 0}
    known = set(partner.values()) | {j for j in b.at.values() if j < 0}
    origins = a.origins(partner), b.origins(known)
    for pair, i, j in kept:
        mine = [(partner.get(p), {partner[q] for q in over}) for p, over in origins[0][i]]
        theirs = [(p if p in known else None, set(over)) for p, over in origins[1][j]]
        if len(mine) == len(theirs) and not commutes(pair.either.node.op):
            same = all(_linked([m], [t]) for m, t in zip(mine, theirs, strict=True))
        else:
            same = _linked(mine, theirs)
        if not same:
            yield pair


Origin: TypeAlias = tuple[int | None, set[int]]
"""The paired layer that an input comes from, if it is one, and the nearest paired ones before."""


def _linked(mine: list[Origin], theirs: list[Origin]) -> bool:
    """Whether inputs come from the same pairs."""
    reach = [set[int]().union(*(over for _, over in side)) for side in (mine, theirs)]
    direct = [{p for p, _ in side if p is not None} for side in (mine, theirs)]
    return direct[0] <= reach[1] and direct[1] <= reach[0]


def _replacements(steps: tuple[Step, ...], side: int) -> Iterable[Replacement]:
    """Normalisations that one network alone has, behind layers that have no bias there."""
    rows = ((step, step.pair[side]) for step in steps if _has_no_bias(step, side))
    without = {row.name: step for step, row in rows if row}
    found: dict[str, list[tuple[Step, Step]]] = defaultdict(list)
    for step in steps:
        row = step.pair[side]
        if row is not None and not step.moves and row.type.startswith(NORMS):
            source = row.node.inputs[0][0]
            if source in without:
                found[row.type].append((without[source], step))
    for kind, both in found.items():
        biases, norms = tuple(bias for bias, _ in both), tuple(norm for _, norm in both)
        if side:
            yield Replacement("bias", kind, biases, norms)
        else:
            yield Replacement(kind, "bias", norms, biases)


def _has_no_bias(step: Step, side: int) -> bool:
    """Whether a step is that a layer has no bias in one of the networks, and nothing else."""
    return [(move.what, move[1 + side]) for move in step.moves] == [("bias", False)]
