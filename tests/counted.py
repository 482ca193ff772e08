"""Numbers that count what is done with them, and layers written out as loops over them.

Nothing of netcalc is used here: this is the arithmetic of the layers' definitions, one operation at
a time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any, ClassVar

import numpy as np


class Counted:
    """A float that tallies every operation, by kind."""

    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self, value: float) -> None:
        self.value = value

    def _with(self, kind: str, value: float) -> Counted:
        Counted.tally[kind] += 1
        return Counted(value)

    def __add__(self, other: Counted) -> Counted:
        return self._with("add", self.value + other.value)

    def __sub__(self, other: Counted) -> Counted:
        return self._with("add", self.value - other.value)

    def __mul__(self, other: Counted) -> Counted:
        return self._with("mul", self.value * other.value)

    def __truediv__(self, other: Counted) -> Counted:
        return self._with("div", self.value / other.value)

    def largest(self, other: Counted) -> Counted:
        return self._with("cmp", max(self.value, other.value))

    def exp(self) -> Counted:
        return self._with("exp", math.exp(self.value))

    def power(self, exponent: float) -> Counted:
        return self._with("pow", self.value**exponent)

    def times_plus(self, weight: Counted, total: Counted) -> Counted:
        return self._with("mac", self.value * weight.value + total.value)


def array(*shape: int) -> Any:
    """An array of counted numbers, none of them zero."""
    flat = [Counted(0.1 * (i % 7) + 0.3) for i in range(math.prod(shape))]
    out = np.empty(len(flat), dtype=object)
    out[:] = flat
    return out.reshape(shape)


def fold(values: list[Counted], how: str) -> Counted:
    """The values put together two at a time: the first one costs nothing."""
    total = values[0]
    for value in values[1:]:
        total = getattr(total, how)(value)
    return total


def starts(length: int, span: int, stride: int, pad: int, ceil: bool) -> list[int]:
    """Where windows start: as long as they fit whole, or with ceil start before the input's end."""
    found, at = [], -pad
    while at + span <= length + pad or (
        ceil and at < length and (not found or found[-1] + span < length + pad)
    ):
        found.append(at)
        at += stride
    return found


def windows(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pad: tuple[int, ...],
    dilation: tuple[int, ...],
    ceil: bool = False,
) -> Iterator[tuple[tuple[int, ...], list[tuple[int, ...]]]]:
    """Each output position with the input positions of its taps, those on padding included."""
    axes = [
        list(enumerate(starts(i, d * (k - 1) + 1, s, p, ceil)))
        for i, k, s, p, d in zip(shape, kernel, stride, pad, dilation, strict=True)
    ]
    for position in product(*axes):
        index = tuple(j for j, _ in position)
        taps = product(
            *[
                [at + t * d for t in range(k)]
                for (_, at), k, d in zip(position, kernel, dilation, strict=True)
            ]
        )
        yield index, list(taps)


def padded(x: Any, index: tuple[int, ...]) -> Counted:
    """The value at a position, zero on the padding."""
    inside = all(0 <= i < n for i, n in zip(index, x.shape, strict=True))
    return x[index] if inside else Counted(0.0)


def conv(x: Any, op: Any) -> int:
    """A convolution of one image, multiply-add by multiply-add; the number of weights it reads."""
    in_per_group = x.shape[0] // op.groups
    out_per_group = op.out_channels // op.groups
    weights: dict[tuple[int, ...], Counted] = {}
    biases: dict[int, Counted] = {}
    places = list(windows(x.shape[1:], op.kernel, op.stride, op.padding, op.dilation))
    for out in range(op.out_channels):
        group = out // out_per_group
        for _, taps in places:
            total = Counted(0.0)
            for c in range(in_per_group):
                plane = x[group * in_per_group + c]
                for t, at in enumerate(taps):
                    weight = weights.setdefault((out, c, t), Counted(1.0))
                    total = padded(plane, at).times_plus(weight, total)
            if op.bias:
                total = total + biases.setdefault(out, Counted(1.0))
    return len(weights) + len(biases)


