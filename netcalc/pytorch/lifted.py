"""What an operator becomes, and the usual ways to say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.pytorch.events import Event, Seen
from netcalc.pytorch.seen import OPERANDS


class Lifted(NamedTuple):
    """An operator as a layer: its inputs, and the tensors that stand behind its operands.

    ``plus`` is added to what comes out, as addmm does.
    """

    op: Op
    inputs: tuple[Seen, ...]
    operands: dict[str, Seen]
    plus: Seen | None = None


Special: TypeAlias = Callable[[Event], Lifted | None]
"""Makes the layer of an operator; None for a form of it that no kind of layer has."""


def on_all(op: Op, event: Event) -> Lifted:
    """A layer on all tensors of an operator."""
    return Lifted(op, tuple(event.inputs()), {})


def on_first(event: Event, op: Op) -> Lifted:
    """A layer on the first tensor alone."""
    return Lifted(op, tuple(event.inputs()[:1]), {})


def own(event: Event, *names: str) -> dict[str, Seen]:
    """The tensors of a layer among an operator's arguments."""
    found = {name: event.arguments.get(name) for name in names or OPERANDS}
    return {name: value for name, value in found.items() if isinstance(value, Seen)}


def operands_fit(lifted: Lifted, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> bool:
    """Whether the tensors behind a layer's operands have the shapes that its rule gives them."""
    if not lifted.operands:
        return True
    shapes = {term.operand: term.shape for term in lifted.op.terms(ins, outs) if term.operand}
    return all(shapes.get(name, x.shape) == x.shape for name, x in lifted.operands.items())
