"""A matrix product and something added to it, each times a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcastable
from netcalc.core.numbers import equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.matmul import MatMul, by_weights
from netcalc.core.ops.parts import elementwise
from netcalc.core.ops.view import stated
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term

__all__ = ["AddMatMul"]


@dataclass(frozen=True, slots=True, repr=False)
class AddMatMul(Op):
    """``beta`` times the first input plus ``alpha`` times the product of the others.

    This is torch.addmm, baddbmm or addmv, by the number of axes. Work beside the product's, for
    each output: a multiplication for each of beta and alpha that is not 1, and an addition; with a
    beta of 0 the first input is not read, and only alpha multiplies.
    """

    beta: float = 1.0
    alpha: float = 1.0

    ARITY: ClassVar[tuple[int, int | None]] = (3, 3)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        added, left, right = ins
        ranks = (len(left.dims), len(right.dims))
        told = {"added": added, "left": left, "right": right}
        yield Guard((ranks in RANKS,), "{left} and {right} are not matrices, or batches", told)
        yield from MatMul().guards(left, right)
        if ranks == (3, 3):
            yield Guard(equal(left.dims[0], right.dims[0]), "{left}, {right}: other batches", told)
        (product,) = MatMul().shape(left, right)
        template = "{added} cannot be broadcast to the product of {left} and {right}"
        yield Guard((len(added.dims) <= len(product.dims),), template, told)
        pairs = zip(reversed(added.dims), reversed(product.dims), strict=False)
        yield Guard(tuple(c for a, b in pairs for c in equal((a - 1) * (a - b), 0)), template, told)
        yield broadcastable(added, product)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return MatMul().shape(*ins[1:])

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (y,) = outs
        scaled = {"alpha": self.alpha != 1, "beta": self.beta not in (0, 1)}
        return (
            *MatMul().terms(ins[1:], outs),
            *(elementwise(f"times {name}", "mul", y) for name, needed in scaled.items() if needed),
            *((elementwise("additions", "add", y),) if self.beta else ()),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return stated(ins[0], outs[0])

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int | None]:
        if i:
            return MatMul().through(i - 1, axis, ins[1:])
        (y,) = self.shape(*ins)
        at = axis + len(y.dims) - len(ins[0].dims)
        return ("each" if ins[0].dims[axis] == y.dims[at] else "all"), at

    def layers(self, learned: Sequence[bool]) -> int:
        return by_weights(learned[1:])

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(1, 2))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(AddMatMul(0.5, 2.0), (7,), (5, 16), (16, 7))
        yield example(AddMatMul(alpha=0.1), (2, 5, 1), (2, 5, 16), (2, 16, 7))
        yield example(AddMatMul(beta=0.1), (5,), (5, 16), (16,))
        # refused
        yield example(AddMatMul(), (6,), (5, 16), (16, 7))
        yield example(AddMatMul(), (2, 5, 7), (5, 16), (16, 7))
        yield example(AddMatMul(), (7,), (5, 16), (15, 7))
        yield example(AddMatMul(), (7,), (2, 5, 16), (16, 7))
        yield example(AddMatMul(), (7,), (1, 5, 16), (2, 16, 7))


RANKS = ((2, 2), (3, 3), (2, 1))
"""How many axes the factors of addmm, baddbmm and addmv have."""
