"""The fold over a graph: shapes, then work and storage, row by row and in total."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from netcalc.core.graph import Graph, Node
from netcalc.core.ops.base import Op
from netcalc.core.tensor import BYTES, Tensor
from netcalc.core.term import Guard, Storage, Term
from netcalc.errors import InputError, SpecError

OnGuard: TypeAlias = Callable[[Node, tuple[Tensor, ...], Guard], None]
"""What to do with each guard: refuse (integers), mask (arrays), collect (symbols)."""


@dataclass(slots=True)
class Counts:
    """Sums over terms. FLOPs are 2 x MACs, exactly; other work stands in ``ops`` by kind."""

    weights: Any = 0
    biases: Any = 0
    buffers: Any = 0
    trainable: Any = 0
    macs: Any = 0
    ops: Mapping[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> Any:
        """Learnable scalars: weights and biases."""
        return self.weights + self.biases

    @property
    def flops(self) -> Any:
        """Two for each MAC, nothing else."""
        return 2 * self.macs


@dataclass(slots=True)
class Stored:
    """A parameter or buffer of the network: its key, role (weight, bias, buffer) and shape."""

    key: str
    role: str
    shape: tuple[Any, ...]
    numel: Any
    dtype: str
    trainable: bool
    node: str
    operand: str


@dataclass(slots=True)
class Row:
    """One node with its shapes, terms and counts.

    A tensor that an earlier row holds already (tied weights) is not counted again: its term stands
    in ``terms``, its number in the earlier row only.
    """

    node: Node
    ins: tuple[Tensor, ...]
    outs: tuple[Tensor, ...]
    terms: tuple[Term, ...]
    counts: Counts
    stored: tuple[Stored, ...]

    @property
    def name(self) -> str:
        """The path of the node."""
        return self.node.name

    @property
    def type(self) -> str:
        """The PyTorch name of the kind of layer."""
        return self.node.op.type


@dataclass(slots=True)
class Totals(Counts):
    """Counts of a whole network, and what is not a sum.

    ``depth`` is the largest number of convolution and linear layers on a path to the main output,
    ``depth_with_pools`` counts pooling layers too; ``layers`` is the number of nodes that hold
    parameters.
    """

    depth: int = 0
    depth_with_pools: int = 0
    layers: int = 0
    param_bytes: Any = 0


@dataclass(frozen=True, slots=True)
class Result:
    """A graph on given inputs: one row per node, and the totals."""

    graph: Graph
    inputs: Mapping[str, Tensor]
    rows: tuple[Row, ...]
    totals: Totals
    outputs: Mapping[str, Tensor]

    def under(self, path: str) -> tuple[Row, ...]:
        """The rows that a path names (all for "")."""
        names = {node.name for node in self.graph.under(path)}
        return tuple(row for row in self.rows if row.name in names)


def refuse(node: Node, ins: tuple[Tensor, ...], guard: Guard) -> None:
    """Raise SpecError where a guard on integers does not hold."""
    if not all(guard.holds):
        on = " and ".join(str(x) for x in ins)
        raise SpecError(f"{node.name}: {node.op} on {on}: {guard.message}")


def analyse(
    graph: Graph, inputs: Mapping[str, Tensor] | None = None, on_guard: OnGuard = refuse
) -> Result:
    """Shapes, work and storage of every node.

    ``inputs`` replaces the graph's default inputs by name. Raises SpecError, which names the node,
    its input and the numbers, where a layer cannot be applied; InputError for an input the graph
    does not have.
    """
    given = dict(graph.inputs)
    for name in inputs or {}:
        if name not in given:
            raise InputError(f"{graph.name} has no input {name!r}; it has {', '.join(given)}")
    given |= inputs or {}
    values: dict[str, tuple[Tensor, ...]] = {name: (x,) for name, x in given.items()}
    rows = tuple(_rows(graph, values, on_guard))
    outputs = {name: values[ref][i] for name, (ref, i) in graph.outputs.items()}
    return Result(graph, given, rows, _totals(graph, rows), outputs)


def _rows(
    graph: Graph, values: dict[str, tuple[Tensor, ...]], on_guard: OnGuard
) -> Iterator[Row]:
    seen: set[str] = set()
    for node in graph.nodes:
        op = node.op
        ins = tuple([values[ref][i] for ref, i in node.inputs])
        for guard in op.guards(*ins):
            on_guard(node, ins, guard)
        outs = values[node.name] = op.shape(*ins)
        terms = op.terms(ins, outs)
        stored = tuple(_stored(node, ins, terms, seen))
        yield Row(node, ins, outs, terms, _counts(terms, stored), stored)


def _stored(
    node: Node, ins: tuple[Tensor, ...], terms: tuple[Term, ...], seen: set[str]
) -> Iterator[Stored]:
    """The tensors that this node is the first to hold."""
    for term in terms:
        if not isinstance(term, Storage):
            continue
        key = node.key(term.operand)
        if key is None or key in seen:
            continue
        seen.add(key)
        trainable = term.kind != "buffer" and term.operand not in node.frozen
        dtype = term.dtype or ins[0].dtype
        yield Stored(
            key, term.kind, term.shape, term.value, dtype, trainable, node.name, term.operand
        )


def _counts(terms: tuple[Term, ...], stored: tuple[Stored, ...]) -> Counts:
    roles: dict[str, Any] = {"weight": 0, "bias": 0, "buffer": 0}
    trainable: Any = 0
    for tensor in stored:
        roles[tensor.role] += tensor.numel
        if tensor.trainable:
            trainable += tensor.numel
    macs: Any = 0
    ops: dict[str, Any] = {}
    for term in terms:
        if term.kind == "mac":
            macs += term.value
        elif term.kind not in roles:
            ops[term.kind] = ops.get(term.kind, 0) + term.value
    return Counts(roles["weight"], roles["bias"], roles["buffer"], trainable, macs, ops)


def _totals(graph: Graph, rows: tuple[Row, ...]) -> Totals:
    sums = total(row.counts for row in rows)
    main = next(iter(graph.outputs.values()))[0]
    held = [t for row in rows for t in row.stored if t.role != "buffer"]
    return Totals(
        sums.weights,
        sums.biases,
        sums.buffers,
        sums.trainable,
        sums.macs,
        sums.ops,
        depth_at(graph, main, lambda op: op.DEPTH),
        depth_at(graph, main, lambda op: op.DEPTH + op.POOL),
        len({t.node for t in held}),
        sum(t.numel * BYTES[t.dtype] for t in held),
    )


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of counts."""
    weights: Any = 0
    biases: Any = 0
    buffers: Any = 0
    trainable: Any = 0
    macs: Any = 0
    ops: dict[str, Any] = {}
    for c in counts:
        weights += c.weights
        biases += c.biases
        buffers += c.buffers
        trainable += c.trainable
        macs += c.macs
        for kind, n in c.ops.items():
            ops[kind] = ops.get(kind, 0) + n
    return Counts(weights, biases, buffers, trainable, macs, ops)


def depth_at(graph: Graph, name: str, weight: Callable[[Op], int]) -> int:
    """The heaviest path from an input to the node called ``name``."""
    depths = dict.fromkeys(graph.inputs, 0)
    for node in graph.nodes:
        before = max([depths[ref] for ref, _ in node.inputs], default=0)
        depths[node.name] = before + weight(node.op)
    return depths[name]
