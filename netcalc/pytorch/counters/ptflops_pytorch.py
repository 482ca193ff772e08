"""ptflops with its backend pytorch: modules of exact types, and Python functions that it patches.

A layer that is a module and calls a function that is patched counts twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import torch
from torch import nn

from netcalc.pytorch.counters.calls import Call, Sized
from netcalc.pytorch.counters.convention import Convention, Count, beside, over
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
"""What is counted of a call of a module, or of a watched function."""


def _convolution(call: Call, extra: int = 0) -> Iterator[Count]:
    layer: Any = call.module
    x, y = call.inputs[0], call.output
    transposed = isinstance(layer, nn.modules.conv._ConvTransposeNd)
    positions = x.shape[0] * prod((x if transposed else y).shape[2:])
    taps = prod(layer.kernel_size)
    macs = taps * layer.in_channels * (layer.out_channels // layer.groups) * positions
    cause = "deformable convolutions" if extra else UNBATCHED
    yield over(cause, macs, call)
    if extra:
        yield beside("deformed taps as 24 or 25 each", extra * taps * positions, call)
    if layer.bias is not None:
        yield beside("bias additions", x.shape[0] * prod(y.shape[1:]), call)


def _deformed(call: Call) -> Iterator[Count]:
    """Each tap interpolated bilinearly, and multiplied by a mask where there is one."""
    masked = len(call.inputs) == 3 and call.inputs[2] is not None
    return _convolution(call, 25 if masked else 24)


def _linear(call: Call) -> Iterator[Count]:
    layer: Any = call.module
    x, out = call.inputs[0].shape, call.output.shape[-1]
    yield over("linear layers", prod(x) * out, call)
    if layer.bias is not None:
        yield beside("bias additions", out * prod(x[:-1]), call)


def _norm(call: Call) -> Iterator[Count]:
    each = 2 if getattr(call.module, "affine", False) else 1
    name = type(call.module).__name__.rstrip("123d")
    yield beside(f"{name} as {each} per element", each * numel(call.inputs[0]), call)


def _activation(call: Call) -> Iterator[Count]:
    yield beside("activations as 1 per element", numel(call.output), call)


def _pool(call: Call) -> Iterator[Count]:
    yield beside("pools as 1 per input element", numel(call.inputs[0]), call)


def _upsample(call: Call) -> Iterator[Count]:
    """Of the first image alone."""
    yield beside("upsampling as 1 per output element", prod(call.output.shape[1:]), call)


def _multihead(call: Call) -> Iterator[Count]:
    """Keys and values are projected as if they kept their size; the last projection has a bias."""
    layer: Any = call.module
    if len(call.inputs) != 3 or any(len(x.shape) != 3 for x in call.inputs):
        return
    at = 1 if layer.batch_first else 0
    batch = call.inputs[0].shape[1 - at]
    (n, q), (m, k), (w, v) = ((x.shape[at], x.shape[2]) for x in call.inputs)
    heads = layer.num_heads
    macs = n * q * q + m * k * k + w * v * v + n * v * v
    macs += heads * n * m * (q // heads + v // heads)
    yield over("attention whose keys or values have another size", macs * batch, call)
    yield beside("scaling of queries as 1 per element", n * q * batch, call)
    yield beside("softmax as 1 per element", heads * n * m * batch, call)
    first = (n + m + w) * q if layer.in_proj_bias is not None else 0
    yield beside("bias additions", (first + n * v) * batch, call)


def _timm(call: Call) -> Iterator[Count]:
    """Without the layers in it, which are not summed."""
    layer: Any = call.module
    batch, n, _ = call.inputs[0].shape
    width = layer.head_dim * layer.num_heads
    yield over("attention", 2 * n * n * width * batch, call)
    yield beside("scaling of queries as 1 per element", n * width * batch, call)
    yield beside("softmax as 1 per element", n * n * layer.num_heads * batch, call)


AXES = ("1d", "2d", "3d")
MODULES: dict[type[nn.Module], Rule] = {
    **{getattr(nn, f"{kind}{n}"): _convolution for kind in ("Conv", "ConvTranspose") for n in AXES},
    nn.Linear: _linear,
    **dict.fromkeys((nn.ReLU, nn.PReLU, nn.ELU, nn.LeakyReLU, nn.ReLU6, nn.GELU), _activation),
    **{
        getattr(nn, f"{kind}Pool{n}"): _pool
        for kind in ("Max", "Avg", "AdaptiveMax", "AdaptiveAvg")
        for n in AXES
    },
    **{getattr(nn, f"{kind}Norm{n}"): _norm for kind in ("Batch", "Instance") for n in AXES},
    **dict.fromkeys((nn.GroupNorm, nn.LayerNorm), _norm),
    nn.Upsample: _upsample,
    **dict.fromkeys((nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell), recurrent),
    nn.MultiheadAttention: _multihead,
}
ELSEWHERE: dict[str, Rule] = {
    "torchvision.ops.deform_conv.DeformConv2d": _deformed,
    "timm.layers.attention.Attention": _timm,
    "timm.models.vision_transformer.Attention": _timm,
}
"""Rules for types of other packages, where these are installed; timm's Attention has moved."""


KINDS: dict[str, tuple[str, ...]] = {
    "activations": ("relu", "prelu", "elu", "relu6", "gelu", "silu"),
    "softmax": ("softmax",),
    "pools": tuple(
        f"{kind}_pool{n}" for kind in ("max", "avg", "adaptive_max", "adaptive_avg") for n in AXES
    ),
}
"""Functions that count 1 for each element of their input."""

