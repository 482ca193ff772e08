"""torchinfo's mult-adds: the parameters of each leaf module, times the first axis of its output."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import nn

from netcalc.pytorch.counters.calls import Call, Packed, Sized
from netcalc.pytorch.counters.convention import Convention, Count, beside, over
from netcalc.pytorch.counters.recording import Recording

Shape = tuple[int, ...]

PRUNED = "_orig"
"""Ends the name of a parameter that torch.nn.utils.prune masks: the mask's ones are counted."""


def counts(recording: Recording) -> Iterator[Count]:
    """What it counts, call by call of a leaf: of a module with no child that is true to Python.

    An empty nn.Sequential is false. Parameters of modules that are no leaves count nothing.
    """
    for call in recording.calls:
        module = call.module
        if module is None or isinstance(module, torch.jit.ScriptModule) or any(module.children()):
            continue
        shape = _shape(call.output)
        if shape:
            yield from _leaf(recording, call, module, shape)


def _leaf(recording: Recording, call: Call, module: nn.Module, y: Shape) -> Iterator[Count]:
    """Its weights, which stand for its MACs if it has any, and its biases, less what is pruned."""
    sums = {"weight": 0, "bias": 0, "": 0}
    pruned = 0
    for name, parameter in module.named_parameters():
        ones = recording.masks.get(f"{call.path}.{name}".removeprefix(".").replace(PRUNED, "_mask"))
        name = name if ones is None else name.removesuffix(PRUNED)
        times, numel = _times(type(module).__name__, name, y), parameter.numel()
        kind = name.split("_")[0]
        sums[kind if kind in sums else ""] += times * numel
        pruned += 0 if ones is None else times * (numel - ones)
    if not recording.within(call):
        cause = f"{_plain(call.name)} parameters once per sample"
        yield beside(cause, sums["weight"] + sums["bias"], call)
    else:
        if sums["weight"]:
            yield over(_cause(recording, call), sums["weight"], call)
        yield beside("bias additions", sums["bias"], call)
    yield beside("parameters with weight or bias in their name", sums[""], call)
    yield beside("pruned parameters not counted", -pruned, call)


def _times(of: str, name: str, y: Shape) -> int:
    """How often a parameter is used, by the shape of the output; by its name, if it is used."""
    if name in ("weight", "bias"):
        return y[0] * prod(y[2:]) if "Conv" in of else y[0]
    return prod(y[:2]) if "weight" in name or "bias" in name else 0


def _shape(output: Any) -> Shape:
    """The first tensor of what a module returned, of a dictionary the last value's."""
    if isinstance(output, dict):
        output = next(reversed(output.values()), None)
    while isinstance(output, list | tuple | dict) and not isinstance(output, Sized | Packed):
        values = list(output.values()) if isinstance(output, dict) else output
        output = values[0] if values else None
    if isinstance(output, Packed):
        output = output.data
    return output.shape if isinstance(output, Sized) else ()


def _cause(recording: Recording, call: Call) -> str:
    """Why the weights of a call are not its MACs, if they are not, by its first event with some."""
    event = next(recording.events[i] for i in range(call.start, call.end) if recording.macs[i])
    if call.name.endswith("Cell"):
        return "recurrent cells once per output element"
    named = "Conv" in type(call.module).__name__
    if event.name.startswith("conv"):
        if not named:
            return "convolutions once per sample"
        if len(event.arguments["input"].shape) < len(event.arguments["weight"].shape):
            return "unbatched convolutions by their channels for a batch"
        return "transposed convolutions at output size"
    if named:
        return "layers with Conv in their name at the size of a convolution's output"
    if event.name == "linear":
        unbatched = len(event.arguments["input"].shape) == 1
        each = "per output element" if unbatched else "instead of per token"
        return f"linear layers once {each}"
    if event.name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
        return "recurrent layers by the first two axes of their output"
    return f"{_plain(call.name)} layers once per sample"


def _plain(name: str) -> str:
    """BatchNorm for BatchNorm2d."""
    return name[:-2] if name[-2:] in ("1d", "2d", "3d") else name


CONVENTION = Convention(
    "torchinfo", "torchinfo", "1.8.0", "https://github.com/TylerYep/torchinfo", counts
)
