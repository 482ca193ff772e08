"""Layers that act on whole axes: linear and flatten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import Num, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Passes,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    AXES,
    axis_of,
    batch_names,
    has_axis,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import positive
from netcalc.errors import SpecError

__all__ = ["Flatten", "Linear"]


@dataclass(frozen=True, slots=True, repr=False)
class Linear(Op):
    """A fully connected layer on the last axis; leading axes are a batch.

    Work: one multiply-add per weight and leading position.
    """

    out_features: Num
    bias: bool = True

    DEPTH: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if type(self.bias) is int:
            raise SpecError(
                f"Linear takes the features that come out, Linear({self.bias}); what goes in"
                " follows from the layers before it"
            )
        Op.__post_init__(self)

    def limits(self) -> Iterator[Guard]:
        yield positive(out_features=self.out_features)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield Guard((len(ins[0].dims) >= 1,), "Linear needs an input with at least one axis", {})

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "all" if axis == len(ins[0].dims) - 1 else "each"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        parts = (*x.parts[:-1], (self.out_features,)) if x.parts else ()
        return (Tensor((*x.dims[:-1], self.out_features), x.dtype, parts),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        x, y = ins[0], outs[0]
        weights = (*x.factors(-1), self.out_features)
        names = (*_input_names(len(weights) - 1), "out features")
        leading = x.factors(0, -1)
        weight_shape = (self.out_features, x.dims[-1])
        out = (
            parameter("weight", weight_shape, weights, names),
            Term("multiply-adds", "mac", (*leading, *weights), batch_names(len(leading), *names)),
        )
        if not self.bias:
            return out
        only = (self.out_features,)
        return (
            *out,
            parameter("bias", only, only, ("out features",)),
            Term("bias additions", "add", y.factors(), batch_names(len(leading), "out features")),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return (Working("features", (f"{self.out_features}",), self.out_features),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Linear(10), (2, 16))
        yield example(Linear(10, bias=False), (2, 7, 16))
        yield example(Linear(5), (16,))
        yield example(Linear(10), ())  # refused


def _input_names(n: int) -> tuple[str, ...]:
    """What the factors of the input features are called: those of a flattened map apart."""
    if n == 1:
        return ("in features",)
    return ("in channels", *(f"in {axis}" for axis in AXES.get(n - 1, ("axis",) * (n - 1))))


@dataclass(frozen=True, slots=True, repr=False)
class Flatten(Op):
    """The axes from ``start_dim`` to ``end_dim`` become one; nothing is computed."""

    start_dim: int = 1
    end_dim: int = -1

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield has_axis("start_dim", self.start_dim, x)
        yield has_axis("end_dim", self.end_dim, x)
        first, last = axis_of(self.start_dim, x), axis_of(self.end_dim, x)
        yield Guard(
            (first <= last,),
            "start_dim={first} comes after end_dim={last}",
            {"first": self.start_dim, "last": self.end_dim},
        )

    PASSES: ClassVar[Passes] = "always"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int:
        (x,) = ins
        first, last = axis_of(self.start_dim, x), axis_of(self.end_dim, x)
        return axis if axis < first else max(first, axis - (last - first))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        first, last = axis_of(self.start_dim, x), axis_of(self.end_dim, x) + 1
        joined = product(x.dims[first:last])
        axes = x.parts or tuple((d,) for d in x.dims)
        return (
            Tensor(
                (*x.dims[:first], joined, *x.dims[last:]),
                x.dtype,
                (*axes[:first], x.factors(first, last), *axes[last:]),
            ),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        x = ins[0]
        first, last = axis_of(self.start_dim, x), axis_of(self.end_dim, x) + 1
        joined = outs[0].dims[first]
        return (Working("features", ("*".join(map(str, x.factors(first, last))),), joined),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Flatten(), (2, 16, 7, 7))
        yield example(Flatten(0, 1), (2, 3, 4))
        yield example(Flatten(-2), (2, 3, 4, 5))
        yield example(Flatten(2, 1), (2, 3, 4))  # refused
        yield example(Flatten(4), (2, 3))  # refused
