"""One table: kind of layer <-> nn.Module <-> ATen operators.

Adding a kind of layer means its class in core/ops and its row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from netcalc.core.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool
from netcalc.core.ops.base import Op
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.merge import Add, Concat
from netcalc.core.ops.norm import BatchNorm, LocalResponseNorm
from netcalc.core.ops.pointwise import Dropout, ReLU, Softmax
from netcalc.core.ops.pool import AvgPool, MaxPool
from netcalc.core.tensor import Tensor


class Cat(nn.Module):
    """torch.cat as a module."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        """The inputs one after the other along ``dim``."""
        return torch.cat(xs, self.dim)


class Sum(nn.Module):
    """Addition as a module."""

    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        """The sum of the inputs."""
        total = xs[0]
        for x in xs[1:]:
            total = total + x
        return total


@dataclass(frozen=True, slots=True)
class Lowering:
    """How a kind of layer is written in PyTorch.

    ``build`` makes the module for a layer on inputs of given shapes; ``fields`` maps the layer's
    fields to the module's attributes (``name is set`` asks whether the module has that tensor);
    ``aten`` names the operators that a forward pass dispatches.
    """

    build: Callable[[Any, tuple[Tensor, ...]], nn.Module]
    fields: Mapping[str, str]
    aten: tuple[str, ...]


def module(op: Op, ins: tuple[Tensor, ...]) -> nn.Module:
    """The nn.Module of a layer for inputs of the given shapes, on torch's current default device.

    Raises what torch raises where it cannot be built (ValueError, RuntimeError, ...).
    """
    return LOWERINGS[type(op)].build(op, ins)


def _int(size: Any) -> int:
    """A dimension of a real tensor."""
    return int(size)


def _conv(op: Conv, ins: tuple[Tensor, ...]) -> nn.Module:
    n = len(op.kernel)
    cls: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[n - 1]
    built: nn.Module = cls(
        ins[0].dims[-n - 1],
        op.out_channels,
        op.kernel,
        op.stride,
        op.padding,
        op.dilation,
        op.groups,
        op.bias,
    )
    return built


def _max_pool(op: MaxPool, ins: tuple[Tensor, ...]) -> nn.Module:
    cls: Any = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[len(op.kernel) - 1]
    built: nn.Module = cls(op.kernel, op.stride, op.padding, op.dilation, ceil_mode=op.ceil_mode)
    return built


def _avg_pool(op: AvgPool, ins: tuple[Tensor, ...]) -> nn.Module:
    cls: Any = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[len(op.kernel) - 1]
    built: nn.Module = cls(op.kernel, op.stride, op.padding, op.ceil_mode, op.count_include_pad)
    return built


def _adaptive(*classes: Any) -> Callable[[Any, tuple[Tensor, ...]], nn.Module]:
    def build(op: Any, ins: tuple[Tensor, ...]) -> nn.Module:
        output = op.output if len(op.output) > 1 else op.output[0]
        built: nn.Module = classes[len(op.output) - 1](output)
        return built

    return build


def _batch_norm(op: BatchNorm, ins: tuple[Tensor, ...]) -> nn.Module:
    cls: Any = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[op.n - 1]
    built: nn.Module = cls(ins[0].dims[1], op.eps, op.momentum, op.affine, op.track_running_stats)
    return built


_WINDOW = {"kernel": "kernel_size", "stride": "stride", "padding": "padding"}

LOWERINGS: dict[type[Op], Lowering] = {
    Conv: Lowering(
        _conv,
        {
            "out_channels": "out_channels",
            **_WINDOW,
            "dilation": "dilation",
            "groups": "groups",
            "bias": "bias is set",
        },
        ("convolution",),
    ),
    MaxPool: Lowering(
        _max_pool,
        {**_WINDOW, "dilation": "dilation", "ceil_mode": "ceil_mode"},
        ("max_pool1d", "max_pool2d", "max_pool3d"),
    ),
    AvgPool: Lowering(
        _avg_pool,
        {**_WINDOW, "ceil_mode": "ceil_mode", "count_include_pad": "count_include_pad"},
        ("avg_pool1d", "avg_pool2d", "avg_pool3d"),
    ),
    AdaptiveAvgPool: Lowering(
        _adaptive(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
        {"output": "output_size"},
        ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
    ),
    AdaptiveMaxPool: Lowering(
        _adaptive(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
        {"output": "output_size"},
        ("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
    ),
    Linear: Lowering(
        lambda op, ins: nn.Linear(_int(ins[0].dims[-1]), op.out_features, op.bias),
        {"out_features": "out_features", "bias": "bias is set"},
        ("linear",),
    ),
    BatchNorm: Lowering(
        _batch_norm,
        {
            "eps": "eps",
            "momentum": "momentum",
            "affine": "affine",
            "track_running_stats": "track_running_stats",
        },
        ("batch_norm",),
    ),
    LocalResponseNorm: Lowering(
        lambda op, ins: nn.LocalResponseNorm(op.size, op.alpha, op.beta, op.k),
        {"size": "size", "alpha": "alpha", "beta": "beta", "k": "k"},
        (),
    ),
    ReLU: Lowering(lambda op, ins: nn.ReLU(), {}, ("relu",)),
    Dropout: Lowering(lambda op, ins: nn.Dropout(op.p), {"p": "p"}, ("dropout",)),
    Softmax: Lowering(lambda op, ins: nn.Softmax(op.dim), {"dim": "dim"}, ("softmax",)),
    Flatten: Lowering(
        lambda op, ins: nn.Flatten(op.start_dim, op.end_dim),
        {"start_dim": "start_dim", "end_dim": "end_dim"},
        ("flatten",),
    ),
    Concat: Lowering(lambda op, ins: Cat(op.dim), {"dim": "dim"}, ("cat",)),
    Add: Lowering(lambda op, ins: Sum(), {}, ("add",)),
}
"""For each kind of layer, what it is in PyTorch."""
