"""One forward pass as a list of operators, with the tensors that flow between them.

The pass runs in inference mode, in which PyTorch dispatches composite operators whole: a linear
layer, an attention, a recurrent layer is one operator each.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netcalc.pytorch.record import module_hooks

Shape = tuple[int, ...]


@dataclass(slots=True)
class Seen:
    """A tensor as it was at some time: an in-place operator makes another value of it."""

    value: int
    shape: Shape
    dtype: str


@dataclass(slots=True)
class Event:
    """One dispatched operator.

    ``arguments`` are by the names of its schema, defaults among them, tensors as ``Seen``;
    ``outputs`` are the tensors that came out; ``path`` is the module that it ran in.
    """

    name: str
    overload: str
    arguments: dict[str, Any]
    outputs: tuple[Seen, ...]
    path: str

    def inputs(self) -> list[Seen]:
        """The tensors among the arguments, in order, lists of tensors among them."""
        return list(seen_in(self.arguments.values()))


def seen_in(values: Any) -> Iterator[Seen]:
    """The tensors among values, in order."""
    for value in values:
        if isinstance(value, Seen):
            yield value
        elif isinstance(value, list | tuple):
            yield from seen_in(value)


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Notes every operator of a pass and which value each of its tensors is.

    ``values`` numbers the values: the model's parameters and buffers first, by ``keys``, then the
    inputs, then what operators make. ``calls`` are the modules as they end, with what they return.
    Every tensor stays alive, so that no address comes twice.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.events: list[Event] = []
        self.keys: dict[int, str] = {}
        self.paths = {id(m): name for name, m in model.named_modules(remove_duplicate=False)}
        self.within: list[str] = []
        self.calls: list[tuple[str, tuple[Seen, ...]]] = []
        self.thread = threading.get_ident()
        self._count = 0
        self._values: dict[int, int] = {}
        self._alive: list[torch.Tensor] = []
        for named in (model.named_parameters, model.named_buffers):
            for key, tensor in named(remove_duplicate=False):
                if id(tensor) not in self._values:
                    self.keys[self.enter(tensor)] = key

    def enter(self, tensor: torch.Tensor) -> int:
        """A tensor that is there before the pass; the number of its value."""
        self._alive.append(tensor)
        self._values[id(tensor)] = self._count
        self._count += 1
        return self._count - 1

    def see(self, tensor: torch.Tensor) -> Seen:
        """The value of a tensor; one that nothing made is a constant of the model's code."""
        if id(tensor) not in self._values:
            self.enter(tensor)
        return Seen(self._values[id(tensor)], tuple(tensor.shape), _dtype(tensor))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator, and note it."""
        kwargs = kwargs or {}
        arguments = self._arguments(func, args, kwargs)
        out = func(*args, **kwargs)
        made = []
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self.enter(tensor)
                made.append(self.see(tensor))
        name, _, overload = func._schema.name.removeprefix("aten::"), "", func._overloadname
        path = self.within[-1] if self.within else ""
        self.events.append(Event(name, overload, arguments, tuple(made), path))
        return out

    def _arguments(self, func: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for i, argument in enumerate(func._schema.arguments):
            default = argument.default_value if argument.has_default_value() else None
            value = args[i] if i < len(args) else kwargs.get(argument.name, default)
            named[argument.name] = self._noted(value)
        return named

    def _noted(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return self.see(value)
        if isinstance(value, list | tuple):
            return [self._noted(v) for v in value]
        return value

    def entering(self, module: nn.Module, inputs: Any) -> None:
        """A module is called."""
        if threading.get_ident() == self.thread and id(module) in self.paths:
            self.within.append(self.paths[id(module)])

    def leaving(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """A module is done, or has raised."""
        if threading.get_ident() == self.thread and id(module) in self.paths and self.within:
            self.within.pop()
            outs = [t for t in tree_leaves(output) if isinstance(t, torch.Tensor)]
            self.calls.append((self.paths[id(module)], tuple(self.see(t) for t in outs)))


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def watch(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Watch, Any]:
    """The operators of one pass of a model in inference mode, and what it returned."""
    seen = Watch(model)
    for tensor in tree_leaves((args, kwargs)):
        if isinstance(tensor, torch.Tensor):
            seen.enter(tensor)
    hooks = module_hooks(seen.entering, seen.leaving)
    with warnings.catch_warnings(), torch.inference_mode(), hooks, seen:
        warnings.simplefilter("ignore")  # what its code warns of is no matter of ours
        out = model(*args, **kwargs)
    return seen, out
