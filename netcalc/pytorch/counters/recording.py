"""One forward pass on the meta device, as any counter could have seen it.

Operators come from the dispatcher, module calls from ``nn.Module.__call__``, and calls of Python
functions from names that some counters patch: the same names are patched here, for the pass only,
since an operator does not tell ``x + y`` from ``x.add(y)``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.core.analyse import Result, analyse
from netcalc.pytorch.events import Event
from netcalc.pytorch.nodes import Builder, named_inputs
from netcalc.pytorch.passes import Pass, passed
from netcalc.pytorch.twin import unwrapped
from netcalc.pytorch.watch import Watch

FUNCTIONS = (
    *("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"),
    *("conv_transpose3d", "relu", "prelu", "elu", "leaky_relu", "relu6", "silu", "gelu"),
    *("batch_norm", "layer_norm", "instance_norm", "group_norm", "softmax", "embedding"),
    *("avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d"),
    *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
    *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
    *("upsample", "interpolate"),
)
PRODUCTS = ("matmul", "mm", "bmm", "addmm", "baddbmm", "mul", "add", "einsum")
METHODS = ("matmul", "mm", "bmm", "addmm", "mul", "add")
NAMES: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("F", functional, FUNCTIONS),
    ("torch", torch, PRODUCTS),
    ("Tensor", torch.Tensor, METHODS),
)
"""The Python names that are watched, by what they are attributes of."""

OPAQUE: tuple[tuple[Any, str, bool], ...] = (
    (torch.autograd.Function, "apply", True),
    (torch.jit.ScriptFunction, "__call__", False),
)
"""Methods, of a class or of what is one, that are one node of a trace without what runs in them."""


class Sized(NamedTuple):
    """A tensor among arguments: its shape, type, and whether it is a parameter."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def numel(self) -> int:
        """Its number of elements."""
        count = 1
        for dim in self.shape:
            count *= dim
        return count


class Packed(NamedTuple):
    """A packed sequence among arguments: its ``data``, steps, and sequences in the longest step."""

    data: Sized
    steps: int
    batch: int


@dataclass(slots=True)
class Call:
    """A call of a module (``F`` is none) or of a watched function, ``F.relu``.

    ``inputs`` are the positional arguments, ``named`` the others, tensors as ``Sized``; of a module
    they are those that its forward gets, and ``given`` those before its hooks; ``output`` is what
    came back. ``start`` and ``end`` say which events of the pass it dispatched. ``parent`` is
    the call of a module that it was made in, ``depth`` how many watched functions it was made in.
    """

    name: str
    path: str
    module: nn.Module | None
    inputs: tuple[Any, ...]
    named: dict[str, Any]
    parent: Call | None
    start: int
    output: Any = None
    end: int = 0
    depth: int = 0
    children: list[Call] = field(default_factory=list)
    given: tuple[Any, ...] = ()


@dataclass(slots=True)
class Recording:
    """A pass as it was seen: ``events`` (operators), ``calls`` (modules), ``functions``.

    ``result`` is netcalc's own analysis; ``nodes`` gives for each event the layer that it became,
    "" where it became none, ``macs`` the true MACs of each event, and ``live`` whether an output of
    the model depends on it. ``inside`` gives the operator that an event is a part of, where the
    pass saw the parts of one, ``opaque`` whether it ran in a function that a trace sees nothing of.
    ``masks`` gives the ones of each mask that prunes a parameter.
    """

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    events: list[Event]
    calls: list[Call]
    functions: list[Call]
    result: Result
    nodes: list[str]
    macs: list[int]
    live: list[bool]
    masks: dict[str, int]
    inside: list[Event | None]
    opaque: list[bool]

    @property
    def total(self) -> int:
        """The true number of MACs."""
        return int(self.result.totals.macs)

    def within(self, call: Call) -> int:
        """The true MACs of all that a call dispatched."""
        return sum(self.macs[call.start : call.end])


