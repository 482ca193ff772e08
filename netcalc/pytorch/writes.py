"""In-place writes: what reads a tensor later reads what was written through others that share it.

``x[:, 0] = y`` writes into a view of x; that x is read with y in it later shows only in that both
lie on the same memory.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from netcalc.pytorch.events import Seen

WRITTEN = "written"
"""The operator that stands for a tensor after others were written into parts of it."""


class Place(NamedTuple):
    """Where a tensor lies on its memory: the offset of its first element, sizes and strides."""

    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]


class Writes:
    """The in-place writes of a pass, by memory."""

    def __init__(self) -> None:
        self._by_memory: dict[int, list[tuple[Seen, Place]]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_memory)

    def note(self, value: Seen, tensor: torch.Tensor) -> None:
        """``tensor`` was written to and now holds ``value``."""
        self._by_memory.setdefault(_memory(tensor), []).append((value, _place(tensor)))

    def since(self, value: int, tensor: torch.Tensor) -> list[Seen]:
        """What was written into a tensor's elements through others since it held ``value``."""
        noted = self._by_memory.get(_memory(tensor))
        if not noted or noted[-1][0].value <= value:
            return []
        mine = _place(tensor)
        return [w for w, place in noted if w.value > value and overlap(mine, place)]


def _memory(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _place(tensor: torch.Tensor) -> Place:
    return Place(int(tensor.storage_offset()), tuple(tensor.shape), tuple(tensor.stride()))


def overlap(a: Place, b: Place) -> bool:
    """Whether two tensors on the same memory may have an element in common.

    Exact for parts of one dense tensor, as slices and chunks are; others overlap if their first and
    last elements enclose a common one.
    """
    mine, theirs = _axes(a), _axes(b)
    strides = sorted({*mine, *theirs}, reverse=True)
    axes = [(s, mine.get(s, 1), theirs.get(s, 1)) for s in strides]
    if not _nested(axes):
        return a.offset <= _last(b) and b.offset <= _last(a)
    return _meet(a.offset - b.offset, axes)


def _axes(place: Place) -> dict[int, int]:
    """Sizes by stride; an axis of one entry, or of one entry repeated, reaches nowhere."""
    sizes = zip(place.sizes, place.strides, strict=True)
    return {stride: size for size, stride in sizes if stride and size > 1}


def _last(place: Place) -> int:
    steps = zip(place.sizes, place.strides, strict=True)
    return place.offset + sum((size - 1) * stride for size, stride in steps)


def _nested(axes: list[tuple[int, int, int]]) -> bool:
    """Whether a step along an axis is longer than all steps along the axes after it together."""
    reach = 0
    for stride, mine, theirs in reversed(axes):
        if stride <= reach:
            return False
        reach += (max(mine, theirs) - 1) * stride
    return True


def _meet(between: int, axes: list[tuple[int, int, int]]) -> bool:
    """Whether steps along the axes, within both sizes, make up the distance of two offsets."""
    if not axes:
        return between == 0
    (stride, mine, theirs), *rest = axes
    nearest = between // stride
    return any(
        -mine < step < theirs and _meet(between - step * stride, rest)
        for step in (nearest, nearest + 1)
    )
