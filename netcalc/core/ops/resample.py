"""Layers that change the size of a feature map without learning how."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from netcalc.core.fields import Indices
from netcalc.core.numbers import Num, ceil_div, equal, larger
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    AXES,
    elementwise,
    rank,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term
from netcalc.core.window import positive

__all__ = ["GridSample", "Upsample"]

TAPS = {"nearest": (1, (1, 2, 3)), "nearest-exact": (1, (1, 2, 3))} | {
    "linear": (2, (1,)),
    "bilinear": (4, (2,)),
    "bicubic": (16, (2,)),
    "trilinear": (8, (3,)),
}
"""For each mode, how many inputs an output is made of, and over how many axes it can go."""


def weighted(taps: int, y: Tensor) -> tuple[Term, ...]:
    """Work of outputs that are weighted sums of so many inputs, the weights being there already."""
    if taps == 1:
        return ()
    return (
        elementwise("multiplications by weights", "mul", y, (taps, "taps")),
        elementwise("additions", "add", y, (taps - 1, "(taps - 1)")),
    )


@dataclass(frozen=True, slots=True, repr=False)
class Upsample(Op):
    """The last axes, behind batch and channels, at another size: by interpolation or copies.

    Either ``size`` gives the new sizes, or ``scale_factor`` what each is multiplied by, rounded
    down. ``mode``: nearest, nearest-exact, linear (1 axis), bilinear, bicubic (2), trilinear (3).
    Work for each output with t taps (2 for each axis, 4 when cubic): t multiplications and t - 1
    additions. The weights are the same for all channels and are not counted. With ``antialias``
    (bilinear and bicubic) the axes are resized one after the other, the last one first, and an axis
    that gets smaller by a factor f has f times as many taps, rounded up.
    """

    size: Indices | None = None
    scale_factor: float | None = None
    mode: str = "nearest"
    align_corners: bool = False
    antialias: bool = False

    def limits(self) -> Iterator[Guard]:
        one = (self.size is None) != (self.scale_factor is None)
        yield Guard((one,), "size or scale_factor must be given, and not both", {})
        grows = self.scale_factor is None or self.scale_factor > 0
        yield Guard((grows,), "scale_factor must be positive, got {f}", {"f": self.scale_factor})
        yield positive(size=self.size or ())
        told = {"known": ", ".join(TAPS), "got": self.mode}
        yield Guard((self.mode in TAPS,), "mode must be one of {known}, got {got!r}", told)
        nearest = self.mode.startswith("nearest")
        yield Guard((not (nearest and self.align_corners),), "align_corners is not for {got}", told)
        smooth = not self.antialias or self.mode in ("bilinear", "bicubic")
        yield Guard((smooth,), "antialias is not for {got}", told)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        allowed = TAPS[self.mode][1]
        yield rank(self, x, *(n + 2 for n in allowed))
        n = len(x.dims) - 2
        told = {"size": self.size, "n": n}
        fits = self.size is None or len(self.size) in (1, n)
        yield Guard((fits,), "size {size} must be one number or one for each of {n} axes", told)
        sizes = self.shape(x)[0].dims[2:]
        yield Guard(tuple(d >= 1 for d in sizes), "nothing is left: {sizes}", {"sizes": sizes})

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        n = len(x.dims) - 2
        if self.scale_factor is not None:
            factor = self.scale_factor
            sizes = tuple(_scaled(d, factor) for d in x.dims[2:])
        else:
            asked = self.size or ()
            sizes = asked * n if len(asked) == 1 else asked
        return (Tensor((*x.dims[:2], *sizes), x.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (
            self._smooth(ins[0], outs[0])
            if self.antialias
            else weighted(TAPS[self.mode][0], outs[0])
        )

    def _smooth(self, x: Tensor, y: Tensor) -> tuple[Term, ...]:
        """The work of one axis after the other."""
        least = {"bilinear": 2, "bicubic": 4}[self.mode]
        *rest, height, width = x.dims
        wide = Tensor((*rest, height, y.dims[-1]))
        steps = ((wide, width, y.dims[-1]), (y, height, y.dims[-2]))
        return tuple(
            elementwise(label, kind, made, (taps - fewer, name))
            for made, old, new in steps
            for taps in (larger(ceil_div(least * old, new), least),)
            for label, kind, fewer, name in (
                ("multiplications by weights", "mul", 0, "taps"),
                ("additions", "add", 1, "(taps - 1)"),
            )
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        x, y = ins[0], outs[0]
        rows = zip(AXES[len(x.dims) - 2], x.dims[2:], y.dims[2:], strict=True)
        return tuple(
            Working(label, (f"{new}",), new, "as asked for")
            if self.scale_factor is None
            else Working(label, (f"floor({old}*{self.scale_factor})",), new)
            for label, old, new in rows
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        x, y = ins[0], self.shape(*ins)[0]
        return "uneven" if axis >= 2 and len(x.dims) == len(y.dims) else "each"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Upsample(scale_factor=2.0), (2, 3, 5, 6))
        yield example(Upsample((7,)), (2, 3, 5))
        yield example(Upsample((4, 7), mode="nearest-exact"), (2, 3, 5, 6))
        yield example(Upsample(scale_factor=1.5, mode="linear"), (2, 3, 5))
        yield example(Upsample((10, 4), mode="bilinear", align_corners=True), (2, 3, 5, 6))
        yield example(Upsample(scale_factor=0.5, mode="bicubic"), (2, 3, 5, 6))
        yield example(Upsample((3, 4, 5), mode="trilinear"), (1, 2, 3, 3, 3))
        yield example(Upsample((3, 7), mode="bilinear", antialias=True), (2, 3, 8, 6))
        yield example(Upsample(scale_factor=0.5, mode="bicubic", antialias=True), (2, 3, 8, 6))
        # refused
        yield example(Upsample(), (2, 3, 5, 6))
        yield example(Upsample((4,), 2.0), (2, 3, 5, 6))
        yield example(Upsample(scale_factor=2.0, mode="cubic"), (2, 3, 5, 6))
        yield example(Upsample(scale_factor=2.0, align_corners=True), (2, 3, 5, 6))
        yield example(Upsample(scale_factor=2.0, mode="bilinear"), (2, 3, 5))
        yield example(Upsample(scale_factor=2.0, antialias=True), (2, 3, 5, 6))
        yield example(Upsample((4, 4)), (2, 3, 5))
        yield example(Upsample((0, 4)), (2, 3, 5, 6))
        yield example(Upsample(scale_factor=0.1), (2, 3, 5, 6))
        yield example(Upsample(scale_factor=-2.0), (2, 3, 5, 6))


def _scaled(length: Num, factor: float) -> Num:
    """``length`` times ``factor``, rounded down: as PyTorch multiplies them, in float64.

    For other than plain numbers the factor is taken as it is written in decimals, which differs
    only where rounding in float64 crosses a whole number.
    """
    if isinstance(length, int):
        return math.floor(length * float(factor))
    exact = Fraction(str(factor))
    scaled: Num = length * exact.numerator // exact.denominator
    return scaled


@dataclass(frozen=True, slots=True, repr=False)
class GridSample(Op):
    """A feature map read at the places that a second input names (torch grid_sample).

    Inputs N x C x H x W and N x H' x W' x 2 give N x C x H' x W', with a depth where they have one.
    Work for each output as in Upsample, by ``mode``: bilinear (trilinear with a depth), nearest or
    bicubic. The weights of a place are the same for all channels and are not counted.
    """

    mode: str = "bilinear"
    padding_mode: str = "zeros"
    align_corners: bool = False

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)

    def limits(self) -> Iterator[Guard]:
        modes, paddings = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
        told = {"mode": self.mode, "padding": self.padding_mode}
        yield Guard((self.mode in modes,), "mode {mode!r} is not known", told)
        yield Guard((self.padding_mode in paddings,), "padding_mode {padding!r} is not known", told)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, grid = ins
        yield rank(self, x, 4, *(() if self.mode == "bicubic" else (5,)))
        n = len(x.dims) - 2
        told = {"x": x, "grid": grid, "n": n}
        template = "a map {x} needs a grid with the same batch and {n} numbers last, got {grid}"
        yield Guard((len(grid.dims) == len(x.dims),), template, told)
        same = (*equal(x.dims[0], grid.dims[0]), *equal(grid.dims[-1], n))
        yield Guard(same, template, told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        x, grid = ins
        return (Tensor((*x.dims[:2], *grid.dims[1:-1]), x.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        n = len(ins[0].dims) - 2
        return weighted({"nearest": 1, "bilinear": 2**n, "bicubic": 4**n}[self.mode], outs[0])

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        rows = zip(AXES[len(ins[0].dims) - 2], outs[0].dims[2:], strict=True)
        return tuple(Working(label, (f"{d}",), d, "the grid's") for label, d in rows)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0, 1))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(GridSample(), (2, 3, 5, 6), (2, 7, 8, 2))
        yield example(GridSample("nearest", "border"), (2, 3, 5, 6), (2, 7, 8, 2))
        yield example(GridSample("bicubic", align_corners=True), (2, 3, 5, 6), (2, 7, 8, 2))
        yield example(GridSample(), (2, 3, 4, 5, 6), (2, 3, 7, 8, 3))
        # refused
        yield example(GridSample("linear"), (2, 3, 5, 6), (2, 7, 8, 2))
        yield example(GridSample(padding_mode="zero"), (2, 3, 5, 6), (2, 7, 8, 2))
        yield example(GridSample("bicubic"), (2, 3, 4, 5, 6), (2, 3, 7, 8, 3))
        yield example(GridSample(), (2, 3, 5, 6), (1, 7, 8, 2))
        yield example(GridSample(), (2, 3, 5, 6), (2, 7, 8, 3))
        yield example(GridSample(), (2, 3, 5, 6), (2, 7, 2))
