"""Functions of PyTorch as modules, and the kinds of layer that they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from netcalc.core.functions import BINARY, CUMULATIVE, REDUCTIONS, UNARY
from netcalc.core.ops.arrange import Constant, Pad, Repeat, Roll, Stack
from netcalc.core.ops.base import Op
from netcalc.core.ops.elementwise import Binary, Cast, Pointwise
from netcalc.core.ops.gather import Gather, Index
from netcalc.core.ops.pixels import PixelShuffle, PixelUnshuffle
from netcalc.core.ops.reduce import Cumulative, LogSoftmax, Reduce
from netcalc.core.ops.resample import GridSample, Upsample
from netcalc.core.ops.slices import Pick, Slice, Split, Unbind
from netcalc.core.ops.unit import Expand, Squeeze, Unsqueeze
from netcalc.core.ops.view import Permute, Reshape, Transpose


class Call(nn.Module):
    """A function as a module: its inputs are tensors, the rest is fixed when it is made."""

    function: Callable[..., Any]

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op
        self.names = [f.name for f in fields(op)]  # type: ignore[arg-type]
        for name in self.names:
            setattr(self, name, getattr(op, name))

    def forward(self, *xs: torch.Tensor) -> Any:
        """What the function gives for the inputs."""
        return type(self).function(*xs, **{name: getattr(self, name) for name in self.names})


class Made(Call):
    """A function without inputs, whose output lies where the module does."""

    def __init__(self, op: Op) -> None:
        super().__init__(op)
        self.device = torch.get_default_device()

    def forward(self, *xs: torch.Tensor) -> Any:
        """What the function gives."""
        with self.device:
            return super().forward(*xs)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self.device = fn(torch.empty(0, device=self.device)).device
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]


def known(name: str, table: Mapping[str, Any]) -> Callable[..., Any]:
    """PyTorch's function of a name in a table.

    Raises ValueError for another name.
    """
    if name not in table:
        raise ValueError(f"there is no function {name}")
    return _OTHERWISE.get(name) or getattr(torch, name, None) or getattr(functional, name)


_OTHERWISE: dict[str, Callable[..., Any]] = {
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "norm": lambda x, *over, **kept: torch.linalg.vector_norm(x, 2, *over, **kept),
    "rpow": lambda x, a: torch.pow(a, x),
    "selu": functional.selu,
    "celu": functional.celu,
}


def _given(*numbers: float | None) -> tuple[float, ...]:
    """The numbers that were given, those left out at the end."""
    given = tuple(n for n in numbers if n is not None)
    if given != numbers[: len(given)]:
        raise ValueError(f"the first of {numbers} is missing")
    return given


def _pointwise(
    x: torch.Tensor, function: str, first: float | None, second: float | None
) -> torch.Tensor:
    called: torch.Tensor = known(function, UNARY)(x, *_given(first, second))
    return called


def _binary(*xs: torch.Tensor, function: str, value: float | None) -> torch.Tensor:
    called: torch.Tensor = known(function, BINARY)(*xs, *_given(value))
    return called


def _reduce(x: torch.Tensor, function: str, dim: tuple[int, ...] | None, keepdim: bool) -> Any:
    kept = {"keepdim": True} if keepdim else {}
    called = known(function, REDUCTIONS)
    dims = REDUCTIONS[function].dims
    if dim is not None:
        found = called(x, *(dim if dims == "one" else (dim,)), **kept)
    elif keepdim and dims == "any":
        found = called(x, tuple(range(x.dim())), **kept)
    else:
        found = called(x, **kept)
    return found if isinstance(found, torch.Tensor) else tuple(found)


def _cumulative(x: torch.Tensor, function: str, dim: int) -> torch.Tensor:
    called: torch.Tensor = known(function, CUMULATIVE)(x, dim)
    return called


def typed(dtype: str) -> torch.dtype:
    """PyTorch's element type of that very name; raises ValueError for another."""
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype) or f"torch.{dtype}" != str(found):
        raise ValueError(f"there is no element type {dtype}")
    return found


