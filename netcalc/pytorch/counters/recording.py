"""One forward pass on the meta device, as any counter could have seen it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from netcalc.core.analyse import Result, analyse
from netcalc.pytorch.counters.calls import Call
from netcalc.pytorch.counters.recorder import Recorder
from netcalc.pytorch.events import Event
from netcalc.pytorch.nodes import Builder
from netcalc.pytorch.passes import Pass, passed
from netcalc.pytorch.paths import named_inputs
from netcalc.pytorch.twin import unwrapped
from netcalc.pytorch.watch import Watch


@dataclass(slots=True)
class Recording:
    """A pass as it was seen: ``events`` (operators), ``calls`` (modules), ``functions``.

    ``result`` is netcalc's own analysis; ``nodes`` gives for each event the layer that it became,
    "" where it became none, ``macs`` the true MACs of each event, and ``live`` whether an output of
    the model depends on it. ``inside`` gives the operator that an event is a part of, where the
    pass saw the parts of one, ``opaque`` whether it ran in a function that a trace sees nothing of.
    ``masks`` gives the ones of each mask that prunes a parameter.
    """

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    events: list[Event]
    calls: list[Call]
    functions: list[Call]
    result: Result
    nodes: list[str]
    macs: list[int]
    live: list[bool]
    masks: dict[str, int]
    inside: list[Event | None]
    opaque: list[bool]

    @property
    def total(self) -> int:
        """The true number of MACs."""
        return int(self.result.totals.macs)

    def within(self, call: Call) -> int:
        """The true MACs of all that a call dispatched."""
        return sum(self.macs[call.start : call.end])


def record(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording:
    """A forward pass of a copy of a model on the meta device."""
    ran: Pass = passed(model, args, kwargs, quick=False, watcher=Recorder)
    seen = ran.seen
    assert isinstance(seen, Recorder)
    builder = Builder(ran.model, seen, named_inputs(ran.model, ran.args, ran.kwargs))
    result = analyse(builder.graph(ran.out))
    nodes = [product_of(*named) for named in zip(seen.events, builder.names(), strict=True)]
    by_name = {row.name: int(row.counts.macs) for row in result.rows}
    macs = [by_name.get(name, 0) for name in nodes]
    return Recording(
        *(ran.model, ran.args, ran.kwargs, seen.events, seen.module_calls, seen.functions),
        *(result, nodes, macs, live(seen, ran.out), _masks(model), seen.inside),
        seen.opaque,
    )


def live(seen: Watch, out: Any) -> list[bool]:
    """Which events the outputs depend on; one that writes in place counts as needed."""
    needed = {seen.see(x).value for x in tree_leaves(out) if isinstance(x, torch.Tensor)}
    live = [False] * len(seen.events)
    for i in range(len(seen.events) - 1, -1, -1):
        event = seen.events[i]
        if any(x.value in needed for x in event.outputs):
            live[i] = True
            needed |= {x.value for x in event.inputs()}
    return live


def product_of(event: Event, name: str) -> str:
    """The node of an event's product, where a node that adds something to that comes after it."""
    added = event.lifted is not None and event.lifted.plus is not None
    return name.rpartition("/add")[0] or name if added else name


def _masks(model: nn.Module) -> dict[str, int]:
    """How many ones there are in the masks of torch.nn.utils.prune, where they have values."""
    buffers = dict(unwrapped(model).named_buffers())
    pruned = {name.removesuffix("_orig") for name, _ in unwrapped(model).named_parameters()}
    return {
        name: int(mask.sum())
        for name, mask in buffers.items()
        if name.endswith("_mask") and name.removesuffix("_mask") in pruned and not mask.is_meta
    }
