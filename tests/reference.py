"""What torch itself does with a layer: the witness of the rules."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.pytorch.lower import module

REFUSALS = (RuntimeError, ValueError, IndexError, TypeError, ZeroDivisionError)
"""What torch raises for a layer that cannot be."""

Shapes = tuple[tuple[int, ...], ...]


def torch_shape(op: Op, shapes: Shapes) -> tuple[int, ...] | None:
    """The output shape that torch gives, or None where it refuses.

    The meta device lets some things pass that real devices refuse (negative padding, a wrong dim),
    so a result of meta counts only if a run on the CPU does not raise.
    """
    for device in ("meta", "cpu"):
        try:
            with quiet(), torch.device(device), torch.no_grad():
                built = torch_module(op, shapes)
                out = tuple(built(*(torch.zeros(s) for s in shapes)).shape)
        except REFUSALS:
            return None
    return out


def meta_shape(op: Op, shapes: Shapes) -> tuple[int, ...] | None:
    """As ``torch_shape``, on the meta device alone: fast, and lenient."""
    try:
        with quiet(), torch.device("meta"), torch.no_grad():
            return tuple(torch_module(op, shapes)(*(torch.empty(s) for s in shapes)).shape)
    except REFUSALS:
        return None


def torch_module(op: Op, shapes: Shapes) -> nn.Module:
    """The layer as a module in eval mode."""
    return module(op, tuple(Tensor(s) for s in shapes)).eval()


def torch_macs(op: Op, shapes: Shapes) -> int:
    """Half of what PyTorch's FlopCounterMode counts on the meta device."""
    with quiet(), torch.device("meta"):
        built = torch_module(op, shapes)
        xs = [torch.empty(s) for s in shapes]
    return meta_macs(built, *xs)


def meta_macs(model: nn.Module, *xs: torch.Tensor) -> int:
    """FlopCounterMode's count of one forward pass, halved."""
    counter = FlopCounterMode(display=False)
    with quiet(), torch.no_grad(), counter:
        model(*xs)
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


@contextmanager
def quiet() -> Iterator[None]:
    """torch's remarks on odd but legal layers are no errors of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
