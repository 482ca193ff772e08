"""torchscan: calls of modules without children, and of attention; one sum of MACs, one of FLOPs.

Its third number, of operators, is FlopCounterMode's of the same pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

from torch import nn
from torch.nn.modules import batchnorm, conv, pooling

from netcalc.pytorch.counters.calls import Call, Packed, Sized
from netcalc.pytorch.counters.convention import Convention, Count, beside, over
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.counters.torchscan_attention import attention, norm, transformer

Given = tuple[Any, ...]
Rule = Callable[[Call, Any, Given], Iterator[Count]]
"""What is counted of a call of a module, by all its arguments in their order."""

FIRST = "first terms of sums"


def _free(call: Call, module: Any, given: Given) -> Iterator[Count]:
    yield from ()


def _linear_macs(call: Call, module: Any, given: Given) -> Iterator[Count]:
    yield over("linear layers by what comes out", module.in_features * _out(call).numel, call)


def _linear_flops(call: Call, module: Any, given: Given) -> Iterator[Count]:
    """By the input: a sum of n products is n products and n - 1 additions."""
    outputs = module.out_features * prod(given[0].shape[:-1])
    yield over("linear layers by what comes in", module.in_features * outputs, call)
    yield beside(FIRST, -outputs, call)
    yield beside("bias additions", outputs * (module.bias is not None), call)


def _convolution(call: Call, module: Any, given: Given) -> Iterator[Count]:
    """Each output by the second axis of the input, which is taken to be the channels."""
    x, y, kernel = _in(given).shape, _out(call), module.kernel_size
    cause = "convolutions by what comes in and out"
    if module.transposed:
        cause = "transposed convolutions at output size"
    if len(x) == len(kernel) + 1:
        cause = "unbatched convolutions by their first spatial axis for channels"
    yield over(cause, y.numel * (x[1] // module.groups) * prod(kernel), call)


def _convolution_macs(call: Call, module: Any, given: Given) -> Iterator[Count]:
    yield from _convolution(call, module, given)
    padding = 4 * len(module.kernel_size) * module.transposed
    yield beside("padding of transposed convolutions as 4 per axis", padding, call)


def _convolution_flops(call: Call, module: Any, given: Given) -> Iterator[Count]:
    yield from _convolution(call, module, given)
    padding = 8 * len(module.kernel_size) * module.transposed
    yield beside("padding of transposed convolutions as 8 per axis", padding, call)
    yield beside(FIRST, -_out(call).numel, call)
    yield beside("bias additions", _out(call).numel * (module.bias is not None), call)


def _batch_norm(call: Call, module: Any, given: Given, flops: int) -> Iterator[Count]:
    """A product and a sum are one MAC, or two FLOPs; and two of those for each channel."""
    each = (1 + bool(module.affine)) * (1 + flops)
    yield beside(f"BatchNorm as {each} per element", each * _in(given).numel, call)
    yield beside("BatchNorm as 2 per channel", 2 * module.num_features * flops, call)


def _window(module: Any) -> tuple[int, int]:
    """How many elements a pool looks at, and how many it is taken to."""
    size = module.kernel_size
    if isinstance(size, tuple):
        return prod(size), prod(size)
    return int(size ** next(n for kind, n in AXES.items() if isinstance(module, kind))), size


def _pool(call: Call, module: Any, given: Given, average: int) -> Iterator[Count]:
    """An average also divides once for each axis but the first two."""
    if isinstance(module.kernel_size, list):  # it raises
        return
    window, taken = _window(module)
    y = _out(call).numel
    if average:
        more = len(_in(given).shape) - 2
        yield beside("average pools as n - 1 + axes per window of n", y * (window - 1 + more), call)
    else:
        yield beside("max pools as n - 1 per window of n", y * (window - 1), call)
    yield beside("windows of pools by one of their sides", y * (taken - window), call)


def _adaptive(call: Call, module: Any, given: Given, average: int) -> Iterator[Count]:
    """A window is the ratio of the sizes; where that is not whole, the remainder and one."""
    y = _out(call)
    pairs = list(zip(_in(given).shape[2:], y.shape[2:], strict=False))
    window = prod(i // o if i % o == 0 else i % o + 1 for i, o in pairs)
    each = window - 1 + average * len(pairs)
    kind = "average" if average else "max"
    if any(i % o for i, o in pairs):
        yield beside(f"adaptive {kind} pools by the remainder of their sizes", y.numel * each, call)
    else:
        axes = " + axes" if average else ""
        cause = f"adaptive {kind} pools as n - 1{axes} per window of n"
        yield beside(cause, y.numel * each, call)


def _activation(call: Call, module: Any, given: Given, name: str, each: int) -> Iterator[Count]:
    yield beside(f"{name} as {each} per element", each * given[0].numel, call)


def _dropout(call: Call, module: Any, given: Given) -> Iterator[Count]:
    yield beside("Dropout as 1 per element", given[0].numel * (module.p > 0), call)


AXES: dict[type[nn.Module], int] = {
    **dict.fromkeys((nn.MaxPool1d, nn.AvgPool1d), 1),
    **dict.fromkeys((nn.MaxPool2d, nn.AvgPool2d), 2),
    **dict.fromkeys((nn.MaxPool3d, nn.AvgPool3d), 3),
}
POOLS: tuple[tuple[type[nn.Module], Rule], ...] = (
    (pooling._MaxPoolNd, partial(_pool, average=0)),
    (pooling._AvgPoolNd, partial(_pool, average=1)),
    (pooling._AdaptiveMaxPoolNd, partial(_adaptive, average=0)),
    (pooling._AdaptiveAvgPoolNd, partial(_adaptive, average=1)),
)
ACTIVATIONS = {nn.ReLU: 1, nn.ELU: 6, nn.LeakyReLU: 4, nn.ReLU6: 2, nn.Tanh: 6, nn.Sigmoid: 4}

MACS: tuple[tuple[type[nn.Module], Rule], ...] = (
    (nn.Linear, _linear_macs),
    (conv._ConvNd, _convolution_macs),
    (batchnorm._BatchNorm, partial(_batch_norm, flops=0)),
    *POOLS,
)
FLOPS: tuple[tuple[type[nn.Module], Rule], ...] = (
    (nn.Linear, _linear_flops),
    *((kind, partial(_activation, name=kind.__name__, each=n)) for kind, n in ACTIVATIONS.items()),
    (conv._ConvNd, _convolution_flops),
    (batchnorm._BatchNorm, partial(_batch_norm, flops=1)),
    *POOLS,
    (nn.Dropout, _dropout),
    (nn.MultiheadAttention, attention),
    (nn.LayerNorm, norm),
    (nn.Transformer, transformer),
)
"""By type, subclasses too, the first that fits; all other modules are free."""


def _first(value: Any) -> Sized | None:
    """The first tensor in lists, tuples and dictionaries."""
    if isinstance(value, Packed):
        return value.data
    if isinstance(value, Sized):
        return value
    values = value.values() if isinstance(value, dict) else value
    found = map(_first, values if isinstance(value, dict | list | tuple) else ())
    return next((x for x in found if x is not None), None)


def _in(given: Given) -> Sized:
    found = _first(given)
    assert found is not None  # ``counts`` has looked
    return found


def _out(call: Call) -> Sized:
    found = _first(call.output)
    assert found is not None  # likewise
    return found


def _given(call: Call, module: nn.Module) -> Given:
    """All arguments in the order of the module's forward pass, defaults among them."""
    try:
        bound = inspect.signature(module.forward).bind_partial(*call.inputs, **call.named)
    except (TypeError, ValueError):
        return (*call.inputs, *call.named.values())
    bound.apply_defaults()
    return (*bound.args, *bound.kwargs.values())


def _counts(
    recording: Recording, rules: tuple[tuple[type[nn.Module], Rule], ...]
) -> Iterator[Count]:
    """What it counts, call by call; of a model that is an nn.Transformer the model alone."""
    model = recording.model
    whole = isinstance(model, nn.Transformer)
    for call in recording.calls:
        module = call.module
        if module is None or (whole and module is not model):
            continue
        if any(module.children()) and not whole and not isinstance(module, nn.MultiheadAttention):
            continue
        given = _given(call, module)
        if _first(given) is None or _first(call.output) is None:
            continue
        rule = next((rule for kind, rule in rules if isinstance(module, kind)), _free)
        yield from rule(call, module, given)


SOURCE = "https://github.com/frgfm/torch-scan"

MACS_CONVENTION = Convention(
    "torchscan-macs", "torchscan", "0.2.0", SOURCE, partial(_counts, rules=MACS)
)
FLOPS_CONVENTION = Convention(
    "torchscan-flops", "torchscan", "0.2.0", SOURCE, partial(_counts, rules=FLOPS), factor=2
)
