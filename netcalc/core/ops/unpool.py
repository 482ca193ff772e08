"""The reverse of max pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.fields import Indices
from netcalc.core.numbers import equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import AXES, rank
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.core.window import positive

__all__ = ["MaxUnpool"]


@dataclass(frozen=True, slots=True, repr=False)
class MaxUnpool(Op):
    """The values of the first input where the second says they were, and zeros elsewhere. No work.

    The second input is what a max pool gives with ``return_indices``; ``output_size`` is the size
    of height and width (with a depth before them, of three axes).
    """

    output_size: Indices

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)
    STATED: ClassVar[bool] = True

    def limits(self) -> Iterator[Guard]:
        told = {"size": list(self.output_size)}
        fits = len(self.output_size) in (2, 3)
        yield Guard((fits,), "output_size must have two or three numbers, got {size}", told)
        yield positive(output_size=self.output_size)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, at = ins
        n = len(self.output_size)
        yield rank(self, x, n + 1, n + 2)
        told = {"x": x, "at": at, "got": at.dtype}
        yield Guard((at.dtype == "int64",), "places must be int64, got {got}", told)
        template = "there must be a place for each value: {at} for {x}"
        yield Guard((len(x.dims) == len(at.dims),), template, told)
        pairs = zip(x.dims, at.dims, strict=True)
        yield Guard(tuple(c for a, b in pairs for c in equal(a, b)), template, told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x, _) = ins
        return (Tensor((*x.dims[: -len(self.output_size)], *self.output_size), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        n = len(self.output_size)
        rows = zip(AXES[n], outs[0].dims[-n:], strict=True)
        return tuple(Working(label, (f"{size}",), size, "as asked for") for label, size in rows)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis >= len(ins[0].dims) - len(self.output_size) else "each"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(1,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        index = ("float32", "int64")
        yield example(MaxUnpool((6, 8)), (2, 4, 3, 4), (2, 4, 3, 4), dtypes=index)
        yield example(MaxUnpool((2, 6, 7)), (4, 1, 3, 3), (4, 1, 3, 3), dtypes=index)
        # refused
        yield example(MaxUnpool((6, 8)), (2, 4, 3, 4), (2, 4, 3, 3), dtypes=index)
        yield example(MaxUnpool((6, 8)), (2, 4, 3, 4), (2, 4, 3, 4))
        yield example(MaxUnpool((6, 8)), (3, 4), (3, 4), dtypes=index)
        yield example(MaxUnpool((6,)), (2, 4, 3), (2, 4, 3), dtypes=index)
        yield example(MaxUnpool((6, -1)), (2, 4, 3, 4), (2, 4, 3, 4), dtypes=index)
