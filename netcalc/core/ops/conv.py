"""Convolution in 1 to 3 dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from netcalc.core.numbers import Num, divides, shared_out
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
    batch_names,
    named,
    per_axis,
    rank,
    same_count,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import Window, fits, not_negative, positive

__all__ = ["Conv", "Conv1d", "Conv2d", "Conv3d"]


@dataclass(frozen=True, slots=True, repr=False)
class Conv(Op):
    """A convolution over the last n axes; channels are the axis before them.

    ``kernel``, ``stride``, ``padding`` and ``dilation`` have one entry for each axis; ``padding``
    may also be ``"same"`` or ``"valid"``, as in PyTorch. Input channels follow from the input.
    Work: one multiply-add per weight and output position, taps on padding included.
    """

    out_channels: Num
    kernel: tuple[Num, ...]
    stride: tuple[Num, ...] = (1, 1)
    padding: tuple[Num, ...] | str = (0, 0)
    dilation: tuple[Num, ...] = (1, 1)
    groups: Num = 1
    bias: bool = True

    DEPTH: ClassVar[int] = 1

    @property
    def type(self) -> str:
        return f"Conv{len(self.kernel)}d"

    def windows(self) -> tuple[Window, ...]:
        """The window of each axis."""
        kernel, stride, dilation = self.kernel, self.stride, self.dilation
        if isinstance(self.padding, tuple):
            rows = zip(kernel, stride, self.padding, self.padding, dilation, strict=True)
            return tuple([Window(*row) for row in rows])
        # PyTorch pads an odd total by one more at the end
        same = self.padding == "same"
        totals = [d * (k - 1) if same else 0 for k, d in zip(kernel, dilation, strict=True)]
        before = [total // 2 for total in totals]
        after = [total - total // 2 for total in totals]
        return tuple(map(Window, kernel, stride, before, after, dilation))

    def limits(self) -> Iterator[Guard]:
        yield same_count(
            self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation
        )
        yield positive(
            out_channels=self.out_channels,
            groups=self.groups,
            kernel=self.kernel,
            stride=self.stride,
            dilation=self.dilation,
        )
        yield divisible("output", self.out_channels, self.groups)
        if not isinstance(self.padding, str):
            yield not_negative("padding", self.padding)
        elif self.padding == "same":
            yield Guard(
                tuple(s <= 1 for s in self.stride),
                "padding='same' needs stride 1, got {got}",
                {"got": self.stride},
            )

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        n = len(self.kernel)
        yield rank(self, x, n + 1, n + 2)
        yield divisible("input", x.dims[-n - 1], self.groups)
        yield fits(self.windows(), x.dims[-n:])

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        n = len(self.kernel)
        sizes = [w.size(d) for w, d in zip(self.windows(), x.dims[-n:], strict=True)]
        return (Tensor((*x.dims[: -n - 1], self.out_channels, *sizes), x.dtype),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return window_coupling(self.windows(), axis, ins[0])

    def _padded(self, x: Tensor) -> Tensor | None:
        """The copy that PyTorch makes of an input that it pads by more at the end."""
        more = [w.after - w.before for w in self.windows()]
        if not any(more):
            return None
        n = len(more)
        lengths = (d + m for d, m in zip(x.dims[-n:], more, strict=True))
        return Tensor((*x.dims[:-n], *lengths), x.dtype)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        padded = self._padded(ins[0])
        return Saved(inputs=(0,)) if padded is None else Saved(extra=(padded,))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        padded = self._padded(ins[0])
        return 0 if padded is None else int(padded.nbytes)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        x, y = ins[0], outs[0]
        n = len(self.kernel)
        group_in = shared_out(x.dims[-n - 1], self.groups)
        weights = (*self.kernel, group_in, self.out_channels)
        names = _NAMES[n]
        leading = y.dims[: -n - 1]
        weight_shape = (self.out_channels, group_in, *self.kernel)
        out = (
            parameter("weight", weight_shape, weights, names[: n + 2]),
            Term(
                "multiply-adds",
                "mac",
                (*leading, *weights, *y.dims[-n:]),
                batch_names(len(leading), *names),
            ),
        )
        if not self.bias:
            return out
        only = (self.out_channels,)
        return (
            *out,
            parameter("bias", only, only, ("out channels",)),
            Term("bias additions", "add", y.dims, batch_names(len(leading), *names[n + 1 :])),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        channels = Working("channels", (f"{self.out_channels}",), self.out_channels)
        return (channels, *window_working(self.windows(), ins[0]))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = (1, 8, 12, 12)
        yield example(Conv2d(16, 3), x)
        yield example(Conv2d(64, 7, stride=2, padding=3), (2, 3, 224, 224))
        yield example(Conv2d(6, (1, 7), padding=(0, 3), bias=False), x)
        yield example(Conv2d(8, 3, groups=8, dilation=2, stride=(2, 1)), x)
        yield example(Conv2d(8, 1, dilation=2), x)
        yield example(Conv2d(8, 4, padding="same", dilation=(1, 3)), x)
        yield example(Conv2d(8, 4, padding="valid"), (8, 12, 12))
        yield example(Conv1d(5, 3, padding=1, groups=1), (4, 7, 9))
        yield example(Conv3d(4, (1, 2, 3), stride=2, padding=1), (1, 2, 5, 6, 7))
        # refused
        yield example(Conv2d(16, 5), (1, 8, 3, 3))
        yield example(Conv2d(16, 3, groups=3), x)
        yield example(Conv2d(9, 3, groups=4), x)
        yield example(Conv2d(8, 3, padding="same", stride=2), x)
        yield example(Conv2d(8, 3, padding=-1), x)
        yield example(Conv2d(8, 3, stride=0), x)
        yield example(Conv2d(8, 3), (8, 12))
        yield example(Conv2d(8, 3), (1, 1, 8, 12, 12))


def window_coupling(windows: tuple[Window, ...], axis: int, x: Tensor) -> Coupling:
    """The window of an axis, where there is one: windows move over the last axes."""
    at = axis - len(x.dims) + len(windows)
    return windows[at] if at >= 0 else "each"


def divisible(side: str, count: Num, groups: Num) -> Guard:
    """The guard of channels that are parted into groups."""
    return Guard(
        (divides(groups, count),),
        "{count} {side} channels are not divisible by groups={groups};"
        " choose groups that divide both",
        {"count": count, "side": side, "groups": groups},
    )


def window_working(windows: tuple[Window, ...], x: Tensor) -> tuple[Working, ...]:
    """The derivation of each axis that windows move over."""
    n = len(windows)
    rows = zip(AXES[n], windows, x.dims[-n:], strict=True)
    return tuple(
        Working(label, steps, window.size(length), remark)
        for label, window, length in rows
        for steps, remark in (window.working(_int(length)),)
    )


def _int(value: Any) -> int:
    """A derivation is shown for plain integers only."""
    return int(value)


_NAMES = {
    n: (
        *(f"kernel {axis}" for axis in AXES[n]),
        "(in channels / groups)",
        "out channels",
        *(f"out {axis}" for axis in AXES[n]),
    )
    for n in (1, 2, 3)
}


def _constructor(n: int) -> Constructor[Conv]:
    def make(
        out_channels: Num,
        kernel: Any,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: Num = 1,
        bias: bool = True,
    ) -> Conv:
        k, s, p, d = (per_axis(n, field) for field in (kernel, stride, padding, dilation))
        return Conv(out_channels, k, s, p, d, groups, bias)

    return named(make, f"Conv{n}d", Conv)


Conv1d, Conv2d, Conv3d = (_constructor(n) for n in (1, 2, 3))
