"""One table: kind of layer <-> nn.Module <-> ATen operators.

Adding a kind of layer means its class in core/ops and its row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

import torch
from torch import nn

from netcalc.core.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool
from netcalc.core.ops.attention import ScaledDotProductAttention
from netcalc.core.ops.base import Op
from netcalc.core.ops.bilinear import Bilinear
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.einsum import Einsum
from netcalc.core.ops.embedding import Embedding
from netcalc.core.ops.groupnorm import GroupNorm, InstanceNorm
from netcalc.core.ops.layernorm import LayerNorm, RMSNorm
from netcalc.core.ops.matmul import GroupedMatMul, MatMul
from netcalc.core.ops.merge import Add, Concat
from netcalc.core.ops.move import Select
from netcalc.core.ops.norm import BatchNorm, LocalResponseNorm
from netcalc.core.ops.pointwise import Dropout, ReLU, Scale, Softmax, Tanh
from netcalc.core.ops.pool import AvgPool, MaxPool
from netcalc.core.ops.rbf import EuclideanRBF
from netcalc.core.ops.recurrent import GRU, LSTM, RNN
from netcalc.core.ops.stored import Buffer, Parameter
from netcalc.core.ops.transposed import ConvTranspose
from netcalc.core.tensor import Tensor
from netcalc.pytorch.functional import FUNCTIONS, module_class, typed
from netcalc.pytorch.modules import (
    RBF,
    Attention,
    Cat,
    EinsteinSum,
    FixedTensor,
    FlatLSTM,
    GroupedProduct,
    IndexSelect,
    LearnedTensor,
    Product,
    Sum,
    Times,
)


@dataclass(frozen=True, slots=True)
class Lowering:
    """How a kind of layer is written in PyTorch.

    ``build`` makes the module for a layer on inputs of given shapes, one of ``modules``; ``fields``
    maps the layer's fields to the module's attributes (``name is set`` asks whether the module has
    that tensor, ``a.b`` goes into one); ``aten`` names the operators that stand for the layer in a
    forward pass, and ``lift`` makes the layer of one of them where names alone do not do.
    """

    build: Callable[[Any, tuple[Tensor, ...]], nn.Module]
    modules: tuple[type[nn.Module], ...]
    fields: Mapping[str, str]
    aten: tuple[str, ...]
    lift: Callable[[Any], Any] | None = None


def module(op: Op, ins: tuple[Tensor, ...]) -> nn.Module:
    """The nn.Module of a layer for inputs of the given shapes, on torch's current default device.

    Raises what torch raises where it cannot be built (ValueError, RuntimeError, ...).
    """
    return LOWERINGS[type(op)].build(op, ins)


Classes = tuple[Any, ...]
CONVS: Classes = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED: Classes = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
MAX_POOLS: Classes = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVG_POOLS: Classes = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
ADAPTIVE_AVG: Classes = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
ADAPTIVE_MAX: Classes = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
BATCH_NORMS: Classes = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
INSTANCE_NORMS: Classes = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


def _conv(op: Conv, ins: tuple[Tensor, ...]) -> nn.Module:
    n = len(op.kernel)
    windows = (op.kernel, op.stride, op.padding, op.dilation)
    built: nn.Module = CONVS[n - 1](
        ins[0].dims[-n - 1], op.out_channels, *windows, op.groups, op.bias
    )
    return built


def _conv_transpose(op: ConvTranspose, ins: tuple[Tensor, ...]) -> nn.Module:
    n = len(op.kernel)
    windows = (op.kernel, op.stride, op.padding, op.output_padding)
    built: nn.Module = TRANSPOSED[n - 1](
        ins[0].dims[-n - 1], op.out_channels, *windows, op.groups, op.bias, op.dilation
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


def _bilinear(op: Bilinear, ins: tuple[Tensor, ...]) -> nn.Module:
    features: Any = (ins[0].dims[-1], ins[1].dims[-1], op.out_features, op.bias)
    return nn.Bilinear(*features)


def _batch_norm(op: BatchNorm, ins: tuple[Tensor, ...]) -> nn.Module:
    fields = (op.eps, op.momentum, op.affine, op.track_running_stats)
    built: nn.Module = BATCH_NORMS[op.n - 1](ins[0].dims[1], *fields)
    return built


def _instance_norm(op: InstanceNorm, ins: tuple[Tensor, ...]) -> nn.Module:
    fields = (op.eps, op.momentum, op.affine, op.track_running_stats)
    built: nn.Module = INSTANCE_NORMS[op.n - 1](ins[0].dims[-op.n - 1], *fields)
    return built


def _group_norm(op: GroupNorm, ins: tuple[Tensor, ...]) -> nn.Module:
    fields: Any = (op.num_groups, ins[0].dims[1], op.eps, op.affine)
    return nn.GroupNorm(*fields)


def _embedding(op: Embedding, ins: tuple[Tensor, ...]) -> nn.Module:
    count, size = cast("int", op.num_embeddings), cast("int", op.embedding_dim)
    return nn.Embedding(count, size, dtype=getattr(torch, op.dtype))


def _recurrent(cls: type[nn.RNNBase], aten: tuple[str, ...], *more: str) -> Lowering:
    """A recurrent layer; ``more`` are fields beside those that all have."""
    names = ("num_layers", "bias", "batch_first", "dropout", "bidirectional", *more)

    def build(op: Any, ins: tuple[Tensor, ...]) -> nn.Module:
        fields = {name: getattr(op, name) for name in names}
        return cls(ins[0].dims[-1], op.hidden_size, **fields)  # type: ignore[arg-type]

    modules = (nn.LSTM, cls) if cls is FlatLSTM else (cls,)
    return Lowering(build, modules, _same("hidden_size", *names), aten)


def _called(kind: type[Op], aten: tuple[str, ...], other: tuple[str, ...]) -> Lowering:
    """A kind whose module calls a function, and whose fields are the module's attributes."""
    made = module_class(kind)
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    seen = {name: f"op.{name}" if name in other else name for name in names}
    return Lowering(lambda op, ins: made(op), (made,), seen, aten)


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
    ConvTranspose: Lowering(
        _conv_transpose,
        TRANSPOSED,
        _same(
            *("out_channels", "stride", "padding", "output_padding", "dilation", "groups"),
            kernel="kernel_size",
            bias="bias is set",
        ),
        _each("conv_transpose"),
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
    InstanceNorm: Lowering(
        _instance_norm,
        INSTANCE_NORMS,
        _same("eps", "momentum", "affine", "track_running_stats"),
        ("instance_norm",),
    ),
    LayerNorm: Lowering(
        lambda op, ins: nn.LayerNorm(
            op.normalized_shape, op.eps, op.elementwise_affine, bias=op.bias
        ),
        (nn.LayerNorm,),
        _same("normalized_shape", "eps", "elementwise_affine", bias="bias is set"),
        ("layer_norm",),
    ),
    RMSNorm: Lowering(
        lambda op, ins: nn.RMSNorm(op.normalized_shape, op.eps, op.elementwise_affine),
        (nn.RMSNorm,),
        _same("normalized_shape", "eps", "elementwise_affine"),
        ("rms_norm",),
    ),
    GroupNorm: Lowering(
        _group_norm,
        (nn.GroupNorm,),
        _same("num_groups", "eps", "affine"),
        ("group_norm",),
    ),
    LocalResponseNorm: Lowering(
        lambda op, ins: nn.LocalResponseNorm(op.size, op.alpha, op.beta, op.k),
        (nn.LocalResponseNorm,),
        _same("size", "alpha", "beta", "k"),
        (),
    ),
    ReLU: Lowering(lambda op, ins: nn.ReLU(), (nn.ReLU,), {}, ("relu",)),
    Embedding: Lowering(
        _embedding,
        (nn.Embedding,),
        _same("num_embeddings", "embedding_dim", dtype="weight.dtype"),
        ("embedding",),
    ),
    LSTM: _recurrent(FlatLSTM, ("lstm",), "proj_size"),
    GRU: _recurrent(nn.GRU, ("gru",)),
    RNN: _recurrent(nn.RNN, ("rnn_tanh", "rnn_relu"), "nonlinearity"),
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
    MatMul: Lowering(
        lambda op, ins: Product(), (Product,), {}, ("matmul", "mm", "bmm", "mv", "dot")
    ),
    Einsum: Lowering(
        lambda op, ins: EinsteinSum(op.equation), (EinsteinSum,), _same("equation"), ("einsum",)
    ),
    Bilinear: Lowering(
        _bilinear, (nn.Bilinear,), _same("out_features", bias="bias is set"), ("bilinear",)
    ),
    ScaledDotProductAttention: Lowering(
        lambda op, ins: Attention(op.dropout_p, op.is_causal, op.scale, op.enable_gqa),
        (Attention,),
        _same("dropout_p", "is_causal", "scale", "enable_gqa"),
        ("scaled_dot_product_attention",),
    ),
    GroupedMatMul: Lowering(
        lambda op, ins: GroupedProduct(), (GroupedProduct,), {}, ("_grouped_mm",)
    ),
    Tanh: Lowering(lambda op, ins: nn.Tanh(), (nn.Tanh,), {}, ("tanh",)),
    Select: Lowering(
        lambda op, ins: IndexSelect(op.indices, op.dim),
        (IndexSelect,),
        _same("indices", "dim"),
        (),
    ),
    Parameter: Lowering(
        lambda op, ins: LearnedTensor(op.size, typed(op.dtype)),
        (LearnedTensor,),
        {"size": "value.shape", "dtype": "value.dtype"},
        (),
    ),
    Buffer: Lowering(
        lambda op, ins: FixedTensor(op.size, typed(op.dtype)),
        (FixedTensor,),
        {"size": "value.shape", "dtype": "value.dtype"},
        (),
    ),
    EuclideanRBF: Lowering(
        lambda op, ins: RBF(ins[0].dims[-1], op.out_features),  # type: ignore[arg-type]
        (RBF,),
        _same("out_features"),
        (),
    ),
    **{kind: _called(kind, *function[1:]) for kind, function in FUNCTIONS.items()},
}
"""For each kind of layer, what it is in PyTorch; those that are functions there stand in
functional.py."""
