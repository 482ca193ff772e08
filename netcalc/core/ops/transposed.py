"""Transposed convolution in 1 to 3 dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from netcalc.core.numbers import Num
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.conv import divisible
from netcalc.core.ops.parts import (
    AXES,
    Constructor,
    batch_names,
    named,
    per_axis,
    rank,
    same_count,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import Window, not_negative, positive

__all__ = ["ConvTranspose", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


@dataclass(frozen=True, slots=True, repr=False)
class ConvTranspose(Op):
    """A transposed convolution over the last n axes; channels are the axis before them.

    Each input value times the kernel is added to the output at places ``stride`` apart, then
    ``padding`` values are cut off at both ends; ``output_padding`` of them stay at the end. Work:
    one multiply-add per weight and input position, also for what is cut off.
    """

    out_channels: Num
    kernel: tuple[Num, ...]
    stride: tuple[Num, ...] = (1, 1)
    padding: tuple[Num, ...] = (0, 0)
    output_padding: tuple[Num, ...] = (0, 0)
    dilation: tuple[Num, ...] = (1, 1)
    groups: Num = 1
    bias: bool = True

    DEPTH: ClassVar[int] = 1

    @property
    def type(self) -> str:
        return f"ConvTranspose{len(self.kernel)}d"

    def limits(self) -> Iterator[Guard]:
        windows = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        yield same_count(self.kernel, output_padding=self.output_padding, **windows)
        yield positive(
            out_channels=self.out_channels,
            groups=self.groups,
            kernel=self.kernel,
            stride=self.stride,
            dilation=self.dilation,
        )
        yield not_negative("padding", self.padding)
        yield not_negative("output_padding", self.output_padding)
        rows = zip(self.output_padding, self.stride, self.dilation, strict=False)
        yield Guard(
            tuple((more + 1 <= s) | (more + 1 <= d) for more, s, d in rows),
            "output_padding {got} must be smaller than the stride, {stride}, or the dilation,"
            " {dilation}",
            {"got": self.output_padding, "stride": self.stride, "dilation": self.dilation},
        )
        yield divisible("output", self.out_channels, self.groups)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        n = len(self.kernel)
        yield rank(self, x, n + 1, n + 2)
        yield divisible("input", x.dims[-n - 1], self.groups)
        yield Guard(
            tuple(size >= 1 for size in self.sizes(x)),
            "padding {padding} leaves nothing of an input of {lengths}; reduce it",
            {"padding": self.padding, "lengths": x.dims[-n:]},
        )

    def sizes(self, x: Tensor) -> tuple[Any, ...]:
        """The length of each axis of the output behind the channels."""
        fields = (self.kernel, self.stride, self.padding, self.output_padding, self.dilation)
        rows = zip(x.dims[-len(self.kernel) :], *fields, strict=True)
        return tuple(
            (length - 1) * s - 2 * p + d * (k - 1) + more + 1 for length, k, s, p, more, d in rows
        )

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        leading = x.dims[: -len(self.kernel) - 1]
        return (Tensor((*leading, self.out_channels, *self.sizes(x)), x.dtype),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        """With a stride of 1 it is a convolution; otherwise outputs differ in what they see."""
        at = axis - len(ins[0].dims) + len(self.kernel)
        if at < 0:
            return "each"
        if self.stride[at] != 1:
            return "uneven"
        k, d, p = self.kernel[at], self.dilation[at], self.padding[at]
        return Window(k, 1, d * (k - 1) - p, d * (k - 1) - p + self.output_padding[at], d)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,))

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        x, y = ins[0], outs[0]
        n = len(self.kernel)
        in_channels, group_out = x.dims[-n - 1], self.out_channels // self.groups
        weights = (*self.kernel, in_channels, group_out)
        names = _NAMES[n]
        leading = x.dims[: -n - 1]
        found = (
            parameter("weight", (in_channels, group_out, *self.kernel), weights, names[: n + 2]),
            Term(
                "multiply-adds",
                "mac",
                (*leading, *weights, *x.dims[-n:]),
                batch_names(len(leading), *names),
            ),
        )
        if not self.bias:
            return found
        only = (self.out_channels,)
        sizes = ("out channels", *(f"out {axis}" for axis in AXES[n]))
        return (
            *found,
            parameter("bias", only, only, ("out channels",)),
            Term("bias additions", "add", y.dims, batch_names(len(leading), *sizes)),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        n = len(self.kernel)
        fields = (self.kernel, self.stride, self.padding, self.output_padding, self.dilation)
        rows = zip(AXES[n], ins[0].dims[-n:], outs[0].dims[-n:], *fields, strict=True)
        return (
            Working("channels", (f"{self.out_channels}",), self.out_channels),
            *(Working(axis, (_step(length, *row),), size) for axis, length, size, *row in rows),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = (1, 8, 5, 6)
        yield example(ConvTranspose2d(6, 3, stride=2), x)
        yield example(ConvTranspose2d(4, 4, stride=2, padding=1, groups=4), (2, 8, 5, 5))
        yield example(ConvTranspose2d(6, 3, padding=1, bias=False), x)
        yield example(ConvTranspose2d(6, (3, 2), stride=(3, 1), padding=(1, 0)), (8, 5, 6))
        yield example(
            ConvTranspose2d(6, 3, stride=2, padding=1, output_padding=1, dilation=2, groups=2), x
        )
        yield example(ConvTranspose2d(6, 3, stride=2, output_padding=2, dilation=3), x)
        yield example(ConvTranspose2d(6, 1, padding=1), (1, 8, 3, 3))
        yield example(ConvTranspose1d(3, 5, padding=1), (4, 7))
        yield example(ConvTranspose1d(3, 4, stride=3, output_padding=2), (2, 4, 7))
        yield example(ConvTranspose3d(2, (1, 2, 3), stride=(1, 2, 2)), (2, 4, 3, 4, 5))
        # refused
        yield example(ConvTranspose2d(6, 3, stride=2, output_padding=2), x)
        yield example(ConvTranspose2d(6, 3, stride=(3, 1), output_padding=(2, 1)), x)
        yield example(ConvTranspose2d(6, 3, stride=2, output_padding=-1), x)
        yield example(ConvTranspose2d(6, 3, padding=-1), x)
        yield example(ConvTranspose2d(6, 1, padding=1), (1, 8, 2, 2))
        yield example(ConvTranspose2d(6, 1, stride=2, padding=1, output_padding=1), (1, 8, 1, 1))
        yield example(ConvTranspose2d(6, 3, groups=3), x)
        yield example(ConvTranspose2d(6, 3, groups=4), x)
        yield example(ConvTranspose2d(6, 0), x)
        yield example(ConvTranspose2d(6, 3, stride=0), x)
        yield example(ConvTranspose2d(6, 3, dilation=0), x)
        yield example(ConvTranspose2d(6, 3), (8, 5))


def _step(length: int, k: int, s: int, p: int, more: int, d: int) -> str:
    """The arithmetic of one output length."""
    span = f"{k}" if d == 1 else f"{d}*({k} - 1) + 1"
    end = f" + {more}" if more else ""
    return f"({length} - 1)*{s} - 2*{p} + {span}{end}"


_NAMES = {
    n: (
        *(f"kernel {axis}" for axis in AXES[n]),
        "in channels",
        "(out channels / groups)",
        *(f"in {axis}" for axis in AXES[n]),
    )
    for n in (1, 2, 3)
}


def _constructor(n: int) -> Constructor[ConvTranspose]:
    def make(
        out_channels: Num,
        kernel: Any,
        *,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: Num = 1,
        bias: bool = True,
    ) -> ConvTranspose:
        windows = (kernel, stride, padding, output_padding, dilation)
        k, s, p, more, d = (per_axis(n, field) for field in windows)
        return ConvTranspose(out_channels, k, s, p, more, d, groups, bias)

    return named(make, f"ConvTranspose{n}d", ConvTranspose)


ConvTranspose1d, ConvTranspose2d, ConvTranspose3d = (_constructor(n) for n in (1, 2, 3))
