"""Passes that read values: what depends on no weights and no float input is computed for real.

Whole numbers and what follows from them stay on the CPU; an operator with any meta operand runs on
meta; what is made on the meta device by itself (a mask, positions) is made on the CPU, if small.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.pytorch.events import Signature

LIMIT = 2**20
"""Larger tensors than this many elements are not computed."""

MADE = frozenset(("full_like", "new_full", "new_ones", "new_zeros", "ones_like", "zeros_like"))
"""Operators that take a tensor's shape or type and not its values."""

TYPED = frozenset((("to", "other"), ("type_as", "")))
"""Operators that take another tensor's type; where that lies shall not matter."""

META = torch.device("meta")


class NotRealError(RuntimeError):
    """A real tensor would be written to from the meta device."""


def run(func: Any, said: Signature, args: Any, kwargs: dict[str, Any]) -> Any:
    """What an operator gives, for real where it can be.

    Raises NotRealError where it writes what is not known into a real tensor.
    """
    if (said.name, said.overload) in TYPED and not args[0].is_meta:
        args = (args[0], torch.empty(0, dtype=args[1].dtype), *args[2:])
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    if any(t.is_meta for t in tensors):
        if said.name in MADE:
            return _made(func, said, args, kwargs)
        if any(not args[i].is_meta for i in said.written if i < len(args)):
            raise NotRealError(
                f"{said.name} writes into a tensor of known values on the meta device"
            )
        if _device(said, args, kwargs) is not None:  # it cannot go where there are values
            args, kwargs = _placed(said, args, kwargs, META)
        args, kwargs = tree_map(_on_meta, (args, kwargs))
        return func(*args, **kwargs)
    if _device(said, args, kwargs) == META:
        return _made(func, said, args, kwargs)
    out = func(*args, **kwargs)
    return out if said.written else tree_map(_bounded, out)


def _made(func: Any, said: Signature, args: Any, kwargs: dict[str, Any]) -> Any:
    """A tensor that is asked for on the meta device, on the CPU if it is small."""
    probe = tree_map(_on_meta, args)
    out = func(*probe, **kwargs)
    if any(isinstance(t, torch.Tensor) and t.numel() > LIMIT for t in tree_leaves(out)):
        return out
    args, kwargs = _placed(said, args, kwargs, torch.device("cpu"))
    return func(*args, **kwargs)


def _placed(said: Signature, args: Any, kwargs: dict[str, Any], device: torch.device) -> Any:
    """An operator's arguments with another device."""
    at = list(said.defaults).index("device")
    if at < len(args):
        return (*args[:at], device, *args[at + 1 :]), kwargs
    return args, {**kwargs, "device": device}


def _device(said: Signature, args: Any, kwargs: dict[str, Any]) -> torch.device | None:
    for i, name in enumerate(said.defaults):
        if name == "device":
            given = args[i] if i < len(args) else kwargs.get(name)
            return None if given is None else torch.device(given)
    return None


def _on_meta(value: Any) -> Any:
    real = isinstance(value, torch.Tensor) and not value.is_meta
    return value.to(META) if real else value


def _bounded(value: Any) -> Any:
    large = isinstance(value, torch.Tensor) and value.numel() > LIMIT
    return value.to(META) if large else value
