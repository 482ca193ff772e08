"""Windows of a tensor laid side by side, and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from netcalc.core.fields import Indices
from netcalc.core.numbers import Num, equal, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    elementwise,
    has_axis,
    rank,
)
from netcalc.core.ops.slices import replaced
from netcalc.core.ops.view import View
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term
from netcalc.core.window import Window, fits, not_negative, positive

__all__ = ["Fold", "Unfold", "UnfoldAxis"]


class Windows(Op):
    """What Unfold and Fold have in common: windows over height and width."""

    __slots__ = ()

    kernel: Indices
    stride: Indices
    padding: Indices
    dilation: Indices

    def limits(self) -> Iterator[Guard]:
        each = (self.kernel, self.stride, self.padding, self.dilation)
        told = {"each": [list(v) for v in each]}
        fit = all(len(v) in (1, 2) for v in each)
        template = "kernel, stride, padding and dilation must be one number or two each, got {each}"
        yield Guard((fit,), template, told)
        yield positive(kernel=self.kernel, stride=self.stride, dilation=self.dilation)
        yield not_negative("padding", self.padding)

    def windows(self) -> tuple[Window, ...]:
        """The window of each axis."""
        each = map(_two, (self.kernel, self.stride, self.padding, self.dilation))
        return tuple(Window(k, s, p, p, d) for k, s, p, d in zip(*each, strict=True))

    def taps(self) -> int:
        """How many values a window has."""
        return prod(_two(self.kernel))


def _two(value: Indices) -> Indices:
    """A number for height and one for width."""
    return value * 2 if len(value) == 1 else value


@dataclass(frozen=True, slots=True, repr=False)
class Unfold(Windows):
    """The windows over height and width as columns (im2col): N x C x H x W to N x C*K x L.

    K is the number of values of a window, L the number of windows. Values are copied, no work. For
    windows along one axis, as Tensor.unfold has them, there is UnfoldAxis.
    """

    kernel: Indices
    stride: Indices = (1,)
    padding: Indices = (0,)
    dilation: Indices = (1,)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield rank(self, ins[0], 3, 4)
        yield fits(self.windows(), ins[0].dims[-2:])

    def _counts(self, x: Tensor) -> tuple[Num, ...]:
        return tuple(w.size(d) for w, d in zip(self.windows(), x.dims[-2:], strict=True))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        rows, columns = self._counts(x)
        *batch, channels = x.dims[:-2]
        return (Tensor((*batch, channels * self.taps(), rows * columns), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        *_, channels, places = outs[0].dims
        window = "*".join(map(str, _two(self.kernel)))
        counts = "*".join(map(str, self._counts(ins[0])))
        return (
            Working("channels", (f"{ins[0].dims[-3]}*{window}",), channels),
            Working("windows", (counts,), places),
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "each" if axis < len(ins[0].dims) - 3 else "uneven"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return min(axis, len(ins[0].dims) - 2)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Unfold((3,)), (2, 4, 7, 8))
        yield example(Unfold((2, 3), (2,), (1, 0), (1, 2)), (4, 6, 9))
        # refused
        yield example(Unfold((3,)), (2, 4, 7))
        yield example(Unfold((9,)), (2, 4, 7, 8))
        yield example(Unfold((2, 2, 2)), (2, 4, 7, 8))
        yield example(Unfold((0,)), (2, 4, 7, 8))
        yield example(Unfold((2,), (0,)), (2, 4, 7, 8))
        yield example(Unfold((2,), padding=(-1,)), (2, 4, 7, 8))


@dataclass(frozen=True, slots=True, repr=False)
class Fold(Windows):
    """The reverse of Unfold (col2im): columns N x C*K x L as windows of N x C x ``output_size``.

    Where windows overlap, their values are added. Work: an addition for each value of the input.
    """

    output_size: Indices
    kernel: Indices
    stride: Indices = (1,)
    padding: Indices = (0,)
    dilation: Indices = (1,)

    AT_LEAST: ClassVar[bool] = True  # on the CPU the output lies in as many bytes as the input

    def limits(self) -> Iterator[Guard]:
        yield from Windows.limits(self)
        fit = len(self.output_size) in (1, 2)
        told = {"size": list(self.output_size)}
        yield Guard((fit,), "output_size must be one number or two, got {size}", told)
        yield positive(output_size=self.output_size)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield rank(self, x, 2, 3)
        yield fits(self.windows(), _two(self.output_size))
        *_, channels, places = x.dims
        told = {"x": x, "taps": self.taps(), "places": self._places()}
        template = "{x} must have a multiple of {taps} channels and {places} windows"
        yield Guard(
            (*equal(channels % self.taps(), 0), *equal(places, product(self._places()))),
            template,
            told,
        )

    def _places(self) -> tuple[int, ...]:
        rows = zip(self.windows(), _two(self.output_size), strict=True)
        return tuple(w.size(d) for w, d in rows)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        *batch, channels, _ = x.dims
        dims = (*batch, channels // self.taps(), *_two(self.output_size))
        return (Tensor(dims, x.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (elementwise("additions", "add", ins[0]),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        *_, channels, height, width = outs[0].dims
        window = "*".join(map(str, _two(self.kernel)))
        return (
            Working("channels", (f"{ins[0].dims[-2]} / ({window})",), channels),
            Working("height", (f"{height}",), height, "as asked for"),
            Working("width", (f"{width}",), width, "as asked for"),
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "each" if axis < len(ins[0].dims) - 2 else "uneven"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Fold((4, 5), (2,)), (2, 12, 12))
        yield example(Fold((6,), (2, 3), (2, 1), (1, 0), (1, 2)), (12, 8))
        # refused
        yield example(Fold((4, 5), (2,)), (2, 12, 11))
        yield example(Fold((4, 5), (2,)), (2, 10, 12))
        yield example(Fold((4, 5), (2,)), (12,))
        yield example(Fold((4, 5), (6,)), (2, 36, 1))
        yield example(Fold((4, 5, 6), (2,)), (2, 12, 12))
        yield example(Fold((4, -5), (2,)), (2, 12, 12))
        yield example(Fold((4, 5), (2,), (0,)), (2, 12, 12))


@dataclass(frozen=True, slots=True, repr=False)
class UnfoldAxis(View):
    """A view of the windows of ``size`` along ``dim``, ``step`` apart, on a new last axis.

    This is Tensor.unfold; nn.Unfold, which copies, is Unfold.
    """

    dim: int
    size: int
    step: int = 1

    def limits(self) -> Iterator[Guard]:
        yield positive(size=self.size, step=self.step)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield has_axis("dim", self.dim, x)
        length = x.dims[axis_of(self.dim, x)]
        told = {"size": self.size, "length": length}
        yield Guard(
            (length >= self.size,), "windows of {size} do not fit an axis of {length}", told
        )

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        axis = axis_of(self.dim, x)
        moved = replaced(Tensor(x.dims, x.dtype), axis, self._window().size(x.dims[axis]))
        return (Tensor((*moved.dims, self.size), x.dtype),)

    def _window(self) -> Window:
        return Window(self.size, self.step)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        axis = axis_of(self.dim, ins[0])
        steps, remark = self._window().working(int(ins[0].dims[axis]))  # type: ignore[call-overload]
        return (
            Working(f"axis {axis}", steps, outs[0].dims[axis], remark),
            Working(f"axis {len(ins[0].dims)}", (f"{self.size}",), self.size, "the windows"),
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return self._window() if axis == axis_of(self.dim, ins[0]) else "each"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(UnfoldAxis(1, 3), (2, 7, 4))
        yield example(UnfoldAxis(-1, 4, 2), (2, 3, 9))
        yield example(UnfoldAxis(2, 8, 1), (2, 3, 7))  # refused
        yield example(UnfoldAxis(3, 1), (2, 3, 7))  # refused
        yield example(UnfoldAxis(1, 2, 0), (2, 7, 4))  # refused
