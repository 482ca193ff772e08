"""nn.Module -> Graph: a model's forward pass as netcalc's own layers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from netcalc.core.graph import Graph, renamed
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, NetcalcError, UnknownNameError
from netcalc.pytorch.events import watch
from netcalc.pytorch.nodes import Builder, named_inputs
from netcalc.pytorch.sources import input_of, model_of
from netcalc.pytorch.twin import inputs_on_meta, on_meta, unwrapped
from netcalc.pytorch.undisturbed import undisturbed


def trace(model: nn.Module, *args: Any, **kwargs: Any) -> Graph:
    """The graph of a model's forward pass on example inputs.

    One pass in inference and eval mode, on a copy of the model on the meta device: no weights are
    allocated, nothing is computed, and the model stays as it is. ``args`` and ``kwargs`` are those
    of its forward method; only the shapes and types of their tensors matter.

    Raises InputError for a model that cannot be copied, NetcalcError where its forward pass raises.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"trace takes a model, an nn.Module, got {type(model).__name__}")
    with undisturbed(model):
        twin = on_meta(model)
        inputs, named = inputs_on_meta((args, kwargs))
        try:
            seen, out = watch(twin, inputs, named)
        except Exception as problem:
            told = " ".join(str(problem).split())[:200]
            name = type(unwrapped(model)).__name__
            raise NetcalcError(
                f"{name} cannot run on the meta device: {type(problem).__name__}: {told}"
            ) from problem
        graph = Builder(twin, seen, named_inputs(twin, inputs, named)).graph(out)
    if kwargs or not all(isinstance(x, torch.Tensor) for x in args):
        return graph
    return renamed(graph, retrace=partial(_again, twin, graph.factory))


def trace_net(net: str, shape: Any = None, **arguments: Any) -> Graph:
    """The graph of the model that a NET with a colon names, on an image of its own size or another.

    ``shape`` is that of the input, with the batch or without it; ``arguments`` are those of the
    function that makes the model. Raises InputError where a shape is needed and not given, and as
    ``model_of`` and ``trace`` do.
    """
    model, how = _made(net, arguments)
    given = shape if shape is not None else input_of(net, model)
    if given is None:
        raise InputError(f"{net}: say which input it takes, --input 3,224,224 or (3, 224, 224)")
    dims = (given,) if isinstance(given, int) else tuple(given)
    dims = (3, *dims * 2) if len(dims) == 1 else dims
    graph = trace(model, torch.empty(dims if len(dims) == 4 else (1, *dims), device="meta"))
    shown = ", ".join(f"{k}={v}" for k, v in arguments.items())
    factory = f"{net}({shown})"
    again = partial(_again, on_meta(model), factory)
    remarks = (how, *graph.remarks)
    return renamed(graph, name=net, factory=factory, retrace=again, remarks=remarks)


def _again(twin: nn.Module, factory: str, inputs: Mapping[str, Tensor]) -> Graph:
    """The same model on other inputs; its parameters in their type where that is a floating one."""
    kinds = [getattr(torch, x.dtype) for x in inputs.values()]
    floating = [kind for kind in kinds if kind.is_floating_point]
    model = twin.to(floating[0]) if floating else twin
    shapes: list[Any] = [x.dims for x in inputs.values()]
    made = zip(shapes, kinds, strict=True)
    graph = trace(model, *(torch.empty(s, dtype=kind, device="meta") for s, kind in made))
    return renamed(graph, factory=factory, name=factory.partition("(")[0])


class _EmptyOnMeta(TorchFunctionMode):
    """Sends torch.empty alone to the meta device: layers allocate their weights with it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def _made(net: str, arguments: dict[str, Any]) -> tuple[nn.Module, str]:
    """A model of a NET without its weights where that is possible, and how it was made."""
    try:
        with torch.device("meta"):
            return model_of(net, **arguments), "traced on the meta device"
    except UnknownNameError:
        raise
    except NetcalcError:
        pass  # its constructor reads values that meta does not have
    try:
        with _EmptyOnMeta():
            made = model_of(net, **arguments)
        return made, "traced on the meta device, its weights alone made there"
    except NetcalcError:
        return model_of(net, **arguments), "traced on the meta device, made on the CPU"
