"""Layers that pick, move or blank out values and compute nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netcalc.core.fields import Indices
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
    distinct,
    has_axis,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.core.window import not_negative

__all__ = ["Flip", "Select", "Tril", "Triu"]


@dataclass(frozen=True, slots=True, repr=False)
class Select(Op):
    """The entries of ``indices`` along ``dim``, in that order (channels, say). No work."""

    indices: Indices
    dim: int = 1

    def limits(self) -> Iterator[Guard]:
        yield Guard((len(self.indices) >= 1,), "indices must name at least one entry", {})
        yield not_negative("indices", self.indices)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield has_axis("dim", self.dim, x)
        size = x.dims[axis_of(self.dim, x)]
        yield Guard(
            (size >= max(self.indices) + 1,),
            "indices must be from 0 to {size} - 1, got {indices}",
            {"size": size, "indices": self.indices},
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == axis_of(self.dim, ins[0]) else "each"

    def _index(self) -> Tensor:
        return Tensor((len(self.indices),), "int64")

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(extra=(self._index(),))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return int(self._index().nbytes)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        axis = axis_of(self.dim, x)
        count = len(self.indices)
        return (Tensor((*x.dims[:axis], count, *x.dims[axis + 1 :]), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        axis = axis_of(self.dim, ins[0])
        label = "channels" if axis == 1 else f"axis {axis}"
        count = len(self.indices)
        return (Working(label, (f"{count}",), count, "as many as are selected"),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Select((0, 2, 5)), (1, 6, 4, 4))
        yield example(Select((3, 1), dim=-1), (2, 3, 4))
        yield example(Select((6,)), (1, 6, 4, 4))  # refused
        yield example(Select((-1,)), (1, 6, 4, 4))  # refused
        yield example(Select((0,), dim=4), (1, 6, 4, 4))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Flip(Op):
    """The values in reverse order along each of ``dims`` (torch.flip). No work."""

    dims: Indices

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        for d in self.dims:
            yield has_axis("dims", d, ins[0])
        yield distinct(self.dims, ins[0])

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis in [axis_of(d, ins[0]) for d in self.dims] else "each"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Flip((2,)), (2, 3, 4))
        yield example(Flip((0, -1)), (2, 3, 4))
        yield example(Flip((3,)), (2, 3, 4))  # refused
        yield example(Flip((1, -2)), (2, 3, 4))  # refused


class Triangle(Op):
    """What Tril and Triu have in common."""

    __slots__ = ()

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        told = {"kind": self.type, "x": ins[0]}
        yield Guard((len(ins[0].dims) >= 2,), "{kind} takes matrices, got {x}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis >= len(ins[0].dims) - 2 else "each"


@dataclass(frozen=True, slots=True, repr=False)
class Tril(Triangle):
    """Matrices with zeros above the diagonal, or above one that lies ``diagonal`` to the right."""

    diagonal: int = 0

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Tril(), (2, 4, 5))
        yield example(Tril(-1), (3, 3), dtypes=("bool",))
        yield example(Tril(), (3,))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Triu(Triangle):
    """Matrices with zeros below the diagonal, or below one that lies ``diagonal`` to the right."""

    diagonal: int = 0

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Triu(1), (2, 4, 5))
        yield example(Triu(), (3, 3), dtypes=("bool",))
        yield example(Triu(), (3,))  # refused
