"""Distances to fixed centres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netcalc.core.numbers import Num
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    batch_names,
    peak,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, buffer
from netcalc.core.window import positive

__all__ = ["EuclideanRBF"]


@dataclass(frozen=True, slots=True, repr=False)
class EuclideanRBF(Op):
    """The squared distance of the last axis to each of ``out_features`` fixed centres.

    LeCun et al. 1998, equation 7. The centres are a buffer. Work for each output of n inputs: n
    subtractions and n - 1 additions (both counted as additions), n multiplications.
    """

    out_features: Num

    def limits(self) -> Iterator[Guard]:
        yield positive(out_features=self.out_features)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield Guard((len(ins[0].dims) >= 1,), "EuclideanRBF needs an input with an axis", {})

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "all" if axis == len(ins[0].dims) - 1 else "each"

    def _differences(self, x: Tensor) -> Tensor:
        return Tensor((*x.dims[:-1], self.out_features, x.dims[-1]), x.dtype)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(extra=(self._differences(ins[0]),))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        each = self._differences(ins[0]).nbytes
        return peak(outs, 2 * each, each + outs[0].nbytes)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        return (Tensor((*x.dims[:-1], self.out_features), x.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        x, y = ins[0], outs[0]
        each = (*y.factors(), *x.factors(-1))
        names = batch_names(len(y.dims) - 1, "out features", "in features")
        return (
            buffer("centers", (self.out_features, x.dims[-1]), names[-2:]),
            Term("differences to the centres", "add", each, names),
            Term("squares", "mul", each, names),
            Term("sums", "add", each, names),
            Term("sums saved by the first square", "add", (-1, *y.factors()), ("-1", *names[:-1])),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return (Working("features", (f"{self.out_features}",), self.out_features),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(EuclideanRBF(10), (2, 84))
        yield example(EuclideanRBF(3), (5,))
        yield example(EuclideanRBF(3), ())  # refused
