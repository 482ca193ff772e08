"""fvcore's FlopCountAnalysis: operators of a torch.jit trace; what it calls a flop is a MAC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from netcalc.pytorch.counters.convention import Convention, Count
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.events import Event, Seen

Rule = Callable[[Event], "tuple[str, int, bool] | None"]
"""Gives the cause, the value and whether it stands for MACs."""


def _numel(x: Any) -> int:
    return prod(x.shape) if isinstance(x, Seen) else 0


def _convolution(event: Event) -> tuple[str, int, bool] | None:
    """By name, padding is another operator, which has no rule."""
    if event.overload == "padding":
        return None
    said = event.arguments
    x, w, y = said["input"], said["weight"], event.outputs[0]
    transposed = event.name.startswith("conv_transpose")
    n = len(w.shape) - 2
    batch = x.shape[0] if len(x.shape) == n + 2 else 1
    return "convolutions", batch * prod(w.shape) * prod((x if transposed else y).shape[-n:]), True


def _linear(event: Event) -> tuple[str, int, bool] | None:
    said = event.arguments
    return "linear layers", _numel(said["input"]) * said["weight"].shape[0], True


def _matmul(event: Event) -> tuple[str, int, bool] | None:
    """All of the left operand with each column: a right one of more axes is not seen."""
    a, b = event.inputs()[-2:]
    return "matrix products whose right operand has more axes", _numel(a) * b.shape[-1], True


def _batch_norm(event: Event) -> tuple[str, int, bool] | None:
    said = event.arguments
    affine = isinstance(said["weight"], Seen)
    each = (5 if affine else 4) if said["training"] else (2 if affine else 1)
    return f"BatchNorm as {each} per element", each * _numel(said["input"]), False


def _norm(event: Event) -> tuple[str, int, bool] | None:
    said = event.arguments
    each = 5 if isinstance(said["weight"], Seen) else 4
    name = "".join(part.capitalize() for part in event.name.split("_"))
    return f"{name} as {each} per element", each * _numel(event.inputs()[0]), False


def _adaptive(event: Event) -> tuple[str, int, bool] | None:
    return "adaptive average pools as 1 per input element", _numel(event.inputs()[0]), False


def _einsum(event: Event) -> tuple[str, int, bool] | None:
    raise NotImplementedError


RULES: dict[str, Rule] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _convolution),
    "linear": _linear,
    **dict.fromkeys(("matmul", "mm", "bmm", "addmm"), _matmul),
    "batch_norm": _batch_norm,
    **dict.fromkeys(("layer_norm", "group_norm", "instance_norm"), _norm),
    "adaptive_avg_pool2d": _adaptive,
    "einsum": _einsum,
}


def counts(recording: Recording) -> Iterator[Count]:
    """What it counts, operator by operator; what leads to no output is not in the trace."""
    for i, event in enumerate(recording.events):
        rule = RULES.get(event.name)
        found = rule(event) if rule is not None and recording.live[i] else None
        if found is not None:
            cause, value, macs = found
            yield Count(cause, value, i, i + 1, macs)


CONVENTION = Convention(
    "fvcore", "fvcore", "0.1.5.post20221221", "https://github.com/facebookresearch/fvcore", counts
)
