"""Layers that read entries at places which another input names. No work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcast, broadcastable
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
    has_axis,
)
from netcalc.core.ops.view import stated
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard

__all__ = ["Gather", "Index"]


def places(*ins: Tensor) -> Guard:
    """The guard of inputs that hold places: they must be integers."""
    told = {"got": ", ".join(x.dtype for x in ins)}
    return Guard(
        (all(x.dtype in ("int32", "int64") for x in ins),),
        "places must be int32 or int64, got {got}",
        told,
    )


@dataclass(frozen=True, slots=True, repr=False)
class Gather(Op):
    """For each place of the second input the entry of the first, its index along ``dim`` replaced.

    The output has the shape of the second input (torch.gather).
    """

    dim: int

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, at = ins
        yield has_axis("dim", self.dim, x)
        yield places(at)
        told = {"x": x, "at": at, "dim": self.dim}
        template = "places {at} must have the axes of {x} and lie inside it but for dim {dim}"
        yield Guard((len(x.dims) == len(at.dims),), template, told)
        axis = axis_of(self.dim, x)
        pairs = enumerate(zip(x.dims, at.dims, strict=True))
        yield Guard(tuple(a >= b for i, (a, b) in pairs if i != axis), template, told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        x, at = ins
        return (Tensor(at.dims, x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return stated(ins[0], outs[0])

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0, 1))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        index = ("float32", "int64")
        yield example(Gather(1), (4, 5, 6), (4, 2, 3), dtypes=index)
        yield example(Gather(-1), (4, 5), (3, 9), dtypes=index)
        # refused
        yield example(Gather(1), (4, 5, 6), (4, 2, 7), dtypes=index)
        yield example(Gather(1), (4, 5, 6), (4, 2), dtypes=index)
        yield example(Gather(3), (4, 5, 6), (4, 2, 3), dtypes=index)
        yield example(Gather(1), (4, 5, 6), (4, 2, 3))


@dataclass(frozen=True, slots=True, repr=False)
class Index(Op):
    """Entries at places: ``x[:, i, j]`` with dim=1 and inputs x, i, j.

    The inputs after the first hold places along the axes from ``dim`` on, one input for each axis.
    They are broadcast, and their shape stands where these axes stood.
    """

    dim: int = 0

    ARITY: ClassVar[tuple[int, int | None]] = (2, None)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, *at = ins
        yield has_axis("dim", self.dim, x)
        yield places(*at)
        told = {"count": len(at), "dim": self.dim, "x": x}
        fits = axis_of(self.dim, x) + len(at) <= len(x.dims)
        yield Guard((fits,), "{x} has no {count} axes from {dim} on", told)
        yield broadcastable(*at)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        x, *at = ins
        axis = axis_of(self.dim, x)
        found = broadcast(*(i.dims for i in at))
        return (Tensor((*x.dims[:axis], *found, *x.dims[axis + len(at) :]), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return stated(ins[0], outs[0])

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        x, *at = ins
        first = axis_of(self.dim, x)
        new = len(broadcast(*(i.dims for i in at)))
        if axis < first:
            return axis
        if axis >= first + len(at):
            return axis - len(at) + new
        return first if new else None

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        first = axis_of(self.dim, ins[0])
        return "uneven" if first <= axis < first + len(ins) - 1 else "each"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=tuple(range(1, len(ins))))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        one, two = ("float32", "int64"), ("float32", "int64", "int64")
        yield example(Index(), (9, 4), (3, 5), dtypes=one)
        yield example(Index(1), (5, 3, 6, 7), (2, 1), (4,), dtypes=two)
        yield example(Index(-1), (2, 3, 6), (), dtypes=one)
        # refused
        yield example(Index(1), (5, 3), (2,), (2,), dtypes=two)
        yield example(Index(), (5, 3), (2,), (4,), dtypes=two)
        yield example(Index(), (5, 3), (2,))
        yield example(Index(2), (5, 3), (2,), dtypes=one)
