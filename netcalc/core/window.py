"""THE one-dimensional sliding-window rule, used by every axis of every convolution and pool."""

from __future__ import annotations

from typing import Any, NamedTuple

from netcalc.core.fields import plain
from netcalc.core.numbers import Num, ceil_div
from netcalc.core.term import Guard


class Window(NamedTuple):
    """A window of ``kernel`` taps, ``dilation`` apart, moved by ``stride`` over one padded axis.

    ``before`` and ``after`` are the padding at the two ends. With ``ceil`` a last window that does
    not fit whole counts too, unless it would start in the padding after the input (as PyTorch has
    it, aten/src/ATen/native/Pool.h); every field is a plain int then.
    """

    kernel: Num
    stride: Num = 1
    before: Num = 0
    after: Num = 0
    dilation: Num = 1
    ceil: bool = False

    @property
    def span(self) -> Any:
        """The length that one window covers, holes included."""
        return self.dilation * (self.kernel - 1) + 1

    def size(self, length: Num) -> Any:
        """How many windows an axis of ``length`` gives."""
        if self.ceil:
            overhang = min(self.after + self.stride - self.span, 0)
            return ceil_div(length + self.before + overhang, self.stride)
        return (length + self.before + self.after - self.span) // self.stride + 1

    def working(self, length: int) -> tuple[tuple[str, ...], str]:
        """The textbook derivation of ``size``, as steps, and a remark (empty, or on a lost window).

        >>> Window(7, stride=2, before=3, after=3).working(224)[0]
        ('floor((224 + 2*3 - 7) / 2) + 1', 'floor(111.5) + 1')
        """
        if self.before is self.after or self.before == self.after:
            padding = f"2*{self.before}"
        else:
            padding = f"{self.before} + {self.after}"
        span = f"{self.kernel}"
        if self.dilation != 1:
            span = f"({self.dilation}*({self.kernel} - 1) + 1)"
        rounding = "ceil" if self.ceil else "floor"
        numerator = length + self.before + self.after - self.span
        steps = (
            f"{rounding}(({length} + {padding} - {span}) / {self.stride}) + 1",
            f"{rounding}({_decimal(numerator, self.stride)}) + 1",
        )
        whole = ceil_div(numerator, self.stride) + 1
        if self.ceil and self.size(length) != whole:
            remark = f"the last of {whole} windows would start after the input's end: it is dropped"
            return (f"{steps[0]} - 1", f"{steps[1]} - 1", f"{whole} - 1"), remark
        return steps, ""


def positive(**fields: Num | tuple[Num, ...]) -> Guard:
    """The guard of fields that must be at least 1, those of an axis-by-axis field each."""
    holds = []
    for value in fields.values():
        if isinstance(value, tuple):
            holds += [v >= 1 for v in value]
        else:
            holds.append(value >= 1)
    return Guard(tuple(holds), _not_positive, fields)


def _not_positive(fields: dict[str, Any]) -> str:
    """Which field is wrong (where this can be told, of plain numbers)."""
    for name, value in fields.items():
        if not all(v >= 1 for v in (value if isinstance(value, tuple) else (value,))):
            return f"{name} must be a positive integer, got {plain(value)}"
    return f"{', '.join(fields)} must be positive integers"


def not_negative(name: str, values: tuple[Num, ...]) -> Guard:
    """The guard of an axis-by-axis field that must be at least 0."""
    template = "{name} must be 0 or a positive integer, got {got}"
    return Guard(tuple([v >= 0 for v in values]), template, {"name": name, "got": values})


def fits(windows: tuple[Window, ...], lengths: tuple[Num, ...]) -> Guard:
    """At least one window must fit on each axis."""
    sizes = [window.size(n) for window, n in zip(windows, lengths, strict=True)]
    values = {"windows": windows, "lengths": lengths}
    return Guard(tuple([size >= 1 for size in sizes]), _unfit, values)


def _unfit(values: dict[str, Any]) -> str:
    """The first window that does not fit."""
    pairs = list(zip(values["windows"], values["lengths"], strict=True))
    window, length = next((pair for pair in pairs if pair[0].size(pair[1]) < 1), pairs[0])
    return (
        f"a window of {window.span} does not fit an input of {length} with padding {window.before};"
        " enlarge the input or the padding"
    )


def _decimal(numerator: Any, denominator: Any) -> str:
    """A quotient to four decimals, or as a fraction where these would show a whole number."""
    whole, rest = divmod(numerator, denominator)
    if rest == 0:
        return str(whole)
    decimals = f"{rest * 10**4 // denominator:04}".rstrip("0")
    return f"{whole}.{decimals}" if decimals and whole >= 0 else f"{numerator}/{denominator}"
