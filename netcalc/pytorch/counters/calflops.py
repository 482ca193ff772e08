"""calflops: Python functions that it patches, and recurrent layers; it prints MACs and FLOPs.

What a function counts belongs to the module that calls it, and is summed over the tree of modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

from torch import nn

from netcalc.pytorch.counters.calls import Call, Sized
from netcalc.pytorch.counters.convention import Convention, Count, beside, over
from netcalc.pytorch.counters.einsum import optimized
from netcalc.pytorch.counters.patched import (
    PARENTS,
    UNBATCHED,
    addmm,
    argument,
    elementwise,
    numel,
    product,
    recurrent,
    slow,
    times,
)
from netcalc.pytorch.counters.recording import Recording

Rule = Callable[[Call], Iterator[Count]]
"""What is counted of a call of a function; sums of products in MACs."""


def _linear(call: Call) -> Iterator[Count]:
    """Without its bias."""
    x, w = argument(call, 0, "input"), argument(call, 1, "weight")
    yield over("linear layers", x.numel * w.shape[0], call)


def _each(value: Any, n: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * n


def _windows(call: Call, padding: Any, dilation: Any) -> int:
    """The positions of a convolution, by a size of the output that is computed anew."""
    sizes = argument(call, 0, "input").shape[2:]
    kernel = argument(call, 1, "weight").shape[2:]
    n = len(sizes)
    stride, dilation = _each(argument(call, 3, "stride", 1), n), _each(dilation, n)
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=False)]
    known = {"valid": (0,) * n, "same": tuple(span // 2 for span in spans)}
    padding = known[padding] if isinstance(padding, str) else _each(padding, n)
    axes = zip(sizes, padding, spans, stride, strict=False)
    return prod((size + 2 * pad - span - 1) // step + 1 for size, pad, span, step in axes)


def _convolution(call: Call) -> Iterator[Count]:
    x, w = argument(call, 0, "input"), argument(call, 1, "weight")
    padding = argument(call, 4, "padding", 0)
    positions = x.shape[0] * _windows(call, padding, argument(call, 5, "dilation", 1))
    groups = argument(call, 6, "groups", 1)
    macs = prod(w.shape[2:]) * x.shape[1] * (w.shape[0] // groups) * positions
    cause = "convolutions with even kernels and padding 'same', one position short"
    if len(x.shape) < len(w.shape):
        cause = UNBATCHED
    yield over(cause, macs, call)
    if argument(call, 2, "bias") is not None:
        yield beside("bias additions", w.shape[0] * positions, call)


def _transposed(call: Call) -> Iterator[Count]:
    """The weight's output channels, which are of one group, divided by the groups once more.

    A bias is added at as many positions as a convolution would have.
    """
    x, w = argument(call, 0, "input"), argument(call, 1, "weight")
    filters = w.shape[1] // argument(call, 6, "groups", 1)
    macs = prod(w.shape[2:]) * x.shape[1] * filters * x.shape[0] * prod(x.shape[2:])
    yield over("transposed convolutions divided by their groups twice", macs, call)
    if argument(call, 2, "bias") is not None:
        windows = _windows(call, argument(call, 4, "padding", 0), argument(call, 7, "dilation", 1))
        true = numel(call.output)
        yield beside("bias additions", true, call)
        cause = "bias additions of transposed convolutions at the size of a convolution"
        yield beside(cause, w.shape[1] * x.shape[0] * windows - true, call)


def _batch_norm(call: Call) -> Iterator[Count]:
    affine = argument(call, 3, "weight") is not None
    each = (5 if affine else 4) if argument(call, 5, "training", False) else (2 if affine else 1)
    yield beside(f"BatchNorm as {each} per element", each * _input(call), call)


def _norm(call: Call, name: str, at: int) -> Iterator[Count]:
    each = 5 if argument(call, at, "weight") is not None else 4
    yield beside(f"{name} as {each} per element", each * _input(call), call)


def _per_element(call: Call, cause: str) -> Iterator[Count]:
    yield beside(cause, _input(call), call)


def _upsample(call: Call) -> Iterator[Count]:
    """The product of the sizes for all images and channels; by a scale, the size of the input."""
    size = argument(call, 1, "size")
    if size is None:
        yield beside("upsampling as 1 per input element", _input(call), call)
    else:
        value = prod(size) if isinstance(size, tuple | list) else int(size)
        yield beside("upsampling as the product of its size", value, call)


def _einsum(call: Call) -> Iterator[Count]:
    """All of what numpy prints, which has four digits."""
    equation, *operands = call.inputs
    if isinstance(equation, str) and all(isinstance(x, Sized) for x in operands):
        flops = optimized(equation, [x.shape for x in operands])
        cause = "einsum rounded to four digits" if flops >= 10_000 else "einsum as numpy counts it"
        yield over(cause, flops // 2, call)
        yield beside(cause, flops % 2, call)


def _input(call: Call) -> int:
    return numel(argument(call, 0, "input"))


ACTIVATIONS = ("relu", "prelu", "elu", "leaky_relu", "relu6", "silu", "gelu")
POOLS = ("avg_pool", "max_pool", "adaptive_avg_pool", "adaptive_max_pool")
AXES = ("1d", "2d", "3d")

RULES: dict[str, Rule] = {
    "F.linear": _linear,
    **{f"F.conv{n}": _convolution for n in AXES},
    **{f"F.conv_transpose{n}": _transposed for n in AXES},
    **{f"F.{x}": partial(_per_element, cause="activations as 1 per element") for x in ACTIVATIONS},
    "F.softmax": partial(_per_element, cause="softmax as 1 per element"),
    **{
        f"F.{kind}{n}": partial(_per_element, cause="pools as 1 per input element")
        for kind in POOLS
        for n in AXES
    },
    "F.batch_norm": _batch_norm,
    "F.layer_norm": partial(_norm, name="LayerNorm", at=2),
    "F.group_norm": partial(_norm, name="GroupNorm", at=2),
    "F.instance_norm": partial(_norm, name="InstanceNorm", at=3),
    **dict.fromkeys(("F.upsample", "F.interpolate"), _upsample),
    **dict.fromkeys(("torch.matmul", "Tensor.matmul"), product),
    **dict.fromkeys(("torch.addmm", "Tensor.addmm", "torch.baddbmm"), addmm),
    **dict.fromkeys(("torch.mul", "Tensor.mul", "torch.add", "Tensor.add"), elementwise),
    "torch.einsum": _einsum,
}
FLOPS_ALONE = ("torch.einsum",)
"""Functions of which no MACs are counted."""

RECURRENT = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
"""Exact types that are counted as modules, in FLOPs alone."""


def _owner(call: Call) -> nn.Module | None:
    """The module that counts a function's call; a recurrent layer leaves it to what it is in."""
    at = call.parent
    while at is not None and type(at.module) in RECURRENT:
        at = at.parent
    return None if at is None else at.module


