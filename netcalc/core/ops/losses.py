"""Losses: one number of what a model gives and what it should have given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

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

__all__ = ["BCEWithLogitsLoss", "HuberLoss", "MSELoss", "NLLLoss", "SmoothL1Loss"]

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


class OfElements(Loss):
    """What the losses of two inputs that meet element by element have in common."""

    __slots__ = ()

    AT_LEAST: ClassVar[bool] = True  # the CPU has the losses of elements before it sums them

    EACH: ClassVar[tuple[tuple[str, str, int], ...]]
    """Work for each element: label, kind, how often."""

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        told = {"kind": self.type, "got": " and ".join(x.dtype for x in ins)}
        real = all(x.dtype in FLOATS for x in ins) and ins[0].dtype == ins[1].dtype
        yield Guard((real,), "{kind} takes real numbers of one type, got {got}", told)
        yield broadcastable(*ins)

    def each(self, *ins: Tensor) -> Tensor:
        return Tensor(broadcast(*(x.dims for x in ins)), ins[0].dtype)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        each = self.each(*ins)
        times = {n: () if n == 1 else ((n, "of each"),) for _, _, n in self.EACH}
        return (
            *(elementwise(label, kind, each, *times[n]) for label, kind, n in self.EACH),
            *self.reducing(ins, outs),
        )

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0, 1))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        kind: Any = cls
        for reduction in REDUCTIONS:
            yield example(kind(reduction), (2, 3, 4), (2, 3, 4))
        yield example(kind("max"), (2, 3), (2, 3))  # refused
        yield example(kind(), (2, 3), (2, 4))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class MSELoss(OfElements):
    """The mean of the squared differences of two inputs, their sum, or each of them.

    Work for each element: a subtraction (counted as an addition) and a multiplication; then the
    additions of a sum and the division of a mean.
    """

    reduction: str = "mean"

    EACH: ClassVar[Any] = (("subtractions", "add", 1), ("squares", "mul", 1))


@dataclass(frozen=True, slots=True, repr=False)
class SmoothL1Loss(OfElements):
    """Of z, the size of each difference, z*z/(2 beta) where that is below beta, else z - beta/2.

    Work for each element, both forms being computed: the subtraction and z = max(d, 0 - d), a
    comparison, 2 multiplications, a division and a subtraction; then that of the sum or mean.
    """

    reduction: str = "mean"
    beta: float = 1.0

    EACH: ClassVar[Any] = (
        ("subtractions", "add", 3),
        ("comparisons", "cmp", 2),
        ("squares and halves", "mul", 2),
        ("divisions by beta", "div", 1),
    )

    def limits(self) -> Iterator[Guard]:
        yield from Loss.limits(self)
        told = {"beta": self.beta}
        yield Guard((self.beta >= 0,), "beta must not be negative, got {beta}", told)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield from super(SmoothL1Loss, cls).examples()
        yield example(SmoothL1Loss("mean", 0.5), (5,), (5,))
        yield example(SmoothL1Loss("mean", -0.5), (5,), (5,))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class HuberLoss(OfElements):
    """Of z, the size of each difference, z*z/2 where that is below delta, else delta*(z - delta/2).

    Work for each element, both forms being computed: the subtraction and z = max(d, 0 - d), a
    comparison, 3 multiplications and a subtraction; then that of the sum or mean.
    """

    reduction: str = "mean"
    delta: float = 1.0

    EACH: ClassVar[Any] = (
        ("subtractions", "add", 3),
        ("comparisons", "cmp", 2),
        ("products", "mul", 3),
    )

    def limits(self) -> Iterator[Guard]:
        yield from Loss.limits(self)
        told = {"delta": self.delta}
        yield Guard((self.delta > 0,), "delta must be above 0, got {delta}", told)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield from super(HuberLoss, cls).examples()
        yield example(HuberLoss("mean", 0.5), (5,), (5,))
        yield example(HuberLoss("mean", 0.0), (5,), (5,))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class BCEWithLogitsLoss(OfElements):
    """The binary cross entropy of the second input, probabilities, and the sigmoid of the first.

    As (1 - y)*x - logsigmoid(x); work for each element is that of LogSigmoid, a multiplication and
    two additions; then that of the sum or mean.
    """

    reduction: str = "mean"

    EACH: ClassVar[Any] = (
        ("additions", "add", 2 + 3),
        ("products", "mul", 1),
        ("comparisons", "cmp", 2),
        ("exponentials and logarithms", "exp", 2),
    )


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
