"""Layers that put values in order, look for places among ordered ones, or for what is not zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import Num, doublings, equal, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    elementwise,
    has_axis,
)
from netcalc.core.ops.slices import replaced
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term
from netcalc.core.window import not_negative, positive

__all__ = ["Histc", "Nonzero", "SearchSorted", "Sort", "TopK"]


class Ordering(Op):
    """What Sort and TopK have in common: values along an axis, and where they were."""

    __slots__ = ()

    dim: int

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield has_axis("dim", self.dim, ins[0])

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == axis_of(self.dim, ins[0]) else "each"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(outputs=(1,) if ins[0].dtype in FLOATS else ())

    def comparing(self, x: Tensor, times: Num, named: str) -> tuple[Term, ...]:
        """Comparisons of each value with so many others."""
        return (elementwise("comparisons", "cmp", x, (times, named)),)


@dataclass(frozen=True, slots=True, repr=False)
class Sort(Ordering):
    """The values in order along ``dim``, and where each of them was (torch.sort, argsort).

    Work for each row of n: n * ceil(log2(n)) comparisons, as many as merging takes at most.
    """

    dim: int = -1
    descending: bool = False

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (ins[0], Tensor(ins[0].dims, "int64"))

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        times = doublings(x.dims[axis_of(self.dim, x)])
        return self.comparing(x, times, "ceil(log2(row length))")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Sort(), (2, 3, 5))
        yield example(Sort(1, descending=True), (2, 8, 4))
        yield example(Sort(0), (9,), dtypes=("int64",))
        yield example(Sort(2), (2, 3))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class TopK(Ordering):
    """The ``k`` largest values along ``dim`` (or smallest), and where they were.

    Work for each row of n: n * ceil(log2(k + 1)) comparisons, which find the place of each value
    among the k best so far.
    """

    k: int
    dim: int = -1
    largest: bool = True

    def limits(self) -> Iterator[Guard]:
        yield not_negative("k", (self.k,))

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield has_axis("dim", self.dim, x)
        length = x.dims[axis_of(self.dim, x)]
        told = {"k": self.k, "length": length}
        yield Guard((length >= self.k,), "k is {k}, but there are {length} values", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        values = replaced(Tensor(x.dims, x.dtype), axis_of(self.dim, x), self.k)
        return (values, Tensor(values.dims, "int64"))

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return self.comparing(ins[0], doublings(self.k + 1), "ceil(log2(k + 1))")

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return (Working(f"axis {axis_of(self.dim, ins[0])}", (f"{self.k}",), self.k, "k"),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(TopK(2), (2, 3, 5))
        yield example(TopK(3, 1, largest=False), (2, 8, 4))
        yield example(TopK(1, 0), (9,), dtypes=("int64",))
        yield example(TopK(6), (2, 3, 5))  # refused
        yield example(TopK(-1), (2, 3, 5))  # refused
        yield example(TopK(1, 3), (2, 3, 5))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class SearchSorted(Op):
    """Where each value of the second input belongs in the rows of the first, which are in order.

    The first input is one row for all values, or a row for each row of them (torch.searchsorted,
    bucketize). Work for each value among n: ceil(log2(n + 1)) comparisons.
    """

    right: bool = False
    out_int32: bool = False

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        row, values = ins
        told = {"row": row, "values": values}
        template = "values {values} need one row, or as many as they have themselves, got {row}"
        one = len(row.dims) == 1
        yield Guard((one or len(row.dims) == len(values.dims) >= 1,), template, told)
        leading = () if one else zip(row.dims[:-1], values.dims[:-1], strict=True)
        yield Guard(tuple(c for a, b in leading for c in equal(a, b)), template, told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(ins[1].dims, "int32" if self.out_int32 else "int64"),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        times = doublings(ins[0].dims[-1] + 1)
        named = (times, "ceil(log2(row length + 1))")
        return (elementwise("comparisons", "cmp", outs[0], named),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        sizes = enumerate(outs[0].dims)
        return tuple(Working(f"axis {i}", (f"{d}",), d, "the values'") for i, d in sizes)

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int | None]:
        whole = axis == len(ins[0].dims) - 1
        return ("all", None) if i == 0 and whole else ("each", axis)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(SearchSorted(), (5,), (2, 3))
        yield example(SearchSorted(right=True), (2, 3, 5), (2, 3, 7))
        yield example(SearchSorted(out_int32=True), (8,), (7,))
        yield example(SearchSorted(), (2, 5), (3, 7))  # refused
        yield example(SearchSorted(), (2, 3, 5), (2, 7))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Histc(Op):
    """How many values lie in each of ``bins`` equal parts of the range from ``min`` to ``max``.

    Where these are equal the range is that of the values (torch.histc). Work for each value: two
    comparisons with the range; a subtraction, a multiplication and a division for its part; an
    addition to its count. Finding the range takes two comparisons more.
    """

    bins: int = 100
    min: float = 0.0
    max: float = 0.0

    def limits(self) -> Iterator[Guard]:
        yield positive(bins=self.bins)
        told = {"min": self.min, "max": self.max}
        yield Guard((self.min <= self.max,), "min {min} is larger than max {max}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor((self.bins,), ins[0].dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        return (
            elementwise("comparisons", "cmp", x, (2 if self.min < self.max else 4, "for each")),
            elementwise("additions", "add", x, (2, "for each")),
            elementwise("multiplications", "mul", x),
            elementwise("divisions", "div", x),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return (Working("bins", (f"{self.bins}",), self.bins),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return None

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Histc(4, 0, 3), (2, 5))
        yield example(Histc(), (7,))
        yield example(Histc(4, -2.0), (7,))
        yield example(Histc(0), (7,))  # refused
        yield example(Histc(4, 3, 1), (7,))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Nonzero(Op):
    """The places of the values that are not zero, (count, axes of the input), as torch.nonzero.

    How many there are depends on the values: it is stated. Work: a comparison for each value.
    """

    count: int

    STATED: ClassVar[bool] = True
    AT_LEAST: ClassVar[bool] = True  # libraries count the values before they write their places

    def limits(self) -> Iterator[Guard]:
        yield not_negative("count", (self.count,))

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        told = {"x": x, "count": self.count}
        template = "there are no {count} values in {x}"
        yield Guard((product(x.dims) >= self.count,), template, told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor((self.count, len(ins[0].dims)), "int64"),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (elementwise("comparisons", "cmp", ins[0]),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        n = len(ins[0].dims)
        places = Working("places", (f"{self.count}",), self.count, "as the values had it")
        return (places, Working("axes", (f"{n}",), n, "of the input"))

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return None

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(cls(24), (2, 3, 4))
        yield example(cls(3), (5,), dtypes=("int64",))
        yield example(cls(0), (5,))
        # refused
        yield example(cls(-1), (5,))
