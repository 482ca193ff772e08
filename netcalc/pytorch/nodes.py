"""The operators of a pass as nodes of a graph: names, edges, and the tensors behind operands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from netcalc.core.analyse import refuse
from netcalc.core.graph import Graph, Node, Ref
from netcalc.core.ops.elementwise import Binary
from netcalc.core.ops.stored import Buffer, Parameter
from netcalc.core.ops.unknown import Unknown
from netcalc.core.tensor import Tensor
from netcalc.errors import SpecError
from netcalc.pytorch.events import Event, Seen, Watch
from netcalc.pytorch.lift import lift
from netcalc.pytorch.lifted import Lifted
from netcalc.pytorch.record import FREE
from netcalc.pytorch.seen import OPERANDS

COUNT = "num_batches_tracked"
SHOWN = 5
"""So many differences between netcalc's rules and PyTorch are told, if there are any."""


def named_inputs(
    model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, torch.Tensor]:
    """The tensors among the arguments, by the names that the forward method has for them."""
    try:
        bound = inspect.signature(model.forward).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {"input": args, **kwargs}
    found: dict[str, torch.Tensor] = {}
    for name, value in bound.items():
        tensors = [t for t in tree_leaves(value) if isinstance(t, torch.Tensor)]
        for i, tensor in enumerate(tensors):
            found[name if len(tensors) == 1 else f"{name}.{i}"] = tensor
    return found


def owned(key: str) -> str:
    """A tensor's key in netcalc's words: ``layer1/0/conv1.weight``."""
    path, _, operand = key.rpartition(".")
    return f"{path.replace('.', '/')}.{operand}" if path else key


