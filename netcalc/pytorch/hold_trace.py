"""A traced model's derivation held against the model itself: sizes, tensors, two counters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from netcalc.core.analyse import Result
from netcalc.core.checks import Check, Verification
from netcalc.pytorch.blind import cause
from netcalc.pytorch.events import watch
from netcalc.pytorch.hold import device_name
from netcalc.pytorch.nodes import Builder, named_inputs, owned
from netcalc.pytorch.record import module_hooks
from netcalc.pytorch.twin import on_meta
from netcalc.pytorch.undisturbed import undisturbed
from netcalc.pytorch.witness import attempt, copied, floating, flop_counter, fvcore, saved

Call = tuple[str, tuple[tuple[int, ...], ...]]


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
            "flopcounter": attempt("flopcounter", absent, lambda: flop_counter(meta, empty), {}),
            "fvcore": attempt("fvcore", absent, lambda: fvcore(model, shapes, floating(model)), {}),
        }
    checks = (
        *_outputs(derived, seen),
        *_tensors(result, model),
        *(check for by in counted if by not in absent for check in _macs(result, by, counted[by])),
    )
    expected = {
        "output": tuple(_row(path) for path, _ in derived),
        "tensors": tuple(t.key for row in result.rows for t in row.stored),
        "macs": tuple(p.replace(".", "/") for p, n in counted["flopcounter"].items() if p and n),
    }
    facts = {"trace": "; ".join(result.graph.remarks)}
    name = result.graph.factory
    return Verification(
        name, "the model itself", device_name(device), checks, absent, facts, expected
    )


def _inputs(shapes: Any, device: str, result: Result) -> Iterator[torch.Tensor]:
    """Inputs of the given shapes and of the types that the network was analysed on."""
    for shape, x in zip(shapes, result.inputs.values(), strict=True):
        kind = getattr(torch, x.dtype)
        if kind.is_floating_point:
            yield torch.randn(shape, device=device, dtype=kind)
        else:
            yield torch.zeros(shape, device=device, dtype=kind)


def _derived(model: nn.Module, shapes: Any, result: Result) -> list[Call]:
    """What the analysis holds of each module call; which layer a call ends in is traced anew."""
    twin = on_meta(model)
    xs = tuple(_inputs(shapes, "meta", result))
    seen, out = watch(twin, xs, {})
    builder = Builder(twin, seen, named_inputs(twin, xs, {}))
    builder.graph(out)
    outs: dict[str, Any] = {row.name: row.outs for row in result.rows}
    outs |= {name: (x,) for name, x in result.inputs.items()}
    return [
        (path, tuple(outs[name][i].dims if name in outs else () for name, i in refs))
        for path, refs in builder.returned()
    ]


def _calls(model: nn.Module, shapes: Any, device: str, result: Result) -> list[Call]:
    """The shapes that each module call gives back in a real forward pass on the device."""
    own = copied(model).eval().to(device)  # the weights' values do not matter
    paths = {id(m): name for name, m in own.named_modules(remove_duplicate=False)}
    found: list[Call] = []

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        if id(module) in paths:
            outs = [t for t in tree_leaves(output) if isinstance(t, torch.Tensor)]
            found.append((paths[id(module)], tuple(tuple(t.shape) for t in outs)))

    with torch.inference_mode(), module_hooks(lambda *_: None, leave):
        own(*_inputs(shapes, device, result))
    return found


def _row(path: str) -> str:
    """A module's path in netcalc's words."""
    return path.replace(".", "/") or "(the model)"


def _outputs(derived: list[Call], seen: list[Call]) -> Iterator[Check]:
    """Each call of a module, in order; a fast path on the device may leave out inner ones."""
    left = list(seen)
    for path, shapes in derived:
        at = next((i for i, call in enumerate(left) if call[0] == path), None)
        if at is None:
            continue
        witnessed = left.pop(at)[1]
        mine, theirs = [list(s) for s in shapes], [list(s) for s in witnessed]
        yield Check("output", _row(path), "outputs", mine, "forward", theirs, mine == theirs)
    for path, _ in left:
        yield Check("output", _row(path), "outputs", None, "forward", "was called", False)


def _tensors(result: Result, model: nn.Module) -> Iterator[Check]:
    """Every stored tensor by its key and shape, and how many numbers there are in all."""
    named = {owned(key): t for key, t in (*model.named_parameters(), *model.named_buffers())}
    stored = {t.key: t for row in result.rows for t in row.stored}
    for key in {**stored, **named}:
        mine = list(stored[key].shape) if key in stored else None
        theirs = list(named[key].shape) if key in named else None
        yield Check("tensors", key, "shape", mine, "module", theirs, mine == theirs)
    t = result.totals
    totals: dict[str, Any] = {"params": t.params, "buffers": t.buffers}
    held = {"params": model.parameters(), "buffers": model.buffers()}
    kept = dict.fromkeys(totals, 0)
    for role, shape in saved(model).values():
        kept[role] += math.prod(shape)
    for group, mine in totals.items():
        other = sum(x.numel() for x in held[group])
        yield Check(group, "", group, mine, "module", other, mine == other)
        if group == "params" or not any(m._non_persistent_buffers_set for m in model.modules()):
            same = mine == kept[group]
            yield Check(group, "", group, mine, "state_dict", kept[group], same)
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    yield Check("params", "", "trainable", t.trainable, "module", learned, t.trainable == learned)


def _macs(result: Result, by: str, counted: dict[str, int]) -> Iterator[Check]:
    """MACs below each module's path against a counter, with the cause where it is known."""
    for path, other in counted.items():
        rows = result.under(path.replace(".", "/")) if path else result.rows
        mine = sum(row.counts.macs for row in rows)
        if not mine and not other:
            continue
        why = cause(by, rows, mine, other)
        yield Check("macs", path.replace(".", "/"), "macs", mine, by, other, mine == other, why)
