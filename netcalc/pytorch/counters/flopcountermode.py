"""torch.utils.flop_counter.FlopCounterMode under no_grad: dispatched products, two FLOPs per MAC.

On the meta device everything becomes products. On the CPU attention, an LSTM and the fast paths of
nn.MultiheadAttention and nn.TransformerEncoderLayer are operators of their own, without a formula.
"""

from __future__ import annotations

from collections.abc import Iterator

from netcalc.pytorch.counters.convention import Convention, Count
from netcalc.pytorch.counters.dispatched import on_a_cpu, on_meta
from netcalc.pytorch.counters.placed import products_counted
from netcalc.pytorch.counters.recording import Recording


def counts_on_meta(recording: Recording) -> Iterator[Count]:
    """Every matrix product and convolution that a pass on the meta device dispatches."""
    return products_counted(recording, on_meta(recording))


def counts_on_cpu(recording: Recording) -> Iterator[Count]:
    """Those that a pass on the CPU dispatches."""
    return products_counted(recording, on_a_cpu(recording, grad=False))


SOURCE = "https://github.com/pytorch/pytorch/blob/main/torch/utils/flop_counter.py"

META = Convention("flopcountermode-meta", "torch", "2.14.1", SOURCE, counts_on_meta, factor=2)
CPU = Convention("flopcountermode-cpu", "torch", "2.14.1", SOURCE, counts_on_cpu, factor=2)
