"""Shapes and types that meet: PyTorch's broadcasting and its promotion of element types."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from netcalc.core.numbers import Cond, Num, equal, larger
from netcalc.core.tensor import BYTES, FLOATS, Tensor
from netcalc.core.term import Guard

Dims = Sequence[Num]


def broadcast(*shapes: Dims) -> tuple[Num, ...]:
    """The shape that shapes have together, aligned at their last axes.

    The result of a 1 and another number is the other one; the guard of ``broadcastable`` holds.
    """
    out: tuple[Num, ...] = ()
    for dims in shapes:
        pairs = zip_longest(reversed(out), reversed(dims), fillvalue=1)
        out = tuple([_together(a, b) for a, b in pairs])[::-1]
    return out


def broadcastable(*ins: Tensor) -> Guard:
    """Aligned at their last axes, sizes must agree wherever neither is 1."""
    holds: list[Cond] = []
    out: tuple[Num, ...] = ()
    for x in ins:
        pairs = zip_longest(reversed(out), reversed(x.dims), fillvalue=1)
        holds += [c for a, b in pairs for c in _fit(a, b)]
        out = broadcast(out, x.dims)
    told = {"shapes": " and ".join(map(str, ins))}
    return Guard(tuple(holds), "{shapes} cannot be broadcast: sizes must agree or be 1", told)


def _together(a: Num, b: Num) -> Num:
    """The size of two axes that meet, of which one is 1 or both are equal."""
    for one, other in ((a, b), (b, a)):
        if isinstance(one, int):
            return other if one == 1 else one
    together: Num = a if a is b else larger(a, b)
    return together


def _fit(a: Num, b: Num) -> tuple[Cond, ...]:
    """Whether two axes are equal or one of them is 1."""
    if isinstance(a, int) and isinstance(b, int):
        return (a == b or 1 in (a, b),)
    if a is b:
        return ()
    return equal((a - b) * (a - 1) * (b - 1), 0)


def promoted(*ins: Tensor) -> str:
    """The element type of a result of several tensors.

    Floating ones win over integers, and these over truth values; of one sort, tensors with axes win
    over scalars and wide types over narrow ones (torch.promote_types).
    """
    sorts = [_sort(x.dtype) for x in ins]
    of_sort = [x for x, sort in zip(ins, sorts, strict=True) if sort == max(sorts)]
    found = [x.dtype for x in of_sort if x.dims] or [x.dtype for x in of_sort]
    widest = max(found, key=lambda dtype: BYTES[dtype])
    if {"float16", "bfloat16"} <= set(found) and BYTES[widest] == 2:
        return "float32"
    signed = {dtype for dtype in found if dtype.startswith("int")}
    if "uint8" in found and signed:
        return "int16" if signed == {"int8"} else max(signed, key=lambda dtype: BYTES[dtype])
    return widest


def _sort(dtype: str) -> int:
    return 0 if dtype == "bool" else 2 if dtype in FLOATS else 1
