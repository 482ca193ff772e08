"""Pooling with fixed windows, in 1 to 3 dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Protocol

from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.conv import window_coupling, window_working
from netcalc.core.ops.parts import (
    KindT,
    elementwise,
    named,
    per_axis,
    rank,
    same_count,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term
from netcalc.core.window import Window, fits, not_negative, positive

__all__ = [
    "AvgPool",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "MaxPool",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]


class Pool(Op):
    """Windows of ``kernel`` moved by ``stride`` over the last n axes, each channel by itself.

    With ``ceil_mode`` sizes round up, but no window starts in the padding after the input.
    """

    __slots__ = ()

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    ceil_mode: bool

    POOL: ClassVar[int] = 1

    @property
    def type(self) -> str:
        return f"{type(self).__name__}{len(self.kernel)}d"

    def dilations(self) -> tuple[int, ...]:
        """The distance between the taps of each axis."""
        return (1,) * len(self.kernel)

    def windows(self) -> tuple[Window, ...]:
        """The window of each axis."""
        rows = zip(self.kernel, self.stride, self.padding, self.dilations(), strict=True)
        return tuple([Window(k, s, p, p, d, self.ceil_mode) for k, s, p, d in rows])

    def limits(self) -> Iterator[Guard]:
        yield same_count(
            self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilations()
        )
        yield positive(kernel=self.kernel, stride=self.stride, dilation=self.dilations())
        yield not_negative("padding", self.padding)
        yield Guard(
            tuple([2 * p <= k for p, k in zip(self.padding, self.kernel, strict=True)]),
            "padding {p} is more than half of the kernel {k}",
            {"p": self.padding, "k": self.kernel},
        )

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        n = len(self.kernel)
        yield rank(self, x, n + 1, n + 2)
        yield fits(self.windows(), x.dims[-n:])

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        n = len(self.kernel)
        sizes = [w.size(d) for w, d in zip(self.windows(), x.dims[-n:], strict=True)]
        return (Tensor((*x.dims[:-n], *sizes), x.dtype),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return window_coupling(self.windows(), axis, ins[0])

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,))

    def folding(self, label: str, kind: str, y: Tensor) -> Term:
        """One operation less than a window has taps, for each output."""
        times = (prod(self.kernel) - 1, "(taps - 1)")
        return elementwise(label, kind, y, times, shown=f"({'*'.join(map(str, self.kernel))} - 1)")

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return window_working(self.windows(), ins[0])


class FindsPlaces(Protocol):
    """A max pool, which may say where the largest of each window were."""

    @property
    def return_indices(self) -> bool: ...


def with_places(op: FindsPlaces, outs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What comes out of a max pool: the largest, and where they were if it says so."""
    (y,) = outs
    return (y, Tensor(y.dims, "int64")) if op.return_indices else (y,)


def saved_places(op: FindsPlaces, outs: tuple[Tensor, ...]) -> Saved:
    """What a max pool keeps for training: its input, and where the largest were."""
    if op.return_indices:
        return Saved(inputs=(0,), outputs=(1,))
    return Saved(inputs=(0,), extra=(Tensor(outs[0].dims, "int64"),))


def places_between(op: FindsPlaces, outs: tuple[Tensor, ...]) -> int:
    """The bytes of the places that a max pool finds and does not hand out."""
    return 0 if op.return_indices else int(Tensor(outs[0].dims, "int64").nbytes)


