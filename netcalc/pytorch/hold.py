"""The checks: each row of an analysis held against what the witnesses saw."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import torch

from netcalc.core.analyse import Result, Row
from netcalc.core.checks import Check, Verification
from netcalc.pytorch.blind import cause
from netcalc.pytorch.lower import LOWERINGS
from netcalc.pytorch.pair import Pairing, pair
from netcalc.pytorch.record import Ran
from netcalc.pytorch.seen import arguments_of, fields_of, operands_of, same_field, tensors_of, told
from netcalc.pytorch.witness import Witnessed


def device_name(device: torch.device | str) -> str:
    """The device, a GPU with its name."""
    kind = torch.device(device).type
    return f"cuda, {torch.cuda.get_device_name()}" if kind == "cuda" else kind


def hold(result: Result, seen: Witnessed, against: str = "") -> Verification:
    """The checks of an analysis against what was seen of a model."""
    forward = pair(result, seen.forward)
    checks = (
        *_layers(forward),
        *_operators(pair(result, seen.meta) if seen.meta else None),
        *_saved(forward, seen),
        *_order(forward, seen),
        *_macs(forward, seen),
        *_whole(result, seen),
    )
    facts = {"paired by": forward.by, **seen.facts}
    where = device_name(seen.device)
    return Verification(
        result.graph.factory, against, where, checks, dict(seen.absent), facts, _expected(result)
    )


def _expected(result: Result) -> dict[str, tuple[str, ...]]:
    """For each group, the layers that have something to confirm."""

    def those(holds: Callable[[Row], Any]) -> tuple[str, ...]:
        return tuple(row.name for row in result.rows if holds(row))

    return {
        "fields": those(lambda row: True),
        "tensors": those(lambda row: row.stored),
        "params": those(lambda row: row.counts.params),
        "buffers": those(lambda row: row.counts.buffers),
        "output": those(lambda row: True),
        "macs": those(lambda row: row.counts.macs),
    }


def _layers(forward: Pairing) -> Iterator[Check]:
    """Fields, tensors and output of each row, against the module that ran for it."""
    for row, ran in forward.pairs:
        same = ran is not None and ran.kind is type(row.node.op)
        named = ran.name if ran is not None else None
        views = ran is None and row.type == "Flatten"
        cause = "the model reshapes without a layer or torch.flatten" if views else ""
        yield Check("fields", row.name, "type", row.type, "module", named, same, cause)
        if ran is None:
            continue
        if same:
            yield from fields(row, fields_of(ran), "module" if ran.module else "operators")
        if ran.module is not None:
            yield from _tensors(row, tensors_of(ran), "module")
        yield _output(row, ran, "forward")
    for ran in forward.left:
        where = ran.path or "(the model)"
        yield Check("fields", where, "type", None, "module", ran.name, False)


def fields(row: Row, seen: dict[str, Any], by: str) -> Iterator[Check]:
    """Each field of a row's layer that a witness shows."""
    op = row.node.op
    for name, value in seen.items():
        mine = told(getattr(op, name))
        same = same_field(op, name, value, len(row.ins[0].dims) if row.ins else 0)
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
    kinds = {name: mine[name].kind if name in mine else role(name) for name in {**mine, **seen}}
    for group in ("params", "buffers") if by == "module" else ("params",):
        own = [name for name in kinds if (kinds[name] == "buffer") == (group == "buffers")]
        total = sum(mine[name].value for name in own if name in mine)
        held = sum(math.prod(seen[name]) for name in own if name in seen)
        if total or held:
            yield Check(group, row.name, group, total, by, held, total == held)


def role(operand: str) -> str:
    """What a tensor that the row does not have is, by its name."""
    return "buffer" if operand.startswith(("running_", "num_batches")) else "weight"


def _output(row: Row, ran: Ran, by: str) -> Check:
    mine = list(row.outs[0].dims)
    return Check("output", row.name, "output", mine, by, list(ran.output), mine == list(ran.output))


def _saved(forward: Pairing, seen: Witnessed) -> Iterator[Check]:
    """How many numbers the state_dict holds under the path of each module, and in all."""
    for row, ran in forward.pairs:
        if ran is None or ran.module is None:
            continue
        for group, mine in (("params", row.counts.params), ("buffers", row.counts.buffers)):
            own = [
                math.prod(shape)
                for key, (role, shape) in seen.saved.items()
                if role == group and key.rpartition(".")[0] == ran.path
            ]
            if mine and own:
                yield Check(group, row.name, group, mine, "state_dict", sum(own), mine == sum(own))


def _order(forward: Pairing, seen: Witnessed) -> Iterator[Check]:
    """Layers paired by kind must also have run in the order of the rows."""
    if forward.by != "order":
        return
    at = {id(ran): i for i, ran in enumerate(seen.forward)}
    last, before = -1, ""
    for row, ran in forward.pairs:
        if ran is None:
            continue
        if at[id(ran)] < last:
            told = f"before what stands for {before}"
            yield Check("fields", row.name, "order", f"after {before}", "module", told, False)
        else:
            last, before = at[id(ran)], row.name


def _operators(meta: Pairing | None) -> Iterator[Check]:
    """Fields, tensors and output of each row, as dispatched on the meta device."""
    if meta is None:
        return
    for row, ran in meta.pairs:
        if ran is None or ran.kind is not type(row.node.op) or not ran.operators:
            continue
        if ran.module is not None:
            yield from fields(row, arguments_of(ran), "operators")
        if LOWERINGS[ran.kind].aten and any(t.operand for t in row.terms):
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
                why = cause(by, sharing, mine, other)
                name = sharing[0].name
                yield Check("macs", name, "macs", mine, by, other, mine == other, why)


def _counters(seen: Witnessed) -> dict[str, dict[str, int]]:
    """The counters that spoke."""
    both = {"flopcounter": seen.flopcounter, "fvcore": seen.fvcore}
    return {name: counted for name, counted in both.items() if name not in seen.absent}


def _whole(result: Result, seen: Witnessed) -> Iterator[Check]:
    """The totals: distinct tensors of the model, MACs of the whole pass, and what comes out."""
    t = result.totals
    for group, mine, shapes in (
        ("params", t.params, seen.params),
        ("buffers", t.buffers, seen.buffers),
    ):
        other = sum(math.prod(shape) for shape in shapes.values())
        yield Check(group, "", group, mine, "module", other, mine == other)
    for group, mine in (("params", t.params), ("buffers", t.buffers)):
        other = sum(math.prod(shape) for role, shape in seen.saved.values() if role == group)
        yield Check(group, "", group, mine, "state_dict", other, mine == other)
    if t.trainable != t.params:
        other = sum(p.numel() for p in seen.model.parameters() if p.requires_grad)
        yield Check("params", "", "trainable", t.trainable, "module", other, t.trainable == other)
    for by, counted in _counters(seen).items():
        mine, other = t.macs, counted.get("", 0)
        why = cause(by, result.rows, mine, other)
        yield Check("macs", "", "macs", mine, by, other, mine == other, why)
    ends = [list(x.dims) for x in result.outputs.values()]
    same = ends == [list(shape) for shape in seen.outputs]
    yield Check("output", "", "outputs", ends, "forward", [list(s) for s in seen.outputs], same)
