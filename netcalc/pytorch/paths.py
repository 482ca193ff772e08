"""How netcalc calls what a PyTorch model has: its inputs, its tensors and its modules."""

from __future__ import annotations

import inspect
import re
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves


def named_inputs(
    model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, torch.Tensor]:
    """The tensors among the arguments, by the names that the forward method has for them."""
    try:
        bound = inspect.signature(model.forward).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {"input": args, **kwargs}
    found: dict[str, torch.Tensor] = {}
    for name, value in bound.items():
        tensors = [t for t in tree_leaves(value) if isinstance(t, torch.Tensor)]
        for i, tensor in enumerate(tensors):
            found[name if len(tensors) == 1 else f"{name}.{i}"] = tensor
    return found


def owned(key: str) -> str:
    """A tensor's key in netcalc's words: ``layer1/0/conv1.weight``."""
    path, _, operand = key.rpartition(".")
    return f"{path.replace('.', '/')}.{operand}" if path else key


def path_of(module: str) -> str:
    """A module's path in netcalc's words; characters that no layer's name has are _ there."""
    return _OTHER.sub("_", module.replace(".", "/"))


_OTHER = re.compile(r"[^\w.+/-]")
