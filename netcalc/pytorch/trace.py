"""nn.Module -> Graph: a model's forward pass as netcalc's own layers."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.core.graph import Graph, renamed
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, NetcalcError
from netcalc.pytorch import hugging
from netcalc.pytorch.named import (
    anew_of,
    called_with,
    empty,
    factory_of,
    floating_of,
    ready,
    told_of_shapes,
    told_of_types,
    with_all_axes,
)
from netcalc.pytorch.nodes import Builder
from netcalc.pytorch.outputs import keeping, opened
from netcalc.pytorch.passes import Anew, passed
from netcalc.pytorch.paths import named_inputs
from netcalc.pytorch.twin import kept, unwrapped
from netcalc.pytorch.undisturbed import collecting, undisturbed


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
    with told_of_shapes(args, kwargs):
        return _traced(model, args, kwargs)


def trace_on(model: nn.Module, shape: Any) -> Graph:
    """The graph of a model's forward pass on inputs as ``netcalc.analyse`` is given them."""
    args, kwargs = called_with(model, shape)
    with told_of_types():
        return trace(model, *args, **kwargs)


def _traced(
    model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], anew: Anew | None = None
) -> Graph:
    # a hook may hold the model itself
    with collecting(False), undisturbed(model), kept(unwrapped(model)):
        ran = passed(model, args, kwargs, anew)
        returned, cached = opened(ran.out)
        inputs = named_inputs(ran.model, ran.args, ran.kwargs)
        graph = Builder(ran.model, ran.seen, inputs).graph((returned, cached))
    graph = keeping(graph, len(cached))
    again = Again(ran.model, ran.args, ran.kwargs, graph.name, graph.factory)
    remarks = (ran.how, *graph.remarks)
    return renamed(graph, remarks=remarks, retrace=again)


def trace_net(net: str, shape: Any = None, /, **arguments: Any) -> Graph:
    """The graph of the model that a NET with a colon names, on an input of its own size or another.

    ``shape`` is that of the input, with the batch or without it, or a mapping from the names of the
    forward method's arguments to shapes; a Tensor says a type too, of which the parameters then are
    where it is floating. ``arguments`` are those of the function that makes the model. Raises
    InputError where a shape is needed and not given, and as ``model_of`` and ``trace`` do.
    """
    with hugging.left_alone(net):
        anew = _in(floating_of(shape), partial(anew_of, net, arguments))
        model, args, kwargs, remarks = ready(net, shape, arguments)
        try:
            with told_of_types():
                graph = _traced(model, args, kwargs, anew)
        except NetcalcError as problem:
            raise _told_of_batches(problem, net, shape, arguments) from problem
    factory = factory_of(net, arguments)
    assert isinstance(graph.retrace, Again)
    again = replace(graph.retrace, name=net, factory=factory, remarks=remarks, anew=anew)
    return again.named(graph)


def _told_of_batches(
    problem: NetcalcError, net: str, shape: Any, arguments: dict[str, Any]
) -> NetcalcError:
    """What to do where a model runs on a shape, and not with the batch axis that it was given."""
    whole = with_all_axes(shape)
    if whole is None:
        return problem
    try:
        model, args, kwargs, _ = ready(net, whole, arguments)
        (name,) = _traced(model, args, kwargs).inputs
    except NetcalcError:
        return problem
    axes = ",".join(map(str, whole.dims))
    return NetcalcError(
        f"{problem}; {axes} is taken for one image without its batch: give all axes with a type,"
        f" --input {axes}:{whole.dtype}, or a name, {name}={axes} (in Python a Tensor or a mapping)"
    )


def _in(kind: torch.dtype | None, anew: Anew) -> Anew:
    """What makes a model, in a floating type."""
    return anew if kind is None else lambda weights: anew(weights).to(kind)


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
        types = [dtype] if dtype else [x.dtype for x in inputs.values()]
        kinds = [getattr(torch, name) for name in types]
        changed = [kind for kind in kinds if kind.is_floating_point and kind not in before]
        args, kwargs = self.arguments([empty(x) for x in inputs.values()])
        again = self
        if changed:
            model = copy.deepcopy(self.twin).to(changed[0])
            anew = self.anew and _in(changed[0], self.anew)
            again = replace(self, twin=model, args=args, kwargs=kwargs, anew=anew)
        with hugging.left_alone(self.name):
            graph = _traced(again.twin, args, kwargs, again.anew)
        assert isinstance(graph.retrace, Again)
        return replace(again, args=graph.retrace.args, kwargs=graph.retrace.kwargs).named(graph)

    def values(self) -> dict[str, torch.Tensor]:
        """The inputs that it was traced on with their values, by their names in the graph."""
        given = named_inputs(self.twin, self.args, self.kwargs)
        return {name: tensor for name, tensor in given.items() if not tensor.is_meta}

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
