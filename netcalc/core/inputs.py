"""The inputs of a graph, from shapes as people give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from netcalc.core.fields import axes, number
from netcalc.core.graph import Graph
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.errors import InputError, SpecError

Shape: TypeAlias = int | Sequence[int]
"""A shape for an input: N,C,H,W; C,H,W of a single image; or one number for height and width."""


def inputs_of(
    graph: Graph,
    given: Shape | Mapping[str, Shape] | None = None,
    batch: int | None = None,
    dtype: str | None = None,
) -> dict[str, Tensor]:
    """The inputs of a graph, with shapes and batch as asked for, floating ones in ``dtype``.

    Raises InputError for a shape with the wrong number of axes or one below 1, or an unknown dtype.
    """
    if dtype is not None and dtype not in FLOATS:
        raise InputError(f"dtype must be one of {', '.join(FLOATS)}, got {dtype!r}")
    shapes: Mapping[str, Shape] = {}
    if isinstance(given, Mapping):
        shapes = given
    elif given is not None:
        if len(graph.inputs) != 1:
            names = ", ".join(graph.inputs)
            raise InputError(f"{graph.name} has the inputs {names}: give each a shape by its name")
        shapes = {next(iter(graph.inputs)): given}
    unknown = shapes.keys() - graph.inputs.keys()
    if unknown:
        raise InputError(f"{graph.name} has no input {sorted(unknown)[0]!r}")
    return {
        name: Tensor(
            _dims(name, x, shapes.get(name), batch, graph.batched),
            dtype if dtype and x.dtype in FLOATS else x.dtype,
        )
        for name, x in graph.inputs.items()
    }


def _dims(
    name: str, x: Tensor, shape: Shape | None, batch: int | None, batched: bool
) -> tuple[Any, ...]:
    default = x.dims
    if len(default) == 3 and not (isinstance(default[0], int) and default[0] == 1):
        batched = False  # channels, height, width: nothing says that these are images
    given = _given(name, shape, default)
    whole = shape is not None and len(given) == len(default)
    if batched and len(given) == 1 < len(default):
        given = (*default[:2], *given * (len(default) - 2)) if len(default) > 2 else (1, *given)
    elif batched and len(given) == len(default) - 1:
        given = (default[0], *given)
    if len(given) != len(default):
        or_less = ", all but the batch, or one number" if batched else ""
        raise InputError(
            f"{name} has {len(default)} axes (default {x}); give all of them{or_less}, "
            f"got {'x'.join(map(str, given))}"
        )
    if batch is not None:
        given = _batched(name, given, batch, whole, batched)
    try:
        return axes(name, given)
    except SpecError as problem:
        raise InputError(str(problem)) from None


def _given(name: str, shape: Any, default: tuple[Any, ...]) -> tuple[Any, ...]:
    """A shape as a tuple of numbers, as plain ints where they are integers."""
    if shape is None:
        return default
    if isinstance(shape, str | bytes | set | dict):
        raise InputError(f"{name} must be a shape such as (1, 3, 224, 224), got {shape!r}")
    try:
        parts = tuple(shape)
    except TypeError:
        parts = (shape,)
    try:
        return tuple(number(name, d) for d in parts)
    except SpecError as problem:
        raise InputError(str(problem)) from None


def _batched(
    name: str, given: tuple[Any, ...], batch: Any, whole: bool, batched: bool
) -> tuple[Any, ...]:
    try:
        batch = number("batch", batch)
    except SpecError as problem:
        raise InputError(str(problem)) from None
    if not batched:
        raise InputError(f"{name}: its first axis is not a batch; give the whole shape")
    if whole and given[0] not in (1, batch):
        raise InputError(f"{name} {'x'.join(map(str, given))} has a batch already, not {batch}")
    return (batch, *given[1:])
