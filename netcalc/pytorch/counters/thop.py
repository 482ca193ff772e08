"""thop's profile: calls of modules of certain exact types; layers with products by their MACs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from torch import nn

from netcalc.pytorch.counters.calls import Call, Packed
from netcalc.pytorch.counters.convention import Convention, Count, beside, over
from netcalc.pytorch.counters.recording import Recording

Rule = Callable[[Call, Any], Iterator[Count]]
"""What it counts of a call of a module."""

AGAIN = "modules under k parents counted k times k times"


def _free(call: Call, module: Any) -> Iterator[Count]:
    yield from ()


def _convolution(call: Call, module: Any) -> Iterator[Count]:
    """Each output by the channels of the input, which are taken to be on its second axis."""
    x, y, kernel = call.inputs[0].shape, call.output, module.weight.shape[2:]
    cause = "transposed convolutions at output size" if module.transposed else "convolutions"
    if len(x) == len(kernel) + 1:
        cause = "unbatched convolutions by their first spatial axis for channels"
    yield over(cause, y.numel * (x[1] // module.groups) * prod(kernel), call)


def _linear(call: Call, module: Any) -> Iterator[Count]:
    yield over("linear layers", module.in_features * call.output.numel, call)


def _norm(call: Call, module: Any) -> Iterator[Count]:
    affine = getattr(module, "affine", False) or getattr(module, "elementwise_affine", False)
    each = 4 if affine else 2
    name = call.name.removeprefix("Sync").rstrip("123d")
    yield beside(f"{name} as {each} per element", each * call.inputs[0].numel, call)


def _prelu(call: Call, module: Any) -> Iterator[Count]:
    yield beside("PReLU as 1 per element", call.inputs[0].numel, call)


def _softmax(call: Call, module: Any) -> Iterator[Count]:
    x = call.inputs[0]
    n = 1 if module.dim is None else x.shape[module.dim]  # it raises without
    yield beside("Softmax as 3n - 1 for n elements", x.numel // n * (3 * n - 1), call)


def _average(call: Call, module: Any) -> Iterator[Count]:
    yield beside("average pools as 1 per output element", call.output.numel, call)


def _adaptive(call: Call, module: Any) -> Iterator[Count]:
    """A window is the ratio of the sizes, in floating-point numbers; the first two axes aside."""
    pairs = zip(call.inputs[0].shape[2:], call.output.shape[2:], strict=True)
    window = prod((x / y for x, y in pairs), start=1.0)
    cause = "adaptive average pools as window + 1 per output element"
    yield beside(cause, int((window + 1) * call.output.numel), call)


UPSAMPLED = {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}


def _upsample(call: Call, module: Any) -> Iterator[Count]:
    each = UPSAMPLED.get(module.mode, 0)
    yield beside(f"upsampling as {each} per output element", each * call.output.numel, call)


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def _recurrent(call: Call, module: Any) -> Iterator[Count]:
    """Layer by layer: the products of each gate, its two biases, and 1 per element and operation.

    A projection is not seen, and what has no batch is taken to have one.
    """
    batch, steps = _batch_and_steps(call, module)
    gates, h = GATES[call.name.removesuffix("Cell")], module.hidden_size
    ways = 2 if getattr(module, "bidirectional", False) else 1
    layers = getattr(module, "num_layers", 1)
    inputs = module.input_size + (layers - 1) * h * ways
    times = batch * steps * ways
    cause = "recurrent layers whose projection is not seen"
    if not getattr(module, "proj_size", 0):
        cause = "recurrent layers by other batches or steps"
    yield over(cause, times * gates * h * (inputs + layers * h), call)
    yield beside("bias additions", times * layers * gates * 2 * h * bool(module.bias), call)
    others = gates * h + (4 * h if gates > 1 else 0)
    yield beside("elementwise work of recurrent layers", times * layers * others, call)


def _batch_and_steps(call: Call, module: Any) -> tuple[int, int]:
    x = call.inputs[0]
    if isinstance(x, Packed):
        return x.batch, x.steps
    if call.name.endswith("Cell"):
        return x.shape[0], 1
    return (x.shape[0], x.shape[1]) if module.batch_first else (x.shape[1], x.shape[0])


RULES: dict[type[nn.Module], Rule] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _convolution),
    nn.Linear: _linear,
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm), _norm),
    **dict.fromkeys((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), _norm),
    nn.LayerNorm: _norm,
    nn.PReLU: _prelu,
    nn.Softmax: _softmax,
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), _average),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d), _adaptive),
    **dict.fromkeys((nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d), _upsample),
    **dict.fromkeys((nn.RNN, nn.GRU, nn.LSTM), _recurrent),
    **dict.fromkeys((nn.RNNCell, nn.GRUCell, nn.LSTMCell), _recurrent),
    **dict.fromkeys((nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Dropout, nn.Sequential), _free),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), _free),
    **dict.fromkeys((nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d), _free),
    **dict.fromkeys((nn.ZeroPad2d, nn.PixelShuffle), _free),
}
"""By exact type: a subclass has no rule. The free ones matter for what is in them."""

BY_OUTPUT = (_linear, _average)
"""The rules for which it needs no positional arguments."""


def _times(model: nn.Module) -> dict[nn.Module, int]:
    """How often a call of each module ends up in the sum.

    It is hooked once for each way that leads to it from the root, and the sum takes it in once for
    each way that no module with a rule is on, but for the root and sequences.
    """
    hooked: Counter[nn.Module] = Counter()
    summed: Counter[nn.Module] = Counter()

    def walk(module: nn.Module, reached: bool, root: bool) -> None:
        hooked[module] += 1
        summed[module] += reached
        ends = type(module) in RULES and not root and type(module) is not nn.Sequential
        for child in module.children():
            walk(child, reached and not ends, False)

    walk(model, True, True)
    return {module: hooked[module] * summed[module] for module in hooked}


def counts(recording: Recording) -> Iterator[Count]:
    """What it counts, call by call of a module."""
    times = _times(recording.model)
    for call in recording.calls:
        rule = RULES.get(type(call.module)) if call.module is not None else None
        n = times.get(call.module, 0) if call.module is not None else 0
        if rule is None or not n or not (call.inputs or rule in BY_OUTPUT) or call.output is None:
            continue
        for count in rule(call, call.module):
            yield count
            if n > 1:
                yield beside(AGAIN, (n - 1) * count.value, call)


CONVENTION = Convention(
    "thop",
    "thop",
    "0.1.1.post2209072238",
    "https://github.com/Lyken17/pytorch-OpCounter",
    counts,
)
