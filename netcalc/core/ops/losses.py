"""Losses: one number of what a model gives and what it should have given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcast, broadcastable
from netcalc.core.numbers import equal, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import elementwise
from netcalc.core.ops.view import stated
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term

__all__ = ["MSELoss", "NLLLoss"]

REDUCTIONS = ("mean", "sum", "none")
"""What becomes of the losses of single elements."""


class Loss(Op):
    """What losses have in common: the losses of elements are averaged, summed or left."""

    __slots__ = ()

    reduction: str

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)

    def limits(self) -> Iterator[Guard]:
        told = {"known": ", ".join(REDUCTIONS), "got": self.reduction}
        template = "reduction must be one of {known}, got {got!r}"
        yield Guard((self.reduction in REDUCTIONS,), template, told)

    def each(self, *ins: Tensor) -> Tensor:
        """The losses of single elements."""
        raise NotImplementedError

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        each = self.each(*ins)
        return (each if self.reduction == "none" else Tensor((), each.dtype),)

    def reducing(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        """The work of summing up."""
        if self.reduction == "none":
            return ()
        every = self.each(*ins).dims
        shown = f"({'*'.join(map(str, every)) or 1} - 1)"
        sums = Term("additions", "add", (product(every) - 1,), ("(losses - 1)",), shown=shown)
        return (sums, *((Term("division", "div", ()),) if self.reduction == "mean" else ()))

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return stated(ins[0], outs[0])

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return None


@dataclass(frozen=True, slots=True, repr=False)
class MSELoss(Loss):
    """The mean of the squared differences of two inputs, their sum, or each of them.

    Work for each element: a subtraction (counted as an addition) and a multiplication; then the
    additions of a sum and the division of a mean.
    """

    reduction: str = "mean"

    AT_LEAST: ClassVar[bool] = True  # the CPU has the losses of elements before it sums them

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        told = {"got": " and ".join(x.dtype for x in ins)}
        real = all(x.dtype in FLOATS for x in ins) and ins[0].dtype == ins[1].dtype
        yield Guard((real,), "MSELoss takes real numbers of one type, got {got}", told)
        yield broadcastable(*ins)

    def each(self, *ins: Tensor) -> Tensor:
        return Tensor(broadcast(*(x.dims for x in ins)), ins[0].dtype)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        each = self.each(*ins)
        return (
            elementwise("subtractions", "add", each),
            elementwise("squares", "mul", each),
            *self.reducing(ins, outs),
        )

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0, 1))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        for reduction in REDUCTIONS:
            yield example(MSELoss(reduction), (2, 3, 4), (2, 3, 4))
        yield example(MSELoss("max"), (2, 3), (2, 3))  # refused
        yield example(MSELoss(), (2, 3), (2, 4))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class NLLLoss(Loss):
    """The second input has a class for each row of logarithms of the first: the negative of these.

    Classes are the second axis, or the only one. The logarithms are picked, and their sign is
    changed in the sum: work is that of a sum, and the division of a mean.
    """

    reduction: str = "mean"

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, target = ins
        told = {"x": x, "target": target, "got": f"{x.dtype} and {target.dtype}"}
        kinds = x.dtype in FLOATS and target.dtype == "int64"
        yield Guard((kinds,), "NLLLoss takes real numbers and int64, got {got}", told)
        yield Guard((len(x.dims) >= 1,), "NLLLoss needs an axis of classes, got {x}", told)
        template = "there must be a class for each row of {x}, got {target}"
        wanted = self.each(*ins).dims
        yield Guard((len(wanted) == len(target.dims),), template, told)
        pairs = zip(wanted, target.dims, strict=True)
        yield Guard(tuple(c for a, b in pairs for c in equal(a, b)), template, told)

    def each(self, *ins: Tensor) -> Tensor:
        dims = ins[0].dims
        return Tensor((*dims[:1], *dims[2:]) if len(dims) > 1 else (), ins[0].dtype)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return self.reducing(ins, outs)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0, 1), extra=(Tensor((), ins[0].dtype),))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return int(Tensor((), ins[0].dtype).nbytes)  # the sum of the classes' weights

    @classmethod
    def examples(cls) -> Iterator[Example]:
        index = ("float32", "int64")
        for reduction in REDUCTIONS:
            yield example(NLLLoss(reduction), (4, 5), (4,), dtypes=index)
        yield example(NLLLoss(), (2, 5, 3, 4), (2, 3, 4), dtypes=index)
        yield example(NLLLoss("sum"), (5,), (), dtypes=index)
        # refused
        yield example(NLLLoss("max"), (4, 5), (4,), dtypes=index)
        yield example(NLLLoss(), (4, 5), (3,), dtypes=index)
        yield example(NLLLoss(), (4, 5), (4, 5), dtypes=index)
        yield example(NLLLoss(), (4, 5), (4,))
        yield example(NLLLoss(), (), (), dtypes=index)
