"""The largest network that fits a budget: how wide it is, and on how large an input it runs."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from netcalc.errors import InputError, SpecError
from netcalc.sweep.knobs import Costs, Knob, Number, Turning, Values, last
from netcalc.sweep.space import INPUT, Net

INPUTS, WIDTHS = (4, 6, 8, 10, 12, 14, 16), (3, 4, 5, 6, 7, 8)
"""The frontier is shown for inputs of so many eighths of the network's own, and for widths of so
many eighths of the widest of these."""


class Choice(NamedTuple):
    """Values of the knobs, what the network costs then, and why none of them can be turned up.

    ``next`` has the next value that can be of a knob and what that costs; ``refused`` the next step
    and why it cannot be, where none of the larger values can.
    """

    values: Values
    costs: Costs
    next: Mapping[str, tuple[Number, Costs]]
    refused: Mapping[str, tuple[Number, str]]


class Fitting(NamedTuple):
    """The choice nearest to the network itself, and others; what the network itself costs."""

    own: Costs
    best: Choice
    frontier: tuple[Choice, ...] = ()
    notes: tuple[str, ...] = ()


def fitting(net: Net, knobs: tuple[Knob, ...], budget: Mapping[str, int]) -> Fitting:
    """What fits; raises InputError where nothing does, or no budget bounds anything."""
    turning = Turning(net, budget)
    if len(knobs) == 1:
        fall = turning.fall(knobs[0], {})
        notes = (f"{fall}: the largest value that fits need not cost most",) if fall else ()
        return Fitting(turning.costs({}), _alone(turning, knobs[0]), (), notes)
    width, side = sorted(knobs, key=lambda knob: knob.name == INPUT)
    return _Both(turning, width, side).fitting()


def nothing(turning: Turning) -> InputError:
    """What to say where nothing fits."""
    told = " and ".join(f"{limit:,} {name}" for name, limit in turning.budget.items())
    return InputError(f"{turning.net.name}: nothing fits {told}, however small")


def choice(turning: Turning, values: Values, knobs: tuple[Knob, ...]) -> Choice:
    """A choice of which none of some knobs can be turned up, and why."""
    after: dict[str, tuple[Number, Costs]] = {}
    refused = {}
    for knob in knobs:
        value = values[knob.name]
        others = {name: v for name, v in values.items() if name != knob.name}
        larger = turning.after(knob, value, others)
        if larger is None:
            refused[knob.name] = value + knob.step, _why_not(turning, knob, value, others)
        else:
            after[knob.name] = larger, turning.costs({**values, knob.name: larger})
    assert not any(turning.within(costs) for _, costs in after.values())
    return Choice(values, turning.costs(values), after, refused)


def _why_not(turning: Turning, knob: Knob, value: Number, others: Values) -> str:
    try:
        turning.costs({knob.name: value + knob.step, **others})
    except SpecError as problem:
        return str(problem)
    raise AssertionError(f"{knob.name} {value + knob.step} can be")


def _alone(turning: Turning, knob: Knob) -> Choice:
    """The largest value of the only knob."""
    value = turning.largest(knob, {})
    if value is None:
        raise nothing(turning)
    if knob.ends(value):
        raise turning.endless(knob, value, {})
    return choice(turning, {knob.name: value}, (knob,))


Pair = tuple[Number, Number]
"""Values of the argument and of the input."""


class _Both:
    """An argument of the network and its input. Costs never fall when either is turned up."""

    def __init__(self, turning: Turning, width: Knob, side: Knob) -> None:
        self.turning, self.width, self.side = turning, width, side
        if not width.own:
            raise InputError(
                f"{turning.net.name}: {width.name} is 0, of which nothing is a share; "
                f"vary {width.name} alone"
            )
        fall = turning.fall(width, self._on(self.home))
        if fall:
            raise InputError(
                f"{turning.net.name}: {fall}: it cannot be weighed against the input; "
                f"vary {width.name} alone"
            )

    @cached_property
    def home(self) -> Number:
        """The network's own input; where that cannot be as a square, the nearest that can."""
        try:
            self.turning.costs({INPUT: self.side.own})
        except SpecError as problem:
            sides = self.turning.block(self.side, 0, {})
            if not sides:
                raise problem from None
            return min(sides, key=lambda side: abs(int(side - self.side.own)))
        return self.side.own

    def _on(self, side: Number) -> Values:
        return {INPUT: side}

    def _of(self, width: Number) -> Values:
        return {self.width.name: width}

    def fitting(self) -> Fitting:
        """The nearest choice, and the frontier."""
        widest = self.widest(self.home)
        if widest is not None and self.width.ends(widest):
            raise self.turning.endless(self.width, widest, self._on(self.home))
        largest = None if widest is None else self.largest(widest)
        if widest is not None and largest is not None and self.side.ends(largest):
            return self._staying(widest, largest)
        best = self.best()
        shown = sorted({best} | self._others(), key=lambda pair: (-pair[1], pair[0]))
        choices = {pair: self._choice(pair) for pair in shown}
        return Fitting(self.turning.costs({}), choices[best], tuple(choices.values()))

    def _staying(self, width: Number, largest: Number) -> Fitting:
        """The widest network on its own input, where no budget bounds that."""
        depends = self.turning.depends(self.side, largest, self._of(width))
        why = f"every input up to {self.side.limit:,} fits" if depends else "no budget bounds input"
        values = {**self._of(width), INPUT: self.home}
        best = choice(self.turning, values, (self.width,))
        return Fitting(self.turning.costs({}), best, (), (f"{why}: it stays",))

    def _choice(self, pair: Pair) -> Choice:
        values = {self.width.name: pair[0], INPUT: pair[1]}
        return choice(self.turning, values, (self.width, self.side))

    def widest(self, side: Number) -> Number | None:
        """The largest value of the argument that fits an input."""
        return self.turning.largest(self.width, self._on(side))

    def largest(self, width: Number) -> Number | None:
        """The largest input that fits a value of the argument."""
        return self.turning.largest(self.side, self._of(width))

    def best(self) -> Pair:
        """The choice of which the smaller one of width and input, by the own ones, is largest.

        The wider a network, the smaller its largest input. So it is the widest network whose input
        is, by the own one, at least as large as its width; or one on the largest input of the next.
        """
        width = self._alike()
        if width is None:
            raise nothing(self.turning)
        largest = self.largest(width)
        if largest is not None and self.side.ends(largest):
            raise self.turning.endless(self.side, largest, self._of(width))
        pairs = self._up(width)
        wider = self.turning.after(self.width, width, self._on(self.home))
        side = None if wider is None else self.largest(wider)
        if side is not None:
            pairs |= self._through(side)
        return max(pairs, key=self._likeness)

    def _alike(self) -> Number | None:
        """The widest network whose input, by the own one, is at least as large as its width.

        Where there is none, the narrowest that fits on any input.
        """
        turning, width, on = self.turning, self.width, self._on(self.home)

        def values(number: int) -> list[Number]:
            return list(turning.block(width, number, on))

        def holds(value: Number) -> bool:
            side = self.largest(value)
            return side is not None and self._share(side, self.side) >= self._share(value, width)

        def starts(number: int) -> bool:
            return any(holds(value) for value in values(number)[:1])

        number = max(0, last(starts, turning.blocks(width)))
        legal = values(number)
        found = max(0, last(lambda n: holds(legal[n]), len(legal))) if legal else 0
        return legal[found] if legal and self.largest(legal[found]) is not None else None

    def _share(self, value: Number, knob: Knob) -> Fraction:
        return Fraction(value) / Fraction(knob.own)

    def _likeness(self, pair: Pair) -> tuple[Fraction, Fraction]:
        shares = self._share(pair[0], self.width), self._share(pair[1], self.side)
        return min(shares), max(shares)

    def _others(self) -> set[Pair]:
        """Some choices of which nothing can be turned up."""
        found: set[Pair] = set()
        step = self.side.step
        for eighths in INPUTS:
            found |= self._through(max(step, self.side.own * eighths // 8 // step * step))
        widest = max((width for width, _ in found), default=0)
        for eighths in WIDTHS:
            width = self._legal(widest * eighths / Fraction(8))
            side = None if width is None else self.largest(width)
            found |= set() if side is None else self._through(side)
        return found

    def _legal(self, width: Number) -> Number | None:
        """The largest value of the argument up to one, among those beside it; None for none."""
        width = max(width, self.width.step)
        block = self.turning.block(
            self.width, self.turning.number(self.width, width), self._on(self.home)
        )
        return max((value for value in block if value <= width), default=None)

    def _through(self, side: Number) -> set[Pair]:
        """The widest network on an input, and the largest input of that one, if any fits."""
        width = self.widest(side)
        return set() if width is None else self._up(width)

    def _up(self, width: Number) -> set[Pair]:
        """Turn up what can be, the input first; none where what is looked at ends before."""
        while True:
            side = self.largest(width)
            if side is None or self.side.ends(side) or self.width.ends(width):
                return set()
            wider = self.turning.after(self.width, width, self._on(side))
            if wider is None or not self._fits(wider, side):
                return {(width, side)}
            width = max(wider, self.widest(side) or wider)

    def _fits(self, width: Number, side: Number) -> bool:
        return self.turning.within(self.turning.costs({**self._of(width), INPUT: side}))
