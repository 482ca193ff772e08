"""Diagonals of matrices, and matrices of diagonals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netcalc.core.numbers import Num, larger, smaller
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    has_axis,
)
from netcalc.core.ops.view import View, stated
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard

__all__ = ["DiagEmbed", "Diagonal"]


def _apart(first: int, second: int, x: Tensor) -> Iterator[Guard]:
    """The two axes of a matrix must be there, and not be the same."""
    yield has_axis("dim1", first, x)
    yield has_axis("dim2", second, x)
    told = {"first": first, "second": second}
    apart = axis_of(first, x) != axis_of(second, x)
    yield Guard((apart,), "dim1 and dim2 are the same axis: {first} and {second}", told)


@dataclass(frozen=True, slots=True, repr=False)
class Diagonal(View):
    """A view of the diagonal of the axes ``dim1`` and ``dim2``, which becomes the last axis.

    ``offset`` is how far to the right of the main diagonal it lies.
    """

    offset: int = 0
    dim1: int = 0
    dim2: int = 1

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield from _apart(self.dim1, self.dim2, ins[0])

    def _matrix(self, x: Tensor) -> tuple[int, int]:
        return axis_of(self.dim1, x), axis_of(self.dim2, x)

    def _length(self, x: Tensor) -> Num:
        rows, columns = (x.dims[i] for i in self._matrix(x))
        down, right = larger(0, -self.offset), larger(0, self.offset)
        length: Num = larger(smaller(rows - down, columns - right), 0)
        return length

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        gone = self._matrix(x)
        kept = (d for i, d in enumerate(x.dims) if i not in gone)
        return (Tensor((*kept, self._length(x)), x.dtype),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis in self._matrix(ins[0]) else "each"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        gone = self._matrix(ins[0])
        return len(ins[0].dims) - 2 if axis in gone else axis - sum(i < axis for i in gone)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Diagonal(), (4, 5))
        yield example(Diagonal(2, -1, 1), (2, 4, 3, 5))
        yield example(Diagonal(-1, 1, 2), (2, 4, 3))
        yield example(Diagonal(7), (4, 5))
        yield example(Diagonal(0, 1, -1), (4, 5))  # refused
        yield example(Diagonal(0, 0, 2), (4, 5))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class DiagEmbed(Op):
    """Square matrices of zeros with the rows of the input on their diagonals. No work.

    The axes of a matrix become ``dim1`` and ``dim2``; ``offset`` is how far to the right of the
    main diagonal the row lies.
    """

    offset: int = 0
    dim1: int = -2
    dim2: int = -1

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield Guard((len(x.dims) >= 1,), "DiagEmbed needs an input with an axis", {})
        yield from _apart(self.dim1, self.dim2, Tensor((*x.dims, 1)))

    def _matrix(self, x: Tensor) -> list[int]:
        whole = Tensor((*x.dims, 1))
        return sorted((axis_of(self.dim1, whole), axis_of(self.dim2, whole)))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        dims = list(x.dims[:-1])
        for at in self._matrix(x):
            dims.insert(at, x.dims[-1] + abs(self.offset))
        return (Tensor(tuple(dims), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        (x,) = ins
        step = f"{x.dims[-1]} + {abs(self.offset)}"
        new = [Working(f"axis {i}", (step,), outs[0].dims[i]) for i in self._matrix(x)]
        return (*new, *stated(x, outs[0]))

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == len(ins[0].dims) - 1 else "each"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        first, second = self._matrix(ins[0])
        if axis == len(ins[0].dims) - 1:
            return first
        moved = axis + (axis >= first)
        return moved + (moved >= second)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(DiagEmbed(), (2, 3))
        yield example(DiagEmbed(-2, 0, 2), (4, 5, 3))
        yield example(DiagEmbed(1, 1, 0), (4,))
        yield example(DiagEmbed(0, 1, -2), (2, 3))  # refused
        yield example(DiagEmbed(0, 3, 0), (2, 3))  # refused
        yield example(DiagEmbed(), ())  # refused
