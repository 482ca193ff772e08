"""PyTorch's functions with their inputs first and netcalc's fields by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from netcalc.core.ops.scatter import WRITES

Sizes = tuple[int, ...]


def pair(sizes: Sizes) -> Sizes:
    """One number as a number for each of two axes."""
    return sizes * 2 if len(sizes) == 1 else sizes


def unfold(
    x: torch.Tensor, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> torch.Tensor:
    """Windows as columns."""
    each: Any = [pair(sizes) for sizes in (kernel, dilation, padding, stride)]
    return functional.unfold(x, *each)


def fold(
    x: torch.Tensor,
    output_size: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
) -> torch.Tensor:
    """Columns as windows."""
    each: Any = [pair(sizes) for sizes in (output_size, kernel, dilation, padding, stride)]
    return functional.fold(x, *each)


def scatter(
    *xs: torch.Tensor, function: str, dim: int, value: float | None, reduce: str
) -> torch.Tensor:
    """One of the functions that write at places; raises ValueError for another."""
    if function not in WRITES:
        raise ValueError(f"there is no function {function}")
    x, at, *source = xs
    more: list[Any] = [*source] if value is None else [*source, value]
    more += [reduce] if reduce else []
    written: torch.Tensor = getattr(torch, function)(x, dim, at, *more)
    return written


def index_put(
    x: torch.Tensor, y: torch.Tensor, *at: torch.Tensor, dim: int, accumulate: bool
) -> torch.Tensor:
    """``x[:, i, j] = y`` of a copy."""
    places = [None] * range(x.dim())[dim] + list(at)
    written: torch.Tensor = torch.ops.aten.index_put(x, places, y, accumulate)
    return written


def evaluation(*xs: torch.Tensor, function: str, dtype: str) -> torch.Tensor:
    """A function of single elements by its operator's name; raises ValueError for another."""
    space, _, name = function.rpartition("::")
    called = getattr(getattr(torch.ops, space or "aten"), name, None)
    if called is None or not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise ValueError(f"there is no function {function} to {dtype}")
    found: torch.Tensor = called(*xs)
    return found


def add_matmul(
    added: torch.Tensor, left: torch.Tensor, right: torch.Tensor, beta: float, alpha: float
) -> torch.Tensor:
    """Addmm, baddbmm or addmv, by the number of axes; raises ValueError for other numbers."""
    called: dict[tuple[int, int], Callable[..., torch.Tensor]] = {
        (2, 2): torch.addmm,
        (3, 3): torch.baddbmm,
        (2, 1): torch.addmv,
    }
    ranks = (left.dim(), right.dim())
    if ranks not in called:
        raise ValueError(f"no product of {ranks} axes")
    return called[ranks](added, left, right, beta=beta, alpha=alpha)


def max_unpool(x: torch.Tensor, at: torch.Tensor, output_size: Sizes) -> torch.Tensor:
    """The values at their places, of two axes or three; raises ValueError for other numbers."""
    if len(output_size) == 2:
        flat: torch.Tensor = torch.ops.aten.max_unpool2d(x, at, output_size)
        return flat
    if len(output_size) != 3:
        raise ValueError(f"no places along {len(output_size)} axes")
    steps = [1, 1, 1]
    deep: torch.Tensor = torch.ops.aten.max_unpool3d(x, at, output_size, steps, [0, 0, 0])
    return deep
