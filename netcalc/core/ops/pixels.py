"""Layers that exchange channels for space, or for one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netcalc.core.numbers import equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Working,
    example,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.core.window import Window, positive

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


@dataclass(frozen=True, slots=True, repr=False)
class PixelShuffle(Op):
    """Channels laid out in space: r*r of them become one, with height and width r times as large.

    r is the ``upscale_factor`` (Shi et al. 2016, equation 4). No work.
    """

    upscale_factor: int

    def limits(self) -> Iterator[Guard]:
        yield positive(upscale_factor=self.upscale_factor)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield at_least_3(self.type, x)
        r = self.upscale_factor
        told = {"c": x.dims[-3], "r": r}
        holds = equal(x.dims[-3] % (r * r), 0)
        yield Guard(holds, "{c} channels cannot be divided by {r}*{r}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        r = self.upscale_factor
        *batch, c, h, w = x.dims
        return (Tensor((*batch, c // (r * r), h * r, w * r), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        r = self.upscale_factor
        *_, c, h, w = ins[0].dims
        steps = (f"{c} / ({r}*{r})", f"{h}*{r}", f"{w}*{r}")
        return _three(steps, outs[0])

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis >= len(ins[0].dims) - 3 else "each"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(PixelShuffle(2), (2, 8, 3, 5))
        yield example(PixelShuffle(3), (9, 3, 5))
        yield example(PixelShuffle(2), (2, 6, 3, 5))  # refused
        yield example(PixelShuffle(0), (2, 6, 3, 5))  # refused
        yield example(PixelShuffle(1), (3, 5))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class PixelUnshuffle(Op):
    """The reverse of PixelShuffle: squares of ``downscale_factor`` become channels. No work."""

    downscale_factor: int

    def limits(self) -> Iterator[Guard]:
        yield positive(downscale_factor=self.downscale_factor)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield at_least_3(self.type, x)
        r = self.downscale_factor
        *_, h, w = x.dims
        holds = (*equal(h % r, 0), *equal(w % r, 0))
        yield Guard(holds, "{h}x{w} cannot be divided by {r}", {"h": h, "w": w, "r": r})

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        r = self.downscale_factor
        *batch, c, h, w = x.dims
        return (Tensor((*batch, c * (r * r), h // r, w // r), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        r = self.downscale_factor
        *_, c, h, w = ins[0].dims
        return _three((f"{c}*{r}*{r}", f"{h} / {r}", f"{w} / {r}"), outs[0])

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        if axis >= len(ins[0].dims) - 2:
            return Window(self.downscale_factor, self.downscale_factor)
        return "uneven" if axis == len(ins[0].dims) - 3 else "each"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(PixelUnshuffle(2), (2, 3, 4, 6))
        yield example(PixelUnshuffle(3), (2, 6, 3))
        yield example(PixelUnshuffle(2), (2, 3, 4, 5))  # refused
        yield example(PixelUnshuffle(0), (2, 3, 4, 5))  # refused
        yield example(PixelUnshuffle(1), (4, 5))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class ChannelShuffle(Op):
    """The channels in another order: the first of each of ``groups``, then the second ones, ...

    The second axis has the channels (Zhang et al. 2018, section 3.1). No work.
    """

    groups: int

    def limits(self) -> Iterator[Guard]:
        yield positive(groups=self.groups)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield at_least_3(self.type, x)
        told = {"c": x.dims[1], "g": self.groups}
        holds = equal(x.dims[1] % self.groups, 0)
        yield Guard(holds, "{c} channels cannot be divided into {g} groups", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == 1 else "each"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(ChannelShuffle(2), (2, 6, 3, 5))
        yield example(ChannelShuffle(3), (2, 6, 3))
        yield example(ChannelShuffle(4), (2, 6, 3, 5))  # refused
        yield example(ChannelShuffle(0), (2, 6, 3, 5))  # refused
        yield example(ChannelShuffle(1), (6, 3))  # refused


def at_least_3(kind: str, x: Tensor) -> Guard:
    """The guard of an input with channels and two axes behind them."""
    told = {"kind": kind, "got": len(x.dims)}
    return Guard((len(x.dims) >= 3,), "{kind} takes at least 3 axes, got {got}", told)


def _three(steps: tuple[str, str, str], y: Tensor) -> tuple[Working, ...]:
    """How channels, height and width came about."""
    rows = zip(("channels", "height", "width"), steps, y.dims[-3:], strict=True)
    return tuple(Working(label, (step,), value) for label, step, value in rows)
