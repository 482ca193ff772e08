"""fvcore's FlopCountAnalysis: operators of a torch.jit trace; what it calls a flop is a MAC."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from torch import nn

from netcalc.pytorch.counters.convention import Convention, Count
from netcalc.pytorch.counters.dispatched import fast
from netcalc.pytorch.counters.einsum import optimized
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.counters.traced import NORMS, Found, Rule, numel, traced
from netcalc.pytorch.events import Event, Seen


def _convolution(event: Event) -> Found | None:
    """By name, padding is another operator, which has no rule."""
    if event.overload == "padding":
        return None
    said = event.arguments
    x, w, y = said["input"], said["weight"], event.outputs[0]
    transposed = said.get("transposed", event.name.startswith("conv_transpose"))
    n = len(w.shape) - 2
    batch = x.shape[0] if len(x.shape) == n + 2 else 1
    value = batch * prod(w.shape) * prod((x if transposed else y).shape[-n:])
    return Found("convolutions", value, True)


def _linear(event: Event) -> Found | None:
    said = event.arguments
    return Found("linear layers", numel(said["input"]) * said["weight"].shape[0], True)


def _matmul(event: Event) -> Found | None:
    """All of the left operand with each column: a right one of more axes is not seen."""
    a, b = event.inputs()[-2:]
    cause = "matrix products whose right operand has more axes"
    return Found(cause, numel(a) * b.shape[-1], True)


def _batch_norm(event: Event) -> Found | None:
    said = event.arguments
    affine = isinstance(said["weight"], Seen)
    each = (5 if affine else 4) if said["training"] else (2 if affine else 1)
    return Found(f"BatchNorm as {each} per element", each * numel(said["input"]))


def _norm(event: Event) -> Found | None:
    each = 5 if isinstance(event.arguments["weight"], Seen) else 4
    return Found(f"{NORMS[event.name]} as {each} per element", each * numel(event.inputs()[0]))


def _adaptive(event: Event) -> Found | None:
    value = numel(event.inputs()[0])
    return Found("adaptive average pools as 1 per input element", value)


def _nearest(event: Event) -> Found | None:
    return Found("upsampling as 1 per output element", numel(event.outputs[0]))


def _bilinear(event: Event) -> Found | None:
    return Found("upsampling as 4 per output element", 4 * numel(event.outputs[0]))


def _grid(event: Event) -> Found | None:
    return Found("grid samplers as 4 per output element", 4 * numel(event.outputs[0]))


PLAIN = ("abc,abd->acd", "abc,adc->adb")
"""Equations that it knows, with letters in the order of the alphabet."""


def _einsum(event: Event) -> Found | None:
    """Exact where it knows the equation; otherwise half of what numpy prints, with four digits."""
    equation = str(event.arguments["equation"]).replace(" ", "")
    letters = dict.fromkeys(letter for letter in equation if letter.isalpha())
    renamed = equation.translate({ord(x): ord("a") + i for i, x in enumerate(letters)})
    shapes = [x.shape for x in event.inputs()]
    if renamed in PLAIN:
        a, b = shapes
        value = prod(a) * (b[-1] if renamed == PLAIN[0] else b[1])
        return Found("einsum", value, True)
    return Found("einsum rounded to four digits", optimized(renamed, shapes) // 2, True)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _convolution),
    "convolution": _convolution,
    "linear": _linear,
    **dict.fromkeys(("matmul", "mm", "bmm", "addmm"), _matmul),
    "batch_norm": _batch_norm,
    **dict.fromkeys(("layer_norm", "group_norm", "instance_norm"), _norm),
    "adaptive_avg_pool2d": _adaptive,
    "upsample_nearest2d": _nearest,
    "upsample_bilinear2d": _bilinear,
    "grid_sampler": _grid,
    "einsum": _einsum,
}


def counts(recording: Recording) -> Iterator[Count]:
    """What it counts, operator by operator; what leads to no output is not in the trace.

    It hooks every module.
    """
    return traced(recording, RULES, fast(recording, nn.Module.modules))


CONVENTION = Convention(
    "fvcore", "fvcore", "0.1.5.post20221221", "https://github.com/facebookresearch/fvcore", counts
)
