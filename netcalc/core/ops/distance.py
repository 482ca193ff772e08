"""Distances between rows."""

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
    Working,
    example,
)
from netcalc.core.ops.matmul import along
from netcalc.core.ops.parts import batch_names
from netcalc.core.ops.view import stated
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term

__all__ = ["Cdist"]


@dataclass(frozen=True, slots=True, repr=False)
class Cdist(Op):
    """The distance of each row of the first input to each row of the second (torch.cdist).

    ``p`` is 2, for the root of summed squares, or 1, for the sum of absolute differences. Work for
    each pair of rows of n: n subtractions and n - 1 additions (both counted as additions); then n
    multiplications and a root, or for absolute values n subtractions and n comparisons.
    """

    p: float = 2.0

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)
    AT_LEAST: ClassVar[bool] = True

    def limits(self) -> Iterator[Guard]:
        yield Guard((self.p in (1, 2),), "p must be 1 or 2, got {p}", {"p": self.p})

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        left, right = ins
        told = {"left": left, "right": right, "got": f"{left.dtype} and {right.dtype}"}
        rows = len(left.dims) >= 2 and len(right.dims) >= 2
        yield Guard((rows,), "Cdist takes rows, got {left} and {right}", told)
        alike = equal(left.dims[-1], right.dims[-1])
        yield Guard(alike, "rows of {left} and {right} are not of one length", told)
        yield broadcastable(*(Tensor(x.dims[:-2]) for x in ins))
        real = left.dtype in FLOATS and left.dtype == right.dtype
        yield Guard((real,), "Cdist takes real numbers of one type, got {got}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        left, right = ins
        batch = broadcast(left.dims[:-2], right.dims[:-2])
        return (Tensor((*batch, left.dims[-2], right.dims[-2]), left.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        pairs = outs[0].dims
        each: tuple[Num, ...] = (*pairs, ins[0].dims[-1])
        names = batch_names(len(pairs) - 2, "rows", "rows of the second", "row length")
        fewer = Term(
            "sums", "add", (*pairs, ins[0].dims[-1] - 1), (*names[:-1], "(row length - 1)")
        )
        differences = Term("differences", "add", each, names)
        if self.p == 2:
            root = Term("roots", "pow", pairs, names[:-1])
            return (differences, Term("squares", "mul", each, names), fewer, root)
        signs = Term("changes of sign", "add", each, names)
        return (differences, signs, Term("comparisons", "cmp", each, names), fewer)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return stated(ins[0], outs[0])

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int | None]:
        x = ins[i]
        if axis == len(x.dims) - 1:
            return "all", 0
        batch = broadcast(ins[0].dims[:-2], ins[1].dims[:-2])
        turned = Tensor((*x.dims[:-2], x.dims[-1], x.dims[-2])) if i else x
        return along(i, axis + (1 if i and axis == len(x.dims) - 2 else 0), turned, batch, True)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0, 1), outputs=(0,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Cdist(), (5, 3), (4, 3))
        yield example(Cdist(1.0), (2, 1, 5, 3), (3, 4, 3))
        # refused
        yield example(Cdist(), (5, 3), (4, 2))
        yield example(Cdist(), (3,), (4, 3))
        yield example(Cdist(), (2, 5, 3), (3, 4, 3))
        yield example(Cdist(), (5, 3), (4, 3), dtypes=("int64", "int64"))
