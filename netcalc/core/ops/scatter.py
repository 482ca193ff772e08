"""Layers that write values into a copy of their first input, at places that another input names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcast, broadcastable
from netcalc.core.numbers import Num, equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    example,
)
from netcalc.core.ops.elementwise import LABELS
from netcalc.core.ops.gather import places
from netcalc.core.ops.parts import (
    axis_of,
    elementwise,
    has_axis,
)
from netcalc.core.ops.slices import replaced
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term
from netcalc.errors import did_you_mean

__all__ = ["IndexPut", "MaskedScatter", "Scatter"]

WRITES = ("scatter", "scatter_add", "scatter_reduce", "index_copy", "index_add", "index_fill")
"""The functions of Scatter."""

FOLDS = {"sum": "add", "mean": "add", "prod": "mul", "amax": "cmp", "amin": "cmp"}
"""What scatter_reduce can do with values of one place, and the work of each."""


class Written(Op):
    """What all of them have in common: the output has the shape of the first input."""

    __slots__ = ()

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(ins[0].dims, ins[0].dtype),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"


@dataclass(frozen=True, slots=True, repr=False)
class Scatter(Written):
    """Values written (or added) at places along ``dim``, by PyTorch's name: scatter, index_add, ...

    Inputs are what is written into, the places, and the values; for index_fill, and scatter without
    values, the number ``value``. The places of scatter and scatter_add are those of each value, as
    for Gather; index_copy, index_add and index_fill have one row of places for whole slices.
    ``reduce`` is how scatter_reduce folds: sum, mean, prod, amax or amin. Work: an addition for
    each value that scatter_add or index_add writes, for scatter_reduce an addition, multiplication
    or comparison, with mean a division for each output; else none.
    """

    function: str
    dim: int
    value: float | None = None
    reduce: str = ""

    ARITY: ClassVar[tuple[int, int | None]] = (2, 3)

    def limits(self) -> Iterator[Guard]:
        hint = did_you_mean(self.function, WRITES) if self.function not in WRITES else ""
        told = {"got": self.function, "hint": hint or "see the docs"}
        yield Guard((self.function in WRITES,), "function {got!r} is not known; {hint}", told)
        given = self.value is not None
        fits = {"scatter": True, "index_fill": given}.get(self.function, not given)
        yield Guard((fits,), "value does not go with {got}", told)
        folds = FOLDS if self.function == "scatter_reduce" else ("",)
        told = {"got": self.function, "reduce": self.reduce, "known": ", ".join(FOLDS)}
        template = (
            "reduce must be one of {known} for scatter_reduce, and nothing else, got {reduce!r}"
        )
        yield Guard((self.reduce in folds,), template, told)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, at, *source = ins
        told = {"function": self.function, "count": 3 - (self.value is not None), "got": len(ins)}
        yield Guard(
            (told["count"] == len(ins),), "{function} takes {count} inputs, got {got}", told
        )
        yield has_axis("dim", self.dim, x)
        yield places(at)
        yield _typed(x, *source)
        axis = axis_of(self.dim, x)
        yield from (_slices if self._by_slices else _single)(axis, x, at, *source)

    @property
    def _by_slices(self) -> bool:
        return self.function.startswith("index")

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        kind = "add" if self.function.endswith("add") else FOLDS.get(self.reduce, "")
        if not kind:
            return ()
        folded = elementwise(LABELS[kind], kind, ins[2] if self._by_slices else ins[1])
        means = (elementwise("divisions", "div", outs[0]),) if self.reduce == "mean" else ()
        return (folded, *means)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        if self.reduce:
            return Saved(inputs=(0, 1, 2), outputs=(0,))
        return Saved(inputs=(1, 2) if self.function in ("index_copy", "index_add") else (1,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        index = ("float32", "int64")
        for name in ("scatter", "scatter_add"):
            yield example(Scatter(name, 1), (4, 5, 6), (4, 2, 3), (4, 3, 3), dtypes=index)
            yield example(Scatter(name, 1), (4, 5), (4, 2), (4, 1), dtypes=index)  # refused
            yield example(Scatter(name, 1), (4, 5), (4,), (4, 2), dtypes=index)  # refused
        for how in FOLDS:
            op = Scatter("scatter_reduce", 1, reduce=how)
            yield example(op, (4, 5, 6), (4, 2, 3), (4, 3, 3), dtypes=index)
        # refused
        yield example(Scatter("scatter_reduce", 1), (4, 5), (4, 2), (4, 2), dtypes=index)
        op = Scatter("scatter_add", 1, reduce="sum")
        yield example(op, (4, 5), (4, 2), (4, 2), dtypes=index)
        yield example(Scatter("scatter", -1, 2.0), (4, 5), (3, 9), dtypes=index)
        yield example(Scatter("scatter", -1), (4, 5), (5, 2), (5, 2), dtypes=index)  # refused
        for name in ("index_copy", "index_add"):
            yield example(Scatter(name, 1), (4, 5, 6), (3,), (4, 3, 6), dtypes=index)
            yield example(Scatter(name, 1), (4, 5, 6), (3,), (4, 2, 6), dtypes=index)  # refused
            yield example(Scatter(name, 1), (4, 5, 6), (3,), (4, 3, 5), dtypes=index)  # refused
        yield example(Scatter("index_fill", 0, 0.5), (4, 5), (3,), dtypes=index)
        # refused
        yield example(Scatter("index_fill", 0), (4, 5), (3,), dtypes=index)
        yield example(Scatter("scatter_add", 1, 0.5), (4, 5), (4, 2), dtypes=index)
        yield example(Scatter("scatters", 1, 0.5), (4, 5), (4, 2), dtypes=index)
        yield example(Scatter("scatter", 2, 0.5), (4, 5), (4, 2), dtypes=index)
        yield example(Scatter("scatter", 1, 0.5), (4, 5), (4, 2))
        yield example(
            Scatter("scatter", 1), (4, 5), (4, 2), (4, 2), dtypes=("float32", "int64", "int64")
        )


def _typed(x: Tensor, *source: Tensor) -> Guard:
    """Values must be of the type of what they are written into."""
    told = {"x": x.dtype, "got": ", ".join(y.dtype for y in source)}
    return Guard(tuple(x.dtype == y.dtype for y in source), "{x} takes no values of {got}", told)


def _single(axis: int, x: Tensor, at: Tensor, *source: Tensor) -> Iterator[Guard]:
    """The guards of a place for each value."""
    told = {"x": x, "at": at, "axis": axis, "source": " and ".join(map(str, source))}
    template = "places {at} must have the axes of {x} and lie inside it but for axis {axis}"
    yield Guard((len(x.dims) == len(at.dims),), template, told)
    pairs = enumerate(zip(x.dims, at.dims, strict=True))
    yield Guard(tuple(a >= b for i, (a, b) in pairs if i != axis), template, told)
    for y in source:
        template = "there are fewer values {source} than places {at}"
        yield Guard((len(y.dims) == len(at.dims),), template, told)
        rows = zip(y.dims, at.dims, strict=True)
        yield Guard(tuple(a >= b for a, b in rows), template, told)


def _slices(axis: int, x: Tensor, at: Tensor, *source: Tensor) -> Iterator[Guard]:
    """The guards of a place for each slice."""
    told = {"x": x, "at": at, "source": " and ".join(map(str, source))}
    yield Guard((len(at.dims) == 1,), "places must be one row, got {at}", told)
    wanted: tuple[Num, ...] = replaced(Tensor(x.dims), axis, *at.dims).dims
    for y in source:
        template = "values {source} must be slices of {x}, one for each of {at} places"
        yield Guard((len(y.dims) == len(wanted),), template, told)
        rows = zip(y.dims, wanted, strict=True)
        yield Guard(tuple(c for a, b in rows for c in equal(a, b)), template, told)


@dataclass(frozen=True, slots=True, repr=False)
class IndexPut(Written):
    """Values written at places, ``x[:, i, j] = y`` with dim=1 and inputs x, y, i, j.

    Places are as for Index; the values are broadcast to what Index would read there. Work with
    ``accumulate``: an addition for each place and entry behind it, else none.
    """

    dim: int = 0
    accumulate: bool = False

    ARITY: ClassVar[tuple[int, int | None]] = (3, None)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, y, *at = ins
        yield has_axis("dim", self.dim, x)
        yield places(*at)
        yield _typed(x, y)
        told = {"count": len(at), "dim": self.dim, "x": x, "y": y}
        fits = axis_of(self.dim, x) + len(at) <= len(x.dims)
        yield Guard((fits,), "{x} has no {count} axes from {dim} on", told)
        yield broadcastable(*at)
        dims = self._read(x, *at).dims
        template = "values {y} cannot be broadcast to the places in {x}"
        yield Guard((len(y.dims) <= len(dims),), template, told)
        pairs = zip(reversed(y.dims), reversed(dims), strict=False)
        yield Guard(tuple(c for a, b in pairs for c in equal((a - 1) * (a - b), 0)), template, told)

    def _read(self, x: Tensor, *at: Tensor) -> Tensor:
        """What is written to: the entries that Index would read."""
        axis = axis_of(self.dim, x)
        found = broadcast(*(i.dims for i in at))
        return Tensor((*x.dims[:axis], *found, *x.dims[axis + len(at) :]), x.dtype)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        x, _, *at = ins
        return (elementwise("additions", "add", self._read(x, *at)),) if self.accumulate else ()

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=tuple(range(2, len(ins))))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        one, two = ("float32", "float32", "int64"), ("float32", "float32", "int64", "int64")
        yield example(IndexPut(), (9, 4), (3, 5, 4), (3, 5), dtypes=one)
        yield example(IndexPut(1, accumulate=True), (5, 3, 6, 7), (4, 7), (2, 1), (4,), dtypes=two)
        yield example(IndexPut(-1), (2, 3, 6), (), (2,), dtypes=one)
        # refused
        yield example(IndexPut(1), (5, 3), (), (2,), (2,), dtypes=two)
        yield example(IndexPut(), (5, 3), (), (2,), (4,), dtypes=two)
        yield example(IndexPut(), (5, 3), (), (2,))
        yield example(IndexPut(2), (5, 3), (), (2,), dtypes=one)
        yield example(IndexPut(), (5, 3), (2, 4), (2,), dtypes=one)
        yield example(IndexPut(), (5, 3), (1, 1, 1, 3), (2,), dtypes=one)
        yield example(IndexPut(), (5, 3), (), (2,), dtypes=("float32", "int64", "int64"))


@dataclass(frozen=True, slots=True, repr=False)
class MaskedScatter(Written):
    """The values of the third input, one after the other, where the mask (the second) is true.

    How many that are is in the mask's values; there must be enough. No work.
    """

    ARITY: ClassVar[tuple[int, int | None]] = (3, 3)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, mask, source = ins
        told = {"x": x, "mask": mask, "got": mask.dtype}
        yield Guard((mask.dtype == "bool",), "the mask must hold truth values, got {got}", told)
        yield _typed(x, source)
        yield broadcastable(x, mask)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(broadcast(ins[0].dims, ins[1].dims), ins[0].dtype),)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(1,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        masked = ("float32", "bool")
        yield example(MaskedScatter(), (2, 3, 4), (2, 3, 4), (24,), dtypes=masked)
        yield example(MaskedScatter(), (2, 3, 4), (2, 3, 1), (5, 6), dtypes=masked)
        yield example(MaskedScatter(), (2, 3), (2, 3), (6,))  # refused
        yield example(MaskedScatter(), (2, 3), (2, 4), (8,), dtypes=masked)  # refused
        yield example(MaskedScatter(), (2, 3), (2, 3), (6,), dtypes=(*masked, "int64"))  # refused
