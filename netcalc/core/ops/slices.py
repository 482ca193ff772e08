"""Views of a part of an axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netcalc.core.fields import Indices
from netcalc.core.numbers import Num, ceil_div, equal, larger, smaller
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    has_axis,
)
from netcalc.core.ops.view import View
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.core.window import Window, not_negative, positive

__all__ = ["Pick", "Slice", "Split", "Unbind"]


def replaced(x: Tensor, axis: int, *sizes: Num) -> Tensor:
    """A tensor with other axes (or none) in the place of one."""
    dims = (*x.dims[:axis], *sizes, *x.dims[axis + 1 :])
    new = ((size,) for size in sizes)
    parts = (*x.parts[:axis], *new, *x.parts[axis + 1 :]) if x.parts else ()
    return Tensor(dims, x.dtype, parts)


@dataclass(frozen=True, slots=True, repr=False)
class Slice(View):
    """The entries from ``start`` to ``end`` along ``dim``, every ``step``-th, as Python slices.

    Negative numbers count from the end, none means the end; what lies outside is cut off.
    """

    dim: int
    start: int = 0
    end: int | None = None
    step: int = 1

    def limits(self) -> Iterator[Guard]:
        yield positive(step=self.step)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield has_axis("dim", self.dim, ins[0])

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        axis = axis_of(self.dim, x)
        first, last = self._bounds(x.dims[axis])
        length = last if self.start == 0 and self.end is None else larger(last - first, 0)
        return (replaced(x, axis, length if self.step == 1 else ceil_div(length, self.step)),)

    def _bounds(self, length: Num) -> tuple[Num, Num]:
        """The first entry, and the one after the last."""
        return _inside(self.start, length), length if self.end is None else _inside(
            self.end, length
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        axis = axis_of(self.dim, ins[0])
        first, last = self._bounds(ins[0].dims[axis])
        size = outs[0].dims[axis]
        step = f"{last} - {first}"
        if self.step != 1:
            step = f"ceil(({step}) / {self.step})"
        return (Working(f"axis {axis}", (step if last >= first else "0",), size),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        (x,) = ins
        if axis != axis_of(self.dim, x):
            return "each"
        first, _ = self._bounds(x.dims[axis])
        return Window(1, self.step, -first)  # type: ignore[operator]

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Slice(1, 2, 5), (2, 6, 4))
        yield example(Slice(2, 1, None, 2), (2, 3, 7, 8))
        yield example(Slice(-1, -3, -1), (2, 3, 7))
        yield example(Slice(2, 2, 100), (2, 3, 7))
        yield example(Slice(2, -100, 4, 3), (2, 3, 7))
        yield example(Slice(1, 4, 2), (2, 6, 4))
        yield example(Slice(1, 0, 3, 0), (2, 6))  # refused
        yield example(Slice(2), (2, 6))  # refused


def _inside(at: int, length: Num) -> Num:
    """A bound as Python counts it, within an axis."""
    if at == 0:
        return 0
    inside: Num = smaller(length, at) if at > 0 else larger(length + at, 0)
    return inside


@dataclass(frozen=True, slots=True, repr=False)
class Pick(View):
    """The entry ``index`` along ``dim``, which goes (torch.select); negative from the end."""

    dim: int
    index: int

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield has_axis("dim", self.dim, x)
        size = x.dims[axis_of(self.dim, x)]
        needed = self.index + 1 if self.index >= 0 else -self.index
        told = {"index": self.index, "size": size}
        yield Guard((size >= needed,), "there is no entry {index} among {size}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (replaced(ins[0], axis_of(self.dim, ins[0])),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        (x,) = ins
        if axis != axis_of(self.dim, x):
            return "each"
        at = self.index if self.index >= 0 else x.dims[axis] + self.index
        return Window(1, 1, -at)

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        gone = axis_of(self.dim, ins[0])
        return None if axis == gone else axis - (axis > gone)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Pick(1, 0), (2, 6, 4, 5))
        yield example(Pick(-1, -2), (2, 6, 4))
        yield example(Pick(0, 0), (3,))
        yield example(Pick(1, 6), (2, 6, 4))  # refused
        yield example(Pick(1, -7), (2, 6, 4))  # refused
        yield example(Pick(3, 0), (2, 6, 4))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Split(View):
    """Parts of ``sizes`` along ``dim``, one after the other: an output for each."""

    sizes: Indices
    dim: int = 0

    def limits(self) -> Iterator[Guard]:
        yield Guard((len(self.sizes) >= 1,), "sizes must be at least one", {})
        yield not_negative("sizes", self.sizes)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield has_axis("dim", self.dim, x)
        size = x.dims[axis_of(self.dim, x)]
        told = {"sizes": list(self.sizes), "size": size}
        yield Guard(equal(size, sum(self.sizes)), "sizes {sizes} do not add up to {size}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        return tuple(replaced(x, axis_of(self.dim, x), size) for size in self.sizes)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        axis = axis_of(self.dim, ins[0])
        return tuple(Working(f"axis {axis}", (f"{s}",), s, "as asked for") for s in self.sizes)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == axis_of(self.dim, ins[0]) else "each"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Split((2, 4), 1), (2, 6, 4, 5))
        yield example(Split((1, 1, 1)), (3, 4))
        yield example(Split((4, 3), -1), (2, 3, 7))
        # refused
        yield example(Split((2, 3), 1), (2, 6))
        yield example(Split((7, -1), 1), (2, 6))
        yield example(Split((), 1), (2, 6))
        yield example(Split((2,), 2), (2, 6))


@dataclass(frozen=True, slots=True, repr=False)
class Unbind(View):
    """Every entry along ``dim``, which goes: ``count`` outputs, as many as there are entries."""

    count: int
    dim: int = 0

    def limits(self) -> Iterator[Guard]:
        yield positive(count=self.count)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield has_axis("dim", self.dim, x)
        size = x.dims[axis_of(self.dim, x)]
        told = {"count": self.count, "size": size}
        yield Guard(equal(size, self.count), "count is {count}, but there are {size}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return Pick(self.dim, 0).shape(*ins) * self.count

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == axis_of(self.dim, ins[0]) else "each"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return Pick(self.dim, 0).axis_after(axis, ins)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Unbind(3), (3, 2, 4, 5))
        yield example(Unbind(2, -1), (3, 4, 2))
        yield example(Unbind(2), (3, 4))  # refused
        yield example(Unbind(0), (3, 4))  # refused
        yield example(Unbind(3, 2), (3, 3))  # refused
