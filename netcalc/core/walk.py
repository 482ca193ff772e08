"""The way through a graph: for each node its inputs, its outputs and its terms, none multiplied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from netcalc.core.fields import LARGEST
from netcalc.core.graph import Graph, Node, Ref
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, by_name
from netcalc.errors import SpecError

OnGuard: TypeAlias = Callable[[Node, tuple[Tensor, ...], Guard], None]
"""What to do with each guard: refuse (integers), mask (arrays), collect (symbols)."""

TOO_LONG = f"an axis of more than {LARGEST:,} comes out"


class Call(NamedTuple):
    """A node with its shapes and terms."""

    node: Node
    ins: tuple[Tensor, ...]
    outs: tuple[Tensor, ...]
    terms: tuple[Term, ...]


def refuse(node: Node, ins: tuple[Tensor, ...], guard: Guard) -> None:
    """Raise SpecError where a guard on integers does not hold."""
    if not all(guard.holds):
        on = " and ".join([str(x) for x in ins[:3]])
        on += f" and {len(ins) - 3} more" if len(ins) > 3 else ""
        raise SpecError(f"{node.where}: {node.op} on {on}: {guard.message}")


def walk(
    graph: Graph,
    values: dict[str, tuple[Tensor, ...]],
    on_guard: OnGuard = refuse,
    proved: Collection[str] = (),
) -> Iterator[Call]:
    """Every node in order. ``values`` has the inputs of the graph and takes up all outputs.

    The guards of nodes that are ``proved`` are not looked at. Raises SpecError for an output that a
    layer has not, or one with an axis that is too long.
    """
    for node in graph.nodes:
        op = node.op
        try:
            ins = tuple([values[ref][i] for ref, i in node.inputs])
        except IndexError:
            raise no_output(node.where, node.inputs, values) from None
        if node.operands:
            ins = ins[: -len(node.operands)]
        if node.name not in proved:
            for guard in op.guards(*ins) if graph.settled else op.conditions(*ins):
                on_guard(node, ins, guard)
        outs = values[node.name] = op.shape(*ins)
        for out in outs:
            for d in out.dims:
                if isinstance(d, int) and d > LARGEST:
                    raise SpecError(f"{node.where}: {TOO_LONG}")
        terms = op.terms(ins, outs)
        if op.PASSES == "stored":
            terms = tuple(by_name(term, _name(node, term)) for term in terms)
        if node.types:
            terms = tuple(t._replace(dtype=node.types.get(t.operand, t.dtype)) for t in terms)
        yield Call(node, ins, outs, terms)


def _name(node: Node, term: Term) -> str:
    """What the tensor of a stored term is called: by the node that holds it, or by its own key."""
    return (node.tensors.get(term.operand) or node.name).replace(".", "/").rpartition("/")[2]


def first_key(node: Node, term: Term, seen: dict[str, tuple[Any, ...]]) -> str | None:
    """The key of the tensor behind a term of storage; None if computed, or counted already."""
    key = node.key(term.operand)
    if key is None or key in seen:
        return None
    seen[key] = term.shape
    return key


def no_output(where: str, refs: Iterable[Ref], values: dict[str, tuple[Tensor, ...]]) -> SpecError:
    """The error for a second output of a layer that has one."""
    name, i = next((ref, i) for ref, i in refs if i >= len(values[ref]))
    return SpecError(
        f"{where}: {name} has no output {i}; it has {len(values[name])}, counted from 0"
    )
