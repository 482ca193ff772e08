"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    example,
)
from netcalc.core.ops.parts import (
    Constructor,
    elementwise,
    named,
    peak,
    rank,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, buffer, parameter
from netcalc.core.window import positive

__all__ = ["BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LocalResponseNorm"]

_CHANNELS = ("channels",)


@dataclass(frozen=True, slots=True, repr=False)
class BatchNorm(Op):
    """Batch normalisation over axis 1, as it runs in eval mode.

    Work per element: 1 multiplication and 1 addition (statistics folded into one scale and shift);
    without running statistics they are taken from the batch, 2 additions and 1 multiplication more.
    """

    n: int
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True

    @property
    def type(self) -> str:
        return f"BatchNorm{self.n}d"

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        yield rank(self, x, *((2, 3) if self.n == 1 else (self.n + 2,)))
        if not self.track_running_stats:
            each = product((x.dims[0], *x.dims[2:]))
            yield Guard(
                (each >= 2,),
                "statistics of a batch need more than one value for each channel, got {each}",
                {"each": each},
            )

    UNREAD: ClassVar[frozenset[str]] = frozenset({"num_batches_tracked"})

    def _statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        """Mean and inverse deviation of a batch."""
        return (Tensor((x.dims[1],), x.dtype),) * 2

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,), extra=self._statistics(ins[0]))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        of_batch = () if self.track_running_stats else self._statistics(ins[0])
        return sum(x.nbytes for x in of_batch)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        channels = (x.dims[1],)
        terms: tuple[Term, ...] = (
            elementwise("scalings", "mul", x),
            elementwise("shifts", "add", x),
        )
        if self.affine:
            terms += tuple(
                parameter(name, channels, channels, _CHANNELS) for name in ("weight", "bias")
            )
        if not self.track_running_stats:
            return (
                *terms,
                elementwise("sums and sums of squares", "add", x, (2, "sums")),
                elementwise("squares", "mul", x),
            )
        return (
            *terms,
            buffer("running_mean", channels, _CHANNELS),
            buffer("running_var", channels, _CHANNELS),
            buffer("num_batches_tracked", (), (), "int64"),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(BatchNorm2d(), (2, 8, 5, 6))
        yield example(BatchNorm2d(eps=0.001, momentum=None, affine=False), (2, 8, 5, 6))
        yield example(BatchNorm2d(track_running_stats=False), (2, 8, 5, 6))
        yield example(BatchNorm1d(), (2, 8))
        yield example(BatchNorm1d(), (2, 8, 5))
        yield example(BatchNorm3d(), (2, 8, 3, 4, 5))
        yield example(BatchNorm1d(track_running_stats=False), (1, 8))  # refused
        yield example(BatchNorm2d(), (8, 5, 6))  # refused
        yield example(BatchNorm1d(), (2, 8, 5, 6))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class LocalResponseNorm(Op):
    """Each value divided by (k + alpha/size * sum of squares over ``size`` channels) ** beta.

    Krizhevsky et al. 2012, section 3.3, with alpha divided by size as PyTorch and Caffe have it.
    Work per element: size multiplications (squares and the factor) and one by the input's scale,
    size - 1 additions and one of k, a power and a division.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def limits(self) -> Iterator[Guard]:
        yield positive(size=self.size)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield Guard(
            (len(ins[0].dims) >= 3,),
            "LocalResponseNorm takes an input of at least 3 axes, got {got}",
            {"got": len(ins[0].dims)},
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == 1 else "each"

    def _padded(self, x: Tensor) -> Tensor:
        """The squares with size - 1 more channels around them."""
        return Tensor((x.dims[0], x.dims[1] + self.size - 1, *x.dims[2:]), x.dtype)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        # PyTorch composes it: squares, a padded average pool, then (* alpha + k) ** beta, x / that
        (x,) = ins
        return Saved(inputs=(0,), extra=(self._padded(x), x, x))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        each, padded = ins[0].nbytes, self._padded(ins[0]).nbytes
        return peak(outs, each + padded, 3 * each, 2 * each)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        return (
            elementwise("squares in each window", "mul", x, (self.size, "size")),
            elementwise("sums over each window", "add", x, (self.size - 1, "(size - 1)")),
            elementwise("multiplications by alpha/size", "mul", x),
            elementwise("additions of k", "add", x),
            elementwise("powers of beta", "pow", x),
            elementwise("divisions", "div", x),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(LocalResponseNorm(5), (1, 8, 6, 6))
        yield example(LocalResponseNorm(2, alpha=0.1, beta=0.5, k=2.0), (2, 3, 7))
        yield example(LocalResponseNorm(1), (2, 3, 4, 5, 6))
        yield example(LocalResponseNorm(5), (2, 3))  # refused
        yield example(LocalResponseNorm(0), (1, 8, 6, 6))  # refused


def _constructor(n: int) -> Constructor[BatchNorm]:
    def make(
        *,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> BatchNorm:
        return BatchNorm(n, eps, momentum, affine, track_running_stats)

    return named(make, f"BatchNorm{n}d", BatchNorm)


BatchNorm1d, BatchNorm2d, BatchNorm3d = (_constructor(n) for n in (1, 2, 3))
