"""What a layer that ran shows of itself: its fields and its tensors, in netcalc's words."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import torch

from netcalc.core.fields import plain
from netcalc.core.ops.base import Op
from netcalc.pytorch.lower import LOWERINGS
from netcalc.pytorch.record import Ran

OPERANDS = ("weight", "bias", "running_mean", "running_var")
"""Arguments of operators that are tensors of the layer."""


def fields_of(ran: Ran) -> dict[str, Any]:
    """The layer's fields by netcalc's names: from the module, else from the operator."""
    assert ran.kind is not None
    if ran.module is None:
        return arguments_of(ran)
    wanted = LOWERINGS[ran.kind].fields
    return {ours: _attribute(ran.module, theirs) for ours, theirs in wanted.items()}


def arguments_of(ran: Ran) -> dict[str, Any]:
    """The layer's fields as far as the arguments of its operator show them."""
    assert ran.kind is not None
    own = [operator for operator in ran.operators if operator.name in LOWERINGS[ran.kind].aten]
    if not own:
        return {}
    found_in = shown(own[0].name, own[0].arguments)
    wanted = LOWERINGS[ran.kind].fields
    found = {ours: found_in[theirs] for ours, theirs in wanted.items() if theirs in found_in}
    if not found.get("momentum"):  # 0 stands for none, and for eval mode
        found.pop("momentum", None)
    return found


def _attribute(module: Any, name: str) -> Any:
    if name.endswith(" is set"):
        return getattr(module, name.removesuffix(" is set"), None) is not None
    if name.endswith(" if any"):
        return getattr(module, name.removesuffix(" if any"), None)
    value = attrgetter(name)(module)
    return str(value).removeprefix("torch.") if isinstance(value, torch.dtype) else value


def shown(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """An operator's arguments (tensors as their shapes), by the names that its module has for them.

    Among them is what its operands say of the layer; one number for all axes stands once for each.
    """
    found = dict(arguments)
    weight, bias = found.get("weight"), found.get("bias")
    if isinstance(weight, tuple):
        found |= {"out_channels": weight[0], "out_features": weight[0], "kernel_size": weight[2:]}
        if name.startswith("conv_transpose"):  # whose weight has the inputs first
            found["out_channels"] = weight[1] * found["groups"]
        for field in ("stride", "padding", "output_padding", "dilation"):
            if isinstance(found.get(field), list) and len(found[field]) == 1:
                found[field] = found[field] * len(found["kernel_size"])
    found |= {"bias is set": bias is not None, "affine": weight is not None}
    if found.get("stride") in ([], ()):  # a pool's default
        found["stride"] = found.get("kernel_size")
    found["track_running_stats"] = found.get("running_mean") is not None
    return found


def operands_of(ran: Ran) -> dict[str, tuple[int, ...]]:
    """The shapes of the layer's tensors as its operators received them."""
    for operator in ran.operators:
        found = {
            name: operator.arguments[name]
            for name in OPERANDS
            if isinstance(operator.arguments.get(name), tuple)
        }
        if found:
            return found
        listed = operator.arguments.get("params")
        if listed:  # of a recurrent layer, which says itself what they are called
            names = getattr(ran.module, "_flat_weights_names", ())
            return {name: tuple(t.shape) for name, t in zip(names, listed, strict=False)}
    return {}


def tensors_of(ran: Ran) -> dict[str, tuple[int, ...]]:
    """The shapes of the module's own parameters and buffers by name."""
    if ran.module is None:
        return {}
    own = (*ran.module.named_parameters(recurse=False), *ran.module.named_buffers(recurse=False))
    return {name: tuple(tensor.shape) for name, tensor in own}


def same_field(op: Op, name: str, witnessed: Any, axes: int) -> bool:
    """Whether a field has the witnessed value, for an input of so many axes.

    One number stands for the same on every axis, a negative axis for one counted from the front,
    and a size of None, which is kept, for whatever it turned out to be.
    """
    mine, theirs = (_spread(getattr(op, name), witnessed), _spread(witnessed, getattr(op, name)))
    if axes and name.endswith("dim") and isinstance(mine, int) and isinstance(theirs, int):
        return bool(mine % axes == theirs % axes)
    if isinstance(mine, tuple) and isinstance(theirs, tuple) and len(mine) == len(theirs):
        return all(a is None or a == b for a, b in zip(mine, theirs, strict=True))
    return bool(mine == theirs)


def _spread(value: Any, like: Any) -> Any:
    """A tuple as it is; one number as often as the other has entries."""
    value = _canonical(value)
    if isinstance(value, list | tuple):
        return tuple(value) * (len(like) if len(value) == 1 and isinstance(like, tuple) else 1)
    return (value,) * len(like) if isinstance(like, tuple) else value


def _canonical(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def told(value: Any) -> Any:
    """A value as JSON holds it: equal entries as one number."""
    return plain(_canonical(value))
