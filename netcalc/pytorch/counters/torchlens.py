"""torchlens' total_macs_forward: the MACs of Python functions, of those that it has a split for.

It looks at names and shapes: at the first parameter of the model among the arguments for a weight,
and for operands at what is given by position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from netcalc.pytorch.counters.convention import Convention, Count
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.events import Event, Seen, seen_in

Rule = Callable[[Event, list[Seen]], int | None]
"""The MACs of an operator, by those of its arguments that are parameters; None if not known."""


def _numel(x: Seen) -> int:
    return prod(x.shape)


def _linear(event: Event, parameters: list[Seen]) -> int | None:
    if not parameters or len(parameters[0].shape) < 2:
        return None
    outputs, inputs = parameters[0].shape[:2]
    return _numel(event.outputs[0]) // outputs * inputs * outputs if outputs else 0


def _convolution(event: Event, parameters: list[Seen]) -> int | None:
    if not parameters or len(parameters[0].shape) < 3:
        return None
    return _numel(event.outputs[0]) * prod(parameters[0].shape[1:])


def _transposed(event: Event, parameters: list[Seen]) -> int | None:
    if not parameters or len(parameters[0].shape) < 3:
        return None
    return _numel(event.arguments["input"]) * prod(parameters[0].shape[1:])


def _matmul(event: Event, parameters: list[Seen]) -> int | None:
    return _numel(event.outputs[0]) * event.inputs()[0].shape[-1]


def _added(event: Event, parameters: list[Seen]) -> int | None:
    _, a, b = event.inputs()
    return _numel(a) * b.shape[-1]


def _einsum(event: Event, parameters: list[Seen]) -> int | None:
    """Of two operands, each axis once in each, with an output that has some."""
    equation = event.arguments["equation"].replace(" ", "")
    operands = list(seen_in([event.arguments["tensors"]]))
    inputs, explicit, output = equation.partition("->")
    terms = inputs.split(",")
    if not explicit:
        output = "".join(axis for axis in inputs if axis != "," and inputs.count(axis) == 1)
    alone = all(len(set(term)) == len(term) for term in terms)
    if "." in equation or len(operands) != 2 or not output or not alone:
        return None
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for axis, size in zip(term, x.shape, strict=True):
            sizes[axis] = size if sizes.get(axis, 1) == 1 else sizes[axis]
    contracted = [size for axis, size in sizes.items() if axis not in output]
    return _numel(event.outputs[0]) * prod(contracted) if contracted else 0


def _attention(event: Event, parameters: list[Seen]) -> int | None:
    """Queries and keys that are parameters themselves are not seen."""
    operands: list[Seen] = [event.arguments[name] for name in ("query", "key", "value")]
    q, k, v = operands
    if any(x.value in (q.value, k.value) for x in parameters):
        return None
    return prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])


ADDED = ("addmm", "addbmm", "baddbmm")
AXES = ("1d", "2d", "3d")

RULES: dict[str, Rule] = {
    "linear": _linear,
    "convolution": _convolution,
    **{f"conv{n}": _convolution for n in AXES},
    **{f"conv_transpose{n}": _transposed for n in AXES},
    **dict.fromkeys(("matmul", "mm", "bmm"), _matmul),
    **dict.fromkeys((*ADDED, *(f"{name}_" for name in ADDED)), _added),
    "einsum": _einsum,
    "scaled_dot_product_attention": _attention,
}
POSITIONAL = {
    **dict.fromkeys(("matmul", "mm", "bmm"), 2),
    **dict.fromkeys((*ADDED, "scaled_dot_product_attention"), 3),
    **dict.fromkeys((f"conv_transpose{n}" for n in AXES), 1),
}
"""How many arguments a function needs by position, or it is not known."""

CASTS = ("to", "type_as")
WHOLE = ("linalg_matmul",)
"""Operators that are made of one with a rule, and go by its name."""

OTHER = "layers by the first of their arguments that is a parameter"


def counts(recording: Recording) -> Iterator[Count]:
    """What it counts, operator by operator of those that Python calls."""
    weights = _weights(recording)
    hidden = set(_by_name(recording)) | set(_apart(recording, weights))
    for i, event in enumerate(recording.events):
        rule, whole = RULES.get(event.name), recording.inside[i]
        if rule is None or i in hidden or not (whole is None or whole.name in WHOLE):
            continue
        macs = rule(event, [x for x in event.inputs() if x.value in weights])
        if macs is not None:
            yield Count("einsum" if rule is _einsum else OTHER, macs, i, i + 1, True)


def _weights(recording: Recording) -> set[int]:
    """The values that are parameters, which come first, also as what a cast leaves as it is."""
    found = set(range(_size(recording.model.parameters())))
    for event in recording.events:
        x = next(iter(event.inputs()), None)
        if event.name in CASTS and x is not None and x.value in found:
            same = event.outputs[0].dtype == x.dtype and not event.arguments.get("copy")
            found |= {event.outputs[0].value} if same else set()
    return found


def _size(values: Iterable[Any]) -> int:
    return sum(1 for _ in values)


def _by_name(recording: Recording) -> Iterator[int]:
    """The events of functions some of whose operands are given by name."""
    for call in recording.functions:
        if len(call.inputs) < POSITIONAL.get(call.name.partition(".")[2], 0):
            yield from range(call.start, call.end)


def _apart(recording: Recording, weights: set[int]) -> Iterator[int]:
    """The events that no chain of tensors, parameters aside, connects with an input or output."""
    groups: dict[int, int] = {}

    def group(value: int) -> int:
        while value in groups:
            value = groups[value]
        return value

    first = _size(recording.model.parameters()) + _size(recording.model.buffers())
    given = tree_leaves((recording.args, recording.kwargs))
    ends = set(range(first, first + _size(x for x in given if isinstance(x, torch.Tensor))))
    outs: dict[int, int] = {}
    for i, event in enumerate(recording.events):
        values = [x.value for x in (*event.outputs, *event.inputs()) if x.value not in weights]
        for value in values[1:]:
            a, b = group(values[0]), group(value)
            groups |= {a: b} if a != b else {}
        if values:
            outs[i] = values[0]
            ends |= {values[0]} if recording.live[i] else set()
    reached = {group(value) for value in ends}
    return (i for i, value in outs.items() if group(value) not in reached)


CONVENTION = Convention(
    "torchlens", "torchlens", "2.36.1", "https://github.com/johnmarktaylor91/torchlens", counts
)
