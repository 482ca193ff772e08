"""Networks as graphs: flat lists of nodes whose names are paths, ``inception_3a/branch3x3/conv``.

netcalc.core.blocks builds them from chains and branches.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, NamedTuple, TypeAlias

from netcalc.core.frozen import FrozenDict
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.errors import SpecError

Ref: TypeAlias = tuple[str, int]
"""The n-th output of a node, or (with 0) an input of the graph."""

OWN: Mapping[str, str | None] = FrozenDict()
NO_TYPES: Mapping[str, str] = FrozenDict()


class Node(NamedTuple):
    """One call of a layer.

    ``unit`` is the path that this node is counted under: its own, or for an activation or
    normalisation that belongs to a layer, that layer's. ``tensors`` says, for operands that are not
    stored under the node's own path, which key they have (tied weights), or None where they are
    computed. ``frozen`` names the operands that are not trained. ``place`` is where the node is
    written down (``my_net.yaml:14``), for messages. ``operands`` names those of its tensors that
    are computed by other nodes; these are the last of its ``inputs``. ``types`` has the types of
    operands that are stored in another than the rule says, which is mostly that of the input.
    """

    name: str
    op: Op
    inputs: tuple[Ref, ...]
    unit: str
    tensors: Mapping[str, str | None] = OWN
    frozen: frozenset[str] = frozenset()
    place: str = ""
    operands: tuple[str, ...] = ()
    types: Mapping[str, str] = NO_TYPES

    @property
    def where(self) -> str:
        """The name, after the place where it is written down if that is known."""
        return f"{self.place} {self.name}" if self.place else self.name

    def key(self, operand: str) -> str | None:
        """The name of the stored tensor behind an operand (None: it is computed)."""
        return self.tensors.get(operand, f"{self.name}.{operand}")

    def group(self, depth: int = 1) -> str:
        """The first ``depth`` components of the path: the stage that this node belongs to."""
        return "/".join(self.unit.split("/")[:depth])


@dataclass(frozen=True, slots=True)
class Graph:
    """A network: nodes in an order in which they can run, named inputs and outputs.

    ``inputs`` maps names to default tensors (batch included). The first output is the main one.
    ``factory`` tells how the graph was made; ``paper`` names the published table that it follows.
    ``batched`` says whether the first axis of an input is the batch. ``loss_weights`` maps outputs
    that only training uses to their weight in the loss, in which the main output counts once.
    ``cache`` are the values that the model keeps for the next step, such as the keys and values of
    attention. ``remarks`` say how the graph came about; ``retrace`` makes one of the same model on
    other inputs (and in another dtype), where the graph holds for its own inputs only.
    """

    name: str
    nodes: tuple[Node, ...]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Ref]
    factory: str = ""
    paper: str = ""
    batched: bool = True
    loss_weights: Mapping[str, float] = FrozenDict()
    remarks: tuple[str, ...] = ()
    cache: tuple[Ref, ...] = ()
    retrace: Callable[[Mapping[str, Tensor], str | None], Graph] | None = field(
        default=None, repr=False, compare=False
    )
    paths: frozenset[str] = field(init=False, repr=False, default=frozenset())
    settled: bool = field(init=False, repr=False, default=False)
    """Whether the limits of all layers are known to hold (not where a field is no plain int)."""

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs", "loss_weights"):
            object.__setattr__(self, name, FrozenDict(getattr(self, name)))
        known = set(self.inputs)
        for node in self.nodes:
            if not _NAME.fullmatch(node.name):
                at = f"{node.place} " if node.place else ""
                raise SpecError(
                    f"{at}{node.name!r} is no name for a layer: use letters, digits and _ . + -,"
                    " with / between the parts of a path"
                )
            if node.name in known:
                raise SpecError(f"{node.where}: two layers or inputs have this name; rename one")
            _check_inputs(node, known)
            known.add(node.name)
        for name, ref in self.outputs.items():
            if ref[0] not in known:
                raise SpecError(f"output {name}: there is no layer or input {ref[0]}")
        for kept, _ in self.cache:
            if kept not in known:
                raise SpecError(f"cache: there is no layer or input {kept}")
        if not self.outputs:
            raise SpecError(f"{self.name}: a network needs an output")
        _check_weights(self.loss_weights, list(self.outputs))
        object.__setattr__(self, "paths", frozenset(_paths(self.nodes)))
        settled = [_within_limits(node) for node in self.nodes]  # every one, whatever the first is
        object.__setattr__(self, "settled", all(settled))

    @property
    def label(self) -> str:
        """The name, with the arguments that it was made with where there are any."""
        return self.factory.removesuffix("()") or self.name

    def under(self, path: str) -> tuple[Node, ...]:
        """The nodes that a path names: itself, what belongs to it, and all below it."""
        inside = path + "/"
        return tuple(
            node
            for node in self.nodes
            if path in ("", node.name, node.unit) or node.name.startswith(inside)
        )


def _paths(nodes: tuple[Node, ...]) -> set[str]:
    """The names of all nodes, what they are counted under, and the paths above the names."""
    found: set[str] = set()
    for node in nodes:
        path = node.name
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return found | {node.unit for node in nodes}


_NAME = re.compile(r"[\w.+-]+(/[\w.+-]+)*")


def _check_inputs(node: Node, known: set[str]) -> None:
    least, most = node.op.ARITY
    count = len(node.inputs) - len(node.operands)
    if count < least or (most is not None and count > most):
        wanted = f"{least} or more" if most is None else f"{least} to {most}"
        wanted = f"{least}" if most == least else wanted
        raise SpecError(f"{node.where}: {node.op.type} takes {wanted} input(s), got {count}")
    for ref, i in node.inputs:
        if i < 0:
            raise SpecError(f"{node.where}: outputs are counted from 0, got {ref}:{i}")
        if ref not in known:
            raise SpecError(f"{node.where}: its input {ref} is not an earlier layer or an input")


def _within_limits(node: Node) -> bool:
    """Whether a node's fields are seen to be legal; refused where they are seen not to be.

    Conditions on arrays or symbols are neither: they are settled when the graph is analysed.
    """
    settled = True
    for guard in node.op.limits():
        for holds in guard.holds:
            if holds is False:
                raise SpecError(f"{node.where}: {guard.message}")
            settled = settled and holds is True
    return settled


def _check_weights(weights: Mapping[str, float], outputs: list[str]) -> None:
    beside = outputs[1:]
    for name, weight in weights.items():
        if name not in beside:
            known = ", ".join(map(str, beside)) or "none"
            raise SpecError(f"loss weight of {name}: the outputs beside the main one are: {known}")
        real = isinstance(weight, Real) and not isinstance(weight, bool)
        if not (real and 0 < weight < math.inf):
            raise SpecError(f"loss weight of {name}: it must be a positive number, got {weight!r}")


def renamed(graph: Graph, **changes: Any) -> Graph:
    """A copy of a graph with other header fields (name, factory, paper, inputs, ...)."""
    if not changes.keys() <= _UNCHECKED:
        return replace(graph, **changes)
    made = copy(graph)  # layers were checked when it was made
    for name, value in changes.items():
        object.__setattr__(made, name, value)
    return made


_UNCHECKED = {"name", "factory", "paper", "remarks", "retrace"}
