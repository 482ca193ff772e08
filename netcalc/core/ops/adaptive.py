"""Pooling to a given output size, global pooling among it, in 1 to 3 dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import gcd
from typing import Any, ClassVar

from netcalc.core.numbers import Num, ceil_div
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
    Constructor,
    KindT,
    batch_names,
    elementwise,
    named,
    per_axis,
    rank,
)
from netcalc.core.ops.pool import places_between, saved_places, with_places
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term
from netcalc.core.window import Window, positive

__all__ = [
    "AdaptiveAvgPool",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]


class AdaptivePool(Op):
    """Windows laid so that the last n axes come out as ``output`` (None keeps an axis's size).

    Window j of an axis of length L covers [floor(j*L/o), ceil((j+1)*L/o)): all of it where o is 1
    (global pooling).
    """

    __slots__ = ()

    output: tuple[int | None, ...]

    POOL: ClassVar[int] = 1

    @property
    def type(self) -> str:
        return f"{type(self).__name__}{len(self.output)}d"

    def limits(self) -> Iterator[Guard]:
        yield Guard(
            (len(self.output) > 1 or None not in self.output,),
            "{kind} must be given an output size",
            {"kind": self.type},
        )
        yield positive(output=tuple(size for size in self.output if size is not None))

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield rank(self, ins[0], len(self.output) + 1, len(self.output) + 2)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        n = len(self.output)
        kept = zip(self.output, x.dims[-n:], strict=True)
        sizes = (d if size is None else size for size, d in kept)
        return (Tensor((*x.dims[:-n], *sizes), x.dtype),)

    def taps(self, x: Tensor) -> tuple[Num, ...]:
        """The lengths of all windows of each axis, summed."""
        n = len(self.output)
        return tuple(
            length if size is None else _taps(length, size)
            for size, length in zip(self.output, x.dims[-n:], strict=True)
        )

    def folding(self, label: str, kind: str, x: Tensor, y: Tensor) -> tuple[Term, ...]:
        """One operation per tap, less one for each window."""
        n = len(self.output)
        leading = x.dims[:-n]
        names = batch_names(len(leading) - 1, "channels", *(f"taps over {a}" for a in AXES[n]))
        return (
            Term(label, kind, (*leading, *self.taps(x)), names),
            elementwise(f"{label} saved by each window's first tap", kind, y, (-1, "-1")),
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        at = axis - len(ins[0].dims) + len(self.output)
        size = self.output[at] if at >= 0 else None
        length = ins[0].dims[axis]
        if size is None or size == length:
            return "each"
        if size == 1:
            return "all"
        step = length // size
        return Window(step, step) if step * size == length else "uneven"

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        n = len(self.output)
        rows = zip(AXES[n], outs[0].dims[-n:], strict=True)
        return tuple(Working(label, (f"{size}",), size, "as asked for") for label, size in rows)


@dataclass(frozen=True, slots=True, repr=False)
class AdaptiveAvgPool(AdaptivePool):
    """The mean of each window. Work: an addition per tap but the first, a division per output."""

    output: tuple[int | None, ...]

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (
            *self.folding("additions", "add", ins[0], outs[0]),
            elementwise("divisions", "div", outs[0]),
        )

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        # global pools run as means, which keep sizes only
        is_global = all(d == 1 for d in outs[0].dims[-len(self.output) :])
        return Saved() if is_global else Saved(inputs=(0,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(AdaptiveAvgPool2d(1), (2, 16, 7, 7))
        yield example(AdaptiveAvgPool2d(4), (1, 8, 14, 14))
        yield example(AdaptiveAvgPool2d((3, None)), (1, 8, 7, 5))
        yield example(AdaptiveAvgPool2d(6), (8, 4, 4))
        yield example(AdaptiveAvgPool1d(2), (1, 8, 5))
        yield example(AdaptiveAvgPool3d((1, 2, 3)), (1, 2, 4, 5, 6))
        # refused
        yield example(AdaptiveAvgPool2d(1), (8, 7))
        yield example(AdaptiveAvgPool1d(None), (1, 8, 7))


@dataclass(frozen=True, slots=True, repr=False)
class AdaptiveMaxPool(AdaptivePool):
    """The largest of each window. Work: a comparison per tap but the first.

    With ``return_indices`` a second output says where they were.
    """

    output: tuple[int | None, ...]
    return_indices: bool = False

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return with_places(self, AdaptivePool.shape(self, *ins))

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return self.folding("comparisons", "cmp", ins[0], outs[0])

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return saved_places(self, outs)

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return places_between(self, outs)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(AdaptiveMaxPool2d(1), (2, 16, 7, 7))
        yield example(AdaptiveMaxPool2d((3, 2)), (8, 7, 5))
        yield example(AdaptiveMaxPool1d(4), (1, 8, 10))
        yield example(AdaptiveMaxPool2d(2, return_indices=True), (1, 8, 5, 6))
        yield example(AdaptiveMaxPool3d(2), (1, 2, 4, 5, 6))
        # refused
        yield example(AdaptiveMaxPool2d(1), (8, 7))


def _taps(length: Num, size: int) -> Num:
    """The lengths of all windows of an axis, summed; for plain numbers without going through them.

    Neighbours share a position wherever a bound between them is not whole: at all of the size - 1
    bounds but gcd(length, size) - 1.
    """
    if isinstance(length, int):
        return length + size - gcd(length, size)
    total: Num = sum(ceil_div((j + 1) * length, size) - j * length // size for j in range(size))
    return total


def _constructor(kind: Callable[..., KindT], name: str, n: int) -> Constructor[KindT]:
    def make(output: Any, **others: Any) -> KindT:
        return kind(per_axis(n, output), **others)

    return named(make, f"{name}{n}d", kind)


AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d = (
    _constructor(AdaptiveAvgPool, "AdaptiveAvgPool", n) for n in (1, 2, 3)
)
AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d = (
    _constructor(AdaptiveMaxPool, "AdaptiveMaxPool", n) for n in (1, 2, 3)
)
