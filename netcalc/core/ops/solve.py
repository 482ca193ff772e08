"""Systems of linear equations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcast, broadcastable
from netcalc.core.numbers import equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import batch_names
from netcalc.core.ops.view import stated
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term

__all__ = ["SolveTriangular"]


@dataclass(frozen=True, slots=True, repr=False)
class SolveTriangular(Op):
    """X with A X = B, or with ``left`` off X A = B, for triangular matrices A and others B.

    Work for each column (row) of B of n: n(n-1)/2 multiplications and as many subtractions (counted
    as additions), and n divisions unless the diagonal is of ones (``unitriangular``).
    """

    upper: bool
    left: bool = True
    unitriangular: bool = False

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)
    AT_LEAST: ClassVar[bool] = True

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        a, b = ins
        told = {"a": a, "b": b, "got": f"{a.dtype} and {b.dtype}"}
        real = a.dtype in ("float32", "float64") and a.dtype == b.dtype
        yield Guard(
            (real and a.dtype in FLOATS,), "equations of float32 or float64, got {got}", told
        )
        yield Guard((len(a.dims) >= 2 and len(b.dims) >= 2,), "{a}, {b} are no matrices", told)
        yield Guard(equal(a.dims[-1], a.dims[-2]), "{a} is not square", told)
        side = b.dims[-2] if self.left else b.dims[-1]
        yield Guard(equal(a.dims[-1], side), "{b} does not fit {a}", told)
        yield broadcastable(*(Tensor(x.dims[:-2]) for x in ins))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        a, b = ins
        batch = broadcast(a.dims[:-2], b.dims[:-2])
        return (Tensor((*batch, *b.dims[-2:]), b.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        *batch, rows, columns = outs[0].dims
        n, others = (rows, columns) if self.left else (columns, rows)
        before = (*batch, others, n * (n - 1) // 2)
        names = batch_names(len(batch), "sides", "n(n - 1)/2")
        found = (Term("multiplications", "mul", before, names), Term("sums", "add", before, names))
        if self.unitriangular:
            return found
        return (*found, Term("divisions", "div", (*batch, others, n), (*names[:-1], "n")))

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return stated(ins[0], outs[0])

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return axis + max(len(x.dims) for x in ins) - len(ins[0].dims)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,), outputs=(0,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(SolveTriangular(False), (2, 4, 4), (2, 4, 3))
        yield example(SolveTriangular(True, left=False), (4, 4), (2, 3, 4))
        yield example(SolveTriangular(True, unitriangular=True), (4, 4), (4, 1))
        # refused
        yield example(SolveTriangular(True), (4, 3), (4, 1))
        yield example(SolveTriangular(True), (4, 4), (3, 1))
        yield example(SolveTriangular(True), (4, 4), (4,))
        yield example(SolveTriangular(True), (2, 4, 4), (3, 4, 4))
        yield example(SolveTriangular(True), (4, 4), (4, 1), dtypes=("int64", "int64"))
