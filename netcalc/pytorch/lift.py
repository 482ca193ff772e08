"""Operators as netcalc's own kinds of layer."""

from __future__ import annotations

from dataclasses import fields, replace

from netcalc.core.functions import BINARY, UNARY
from netcalc.core.ops.base import Op
from netcalc.core.ops.evaluation import Evaluation
from netcalc.core.tensor import BYTES
from netcalc.errors import SpecError
from netcalc.pytorch.events import Event, Seen, seen_in
from netcalc.pytorch.lift_functions import FUNCTIONS, binary, unary
from netcalc.pytorch.lift_layers import LAYERS
from netcalc.pytorch.lift_places import PLACES
from netcalc.pytorch.lift_shapes import SHAPES, constant
from netcalc.pytorch.lifted import Lifted, Special, on_all, own
from netcalc.pytorch.lower import LOWERINGS
from netcalc.pytorch.record import KINDS_OF_OPERATORS
from netcalc.pytorch.seen import OPERANDS, shown
from netcalc.pytorch.tags import is_composite, tags_of

SPECIAL: dict[str, Special] = {**FUNCTIONS, **SHAPES, **LAYERS, **PLACES}
"""Operators whose layer does not follow from the names of their arguments."""


def lift(event: Event) -> Lifted | None:
    """The layer that an operator is, or None where netcalc has no kind for it."""
    name = event.name.removesuffix("_")
    if not all(x.dtype in BYTES for x in (*event.inputs(), *event.outputs)):
        return None
    if "out" in event.arguments:  # where the result is to be written is no input
        event = replace(event, arguments={k: v for k, v in event.arguments.items() if k != "out"})
    try:
        if len(event.outputs) == 1 and not event.inputs():
            return constant(event)
        return _lifted(event, name) or _by_tags(event, name)
    except (SpecError, TypeError, LookupError):  # another form of the operator than is known
        return None


def _lifted(event: Event, name: str) -> Lifted | None:
    special = SPECIAL.get(name)
    if special is not None:
        return special(event)
    tensors = event.inputs()
    if name in BINARY and len(tensors) > 1:
        return binary(event, name)
    if name in UNARY and len(tensors) == 1:
        return unary(event, name)
    kind = KINDS_OF_OPERATORS.get(name)
    return None if kind is None else _by_names(event, kind)


def _by_tags(event: Event, name: str) -> Lifted | None:
    """A function of single elements that PyTorch says is one, and that no table has."""
    called = event.name, event.overload
    known = name in SPECIAL or name in BINARY or name in UNARY or name in KINDS_OF_OPERATORS
    if known or len(event.outputs) != 1 or is_composite(*called):
        return None
    if "pointwise" not in tags_of(*called):
        return None
    return on_all(Evaluation(name, event.outputs[0].dtype), event)


def _by_names(event: Event, kind: type[Op]) -> Lifted:
    """A layer whose fields go by the names of the operator's arguments."""
    shapes = {k: v.shape if isinstance(v, Seen) else v for k, v in event.arguments.items()}
    said = shown(event.name, shapes)
    wanted = LOWERINGS[kind].fields
    found = {ours: said[theirs] for ours, theirs in wanted.items() if theirs in said}
    if "n" in {f.name for f in fields(kind)}:  # type: ignore[arg-type]
        found["n"] = max(1, len(event.inputs()[0].shape) - 2)
    op = kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in found.items()})
    rest = [value for name, value in event.arguments.items() if name not in OPERANDS]
    return Lifted(op, tuple(seen_in(rest)), own(event))
