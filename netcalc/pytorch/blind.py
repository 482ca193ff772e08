"""What the counters that serve as witnesses are known to leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import prod

from netcalc.core.analyse import Row
from netcalc.core.ops.addmm import AddMatMul
from netcalc.core.ops.attention import ScaledDotProductAttention
from netcalc.core.ops.bilinear import Bilinear
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.einsum import Einsum
from netcalc.core.ops.matmul import GroupedMatMul, MatMul
from netcalc.core.ops.recurrent import GRU, LSTM, RNN

KINDS: dict[str, tuple[type, ...]] = {
    "flopcounter": (Bilinear, GroupedMatMul),
    "fvcore": (
        *(Bilinear, Einsum, GroupedMatMul, ScaledDotProductAttention),
        *(GRU, LSTM, RNN),
    ),
}
"""By counter, the kinds that it has no formula for (or, of fvcore's einsum, one that rounds)."""

PRODUCTS_OF_FVCORE = ("linear", "matmul", "mm", "bmm", "addmm")
"""The operators of products that fvcore has a formula for."""


def left_out(by: str, row: Row, ran: str | None = None) -> tuple[str, int]:
    """What a counter does not count of a layer, in words, and how many MACs that is.

    ``ran`` is the operator that a torch.jit trace has for the layer, "" where it has none.
    """
    op, macs = row.node.op, row.counts.macs
    if isinstance(op, KINDS[by]):
        return row.type, macs
    if by == "fvcore":
        return _by_fvcore(row, ran)
    return (f"{row.type} with a vector", macs) if _has_vector(row) else ("", 0)


def _has_vector(row: Row) -> bool:
    product = isinstance(row.node.op, MatMul | AddMatMul)
    return product and any(len(x.dims) == 1 for x in row.ins[-2:])


def _by_fvcore(row: Row, ran: str | None) -> tuple[str, int]:
    op, macs = row.node.op, row.counts.macs
    if ran == "":
        return f"{row.type} that torch.jit does not trace", macs
    if ran and ran not in PRODUCTS_OF_FVCORE and not ran.lstrip("_").startswith("conv"):
        return f"{row.type} in {ran}", macs
    if isinstance(op, Conv) and isinstance(op.padding, str):
        return f"{row.type} whose padding is given as a string", macs
    if ran is None and _has_vector(row):  # of a built layer, which is no single operator then
        return f"{row.type} with a vector", macs
    if isinstance(op, MatMul):
        left, right = row.ins
        seen = prod(left.dims) * right.dims[-1]  # all of the left one with each column
        return "part of MatMul whose right operand has more axes", macs - seen
    return "", 0


def cause(
    by: str, rows: Iterable[Row], mine: int, counted: int, ran: Mapping[str, str] | None = None
) -> str:
    """Why a counter's MACs of some layers differ, if what it leaves out is all of the difference.

    ``fvcore does not count 12 x ScaledDotProductAttention = -715,327,488``. ``ran`` has for each
    layer's name the operator of a torch.jit trace, as ``left_out`` takes it.
    """
    missed = [left_out(by, row, (ran or {}).get(row.name)) for row in rows if row.counts.macs]
    short = sum(macs for _, macs in missed)
    if mine == counted or mine - short != counted:
        return ""
    kinds = Counter(what for what, macs in missed if macs)
    told = " and ".join(f"{n} x {what}" for what, n in sorted(kinds.items()))
    return f"{by} does not count {told} = -{short:,}"
