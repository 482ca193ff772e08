"""Weights as a direction and a length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import equal, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    example,
)
from netcalc.core.ops.parts import batch_names, elementwise
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term

__all__ = ["WeightNorm"]


@dataclass(frozen=True, slots=True, repr=False)
class WeightNorm(Op):
    """The first input, each slice along ``dim`` with the length that the second input says.

    Salimans and Kingma 2016, equation 2; ``dim`` is 0 or the last axis. Work: for each value a
    square and a sum for the length (one less for each slice), for each slice a root and a division,
    for each value a multiplication.
    """

    dim: int = 0

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)
    AT_LEAST: ClassVar[bool] = True

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        v, g = ins
        n = len(v.dims)
        told = {"dim": self.dim, "v": v, "g": g, "got": v.dtype}
        yield Guard((n >= 1 and self.dim in (0, n - 1),), "dim is 0 or the last, got {dim}", told)
        yield Guard((v.dtype in FLOATS,), "WeightNorm takes real numbers, got {got}", told)
        wanted = tuple(d if i == self.dim else 1 for i, d in enumerate(v.dims))
        template = "{g} is not a length for each slice of {v} along axis {dim}"
        yield Guard((len(g.dims) == n,), template, told)
        pairs = zip(g.dims, wanted, strict=True)
        yield Guard(tuple(c for a, b in pairs for c in equal(a, b)), template, told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(ins[0].dims, ins[0].dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        v, _ = ins
        slices = v.dims[self.dim]
        rest = (*v.dims[: self.dim], *v.dims[self.dim + 1 :])
        names = batch_names(0, "(slice size - 1)", "slices")
        return (
            elementwise("squares", "mul", v),
            Term("sums", "add", (product(rest) - 1, slices), names, shown=_fewer(rest)),
            Term("roots", "pow", (slices,), ("slices",)),
            Term("lengths by roots", "div", (slices,), ("slices",)),
            elementwise("multiplications", "mul", v),
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "each" if axis == self.dim else "all"

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int | None]:
        return ("each" if axis == self.dim else "all"), axis

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0, 1))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(WeightNorm(), (6, 4, 3), (6, 1, 1))
        yield example(WeightNorm(2), (6, 4, 3), (1, 1, 3))
        # refused
        yield example(WeightNorm(3), (6, 4, 3), (6, 1, 1))
        yield example(WeightNorm(), (6, 4, 3), (5, 1, 1))
        yield example(WeightNorm(), (6, 4, 3), (6, 1))


def _fewer(rest: tuple[object, ...]) -> str:
    return f"({'*'.join(map(str, rest)) or 1} - 1)"
