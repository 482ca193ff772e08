"""Operators that users gave a rule for: the rule answers, and the operator is not called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import getattr_static
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.core.rules import RULES, custom, found
from netcalc.core.tensor import Tensor
from netcalc.pytorch.events import Event
from netcalc.pytorch.lifted import on_all

Called = Callable[[str, dict[str, Any], Any, Any], Any]


def ruled(name: str) -> str | None:
    """The name of the rule for a dispatched operator, if it has one."""
    full = name if "::" in name else f"aten::{name}"
    return full if full in RULES else None


def by_rule(event: Event, name: str, args: Any, kwargs: Any) -> Any:
    """What an operator gives by its rule: empty tensors, where its own tensors are."""
    values, named = tree_map(_as_tensor, (tuple(args), dict(kwargs)))
    event.lifted = on_all(custom(name, values, named), event)
    event.answered = True
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    device = tensors[0].device if tensors else torch.device("meta")
    made = event.lifted.op.shape()
    dims: list[Any] = [x.dims for x in made]
    kinds = [getattr(torch, x.dtype) for x in made]
    outs = tuple(
        torch.zeros(d, dtype=kind, device=device) for d, kind in zip(dims, kinds, strict=True)
    )
    return outs[0] if len(outs) == 1 else outs


def _as_tensor(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return Tensor(tuple(value.shape), str(value.dtype).removeprefix("torch."))


@contextmanager
def patched(called: Called) -> Iterator[None]:
    """Python functions that have a rule, replaced wherever they were imported to, for a while."""
    replaced: list[tuple[Any, str, Any]] = []
    try:
        for name in [name for name in RULES if "::" not in name]:
            function = _found(name)
            if function is None:
                continue
            for place, key in _places(name, function):
                before = vars(place).get(key, _INHERITED)
                held = getattr_static(place, key) if before is _INHERITED else before
                setattr(place, key, _in_place_of(held, name, function, called))
                replaced.append((place, key, before))
        yield
    finally:
        for place, key, before in reversed(replaced):
            if before is _INHERITED:
                delattr(place, key)
            else:
                setattr(place, key, before)


_INHERITED = object()
"""Stands for an attribute that a class does not have itself."""


def _found(name: str) -> Any:
    """The function of a dotted name; None where there is none any more, or not yet."""
    try:
        return found(name)
    except Exception:  # the module may do anything when it is asked
        return None


def _places(name: str, function: Any) -> Iterator[tuple[Any, str]]:
    """Every module that has the function under some name, and the class that it is defined in."""
    for module in list(sys.modules.values()):
        for key, value in list(getattr(module, "__dict__", {}).items()):
            if value is function:
                yield module, key
    owner, _, key = name.rpartition(".")
    place = sys.modules.get(owner)
    if place is None:
        yield _found(owner), key


def _in_place_of(held: Any, name: str, function: Any, called: Called) -> Any:
    """What stands in for a function as a module or class holds it, a method of the same kind."""
    if isinstance(held, staticmethod | classmethod):
        return type(held)(_stand_in(name, held.__func__, called))
    return _stand_in(name, function, called)


def _stand_in(name: str, function: Any, called: Called) -> Any:
    @wraps(function)
    def stands_in(*args: Any, **kwargs: Any) -> Any:
        try:
            named = dict(inspect.signature(function).bind(*args, **kwargs).arguments)
        except (TypeError, ValueError):  # a function of C has no signature
            named = {f"{i}": value for i, value in enumerate(args)} | kwargs
        return called(name, named, args, kwargs)

    return stands_in
