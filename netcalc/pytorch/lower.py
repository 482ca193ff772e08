"""One table: kind of layer <-> nn.Module <-> ATen operators.

Adding a kind of layer means its class in core/ops and its row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import nn

from netcalc.core.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool
from netcalc.core.ops.attention import ScaledDotProductAttention
from netcalc.core.ops.base import Op
from netcalc.core.ops.bilinear import Bilinear
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.einsum import Einsum
from netcalc.core.ops.embedding import Embedding, EmbeddingBag
from netcalc.core.ops.gated import PReLU
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
from netcalc.pytorch import builders
from netcalc.pytorch.functional import FUNCTIONS, module_class
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
    SoftmaxIn,
    Sum,
    Times,
    typed,
)


@dataclass(frozen=True, slots=True)
class Lowering:
    """How a kind of layer is written in PyTorch.

    ``build`` makes the module for a layer on inputs of given shapes, one of ``modules``; ``fields``
    maps the layer's fields to the module's attributes (``name is set`` asks whether the module has
    that tensor, ``name if any`` is None where it has no such attribute, ``a.b`` goes into one);
    ``aten`` names the operators that stand for the layer in a forward pass; where their arguments
    have other names than the module's attributes, the lift_ files say how they are read.
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
        builders.conv,
        builders.CONVS,
        _same(
            *("out_channels", "stride", "padding", "dilation", "groups"),
            kernel="kernel_size",
            bias="bias is set",
        ),
        _each("conv"),
    ),
    ConvTranspose: Lowering(
        builders.conv_transpose,
        builders.TRANSPOSED,
        _same(
            *("out_channels", "stride", "padding", "output_padding", "dilation", "groups"),
            kernel="kernel_size",
            bias="bias is set",
        ),
        _each("conv_transpose"),
    ),
    MaxPool: Lowering(
        builders.max_pool,
        builders.MAX_POOLS,
        _same(
            *("stride", "padding", "dilation", "ceil_mode", "return_indices"), kernel="kernel_size"
        ),
        _each("max_pool"),
    ),
    AvgPool: Lowering(
        builders.avg_pool,
        builders.AVG_POOLS,
        _same("stride", "padding", "ceil_mode", "count_include_pad", kernel="kernel_size"),
        _each("avg_pool"),
    ),
    AdaptiveAvgPool: Lowering(
        builders.adaptive(builders.ADAPTIVE_AVG),
        builders.ADAPTIVE_AVG,
        _same(output="output_size"),
        _each("adaptive_avg_pool"),
    ),
    AdaptiveMaxPool: Lowering(
        builders.adaptive(builders.ADAPTIVE_MAX),
        builders.ADAPTIVE_MAX,
        _same("return_indices", output="output_size"),
        _each("adaptive_max_pool"),
    ),
    Linear: Lowering(
        builders.linear, (nn.Linear,), _same("out_features", bias="bias is set"), ("linear",)
    ),
    BatchNorm: Lowering(
        builders.batch_norm,
        builders.BATCH_NORMS,
        _same("eps", "momentum", "affine", "track_running_stats"),
        ("batch_norm",),
    ),
    InstanceNorm: Lowering(
        builders.instance_norm,
        builders.INSTANCE_NORMS,
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
        builders.group_norm,
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
        builders.embedding,
        (nn.Embedding,),
        _same("num_embeddings", "embedding_dim", dtype="weight.dtype"),
        ("embedding",),
    ),
    EmbeddingBag: Lowering(
        builders.embedding_bag,
        (nn.EmbeddingBag,),
        _same(
            *("num_embeddings", "embedding_dim", "mode", "include_last_offset"),
            dtype="weight.dtype",
        ),
        ("embedding_bag",),
    ),
    PReLU: Lowering(
        lambda op, ins: nn.PReLU(op.num_parameters),
        (nn.PReLU,),
        _same("num_parameters"),
        ("prelu",),
    ),
    LSTM: _recurrent(FlatLSTM, ("lstm",), "proj_size"),
    GRU: _recurrent(nn.GRU, ("gru",)),
    RNN: _recurrent(nn.RNN, ("rnn_tanh", "rnn_relu"), "nonlinearity"),
    Dropout: Lowering(lambda op, ins: nn.Dropout(op.p), (nn.Dropout,), _same("p"), ("dropout",)),
    Scale: Lowering(lambda op, ins: Times(op.factor), (Times,), {"factor": "other"}, ("mul",)),
    Softmax: Lowering(
        lambda op, ins: SoftmaxIn(op.dim, op.dtype) if op.dtype else nn.Softmax(op.dim),
        (nn.Softmax, SoftmaxIn),
        _same("dim", dtype="dtype if any"),
        ("softmax",),
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
        builders.bilinear, (nn.Bilinear,), _same("out_features", bias="bias is set"), ("bilinear",)
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
