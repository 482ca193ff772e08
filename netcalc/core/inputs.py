"""The inputs of a graph, from shapes as people give them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from netcalc.core.fields import axes, number
from netcalc.core.graph import Graph
from netcalc.core.tensor import BYTES, FLOATS, Tensor, type_name
from netcalc.errors import InputError, SpecError, did_you_mean

Shape: TypeAlias = int | Sequence[int] | Tensor
"""A shape for an input: N,C,H,W; C,H,W of a single image; or one number for height and width.

A Tensor has all axes, and says the element type too.
"""


def inputs_of(
    graph: Graph,
    given: Shape | Mapping[str, Shape] | None = None,
    batch: int | None = None,
    dtype: Any = None,
) -> dict[str, Tensor]:
    """The inputs of a graph, with shapes and batch as asked for, floating ones in ``dtype``.

    Raises InputError for a shape with the wrong number of axes or one below 1, for an unknown dtype
    or one that the graph is not made for.
    """
    given, dtype = described(given), type_name(dtype)
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
    shapes = {name: whole(name, x) if isinstance(x, Tensor) else x for name, x in shapes.items()}
    return {
        name: Tensor(
            _dims(name, x, shapes.get(name), batch, graph.batched),
            _dtype(graph, name, shapes.get(name), dtype),
        )
        for name, x in graph.inputs.items()
    }


def described(given: Any) -> Any:
    """Shapes as they are, and tensors of PyTorch among them as a ``Tensor`` each."""
    if isinstance(given, Mapping):
        return {name: described(x) for name, x in given.items()}
    if isinstance(given, tuple | list):
        return type(given)(map(described, given)) if type(given) in (tuple, list) else given
    if type(given).__module__.partition(".")[0] != "torch" or not hasattr(given, "shape"):
        return given
    return Tensor(tuple(given.shape), type_name(given.dtype))


def read_shape(text: str, what: str) -> tuple[int, ...] | Tensor:
    """A shape as a text: ``3,224,224``, ``3x224x224``, ``224``; with a type, ``1,16:int64``, whole.

    ``what`` is where it stands. Raises InputError for what is none.
    """
    shape, typed, dtype = text.partition(":")
    parts = shape.lower().replace("x", ",").split(",")
    if not all(re.fullmatch(r"\s*-?\d{1,18}\s*", part) for part in parts):
        raise InputError(
            f"{what} takes a shape such as 3,224,224 or 3x224x224 or 224, or with a type"
            f" 1,16:int64, got {text[:60]!r}"
        )
    dims = tuple(int(part) for part in parts)
    return whole(what, Tensor(dims, dtype.strip()[:60])) if typed else dims


def whole(name: str, x: Tensor) -> Tensor:
    """An input that is given with its type, if it can be one; else InputError."""
    if x.dtype not in BYTES:
        hint = did_you_mean(x.dtype, BYTES) or f"use one of {', '.join(BYTES)}"
        raise InputError(f"{name}: there is no element type {x.dtype!r}; {hint}")
    try:
        return Tensor(axes(name, tuple(x.dims)), x.dtype)
    except (SpecError, TypeError) as problem:
        raise InputError(str(problem)) from None


def _dtype(graph: Graph, name: str, given: Shape | None, dtype: str | None) -> str:
    """The type of an input: the one given with it, else ``dtype`` where it is floating."""
    own = graph.inputs[name].dtype
    if not isinstance(given, Tensor):
        return dtype if dtype and own in FLOATS else own
    found = given.dtype
    if dtype not in (None, found) and found in FLOATS:
        raise InputError(f"{name} is given as {found}, and dtype as {dtype}; leave one of them out")
    if graph.retrace is None and (found in FLOATS) != (own in FLOATS):
        kind = "a floating type" if own in FLOATS else "an integer type"
        raise InputError(f"{name} is {own} in {graph.name}, not {found}; give {kind}")
    return found


def _dims(
    name: str, x: Tensor, shape: Shape | None, batch: int | None, batched: bool
) -> tuple[Any, ...]:
    default = x.dims
    if len(default) == 3 and not (isinstance(default[0], int) and default[0] == 1):
        batched = False  # channels, height, width: nothing says that these are images
    given = shape.dims if isinstance(shape, Tensor) else _given(name, shape, default)
    complete = shape is not None and len(given) == len(default)
    less = batched and not isinstance(shape, Tensor)  # axes may be left out
    if less and len(given) == 1 < len(default):
        given = (*default[:2], *given * (len(default) - 2)) if len(default) > 2 else (1, *given)
    elif less and len(given) == len(default) - 1:
        given = (default[0], *given)
    if len(given) != len(default):
        or_less = ", all but the batch, or one number" if less else ""
        raise InputError(
            f"{name} has {len(default)} axes (default {x}); give all of them{or_less}, "
            f"got {'x'.join(map(str, given))}"
        )
    if batch is not None:
        given = _batched(name, given, batch, complete, batched)
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
    name: str, given: tuple[Any, ...], batch: Any, complete: bool, batched: bool
) -> tuple[Any, ...]:
    try:
        batch = number("batch", batch)
    except SpecError as problem:
        raise InputError(str(problem)) from None
    if not batched:
        raise InputError(f"{name}: its first axis is not a batch; give the whole shape")
    if complete and given[0] not in (1, batch):
        raise InputError(f"{name} {'x'.join(map(str, given))} has a batch already, not {batch}")
    return (batch, *given[1:])
