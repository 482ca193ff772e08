"""What a graph costs, as sums of products that nobody has multiplied yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from netcalc.core.depths import depths
from netcalc.core.graph import Graph
from netcalc.core.tensor import BYTES, Tensor
from netcalc.core.walk import Call, OnGuard, first_key, walk
from netcalc.errors import InputError
from netcalc.sweep.sums import Sums

OF_TERMS = {
    "mac": (("macs", 1), ("flops", 2)),
    "weight": (("params", 1), ("weights", 1)),
    "bias": (("params", 1), ("biases", 1)),
    "buffer": (("buffers", 1),),
}
"""Which quantities a term enters by its kind, and how often."""

COUNTS = ("params", "weights", "biases", "buffers", "weight_bytes", "macs", "flops", "activations")
SIZES = {"channels": 1, "out_height": 2, "out_width": 3}
"""Axes of the main output, batch first."""


class Watch(Protocol):
    """Told of what no guard looks at."""

    def long(self, call: Call) -> None:
        """Of every layer: its axes may get too long."""

    def unlike(self, key: str, first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
        """Of a tensor that two layers share: its key and the two shapes."""


class Gathered:
    """The sums and sizes of a graph."""

    def __init__(self, names: Collection[str], watch: Watch | None) -> None:
        self.names, self.watch = names, watch
        self.sums = Sums()
        self.sizes: dict[str, Any] = {}
        self._seen: dict[str, tuple[Any, ...]] = {}
        for name in names:
            if name in COUNTS:
                self.sums.sums[name] = {}

    def take(self, call: Call) -> None:
        """Add what a layer costs."""
        if self.watch:
            self.watch.long(call)
        for term in call.terms:
            if not term.operand:
                self._add(term.kind, term.factors)
                continue
            key = first_key(call.node, term, self._seen)
            if key is not None:
                self._add(term.kind, term.factors)
                if "weight_bytes" in self.names and term.kind != "buffer":
                    each = BYTES[term.dtype or call.ins[0].dtype]
                    self.sums.add("weight_bytes", term.factors, each)
            elif self.watch and (shared := call.node.key(term.operand)):
                self.watch.unlike(shared, self._seen[shared], term.shape)
        if "activations" in self.names:
            for out in call.outs:
                self.sums.add("activations", out.dims)

    def _add(self, kind: str, factors: tuple[Any, ...]) -> None:
        for name, times in OF_TERMS.get(kind, ()):
            if name in self.names:
                self.sums.add(name, factors, times)


def gather(
    graph: Graph,
    inputs: Mapping[str, Tensor],
    names: Collection[str],
    on_guard: OnGuard,
    watch: Watch | None = None,
    proved: Collection[str] = (),
) -> Gathered:
    """Go through a graph. Raises InputError where its output lacks an axis that is asked for."""
    found = Gathered(names, watch)
    values: dict[str, tuple[Tensor, ...]] = {name: (x,) for name, x in inputs.items()}
    for call in walk(graph, values, on_guard, proved):
        found.take(call)
    ref, i = next(iter(graph.outputs.values()))
    dims = values[ref][i].dims
    for name in names:
        if name == "depth":
            found.sizes[name] = depths(graph)[ref][0]
        elif name in SIZES:
            if len(dims) <= SIZES[name]:
                raise InputError(f"{graph.name}: its output has no {name}: {len(dims)} axes")
            found.sizes[name] = dims[SIZES[name]]
    return found
