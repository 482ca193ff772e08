"""The derivation held against what the witnesses saw, row by row."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from netcalc.core.analyse import Result, Row
from netcalc.core.checks import Check, Verification
from netcalc.core.ops.conv import Conv
from netcalc.core.tensor import BYTES
from netcalc.errors import InputError, NetcalcError
from netcalc.pytorch.build import build, module_path
from netcalc.pytorch.measure import measure
from netcalc.pytorch.pair import Pairing, pair
from netcalc.pytorch.record import Ran
from netcalc.pytorch.seen import arguments_of, fields_of, operands_of, same_field, tensors_of, told
from netcalc.pytorch.values import TOLERANCE, UnpairedError, compare_values
from netcalc.pytorch.witness import Witnessed, witness

DEVICES = ("auto", "cpu", "cuda", "meta")


def verify(
    result: Result,
    model: nn.Module | Witnessed | None = None,
    against: str = "",
    device: str = "auto",
) -> Verification:
    """Hold every row of an analysis against a model: its own, built from the spec, or another.

    Another ``model`` is held against by value too, if nothing else differs. What ``look`` returned
    for a model may stand for it, so that many specs are held against one without running it again;
    then values are left out. The model is only read: everything runs on copies, and the random
    state and all hooks are as before.

    Raises InputError for a device that is not there, NetcalcError where the forward pass raises.
    """
    where = chosen(device)
    with undisturbed():
        if isinstance(model, Witnessed):
            return hold(result, model, against)
        held = build(result) if model is None else model
        seen = look(result, held, where)
        if where == "cuda":
            seen.facts |= measure(held, _shapes(result), where)
            seen.facts["activations of all layers, bytes"] = activation_bytes(result)
        found = hold(result, seen, against)
        if model is None:
            return found
        if any(not check.explained for check in found.checks):
            reason = "left out, since the networks differ already"
            return found._replace(absent={**found.absent, "values": reason})
        if where == "meta":
            reason = "the meta device computes nothing"
            return found._replace(absent={**found.absent, "values": reason})
        return _with_values(found, result, model, where)


def activation_bytes(result: Result) -> int:
    """What the outputs of all layers take together."""
    outs = [x for row in result.rows for x in row.outs]
    return sum(int(x.numel) * BYTES[x.dtype] for x in outs)


def look(result: Result, model: nn.Module, device: str = "cpu") -> Witnessed:
    """Run the witnesses on a model, with inputs of the sizes that a network was analysed on."""
    shapes = _shapes(result)
    try:
        return witness(model, shapes, device)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as problem:
        on = " and ".join("x".join(map(str, s)) for s in shapes)
        said = " ".join(str(problem).split())[:300]
        raise NetcalcError(
            f"{type(model).__name__} cannot run on {on}: {type(problem).__name__}: {said}"
        ) from problem


def chosen(device: str) -> str:
    """The device meant: auto takes a GPU where there is one."""
    if device not in DEVICES:
        raise InputError(f"there is no device {device!r}; choose from {', '.join(DEVICES)}")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("PyTorch finds no CUDA device here; use --device cpu")
    return device


def device_name(device: torch.device | str) -> str:
    """The device, a GPU with its name."""
    kind = torch.device(device).type
    return f"cuda, {torch.cuda.get_device_name()}" if kind == "cuda" else kind


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave the random state of PyTorch and Python as it was."""
    state = random.getstate()
    devices = list(range(torch.cuda.device_count()))
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(0)  # the same numbers in every run
            yield
    finally:
        random.setstate(state)


def hold(result: Result, seen: Witnessed, against: str = "") -> Verification:
    """The checks of an analysis against what was seen of a model."""
    forward = pair(result, seen.forward)
    checks = (
        *_layers(forward),
        *_operators(pair(result, seen.meta) if seen.meta else None),
        *_macs(forward, seen),
        *_whole(result, seen),
    )
    facts = {"paired by": forward.by, **seen.facts}
    where = device_name(seen.device)
    return Verification(result.graph.factory, against, where, checks, dict(seen.absent), facts)


def _layers(forward: Pairing) -> Iterator[Check]:
    """Fields, tensors and output of each row, against the module that ran for it."""
    for row, ran in forward.pairs:
        same = ran is not None and ran.kind is type(row.node.op)
        named = ran.name if ran is not None else None
        yield Check("fields", row.name, "type", row.type, "module", named, same)
        if ran is None:
            continue
        if same:
            yield from _fields(row, fields_of(ran), "module" if ran.module else "operators")
        if ran.module is not None:
            yield from _tensors(row, tensors_of(ran), "module")
        yield _output(row, ran, "forward")
    for ran in forward.left:
        where = ran.path or "(the model)"
        yield Check("fields", where, "type", None, "module", ran.name, False)


def _fields(row: Row, seen: dict[str, Any], by: str) -> Iterator[Check]:
    op = row.node.op
    for name, value in seen.items():
        mine = told(getattr(op, name))
        same = same_field(op, name, value)
        yield Check("fields", row.name, name, mine, by, told(value), same)


