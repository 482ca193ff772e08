"""Activations with weights, or with more inputs or outputs than functions of single elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netcalc.core.numbers import equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    elementwise,
    has_axis,
)
from netcalc.core.ops.slices import replaced
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import positive

__all__ = ["GLU", "LogSigmoid", "PReLU"]


@dataclass(frozen=True, slots=True, repr=False)
class PReLU(Op):
    """x, or a learned slope times x where x is below 0 (He et al. 2015, equation 1).

    One slope for all, or one for each channel (the second axis). Work for each element: a
    comparison and a multiplication.
    """

    num_parameters: int = 1

    def limits(self) -> Iterator[Guard]:
        yield positive(num_parameters=self.num_parameters)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        channels = x.dims[1] if len(x.dims) > 1 else 1
        told = {"n": self.num_parameters, "c": channels}
        holds = equal(channels, self.num_parameters) if self.num_parameters > 1 else ()
        yield Guard(holds, "{n} slopes for {c} channels", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        slopes = (self.num_parameters,)
        return (
            parameter("weight", slopes, slopes, ("slopes",)),
            elementwise("comparisons", "cmp", ins[0]),
            elementwise("multiplications by the slope", "mul", ins[0]),
        )

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(PReLU(), (2, 3, 4, 5))
        yield example(PReLU(3), (2, 3, 4))
        yield example(PReLU(), (7,))
        yield example(PReLU(2), (2, 3, 4))  # refused
        yield example(PReLU(2), (2,))  # refused
        yield example(PReLU(-1), (2, 3, 4))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class GLU(Op):
    """The first half of ``dim`` times the sigmoid of the second (Dauphin et al. 2017, section 2).

    Work for each output: an exponential, an addition, a division and a multiplication.
    """

    dim: int = -1

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield Guard((len(x.dims) > 0,), "GLU needs an input with an axis", {})
        yield has_axis("dim", self.dim, x)
        size = x.dims[axis_of(self.dim, x)]
        yield Guard(equal(size % 2, 0), "{size} cannot be halved", {"size": size})

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        axis = axis_of(self.dim, x)
        return (replaced(Tensor(x.dims, x.dtype), axis, x.dims[axis] // 2),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (
            elementwise("exponentials", "exp", outs[0]),
            elementwise("additions of 1", "add", outs[0]),
            elementwise("divisions", "div", outs[0]),
            elementwise("multiplications", "mul", outs[0]),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        axis = axis_of(self.dim, ins[0])
        return (Working(f"axis {axis}", (f"{ins[0].dims[axis]} / 2",), outs[0].dims[axis]),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == axis_of(self.dim, ins[0]) else "each"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(GLU(), (2, 3, 8))
        yield example(GLU(1), (2, 6, 4, 5))
        yield example(GLU(1), (2, 3, 8))  # refused
        yield example(GLU(3), (2, 3, 8))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class LogSigmoid(Op):
    """The logarithm of the sigmoid, as min(x, 0) - log(1 + exp(-abs(x))).

    Work for each element: two comparisons (one of them for abs), two exponentials (one of them the
    logarithm), three additions (a change of sign and a subtraction among them).
    """

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        told = {"got": ins[0].dtype}
        yield Guard((ins[0].dtype in FLOATS,), "LogSigmoid takes real numbers, got {got}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        return (
            elementwise("comparisons", "cmp", x, (2, "both")),
            elementwise("exponentials and logarithms", "exp", x, (2, "both")),
            elementwise("additions", "add", x, (3, "all")),
        )

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,), extra=ins)

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return int(ins[0].nbytes)  # the exponentials

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(LogSigmoid(), (2, 3, 4, 5))
        yield example(LogSigmoid(), (7,))
        yield example(LogSigmoid(), (7,), dtypes=("int64",))  # refused