def _slice(x: torch.Tensor, dim: int, start: int, end: int | None, step: int) -> torch.Tensor:
    sliced: torch.Tensor = torch.ops.aten.slice.Tensor(x, dim, start, end, step)
    return sliced


def _split(x: torch.Tensor, sizes: tuple[int, ...], dim: int) -> tuple[torch.Tensor, ...]:
    return tuple(torch.split(x, list(sizes), dim))


def _unbind(x: torch.Tensor, count: int, dim: int) -> tuple[torch.Tensor, ...]:
    found = tuple(x.unbind(dim))
    if len(found) != count:
        raise ValueError(f"{len(found)} entries, not {count}")
    return found


def _index(x: torch.Tensor, *at: torch.Tensor, dim: int) -> torch.Tensor:
    places = [None] * range(x.dim())[dim] + list(at)
    found: torch.Tensor = torch.ops.aten.index.Tensor(x, places)
    return found


def _upsample(
    x: torch.Tensor,
    size: tuple[int, ...] | None,
    scale_factor: float | None,
    mode: str,
    align_corners: bool,
) -> torch.Tensor:
    corners = None if mode.startswith("nearest") and not align_corners else align_corners
    asked: Any = size[0] if size is not None and len(size) == 1 else size
    resized: torch.Tensor = functional.interpolate(x, asked, scale_factor, mode, corners)
    return resized


_UPSAMPLES = (
    *(f"upsample_nearest{n}d" for n in (1, 2, 3)),
    *(f"_upsample_nearest_exact{n}d" for n in (1, 2, 3)),
    *("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"),
)


class Function(NamedTuple):
    """A function for a kind of layer, and the operators that stand for it in a forward pass.

    ``other`` names the fields that these operators write in another way.
    """

    call: Callable[..., Any]
    aten: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


FUNCTIONS: dict[type[Op], Function] = {
    Pointwise: Function(_pointwise, tuple(UNARY.keys() - BINARY.keys() - {"relu6", "clone"})),
    Binary: Function(_binary, tuple(BINARY.keys() - {"add", "mul"})),
    Cast: Function(lambda x, dtype: x.to(typed(dtype))),
    Reduce: Function(_reduce, (*REDUCTIONS.keys() - {"norm"}, "linalg_vector_norm"), ("dim",)),
    Cumulative: Function(_cumulative, tuple(CUMULATIVE)),
    LogSoftmax: Function(functional.log_softmax, ("log_softmax",)),
    Reshape: Function(lambda x, size: x.reshape(size)),
    Permute: Function(torch.permute),
    Transpose: Function(torch.transpose),
    Expand: Function(lambda x, size: x.expand(size)),
    Squeeze: Function(torch.squeeze),
    Unsqueeze: Function(torch.unsqueeze),
    Slice: Function(_slice),
    Pick: Function(torch.select),
    Split: Function(_split),
    Unbind: Function(_unbind),
    Stack: Function(lambda *xs, dim: torch.stack(xs, dim), ("stack",)),
    Pad: Function(functional.pad, ("pad",)),
    Roll: Function(torch.roll, ("roll",)),
    Repeat: Function(lambda x, repeats: x.repeat(repeats), ("repeat",)),
    Constant: Function(lambda size, dtype: torch.zeros(size, dtype=typed(dtype))),
    Gather: Function(lambda x, at, dim: torch.gather(x, dim, at), ("gather",)),
    Index: Function(_index, ("index",)),
    Upsample: Function(_upsample, _UPSAMPLES),
    PixelShuffle: Function(functional.pixel_shuffle, ("pixel_shuffle",)),
    PixelUnshuffle: Function(functional.pixel_unshuffle, ("pixel_unshuffle",)),
    GridSample: Function(functional.grid_sample, ("grid_sampler",), ("padding_mode", "mode")),
}
"""For each kind of layer that PyTorch has as a function, that function."""


def module_class(kind: type[Op]) -> type[Call]:
    """The class of the modules that call a kind's function."""
    base = Made if kind.ARITY == (0, 0) else Call
    function = staticmethod(FUNCTIONS[kind].call)
    return type(kind.__name__, (base,), {"function": function, "__doc__": base.__doc__})
