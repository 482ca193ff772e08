"""Operators whose meta kernels are slow Python: netcalc's own rules answer for them.

A BatchNorm takes PyTorch a millisecond on the meta device, netcalc's rule a few hundredths of one.
Every entry is held against PyTorch's kernel by a test, and ``verify`` traces without them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from netcalc.core.tensor import FLOATS, Tensor
from netcalc.pytorch.events import Event, Signature
from netcalc.pytorch.lift import lift
from netcalc.pytorch.lifted import operands_fit

Maker = Callable[[Any, Tensor], torch.Tensor | None]
"""Makes an output from an operator's arguments and the rule's result; None where it would lie in
memory in another way than PyTorch's."""


def _like(args: Any, out: Tensor) -> torch.Tensor | None:
    """Without gaps, its axes in the order in which those of the first tensor lie."""
    x = args[0]
    if x.is_contiguous():
        return _new(x, out)
    strides = x.stride()
    if 0 in strides:
        return None
    dims: Any = out.dims
    found, step = list(strides), 1
    for axis in sorted(range(len(dims)), key=lambda i: (strides[i], -i)):
        found[axis], step = step, step * dims[axis]
    return torch.empty_strided(dims, found, dtype=getattr(torch, out.dtype), device="meta")


def _new(x: torch.Tensor, out: Tensor) -> torch.Tensor:
    dims: Any = out.dims
    return torch.empty(dims, dtype=getattr(torch, out.dtype), device="meta")


def _as_both(args: Any, out: Tensor) -> torch.Tensor | None:
    """As both tensors lie, where they lie alike; row by row where both do."""
    a, b = args[:2]
    if not isinstance(b, torch.Tensor) or not b.dim() or a.stride() == b.stride():
        return _like(args, out) if out.dims == tuple(a.shape) else None
    return _new(a, out) if a.is_contiguous() and b.is_contiguous() else None


def _rows(args: Any, out: Tensor) -> torch.Tensor | None:
    return _new(args[0], out)


def _cat(args: Any, out: Tensor) -> torch.Tensor | None:
    return _new(args[0][0], out) if all(x.is_contiguous() for x in args[0]) else None


def _row_by_row(args: Any, out: Tensor) -> torch.Tensor | None:
    return _new(args[0], out) if args[0].is_contiguous() else None


ANSWERS: dict[str, Maker] = {
    **dict.fromkeys(
        "batch_norm gelu hardsigmoid hardswish hardtanh relu sigmoid silu tanh".split(),  # noqa: SIM905
        _like,
    ),
    **dict.fromkeys(("add", "div", "mul", "sub"), _as_both),
    **dict.fromkeys(
        "adaptive_avg_pool2d conv2d group_norm masked_fill max_pool2d mean softmax".split(),  # noqa: SIM905
        _row_by_row,
    ),
    **dict.fromkeys(
        ("layer_norm", "linear", "matmul", "roll", "scaled_dot_product_attention"), _rows
    ),
    "cat": _cat,
}
"""By operator, how what comes out of it lies in memory."""


def answer(event: Event, said: Signature, args: Any) -> torch.Tensor | None:
    """What an operator gives, by netcalc's rule; None where PyTorch is to be asked.

    That is where the operator has no entry, tensors are not on the meta device, or the rule refuses
    (PyTorch then says what is wrong).
    """
    make = ANSWERS.get(said.name.removesuffix("_"))
    in_place = said.written == (0,) and said.name.endswith("_")
    if make is None or (said.written and not in_place) or not _plain_case(event, args):
        return None
    lifted = lift(event)
    if lifted is None or lifted.plus is not None:
        return None
    ins = tuple(Tensor(x.shape, x.dtype) for x in lifted.inputs)
    if not all(all(guard.holds) for guard in lifted.op.conditions(*ins)):
        return None
    (out,) = outs = lifted.op.shape(*ins)
    if not operands_fit(lifted, ins, outs):
        return None
    if said.written:
        same = out.dims == tuple(args[0].shape) and out.dtype == str(args[0].dtype)[6:]
        made = args[0] if same else None
    else:
        made = make(args, out)
    if made is not None:
        event.lifted, event.answered = lifted, True
    return made


def _plain_case(event: Event, args: Any) -> bool:
    """Whether all is on meta and of one floating type, which no argument changes; masks aside."""
    kinds = {x.dtype for x in event.inputs()}
    if event.name in MASKED:
        kinds.discard("bool")
    alike = len(kinds) == 1 and kinds <= set(FLOATS)
    return alike and event.arguments.get("dtype") is None and _all_on_meta(args)


MASKED = ("masked_fill", "masked_fill_", "scaled_dot_product_attention")


def _all_on_meta(args: Any) -> bool:
    given = [x for arg in args for x in (arg if isinstance(arg, list) else (arg,))]
    first = bool(given) and isinstance(given[0], torch.Tensor)
    return first and all(x.is_meta for x in given if isinstance(x, torch.Tensor))
