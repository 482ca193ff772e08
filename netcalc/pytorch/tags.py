"""PyTorch's own tags of its operators: pointwise, reduction, ..."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch


@cache
def tags_of(name: str, overload: str) -> frozenset[str]:
    """The tags of an operator, by the name and overload of its event; none where it is not found.

    The operators of a library of its own have its name before theirs, as in ``torchvision::nms``.
    """
    operator = _operator(name, overload)
    return frozenset(str(tag).rpartition(".")[2] for tag in getattr(operator, "tags", ()))


@cache
def is_composite(name: str, overload: str) -> bool:
    """Whether an operator is made of other operators on every device."""
    operator = _operator(name, overload)
    return bool(operator is not None and operator._can_decompose())


def _operator(name: str, overload: str) -> Any:
    space, _, own = name.rpartition("::")
    packet = getattr(getattr(torch.ops, space or "aten"), own, None)
    return getattr(packet, overload or "default", None)
