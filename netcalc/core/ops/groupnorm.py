"""Normalisation over positions, of groups of channels or of each: GroupNorm and InstanceNorm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import Num, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    example,
)
from netcalc.core.ops.moments import applied, folded, moments
from netcalc.core.ops.parts import (
    AXES,
    Constructor,
    batch_names,
    named,
    rank,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, buffer, parameter
from netcalc.core.window import positive

__all__ = ["GroupNorm", "InstanceNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


@dataclass(frozen=True, slots=True, repr=False)
class GroupNorm(Op):
    """Normalisation over groups of the channels (axis 1), with all axes behind them.

    Wu & He 2018, equations 1 to 6. Work per element: 2 additions and 1 multiplication for the sums
    of values and squares, 1 multiplication and 1 addition for scale and shift. Per group: 2
    divisions, 1 multiplication (the squared mean), 2 additions (the variance, eps), 1 power of
    -1/2, and 1 multiplication for the shift; with ``affine``, which scale and shift take in, that
    is instead 2 multiplications and 1 addition per channel.
    """

    num_groups: Num
    eps: float = 1e-5
    affine: bool = True

    def limits(self) -> Iterator[Guard]:
        yield positive(num_groups=self.num_groups)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield Guard(
            (len(x.dims) >= 2,),
            "GroupNorm takes an input of at least 2 axes, got {got}",
            {"got": len(x.dims)},
        )
        yield Guard(
            (x.dims[1] % self.num_groups <= 0,),
            "{count} channels are not divisible by num_groups={groups}",
            {"count": x.dims[1], "groups": self.num_groups},
        )
        values = product((x.dims[0], x.dims[1] // self.num_groups, *x.dims[2:]))
        yield Guard((values >= 2,), "statistics need more than one value for each group", {})

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return ("each", "uneven")[axis] if axis < 2 else "all"

    def _statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        """Mean and inverse deviation of each group."""
        return (Tensor((x.dims[0], self.num_groups), x.dtype),) * 2

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,), extra=self._statistics(ins[0]))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return sum(x.nbytes for x in self._statistics(ins[0]))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        each = x.factors(), batch_names(1, "channels", *_axes(len(x.dims) - 2))
        rows = (x.dims[0], self.num_groups), batch_names(1, "groups")
        channels = x.dims[:2], batch_names(1, "channels")
        found = (*moments(each, rows), *folded(each, rows, channels if self.affine else None))
        return found + _affine(x.dims[1]) if self.affine else found

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(GroupNorm(2), (2, 6, 5, 4))
        yield example(GroupNorm(1, eps=1e-3, affine=False), (2, 6, 5))
        yield example(GroupNorm(6), (2, 6, 3, 4, 5))
        yield example(GroupNorm(2), (2, 4))
        yield example(GroupNorm(4), (2, 4))
        # refused
        yield example(GroupNorm(4), (1, 4))
        yield example(GroupNorm(4), (2, 6, 5, 4))
        yield example(GroupNorm(0), (2, 6, 5, 4))
        yield example(GroupNorm(1), (6,))


def _axes(n: int) -> tuple[str, ...]:
    return AXES.get(n, ("axis",) * n)


def _affine(count: Num) -> tuple[Term, ...]:
    """A weight and a bias for each channel."""
    return tuple(parameter(n, (count,), (count,), ("channels",)) for n in ("weight", "bias"))


@dataclass(frozen=True, slots=True, repr=False)
class InstanceNorm(Op):
    """Normalisation of each channel of each image, over its ``n`` axes of positions.

    Ulyanov, Vedaldi & Lempitsky 2016, equation 1. Work as of GroupNorm with a group for each
    channel. With ``track_running_stats`` eval mode takes the running statistics instead: per
    element 1 multiplication and 1 addition, as of BatchNorm.
    """

    n: int
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = False
    track_running_stats: bool = False

    UNREAD: ClassVar[frozenset[str]] = frozenset({"num_batches_tracked"})

    @property
    def type(self) -> str:
        return f"InstanceNorm{self.n}d"

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield rank(self, x, self.n + 1, self.n + 2)
        if not self.track_running_stats:
            each = product(x.dims[-self.n :])
            yield Guard(
                (each >= 2,),
                "statistics need more than one value for each channel, got {each}",
                {"each": each},
            )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        own = axis >= len(ins[0].dims) - self.n and not self.track_running_stats
        return "all" if own else "each"

    def _each(self, x: Tensor) -> Tensor:
        """A number for each channel of each image."""
        return Tensor(x.dims[: -self.n], x.dtype)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        # PyTorch runs a BatchNorm of all images' channels, its tensors repeated for each image
        count = 2 + self.affine + 2 * self.track_running_stats
        return Saved(inputs=(0,), extra=(self._each(ins[0]),) * count)

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        count = 2 + 2 * self.affine  # statistics: the input's own, or the running ones repeated
        return int(count * self._each(ins[0]).nbytes)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        leading = len(x.dims) - self.n - 1
        each = x.dims, batch_names(leading, "channels", *AXES[self.n])
        rows = x.dims[: -self.n], batch_names(leading, "channels")
        count = x.dims[-self.n - 1]
        stored = _affine(count) if self.affine else ()
        if not self.track_running_stats:
            channels = rows if self.affine else None
            return (*moments(each, rows), *folded(each, rows, channels), *stored)
        return (
            *applied(each),
            *stored,
            buffer("running_mean", (count,), ("channels",)),
            buffer("running_var", (count,), ("channels",)),
            buffer("num_batches_tracked", (), (), "int64"),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(InstanceNorm2d(), (2, 4, 5, 6))
        yield example(InstanceNorm2d(eps=1e-3, affine=True), (2, 4, 5, 6))
        yield example(InstanceNorm2d(momentum=None, track_running_stats=True), (2, 4, 5, 6))
        yield example(InstanceNorm1d(affine=True, track_running_stats=True), (2, 4, 5))
        yield example(InstanceNorm1d(), (4, 5))
        yield example(InstanceNorm3d(affine=True), (4, 3, 2, 5))
        # refused
        yield example(InstanceNorm2d(), (2, 4, 1, 1))
        yield example(InstanceNorm1d(), (2, 4, 5, 6))
        yield example(InstanceNorm3d(), (4, 5, 6))


def _constructor(n: int) -> Constructor[InstanceNorm]:
    def make(
        *,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
    ) -> InstanceNorm:
        return InstanceNorm(n, eps, momentum, affine, track_running_stats)

    return named(make, f"InstanceNorm{n}d", InstanceNorm)


InstanceNorm1d, InstanceNorm2d, InstanceNorm3d = (_constructor(n) for n in (1, 2, 3))
