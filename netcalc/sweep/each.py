"""Quantities that no array can hold the rules of: worked out for each candidate by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from netcalc.core.analyse import Result, analyse
from netcalc.core.graph import Graph
from netcalc.core.memory import memory
from netcalc.core.receptive import receptive_fields
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError
from netcalc.sweep.space import SLOW


def _receptive_field(result: Result) -> int:
    """How much of the first input's height the main output sees, padding included."""
    ref, _ = next(iter(result.graph.outputs.values()))
    fields = receptive_fields(result)[ref]
    if not fields:
        raise InputError(f"{result.graph.name}: its input has no height to see")
    field = fields[min(fields)]
    return field.end - field.start + 1 if field.size is None else field.size


WORKED_OUT: Mapping[str, Callable[[Result], int]] = {
    "peak_bytes": lambda result: memory(result).peak,
    "inference_bytes": lambda result: memory(result).inference,
    "training_bytes": lambda result: memory(result).training,
    "receptive_field": _receptive_field,
}

assert tuple(WORKED_OUT) == SLOW


def each(graph: Graph, inputs: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Any]:
    """Those of the quantities that are worked out one by one, of a graph of plain integers."""
    slow = [name for name in names if name in WORKED_OUT]
    if not slow:
        return {}
    result = analyse(graph, inputs)
    return {name: WORKED_OUT[name](result) for name in slow}
