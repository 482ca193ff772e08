"""Sums of products of arrays, worked out in few passes and in pieces that stay in the cache.

Costs are products of leaves. Here those of a whole network are put together before anything is
multiplied: like products once, common factors outside, one sum for all quantities that are
multiples of it. Integers wrap around without harm on the way, as long as the total fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np

PIECE = 32768
"""Candidates that are worked out at a time."""

Product = tuple[int, ...]
"""The positions of the leaves that are multiplied, in order; () is 1."""

Sum = Mapping[Product, int]
"""How often each product is added."""


class Sums:
    """Sums by name, of products of whole numbers and leaves (arrays, or intervals)."""

    def __init__(self) -> None:
        self.leaves: list[Any] = []
        self.sums: dict[str, dict[Product, int]] = {}
        self._at: dict[int, int] = {}

    def add(self, name: str, factors: Iterable[Any], times: int = 1) -> None:
        """Add a product of factors to a sum."""
        leaves = []
        for factor in factors:
            if isinstance(factor, int | np.integer):
                times *= int(factor)
            else:
                leaves.append(self._leaf(factor))
        key = tuple(sorted(leaves))
        found = self.sums.setdefault(name, {})
        found[key] = found.get(key, 0) + times

    def _leaf(self, x: Any) -> int:
        at = self._at.setdefault(id(x), len(self.leaves))  # kept, so that its id stays its own
        if at == len(self.leaves):
            self.leaves.append(x)
        return at

    def bound(self, name: str) -> int:
        """No value of a sum of intervals is larger: its products' largest factors."""
        most = [max(1, x.most) for x in self.leaves]
        found = self.sums.get(name, {})
        return sum(abs(times) * prod(most[i] for i in key) for key, times in found.items())

    def values(self, n: int, dtype: Any) -> dict[str, Any]:
        """All sums for ``n`` candidates."""
        program = _Program(self.sums, len(self.leaves))
        found = {name: np.empty(n, dtype) for name in self.sums}
        direct = {slot: name for name, (times, slot) in program.results.items() if times == 1}
        spare = [np.empty(min(n, PIECE), dtype) for _ in range(len(program.steps) + 1)]
        for start in range(0, n, PIECE):
            piece = slice(start, min(n, start + PIECE))
            size = piece.stop - start
            slots = [x[piece] for x in self.leaves]
            for step, room in zip(program.steps, spare, strict=False):
                name = direct.get(len(slots))
                out = room[:size] if name is None else found[name][piece]
                step.run(slots, out, spare[-1][:size])
            for name, (times, slot) in program.results.items():
                if direct.get(slot) != name or slot < len(self.leaves):
                    np.multiply(slots[slot], times, out=found[name][piece])
        return found


class _Times(NamedTuple):
    """The product of two slots, in a slot of its own."""

    a: int
    b: int

    def run(self, slots: list[Any], out: Any, spare: Any) -> None:
        slots.append(np.multiply(slots[self.a], slots[self.b], out=out))


class _Plus(NamedTuple):
    """A constant and multiples of slots; slots that are taken equally often stand together."""

    parts: tuple[tuple[int, tuple[int, ...]], ...]
    constant: int

    def run(self, slots: list[Any], out: Any, spare: Any) -> None:
        if not self.parts:
            out[...] = self.constant
        for i, (times, group) in enumerate(self.parts):
            room = spare if i else out
            part = slots[group[0]]
            for slot in group[1:]:
                part = np.add(part, slots[slot], out=room)
            if times != 1 or (not i and part is not out):
                part = np.multiply(part, times, out=room)
            if i:
                np.add(out, part, out=out)
        if self.parts and self.constant:
            np.add(out, self.constant, out=out)
        slots.append(out)


class _Program:
    """The steps that work out some sums, each a slot behind those of the leaves."""

    def __init__(self, sums: Mapping[str, Sum], leaves: int) -> None:
        self.steps: list[_Times | _Plus] = []
        self.leaves = leaves
        every = {key for found in sums.values() for key in found}
        self.often = Counter(i for key in every if len(key) > 1 for i in set(key))
        self.slots: dict[Any, int] = {}
        self.results = {name: self._multiple(found) for name, found in sums.items()}

    def _multiple(self, found: Sum) -> tuple[int, int]:
        """A sum as a multiple of a slot."""
        common = gcd(*found.values()) or 1
        return common, self._sum({key: times // common for key, times in found.items()})

    def _sum(self, found: Sum) -> int:
        """The slot of a sum; common factors stand outside."""
        if len(found) == 1 and not (set(found.values()) - {1}):
            (key,) = found
            if key:
                return self._product(key)
        inside: dict[int, dict[Product, int]] = {}
        parts: dict[int, list[int]] = {}
        for key, times in found.items():
            if len(key) == 1:
                parts.setdefault(times, []).append(key[0])
            elif key:
                common = max(key, key=lambda i: (self.often[i], i))
                at = key.index(common)
                inside.setdefault(common, {})[key[:at] + key[at + 1 :]] = times
        for common, rest in inside.items():
            times, slot = self._multiple(rest)
            parts.setdefault(times, []).append(self._step(_Times(common, slot)))
        grouped = tuple((times, tuple(sorted(group))) for times, group in sorted(parts.items()))
        return self._step(_Plus(grouped, found.get((), 0)))

    def _product(self, key: Product) -> int:
        slot = key[0]
        for i in key[1:]:
            slot = self._step(_Times(slot, i))
        return slot

    def _step(self, step: _Times | _Plus) -> int:
        if step not in self.slots:
            self.slots[step] = self.leaves + len(self.steps)
            self.steps.append(step)
        return self.slots[step]
