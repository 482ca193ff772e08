"""Functions of single elements that have a name and no formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcast, broadcastable
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Working,
    example,
)
from netcalc.core.ops.elementwise import Binary, known_type
from netcalc.core.ops.parts import elementwise
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term

__all__ = ["Evaluation"]


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation(Op):
    """Any other function of single elements, by PyTorch's name: digamma, i0e, ...

    Several inputs are broadcast against each other; the output is of ``dtype``. Work: one
    evaluation for each output, counted as an exponential. Functions with a formula are Pointwise
    and Binary.
    """

    function: str
    dtype: str = "float32"

    ARITY: ClassVar[tuple[int, int | None]] = (1, None)
    AT_LEAST: ClassVar[bool] = True

    def limits(self) -> Iterator[Guard]:
        yield known_type(self.dtype)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield broadcastable(*ins)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(broadcast(*(x.dims for x in ins)), self.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (elementwise(f"evaluations of {self.function}", "exp", outs[0]),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return Binary("add").working(ins, outs)

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int:
        return Binary("add").axis_after(axis, ins)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return Binary("add").coupling(axis, ins)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Evaluation("digamma"), (2, 3, 4))
        yield example(Evaluation("special_xlog1py"), (2, 1, 4), (3, 1))
        yield example(Evaluation("isposinf", "bool"), (7,))
        # refused
        yield example(Evaluation("special_xlog1py"), (2, 3), (4,))
        yield example(Evaluation("digamma", "real"), (2, 3))
