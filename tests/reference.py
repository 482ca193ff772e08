"""What torch itself does with a layer: the witness of the rules."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.pytorch.lower import module

REFUSALS = (
    *(RuntimeError, ValueError, IndexError, TypeError, ZeroDivisionError),
    AssertionError,  # of grid_sample on the meta device
)
"""What torch raises for a layer that cannot be."""

Shapes = tuple[tuple[int, ...], ...]


def torch_shape(op: Op, shapes: Shapes) -> tuple[int, ...] | None:
    """The shape of the first output that torch gives, or None where it refuses."""
    found = torch_outputs(op, tuple(Tensor(s) for s in shapes))
    return None if found is None else found[0].dims


def torch_outputs(op: Op, ins: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    """The outputs that torch gives, or None where it refuses.

    The meta device lets some things pass that real devices refuse (negative padding, a wrong dim),
    so a result of meta counts only if a run on the CPU does not raise.
    """
    for device in ("meta", "cpu"):
        try:
            with quiet(), torch.device(device), torch.no_grad():
                out = module(op, ins).eval()(*(torch.zeros(x.dims, dtype=kind(x)) for x in ins))
        except REFUSALS:
            return None
    outs = (out,) if isinstance(out, torch.Tensor) else out
    return tuple(Tensor(tuple(y.shape), str(y.dtype).removeprefix("torch.")) for y in outs)


def kind(x: Tensor) -> torch.dtype:
    """torch's name of a tensor's type."""
    found: torch.dtype = getattr(torch, x.dtype)
    return found


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


def torch_macs(op: Op, shapes: Shapes, ins: tuple[Tensor, ...] = ()) -> int:
    """Half of what PyTorch's FlopCounterMode counts on the meta device."""
    ins = ins or tuple(Tensor(s) for s in shapes)
    with quiet(), torch.device("meta"):
        built = module(op, ins).eval()
        xs = [torch.empty(x.dims, dtype=kind(x)) for x in ins]
    return meta_macs(built, *xs)


def _trilinear(first: Any, weight: Any, second: Any, *rest: Any, **named: Any) -> int:
    """Twice the multiply-adds of two products for each output feature, as PyTorch's kernel has it.

    The kernel's products, which no mode sees, are counted in tests/test_products.py.
    """
    (rows, m), (features, _, k) = first, weight
    return 2 * features * (rows * m * k + rows * k)


def _grouped(left: Any, right: Any, *rest: Any, **named: Any) -> int:
    """Every row of a group times every column, with groups apart as often as there are groups."""
    apart = left[0] if len(left) == len(right) == 3 else 1
    return int(2 * apart * left[-2] * left[-1] * right[-1])


aten = torch.ops.aten
UNCOUNTED: dict[Any, Any] = {
    aten.dot: lambda a, b, **_: 2 * a[0],
    aten.mv: lambda a, b, **_: 2 * a[0] * a[1],
    aten.addmv: lambda c, a, b, **_: 2 * a[0] * a[1],
    aten._trilinear: _trilinear,
    aten._grouped_mm: _grouped,
}
"""Products that FlopCounterMode has no formula for; their shapes are those that it sees."""


def meta_macs(model: nn.Module, *xs: torch.Tensor) -> int:
    """FlopCounterMode's count of one forward pass, halved."""
    counter = FlopCounterMode(display=False, custom_mapping=UNCOUNTED)
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
