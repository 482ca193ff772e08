"""Layers whose output has the shape of their input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import promoted
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Passes,
    Saved,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    computed_in,
    elementwise,
    has_axis,
)
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term

__all__ = ["Dropout", "ReLU", "Scale", "Softmax", "Tanh"]


@dataclass(frozen=True, slots=True, repr=False)
class ReLU(Op):
    """max(x, 0). Work: one comparison per element."""

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (elementwise("comparisons", "cmp", ins[0]),)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(outputs=(0,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(ReLU(), (2, 3, 4, 5))
        yield example(ReLU(), (7,))


@dataclass(frozen=True, slots=True, repr=False)
class Dropout(Op):
    """Sets values to zero with probability ``p`` in training; costs nothing in eval mode."""

    p: float = 0.5

    TRAINING: ClassVar[bool] = True

    @property
    def PASSES(self) -> Passes:  # type: ignore[override]  # noqa: N802
        """Where nothing is drawn, PyTorch hands the input on in training too."""
        return "inference" if self.p else "always"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        if self.p in (0, 1):  # nothing is drawn then
            return Saved(extra=(Tensor((), ins[0].dtype),) if self.p else ())
        return Saved(extra=(ins[0],))  # the mask, which PyTorch draws in the input's type

    def limits(self) -> Iterator[Guard]:
        yield Guard((0 <= self.p <= 1,), "p must be between 0 and 1, got {p}", {"p": self.p})

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Dropout(0.4), (2, 3))
        yield example(Dropout(), (2, 3, 4, 5))
        yield example(Dropout(0), (2, 3))
        yield example(Dropout(1.0), (2, 3))
        yield example(Dropout(1.5), (2, 3))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Scale(Op):
    """The input times one fixed number. Work: a multiplication per element."""

    factor: float

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        number = Tensor((), "int64" if isinstance(self.factor, int) else "float32")
        return (Tensor(x.dims, promoted(x, number), x.parts),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (elementwise("multiplications", "mul", ins[0]),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Scale(0.17), (2, 3, 4, 5))
        yield example(Scale(2), (7,))
        yield example(Scale(2), (7,), dtypes=("int32",))
        yield example(Scale(0.5), (7,), dtypes=("int32",))


class OverAxis(Op):
    """Each value beside all others of its row, along ``dim``; in ``dtype``, if that is given."""

    __slots__ = ()

    dim: int
    dtype: str | None

    def limits(self) -> Iterator[Guard]:
        yield computed_in(self.dtype, FLOATS)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield has_axis("dim", self.dim, ins[0])

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "all" if axis == axis_of(self.dim, ins[0]) else "each"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(outputs=(0,) if ins[0].dtype in FLOATS else ())

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return int(outs[0].nbytes) if outs[0].dtype != ins[0].dtype else 0  # the input, cast

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        return ins if self.dtype is None else (Tensor(x.dims, self.dtype, x.parts),)


@dataclass(frozen=True, slots=True, repr=False)
class Softmax(OverAxis):
    """exp(x - max) over its sum, along ``dim``, in ``dtype`` if that is given.

    Work for each row of n: n - 1 comparisons, n subtractions (counted as additions), n
    exponentials, n - 1 additions, n divisions.
    """

    dim: int = -1
    dtype: str | None = None

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        axis = axis_of(self.dim, x)
        rows = x.factors(0, axis) + x.factors(axis + 1)
        fewer = (*rows, x.dims[axis] - 1)
        names = ("rows",) * len(rows) + ("(row length - 1)",)
        return (
            Term("comparisons for the largest", "cmp", fewer, names),
            elementwise("subtractions of the largest", "add", x),
            elementwise("exponentials", "exp", x),
            Term("additions for the sum", "add", fewer, names),
            elementwise("divisions by the sum", "div", x),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Softmax(1), (2, 10))
        yield example(Softmax(), (2, 3, 4))
        yield example(Softmax(-2), (2, 3, 4, 5))
        yield example(Softmax(dtype="float32"), (2, 3, 4), dtypes=("float16",))
        yield example(Softmax(dtype="float32"), (2, 3, 4))
        yield example(Softmax(dtype="float64"), (2, 3, 4), dtypes=("int64",))
        yield example(Softmax(dtype="int64"), (2, 3, 4))  # refused
        yield example(Softmax(2), (2, 10))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Tanh(Op):
    """The hyperbolic tangent, as 1 - 2 / (exp(2x) + 1).

    Work per element: a multiplication, an exponential, 2 additions (one of them a subtraction), a
    division.
    """

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        return (
            elementwise("doublings", "mul", x),
            elementwise("exponentials", "exp", x),
            elementwise("additions of 1, subtractions from 1", "add", x, (2, "both")),
            elementwise("divisions", "div", x),
        )

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(outputs=(0,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Tanh(), (2, 3, 4, 5))
        yield example(Tanh(), (7,))