def _tensors(row: Row, seen: dict[str, tuple[int, ...]], by: str) -> Iterator[Check]:
    """The shape of each tensor that a row has or should not have, and how many numbers in all."""
    mine = {t.operand: t for t in row.terms if t.operand}
    if by == "operators":  # no operator reads the count of batches
        mine.pop("num_batches_tracked", None)
    for name in {**mine, **seen}:
        shape = list(mine[name].shape) if name in mine else None
        other = list(seen[name]) if name in seen else None
        yield Check("tensors", row.name, name, shape, by, other, shape == other)
    for group in ("params", "buffers"):
        total = sum(t.value for t in mine.values() if (t.kind == "buffer") == (group == "buffers"))
        held = sum(
            math.prod(shape) for n, shape in seen.items() if (n in BUFFERS) == (group == "buffers")
        )
        if total or held:
            yield Check(group, row.name, group, total, by, held, total == held)


BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def _output(row: Row, ran: Ran, by: str) -> Check:
    mine = list(row.outs[0].dims)
    return Check("output", row.name, "output", mine, by, list(ran.output), mine == list(ran.output))


def _operators(meta: Pairing | None) -> Iterator[Check]:
    """Fields, tensors and output of each row, as dispatched on the meta device."""
    if meta is None:
        return
    for row, ran in meta.pairs:
        if ran is None or ran.kind is not type(row.node.op) or not ran.operators:
            continue
        if ran.module is not None:
            yield from _fields(row, arguments_of(ran), "operators")
        if operands_of(ran) or any(t.operand for t in row.terms):
            yield from _tensors(row, operands_of(ran), "operators")
        yield _output(row, ran, "operators")


def _macs(forward: Pairing, seen: Witnessed) -> Iterator[Check]:
    """MACs by module against two counters; rows that share a module are summed."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row, ran in forward.pairs:
        if ran is not None and ran.module is not None:
            rows[ran.path].append(row)
    for by, counted in _counters(seen).items():
        for path, sharing in rows.items():
            mine = sum(row.counts.macs for row in sharing)
            other = counted.get(path, 0)
            if mine or other:
                cause = _cause(by, sharing[0]) if mine != other else ""
                name = sharing[0].name
                yield Check("macs", name, "macs", mine, by, other, mine == other, cause)


def _counters(seen: Witnessed) -> dict[str, dict[str, int]]:
    """The counters that spoke."""
    both = {"flopcounter": seen.flopcounter, "fvcore": seen.fvcore}
    return {name: counted for name, counted in both.items() if name not in seen.absent}


def _cause(by: str, row: Row) -> str:
    """Why a counter is known to differ on a layer."""
    op = row.node.op
    if by == "fvcore" and isinstance(op, Conv) and isinstance(op.padding, str):
        return "fvcore does not count convolutions whose padding is given as a string"
    return ""


def _whole(result: Result, seen: Witnessed) -> Iterator[Check]:
    """The totals: distinct tensors of the model, MACs of the whole pass, and what comes out."""
    t = result.totals
    for group, mine, shapes in (
        ("params", t.params, seen.params),
        ("buffers", t.buffers, seen.buffers),
    ):
        other = sum(math.prod(shape) for shape in shapes.values())
        yield Check(group, "", group, mine, "module", other, mine == other)
    for by, counted in _counters(seen).items():
        mine, other = t.macs, counted.get("", 0)
        causes = sorted({_cause(by, row) for row in result.rows} - {""}) if mine != other else []
        yield Check("macs", "", "macs", mine, by, other, mine == other, "; ".join(causes))
    ends = [list(x.dims) for x in result.outputs.values()]
    same = ends == [list(shape) for shape in seen.outputs]
    yield Check("output", "", "outputs", ends, "forward", [list(s) for s in seen.outputs], same)


def _with_values(
    found: Verification, result: Result, model: nn.Module, device: str
) -> Verification:
    """The checks by value, after each layer with parameters and at the end."""
    try:
        compared = compare_values(build(result), model, _shapes(result), device)
    except UnpairedError as problem:
        check = Check("values", "", "layers", "the same", "values", str(problem), False)
        return found._replace(checks=(*found.checks, check))
    names = {module_path(row.name): row.name for row in result.rows}
    limit = f"under {TOLERANCE:g} standard deviations"
    checks = tuple(
        Check("values", names.get(c.place, ""), c.place, limit, "values", c.difference, c.ok)
        for c in compared
    )
    facts = {**found.facts, "spread of the output over inputs": round(compared[-1].spread, 3)}
    return found._replace(checks=(*found.checks, *checks), facts=facts)


def _shapes(result: Result) -> tuple[tuple[int, ...], ...]:
    """The shapes of a network's inputs, as plain numbers."""
    dims: Any = [x.dims for x in result.inputs.values()]
    return tuple(dims)
