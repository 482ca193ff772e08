"""One table: kind of layer <-> nn.Module <-> ATen operators.

Adding a kind of layer means its class in core/ops and its row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from netcalc.core.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool
from netcalc.core.ops.base import Op
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.merge import Add, Concat
from netcalc.core.ops.move import Select
from netcalc.core.ops.norm import BatchNorm, LocalResponseNorm
from netcalc.core.ops.pointwise import Dropout, ReLU, Scale, Softmax, Tanh
from netcalc.core.ops.pool import AvgPool, MaxPool
from netcalc.core.ops.rbf import EuclideanRBF
from netcalc.core.tensor import Tensor
from netcalc.pytorch.modules import RBF, Cat, IndexSelect, Sum, Times


@dataclass(frozen=True, slots=True)
class Lowering:
    """How a kind of layer is written in PyTorch.

    ``build`` makes the module for a layer on inputs of given shapes, one of ``modules``; ``fields``
    maps the layer's fields to the module's attributes (``name is set`` asks whether the module has
    that tensor); ``aten`` names the operators that stand for the layer in a forward pass.
    """

    build: Callable[[Any, tuple[Tensor, ...]], nn.Module]
    modules: tuple[type[nn.Module], ...]
    fields: Mapping[str, str]
    aten: tuple[str, ...]


def module(op: Op, ins: tuple[Tensor, ...]) -> nn.Module:
    """The nn.Module of a layer for inputs of the given shapes, on torch's current default device.

    Raises what torch raises where it cannot be built (ValueError, RuntimeError, ...).
    """
    return LOWERINGS[type(op)].build(op, ins)


Classes = tuple[Any, ...]
CONVS: Classes = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
MAX_POOLS: Classes = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVG_POOLS: Classes = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
ADAPTIVE_AVG: Classes = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
ADAPTIVE_MAX: Classes = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
BATCH_NORMS: Classes = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def _conv(op: Conv, ins: tuple[Tensor, ...]) -> nn.Module:
    n = len(op.kernel)
    windows = (op.kernel, op.stride, op.padding, op.dilation)
    built: nn.Module = CONVS[n - 1](
        ins[0].dims[-n - 1], op.out_channels, *windows, op.groups, op.bias
    )
    return built


def _max_pool(op: MaxPool, ins: tuple[Tensor, ...]) -> nn.Module:
    windows = (op.kernel, op.stride, op.padding, op.dilation)
    built: nn.Module = MAX_POOLS[len(op.kernel) - 1](*windows, ceil_mode=op.ceil_mode)
    return built


def _avg_pool(op: AvgPool, ins: tuple[Tensor, ...]) -> nn.Module:
    windows = (op.kernel, op.stride, op.padding)
    built: nn.Module = AVG_POOLS[len(op.kernel) - 1](*windows, op.ceil_mode, op.count_include_pad)
    return built


def _adaptive(classes: Classes) -> Callable[[Any, tuple[Tensor, ...]], nn.Module]:
    def build(op: Any, ins: tuple[Tensor, ...]) -> nn.Module:
        output = op.output if len(op.output) > 1 else op.output[0]
        built: nn.Module = classes[len(op.output) - 1](output)
        return built

    return build


def _linear(op: Linear, ins: tuple[Tensor, ...]) -> nn.Module:
    features: Any = (ins[0].dims[-1], op.out_features, op.bias)
    return nn.Linear(*features)


def _batch_norm(op: BatchNorm, ins: tuple[Tensor, ...]) -> nn.Module:
    fields = (op.eps, op.momentum, op.affine, op.track_running_stats)
    built: nn.Module = BATCH_NORMS[op.n - 1](ins[0].dims[1], *fields)
    return built


def _same(*names: str, **others: str) -> dict[str, str]:
    """Fields with the module's own names, and those it calls otherwise."""
    return {name: name for name in names} | others


def _each(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{n}d" for n in (1, 2, 3))


LOWERINGS: dict[type[Op], Lowering] = {
    Conv: Lowering(
        _conv,
        CONVS,
        _same(
            *("out_channels", "stride", "padding", "dilation", "groups"),
            kernel="kernel_size",
            bias="bias is set",
        ),
        _each("conv"),
    ),
    MaxPool: Lowering(
        _max_pool,
        MAX_POOLS,
        _same("stride", "padding", "dilation", "ceil_mode", kernel="kernel_size"),
        _each("max_pool"),
    ),
    AvgPool: Lowering(
        _avg_pool,
        AVG_POOLS,
        _same("stride", "padding", "ceil_mode", "count_include_pad", kernel="kernel_size"),
        _each("avg_pool"),
    ),
    AdaptiveAvgPool: Lowering(
        _adaptive(ADAPTIVE_AVG),
        ADAPTIVE_AVG,
        _same(output="output_size"),
        _each("adaptive_avg_pool"),
    ),
    AdaptiveMaxPool: Lowering(
        _adaptive(ADAPTIVE_MAX),
        ADAPTIVE_MAX,
        _same(output="output_size"),
        _each("adaptive_max_pool"),
    ),
    Linear: Lowering(_linear, (nn.Linear,), _same("out_features", bias="bias is set"), ("linear",)),
    BatchNorm: Lowering(
        _batch_norm,
        BATCH_NORMS,
        _same("eps", "momentum", "affine", "track_running_stats"),
        ("batch_norm",),
    ),
    LocalResponseNorm: Lowering(
        lambda op, ins: nn.LocalResponseNorm(op.size, op.alpha, op.beta, op.k),
        (nn.LocalResponseNorm,),
        _same("size", "alpha", "beta", "k"),
        (),
    ),
    ReLU: Lowering(lambda op, ins: nn.ReLU(), (nn.ReLU,), {}, ("relu",)),
    Dropout: Lowering(lambda op, ins: nn.Dropout(op.p), (nn.Dropout,), _same("p"), ("dropout",)),
    Scale: Lowering(lambda op, ins: Times(op.factor), (Times,), {"factor": "other"}, ("mul",)),
    Softmax: Lowering(
        lambda op, ins: nn.Softmax(op.dim), (nn.Softmax,), _same("dim"), ("softmax",)
    ),
    Flatten: Lowering(
        lambda op, ins: nn.Flatten(op.start_dim, op.end_dim),
        (nn.Flatten,),
        _same("start_dim", "end_dim"),
        ("flatten",),
    ),
    Concat: Lowering(lambda op, ins: Cat(op.dim), (Cat,), _same("dim"), ("cat",)),
    Add: Lowering(lambda op, ins: Sum(), (Sum,), {}, ("add",)),
    Tanh: Lowering(lambda op, ins: nn.Tanh(), (nn.Tanh,), {}, ("tanh",)),
    Select: Lowering(
        lambda op, ins: IndexSelect(op.indices, op.dim),
        (IndexSelect,),
        _same("indices", "dim"),
        (),
    ),
    EuclideanRBF: Lowering(
        lambda op, ins: RBF(ins[0].dims[-1], op.out_features),  # type: ignore[arg-type]
        (RBF,),
        _same("out_features"),
        (),
    ),
}
"""For each kind of layer, what it is in PyTorch."""
