"""A copy of a model on the meta device: nothing is allocated, and the model stays as it is."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_map

from netcalc.errors import InputError


def on_meta(model: nn.Module) -> nn.Module:
    """A copy of a model in eval mode whose parameters, buffers and plain tensors are on meta.

    Tied parameters stay tied. Raises InputError for a model whose parameters have no shape yet, or
    that cannot be copied.
    """
    model = unwrapped(model)
    memo: dict[int, Any] = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            raise InputError(f"{name} has no shape yet; run the model once, then trace it")
        memo[id(tensor)] = _meta(tensor)
    try:
        twin = copy.deepcopy(model, memo)
    except Exception as problem:
        told = " ".join(str(problem).split())[:200]
        raise InputError(f"{type(model).__name__} cannot be copied: {told}") from problem
    for module in twin.modules():
        for name, value in vars(module).items():
            if name not in ("_parameters", "_buffers", "_modules"):
                moved = tree_map(_moved, value)
                if isinstance(value, torch.Tensor | list | tuple | dict) and moved is not value:
                    vars(module)[name] = moved
    return twin.eval()


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside what compiling or parallel running put around it."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, nn.DataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def _meta(tensor: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_like(tensor, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty


def _moved(value: Any) -> Any:
    return value.to("meta") if isinstance(value, torch.Tensor) else value


def inputs_on_meta(values: Any) -> Any:
    """Arguments of a forward pass with their tensors on the meta device."""
    return tree_map(
        lambda v: torch.empty_like(v, device="meta") if isinstance(v, torch.Tensor) else v, values
    )
