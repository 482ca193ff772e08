"""What networks cost as a knob is turned: which of its values can be, and the largest that fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from netcalc.errors import InputError, SpecError
from netcalc.sweep.chunks import Job, run_chunk
from netcalc.sweep.graphs import is_swept
from netcalc.sweep.single import single
from netcalc.sweep.space import INPUT, Axis, Net, Space

Number = Fraction | int
Values = Mapping[str, Number]
Costs = Mapping[str, int]

LARGEST_SIDE = 8192
"""Inputs are looked at up to this height and width."""

WIDEST = 2**20
"""How many times its own value an argument is looked at."""

TOGETHER, BY_HAND = 8192, 16
"""Values of a size that are worked out at once: as an array, and where it takes none."""


class Knob(NamedTuple):
    """What may be turned: an argument of the network or ``input``, its own value, and its steps."""

    name: str
    own: Number
    step: Number

    @property
    def limit(self) -> Number:
        """No larger value is looked at."""
        return LARGEST_SIDE if self.name == INPUT else WIDEST * max(self.own, 1)

    @property
    def first(self) -> int:
        """The number of steps of its least value; 0 only where the network itself has a 0."""
        return 1 if self.own else 0

    @property
    def many(self) -> int:
        """The number of its values."""
        return int(self.limit // self.step) + 1 - self.first

    def values(self, start: int, stop: int) -> tuple[Number, ...]:
        """Some of its values."""
        return tuple((n + self.first) * self.step for n in range(start, min(stop, self.many)))

    def ends(self, value: Number) -> bool:
        """Whether no larger value is looked at."""
        return value + self.step > self.limit


class Turning:
    """The costs of a network with values for some of its knobs, and which fit a budget.

    The values of a knob are worked out in blocks. Within a block any of them may be illegal, and
    costs may fall; the blocks that hold what fits must come before the others.
    """

    def __init__(self, net: Net, budget: Mapping[str, int]) -> None:
        self.net, self.budget = net, budget
        self._sizes: dict[str, int] = {}
        self._blocks: dict[tuple[object, ...], dict[Number, Costs]] = {}

    def costs(self, values: Values) -> Costs:
        """What a network costs; raises SpecError where it cannot be."""
        return single(self._space(values), values, ("params", "macs"))

    def within(self, costs: Costs) -> bool:
        """Whether they keep to the budget."""
        return all(costs[name] <= limit for name, limit in self.budget.items())

    def _space(self, values: Values, *more: Axis) -> Space:
        axes = tuple(Axis(name, (value,), swept=False) for name, value in values.items())
        return Space(self.net, (*axes, *more))

    def size(self, knob: Knob) -> int:
        """The number of steps in a block of a knob."""
        if knob.name not in self._sizes:
            self._sizes[knob.name] = self._size(knob)
        return self._sizes[knob.name]

    def _size(self, knob: Knob) -> int:
        if knob.name == INPUT:
            return LARGEST_SIDE
        if not isinstance(knob.step, int):
            return 1
        return TOGETHER if is_swept(self.net, Axis(knob.name, (1, TOGETHER))) else BY_HAND

    def block(self, knob: Knob, number: int, others: Values) -> dict[Number, Costs]:
        """The costs of the values of a block that can be, beside values of the other knobs."""
        key = (knob.name, number, *others.items())
        if key not in self._blocks:
            size = self.size(knob)
            values = knob.values(number * size, (number + 1) * size)
            work = self._at_once if size > BY_HAND else self._by_hand
            self._blocks[key] = work(knob, values, others) if values else {}
        return self._blocks[key]

    def _at_once(
        self, knob: Knob, values: tuple[Number, ...], others: Values
    ) -> dict[Number, Costs]:
        rows = run_chunk(Job(self._space(others, Axis(knob.name, values))), 0).rows
        columns = [rows[name].tolist() for name in (knob.name, "params", "macs")]
        return {value: {"params": p, "macs": m} for value, p, m in zip(*columns, strict=True)}

    def _by_hand(
        self, knob: Knob, values: tuple[Number, ...], others: Values
    ) -> dict[Number, Costs]:
        found = {}
        for value in values:
            try:
                found[value] = self.costs({knob.name: value, **others})
            except SpecError:
                continue
        return found

    def blocks(self, knob: Knob) -> int:
        """The number of blocks of a knob."""
        return -(-knob.many // self.size(knob))

    def largest(self, knob: Knob, others: Values) -> Number | None:
        """The largest value that fits, beside values of the other knobs; None where none does."""

        def fitting(number: int) -> list[Number]:
            block = self.block(knob, number, others)
            return [value for value, costs in block.items() if self.within(costs)]

        found = last(lambda number: bool(fitting(number)), self.blocks(knob))
        return None if found < 0 else max(fitting(found))

    def after(self, knob: Knob, value: Number, others: Values) -> Number | None:
        """The next value that can be; None where none of the next ones can."""
        number = self.number(knob, value)
        for at in (number, number + 1):
            larger = [v for v in self.block(knob, at, others) if v > value]
            if larger:
                return min(larger)
        return None

    def number(self, knob: Knob, value: Number) -> int:
        """The block that a value is in."""
        return (int(value // knob.step) - knob.first) // self.size(knob)

    def fall(self, knob: Knob, others: Values) -> str:
        """Where what is bounded falls as a knob is turned up; '' where it never does."""
        block = list(self.block(knob, 0, others).items())
        for (a, before), (b, after) in pairwise(block):
            for name in self.budget:
                if after[name] < before[name]:
                    fewer = f"{before[name] - after[name]:,} {name} fewer"
                    return f"{knob.name} {b} costs {fewer} than {knob.name} {a}"
        return ""

    def endless(self, knob: Knob, value: Number, others: Values) -> InputError:
        """What to say where the largest value that is looked at fits."""
        name = "the input" if knob.name == INPUT else knob.name
        fall = self.fall(knob, others)
        if fall:
            told = f"no budget bounds {name}: {fall}; vary another argument"
        elif self.depends(knob, value, others):
            told = f"{name} is looked at up to {int(knob.limit):,}, which fits; lower the budget"
        else:
            useful = ["macs"] if knob.name == INPUT else ["params", "macs"]
            missing = [f"--max-{kind}" for kind in useful if kind not in self.budget]
            told = f"no budget bounds {name}; {'add ' + missing[0] if missing else 'vary another'}"
        return InputError(f"{self.net.name}: {told}")

    def depends(self, knob: Knob, value: Number, others: Values) -> bool:
        """Whether what is bounded differs between a value and the least one."""
        least = next(iter(self.block(knob, 0, others).values()))
        costs = self.costs({knob.name: value, **others})
        return any(costs[name] != least[name] for name in self.budget)


def last(holds: Callable[[int], bool], count: int) -> int:
    """The last number below ``count`` for which something holds that holds up to there, or -1."""
    if not holds(0):
        return -1
    low, high = 0, 1
    while high < count and holds(high):
        low, high = high, 2 * high
    high = min(high, count)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
