"""ptflops with its backend aten: products dispatched on the CPU with gradients, and their biases.

A linear layer's bias counts where PyTorch makes one operator of product and sum, which it does for
inputs of two axes and for contiguous ones of three.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from netcalc.pytorch.counters.convention import Convention, Count
from netcalc.pytorch.counters.dispatched import on_a_cpu
from netcalc.pytorch.counters.placed import products_counted
from netcalc.pytorch.counters.recording import Recording

BIASES = frozenset(("addmm", "convolution"))


def counts(recording: Recording) -> Iterator[Count]:
    """Products but baddbmm, and what addmm and convolutions add."""
    products = [p for p in on_a_cpu(recording, True, nn.Module.children) if p.name != "baddbmm"]
    return products_counted(recording, tuple(products), BIASES)


CONVENTION = Convention(
    "ptflops-aten",
    "ptflops",
    "0.7.5",
    "https://github.com/sovrasov/flops-counter.pytorch",
    counts,
    batch_of_one=True,
)
