"""The derivation held against what the witnesses saw, row by row."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from netcalc.core.analyse import Result, Row
from netcalc.core.checks import Check, Verification
from netcalc.core.ops.conv import Conv
from netcalc.errors import InputError, NetcalcError
from netcalc.pytorch.build import build
from netcalc.pytorch.pair import Pairing, pair
from netcalc.pytorch.record import Ran
from netcalc.pytorch.seen import fields_of, operands_of, same_field, tensors_of, told
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
        seen = look(result, build(result) if model is None else model, where)
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


def look(result: Result, model: nn.Module, device: str = "cpu") -> Witnessed:
    """Run the witnesses on a model, with inputs of the sizes that a network was analysed on."""
    shapes = tuple(tuple(x.dims) for x in result.inputs.values())
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
    checks = [
        *_layers(forward),
        *_operators(pair(result, seen.meta) if seen.meta else None),
        *_macs(forward, seen),
        *_whole(result, seen),
    ]
    names = tuple(row.name for row in result.rows)
    return Verification(
        result.graph.factory,
        against,
        device_name(seen.device),
        tuple(checks),
        dict(seen.absent),
        names,
        {"paired by": forward.by, **seen.facts},
    )


def _layers(forward: Pairing) -> Iterator[Check]:
    """Fields, tensors and output of each row, against the module that ran for it."""
    for row, ran in forward.pairs:
        if ran is None:
            yield Check(row.name, "fields", row.type, "module", "no such layer ran", False)
            continue
        kind = type(row.node.op)
        yield Check(
            row.name, "fields", kind.__name__, "module", ran.kind.__name__, ran.kind is kind
        )
        if ran.kind is kind:
            yield from _fields(row, ran)
        if ran.module is not None:
            yield from _tensors(row, tensors_of(ran), "module")
        yield _output(row, ran, "forward")
    for ran in forward.left:
        where = ran.path or "the model"
        yield Check(where, "fields", "nothing", "module", f"{ran.kind.__name__} ran", False)


def _fields(row: Row, ran: Ran) -> Iterator[Check]:
    op = row.node.op
    for name, value in fields_of(ran).items():
        mine = told(getattr(op, name))
        label = f"{name}={mine}"
        yield Check(
            row.name,
            "fields",
            label,
            "module",
            f"{name}={told(value)}",
            same_field(op, name, value),
        )


def _tensors(row: Row, seen: dict[str, tuple[int, ...]], by: str) -> Iterator[Check]:
    """Shape, and with it the number of elements, of each tensor that a row has or should not have."""
    mine = {t.operand: (t.kind, tuple(t.shape)) for t in row.terms if t.operand}
    for name in {**mine, **seen}:
        kind, shape = mine.get(name, ("buffer" if "running" in name else "weight", None))
        quantity = "buffers" if kind == "buffer" else "params"
        other = seen.get(name)
        if by == "operators" and other is None and name == "num_batches_tracked":
            continue  # no operator reads it
        yield Check(
            row.name, quantity, _sized(name, shape), by, _sized(name, other), shape == other
        )


def _sized(name: str, shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return f"no {name}"
    return f"{name} {'x'.join(map(str, shape)) or 'scalar'} = {math.prod(shape)}"


def _output(row: Row, ran: Ran, by: str) -> Check:
    mine = tuple(row.outs[0].dims)
    return Check(row.name, "output", list(mine), by, list(ran.output), mine == ran.output)


def _operators(meta: Pairing | None) -> Iterator[Check]:
    """Tensors and output of each row as PyTorch's dispatcher saw them on the meta device."""
    if meta is None:
        return
    for row, ran in meta.pairs:
        if ran is None or not ran.operators:
            continue
        if operands_of(ran) or any(t.operand for t in row.terms):
            yield from _tensors(row, operands_of(ran), "operators")
        yield _output(row, ran, "operators")


def _macs(forward: Pairing, seen: Witnessed) -> Iterator[Check]:
    """MACs by module against two counters; rows that share a module are summed."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row, ran in forward.pairs:
        if ran is not None and ran.module is not None:
            rows[ran.path].append(row)
    for by, counted in (("flopcounter", seen.flopcounter), ("fvcore", seen.fvcore)):
        if by in seen.absent:
            continue
        for path, sharing in rows.items():
            mine = sum(row.counts.macs for row in sharing)
            other = counted.get(path, 0)
            if mine or other:
                cause = _cause(by, sharing[0]) if mine != other else ""
                yield Check(sharing[0].name, "macs", mine, by, other, mine == other, cause)


def _cause(by: str, row: Row) -> str:
    """Why a counter is known to differ on a layer."""
    op = row.node.op
    if by == "fvcore" and isinstance(op, Conv) and isinstance(op.padding, str):
        return "fvcore does not count convolutions with padding given as a string"
    return ""


def _whole(result: Result, seen: Witnessed) -> Iterator[Check]:
    """The totals: distinct tensors of the model, and MACs of the whole pass."""
    t = result.totals
    for quantity, mine, shapes in (
        ("params", t.params, seen.params),
        ("buffers", t.buffers, seen.buffers),
    ):
        other = sum(math.prod(shape) for shape in shapes.values())
        yield Check("", quantity, mine, "module", other, mine == other)
    causes = {_cause("fvcore", row) for row in result.rows} - {""}
    for by, counted in (("flopcounter", seen.flopcounter), ("fvcore", seen.fvcore)):
        if by not in seen.absent:
            cause = "; ".join(causes) if by == "fvcore" else ""
            total = counted.get("", 0)
            same = t.macs == total
            yield Check("", "macs", t.macs, by, total, same, "" if same else cause)
    ends = [list(x.dims) for x in result.outputs.values()]
    last = seen.forward[-1].output if seen.forward else ()
    yield Check("", "output", ends, "forward", [list(last)], list(last) in ends)


def _with_values(
    found: Verification, result: Result, model: nn.Module, device: str
) -> Verification:
    """The checks by value, after each layer with parameters and at the end."""
    shapes = tuple(tuple(x.dims) for x in result.inputs.values())
    try:
        compared = compare_values(build(result), model, shapes, device)
    except UnpairedError as problem:
        check = Check("", "values", "the same layers", "values", str(problem), False)
        return found._replace(checks=(*found.checks, check))
    names = {row.name.replace("/", "."): row.name for row in result.rows}
    checks = tuple(
        Check(
            names.get(c.place, ""),
            "values",
            f"< {TOLERANCE:g} standard deviations",
            "values",
            f"{c.difference:.2g} after {c.place}",
            c.ok,
        )
        for c in compared
    )
    return found._replace(
        checks=(*found.checks, *checks),
        facts={**found.facts, "output spread over inputs": round(compared[-1].spread, 3)},
    )
