"""nn.Module -> Graph: a model's forward pass as netcalc's own layers."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.core.graph import Graph, renamed
from netcalc.core.inputs import whole
from netcalc.core.tensor import FLOATS, Tensor
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
    return renamed(graph, remarks=remarks, retrace=again)


def trace_net(net: str, shape: Any = None, /, **arguments: Any) -> Graph:
    """The graph of the model that a NET with a colon names, on an input of its own size or another.

    ``shape`` is that of the input, with the batch or without it, or a mapping from the names of the
    forward method's arguments to shapes; a Tensor says a type too, of which the parameters then are
    where it is floating. ``arguments`` are those of the function that makes the model. Raises
    InputError where a shape is needed and not given, and as ``model_of`` and ``trace`` do.
    """
    with hugging.left_alone(net):
        anew = _in(_floating(shape), partial(_anew, net, arguments))
        model, *remarks = _made(net, arguments)
        model = model.to(_floating(shape))
        if hugging.is_config(net):
            tensors, told = inputs_for(net, model, shape)
            remarks = [hugging.told(model), *remarks, *([told] if told else [])]
            graph = _traced(model, (), {name: _empty(x) for name, x in tensors.items()}, anew)
        else:
            args, named = _example(net, model, shape)
            with _told_of_types():
                graph = _traced(model, tuple(args), named, anew)
    shown = ", ".join(f"{k}={v!r}" for k, v in arguments.items())
    assert isinstance(graph.retrace, Again)
    again = replace(
        graph.retrace, name=net, factory=f"{net}({shown})", remarks=tuple(remarks), anew=anew
    )
    return again.named(graph)


def _example(net: str, model: nn.Module, shape: Any) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a forward pass: an image, or tensors of the given shapes by name.

    A shape of fewer than four axes has no batch; one with a type has all axes.
    """
    if isinstance(shape, Mapping):
        return [], {k: _empty(whole(k, _tensor(s))) for k, s in shape.items()}
    given = shape if shape is not None else input_of(net, model)
    if given is None:
        raise InputError(
            f"{net}: say which input it takes, --input 3,224,224 or 1,16:int64 (in Python"
            ' (3, 224, 224) or Tensor((1, 16), "int64"))'
        )
    x = _tensor(given)
    if not isinstance(given, Tensor):
        dims = (3, *x.dims * 2) if len(x.dims) == 1 else x.dims
        x = Tensor(dims if len(dims) > 3 else (1, *dims))
    return [_empty(whole("input", x))], {}


@contextmanager
def _told_of_types() -> Iterator[None]:
    """What to do where a model cannot run since it takes whole numbers."""
    try:
        yield
    except NetcalcError as problem:
        if "scalar types: Long, Int" not in str(problem):
            raise
        raise NetcalcError(f"{problem}; say the type of its input: --input 1,16:int64") from problem


def _floating(shape: Any) -> torch.dtype | None:
    """The first floating type that inputs are given with."""
    given = shape.values() if isinstance(shape, Mapping) else (shape,)
    found = (x.dtype for x in given if isinstance(x, Tensor) and x.dtype in FLOATS)
    return next((getattr(torch, dtype) for dtype in found), None)


def _in(kind: torch.dtype | None, anew: Anew) -> Anew:
    """What makes a model, in a floating type."""
    return anew if kind is None else lambda weights: anew(weights).to(kind)


def _tensor(shape: Any) -> Tensor:
    if isinstance(shape, Tensor):
        return shape
    return Tensor((shape,) if isinstance(shape, int) else tuple(shape))


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
        types = [dtype] if dtype else [x.dtype for x in inputs.values()]
        kinds = [getattr(torch, name) for name in types]
        changed = [kind for kind in kinds if kind.is_floating_point and kind not in before]
        args, kwargs = self.arguments([_empty(x) for x in inputs.values()])
        again = self
        if changed:
            model = copy.deepcopy(self.twin).to(changed[0])
            anew = self.anew and _in(changed[0], self.anew)
            again = replace(self, twin=model, args=args, kwargs=kwargs, anew=anew)
        with hugging.left_alone(self.name):
            return again.named(_traced(again.twin, args, kwargs, again.anew))

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
