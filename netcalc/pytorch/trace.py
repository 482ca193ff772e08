"""nn.Module -> Graph: a model's forward pass as netcalc's own layers."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.core.graph import Graph, renamed
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, NetcalcError, UnknownNameError
from netcalc.pytorch import hugging
from netcalc.pytorch.hugging_inputs import inputs_for
from netcalc.pytorch.nodes import Builder, named_inputs
from netcalc.pytorch.outputs import keeping, opened
from netcalc.pytorch.passes import Anew, passed
from netcalc.pytorch.sources import input_of, model_of
from netcalc.pytorch.twin import kept, unwrapped
from netcalc.pytorch.undisturbed import undisturbed


def trace(model: nn.Module, *args: Any, **kwargs: Any) -> Graph:
    """The graph of a model's forward pass on example inputs.

    One pass in inference and eval mode, on a copy of the model on the meta device: no weights are
    allocated, nothing is computed, and the model stays as it is. A forward pass that reads values
    is run on the CPU in part or as a whole, as the graph's remarks then say. ``args`` and
    ``kwargs`` are those of its forward method; of tensors the shapes and types matter, and of
    whole numbers the values if they are read.

    Raises InputError for a model that cannot be copied, NetcalcError where its forward pass raises.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"trace takes a model, an nn.Module, got {type(model).__name__}")
    return _traced(model, args, kwargs)


def _traced(
    model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], anew: Anew | None = None
) -> Graph:
    with undisturbed(model), kept(unwrapped(model)):  # a hook may hold the model itself
        ran = passed(model, args, kwargs, anew)
        returned, cached = opened(ran.out)
        inputs = named_inputs(ran.model, ran.args, ran.kwargs)
        graph = Builder(ran.model, ran.seen, inputs).graph((returned, cached))
    graph = keeping(graph, len(cached))
    again = Again(ran.model, ran.args, ran.kwargs, graph.name, graph.factory)
    remarks = (ran.how, *graph.remarks)
    return renamed(graph, remarks=remarks, retrace=again if graph.inputs else None)


def trace_net(net: str, shape: Any = None, /, **arguments: Any) -> Graph:
    """The graph of the model that a NET with a colon names, on an input of its own size or another.

    ``shape`` is that of the input, with the batch or without it, or a mapping from the names of the
    forward method's arguments to shapes; ``arguments`` are those of the function that makes the
    model. Raises InputError where a shape is needed and not given, and as ``model_of`` and
    ``trace`` do.
    """
    with hugging.left_alone(net):
        anew = partial(_anew, net, arguments)
        model, *remarks = _made(net, arguments)
        if hugging.is_config(net):
            tensors, told = inputs_for(net, model, shape)
            remarks = [hugging.told(model), *remarks, *([told] if told else [])]
            graph = _traced(model, (), {name: _empty(x) for name, x in tensors.items()}, anew)
        else:
            args, named = _example(net, model, shape)
            graph = _traced(model, tuple(args), named, anew)
    shown = ", ".join(f"{k}={v!r}" for k, v in arguments.items())
    assert isinstance(graph.retrace, Again)
    again = replace(
        graph.retrace, name=net, factory=f"{net}({shown})", remarks=tuple(remarks), anew=anew
    )
    return again.named(graph)


def _example(net: str, model: nn.Module, shape: Any) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a forward pass: an image, or tensors of the given shapes by name."""
    if isinstance(shape, Mapping):
        return [], {k: torch.empty(_dims(s), device="meta") for k, s in shape.items()}
    given = shape if shape is not None else input_of(net, model)
    if given is None:
        raise InputError(f"{net}: say which input it takes, --input 3,224,224 or (3, 224, 224)")
    dims = _dims(given)
    dims = (3, *dims * 2) if len(dims) == 1 else dims
    return [torch.empty(dims if len(dims) == 4 else (1, *dims), device="meta")], {}


def _dims(shape: Any) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _empty(x: Tensor) -> torch.Tensor:
    dims: Any = x.dims
    return torch.empty(dims, dtype=getattr(torch, x.dtype), device="meta")


@dataclass(frozen=True)
class Again:
    """A traced model on other inputs: what ``Graph.retrace`` is.

    ``args`` and ``kwargs`` are those that it was traced on. ``anew`` makes the model again, where a
    NET names it.
    """

    twin: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    name: str
    factory: str
    remarks: tuple[str, ...] = ()
    anew: Anew | None = None

    def __call__(self, inputs: Mapping[str, Tensor], dtype: str | None = None) -> Graph:
        """The graph on other inputs, its parameters in ``dtype`` or in the type of other inputs."""
        tensors = [t for t in tree_leaves((self.args, self.kwargs)) if isinstance(t, torch.Tensor)]
        before = {t.dtype for t in tensors}
        kinds = [getattr(torch, dtype or x.dtype) for x in inputs.values()]
        changed = [kind for kind in kinds if kind.is_floating_point and kind not in before]
        model = copy.deepcopy(self.twin).to(changed[0]) if changed else self.twin
        args, kwargs = self.arguments([_empty(x) for x in inputs.values()])
        with hugging.left_alone(self.name):
            return self.named(_traced(model, args, kwargs, self.anew))

    def named(self, graph: Graph) -> Graph:
        """A trace of the model under this name, which is traced again from what this one was."""
        remarks = (*self.remarks, *graph.remarks)
        changes = {"name": self.name, "factory": self.factory, "remarks": remarks}
        return renamed(graph, **changes, retrace=self)

    def arguments(self, tensors: list[torch.Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with other tensors, in the order in which the graph names its inputs."""
        left = iter(tensors)

        def replaced(value: Any) -> Any:
            return tree_map(lambda v: next(left) if isinstance(v, torch.Tensor) else v, value)

        try:
            bound = inspect.signature(self.twin.forward).bind(*self.args, **self.kwargs)
        except (TypeError, ValueError):  # it has no signature: they go as they came
            return replaced(self.args), replaced(self.kwargs)
        for name, value in bound.arguments.items():
            bound.arguments[name] = replaced(value)
        return bound.args, bound.kwargs


class _EmptyOnMeta(TorchFunctionMode):
    """Sends torch.empty alone to the meta device: layers allocate their weights with it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def _made(net: str, arguments: dict[str, Any]) -> tuple[nn.Module, *tuple[str, ...]]:
    """A model of a NET without its weights where that is possible, and how, where not simply so."""
    if hugging.is_config(net):
        hugging.check(net, arguments)
    try:
        with torch.device("meta"):
            return (model_of(net, **arguments),)
    except UnknownNameError:
        raise
    except NetcalcError:
        pass  # its constructor reads values that meta does not have
    try:
        return _anew(net, arguments, False), "made with its weights alone on the meta device"
    except NetcalcError:
        return _anew(net, arguments, True), "made on the CPU"


def _anew(net: str, arguments: dict[str, Any], weights: bool) -> nn.Module:
    """A model of a NET with everything but its weights, or with these too."""
    with nullcontext() if weights else _EmptyOnMeta():
        return model_of(net, **arguments)
