"""The independent methods: what a model itself, its dispatcher and two counters say.

Nothing here reads a derived number. Each function takes a model and its inputs and returns what it
saw; holding that against the derivation is verify.py's.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netcalc.errors import NetcalcError
from netcalc.pytorch.blind import PRODUCTS_OF_FVCORE
from netcalc.pytorch.record import Ran, record
from netcalc.pytorch.twin import every, loose

COUNTED_BY_FVCORE = ("conv", *PRODUCTS_OF_FVCORE)
"""fvcore's entries that are multiply-adds, but for einsum's, which it rounds."""


@dataclass(slots=True)
class Witnessed:
    """What the witnesses saw of a model on some inputs.

    ``forward`` and ``meta`` are its layers in the order in which they ran, on the device (with the
    shapes of its ``outputs``) and on the meta device; ``flopcounter`` and ``fvcore`` give MACs by
    module path ("" for all of it); ``params`` and ``buffers`` are shapes of distinct tensors by
    key, ``saved`` what its state_dict says of them. ``absent`` has the reason for each witness that
    could not speak, ``facts`` measurements.
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
    saved: dict[str, tuple[str, tuple[int, ...]]]
    absent: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def witness(model: nn.Module, shapes: tuple[tuple[int, ...], ...], device: str) -> Witnessed:
    """Run every witness on copies of a model: the model itself is only read.

    Raises whatever the model's forward pass raises on the device.
    """
    where = torch.device(device)
    own = copied(model).eval()
    absent: dict[str, str] = {}
    dtype = floating(own)
    forward, outputs = record(own.to(where), tuple(_random(s, where, dtype) for s in shapes))
    on_meta = copied(model).eval().to("meta").requires_grad_(False)
    empty = tuple(torch.empty(s, device="meta", dtype=dtype) for s in shapes)
    on_cpu = tuple(_random(s, torch.device("cpu"), dtype) for s in shapes)
    if where.type == "meta":
        absent["operators"] = "the forward pass is on the meta device itself"
    return Witnessed(
        own,
        where,
        forward,
        outputs,
        [] if absent else attempt("operators", absent, lambda: record(on_meta, empty)[0], []),
        attempt("flopcounter", absent, lambda: flop_counter(on_meta, empty), {}),
        attempt("fvcore", absent, lambda: fvcore(model, on_cpu), {}),
        {n: tuple(p.shape) for n, p in model.named_parameters()},
        {n: tuple(b.shape) for n, b in model.named_buffers()},
        saved(model),
        absent,
    )


@contextmanager
def runs(model: nn.Module, shapes: Iterable[tuple[Any, ...]]) -> Iterator[None]:
    """Forward passes of somebody else's code: whatever they raise is told as NetcalcError."""
    try:
        yield
    except (Exception, SystemExit) as problem:
        on = " and ".join("x".join(map(str, s)) for s in shapes)
        said = " ".join(str(problem).split())[:300]
        raise NetcalcError(
            f"{type(model).__name__} cannot run on {on}: {type(problem).__name__}: {said}"
        ) from problem


def floating(model: nn.Module) -> torch.dtype:
    """The type of a model's parameters, of the first floating one."""
    kinds = (p.dtype for p in model.parameters() if p.is_floating_point())
    return next(kinds, torch.float32)


def attempt(name: str, absent: dict[str, str], run: Callable[[], Any], otherwise: Any) -> Any:
    """What a witness says; where it raises, nothing, and the reason is kept."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run()
    except Exception as problem:  # a counter may raise anything, which is no failure of the network
        told = " ".join(str(problem).split())[:200]
        absent[name] = f"{type(problem).__name__}: {told}"
        return otherwise


def _random(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(shape, device=device, dtype=dtype)


def copied(model: nn.Module) -> nn.Module:
    """A copy that shares no tensor with the model."""
    computed = (t for t in loose(every(model)) if not t.is_leaf)  # which torch does not copy
    twin = copy.deepcopy(model, {id(t): t.detach().clone() for t in computed})
    own = {id(t) for t in (*model.parameters(), *model.buffers())}
    if twin is model or any(id(t) in own for t in (*twin.parameters(), *twin.buffers())):
        raise TypeError("a copy of the model shares tensors with it, so running it would change it")
    return twin


def saved(model: nn.Module) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Role and shape of each distinct tensor in the state_dict, by its first key."""
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    seen: set[int] = set()
    for key, tensor in model.state_dict(keep_vars=True).items():
        if isinstance(tensor, torch.Tensor) and id(tensor) not in seen:
            seen.add(id(tensor))
            role = "params" if isinstance(tensor, nn.Parameter) else "buffers"
            found[key] = (role, tuple(tensor.shape))
    return found


def flop_counter(
    model: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """PyTorch's FlopCounterMode on the meta device: MACs (its FLOPs halved) by module path."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(*inputs, **(named or {}))
    root = type(model).__name__
    macs: dict[str, int] = {}
    for name, counts in counter.get_flop_counts().items():
        path = "" if name in ("Global", root) else name.removeprefix(f"{root}.")
        macs[path] = sum(counts.values()) // 2
    return macs


def fvcore(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> dict[str, int]:
    """MACs by module path: those entries of fvcore's FlopCountAnalysis on the CPU that are MACs."""
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(copied(model).eval().to("cpu"), inputs)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    with _silent("fvcore.nn.jit_analysis"):
        counts = analysis.by_module_and_operator()
    return {
        path: int(sum(entries.get(entry, 0) for entry in COUNTED_BY_FVCORE))
        for path, entries in counts.items()
    }


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """A logger that keeps its remarks to itself for a while."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
