"""One candidate by itself, in Python's integers: what its quantities are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from netcalc.core.walk import refuse
from netcalc.sweep.each import each
from netcalc.sweep.graphs import made
from netcalc.sweep.quantities import gather
from netcalc.sweep.space import Space
from netcalc.zoo.googlenet import TABLE_1, Inception


def single(space: Space, values: Mapping[str, Any], names: Collection[str]) -> dict[str, int]:
    """Quantities of a candidate, by name; raises SpecError where it is not legal."""
    graph, inputs = made(space, values, {})
    found = gather(graph, inputs, names, refuse)
    sums = found.sums.values(1, np.dtype(object))
    slow = each(graph, inputs, names)
    return {name: int(x[0]) for name, x in sums.items()} | found.sizes | slow


def googlenet_modules(space: Space) -> dict[str, dict[str, Any]]:
    """GoogLeNet's own modules as candidates, by name: where the six widths of a module vary."""
    widths = Inception._fields
    if not set(widths) <= {axis.name for axis in space.axes}:
        return {}
    rest = {axis.name: axis.values[0] for axis in space.axes}
    modules = {name: row for name, row in TABLE_1.items() if isinstance(row, Inception)}
    return {
        name.removeprefix("inception_"): {**rest, **row._asdict()} for name, row in modules.items()
    }
