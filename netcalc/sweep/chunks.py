"""One chunk of a sweep, worked out by itself: the unit that processes and clusters are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from netcalc.core.fields import LARGEST
from netcalc.core.graph import Graph, Node
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.core.walk import TOO_LONG, Call
from netcalc.errors import InputError, SpecError
from netcalc.sweep.best import Best, Table
from netcalc.sweep.candidates import candidates, chunk_size, chunks_per_graph, in_graph
from netcalc.sweep.each import each
from netcalc.sweep.graphs import made
from netcalc.sweep.quantities import gather
from netcalc.sweep.reasons import reason, without_numbers
from netcalc.sweep.space import SLOW, Space
from netcalc.sweep.survey import LIMIT, Survey, survey

CANDIDATE = "candidate"
"""The column that numbers the candidates in the order of the space."""


class Job(NamedTuple):
    """A sweep: what is gone through, which rows are handed back (all, or the best)."""

    space: Space
    sample: int | None = None
    seed: int = 0
    best: Best | None = None
    rows: bool = True

    @property
    def chunks(self) -> int:
        """The number of chunks."""
        return self.space.graphs * chunks_per_graph(self.space, self.sample)


class Found(NamedTuple):
    """A chunk: its number, how many it went through, why some were left out, and the rows."""

    number: int
    examined: int
    left_out: dict[str, int]
    rows: Table
    best: Table


def run_chunk(job: Job, number: int) -> Found:
    """Work out one chunk; the same on whatever machine it runs."""
    graph, chunk = divmod(number, chunks_per_graph(job.space, job.sample))
    columns, n = candidates(job.space, job.sample, job.seed, graph, chunk)
    start = _before(job, graph) + chunk * chunk_size(job.space)
    work = _Chunk(job.space, graph, columns, n)
    with np.errstate(all="ignore"):  # of candidates that are left out
        rows = work.rows(start)
    best = job.best.of(rows) if job.best else {}
    return Found(number, n, work.left_out, rows if job.rows else {}, best)


def of_vectors(space: Space, columns: dict[str, Any]) -> Iterator[Table]:
    """Candidates whose values are given, as arrays within the space's own range, in chunks.

    Static axes are at their first value.
    """
    size, n = chunk_size(space), len(next(iter(columns.values())))
    for start in range(0, n, size):
        piece = {name: column[start : start + size] for name, column in columns.items()}
        with np.errstate(all="ignore"):
            yield _Chunk(space, 0, piece, min(size, n - start)).rows(start)


def _before(job: Job, graph: int) -> int:
    """The number of candidates of the graphs before one."""
    space, sample = job.space, job.sample
    if in_graph(space, sample, graph) == space.grid:
        return graph * space.grid
    assert sample is not None
    return graph * sample // space.graphs


class _Stop(Exception):  # noqa: N818  (no error)
    """No candidate is left."""


class _Chunk:
    """Candidates of one graph, and which of them are left."""

    def __init__(self, space: Space, graph: int, columns: dict[str, Any], n: int) -> None:
        self.space, self.static = space, space.chosen(graph)
        self.columns, self.n = columns, n
        self.left_out: dict[str, int] = {}
        self.left: Any = np.ones(n, bool)
        self.survey: Survey = survey(space, graph)
        if not self.survey.fits:
            self.columns = {name: x.astype(object) for name, x in columns.items()}

    def rows(self, start: int) -> Table:
        """The candidates that are legal and keep to everything, with their quantities."""
        names = (CANDIDATE, *self.space.columns)
        numbers = np.arange(start, start + self.n, dtype=np.int64)
        if not self.n:
            return self._table(numbers, names, {})
        try:
            for constraint in self.space.constraints:
                told = self._as_numbers()
                self.keep(constraint.holds(told), f"excluded by {constraint.text}")
            numbers = self._compressed(numbers)
            quantities = self._quantities()
            self._within(quantities)
            slow = self._one_by_one()
            self._within(slow)
            quantities |= slow
        except _Stop:
            self.n, self.left = 0, np.zeros(0, bool)
            self.columns = {name: x[:0] for name, x in self.columns.items()}
            return self._table(numbers[:0], names, {})
        return self._table(numbers, names, quantities)

    def _within(self, values: dict[str, Any]) -> None:
        for budget in self.space.budgets:
            if budget.quantity in values:
                self.keep(budget.holds(values[budget.quantity]), f"beyond {budget.text}")

    def _one_by_one(self) -> dict[str, Any]:
        """The quantities that take a candidate each, of those that are left; 0 of others."""
        kind = np.int64 if self.survey.fits else object
        found = {name: np.zeros(self.n, kind) for name in self.space.shown if name in SLOW}
        for i in np.flatnonzero(self.left) if found else ():
            one = {name: int(x[i]) for name, x in self.columns.items()}
            graph, inputs = made(self.space, self.static, one)
            for name, value in each(graph, inputs, found).items():
                if value >= LIMIT and found[name].dtype != object:  # beyond all that was foreseen
                    found[name] = found[name].astype(object)
                found[name][i] = value
        return found

    def keep(self, holds: Any, why: str | Callable[[int], str]) -> None:
        """Leave out the candidates for which something does not hold, under a reason."""
        if holds is True:
            return
        held = np.broadcast_to(np.asarray(holds, bool), self.left.shape)
        lost = self.left & ~held
        count = int(np.count_nonzero(lost))
        if count:
            told = why if isinstance(why, str) else why(int(np.argmax(lost)))
            self.left_out[told] = self.left_out.get(told, 0) + count
            self.left &= held
            if not self.left.any():
                raise _Stop

    def _as_numbers(self) -> dict[str, Any]:
        static = {k: v for k, v in self.static.items() if type(v) is int}
        return {**self.columns, **static}

    def _compressed(self, numbers: Any) -> Any:
        """Go on with the candidates that are left only."""
        if self.left.all():
            return numbers
        at = np.flatnonzero(self.left)
        self.columns = {name: x[at] for name, x in self.columns.items()}
        self.n, self.left = len(at), np.ones(len(at), bool)
        return numbers[at]

    def _quantities(self) -> dict[str, Any]:
        """The quantities of all candidates; those of illegal ones mean nothing."""
        if self.survey.reason:
            self.keep(False, self.survey.reason)
        names = self.space.shown
        try:
            graph, inputs = self._graph()
            found = gather(graph, inputs, names, self._guard, self, self.survey.proved)
        except SpecError as problem:
            self.keep(False, without_numbers(str(problem)))
            raise
        except ZeroDivisionError:
            raise InputError(
                "numbers beyond 64 bits and a field of 0 at once: take the 0 out of the space"
            ) from None
        dtype = np.int64 if self.survey.fits else object
        quantities = found.sums.values(self.n, dtype)
        for name, size in found.sizes.items():
            quantities[name] = size if isinstance(size, np.ndarray) else self._full(size)
        return quantities

    def _graph(self) -> tuple[Graph, dict[str, Tensor]]:
        """The graph of all candidates."""
        if self.survey.template:
            return self.survey.template.filled(self.columns)
        return made(self.space, self.static, self.columns)

    def _full(self, value: Any) -> Any:
        whole = type(value) is int and -(2**63) <= value < 2**63
        real = float(value) if isinstance(value, Fraction) else value
        kind: Any = np.int64 if whole else float if isinstance(real, float) else object
        return np.full(self.n, real, kind)

    def _guard(self, node: Node, ins: tuple[Tensor, ...], guard: Guard) -> None:
        for holds in guard.holds:
            self.keep(holds, lambda i: f"{node.name}: {reason(guard, i)}")

    def long(self, call: Call) -> None:
        """Leave out the candidates of which an axis gets too long."""
        if self.survey.peak > LARGEST:
            for d in (d for out in call.outs for d in out.dims if isinstance(d, np.ndarray)):
                self.keep(d <= LARGEST, f"{call.node.name}: {without_numbers(TOO_LONG)}")

    def unlike(self, key: str, first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
        """Leave out the candidates of which a shared tensor would have two shapes."""
        if len(first) != len(second):
            self.keep(False, f"{key} is shared by tensors of other shapes")
            return
        for a, b in zip(first, second, strict=True):
            if a is not b:
                self.keep(a == b, f"{key} is shared by tensors of other shapes")

    def _table(self, numbers: Any, names: tuple[str, ...], quantities: dict[str, Any]) -> Table:
        found = {CANDIDATE: numbers, **self.columns}
        for name, value in self.static.items():
            found[name] = self._full(value)
        at = None if self.left.all() else np.flatnonzero(self.left)
        empty = np.zeros(0, np.int64 if self.survey.fits else object)
        found |= {name: quantities.get(name, empty) for name in self.space.shown}
        return {name: found[name] if at is None else found[name][at] for name in names}
