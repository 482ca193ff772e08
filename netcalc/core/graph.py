"""Networks as graphs, and the blocks that build them.

A block is written the way a paper's table is read: a ``chain`` of named layers, ``branches`` that
are joined, ``head``s that leave the main path. ``network`` turns it into a flat ``Graph`` whose
node names are paths, ``inception_3a/branch3x3/reduce``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from netcalc.core.fields import axes
from netcalc.core.frozen import FrozenDict
from netcalc.core.numbers import Num
from netcalc.core.ops.base import Op
from netcalc.core.ops.merge import Concat
from netcalc.core.tensor import Tensor
from netcalc.errors import SpecError

Ref: TypeAlias = tuple[str, int]
"""The n-th output of a node, or (with 0) an input of the graph."""

OWN: Mapping[str, str | None] = FrozenDict()


class Node(NamedTuple):
    """One call of a layer.

    ``unit`` is the path that this node is counted under: its own, or for an activation or
    normalisation that belongs to a layer, that layer's. ``tensors`` says, for operands that are not
    stored under the node's own path, which key they have (tied weights), or None where they are
    computed. ``frozen`` names the operands that are not trained.
    """

    name: str
    op: Op
    inputs: tuple[Ref, ...]
    unit: str
    tensors: Mapping[str, str | None] = OWN
    frozen: frozenset[str] = frozenset()

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
    ``batched`` says whether the first axis of an input is the batch.
    """

    name: str
    nodes: tuple[Node, ...]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Ref]
    factory: str = ""
    paper: str = ""
    batched: bool = True
    paths: frozenset[str] = field(init=False, repr=False, default=frozenset())

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            object.__setattr__(self, name, FrozenDict(getattr(self, name)))
        known = set(self.inputs)
        for node in self.nodes:
            if not _NAME.fullmatch(node.name):
                raise SpecError(
                    f"{node.name!r} is no name for a layer: use letters, digits and _ . + -, with /"
                    " between the parts of a path"
                )
            if node.name in known:
                raise SpecError(f"{node.name}: two layers or inputs have this name; rename one")
            _check_inputs(node, known)
            known.add(node.name)
        for name, ref in self.outputs.items():
            if ref[0] not in known:
                raise SpecError(f"output {name}: there is no layer or input {ref[0]}")
        if not self.outputs:
            raise SpecError(f"{self.name}: a network needs an output")
        parts = (node.name.split("/") for node in self.nodes)
        paths = {"/".join(p[:i]) for p in parts for i in range(1, len(p) + 1)}
        object.__setattr__(self, "paths", frozenset(paths | {n.unit for n in self.nodes}))

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


_NAME = re.compile(r"[\w.+-]+(/[\w.+-]+)*")


def _check_inputs(node: Node, known: set[str]) -> None:
    least, most = node.op.ARITY
    count = len(node.inputs)
    if count < least or (most is not None and count > most):
        wanted = f"{least}" if most == least else f"{least} or more"
        raise SpecError(f"{node.name}: {node.op.type} takes {wanted} input(s), got {count}")
    for ref, _ in node.inputs:
        if ref not in known:
            raise SpecError(f"{node.name}: its input {ref} is not an earlier layer or an input")


# --- blocks ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Chain:
    """Named layers or blocks, one after the other."""

    layers: Mapping[str, Layer]


@dataclass(slots=True)
class Branches:
    """Named blocks on one input, whose outputs ``join`` puts together."""

    join: Op
    branches: Mapping[str, Layer]


@dataclass(slots=True)
class Head:
    """A block that leaves the main path: its end is an output of the network."""

    block: Chain


Layer: TypeAlias = Op | tuple[Op, ...] | Chain | Branches | Head
"""What may stand in a chain. In a tuple, the first layer has the name and the others act on its
output and are counted with it: ``conv1=(Conv2d(64, 7), ReLU())`` gives conv1 and conv1_relu."""