class Builder:
    """A graph from what was seen of a pass."""

    def __init__(self, model: nn.Module, seen: Watch, inputs: dict[str, torch.Tensor]) -> None:
        self.seen = seen
        self.model = model
        self.nodes: list[Node] = []
        self.differing: list[str] = []
        self.derived = self.stated = 0
        self._names: dict[str, int] = {}
        self._operators: dict[str, str] = {}
        self._refs: dict[int, Ref] = {}
        self._roots: dict[int, int] = {}
        named = model.named_modules(remove_duplicate=False)
        self._leaves = {name: next(m.children(), None) is None for name, m in named}
        self._parameters = dict(model.named_parameters())
        self._buffers = dict(model.named_buffers())
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

    def _remarks(self) -> Iterator[str]:
        yield f"shapes: {self.derived:,} derived, {self.stated:,} stated"
        for told in self.differing[:SHOWN]:
            yield f"netcalc's rule differs from PyTorch, please report it: {told}"

    # --- operators -----------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        source = _handed_on(event)
        if source is not None:
            (out,) = event.outputs
            self._roots[out.value] = self._roots.get(source.value, source.value)
            if source.value in self._refs:
                self._refs[out.value] = self._refs[source.value]
            return
        if not event.outputs:
            return
        lifted = lift(event)
        if lifted is None or not self._agrees(event, lifted):
            self._unknown(event)
            return
        name = self._unique(self._path(event))
        tensors, frozen, computed = self._operands(name, lifted)
        inputs = tuple(self._ref(x) for x in (*lifted.inputs, *computed.values()))
        operands = tuple(computed)
        node = Node(name, lifted.op, inputs, name, tensors, frozen, operands=operands)
        self.nodes.append(node)
        if lifted.plus is not None:
            added = self._ref(lifted.plus)
            name, product = self._unique(f"{name}/add"), name
            self.nodes.append(Node(name, Binary("add"), ((product, 0), added), name))
        self._refs |= {out.value: (name, i) for i, out in enumerate(event.outputs)}

    def _agrees(self, event: Event, lifted: Lifted) -> bool:
        """Whether netcalc's own rule gives the shapes that PyTorch gave; it is told if not."""
        ins = tuple(Tensor(x.shape, x.dtype) for x in lifted.inputs)
        node = Node(self._path(event), lifted.op, (), "")
        least, most = lifted.op.ARITY
        if not least <= len(ins) <= (len(ins) if most is None else most):
            return False
        try:
            for guard in lifted.op.conditions(*ins):
                refuse(node, ins, guard)
            outs = [x.dims for x in lifted.op.shape(*ins)]
        except SpecError as problem:
            self.differing.append(str(problem))
            return False
        same = all(dims == x.shape for dims, x in zip(outs, event.outputs, strict=False))
        if not same:
            shapes = ["x".join(map(str, s)) for s in (outs[0], event.outputs[0].shape)]
            self.differing.append(f"{node.name}: {lifted.op} gives {' and PyTorch '.join(shapes)}")
        self.derived += same and not lifted.op.STATED
        self.stated += same and lifted.op.STATED
        return same

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
            if key is None:
                computed[operand] = value
                tensors[operand] = None
                continue
            if owned(key) != f"{name}.{operand}":
                tensors[operand] = owned(key)
            if key in self._parameters and not self._parameters[key].requires_grad:
                frozen.add(operand)
        if getattr(lifted.op, "affine", False):  # a scale may come without a shift
            given = lifted.operands
            tensors |= {name: None for name in ("weight", "bias") if name not in given}
        mean = lifted.operands.get("running_mean")
        if mean is not None:
            prefix = (self._key(mean) or "").removesuffix("running_mean")
            if prefix + COUNT not in self._buffers:
                tensors[COUNT] = None
            elif owned(prefix + COUNT) != f"{name}.{COUNT}":
                tensors[COUNT] = owned(prefix + COUNT)
        return tensors, frozenset(frozen), computed

    # --- values and names ----------------------------------------------------------------------

    def _key(self, value: Seen) -> str | None:
        """The key of a parameter or buffer, also where it was only transposed or detached."""
        return self.seen.keys.get(self._roots.get(value.value, value.value))

    def _ref(self, value: Seen) -> Ref:
        """Where a value comes from; a stored tensor gets a node where it is first used as it is."""
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
        tensor = self._parameters[key] if key in self._parameters else self._buffers[key]
        dtype = str(tensor.dtype).removeprefix("torch.")
        kind = Parameter if key in self._parameters else Buffer
        fixed = kind is Parameter and not tensor.requires_grad
        name = self._unique(key.replace(".", "/"))
        frozen = frozenset({"value"}) if fixed else frozenset[str]()
        op = kind(tuple(tensor.shape), dtype)
        self.nodes.append(Node(name, op, (), name, {"value": owned(key)}, frozen))
        return name

    def _unread(self) -> None:
        """Parameters and buffers that the pass did not read, which the model has all the same."""
        read = {node.key(operand) for node in self.nodes for operand in (*_STORED, *node.tensors)}
        for key in (*self._parameters, *self._buffers):
            if owned(key) not in read:
                self._stored(key)

    def _path(self, event: Event) -> str:
        """A module's path where the operator is all of it, else the operator's name below it."""
        path = event.path.replace(".", "/")
        leaf = path and self._leaves.get(event.path)
        if leaf and self._operators.setdefault(path, event.name) == event.name:
            return path  # a second call gets a number
        operator = event.name.strip("_").replace("::", ".")
        return f"{path}/{operator}" if path else operator

    def _unique(self, name: str) -> str:
        count = self._names.get(name, 0) + 1
        self._names[name] = count
        return name if count == 1 else self._unique(f"{name}_{count}")


_STORED = (*OPERANDS, COUNT, "value")


def _handed_on(event: Event) -> Seen | None:
    """The input that an operator gives on as it is (a transposed weight is still the weight)."""
    if event.name.removesuffix("_") not in FREE or len(event.outputs) != 1 or not event.inputs():
        return None
    written = event.name.startswith("copy") and len(event.inputs()) > 1
    source, out = event.inputs()[1 if written else 0], event.outputs[0]
    same = (source.shape, source.dtype) == (out.shape, out.dtype)
    return source if same or event.name == "t" else None