def _of_each(recording: Recording) -> Iterator[tuple[Count, Call, nn.Module]]:
    """What is counted, with the call and the module that it belongs to."""
    for call in recording.calls:
        layer, done = call.module, call.output is not None
        if type(layer) in RECURRENT and done and isinstance(next(iter(call.inputs), None), Sized):
            yield from ((count, call, layer) for count in recurrent(call, saved=2) if layer)
    for call in slow(recording, nn.Module.modules):
        owner, rule = _owner(call), RULES.get(call.name)
        if owner is not None and rule is not None:
            yield from ((count, call, owner) for count in rule(call))


def _counts(recording: Recording, flops: bool) -> Iterator[Count]:
    """What it counts, once for each parent of its module."""
    reached = times(recording.model, lambda module: False)
    for count, call, owner in _of_each(recording):
        n = reached[id(owner)]
        alone = call.module is not None or call.name in FLOPS_ALONE
        if n and (flops or (count.macs and not alone)):
            yield count
            if n > 1:
                printed = count.value * (2 if flops and count.macs else 1)
                yield beside(PARENTS, (n - 1) * printed, call)


SOURCE = "https://github.com/MrYxJ/calculate-flops.pytorch"

MACS = Convention("calflops-macs", "calflops", "0.3.2", SOURCE, partial(_counts, flops=False))
FLOPS = Convention(
    "calflops-flops", "calflops", "0.3.2", SOURCE, partial(_counts, flops=True), factor=2
)
