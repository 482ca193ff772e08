"""A model that a NET names, with or without its weights, and what it is run on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from netcalc.core.inputs import whole
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.errors import InputError, NetcalcError, UnknownNameError
from netcalc.pytorch import hugging
from netcalc.pytorch.hugging_inputs import inputs_for
from netcalc.pytorch.sources import input_of, model_of


class Ready(NamedTuple):
    """A model with the arguments of its forward method, on meta, and remarks on how it was made."""

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    remarks: tuple[str, ...]


def ready(net: str, shape: Any, arguments: dict[str, Any], weights: bool = False) -> Ready:
    """The model of a NET, without its weights unless asked for, and its inputs of a shape.

    Raises InputError where a shape is needed and not given, and as ``model_of`` does.
    """
    model, *remarks = (anew_of(net, arguments, True),) if weights else made(net, arguments)
    model = model.to(floating_of(shape))
    if not hugging.is_config(net):
        args, named = example(net, model, shape)
        return Ready(model, tuple(args), named, tuple(remarks))
    tensors, told = inputs_for(net, model, shape)
    named = {name: empty(x) for name, x in tensors.items()}
    return Ready(model, (), named, (hugging.told(model), *remarks, *([told] if told else [])))


def factory_of(net: str, arguments: dict[str, Any]) -> str:
    """How a model of a NET was made, as headers say it."""
    return f"{net}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"


class _EmptyOnMeta(TorchFunctionMode):
    """Sends torch.empty alone to the meta device: layers allocate their weights with it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def made(net: str, arguments: dict[str, Any]) -> tuple[nn.Module, *tuple[str, ...]]:
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
        return anew_of(net, arguments, False), "made with its weights alone on the meta device"
    except NetcalcError:
        return anew_of(net, arguments, True), "made on the CPU"


def anew_of(net: str, arguments: dict[str, Any], weights: bool) -> nn.Module:
    """A model of a NET with everything but its weights, or with these too."""
    with nullcontext() if weights else _EmptyOnMeta():
        return model_of(net, **arguments)


def example(net: str, model: nn.Module, shape: Any) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a forward pass: an image, or tensors of the given shapes by name.

    A shape of fewer than four axes has no batch; one with a type has all axes.
    """
    if isinstance(shape, Mapping):
        return [], {k: empty(whole(k, _tensor(s))) for k, s in shape.items()}
    given = shape if shape is not None else input_of(net, model)
    if given is None:
        raise InputError(
            f"{net}: say which input it takes, --input 3,224,224 or 1,16:int64 (in a table's file"
            " input: [3, 224, 224] or input: 1,16:int64, in Python (3, 224, 224) or"
            ' Tensor((1, 16), "int64"))'
        )
    x = _tensor(given)
    if not isinstance(given, Tensor):
        dims = (3, *x.dims * 2) if len(x.dims) == 1 else x.dims
        x = Tensor(dims if len(dims) > 3 else (1, *dims))
    return [empty(whole("input", x))], {}


def with_all_axes(shape: Any) -> Tensor | None:
    """A shape that ``example`` gives a batch axis, as one that has all; None of any other."""
    if not isinstance(shape, Sequence) or not 1 < len(shape) < 4:
        return None
    return Tensor(tuple(shape))


def called_with(model: nn.Module, shape: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a model's forward pass: of a shape, a Tensor, several of these, or by name.

    Shapes have all axes, and the floating type of the model's parameters; other values are as they
    are.
    """
    if isinstance(shape, Mapping):
        return (), {name: _argument(model, x) for name, x in shape.items()}
    if isinstance(shape, int):
        shape = (1, 3, shape, shape)
    alone = not isinstance(shape, tuple | list) or (shape and all(type(d) is int for d in shape))
    return tuple(_argument(model, x) for x in ([shape] if alone else shape)), {}


def _argument(model: nn.Module, x: Any) -> Any:
    if isinstance(x, tuple | list) and x and all(type(d) is int for d in x):
        floats = (p.dtype for p in model.parameters() if p.is_floating_point())
        kind = str(next(floats, torch.float32)).removeprefix("torch.")
        x = Tensor(tuple(x), kind)
    if isinstance(x, str):
        raise InputError(f"an input is a shape such as (1, 3, 224, 224), or a tensor, got {x!r}")
    return empty(whole("input", x)) if isinstance(x, Tensor) else x


@contextmanager
def told_of_shapes(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[None]:
    """What to do where a model cannot run since it was given shapes, and no tensors."""
    try:
        yield
    except NetcalcError as problem:
        given = tree_leaves((args, kwargs))
        if not given or any(isinstance(x, torch.Tensor) for x in given):
            raise
        raise InputError(
            "trace takes tensors, such as torch.empty(1, 3, 224, 224); for shapes use"
            " nc.analyse(model, input=(1, 3, 224, 224))"
        ) from problem


TYPE = (
    'say the type of its input: --input 1,16:int64 (in Python Tensor((1, 16), "int64"), in a'
    " table's file input: 1,16:int64)"
)


@contextmanager
def told_of_types() -> Iterator[None]:
    """What to do where a model cannot run since it takes whole numbers."""
    try:
        yield
    except NetcalcError as problem:
        if "scalar types: Long, Int" not in str(problem):
            raise
        raise NetcalcError(f"{problem}; {TYPE}") from problem


def floating_of(shape: Any) -> torch.dtype | None:
    """The first floating type that inputs are given with."""
    given = shape.values() if isinstance(shape, Mapping) else (shape,)
    found = (x.dtype for x in given if isinstance(x, Tensor) and x.dtype in FLOATS)
    return next((getattr(torch, dtype) for dtype in found), None)


def _tensor(shape: Any) -> Tensor:
    if isinstance(shape, Tensor):
        return shape
    return Tensor((shape,) if isinstance(shape, int) else tuple(shape))


def empty(x: Tensor) -> torch.Tensor:
    """A tensor of that size and type on the meta device."""
    dims: Any = x.dims
    return torch.empty(dims, dtype=getattr(torch, x.dtype), device="meta")
