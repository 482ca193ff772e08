"""A traced model's derivation held against the model itself: sizes, tensors, two counters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves

from netcalc.core.analyse import Result
from netcalc.core.checks import Check, Verification
from netcalc.core.tensor import FLOATS
from netcalc.errors import NetcalcError
from netcalc.pytorch.blind import cause
from netcalc.pytorch.hold import device_name
from netcalc.pytorch.hugging import left_alone
from netcalc.pytorch.passes import slow_paths
from netcalc.pytorch.paths import owned, path_of
from netcalc.pytorch.record import module_hooks
from netcalc.pytorch.retraced import Call, Retraced, retraced
from netcalc.pytorch.trace import Again
from netcalc.pytorch.twin import on_meta
from netcalc.pytorch.undisturbed import seeded, undisturbed
from netcalc.pytorch.witness import attempt, copied, flop_counter, fvcore, runs, saved


def hold_traced(result: Result, model: nn.Module, device: str) -> Verification:
    """The checks of a traced model: every module's outputs on the device, tensors, MACs.

    The model is only read: everything runs on copies. Raises NetcalcError where it cannot run.
    """
    absent: dict[str, str] = {}
    facts: dict[str, Any] = {"trace": "; ".join(result.graph.remarks)}
    with undisturbed(model, device), left_alone(result.graph.name):
        xs, named = _inputs("cpu" if _values(result) else "meta", result)
        again = retraced(model, xs, named, result)
        with runs(model, [x.dims for x in result.inputs.values()]):
            seen = _calls(model, device, result)
        counters = {
            "flopcounter": lambda: _by_flop_counter(model, device, result, facts),
            "fvcore": lambda: _by_fvcore(model, result, again),
        }
        with slow_paths():
            counted = {by: attempt(by, absent, run, {}) for by, run in counters.items()}
    spoke = {by: again.by_module(macs) for by, macs in counted.items() if by not in absent}
    checks = (
        *_operators(again.recorded, result),
        *_outputs(again.calls, seen),
        *_tensors(result, model),
        *(check for by in spoke for check in _macs(result, by, spoke[by], again)),
    )
    where = device_name(device)
    expected = _expected(result, again, spoke)
    return Verification(
        result.graph.factory, "the model itself", where, checks, absent, facts, expected
    )


def _expected(
    result: Result, again: Retraced, spoke: dict[str, dict[str, int]]
) -> dict[str, tuple[str, ...]]:
    """For each group, what has something to confirm: of MACs modules, or layers if none spoke."""
    modules = (path_of(p) for p, n in spoke.get("flopcounter", {}).items() if p and n)
    layers = (row.name for row in result.rows if row.counts.macs)
    return {
        "output": (*again.recorded, *(_row(path) for path, _ in again.calls)),
        "tensors": tuple(t.key for row in result.rows for t in row.stored),
        "macs": tuple(modules if spoke else layers),
    }


def _values(result: Result) -> dict[str, torch.Tensor]:
    """The inputs whose values the trace ran on."""
    again = result.graph.retrace
    return again.values() if isinstance(again, Again) else {}


def _inputs(device: str, result: Result) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of the shapes and types that the network was analysed on.

    Where the trace ran on values, they are the same: the model may go another way with others.
    """
    again, values = result.graph.retrace, _values(result)
    tensors = []
    for name, x in result.inputs.items():
        kind, shape = getattr(torch, x.dtype), cast(tuple[int, ...], x.dims)
        make = torch.randn if kind.is_floating_point else torch.zeros
        held = values.get(name)
        if held is not None and (held.dtype, held.shape) == (kind, shape):
            tensors.append(held.clone().to(device))
        else:
            tensors.append(make(shape, device=device, dtype=kind))
    seeded()
    return again.arguments(tensors) if isinstance(again, Again) else (tuple(tensors), {})


def _by_flop_counter(
    model: nn.Module, device: str, result: Result, facts: dict[str, Any]
) -> dict[str, int]:
    """On the meta device; a model that does not run there, on the CPU in operators it knows."""
    xs, named = _inputs("meta", result)
    try:
        return flop_counter(on_meta(model).requires_grad_(False), xs, named)
    except Exception as problem:
        if device == "meta":
            raise
        facts["flopcounter"] = f"on the CPU, since on the meta device {type(problem).__name__}"
    xs, named = _inputs("cpu", result)
    with sdpa_kernel(SDPBackend.MATH), torch.backends.mkldnn.flags(enabled=False):
        return flop_counter(copied(model).eval().to("cpu").requires_grad_(False), xs, named)


def _by_fvcore(model: nn.Module, result: Result, again: Retraced) -> dict[str, int]:
    if again.raised:  # torch.jit ends the whole process then
        raise NetcalcError(f"torch.jit cannot trace on after {_row(again.raised[0])} has raised")
    xs, named = _inputs("cpu", result)
    if named or any(x.dtype not in FLOATS for x in result.inputs.values()):
        raise NetcalcError("it runs a model on tensors of floating numbers, without names")
    return fvcore(model, xs)


def _operators(recorded: dict[str, Any], result: Result) -> Iterator[Check]:
    """Each layer's outputs against those of the operator that it stands for."""
    outs = {row.name: [list(x.dims) for x in row.outs] for row in result.rows}
    for name, shapes in recorded.items():
        mine, theirs = outs.get(name, [])[: len(shapes)], [list(s) for s in shapes]
        yield Check("output", name, "outputs", mine, "operators", theirs, mine == theirs)


def _calls(model: nn.Module, device: str, result: Result) -> list[Call]:
    """The shapes that each module call gives back in a real forward pass on the device."""
    own = copied(model).eval().to(device)
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


def _macs(result: Result, by: str, counted: dict[str, int], again: Retraced) -> Iterator[Check]:
    """MACs in each module's calls against a counter, with the cause where it is known."""
    for path, other in counted.items():
        rows = again.rows(result, by, path)
        mine = sum(row.counts.macs for row in rows)
        if not mine and not other:
            continue
        why = cause(by, rows, mine, other, again.operators)
        yield Check("macs", path_of(path), "macs", mine, by, other, mine == other, why)
