"""Verifying a network: its own model or another, looked at and held against the derivation."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from netcalc.core.analyse import Result
from netcalc.core.checks import Check, Verification
from netcalc.core.tensor import BYTES
from netcalc.errors import InputError
from netcalc.pytorch.build import build, module_path
from netcalc.pytorch.hold import hold
from netcalc.pytorch.measure import measure
from netcalc.pytorch.undisturbed import undisturbed
from netcalc.pytorch.values import TOLERANCE, UnpairedError, compare_values
from netcalc.pytorch.witness import Witnessed, runs, witness

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
    with undisturbed(model, where):
        if isinstance(model, Witnessed):
            return hold(result, model, against)
        held = build(result) if model is None else model
        seen = look(result, held, where)
        if where == "cuda":
            seen.facts |= _measured(result, held, where)
        found = hold(result, seen, against)
        if model is None:
            return found
        if any(not check.explained for check in found.checks):
            return _without_values(found, "left out, since the networks differ already")
        if where == "meta":
            return _without_values(found, "the meta device computes nothing")
        return _with_values(found, result, model, where)


def _without_values(found: Verification, reason: str) -> Verification:
    return found._replace(absent={**found.absent, "values": reason})


def _measured(result: Result, model: nn.Module, device: str) -> dict[str, Any]:
    """Time and memory of a forward pass; a GPU that is too small for it says so."""
    try:
        facts = measure(model, _shapes(result), device)
    except RuntimeError as problem:
        return {"measuring": f"failed: {' '.join(str(problem).split())[:120]}"}
    return facts | {"outputs of all layers together, bytes": activation_bytes(result)}


def activation_bytes(result: Result) -> int:
    """What the outputs of all layers take together."""
    outs = [x for row in result.rows for x in row.outs]
    return sum(int(x.numel) * BYTES[x.dtype] for x in outs)


def look(result: Result, model: nn.Module, device: str = "cpu") -> Witnessed:
    """Run the witnesses on a model, with inputs of the sizes that a network was analysed on."""
    shapes = _shapes(result)
    with runs(model, shapes):
        return witness(model, shapes, device)


def chosen(device: str) -> str:
    """The device meant: auto takes a GPU where there is one."""
    if device not in DEVICES:
        raise InputError(f"there is no device {device!r}; choose from {', '.join(DEVICES)}")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("PyTorch finds no CUDA device here; use --device cpu")
    return device


def _with_values(
    found: Verification, result: Result, model: nn.Module, device: str
) -> Verification:
    """The checks by value, after each layer with parameters and at the end."""
    try:
        batched = result.graph.batched
        compared = compare_values(build(result), model, _shapes(result), device, batched)
    except UnpairedError as problem:
        check = Check("values", "", "layers", "the same", "values", str(problem), False)
        return found._replace(checks=(*found.checks, check))
    except (Exception, SystemExit) as problem:  # whatever somebody else's code does
        told = " ".join(str(problem).split())[:200]
        return _without_values(found, f"{type(problem).__name__}: {told}")
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
