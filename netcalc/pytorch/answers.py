"""Operators whose meta kernels are slow Python: netcalc's own rules answer for them.

A BatchNorm takes PyTorch a millisecond on the meta device, netcalc's rule a few hundredths of one.
Every entry is held against PyTorch's kernel by a test, and ``verify`` traces without them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from netcalc.core.ops.base import Op
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.pytorch.events import Event, Signature
from netcalc.pytorch.lift import lift
from netcalc.pytorch.lifted import Lifted, operands_fit

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


class Known(NamedTuple):
    """What was answered to an operator on such tensors: the layer, and how its output lies.

    Tensors are told by their places among those of the operator. ``out`` are the sizes, strides and
    type of the output; None where it is the first tensor, written to.
    """

    op: Op
    inputs: tuple[int, ...]
    operands: tuple[tuple[str, int], ...]
    out: tuple[Any, Any, torch.dtype] | None


MOST = 2**14
"""So many answers are kept."""

_KNOWN: dict[Any, Known | None] = {}


def answer(event: Event, said: Signature, args: Any, kwargs: Any) -> torch.Tensor | None:
    """What an operator gives, by netcalc's rule; None where PyTorch is to be asked.

    That is where the operator has no entry, tensors are not on the meta device, or the rule refuses
    (PyTorch then says what is wrong). It is worked out once for tensors of the same shapes, strides
    and types.
    """
    if said.name.removesuffix("_") not in ANSWERS:
        return None
    if kwargs:
        return _worked_out(event, said, args)
    key = (said.name, said.overload, *[_told(value) for value in args])
    if key in _KNOWN:
        known = _KNOWN[key]
        return None if known is None else _recalled(event, known, args)
    out = _worked_out(event, said, args)
    if len(_KNOWN) >= MOST:
        _KNOWN.clear()
    _KNOWN[key] = None if out is None else _known(event, args, out)
    return out


def _told(value: Any) -> Any:
    """All of an argument that an answer depends on; True is not 1 there."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.stride(), value.dtype, value.is_meta
    if value is None or type(value) is int:
        return value
    if isinstance(value, list | tuple):
        return tuple([_told(v) for v in value])
    return type(value), value


def _known(event: Event, args: Any, out: torch.Tensor) -> Known:
    lifted = event.lifted
    assert lifted is not None
    places = {id(x): i for i, x in enumerate(event.inputs())}
    return Known(
        lifted.op,
        tuple(places[id(x)] for x in lifted.inputs),
        tuple((name, places[id(x)]) for name, x in lifted.operands.items()),
        None if out is args[0] else (out.shape, out.stride(), out.dtype),
    )


def _recalled(event: Event, known: Known, args: Any) -> torch.Tensor:
    tensors = event.inputs()
    operands = {name: tensors[i] for name, i in known.operands}
    event.lifted = Lifted(known.op, tuple([tensors[i] for i in known.inputs]), operands)
    event.answered = True
    if known.out is None:
        written: torch.Tensor = args[0]
        return written
    sizes, strides, dtype = known.out
    return torch.empty_strided(sizes, strides, dtype=dtype, device="meta")


def _worked_out(event: Event, said: Signature, args: Any) -> torch.Tensor | None:
    make = ANSWERS[said.name.removesuffix("_")]
    in_place = said.written == (0,) and said.name.endswith("_")
    if (said.written and not in_place) or not (_all_on_meta(args) and _plain_case(event)):
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


def _plain_case(event: Event) -> bool:
    """Whether all is of one floating type, which no argument changes; masks aside."""
    kinds = {x.dtype for x in event.inputs()}
    if event.name in MASKED:
        kinds.discard("bool")
    alike = len(kinds) == 1 and kinds <= set(FLOATS)
    return alike and event.arguments.get("dtype") is None


MASKED = ("masked_fill", "masked_fill_", "scaled_dot_product_attention")


def _all_on_meta(args: Any) -> bool:
    """Whether there are tensors, the first argument or its first part among them, all on meta."""
    first = False
    for i, value in enumerate(args):
        for x in value if isinstance(value, list) else (value,):
            if isinstance(x, torch.Tensor):
                if not x.is_meta:
                    return False
                first = first or i == 0
    return first


OF_ONE_TYPE = frozenset(
    "addbmm addmm addmv baddbmm bmm dot inner linear matmul mm mv tensordot vdot".split()  # noqa: SIM905
)
"""Products whose operands must be of one type, which kernels of the meta device do not look at."""


def of_one_type(said: Signature, args: Any) -> None:
    """Raises RuntimeError for a product of tensors of several types, as other devices do."""
    if said.name in OF_ONE_TYPE:
        kinds = {x.dtype: None for x in args if isinstance(x, torch.Tensor)}
        if len(kinds) > 1:
            told = " and ".join(str(kind).removeprefix("torch.") for kind in kinds)
            raise RuntimeError(f"{said.name} takes tensors of one type, got {told}")


def by_kernel(func: Any, said: Signature, args: Any, kwargs: Any) -> Any:
    """What PyTorch's kernel gives.

    That for products of groups on the meta device takes bfloat16 alone, the CPU's all types.
    """
    kind = args[0].dtype if said.name == "_grouped_mm" else None
    if kind is None or not args[0].is_meta:
        return func(*args, **kwargs)
    narrow = [x.bfloat16() if isinstance(x, torch.Tensor) and x.dtype == kind else x for x in args]
    return func(*narrow, **kwargs).to(kind)
