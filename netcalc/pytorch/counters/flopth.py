"""flopth: modules without children, by their last call; a MAC and a bias addition are 1 each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from torch import nn

from netcalc.pytorch.counters.calls import Call, Sized
from netcalc.pytorch.counters.convention import Convention, Count, beside, over
from netcalc.pytorch.counters.dispatched import below, fast
from netcalc.pytorch.counters.recording import Recording

Rule = Callable[[Call, Any], Iterator[Count]]
"""What it counts of a call of a module."""


def _convolution(call: Call, module: Any) -> Iterator[Count]:
    (batch, inputs), (_, outputs, *space) = call.given[0].shape[:2], call.output.shape
    at = batch * prod(space)
    cause = "transposed convolutions at output size" if module.transposed else "convolutions"
    each = prod(module.kernel_size) * inputs * (outputs // module.groups)
    yield over(cause, each * at, call)
    yield beside("bias additions", outputs * at * (module.bias is not None), call)


def _linear(call: Call, module: Any) -> Iterator[Count]:
    """The first two axes of the input and the second of the output, whatever they are."""
    x, y = call.given[0].shape, call.output.shape
    if len(x) < 2:  # it raises
        return
    yield over(
        "linear layers by the first two axes for batch and features", prod(x[:2]) * y[1], call
    )


def _norm(call: Call, module: Any) -> Iterator[Count]:
    each = 2 if getattr(module, "affine", False) else 1
    name = _name(module, NORMS).rstrip("123d")
    yield beside(f"{name} as {each} per element", each * call.given[0].numel, call)


def _pool(call: Call, module: Any) -> Iterator[Count]:
    yield beside("pools as 1 per input element", call.given[0].numel, call)


def _activation(call: Call, module: Any) -> Iterator[Count]:
    name = _name(module, ACTIVATIONS)
    yield beside(f"{name} as 1 per element", call.given[0].numel, call)


def _upsample(call: Call, module: Any) -> Iterator[Count]:
    """The channels are not seen."""
    y = call.output.shape
    value = call.given[0].shape[0] * prod(y[2:])
    yield beside("upsampling as 1 per place of the output", value, call)


def _name(module: nn.Module, of: tuple[type[nn.Module], ...]) -> str:
    """The class that a rule is for, of a module that may be of one derived from it."""
    return next(kind.__name__ for kind in of if isinstance(module, kind))


CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
NORMS = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)
ACTIVATIONS = (
    *(nn.ReLU, nn.ReLU6, nn.PReLU, nn.ELU, nn.LeakyReLU, nn.GELU, nn.CELU, nn.SELU),
    *(nn.Hardswish, nn.Hardsigmoid, nn.Tanh),
)
RULES: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...] = (
    (CONVOLUTIONS, _convolution),
    (NORMS, _norm),
    ((nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d), _pool),
    (ACTIVATIONS, _activation),
    ((nn.Upsample,), _upsample),
    ((nn.Linear,), _linear),
)
"""By type, subclasses too; all other modules are free."""

BEFORE = "calls of a layer before its last not counted"


def counts(recording: Recording) -> Iterator[Count]:
    """What it counts: of each module that has no children, the last call."""
    hidden = fast(recording)
    calls = [call for call in recording.calls if not below(call.path, hidden)]
    last = {id(call.module): call for call in calls}
    for call in calls:
        module = call.module
        if module is None or next(module.children(), None) is not None:
            continue
        rule = next((rule for kinds, rule in RULES if isinstance(module, kinds)), None)
        if rule is None or not (call.given and isinstance(call.output, Sized)):
            continue
        if last[id(module)] is call:
            yield from rule(call, module)
        elif recording.within(call):
            yield over(BEFORE, 0, call)


CONVENTION = Convention("flopth", "flopth", "0.1.6", "https://github.com/vra/flopth", counts)
