"""The largest network that fits a budget: how wide it is, and on how large an input it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from netcalc.errors import InputError, SpecError
from netcalc.sweep.chunks import Job, run_chunk
from netcalc.sweep.single import single
from netcalc.sweep.space import INPUT, Axis, Net, Space

Number = Fraction | int

LARGEST_SIDE = 8192
"""Inputs are looked at up to this height and width."""

WIDEST = 2**20
"""How many times wider than itself a network may get before no budget is said to bound it."""

INPUTS, WIDTHS = (4, 6, 8, 10, 12, 14, 16), (3, 4, 5, 6, 7, 8)
"""The frontier is shown for inputs of so many eighths of the network's own, and for widths of so
many eighths of the widest of these."""


class Knob(NamedTuple):
    """What may be turned: an argument of the network or ``input``, its own value, and its steps."""

    name: str
    own: Number
    step: Number


class Choice(NamedTuple):
    """Values of the knobs, what the network costs then, and what each next step would cost."""

    values: Mapping[str, Number]
    costs: Mapping[str, int]
    next: Mapping[str, tuple[Number, Mapping[str, int]]]


class Fitting(NamedTuple):
    """The choice that is nearest to the network itself, the others, and which knobs stay as is."""

    best: Choice
    frontier: tuple[Choice, ...]
    unbounded: tuple[str, ...]


class Fitter:
    """Finds what fits. Costs never get less when a knob is turned up."""

    def __init__(self, net: Net, knobs: tuple[Knob, ...], budget: Mapping[str, int]) -> None:
        self.net, self.budget = net, budget
        self.side = next((k for k in knobs if k.name == INPUT), None)
        self.width = next((k for k in knobs if k.name != INPUT), None)
        self.knobs = tuple(k for k in (self.width, self.side) if k)
        self._tables: dict[Any, dict[int, dict[str, int]]] = {}

    def fitting(self) -> Fitting:
        """Everything; raises InputError where nothing fits, or no budget bounds anything."""
        if not self.width:
            if self._fits_all(None):
                raise InputError("no budget bounds the input; add --max-macs")
            return Fitting(self._choice({INPUT: self.largest_side(None)}), (), ())
        if not self.side or self._unbounded():
            values: dict[str, Number] = {self.width.name: self.widest(self.side and self._own_side)}
            if self.side:
                values[INPUT] = self._own_side
            return Fitting(self._choice(values), (), (INPUT,) if self.side else ())
        found = {self._best()}
        for eighths in INPUTS:
            found |= self._through(self._stepped(self._own_side * eighths // 8))
        widest = max(width for width, _ in found)
        for eighths in WIDTHS:
            steps = int(widest * eighths // (8 * self.width.step))
            width = max(1, steps) * self.width.step
            found |= self._through(self.largest_side(width))
        best = max(found, key=self._likeness)
        shown = sorted(found, key=lambda pair: (-pair[1], pair[0]))
        name = self.width.name
        choices = {pair: self._choice({name: pair[0], INPUT: pair[1]}) for pair in shown}
        return Fitting(choices[best], tuple(choices.values()), ())

    @property
    def _own_side(self) -> int:
        assert self.side
        return int(self.side.own)

    def _stepped(self, side: int) -> int:
        assert self.side
        return max(1, side // int(self.side.step)) * int(self.side.step)

    def _unbounded(self) -> bool:
        """Whether even the largest input fits: no budget depends on it."""
        assert self.width
        return self._fits_all(self.width.step)

    def _through(self, side: int) -> set[tuple[Number, int]]:
        """The widest network on an input, and the largest input of that one, if any fits."""
        try:
            width = self.widest(side)
        except InputError:
            return set()
        return {(width, self.largest_side(width))}

    def _best(self) -> tuple[Number, int]:
        """The choice of which the smaller one of width and input, by the own ones, is largest."""
        assert self.width
        assert self.side
        step, own = self.width.step, Fraction(self.width.own)
        alike = self._bisect(lambda n: self.fits(n * step, self._side_like(n * step)))
        pairs: set[tuple[Number, int]] = self._through(self._stepped(self._own_side))
        if alike:
            pairs.add((alike * step, self.largest_side(alike * step)))
            above = self._own_side * (alike + 1) * step / own  # inputs below lie between two widths
            pairs |= self._through(self._stepped(int(above)))
        if not pairs:
            raise self._nothing()
        return max(pairs, key=self._likeness)

    def _side_like(self, width: Number) -> int:
        """The least input that is as large, by the own one, as a width."""
        assert self.width
        assert self.side
        wanted, step = (
            self._own_side * Fraction(width) / Fraction(self.width.own),
            int(self.side.step),
        )
        return -(-wanted // step) * step

    def _likeness(self, pair: tuple[Number, int]) -> tuple[Any, ...]:
        assert self.width
        ratios = (Fraction(pair[0]) / Fraction(self.width.own), Fraction(pair[1], self._own_side))
        return min(ratios), max(ratios)

    def widest(self, side: int | None) -> Number:
        """The largest value of the argument that fits; raises InputError where none does."""
        assert self.width
        step = self.width.step
        found = self._bisect(lambda n: self.fits(n * step, side))
        if not found:
            raise self._nothing()
        return found * step

    def _bisect(self, fits: Callable[[int], bool]) -> int:
        """The largest number of steps that fit."""
        assert self.width
        most = int(WIDEST * Fraction(self.width.own) / Fraction(self.width.step))
        low, high = 0, 1
        while fits(high):
            low, high = high, high * 2
            if high > most:
                raise InputError(f"no budget bounds {self.width.name}; add --max-params")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low

    def fits(self, width: Number | None, side: int | None) -> bool:
        """Whether a network keeps to the budget; one that cannot be is too small."""
        try:
            costs = self.costs(width, side)
        except SpecError:
            return False
        return self._within(costs)

    def _within(self, costs: Mapping[str, int]) -> bool:
        return all(costs[name] <= limit for name, limit in self.budget.items())

    def costs(self, width: Number | None, side: int | None) -> dict[str, int]:
        """What a network costs; raises SpecError where it cannot be."""
        values = {} if width is None or not self.width else {self.width.name: width}
        if side is not None:
            values[INPUT] = side
        return single(self._space(values), values, ("params", "macs"))

    def _space(self, values: Mapping[str, Any]) -> Space:
        axes = tuple(Axis(name, (value,), swept=False) for name, value in values.items())
        return Space(self.net, axes)

    def largest_side(self, width: Number | None) -> int:
        """The largest input that fits; raises InputError where none does."""
        fitting = [s for s, costs in self._sides(width).items() if self._within(costs)]
        if not fitting:
            raise self._nothing()
        return max(fitting)

    def _sides(self, width: Number | None) -> dict[int, dict[str, int]]:
        """The costs on all inputs, as one sweep."""
        if width not in self._tables:
            assert self.side
            step = int(self.side.step)
            sides = Axis(INPUT, tuple(range(step, LARGEST_SIDE + 1, step)))
            own = self._space({self.width.name: width} if self.width else {})
            space = Space(self.net, (*own.axes, sides))
            rows = run_chunk(Job(space), 0).rows
            columns = [rows[name].tolist() for name in (INPUT, "params", "macs")]
            self._tables[width] = {
                side: {"params": p, "macs": m} for side, p, m in zip(*columns, strict=True)
            }
        return self._tables[width]

    def _choice(self, values: Mapping[str, Number]) -> Choice:
        """A choice with the next step of each of its knobs, which must exceed the budget."""
        width = values.get(self.width.name) if self.width else None
        side = int(values[INPUT]) if INPUT in values else None
        after: dict[str, tuple[Number, Mapping[str, int]]] = {}
        if self.width and width is not None:
            wider = width + self.width.step
            after[self.width.name] = wider, self.costs(wider, side)
        if self.side and side is not None and not self._fits_all(width):
            larger = min(s for s in self._sides(width) if s > side)
            after[INPUT] = larger, self._sides(width)[larger]
        assert not any(self._within(costs) for _, costs in after.values())
        return Choice(values, self.costs(width, side), after)

    def _fits_all(self, width: Number | None) -> bool:
        assert self.side
        return self.largest_side(width) + int(self.side.step) > LARGEST_SIDE

    def _nothing(self) -> InputError:
        told = " and ".join(f"{limit:,} {name}" for name, limit in self.budget.items())
        return InputError(f"{self.net.name}: nothing fits {told}, however small")

    @cached_property
    def own_costs(self) -> dict[str, int]:
        """What the network costs as it is."""
        return self.costs(None, self._own_side if self.side else None)