PER_INPUT = {f"F.{name}": kind for kind, names in KINDS.items() for name in names}
PRODUCTS = tuple(f"{of}.{name}" for of in ("torch", "Tensor") for name in ("matmul", "mm", "bmm"))
SUMS = ("torch.addmm", "torch.baddbmm", "Tensor.addmm")
ELEMENTWISE = ("torch.mul", "torch.add", "Tensor.mul", "Tensor.add")
UPSAMPLING = ("F.upsample", "F.interpolate")


def _scaled(call: Call) -> float:
    """How many values an interpolation is taken to make: scales in a tuple lose their fractions."""
    x = argument(call, 0, "input")
    n = len(x.shape) - 2
    size = argument(call, 1, "size")
    if size is not None:
        positions = prod(size) if isinstance(size, list | tuple) else int(size) ** n
        return float(positions * prod(x.shape[:2]))
    scale = argument(call, 2, "scale_factor", 1)
    if isinstance(scale, tuple | list) and len(scale) == n:
        return float(x.numel * prod(map(int, scale)))
    return float(x.numel * scale**n)


def _function(call: Call, again: bool) -> Iterator[Count]:
    """What a call of a function counts; ``again`` where the module that it is in has counted it."""
    if call.name in PER_INPUT:
        kind = PER_INPUT[call.name]
        each = "1 per input element" if kind == "pools" else "1 per element"
        cause = f"{kind} counted twice" if again else f"{kind} as {each}"
        yield beside(cause, numel(argument(call, 0, "input")), call)
    elif call.name in UPSAMPLING:
        cause = "upsampling counted twice" if again else "upsampling as 1 per output element"
        yield beside(cause, int(_scaled(call)), call)
    elif call.name in PRODUCTS:
        yield from product(call, "attention counted twice" if again else "")
    elif call.name in SUMS:
        yield from addmm(call, "attention counted twice" if again else "", free=True)
    elif call.name in ELEMENTWISE:
        yield from elementwise(call)


def _rule(module: nn.Module | None) -> Rule | None:
    kind = type(module)
    if kind in MODULES:
        return MODULES[kind]
    return ELSEWHERE.get(f"{kind.__module__}.{kind.__qualname__}")


def _dropped(call: Call, rule: Rule) -> Iterator[Count]:
    """A layer inside another one that counts: it is not summed."""
    for count in rule(call):
        if count.macs:
            yield over("layers inside a counted layer, which are not summed", 0, call)


def _own(recording: Recording, call: Call, count: Count) -> Count:
    """A layer's count for its own operator alone: hooks that normalize its weight make others."""
    if not isinstance(call.module, nn.Linear | nn.modules.conv._ConvNd):
        return count
    for i in range(call.end - 1, call.start - 1, -1):
        if recording.events[i].name.startswith(("conv", "linear")):
            return count._replace(start=i, end=i + 1)
    return count


def _of_modules(recording: Recording, reached: Counter[int]) -> Iterator[Count]:
    """What modules count, once for each parent; first what is dropped, for it is in what counts."""
    ruled = [
        (call, rule)
        for call in recording.calls
        if (rule := _rule(call.module)) is not None
        and call.output is not None
        and isinstance(next(iter(call.inputs), None), Sized)
    ]
    for call, rule in ruled:
        if not reached[id(call.module)]:
            yield from _dropped(call, rule)
    for call, rule in ruled:
        parents = reached[id(call.module)]
        for count in rule(call) if parents else ():
            yield _own(recording, call, count) if count.macs else count
            if parents > 1:
                again = (parents - 1) * count.value
                yield beside(PARENTS, again, call)


def counts(recording: Recording) -> Iterator[Count]:
    """What modules count, for one image, and what functions do."""
    model = recording.model
    reached = times(model, lambda module: _rule(module) is not None)
    total = 0
    for count in _of_modules(recording, reached):
        total += count.value
        yield count
    fractions = 0.0
    for call in slow(recording, lambda model: (m for m in model.modules() if _rule(m))):
        inside = call.parent.module if call.parent is not None else None
        yield from _function(call, _rule(inside) is not None and reached[id(inside)] > 0)
        fractions += _scaled(call) % 1 if call.name in UPSAMPLING else 0
    whole = Call("", "", None, (), {}, None, 0)
    yield beside("layers of one image, functions of the batch", _share(recording, total), whole)
    yield beside("fractions of upsampling", int(fractions), whole)


def _rows(call: Call) -> int:
    """The length of a call's first positional input."""
    first = call.inputs[0] if call.inputs else None
    if isinstance(first, Sized):
        return first.shape[0] if first.shape else 1
    return len(first) if isinstance(first, list | tuple | dict) else 1


def _share(recording: Recording, total: int) -> int:
    """What is lost by dividing by the lengths of inputs of the model, which may call itself."""
    given = (*recording.args, *recording.kwargs.values())
    whole = len(given[0]) if len(given) == 1 and isinstance(given[0], torch.Tensor) else 1
    inner = [c for c in recording.calls if c.module is recording.model and c.parent is not None]
    batch = whole + sum(_rows(call) for call in inner)
    return int(total / batch) - total if batch else 0


CONVENTION = Convention(
    "ptflops-pytorch",
    "ptflops",
    "0.7.5",
    "https://github.com/sovrasov/flops-counter.pytorch",
    counts,
    batch_of_one=True,
)
