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


def moments(row: list[Counted]) -> tuple[Counted, Counted]:
    """The mean and 1 / sqrt(variance + eps) of a row, sums starting from nothing."""
    count = Counted(float(len(row)))
    total = squares = Counted(0.0)
    for value in row:
        total = total + value
        squares = squares + value * value
    mean = total / count
    variance = squares / count - mean * mean
    return mean, (variance + Counted(1e-5)).power(-0.5)


def layer_norm(x: Any, op: Any) -> int:
    """Normalised row by row, then a weight and a bias for each place in it."""
    length = math.prod(op.normalized_shape)
    for row in x.reshape(-1, length):
        mean, inverse = moments(list(row))
        shift = mean * inverse
        for value in row:
            y = value * inverse - shift
            if op.elementwise_affine:
                y = y * Counted(1.5)
            if op.bias:
                y = y + Counted(0.5)
    return length * (op.elementwise_affine + op.bias)


def rms_norm(x: Any, op: Any) -> int:
    """Each row over the root of its mean square, times a weight for each place in it."""
    length = math.prod(op.normalized_shape)
    for row in x.reshape(-1, length):
        squares = Counted(0.0)
        for value in row:
            squares = squares + value * value
        inverse = (squares / Counted(float(length)) + Counted(1e-5)).power(-0.5)
        for value in row:
            y = value * inverse
            if op.elementwise_affine:
                y = y * Counted(1.5)
    return length * op.elementwise_affine


def group_norm(x: Any, op: Any, groups: int = 0) -> int:
    """Statistics of each group, and one scale and one shift of each channel made of them."""
    groups = groups or op.num_groups
    for group in np.split(x, groups):
        mean, inverse = moments(list(group.ravel()))
        scale, shift = inverse, mean * inverse if not op.affine else None
        for channel in group:
            if op.affine:
                scale = inverse * Counted(1.5)
                shift = mean * scale - Counted(0.5)
            for value in channel.ravel():
                value * scale - shift
    return 2 * len(x) * op.affine


def instance_norm(x: Any, op: Any) -> int:
    """A group for each channel; running statistics are ready before, as those of BatchNorm."""
    return batch_norm(x, op) if op.track_running_stats else group_norm(x, op, len(x))


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


def sigmoid(value: Counted) -> Counted:
    """e / (e + 1), e = exp(x)."""
    e = value.exp()
    return e / (e + Counted(1.0))


def hyperbolic(value: Counted) -> Counted:
    return Counted(1.0) - Counted(2.0) / ((value * Counted(2.0)).exp() + Counted(1.0))


Read = set[tuple[Any, ...]]
"""Which numbers of which tensors were read."""


def product_of(name: str, rows: int, vector: list[Counted], read: Read) -> list[Counted]:
    """A matrix, each number of which is noted, times a vector."""
    out = []
    for row in range(rows):
        total = Counted(0.0)
        for column, value in enumerate(vector):
            read.add((name, row, column))
            total = value.times_plus(Counted(0.1), total)
        out.append(total)
    return out


def biased(name: str, values: list[Counted], read: Read) -> list[Counted]:
    read |= {(name, i) for i in range(len(values))}
    return [value + Counted(0.2) for value in values]


def both_products(
    op: Any, at: str, gates: int, x: list[Counted], h: list[Counted], read: Read
) -> list[list[tuple[Counted, Counted]]]:
    """What each gate sees for each element of the state: of the input, of the hidden state."""
    rows = gates * op.hidden_size
    of_x = product_of(f"weight_ih{at}", rows, x, read)
    of_h = product_of(f"weight_hh{at}", rows, h, read)
    if op.bias:
        of_x = biased(f"bias_ih{at}", of_x, read)
        of_h = biased(f"bias_hh{at}", of_h, read)
    pairs = list(zip(of_x, of_h, strict=True))
    return [pairs[i : i + op.hidden_size] for i in range(0, rows, op.hidden_size)]


States = list[list[Counted]]


def lstm_step(op: Any, at: str, x: list[Counted], states: States, read: Read) -> States:
    h, c = states
    forget, into, new, out = both_products(op, at, 4, x, h, read)
    cells, hidden = [], []
    for i, before in enumerate(c):
        f, j, g, o = (a + b for a, b in (forget[i], into[i], new[i], out[i]))
        cells.append(sigmoid(f) * before + sigmoid(j) * hyperbolic(g))
        hidden.append(sigmoid(o) * hyperbolic(cells[-1]))
    if op.proj_size:
        hidden = product_of(f"weight_hr{at}", op.proj_size, hidden, read)
    return [hidden, cells]


def gru_step(op: Any, at: str, x: list[Counted], states: States, read: Read) -> States:
    (h,) = states
    reset, update, new = both_products(op, at, 3, x, h, read)
    hidden = []
    for i, before in enumerate(h):
        r, z = (sigmoid(a + b) for a, b in (reset[i], update[i]))
        n = hyperbolic(new[i][0] + r * new[i][1])
        hidden.append((before - n) * z + n)
    return [hidden]


def rnn_step(op: Any, at: str, x: list[Counted], states: States, read: Read) -> States:
    (pairs,) = both_products(op, at, 1, x, states[0], read)
    sums = [a + b for a, b in pairs]
    if op.nonlinearity == "relu":
        return [[value.largest(Counted(0.0)) for value in sums]]
    return [[hyperbolic(value) for value in sums]]


def recurrent(x: Any, op: Any, step: Any, sizes: tuple[int, ...]) -> int:
    """One sequence through all layers, each of which reads it forwards and may read it backwards.

    ``sizes`` are those of the states, which begin as zeros.
    """
    read: Read = set()
    sequence = [list(row) for row in x]
    for layer in range(op.num_layers):
        directions = []
        for way in (1, -1)[: 1 + op.bidirectional]:
            states: States = [[Counted(0.0) for _ in range(n)] for n in sizes]
            outs = []
            for row in sequence[::way]:
                states = step(op, f"_l{layer}{way}", row, states, read)
                outs.append(states[0])
            directions.append(outs[::way])
        sequence = [[v for row in rows for v in row] for rows in zip(*directions, strict=True)]
    return len(read)


def lstm(x: Any, op: Any) -> int:
    return recurrent(x, op, lstm_step, (op.proj_size or op.hidden_size, op.hidden_size))


def gru(x: Any, op: Any) -> int:
    return recurrent(x, op, gru_step, (op.hidden_size,))


def rnn(x: Any, op: Any) -> int:
    return recurrent(x, op, rnn_step, (op.hidden_size,))


def rbf(x: Any, op: Any) -> int:
    """Squared distances to centres, which are no parameters."""
    for row in x.reshape(-1, x.shape[-1]):
        for _ in range(op.out_features):
            away = [value - Counted(1.0) for value in row]
            fold([d * d for d in away], "__add__")
    return 0


def nothing(x: Any, op: Any) -> int:
    return 0
