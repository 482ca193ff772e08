"""Functions of PyTorch as modules, and the kinds of layer that they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from netcalc.core.functions import BINARY, CUMULATIVE, REDUCTIONS, UNARY
from netcalc.core.ops.addmm import AddMatMul
from netcalc.core.ops.arrange import Constant, Pad, Repeat, Roll, Stack
from netcalc.core.ops.base import Op
from netcalc.core.ops.custom import Written
from netcalc.core.ops.diagonal import DiagEmbed, Diagonal
from netcalc.core.ops.distance import Cdist
from netcalc.core.ops.elementwise import Binary, Cast, Pointwise
from netcalc.core.ops.evaluation import Evaluation
from netcalc.core.ops.fold import Fold, Unfold, UnfoldAxis
from netcalc.core.ops.gated import GLU, LogSigmoid
from netcalc.core.ops.gather import Gather, Index
from netcalc.core.ops.losses import BCEWithLogitsLoss, HuberLoss, MSELoss, NLLLoss, SmoothL1Loss
from netcalc.core.ops.move import Flip, Tril, Triu
from netcalc.core.ops.order import Histc, Nonzero, SearchSorted, Sort, TopK
from netcalc.core.ops.pixels import ChannelShuffle, PixelShuffle, PixelUnshuffle
from netcalc.core.ops.reduce import Cumulative, LogSoftmax, Reduce
from netcalc.core.ops.resample import GridSample, Upsample
from netcalc.core.ops.scatter import WRITES, IndexPut, MaskedScatter, Scatter
from netcalc.core.ops.slices import Pick, Slice, Split, Unbind
from netcalc.core.ops.solve import SolveTriangular
from netcalc.core.ops.unit import Expand, Squeeze, Unsqueeze
from netcalc.core.ops.unpool import MaxUnpool
from netcalc.core.ops.view import AsStrided, Permute, Reshape, Transpose
from netcalc.core.ops.weightnorm import WeightNorm
from netcalc.pytorch import calls
from netcalc.pytorch.modules import typed


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
    "norm_1": lambda x, *over, **kept: torch.linalg.vector_norm(x, 1, *over, **kept),
    "norm_inf": lambda x, *over, **kept: torch.linalg.vector_norm(x, torch.inf, *over, **kept),
    "aminmax": lambda x, *over, **kept: torch.aminmax(x, dim=over[0] if over else None, **kept),
    "trunc_divide": lambda x, y: torch.div(x, y, rounding_mode="trunc"),
    "add_alpha": lambda x, y, a: torch.add(x, y, alpha=a),
    "addcmul": lambda x, y, z, a: torch.addcmul(x, y, z, value=a),
    "addcdiv": lambda x, y, z, a: torch.addcdiv(x, y, z, value=a),
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


def _cast(dtype: str | None) -> dict[str, Any]:
    """The argument that asks for a type, where one is said."""
    return {} if dtype is None else {"dtype": typed(dtype)}


def _reduce(
    x: torch.Tensor,
    function: str,
    dim: tuple[int, ...] | None,
    keepdim: bool,
    dtype: str | None,
) -> Any:
    kept = {**({"keepdim": True} if keepdim else {}), **_cast(dtype)}
    called = known(function, REDUCTIONS)
    dims = REDUCTIONS[function].dims
    if dim is not None:
        found = called(x, *(dim if dims == "one" else (dim,)), **kept)
    elif keepdim and dims == "any":
        found = called(x, tuple(range(x.dim())), **kept)
    else:
        found = called(x, **kept)
    return found if isinstance(found, torch.Tensor) else tuple(found)


def _cumulative(x: torch.Tensor, function: str, dim: int, dtype: str | None) -> Any:
    found = known(function, CUMULATIVE)(x, dim, **_cast(dtype))
    return found if isinstance(found, torch.Tensor) else tuple(found)


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
    antialias: bool,
) -> torch.Tensor:
    corners = None if mode.startswith("nearest") and not align_corners else align_corners
    asked: Any = size[0] if size is not None and len(size) == 1 else size
    resized: torch.Tensor = functional.interpolate(
        x, asked, scale_factor, mode, corners, antialias=antialias
    )
    return resized


_UPSAMPLES = (
    *(f"upsample_nearest{n}d" for n in (1, 2, 3)),
    *(f"_upsample_nearest_exact{n}d" for n in (1, 2, 3)),
    *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
    *("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"),
)


_OF_TWO = BINARY.keys() - {"clamp"}  # whose bounds are numbers, mostly


class Function(NamedTuple):
    """A function for a kind of layer, and the operators that stand for it in a forward pass.

    ``other`` names the fields that these operators write in another way.
    """

    call: Callable[..., Any]
    aten: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


FUNCTIONS: dict[type[Op], Function] = {
    Pointwise: Function(
        _pointwise, tuple(UNARY.keys() - _OF_TWO - {"relu6", "clone", "trunc_divide"})
    ),
    Binary: Function(_binary, tuple(_OF_TWO - {"add", "mul", "add_alpha", "trunc_divide"})),
    Cast: Function(lambda x, dtype: x.to(typed(dtype))),
    Reduce: Function(
        _reduce, (*REDUCTIONS.keys() - {"norm"}, "linalg_vector_norm"), ("dim", "dtype")
    ),
    Cumulative: Function(_cumulative, tuple(CUMULATIVE), ("dtype",)),
    LogSoftmax: Function(
        lambda x, dim, dtype: functional.log_softmax(x, dim, **_cast(dtype)),
        ("log_softmax",),
        ("dtype",),
    ),
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
    ChannelShuffle: Function(functional.channel_shuffle, ("channel_shuffle",)),
    AsStrided: Function(torch.as_strided, ("as_strided",)),
    Histc: Function(torch.histc, ("histc",)),
    Flip: Function(torch.flip, ("flip",)),
    Tril: Function(torch.tril, ("tril",)),
    Triu: Function(torch.triu, ("triu",)),
    Diagonal: Function(torch.diagonal, ("diagonal", "diagonal_copy")),
    DiagEmbed: Function(torch.diag_embed, ("diag_embed",)),
    Unfold: Function(calls.unfold, ("im2col",), ("kernel",)),
    Fold: Function(calls.fold, ("col2im",), ("kernel",)),
    UnfoldAxis: Function(lambda x, dim, size, step: x.unfold(dim, size, step)),
    Sort: Function(lambda x, **how: tuple(torch.sort(x, **how)), ("sort",)),
    TopK: Function(lambda x, **how: tuple(torch.topk(x, **how)), ("topk",)),
    Nonzero: Function(
        lambda x, count: torch.nonzero_static(x, size=count), ("nonzero",), ("count",)
    ),
    SearchSorted: Function(torch.searchsorted, ("searchsorted",)),
    Scatter: Function(calls.scatter, WRITES, ("function", "value", "reduce")),
    IndexPut: Function(calls.index_put, ("index_put",), ("dim",)),
    MaskedScatter: Function(torch.masked_scatter, ("masked_scatter",)),
    GLU: Function(functional.glu, ("glu",)),
    LogSigmoid: Function(functional.logsigmoid, ("log_sigmoid",)),
    Evaluation: Function(calls.evaluation),
    Cdist: Function(torch.cdist, ("cdist",)),
    AddMatMul: Function(calls.add_matmul),
    MSELoss: Function(functional.mse_loss, ("mse_loss",), ("reduction",)),
    SmoothL1Loss: Function(functional.smooth_l1_loss, ("smooth_l1_loss",), ("reduction",)),
    HuberLoss: Function(functional.huber_loss, ("huber_loss",), ("reduction",)),
    BCEWithLogitsLoss: Function(
        functional.binary_cross_entropy_with_logits,
        ("binary_cross_entropy_with_logits",),
        ("reduction",),
    ),
    NLLLoss: Function(
        functional.nll_loss, ("nll_loss_forward", "nll_loss2d_forward"), ("reduction",)
    ),
    SolveTriangular: Function(torch.linalg.solve_triangular, ("linalg_solve_triangular",)),
    WeightNorm: Function(torch._weight_norm, ("_weight_norm",)),
    Written: Function(lambda x, *parts: x),
    MaxUnpool: Function(calls.max_unpool, ("max_unpool2d", "max_unpool3d")),
}
"""For each kind of layer that PyTorch has as a function, that function."""


def module_class(kind: type[Op]) -> type[Call]:
    """The class of the modules that call a kind's function."""
    base = Made if kind.ARITY == (0, 0) else Call
    function = staticmethod(FUNCTIONS[kind].call)
    return type(kind.__name__, (base,), {"function": function, "__doc__": base.__doc__})