def chain(layers: Mapping[str, Layer] | None = None, /, **named: Layer) -> Chain:
    """Layers in the order given, by keyword or, for names that are no keywords, from a dict."""
    if layers is not None and not isinstance(layers, Mapping):
        raise SpecError(f"chain takes named layers or a mapping of them, got {layers!r}")
    return Chain({**(layers or {}), **named})


def branches(
    *given: Op | Mapping[str, Layer],
    **named: Layer,
) -> Branches:
    """Blocks side by side, joined by a Concat over channels unless another layer is given first.

    An empty ``chain()`` as a branch passes the input on, as the shortcut of a residual block does.
    """
    join: Op = Concat()
    layers: dict[str, Layer] = {}
    for thing in given:
        if isinstance(thing, Op):
            join = thing
        elif isinstance(thing, Mapping):
            layers |= thing
        else:
            raise SpecError(f"branches takes a layer that joins and named blocks, got {thing!r}")
    return Branches(join, {**layers, **named})


def head(layers: Mapping[str, Layer] | None = None, /, **named: Layer) -> Head:
    """A chain beside the main path that ends in an output of its own (an auxiliary classifier)."""
    return Head(chain(layers, **named))


def network(
    layers: Layer,
    /,
    input: tuple[Num, ...],  # noqa: A002  (the field's word)
    name: str = "network",
    paper: str = "",
    batched: bool = True,
) -> Graph:
    """The graph of a block.

    ``input`` is the shape of its only input, batch included, as in ``(1, 3, 224, 224)``; where its
    first axis is not a batch, say ``batched=False``. Raises SpecError where names collide, are no
    names, or a layer has the wrong number of inputs.
    """
    if not isinstance(input, tuple | list):
        raise SpecError(f"input must be a shape such as (1, 3, 224, 224), got {input!r}")
    x = Tensor(axes("input", input))
    builder = _Builder()
    end = builder.add(layers, "", ("input", 0))
    outputs = {end[0]: end, **builder.outputs}
    return Graph(name, tuple(builder.nodes), {"input": x}, outputs, name, paper, batched)


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.outputs: dict[str, Ref] = {}

    def add(self, layer: Layer, path: str, source: Ref) -> Ref:
        """Append the nodes of a layer or block; the reference of its end."""
        if isinstance(layer, Chain):
            return self._chain(layer, path, source)
        if isinstance(layer, Branches):
            ends = [self.add(b, _join(path, n), source) for n, b in layer.branches.items()]
            return self._node(_join(path, layer.join.type.lower()), layer.join, tuple(ends))
        if isinstance(layer, Head):
            self.outputs[path] = self.add(layer.block, path, source)
            return source
        return self._unit(layer if isinstance(layer, tuple) else (layer,), path, source)

    def _chain(self, block: Chain, path: str, source: Ref) -> Ref:
        for name, layer in block.layers.items():
            source = self.add(layer, _join(path, name), source)
        return source

    def _unit(self, ops: tuple[Op, ...], path: str, source: Ref) -> Ref:
        for i, op in enumerate(ops):
            if not isinstance(op, Op):
                raise SpecError(f"{path or 'network'}: {op!r} is not a layer or a block")
            name = path if i == 0 else f"{path}_{_suffix(op)}"
            source = self._node(name, op, (source,), path)
        return source

    def _node(self, name: str, op: Op, inputs: tuple[Ref, ...], unit: str = "") -> Ref:
        self.nodes.append(
            Node(name or op.type.lower(), op, inputs, unit or name or op.type.lower())
        )
        return (self.nodes[-1].name, 0)


def _suffix(op: Op) -> str:
    """The short name of a layer that belongs to another: bn, relu, dropout, ..."""
    return "bn" if op.type.startswith("BatchNorm") else op.type.lower()


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def renamed(graph: Graph, **changes: object) -> Graph:
    """A copy of a graph with other header fields (name, factory, paper, inputs)."""
    return replace(graph, **changes)  # type: ignore[arg-type]
