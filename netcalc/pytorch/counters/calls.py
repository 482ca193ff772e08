"""What a recording says of calls: of modules, and of the Python functions that it watches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_map


class Sized(NamedTuple):
    """A tensor among arguments: its shape, type, and whether it is a parameter."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def numel(self) -> int:
        """Its number of elements."""
        count = 1
        for dim in self.shape:
            count *= dim
        return count


class Packed(NamedTuple):
    """A packed sequence among arguments: its ``data``, steps, and sequences in the longest step."""

    data: Sized
    steps: int
    batch: int


@dataclass(slots=True)
class Call:
    """A call of a module (``F`` is none) or of a watched function, ``F.relu``.

    ``inputs`` are the positional arguments, ``named`` the others, tensors as ``Sized``; of a module
    they are those that its forward gets, and ``given`` those before its hooks; ``output`` is what
    came back. ``start`` and ``end`` say which events of the pass it dispatched. ``parent`` is
    the call of a module that it was made in, ``depth`` how many watched functions it was made in.
    """

    name: str
    path: str
    module: nn.Module | None
    inputs: tuple[Any, ...]
    named: dict[str, Any]
    parent: Call | None
    start: int
    output: Any = None
    end: int = 0
    depth: int = 0
    children: list[Call] = field(default_factory=list)
    given: tuple[Any, ...] = ()


def sized(value: Any) -> Any:
    """Arguments or outputs with their tensors as ``Sized``."""

    def one(x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return Sized(tuple(x.shape), str(x.dtype).removeprefix("torch."))
        if isinstance(x, PackedSequence):
            with _disable_current_modes():
                return Packed(one(x.data), len(x.batch_sizes), int(x.batch_sizes[0]))
        return x

    return tree_map(one, value, is_leaf=lambda x: isinstance(x, PackedSequence))
