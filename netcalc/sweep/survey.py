"""What is known of a graph before its candidates are worked out."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from netcalc.core.fields import LARGEST
from netcalc.core.graph import Node
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.errors import SpecError
from netcalc.sweep.graphs import made
from netcalc.sweep.intervals import Interval
from netcalc.sweep.quantities import COUNTS, gather
from netcalc.sweep.reasons import without_numbers
from netcalc.sweep.space import SLOW, Axis, Space
from netcalc.sweep.template import Template, template_of

LIMIT = 2**63
"""Numbers from here on do not fit in 64 bits."""

KEPT = 64

ALL, OFTEN = ("params", "buffers", "activations", "macs"), 2**10
"""Quantities that are worked out one by one are bytes of these and of the inputs: at most so many
times as large. What is larger all the same is not written as 64 bits: writing says so.
"""


class Survey(NamedTuple):
    """``proved`` are layers whose guards hold for all candidates. ``peak`` is a bound of all
    numbers on the way, ``bounds`` those of the quantities. ``reason`` is why no candidate is legal,
    ``template`` the graph with holes for arrays, where it can be had.
    """

    proved: frozenset[str] = frozenset()
    peak: int = 0
    bounds: dict[str, int] = {}  # noqa: RUF012  (a NamedTuple's)
    reason: str = ""
    template: Template | None = None

    @property
    def fits(self) -> bool:
        """Whether 64 bits hold all numbers."""
        return max(self.peak, *self.bounds.values(), 0) < LIMIT


_kept: dict[tuple[str, int], Survey] = {}


def survey(space: Space, graph: int) -> Survey:
    """Feed the rules with the least and the most of each axis."""
    key = space.digest, graph
    if key not in _kept:
        if len(_kept) >= KEPT:
            _kept.clear()
        _kept[key] = _survey(space, graph)
    return _kept[key]


def _survey(space: Space, graph: int) -> Survey:
    peak = [LARGEST]
    intervals = {axis.name: _interval(axis, peak) for axis in space.swept}
    unproved: set[str] = set()

    def look(node: Node, ins: tuple[Tensor, ...], guard: Guard) -> None:
        if not all(holds is True for holds in guard.holds):
            unproved.add(node.name)

    slow = [name for name in space.shown if name in SLOW]
    static = space.chosen(graph)
    numbers = {k: Interval(v, v, peak) for k, v in static.items() if type(v) is int}
    for constraint in space.constraints:
        constraint.holds({**intervals, **numbers})
    try:
        made_of, inputs = made(space, static, intervals)
        found = gather(made_of, inputs, (*space.shown, *(ALL if slow else ())), look)
    except SpecError as problem:
        return Survey(peak=peak[0], reason=without_numbers(str(problem)))
    names = {node.name for node in made_of.nodes}
    bounds = {name: found.sums.bound(name) for name in space.shown if name in COUNTS}
    bounds |= {name: _most(size) for name, size in found.sizes.items()}
    if slow:
        most = sum(found.sums.bound(name) for name in ALL)
        most += sum(prod(map(_most, x.dims)) for x in inputs.values())
        bounds |= dict.fromkeys(slow, OFTEN * most)
    template = template_of(made_of, inputs, intervals)
    return Survey(frozenset(names - unproved), peak[0], bounds, "", template)


def _interval(axis: Axis, peak: list[int]) -> Interval:
    return Interval(min(axis.values), max(axis.values), peak)


def _most(size: Any) -> int:
    return size.most if isinstance(size, Interval) else int(size)
