"""The operators of a pass as nodes of a graph: names, edges, and the tensors behind operands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from netcalc.core.graph import Graph, Node, Ref
from netcalc.core.ops.elementwise import Binary
from netcalc.core.ops.stored import Buffer, Parameter
from netcalc.core.ops.unknown import Unknown
from netcalc.core.tensor import Tensor
from netcalc.errors import SpecError
from netcalc.pytorch.events import Event, Seen, Shape
from netcalc.pytorch.handed import handed_on
from netcalc.pytorch.lifted import Lifted, operands_fit
from netcalc.pytorch.paths import owned, path_of
from netcalc.pytorch.watch import Watch
from netcalc.pytorch.writes import WRITTEN

COUNT = "num_batches_tracked"
SHOWN = 5
"""So many differences between netcalc's rules and PyTorch are told, if there are any."""


class Builder:
    """A graph from what was seen of a pass."""

    def __init__(self, model: nn.Module, seen: Watch, inputs: dict[str, torch.Tensor]) -> None:
        self.seen = seen
        self.model = model
        self.nodes: list[Node] = []
        self.differing: list[str] = []
        self.derived = self.stated = 0
        self._names: dict[str, int] = {}
        self._read: set[str] = set()
        self._operators: dict[str, str] = {}
        self._refs: dict[int, Ref] = {}
        self._roots: dict[int, int] = {}
        self._more: dict[int, tuple[Event, int]] = {}
        self._leaves = {name: not m._modules for name, m in seen.modules.items()}
        self._parameters, self._buffers = seen.parameters, seen.buffers
        self.inputs: dict[str, Tensor] = {}
        for name, tensor in inputs.items():
            value = seen.see(tensor)
            self._refs[value.value] = (name, 0)
            self._names[name] = 1
            self.inputs[name] = Tensor(value.shape, value.dtype)

    def graph(self, out: Any) -> Graph:
        """The graph, with its outputs in the order in which the model returns them."""
        for event in self.seen.events:
            self._event(event)
        for value in (x for _, outs in self.seen.calls for x in outs if x.value in self._more):
            self._ref(value)
        outputs: dict[str, Ref] = {}
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                ref = self._ref(self.seen.see(tensor))
                outputs[ref[0] if ref[0] not in outputs else f"{ref[0]}:{len(outputs)}"] = ref
        self._unread()
        name = type(self.model).__name__
        remarks = tuple(self._remarks())
        return Graph(name, tuple(self.nodes), self.inputs, outputs, name, remarks=remarks)

    def returned(self) -> list[tuple[str, tuple[Ref, ...]]]:
        """What each call of a module gave back, by the module's path."""
        return [(path, tuple(self._ref(x) for x in outs)) for path, outs in self.seen.calls]

    def names(self) -> list[str]:
        """For each event the node that it became; "" for what only hands its input on."""
        return [
            self._refs.get(event.outputs[0].value, ("", 0))[0]
            if event.outputs and handed_on(event) is None
            else ""
            for event in self.seen.events
        ]

    def recorded(self) -> dict[str, list[Shape]]:
        """The shapes that came out of each node's operator, as PyTorch had them."""
        found: dict[str, list[Shape]] = {}
        for event in self.seen.events:
            for out in event.outputs if handed_on(event) is None else ():
                if out.value in self._more:
                    continue  # nothing reads it, and the graph has none
                name, at = self._refs.get(out.value, ("", 0))
                shapes = found.setdefault(name, [])
                if at == len(shapes):
                    shapes.append(out.shape)
        return found

    def _remarks(self) -> Iterator[str]:
        yield f"shapes: {self.derived:,} derived, {self.stated:,} stated"
        if self.seen.autocast:
            yield "autocast is not followed: types and bytes are those without it"
        for told in self.differing[:SHOWN]:
            yield f"netcalc's rule differs from PyTorch, please report it: {told}"

    # --- operators -----------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        source = handed_on(event)
        if source is not None:
            (out,) = event.outputs
            self._roots[out.value] = self._roots.get(source.value, source.value)
            if source.value in self._refs:
                self._refs[out.value] = self._refs[source.value]
            return
        if not event.outputs:
            return
        lifted = event.lifted
        if lifted is None or not (event.answered or self._agrees(event, lifted)):
            self._unknown(event)
            return
        self.stated += lifted.op.STATED
        self.derived += not lifted.op.STATED
        path = self._path(event)
        name = self._unique(path)
        # what a module does in a second call is counted with its first
        unit = path if path == path_of(event.path) else name
        tensors, frozen, computed = self._operands(name, lifted)
        inputs = tuple(self._ref(x) for x in (*lifted.inputs, *computed.values()))
        operands, types = tuple(computed), _types(lifted)
        node = Node(name, lifted.op, inputs, unit, tensors, frozen, "", operands, types)
        self.nodes.append(node)
        if lifted.plus is not None:
            added = self._ref(lifted.plus)
            name, product = self._unique(f"{name}/add"), name
            self.nodes.append(Node(name, Binary("add"), ((product, 0), added), name))
        self._refs |= {out.value: (name, i) for i, out in enumerate(event.outputs)}
        if len(event.outputs) > 1:
            self._beyond(event, lifted)

    def _beyond(self, event: Event, lifted: Lifted) -> None:
        """Outputs that the rule of the last layer does not give, for where something reads one."""
        ins = tuple([Tensor(x.shape, x.dtype) for x in lifted.inputs])
        for out in event.outputs[len(lifted.op.shape(*ins)) :]:
            del self._refs[out.value]
            self._more[out.value] = (event, len(self.nodes) - 1)

    def _asked(self, value: Seen) -> None:
        """An output beyond those of a layer: the places of a max pool, or what has no rule."""
        event, at = self._more.pop(value.value)
        node = self.nodes[at]
        if getattr(node.op, "return_indices", None) is False:
            op: Any = node.op
            self.nodes[at] = node._replace(op=replace(op, return_indices=True))
            self._refs[value.value] = (node.name, 1)
        else:
            name = self._unique(f"{node.name}/more")
            op = Unknown(event.name, value.shape, value.dtype)
            self.nodes.append(Node(name, op, node.inputs, name))
            self._refs[value.value] = (name, 0)

    def _agrees(self, event: Event, lifted: Lifted) -> bool:
        """Whether netcalc's own rule gives the shapes that PyTorch gave; it is told if not."""
        ins = tuple([Tensor(x.shape, x.dtype) for x in lifted.inputs])
        op, (least, most) = lifted.op, lifted.op.ARITY
        if not least <= len(ins) <= (len(ins) if most is None else most):
            return False
        for guard in op.conditions(*ins):
            if not all(guard.holds):
                return self._differs(event, f"{op} refuses {', '.join(map(str, ins))}")
        try:
            outs = op.shape(*ins)
        except SpecError as problem:
            return self._differs(event, f"{op} refuses: {problem}")
        for mine, theirs in zip(outs, event.outputs, strict=False):
            if mine.dims != theirs.shape:
                shapes = ("x".join(map(str, s)) for s in (mine.dims, theirs.shape))
                return self._differs(event, f"{op} gives {' and PyTorch '.join(shapes)}")
        if not operands_fit(lifted, ins, outs):
            return self._differs(event, f"{op} has tensors of other shapes")
        return True

    def _differs(self, event: Event, told: str) -> bool:
        self.differing.append(f"{self._path(event)}: {told}")
        return False

    def _unknown(self, event: Event) -> None:
        name = self._unique(self._path(event))
        inputs = tuple(self._ref(x) for x in event.inputs())
        for i, out in enumerate(event.outputs):
            path = name if i == 0 else self._unique(f"{name}.{i}")
            op = Unknown(event.name, out.shape, out.dtype)
            self.nodes.append(Node(path, op, inputs, name))
            self._refs[out.value] = (path, 0)

    def _operands(
        self, name: str, lifted: Lifted
    ) -> tuple[dict[str, str | None], frozenset[str], dict[str, Seen]]:
        """The keys of a layer's tensors, those that are not trained, those that are computed."""
        tensors: dict[str, str | None] = {}
        frozen: set[str] = set()
        computed: dict[str, Seen] = {}
        for operand, value in lifted.operands.items():
            key = self._key(value)
            learned = key in self._parameters or operand in _STATISTICS
            if key is None or not learned:  # a buffer in a parameter's place stands by itself
                computed[operand] = value
                tensors[operand] = None
                continue
            self._read.add(key)
            if owned(key) != f"{name}.{operand}":
                tensors[operand] = owned(key)
            if key in self._parameters and not self._parameters[key].requires_grad:
                frozen.add(operand)
        if getattr(lifted.op, "affine", False):  # a scale may come without a shift
            given = lifted.operands
            tensors |= {name: None for name in ("weight", "bias") if name not in given}
        mean = lifted.operands.get("running_mean")
        if mean is not None:
            count = (self._key(mean) or "").removesuffix("running_mean") + COUNT
            if count not in self._buffers:
                tensors[COUNT] = None
            elif owned(count) != f"{name}.{COUNT}":
                tensors[COUNT] = owned(count)
            self._read.add(count)
        return tensors, frozenset(frozen), computed

    # --- values and names ----------------------------------------------------------------------

    def _key(self, value: Seen) -> str | None:
        """The key of a parameter or buffer, also where it was only transposed or detached."""
        return self.seen.keys.get(self._roots.get(value.value, value.value))

    def _ref(self, value: Seen) -> Ref:
        """Where a value comes from; a stored tensor gets a node where it is first used as it is."""
        if value.value in self._more:
            self._asked(value)
        if value.value not in self._refs:
            root = self._roots.get(value.value, value.value)
            if root not in self._refs:
                key = self.seen.keys.get(root)
                name = self._constant(value) if key is None else self._stored(key)
                self._refs[root] = (name, 0)
            self._refs[value.value] = self._refs[root]
        return self._refs[value.value]

    def _constant(self, value: Seen) -> str:
        """The node of a tensor that the model's code holds and that is no buffer."""
        name = self._unique("constant")
        held = Buffer(value.shape, value.dtype)
        self.nodes.append(Node(name, held, (), name, {"value": None}))
        return name

    def _stored(self, key: str) -> str:
        """The node of a parameter or buffer that is used as it is, or not at all."""
        self._read.add(key)
        tensor = self._parameters[key] if key in self._parameters else self._buffers[key]
        dtype = str(tensor.dtype).removeprefix("torch.")
        kind = Parameter if key in self._parameters else Buffer
        fixed = kind is Parameter and not tensor.requires_grad
        name = self._unique(path_of(key))
        frozen = frozenset({"value"}) if fixed else frozenset[str]()
        op = kind(tuple(tensor.shape), dtype)
        self.nodes.append(Node(name, op, (), name, {"value": owned(key)}, frozen))
        return name

    def _unread(self) -> None:
        """Parameters and buffers that the pass did not read, which the model has all the same."""
        for key in (*self._parameters, *self._buffers):
            if key not in self._read:
                self._stored(key)

    def _path(self, event: Event) -> str:
        """A module's path where the operator is all of it, else the operator's name below it."""
        path = path_of(event.path)
        if event.name == WRITTEN:  # of the model that called the module which reads it
            path = path.rpartition("/")[0]
            return f"{path}/{WRITTEN}" if path else WRITTEN
        leaf = path and self._leaves.get(event.path)
        if leaf and self._operators.setdefault(path, event.name) == event.name:
            return path  # a second call gets a number
        operator = event.name.strip("_").replace("::", ".")
        return f"{path}/{operator}" if path else operator

    def _unique(self, name: str) -> str:
        count = self._names.get(name, 0) + 1
        self._names[name] = count
        return name if count == 1 else self._unique(f"{name}_{count}")


def _types(lifted: Lifted) -> dict[str, str]:
    """The types of the operands that are not of the type of the layer's input or its own."""
    said = getattr(lifted.op, "dtype", "") or (lifted.inputs[0].dtype if lifted.inputs else "")
    return {name: x.dtype for name, x in lifted.operands.items() if x.dtype != said}


_STATISTICS = ("running_mean", "running_var")
