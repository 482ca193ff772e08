"""A layer on two inputs at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import Num, equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import batch_names
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import positive

__all__ = ["Bilinear"]


@dataclass(frozen=True, slots=True, repr=False)
class Bilinear(Op):
    """x1ᵀ W x2 + b for each output feature, on the last axes of two inputs.

    Leading axes are a batch, the same in both. Work, as PyTorch computes it: the first input is
    multiplied into each feature's matrix, then the second into what comes out, which makes
    ``in1 * in2 + in2`` multiply-adds for each output feature and leading position.
    """

    out_features: Num
    bias: bool = True

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)
    DEPTH: ClassVar[int] = 1

    def limits(self) -> Iterator[Guard]:
        yield positive(out_features=self.out_features)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        first, second = ins
        told = {"first": first, "second": second}
        yield Guard(
            (len(first.dims) == len(second.dims) >= 1,),
            "Bilinear takes two inputs with as many axes, at least one, got {first} and {second}",
            told,
        )
        pairs = zip(first.dims[:-1], second.dims[:-1], strict=False)
        yield Guard(
            tuple(c for pair in pairs for c in equal(*pair)),
            "{first} and {second} may differ in their last axis only",
            told,
        )

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        x = ins[0]
        parts = (*x.parts[:-1], (self.out_features,)) if x.parts else ()
        return (Tensor((*x.dims[:-1], self.out_features), x.dtype, parts),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "all" if axis == len(ins[0].dims) - 1 else "each"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0, 1))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return int(outs[0].nbytes) if self.bias else 0  # the sum is another tensor

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        first, second = ins
        leading, one, two = first.factors(0, -1), first.factors(-1), second.factors(-1)
        names = ("out features", *("in1 features",) * len(one), *("in2 features",) * len(two))
        left_names = ("out features", *("in2 features",) * len(two))
        weights = (self.out_features, *one, *two)
        n = len(leading)
        found = (
            parameter(
                "weight", (self.out_features, first.dims[-1], second.dims[-1]), weights, names
            ),
            Term(
                "multiply-adds of the first input",
                "mac",
                (*leading, *weights),
                batch_names(n, *names),
            ),
            Term(
                "multiply-adds of the second input",
                "mac",
                (*leading, self.out_features, *two),
                batch_names(n, *left_names),
            ),
        )
        if not self.bias:
            return found
        only = (self.out_features,)
        return (
            *found,
            parameter("bias", only, only, ("out features",)),
            Term("bias additions", "add", outs[0].factors(), batch_names(n, "out features")),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return (Working("features", (f"{self.out_features}",), self.out_features),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(cls(3), (2, 6), (2, 4))
        yield example(cls(3, bias=False), (2, 5, 6), (2, 5, 4))
        yield example(cls(2), (6,), (4,))
        # refused
        yield example(cls(3), (2, 6), (3, 4))
        yield example(cls(3), (2, 6), (4,))
        yield example(cls(3), (), ())
