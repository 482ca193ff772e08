"""A traced model's derivation held against the model itself: sizes, tensors, two counters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from netcalc.core.analyse import Result
from netcalc.core.checks import Check, Verification
from netcalc.core.tensor import FLOATS
from netcalc.errors import NetcalcError
from netcalc.pytorch.blind import cause
from netcalc.pytorch.hold import device_name
from netcalc.pytorch.hugging import left_alone
from netcalc.pytorch.nodes import Builder, named_inputs, owned, path_of
from netcalc.pytorch.passes import passed
from netcalc.pytorch.record import module_hooks
from netcalc.pytorch.trace import Again
from netcalc.pytorch.twin import on_meta
from netcalc.pytorch.undisturbed import undisturbed
from netcalc.pytorch.witness import attempt, copied, floating, flop_counter, fvcore, saved

Call = tuple[str, tuple[tuple[int, ...], ...]]


def hold_traced(result: Result, model: nn.Module, device: str) -> Verification:
    """The checks of a traced model: every module's outputs on the device, tensors, MACs.

    The model is only read: everything runs on copies.
    """
    absent: dict[str, str] = {}
    with undisturbed(model, device), left_alone(result.graph.name):
        derived, recorded = _derived(model, result)
        seen = _calls(model, device, result)
        meta = on_meta(model).requires_grad_(False)
        empty, named = _inputs("meta", result)
        counted = {
            "flopcounter": attempt(
                "flopcounter", absent, lambda: flop_counter(meta, empty, named), {}
            ),
            "fvcore": attempt("fvcore", absent, lambda: _by_fvcore(model, result), {}),
        }
    checks = (
        *_operators(recorded, result),
        *_outputs(derived, seen),
        *_tensors(result, model),
        *(check for by in counted if by not in absent for check in _macs(result, by, counted[by])),
    )
    expected = {
        "output": (*recorded, *(_row(path) for path, _ in derived)),
        "tensors": tuple(t.key for row in result.rows for t in row.stored),
        "macs": tuple(path_of(p) for p, n in counted["flopcounter"].items() if p and n),
    }
    facts = {"trace": "; ".join(result.graph.remarks)}
    name = result.graph.factory
    return Verification(
        name, "the model itself", device_name(device), checks, absent, facts, expected
    )


def _inputs(device: str, result: Result) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of the shapes and types that the network was analysed on."""
    tensors = []
    for x in result.inputs.values():
        kind, shape = getattr(torch, x.dtype), cast(tuple[int, ...], x.dims)
        make = torch.randn if kind.is_floating_point else torch.zeros
        tensors.append(make(shape, device=device, dtype=kind))
    again = result.graph.retrace
    return again.arguments(tensors) if isinstance(again, Again) else (tuple(tensors), {})


def _by_fvcore(model: nn.Module, result: Result) -> dict[str, int]:
    _, named = _inputs("meta", result)
    if named or any(x.dtype not in FLOATS for x in result.inputs.values()):
        raise NetcalcError("it runs a model on tensors of floating numbers, without names")
    shapes: Any = tuple(tuple(x.dims) for x in result.inputs.values())
    return fvcore(model, shapes, floating(model))


def _derived(model: nn.Module, result: Result) -> tuple[list[Call], dict[str, Any]]:
    """What the analysis holds of each module call, and what PyTorch gave for each layer.

    The model is traced anew, with PyTorch's kernels and none of netcalc's answers.
    """
    xs, named = _inputs("meta", result)
    ran = passed(model, xs, named, quick=False)
    builder = Builder(ran.model, ran.seen, named_inputs(ran.model, ran.args, ran.kwargs))
    builder.graph(ran.out)
    outs: dict[str, Any] = {row.name: row.outs for row in result.rows}
    outs |= {name: (x,) for name, x in result.inputs.items()}
    calls = [
        (path, tuple(outs[name][i].dims if name in outs else () for name, i in refs))
        for path, refs in builder.returned()
    ]
    return calls, builder.recorded()


def _operators(recorded: dict[str, Any], result: Result) -> Iterator[Check]:
    """Each layer's outputs against those of the operator that it stands for."""
    outs = {row.name: [list(x.dims) for x in row.outs] for row in result.rows}
    for name, shapes in recorded.items():
        mine, theirs = outs.get(name, [])[: len(shapes)], [list(s) for s in shapes]
        yield Check("output", name, "outputs", mine, "operators", theirs, mine == theirs)


def _calls(model: nn.Module, device: str, result: Result) -> list[Call]:
    """The shapes that each module call gives back in a real forward pass on the device."""
    own = copied(model).eval().to(device)  # the weights' values do not matter
    paths = {id(m): name for name, m in own.named_modules(remove_duplicate=False)}
    found: list[Call] = []

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        if id(module) in paths:
            outs = [t for t in tree_leaves(output) if isinstance(t, torch.Tensor)]
            found.append((paths[id(module)], tuple(tuple(t.shape) for t in outs)))

    xs, named = _inputs(device, result)
    with torch.inference_mode(), module_hooks(lambda *_: None, leave):
        own(*xs, **named)
    return found


def _row(path: str) -> str:
    """A module's path in netcalc's words."""
    return path_of(path) or "(the model)"


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
        rows = result.under(path_of(path)) if path else result.rows
        mine = sum(row.counts.macs for row in rows)
        if not mine and not other:
            continue
        why = cause(by, rows, mine, other)
        yield Check("macs", path_of(path), "macs", mine, by, other, mine == other, why)
