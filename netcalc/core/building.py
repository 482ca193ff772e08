"""From blocks to a graph: the layers one after the other, under their paths, with their inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from netcalc.core.blocks import (
    Block,
    Branches,
    Chain,
    Head,
    Layer,
    Use,
)
from netcalc.core.fields import axes
from netcalc.core.frozen import FrozenDict
from netcalc.core.graph import Graph, Node, Ref
from netcalc.core.inputs import whole
from netcalc.core.numbers import Num
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.errors import SpecError, did_you_mean


def network(
    layers: Layer,
    /,
    input: tuple[Num, ...] | Mapping[str, tuple[Num, ...] | Tensor],  # noqa: A002  (field's word)
    name: str = "network",
    paper: str = "",
    batched: bool = True,
    loss_weights: Mapping[str, float] = FrozenDict(),
    outputs: Mapping[str, str] | None = None,
    cache: Sequence[str] = (),
) -> Graph:
    """The graph of a block.

    ``input`` is the shape of its only input, batch included, as in ``(1, 3, 224, 224)``, or a
    mapping from the names of several to their shapes: the block acts on the first, others are
    taken with ``use``. Where the first axis is not a batch, say ``batched=False``.

    ``outputs`` maps names to layers, the main output first; unless given, they are the end of the
    block and those of its heads. ``loss_weights`` are those of training heads, by their paths.
    ``cache`` names what the network keeps for its next step.

    Raises SpecError where names collide, are no names, or mean nothing, or where a layer has the
    wrong number of inputs.
    """
    inputs = _inputs(input)
    builder = Builder(inputs)
    end = builder.add(layers, "", builder.sources[:1])
    found = {end[0]: end, **builder.outputs}
    if outputs is not None:
        found = {key: builder.find(ref, "", f"output {key}") for key, ref in outputs.items()}
    kept = tuple(builder.find(ref, "", "cache") for ref in cache)
    nodes = tuple(builder.nodes)
    return Graph(name, nodes, inputs, found, name, paper, batched, loss_weights, cache=kept)


def _inputs(given: object) -> dict[str, Tensor]:
    if not isinstance(given, Mapping):
        given = {"input": given}
    if not given:
        raise SpecError("a network needs an input")
    for name, shape in given.items():
        if not isinstance(shape, tuple | list | Tensor):
            raise SpecError(f"{name} must be a shape such as (1, 3, 224, 224), got {shape!r}")
    return {
        name: whole(name, x) if isinstance(x, Tensor) else Tensor(axes(name, x))
        for name, x in given.items()
    }


class Builder:
    """Appends the nodes of blocks and remembers where each path ends."""

    def __init__(self, inputs: Sequence[str] | Mapping[str, Tensor]) -> None:
        self.nodes: list[Node] = []
        self.outputs: dict[str, Ref] = {}
        self.sources: tuple[Ref, ...] = tuple((name, 0) for name in inputs)
        self._ends: dict[str, Ref] = {}
        self._root = ""
        self._bound: dict[str, Ref] = {name: (name, 0) for name in inputs}
        self._use = Use(Chain({}))

    def add(self, layer: Layer, path: str, sources: tuple[Ref, ...]) -> Ref:
        """Append the nodes of a layer or block on given inputs; the reference of its end."""
        if isinstance(layer, Use):
            return self._used(layer, path, sources)
        if isinstance(layer, Block):
            return self._block(layer, path, sources)
        if isinstance(layer, Op | tuple):
            ops = _units(layer)
            return self._unit(ops, path, () if _stands_alone(ops) else sources)
        if len(sources) != 1:
            raise SpecError(f"{self._where(path)}: it takes one input, got {len(sources)}")
        if isinstance(layer, Chain):
            return self._chain(layer, path, sources)
        if isinstance(layer, Branches):
            ends = tuple(
                self._named(_join(path, name), inner, sources)
                for name, inner in layer.branches.items()
            )
            return self._node(_join(path, layer.join.type.lower()), layer.join, ends)
        if isinstance(layer, Head):
            self.outputs[path] = self.add(layer.block, path, sources)
            return sources[0]
        raise SpecError(f"{path or 'network'}: {layer!r} is not a layer or a block")

    def find(self, name: str, path: str, where: str = "") -> Ref:
        """What a name means to the layer at a path: see Use.

        Raises SpecError where it means nothing, with the nearest that does.
        """
        base, colon, index = name.removeprefix("/").partition(":")
        if colon and not re.fullmatch(r"\d{1,4}", index):
            raise SpecError(f"{where or self._where(path)}: write {base}:1 for a second output")
        inside = self._root if name[:1] == "/" else path
        while inside != self._root:
            inside = inside.rpartition("/")[0]
            ref = self._ends.get(_join(inside, base))
            if ref is not None:
                return (ref[0], int(index)) if index else ref
        whole = _join(self._root, base)
        if (not path or name[:1] == "/") and whole in self._ends:
            return (self._ends[whole][0], int(index or self._ends[whole][1]))
        if base in self._bound and not int(index or 0):
            return self._bound[base]
        inside = f"{self._root}/" if self._root else ""
        seen = (p.removeprefix(inside) for p in self._ends if p.startswith(inside))
        known = [*self._bound, *seen]
        hint = did_you_mean(base, known) or "name one that comes before it"
        raise SpecError(f"{where or self._where(path)}: there is no earlier layer {base}; {hint}")

    def _used(self, use: Use, path: str, sources: tuple[Ref, ...]) -> Ref:
        before, self._use = self._use, use if use.place else _at(use, self._use.place)
        if use.inputs is not None:
            sources = tuple(self.find(name, path) for name in use.inputs)
            if sources and _stands_alone(_units(use.layer)):
                raise SpecError(f"{self._where(path)}: it takes no inputs; leave them out")
        end = self.add(use.layer, path, sources)
        self._use = before
        return end

    def _block(self, block: Block, path: str, sources: tuple[Ref, ...]) -> Ref:
        if len(block.inputs) != len(sources):
            wanted = ", ".join(block.inputs)
            raise SpecError(
                f"{self._where(path)}: it takes {len(block.inputs)} input(s) ({wanted}),"
                f" got {len(sources)}"
            )
        body = block.body.layer if isinstance(block.body, Use) else block.body
        whole = isinstance(
            body, Op | tuple
        )  # a layer alone acts on all inputs, others on the first
        with self._scope(path, dict(zip(block.inputs, sources, strict=True))):
            return self.add(block.body, path, sources if whole else sources[:1])

    @contextmanager
    def _scope(self, root: str, bound: dict[str, Ref]) -> Iterator[None]:
        before = self._root, self._bound
        self._root, self._bound = root, bound
        yield
        self._root, self._bound = before

    def _chain(self, block: Chain, path: str, sources: tuple[Ref, ...]) -> Ref:
        for name, layer in block.layers.items():
            sources = (self._named(_join(path, name), layer, sources),)
        return sources[0]

    def _named(self, path: str, layer: Layer, sources: tuple[Ref, ...]) -> Ref:
        """Add what stands under a path, which from then on means its end (or that of a head)."""
        end = self.add(layer, path, sources)
        self._ends[path] = self.outputs.get(path, end)
        return end

    def _unit(self, ops: tuple[Op, ...], path: str, sources: tuple[Ref, ...]) -> Ref:
        for i, op in enumerate(ops):
            if not isinstance(op, Op):
                raise SpecError(f"{path or 'network'}: {op!r} is not a layer or a block")
            name = path if i == 0 else f"{path}_{suffix(op)}"
            again = sum(suffix(other) == suffix(op) for other in ops[1:i]) if i else 0
            name = f"{name}{again + 1}" if again else name
            sources = (self._node(name, op, sources, path, first=i == 0),)
        return sources[0]

    def _node(
        self, name: str, op: Op, inputs: tuple[Ref, ...], unit: str = "", first: bool = True
    ) -> Ref:
        """Append a node; what is said of tensors is said of the first one of a tuple."""
        name = name or op.type.lower()
        said = self._use
        unit = said.unit or unit or name
        if first:
            beside = (said.tensors, said.frozen, said.place, said.operands, said.types)
            own = Node(name, op, inputs, unit, *beside)
        else:
            own = Node(name, op, inputs, unit, place=said.place)
        self.nodes.append(own)
        self._ends[name] = (name, 0)
        return (name, 0)

    def _where(self, path: str) -> str:
        return f"{self._use.place} {path}".strip() or "network"


def _at(use: Use, place: str) -> Use:
    return replace(use, place=place)


def _units(layer: Layer) -> tuple[Op, ...]:
    """A layer with those that belong to it; empty for what is no single layer."""
    return layer if isinstance(layer, tuple) else (layer,) if isinstance(layer, Op) else ()


def _stands_alone(ops: tuple[Op, ...]) -> bool:
    """Whether a layer is of a kind without inputs, such as a stored tensor."""
    return bool(ops) and isinstance(ops[0], Op) and ops[0].ARITY[1] == 0


def suffix(op: Op) -> str:
    """The short name of a layer that belongs to another: bn, relu, dropout, ..."""
    return "bn" if op.type.startswith("BatchNorm") else op.type.lower()


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