def linear(x: Any, op: Any) -> int:
    """A linear layer on the last axis of an array."""
    weights: dict[tuple[int, ...], Counted] = {}
    biases: dict[int, Counted] = {}
    for row in x.reshape(-1, x.shape[-1]):
        for out in range(op.out_features):
            total = Counted(0.0)
            for i, value in enumerate(row):
                total = value.times_plus(weights.setdefault((out, i), Counted(1.0)), total)
            if op.bias:
                total = total + biases.setdefault(out, Counted(1.0))
    return len(weights) + len(biases)


def max_pool(x: Any, op: Any) -> int:
    for plane in x:
        for _, taps in windows(
            plane.shape, op.kernel, op.stride, op.padding, op.dilation, op.ceil_mode
        ):
            fold([padded(plane, at) for at in taps], "largest")
    return 0


def avg_pool(x: Any, op: Any) -> int:
    ones = (1,) * len(op.kernel)
    for plane in x:
        for _, taps in windows(plane.shape, op.kernel, op.stride, op.padding, ones, op.ceil_mode):
            fold([padded(plane, at) for at in taps], "__add__") / Counted(len(taps))
    return 0


def adaptive(x: Any, op: Any, how: str) -> int:
    """Window j of an axis covers floor(j*L/o) to ceil((j+1)*L/o)."""
    for plane in x:
        sizes = [
            length if o is None else o for length, o in zip(plane.shape, op.output, strict=True)
        ]
        for index in product(*map(range, sizes)):
            spans = [
                range(j * n // o, math.ceil((j + 1) * n / o))
                for j, n, o in zip(index, plane.shape, sizes, strict=True)
            ]
            total = fold([plane[at] for at in product(*spans)], how)
            if how == "__add__":
                total / Counted(math.prod(map(len, spans)))
    return 0


def adaptive_avg(x: Any, op: Any) -> int:
    return adaptive(x, op, "__add__")


def adaptive_max(x: Any, op: Any) -> int:
    return adaptive(x, op, "largest")


def batch_norm(x: Any, op: Any) -> int:
    """With running statistics known, one scale and one shift per channel are ready before."""
    for value in x.ravel():
        value * Counted(2.0) + Counted(1.0)
    return 2 * x.shape[0] if op.affine else 0


def local_response_norm(x: Any, op: Any) -> int:
    """x / (k + alpha/size * sum of squares) ** beta; channels outside count as zeros."""
    for c, plane in enumerate(x):
        for at in np.ndindex(plane.shape):
            first = c - op.size // 2
            near = [
                x[(i, *at)] if 0 <= i < len(x) else Counted(0.0)
                for i in range(first, first + op.size)
            ]
            squares = [v * v for v in near]
            scaled = fold(squares, "__add__") * Counted(op.alpha / op.size)
            plane[at] / (Counted(op.k) + scaled).power(op.beta)
    return 0


def relu(x: Any, op: Any) -> int:
    for value in x.ravel():
        value.largest(Counted(0.0))
    return 0


def scale(x: Any, op: Any) -> int:
    for value in x.ravel():
        value * Counted(op.factor)
    return 0


def softmax(x: Any, op: Any) -> int:
    for row in np.moveaxis(x, op.dim, -1).reshape(-1, x.shape[op.dim]):
        top = fold(list(row), "largest")
        powers = [(value - top).exp() for value in row]
        total = fold(powers, "__add__")
        for p in powers:
            p / total
    return 0


def tanh(x: Any, op: Any) -> int:
    """1 - 2 / (exp(2x) + 1)."""
    for value in x.ravel():
        Counted(1.0) - Counted(2.0) / ((value * Counted(2.0)).exp() + Counted(1.0))
    return 0


def rbf(x: Any, op: Any) -> int:
    """Squared distances to centres, which are no parameters."""
    for row in x.reshape(-1, x.shape[-1]):
        for _ in range(op.out_features):
            away = [value - Counted(1.0) for value in row]
            fold([d * d for d in away], "__add__")
    return 0


def nothing(x: Any, op: Any) -> int:
    return 0
