"""The operators that torch.jit.trace would have seen in a recorded pass, for counters that read it.

A trace has an operator whole; what leads to no output is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

from netcalc.pytorch.counters.convention import Count
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.events import Event, Seen


class Found(NamedTuple):
    """What a rule says of an operator: how much it counts, and whether that stands for MACs."""

    cause: str
    value: int
    macs: bool = False


Rule = Callable[[Event], Found | None]

SYNONYMS = {"multiply": "mul", "multiply_": "mul_", "linalg_matmul": "matmul"}
"""Operators that a trace gives another name."""


def traced(recording: Recording, rules: dict[str, Rule]) -> Iterator[Count]:
    """What rules by the names of operators count."""
    for i, event in enumerate(recording.events):
        whole = recording.inside[i]
        seen = not whole or SYNONYMS.get(whole) == event.name
        if not recording.live[i] or not seen or event.name not in rules:
            continue
        found = rules[event.name](event)
        if found is not None:
            yield Count(found.cause, found.value, i, i + 1, found.macs)


def numel(x: Any) -> int:
    """The number of elements of a tensor; 0 of anything else."""
    return prod(x.shape) if isinstance(x, Seen) else 0


NORMS = {
    "batch_norm": "BatchNorm",
    "layer_norm": "LayerNorm",
    "group_norm": "GroupNorm",
    "instance_norm": "InstanceNorm",
}
"""Operators that normalise, and what they are called."""
