"""What the counters that serve as witnesses are known to leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from netcalc.core.analyse import Row
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


def left_out(by: str, row: Row) -> str:
    """What a counter does not count of a layer, in words; nothing where it counts the layer."""
    op = row.node.op
    if not row.counts.macs:
        return ""
    if by == "fvcore" and isinstance(op, Conv) and isinstance(op.padding, str):
        return f"{row.type} whose padding is given as a string"
    if isinstance(op, MatMul) and any(len(x.dims) == 1 for x in row.ins):
        return "MatMul with a vector"
    return row.type if isinstance(op, KINDS[by]) else ""


def cause(by: str, rows: Iterable[Row], mine: int, counted: int) -> str:
    """Why a counter's MACs of some layers differ, if what it leaves out is all of the difference.

    ``fvcore does not count 12 x ScaledDotProductAttention = -715,327,488``.
    """
    missed = [(what, row.counts.macs) for row in rows if (what := left_out(by, row))]
    short = sum(macs for _, macs in missed)
    if mine == counted or mine - short != counted:
        return ""
    kinds = Counter(what for what, _ in missed)
    told = " and ".join(f"{n} x {what}" for what, n in sorted(kinds.items()))
    return f"{by} does not count {told} = -{short:,}"