class Recorder(Watch):  # type: ignore[no-untyped-call]  # torch's own
    """Watch, with the calls of modules and of watched functions."""

    def __init__(self, model: nn.Module, **how: bool) -> None:
        super().__init__(model, **how)
        self.module_calls: list[Call] = []
        self.functions: list[Call] = []
        self.inside: list[Event | None] = []
        self.opaque: list[bool] = []
        self._hidden = 0
        self._open: list[Call] = []
        self._nested = 0
        self._running = 0
        self._whole: Event | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """As Watch; functions that a kernel calls are no calls of the model's."""
        self._running += 1
        try:
            return super().__torch_dispatch__(func, types, args, kwargs)
        finally:
            self._running -= 1

    def _noted(self, event: Event, *ran: Any) -> Any:
        outer = self._whole
        self._whole = outer or event
        try:
            return super()._noted(event, *ran)
        finally:
            self._whole = outer

    def _note(self, event: Event) -> None:
        super()._note(event)
        self.inside.append(None if event is self._whole else self._whole)
        self.opaque.append(self._hidden > 0)

    def entering(self, module: nn.Module, inputs: Any) -> None:
        """A module is called."""
        super().entering(module, inputs)
        if id(module) in self.paths and threading.get_ident() == self.thread:
            call = self._call(type(module).__name__, module, inputs, {})
            call.given = call.inputs
            self.module_calls.append(call)
            self._open.append(call)
            if module._forward_pre_hooks:
                self._after_hooks(module, call)

    @staticmethod
    def _after_hooks(module: nn.Module, call: Call) -> None:
        """Take the arguments that the hooks before a forward leave, for this call alone."""

        def hook(module: nn.Module, args: Any) -> None:
            handle.remove()
            call.inputs = _sized(tuple(args))

        handle = module.register_forward_pre_hook(hook)

    def leaving(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """A module is done."""
        if self._open and self._open[-1].module is module:
            call = self._open.pop()
            call.output, call.end = _sized(output), len(self.events)
        super().leaving(module, inputs, output)

    def _call(self, name: str, module: nn.Module | None, args: Any, kwargs: Any) -> Call:
        parent = self._open[-1] if self._open else None
        path = self.paths[id(module)] if module is not None else (parent.path if parent else "")
        call = Call(
            name, path, module, _sized(tuple(args)), _sized(kwargs), parent, len(self.events)
        )
        if parent is not None:
            parent.children.append(call)
        return call

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The watched names replaced by functions that note their calls."""
        before: list[tuple[Any, str, Any]] = []
        try:
            for prefix, place, names in NAMES:
                for name in names:
                    own = vars(place).get(name, _INHERITED)
                    before.append((place, name, own))
                    setattr(place, name, self._noting(f"{prefix}.{name}", getattr(place, name)))
            for place, name, of_class in OPAQUE:
                before.append((place, name, vars(place)[name]))
                setattr(place, name, self._hiding(vars(place)[name], of_class))
            yield
        finally:
            for place, name, own in before:
                if own is _INHERITED:
                    delattr(place, name)
                else:
                    setattr(place, name, own)

    def _noting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def noting(*args: Any, **kwargs: Any) -> Any:
            if self._running or threading.get_ident() != self.thread:
                return function(*args, **kwargs)
            call = self._call(name, None, args, kwargs)
            call.depth = self._nested
            self.functions.append(call)
            self._nested += 1
            try:
                out = function(*args, **kwargs)
            finally:
                self._nested -= 1
            call.output, call.end = _sized(out), len(self.events)
            return out

        return noting

    def _hiding(self, method: Any, of_class: bool) -> Any:
        """A method in which a trace sees nothing."""

        def hiding(first: Any, *args: Any, **kwargs: Any) -> Any:
            bound = method.__get__(None, first) if of_class else method.__get__(first, type(first))
            self._hidden += 1
            try:
                return bound(*args, **kwargs)
            finally:
                self._hidden -= 1

        return classmethod(hiding) if of_class else hiding


_INHERITED = object()
"""Stands for an attribute that a class does not have itself."""


def _sized(value: Any) -> Any:
    def one(x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return Sized(tuple(x.shape), str(x.dtype).removeprefix("torch."))
        if isinstance(x, PackedSequence):
            with _disable_current_modes():
                return Packed(one(x.data), len(x.batch_sizes), int(x.batch_sizes[0]))
        return x

    return tree_map(one, value, is_leaf=lambda x: isinstance(x, PackedSequence))


def record(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording:
    """A forward pass of a copy of a model on the meta device."""
    ran: Pass = passed(model, args, kwargs, quick=False, watcher=Recorder)
    seen = ran.seen
    assert isinstance(seen, Recorder)
    builder = Builder(ran.model, seen, named_inputs(ran.model, ran.args, ran.kwargs))
    result = analyse(builder.graph(ran.out))
    nodes = [_product(*named) for named in zip(seen.events, builder.names(), strict=True)]
    by_name = {row.name: int(row.counts.macs) for row in result.rows}
    macs = [by_name.get(name, 0) for name in nodes]
    return Recording(
        *(ran.model, ran.args, ran.kwargs, seen.events, seen.module_calls, seen.functions),
        *(result, nodes, macs, live(seen, ran.out), _masks(model), seen.inside),
        seen.opaque,
    )


def live(seen: Watch, out: Any) -> list[bool]:
    """Which events the outputs depend on; one that writes in place counts as needed."""
    needed = {seen.see(x).value for x in tree_leaves(out) if isinstance(x, torch.Tensor)}
    live = [False] * len(seen.events)
    for i in range(len(seen.events) - 1, -1, -1):
        event = seen.events[i]
        if any(x.value in needed for x in event.outputs):
            live[i] = True
            needed |= {x.value for x in event.inputs()}
    return live


def _product(event: Event, name: str) -> str:
    """The node of an event's product, where a node that adds something to that comes after it."""
    added = event.lifted is not None and event.lifted.plus is not None
    return name.rpartition("/add")[0] or name if added else name


def _masks(model: nn.Module) -> dict[str, int]:
    """How many ones there are in the masks of torch.nn.utils.prune, where they have values."""
    buffers = dict(unwrapped(model).named_buffers())
    pruned = {name.removesuffix("_orig") for name, _ in unwrapped(model).named_parameters()}
    return {
        name: int(mask.sum())
        for name, mask in buffers.items()
        if name.endswith("_mask") and name.removesuffix("_mask") in pruned and not mask.is_meta
    }
