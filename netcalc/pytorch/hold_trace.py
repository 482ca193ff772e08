"""A traced model's derivation held against the model itself: sizes, tensors, two counters."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from netcalc.core.analyse import Result, Row, analyse
from netcalc.core.checks import Check, Verification
from netcalc.core.ops.attention import ScaledDotProductAttention
from netcalc.core.ops.bilinear import Bilinear
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.einsum import Einsum
from netcalc.core.ops.matmul import GroupedMatMul, MatMul
from netcalc.core.ops.recurrent import GRU, LSTM, RNN
from netcalc.pytorch.events import watch
from netcalc.pytorch.hold import device_name
from netcalc.pytorch.nodes import Builder, named_inputs, owned
from netcalc.pytorch.record import module_hooks
from netcalc.pytorch.twin import on_meta
from netcalc.pytorch.undisturbed import undisturbed
from netcalc.pytorch.witness import copied, flop_counter, fvcore, saved

Call = tuple[str, tuple[tuple[int, ...], ...]]

BLIND: dict[str, tuple[type, ...]] = {
    "fvcore": (ScaledDotProductAttention, LSTM, GRU, RNN, Bilinear, Einsum, GroupedMatMul),
    "flopcounter": (Bilinear, GroupedMatMul),
}
"""Kinds of layer that a counter is known to leave out."""


def _left_out(row: Row, by: str) -> bool:
    op = row.node.op
    string = by == "fvcore" and isinstance(op, Conv) and isinstance(op.padding, str)
    vector = isinstance(op, MatMul) and min(len(x.dims) for x in row.ins) == 1
    return bool(row.counts.macs) and (isinstance(op, BLIND[by]) or string or vector)


def hold_traced(result: Result, model: nn.Module, device: str) -> Verification:
    """The checks of a traced model: every module's outputs on the device, tensors, MACs.

    The model is only read: everything runs on copies.
    """
    shapes: Any = tuple(tuple(x.dims) for x in result.inputs.values())
    absent: dict[str, str] = {}
    with undisturbed(model, device):
        derived = _derived(model, shapes, result)
        seen = _calls(model, shapes, device, result)
        meta = on_meta(model).requires_grad_(False)
        empty = tuple(_inputs(shapes, "meta", result))
        counted = {
            "flopcounter": _said("flopcounter", absent, lambda: flop_counter(meta, empty)),
            "fvcore": _said("fvcore", absent, lambda: fvcore(model, shapes, _floating(model))),
        }
    checks = (
        *_outputs(derived, seen),
        *_tensors(result, model),
        *(check for by in counted if by not in absent for check in _macs(result, by, counted[by])),
    )
    expected = {
        "output": tuple(path or "(the model)" for path, _ in derived),
        "tensors": tuple(t.key for row in result.rows for t in row.stored),
        "macs": tuple(p.replace(".", "/") for p, n in counted["flopcounter"].items() if p and n),
    }
    facts = {"trace": "; ".join(result.graph.remarks)}
    name = result.graph.factory
    return Verification(
        name, "the model itself", device_name(device), checks, absent, facts, expected
    )


def _floating(model: nn.Module) -> torch.dtype:
    kinds = (p.dtype for p in model.parameters() if p.is_floating_point())
    return next(kinds, torch.float32)


def _inputs(shapes: Any, device: str, result: Result) -> Iterator[torch.Tensor]:
    """Inputs of the given shapes and of the types that the network was analysed on."""
    for shape, x in zip(shapes, result.inputs.values(), strict=True):
        kind = getattr(torch, x.dtype)
        if kind.is_floating_point:
            yield torch.randn(shape, device=device, dtype=kind)
        else:
            yield torch.zeros(shape, device=device, dtype=kind)


def _said(name: str, absent: dict[str, str], run: Callable[[], dict[str, int]]) -> dict[str, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run()
    except Exception as problem:  # a counter may raise anything, which is no failure of the network
        absent[name] = f"{type(problem).__name__}: {' '.join(str(problem).split())[:200]}"
        return {}


def _derived(model: nn.Module, shapes: Any, result: Result) -> list[Call]:
    """What netcalc derives of each module call, from a trace of its own."""
    twin = on_meta(model)
    xs = tuple(_inputs(shapes, "meta", result))
    seen, out = watch(twin, xs, {})
    builder = Builder(twin, seen, named_inputs(twin, xs, {}))
    graph = builder.graph(out)
    returned = builder.returned()
    rows = {row.name: row.outs for row in analyse(graph).rows}
    rows |= {name: (x,) for name, x in result.inputs.items()}
    dims: Any = [
        (path, tuple(tuple(rows[name][i].dims) for name, i in refs)) for path, refs in returned
    ]
    found: list[Call] = dims
    return found


def _calls(model: nn.Module, shapes: Any, device: str, result: Result) -> list[Call]:
    """The shapes that each module call gives back in a real forward pass on the device."""
    own = copied(model).eval().to(device)
    paths = {id(m): name for name, m in own.named_modules(remove_duplicate=False)}
    found: list[Call] = []

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        if id(module) in paths:
            outs = [t for t in tree_leaves(output) if isinstance(t, torch.Tensor)]
            found.append((paths[id(module)], tuple(tuple(t.shape) for t in outs)))

    with torch.inference_mode(), module_hooks(lambda *_: None, leave):
        own(*_inputs(shapes, device, result))
    return found


def _outputs(derived: list[Call], seen: list[Call]) -> Iterator[Check]:
    """Each call of a module, in order; a fast path on the device may leave out inner ones."""
    left = list(seen)
    for path, shapes in derived:
        at = next((i for i, call in enumerate(left) if call[0] == path), None)
        if at is None:
            continue
        witnessed = left.pop(at)[1]
        mine, theirs = [list(s) for s in shapes], [list(s) for s in witnessed]
        yield Check(
            "output", path or "(the model)", "outputs", mine, "forward", theirs, mine == theirs
        )
    for path, _ in left:
        yield Check("output", path, "outputs", None, "forward", "was called", False)


def _tensors(result: Result, model: nn.Module) -> Iterator[Check]:
    """Every stored tensor by its key and shape, and how many numbers there are in all."""
    named = {owned(key): t for key, t in (*model.named_parameters(), *model.named_buffers())}
    stored = {t.key: t for row in result.rows for t in row.stored}
    for key in {**stored, **named}:
        mine = list(stored[key].shape) if key in stored else None
        theirs = list(named[key].shape) if key in named else None
        same = mine == theirs or (mine and theirs and math.prod(mine) == math.prod(theirs))
        yield Check("tensors", key, "shape", mine, "module", theirs, bool(same))
    t = result.totals
    sums = {"params": [0, 0], "buffers": [0, 0]}
    for role, shape in saved(model).values():
        sums[role][1] += math.prod(shape)
    sums["params"][0] = sum(p.numel() for p in model.parameters())
    sums["buffers"][0] = sum(b.numel() for b in model.buffers())
    for group, mine_total in (("params", t.params), ("buffers", t.buffers)):
        total, kept = sums[group]
        yield Check(group, "", group, mine_total, "module", total, mine_total == total)
        if kept == total:
            yield Check(group, "", group, mine_total, "state_dict", kept, mine_total == kept)
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    yield Check("params", "", "trainable", t.trainable, "module", learned, t.trainable == learned)


def _macs(result: Result, by: str, counted: dict[str, int]) -> Iterator[Check]:
    """MACs below each module's path against a counter, with the cause where it is known."""
    for path, other in counted.items():
        rows = result.under(path.replace(".", "/")) if path else result.rows
        mine = sum(row.counts.macs for row in rows)
        if not mine and not other:
            continue
        left_out = [row for row in rows if _left_out(row, by)]
        short = sum(row.counts.macs for row in left_out)
        cause = ""
        if mine != other and mine - short == other:
            kinds = sorted({row.type for row in left_out})
            cause = f"{by} does not count {len(left_out)} x {', '.join(kinds)} = -{short:,}"
        yield Check("macs", path.replace(".", "/"), "macs", mine, by, other, mine == other, cause)
