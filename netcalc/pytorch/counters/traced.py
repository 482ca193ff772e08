"""The operators that torch.jit.trace would have seen in a recorded pass, for counters that read it.

A trace has an operator whole; what leads to no output is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

from netcalc.pytorch.counters.convention import Count
from netcalc.pytorch.counters.dispatched import Outcome, below
from netcalc.pytorch.counters.placed import within_fast_paths
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.events import Event, Seen
from netcalc.pytorch.jit import SYNONYMS, UNSEEN


class Found(NamedTuple):
    """What a rule says of an operator: how much it counts, and whether that stands for MACs."""

    cause: str
    value: int
    macs: bool = False


Rule = Callable[[Event], Found | None]


def traced(recording: Recording, rules: dict[str, Rule], hidden: Outcome = ()) -> Iterator[Count]:
    """What rules by the names of operators count; ``hidden`` run within fast paths."""
    for event, start, end in _whole(recording):
        rule = rules.get(SYNONYMS.get(event.name, event.name))
        if rule is None or not any(recording.live[start:end]) or recording.opaque[start]:
            continue
        if hidden and below(recording.events[start].path, hidden):
            continue
        found = rule(event)
        if found is not None:
            yield Count(found.cause, found.value, start, end, found.macs)
    yield from within_fast_paths(recording, hidden)


def _whole(recording: Recording) -> Iterator[tuple[Event, int, int]]:
    """Each operator that a trace has, and which events of the recording it is."""
    events, inside = recording.events, recording.inside
    i = 0
    while i < len(events):
        whole, start = inside[i], i
        i += 1
        if whole is None or whole.name in UNSEEN:
            yield events[start], start, i
            continue
        while i < len(events) and inside[i] is whole:
            i += 1
        yield whole, start, i


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
