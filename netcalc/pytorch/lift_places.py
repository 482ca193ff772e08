"""Operators that order values, write them to places or lay windows of them out, as layers."""

from __future__ import annotations

from typing import Any

from netcalc.core.ops.distance import Cdist
from netcalc.core.ops.elementwise import Binary
from netcalc.core.ops.fold import Fold, Unfold, UnfoldAxis
from netcalc.core.ops.order import Nonzero, SearchSorted
from netcalc.core.ops.pool import MaxPool
from netcalc.core.ops.scatter import IndexPut, Scatter
from netcalc.pytorch.events import Event, Seen
from netcalc.pytorch.lift_functions import finite
from netcalc.pytorch.lifted import Lifted, Special, on_all, on_first


def _windows(event: Event) -> Lifted:
    said = event.arguments
    names = {"kernel": "kernel_size"} | {k: k for k in ("stride", "padding", "dilation")}
    each = {ours: tuple(said[theirs]) for ours, theirs in names.items()}
    if event.name == "im2col":
        return on_first(event, Unfold(**each))
    return on_first(event, Fold(tuple(said["output_size"]), **each))


def _unfold(event: Event) -> Lifted:
    said = event.arguments
    return on_first(event, UnfoldAxis(said["dimension"], said["size"], said["step"]))


def _scatter(event: Event) -> Lifted | None:
    """Scatter and its like; of those that fold, the values that fold are tensors."""
    said = event.arguments
    name = event.name.removesuffix("_")
    how = said.get("reduce")
    if how is not None:
        name, how = "scatter_reduce", {"add": "sum", "multiply": "prod"}.get(how, how)
    x, index, source = said["self"], said["index"], said.get("source", said.get("src"))
    value: Any = said.get("value")
    if said.get("alpha", 1) != 1 or (how is not None and source is None):
        return None
    if isinstance(source, Seen):
        return Lifted(Scatter(name, said["dim"], reduce=how or ""), (x, index, source), {})
    number = 0.0 if isinstance(value, Seen) else finite(float(value))
    return Lifted(Scatter(name, said["dim"], number), (x, index), {})


def at_places(event: Event) -> tuple[int, list[Seen]] | None:
    """The first axis that places are given for, and the places; None where axes lie between."""
    given: list[Seen | None] = event.arguments["indices"]
    taken = [i for i, place in enumerate(given) if place is not None]
    if taken != list(range(taken[0], taken[-1] + 1)):
        return None
    return taken[0], [place for place in given if place is not None]


def _index_put(event: Event) -> Lifted | None:
    said = event.arguments
    x, y = said["self"], said["values"]
    found = at_places(event)
    if found is None:
        return None
    dim, places = found
    if [place.dtype for place in places] == ["bool"]:
        whole = len(places[0].shape) == len(x.shape) and set(y.shape) <= {1}
        return Lifted(Binary("where"), (places[0], y, x), {}) if whole else None
    return Lifted(IndexPut(dim, said["accumulate"]), (x, y, *places), {})


def _search(event: Event) -> Lifted | None:
    said = event.arguments
    row: Any = said.get("boundaries", said.get("sorted_sequence"))
    values = said["self"]
    if not isinstance(values, Seen):
        return None
    right = said["right"] or said.get("side") == "right"
    return Lifted(SearchSorted(right, said["out_int32"]), (row, values), {})


def _distances(event: Event) -> Lifted | None:
    p = event.arguments["p"]
    return on_all(Cdist(p), event) if p in (1, 2) else None


def _max_pool(event: Event) -> Lifted:
    """A max pool that says where the largest were."""
    said = event.arguments
    kernel = tuple(said["kernel_size"])
    n = len(kernel)
    each = {k: tuple(said[k] or kernel) for k in ("stride", "padding", "dilation")}
    windows = {k: v * n if len(v) == 1 else v for k, v in each.items()}
    ceil: bool = said["ceil_mode"]
    return on_first(event, MaxPool(kernel, ceil_mode=ceil, return_indices=True, **windows))


PLACES: dict[str, Special] = {
    **dict.fromkeys(("im2col", "col2im"), _windows),
    "unfold": _unfold,
    **dict.fromkeys(
        (
            *("scatter", "scatter_add", "scatter_reduce"),
            *("index_add", "index_copy", "index_fill"),
        ),
        _scatter,
    ),
    "index_put": _index_put,
    **dict.fromkeys(("searchsorted", "bucketize"), _search),
    "nonzero": lambda e: on_first(e, Nonzero(e.outputs[0].shape[0])),
    **dict.fromkeys(("cdist", "_cdist_forward"), _distances),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), _max_pool),
}
