"""The modules of layers that take more than their fields to be built: sizes of their inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from netcalc.core.ops.bilinear import Bilinear
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.dense import Linear
from netcalc.core.ops.embedding import Embedding, EmbeddingBag
from netcalc.core.ops.groupnorm import GroupNorm, InstanceNorm
from netcalc.core.ops.norm import BatchNorm
from netcalc.core.ops.pool import AvgPool, MaxPool
from netcalc.core.ops.transposed import ConvTranspose
from netcalc.core.tensor import Tensor

Classes = tuple[Any, ...]
CONVS: Classes = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED: Classes = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
MAX_POOLS: Classes = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVG_POOLS: Classes = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
ADAPTIVE_AVG: Classes = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
ADAPTIVE_MAX: Classes = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
BATCH_NORMS: Classes = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
INSTANCE_NORMS: Classes = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


def conv(op: Conv, ins: tuple[Tensor, ...]) -> nn.Module:
    """A convolution of its input's channels."""
    n = len(op.kernel)
    windows = (op.kernel, op.stride, op.padding, op.dilation)
    built: nn.Module = CONVS[n - 1](
        ins[0].dims[-n - 1], op.out_channels, *windows, op.groups, op.bias
    )
    return built


def conv_transpose(op: ConvTranspose, ins: tuple[Tensor, ...]) -> nn.Module:
    """A transposed convolution of its input's channels."""
    n = len(op.kernel)
    windows = (op.kernel, op.stride, op.padding, op.output_padding)
    built: nn.Module = TRANSPOSED[n - 1](
        ins[0].dims[-n - 1], op.out_channels, *windows, op.groups, op.bias, op.dilation
    )
    return built


def max_pool(op: MaxPool, ins: tuple[Tensor, ...]) -> nn.Module:
    """A max pool of its number of axes."""
    windows = (op.kernel, op.stride, op.padding, op.dilation)
    more = {"ceil_mode": op.ceil_mode, "return_indices": op.return_indices}
    built: nn.Module = MAX_POOLS[len(op.kernel) - 1](*windows, **more)
    return built


def avg_pool(op: AvgPool, ins: tuple[Tensor, ...]) -> nn.Module:
    """An average pool of its number of axes."""
    windows = (op.kernel, op.stride, op.padding)
    built: nn.Module = AVG_POOLS[len(op.kernel) - 1](*windows, op.ceil_mode, op.count_include_pad)
    return built


def adaptive(classes: Classes) -> Callable[[Any, tuple[Tensor, ...]], nn.Module]:
    """Builds adaptive pools of one of the classes, by the number of axes."""

    def build(op: Any, ins: tuple[Tensor, ...]) -> nn.Module:
        output = op.output if len(op.output) > 1 else op.output[0]
        more = {k: getattr(op, k) for k in ("return_indices",) if hasattr(op, k)}
        built: nn.Module = classes[len(op.output) - 1](output, **more)
        return built

    return build


def linear(op: Linear, ins: tuple[Tensor, ...]) -> nn.Module:
    """A linear layer of its input's features."""
    features: Any = (ins[0].dims[-1], op.out_features, op.bias)
    return nn.Linear(*features)


def bilinear(op: Bilinear, ins: tuple[Tensor, ...]) -> nn.Module:
    """A bilinear layer of its inputs' features."""
    features: Any = (ins[0].dims[-1], ins[1].dims[-1], op.out_features, op.bias)
    return nn.Bilinear(*features)


def batch_norm(op: BatchNorm, ins: tuple[Tensor, ...]) -> nn.Module:
    """A batch normalisation of its input's channels."""
    fields = (op.eps, op.momentum, op.affine, op.track_running_stats)
    built: nn.Module = BATCH_NORMS[op.n - 1](ins[0].dims[1], *fields)
    return built


def instance_norm(op: InstanceNorm, ins: tuple[Tensor, ...]) -> nn.Module:
    """An instance normalisation of its input's channels."""
    fields = (op.eps, op.momentum, op.affine, op.track_running_stats)
    built: nn.Module = INSTANCE_NORMS[op.n - 1](ins[0].dims[-op.n - 1], *fields)
    return built


def group_norm(op: GroupNorm, ins: tuple[Tensor, ...]) -> nn.Module:
    """A group normalisation of its input's channels."""
    fields: Any = (op.num_groups, ins[0].dims[1], op.eps, op.affine)
    return nn.GroupNorm(*fields)


def embedding(op: Embedding, ins: tuple[Tensor, ...]) -> nn.Module:
    """A table of its own size and type."""
    count, size = cast("int", op.num_embeddings), cast("int", op.embedding_dim)
    return nn.Embedding(count, size, dtype=getattr(torch, op.dtype))


def embedding_bag(op: EmbeddingBag, ins: tuple[Tensor, ...]) -> nn.Module:
    """A table whose rows are taken together, of its own size and type."""
    return nn.EmbeddingBag(
        cast("int", op.num_embeddings),
        cast("int", op.embedding_dim),
        mode=op.mode,
        include_last_offset=op.include_last_offset,
        dtype=getattr(torch, op.dtype),
    )
