"""The fold over a graph: shapes, then work and storage, row by row and in total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from netcalc.core.depths import depths
from netcalc.core.graph import Graph, Node
from netcalc.core.numbers import product
from netcalc.core.ops.unknown import Unknown
from netcalc.core.tensor import BYTES, Tensor
from netcalc.core.term import Term
from netcalc.core.walk import OnGuard, first_key, no_output, refuse, walk
from netcalc.errors import InputError, SpecError, did_you_mean


@dataclass(slots=True)
class Counts:
    """Sums over terms. FLOPs are 2 x MACs, exactly; other work stands in ``ops`` by kind."""

    weights: Any = 0
    biases: Any = 0
    buffers: Any = 0
    trainable: Any = 0
    macs: Any = 0
    ops: dict[str, Any] = field(default_factory=dict)

    def store(self, tensor: Stored) -> None:
        """Count a parameter or buffer."""
        if tensor.role == "weight":
            self.weights += tensor.numel
        elif tensor.role == "bias":
            self.biases += tensor.numel
        else:
            self.buffers += tensor.numel
        if tensor.trainable:
            self.trainable += tensor.numel

    @property
    def params(self) -> Any:
        """Learnable scalars: weights and biases."""
        return self.weights + self.biases

    @property
    def flops(self) -> Any:
        """Two for each MAC, nothing else."""
        return 2 * self.macs


class Stored(NamedTuple):
    """A parameter or buffer of the network: its key, role (weight, bias, buffer) and shape."""

    key: str
    role: str
    shape: tuple[Any, ...]
    numel: Any
    dtype: str
    trainable: bool
    node: str
    operand: str


class Row(NamedTuple):
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
    parameters; ``cache_bytes`` are those of what the model keeps for the next step (the KV cache).
    """

    depth: int = 0
    depth_with_pools: int = 0
    layers: int = 0
    param_bytes: Any = 0
    cache_bytes: Any = 0


class Result(NamedTuple):
    """A graph on given inputs: one row per node, and the totals."""

    graph: Graph
    inputs: Mapping[str, Tensor]
    rows: tuple[Row, ...]
    totals: Totals
    outputs: Mapping[str, Tensor]

    @property
    def unknown(self) -> dict[str, list[str]]:
        """The operators that have no rule, with the layers that they stand for.

        Further outputs of one call are rows of their own, and no calls.
        """
        calls: dict[Any, tuple[str, str]] = {}
        for row in self.rows:
            node = row.node
            if isinstance(node.op, Unknown):
                call = node.op.operator, node.unit, node.inputs
                calls.setdefault(call, (node.op.operator, row.name))
        found: dict[str, list[str]] = {}
        for operator, name in calls.values():
            found.setdefault(operator, []).append(name)
        return found

    def under(self, path: str) -> tuple[Row, ...]:
        """The rows that a path names (all for "")."""
        names = {node.name for node in self.graph.under(path)}
        return tuple(row for row in self.rows if row.name in names)


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
    _check_shared(rows)
    try:
        outputs = {name: values[ref][i] for name, (ref, i) in graph.outputs.items()}
        cache = [values[ref][i] for ref, i in dict.fromkeys(graph.cache)]
    except IndexError:
        refs = (*graph.outputs.values(), *graph.cache)
        raise no_output("outputs", refs, values) from None
    totals = _totals(graph, rows, sum(x.nbytes for x in cache))
    return Result(graph, given, rows, totals, outputs)


def _rows(graph: Graph, values: dict[str, tuple[Tensor, ...]], on_guard: OnGuard) -> Iterator[Row]:
    seen: dict[str, tuple[Any, ...]] = {}
    for node, ins, outs, terms in walk(graph, values, on_guard):
        yield Row(node, ins, outs, terms, *_tally(node, ins, terms, seen))


def _tally(
    node: Node,
    ins: tuple[Tensor, ...],
    terms: tuple[Term, ...],
    seen: dict[str, tuple[Any, ...]],
) -> tuple[Counts, tuple[Stored, ...]]:
    """The counts of a node, and the tensors that it is the first to hold."""
    if node.frozen or node.tensors:
        _check_operands(node, terms, seen)
    counts = Counts()
    stored: list[Stored] = []
    for term in terms:
        kind, value = term.kind, product(term.factors)
        if kind == "mac":
            counts.macs += value
        elif not term.operand:
            counts.ops[kind] = counts.ops.get(kind, 0) + value
        else:
            key = first_key(node, term, seen)
            if key is not None:
                stored.append(_stored(node, ins, term, key, value))
                counts.store(stored[-1])
    return counts, tuple(stored)


def _check_operands(node: Node, terms: tuple[Term, ...], seen: dict[str, tuple[Any, ...]]) -> None:
    """What is frozen or shared must be a tensor of the layer, of the shape of the one it shares."""
    operands = {term.operand: term for term in terms if term.operand}
    for name in (*sorted(node.frozen), *node.tensors):
        if name not in operands:
            hint = did_you_mean(name, operands) or f"it has {', '.join(operands) or 'none'}"
            raise SpecError(f"{node.where}: {node.op.type} has no tensor {name!r}; {hint}")
    for name, key in node.tensors.items():
        shape = operands[name].shape
        if key is not None and seen.get(key, shape) != shape:
            sizes = " and ".join("x".join(map(str, s)) for s in (seen[key], shape))
            raise SpecError(f"{node.where}: {key} cannot be its {name}: their shapes are {sizes}")


def _check_shared(rows: tuple[Row, ...]) -> None:
    """A tensor that a file says a layer shares must be that of another one."""
    sharing = [row for row in rows if row.node.tensors and row.node.place]
    if not sharing:
        return
    users = Counter(row.node.key(t.operand) for row in rows for t in row.terms if t.operand)
    for row in sharing:
        for operand, key in row.node.tensors.items():
            if key is not None and users[key] < 2:
                known = [k for k in users if k is not None and k != key]
                hint = did_you_mean(key, known) or "name that of another layer, as a/conv.weight"
                raise SpecError(
                    f"{row.node.where}: no other layer has {key} (its {operand}); {hint}"
                )


def _stored(node: Node, ins: tuple[Tensor, ...], term: Term, key: str, value: Any) -> Stored:
    """The tensor behind a term of storage."""
    trainable = term.kind != "buffer" and term.operand not in node.frozen
    dtype = term.dtype or ins[0].dtype
    return Stored(key, term.kind, term.shape, value, dtype, trainable, node.name, term.operand)


def _totals(graph: Graph, rows: tuple[Row, ...], cache_bytes: Any) -> Totals:
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
        *depths(graph)[main],
        len({t.node for t in held}),
        sum(t.numel * BYTES[t.dtype] for t in held),
        cache_bytes,
    )


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of counts."""
    result = Counts()
    for c in counts:
        result.weights += c.weights
        result.biases += c.biases
        result.buffers += c.buffers
        result.trainable += c.trainable
        result.macs += c.macs
        for kind, n in c.ops.items():
            result.ops[kind] = result.ops.get(kind, 0) + n
    return result