@dataclass(frozen=True, slots=True, repr=False)
class MaxPool(Pool):
    """The largest of each window. Work: K - 1 comparisons per output, K the taps of a window.

    With ``return_indices`` a second output says where they were, as MaxUnpool needs it.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] = (0, 0)
    dilation: tuple[int, ...] = (1, 1)
    ceil_mode: bool = False
    return_indices: bool = False

    def dilations(self) -> tuple[int, ...]:
        return self.dilation

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (self.folding("comparisons", "cmp", outs[0]),)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return with_places(self, Pool.shape(self, *ins))

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return saved_places(self, outs)

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return places_between(self, outs)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(MaxPool2d(3, 2, ceil_mode=True), (1, 4, 112, 112))
        yield example(MaxPool2d(3, 2), (1, 4, 112, 112))
        yield example(MaxPool2d(2), (4, 7, 7))
        yield example(MaxPool2d(3, return_indices=True), (1, 4, 9, 9))
        yield example(MaxPool2d((2, 3), stride=(1, 2), padding=(1, 0), dilation=2), (2, 3, 9, 9))
        yield example(MaxPool2d(2, 4, padding=1, ceil_mode=True), (1, 1, 5, 5))
        yield example(MaxPool1d(3, 1, padding=1), (2, 4, 6))
        yield example(MaxPool3d(2, ceil_mode=True), (1, 2, 3, 4, 5))
        # refused
        yield example(MaxPool2d(3, padding=2), (1, 1, 9, 9))
        yield example(MaxPool2d(2, padding=2, dilation=3), (1, 1, 9, 9))
        yield example(MaxPool2d(5), (1, 1, 3, 3))
        yield example(MaxPool2d(2, stride=0), (1, 1, 3, 3))
        yield example(MaxPool2d(2, dilation=0), (1, 1, 3, 3))
        yield example(MaxPool2d(2), (3, 3))


@dataclass(frozen=True, slots=True, repr=False)
class AvgPool(Pool):
    """The mean of each window. Work: K - 1 additions and a division per output.

    Taps on padding are counted as work; ``count_include_pad`` changes the divisor, not the count.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] = (0, 0)
    ceil_mode: bool = False
    count_include_pad: bool = True

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield from Pool.guards(self, *ins)
        if len(self.kernel) == 3:  # PyTorch's rule, of this kind alone
            sizes = ins[0].dims[-3:]
            yield Guard(
                tuple(d >= k for d, k in zip(sizes, self.kernel, strict=True)),
                "AvgPool3d takes no input {sizes} smaller than its kernel {kernel}, padding aside",
                {"sizes": sizes, "kernel": self.kernel},
            )

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (
            self.folding("additions", "add", outs[0]),
            elementwise("divisions", "div", outs[0]),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(AvgPool2d(5, 3), (1, 4, 14, 14))
        yield example(AvgPool2d(3, 1, padding=1, count_include_pad=False), (2, 4, 5, 6))
        yield example(AvgPool2d((2, 3), ceil_mode=True), (4, 7, 7))
        yield example(AvgPool1d(2), (2, 4, 6))
        yield example(AvgPool3d((1, 2, 2), 2, padding=(0, 1, 1)), (1, 2, 3, 4, 5))
        # refused
        yield example(AvgPool2d(3, padding=2), (1, 1, 9, 9))
        yield example(AvgPool2d(8), (1, 1, 7, 7))
        yield example(AvgPool2d(0), (1, 1, 7, 7))
        yield example(AvgPool3d((4, 1, 1), padding=(2, 0, 0)), (1, 2, 3, 4, 5))


def _fixed(kind: Callable[..., KindT], name: str, n: int, per_axis_extra: bool) -> Any:
    """A constructor for n axes; the stride is the kernel unless given, as in PyTorch."""

    def make(kernel: Any, stride: Any = None, padding: Any = 0, **others: Any) -> KindT:
        each = [per_axis(n, v) for v in (kernel, kernel if stride is None else stride, padding)]
        if per_axis_extra:
            others["dilation"] = per_axis(n, others.get("dilation", 1))
        return kind(*each, **others)

    return named(make, f"{name}{n}d", kind)


MaxPool1d, MaxPool2d, MaxPool3d = (_fixed(MaxPool, "MaxPool", n, True) for n in (1, 2, 3))
AvgPool1d, AvgPool2d, AvgPool3d = (_fixed(AvgPool, "AvgPool", n, False) for n in (1, 2, 3))
