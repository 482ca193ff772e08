"""The independent methods: what a model itself, its dispatcher and two counters say.

Nothing here reads a derived number. Each function takes a model and its inputs and returns what it
saw; holding that against the derivation is verify.py's.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netcalc.pytorch.record import Ran, record

COUNTED_BY_FVCORE = ("conv", "linear", "matmul")
"""fvcore's entries that are multiply-adds; its others (batch_norm, ...) count something else."""


@dataclass(slots=True)
class Witnessed:
    """What the witnesses saw of a model on some inputs.

    ``forward`` and ``meta`` are its layers in the order in which they ran, on the device (with the
    shapes of its ``outputs``) and on the meta device; ``flopcounter`` and ``fvcore`` give MACs by
    module path ("" for all of it); ``params`` and ``buffers`` are shapes of distinct tensors by
    key. ``absent`` has the reason for each witness that could not speak, ``facts`` measurements.
    """

    model: nn.Module
    device: torch.device
    forward: list[Ran]
    outputs: list[tuple[int, ...]]
    meta: list[Ran]
    flopcounter: dict[str, int]
    fvcore: dict[str, int]
    params: dict[str, tuple[int, ...]]
    buffers: dict[str, tuple[int, ...]]
    absent: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def witness(model: nn.Module, shapes: tuple[tuple[int, ...], ...], device: str) -> Witnessed:
    """Run every witness on copies of a model: the model itself is only read.

    Raises whatever the model's forward pass raises on the device.
    """
    where = torch.device(device)
    own = copy.deepcopy(model).eval()
    absent: dict[str, str] = {}
    forward, outputs = record(own.to(where), tuple(_random(s, where) for s in shapes))
    on_meta = copy.deepcopy(model).eval().to("meta").requires_grad_(False)
    empty = tuple(torch.empty(s, device="meta") for s in shapes)
    return Witnessed(
        own,
        where,
        forward,
        outputs,
        _attempt("operators", absent, lambda: record(on_meta, empty)[0], []),
        _attempt("flopcounter", absent, lambda: flop_counter(on_meta, empty), {}),
        _attempt("fvcore", absent, lambda: fvcore(model, shapes), {}),
        {n: tuple(p.shape) for n, p in model.named_parameters()},
        {n: tuple(b.shape) for n, b in model.named_buffers()},
        absent,
    )


def _attempt(name: str, absent: dict[str, str], run: Callable[[], Any], otherwise: Any) -> Any:
    """What a witness says; where it raises, nothing, and the reason is kept."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run()
    except Exception as problem:  # a counter may raise anything, which is no failure of the network
        told = " ".join(str(problem).split())[:200]
        absent[name] = f"{type(problem).__name__}: {told}"
        return otherwise


def _random(shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    return torch.randn(shape, device=device)


def flop_counter(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> dict[str, int]:
    """PyTorch's FlopCounterMode on the meta device: MACs (its FLOPs halved) by module path."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(*inputs)
    root = type(model).__name__
    macs: dict[str, int] = {}
    for name, counts in counter.get_flop_counts().items():
        path = "" if name in ("Global", root) else name.removeprefix(f"{root}.")
        macs[path] = sum(counts.values()) // 2
    return macs


def fvcore(model: nn.Module, shapes: tuple[tuple[int, ...], ...]) -> dict[str, int]:
    """MACs by module path: those entries of fvcore's FlopCountAnalysis on the CPU that are MACs."""
    from fvcore.nn import FlopCountAnalysis

    for name in ("fvcore", "fvcore.nn.jit_analysis"):
        logging.getLogger(name).setLevel(logging.ERROR)
    on_cpu = copy.deepcopy(model).eval().to("cpu")
    inputs = tuple(_random(s, torch.device("cpu")) for s in shapes)
    analysis = FlopCountAnalysis(on_cpu, inputs)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return {
        path: int(sum(counts.get(entry, 0) for entry in COUNTED_BY_FVCORE))
        for path, counts in analysis.by_module_and_operator().items()
    }
