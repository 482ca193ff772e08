"""Single layers and small modules on which counters differ: by name, what makes one with inputs.

Every probe has a parameter (``unused`` where its layers have none): some counters need one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune

Made = tuple[nn.Module, tuple[Any, ...]]
Make = Callable[[], Made]

PROBES: dict[str, Make] = {}


class Does(nn.Module):
    """A forward pass that is a function of layers and inputs."""

    def __init__(self, does: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.does = does
        self.unused = nn.Parameter(torch.zeros(()))
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *xs: Any) -> Any:
        return self.does(self, *xs)


class One(Does):
    """With one input, which counters that give arguments by name can name."""

    def forward(self, x: Any) -> Any:
        return self.does(self, x)


class Two(Does):
    """With two inputs."""

    def forward(self, x: Any, y: Any) -> Any:
        return self.does(self, x, y)


class Three(Does):
    """With three inputs."""

    def forward(self, x: Any, y: Any, z: Any) -> Any:
        return self.does(self, x, y, z)


def rand(*shape: int) -> torch.Tensor:
    return torch.rand(shape)


def layer(name: str, make: Callable[[], nn.Module], *shape: int) -> None:
    """A layer by itself; one without parameters in a module that has one."""

    def made() -> Made:
        module = make()
        if not any(True for _ in module.parameters()):
            module = One(lambda m, x: m.of(x), of=module)
        return module, (rand(*shape),)

    PROBES[name] = made


def function(name: str, does: Callable[..., Any], *shapes: tuple[int, ...]) -> None:
    """What calls functions on inputs."""
    kinds = {1: One, 2: Two, 3: Three}

    def made() -> Made:
        module = kinds[len(shapes)](lambda m, *xs: does(*xs))
        return module, tuple(rand(*shape) for shape in shapes)

    PROBES[name] = made


def weighted(name: str, does: Callable[..., Any], x: tuple[int, ...], *w: int) -> None:
    """What calls functions on an input and a parameter, which no counter cuts to one image."""

    def made() -> Made:
        module = One(lambda m, x: does(x, m.w))
        module.w = nn.Parameter(rand(*w))
        return module, (rand(*x),)

    PROBES[name] = made


def probe(make: Make) -> Make:
    """A probe by the name of a function."""
    PROBES[make.__name__] = make
    return make


# --- convolutions ---------------------------------------------------------------------------------

layer("conv1d", lambda: nn.Conv1d(4, 8, 3), 2, 4, 16)
layer("conv2d", lambda: nn.Conv2d(4, 8, 3, padding=1), 2, 4, 16, 16)
layer("conv2d_strided", lambda: nn.Conv2d(4, 8, 3, stride=2, dilation=2), 2, 4, 17, 19)
layer("conv2d_rectangular", lambda: nn.Conv2d(4, 8, (1, 5), padding=(0, 2)), 2, 4, 17, 19)
layer("conv2d_no_bias", lambda: nn.Conv2d(4, 8, 3, bias=False), 2, 4, 16, 16)
layer("conv3d", lambda: nn.Conv3d(2, 4, 3, padding=1), 2, 2, 6, 6, 6)
layer("conv2d_grouped", lambda: nn.Conv2d(4, 8, 3, padding=1, groups=4), 2, 4, 16, 16)
layer("conv2d_depthwise", lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8), 2, 8, 16, 16)
layer("conv2d_same", lambda: nn.Conv2d(4, 8, 3, padding="same"), 2, 4, 16, 16)
layer("conv2d_same_even", lambda: nn.Conv2d(4, 8, 4, padding="same"), 2, 4, 16, 16)
layer("conv1d_same_even", lambda: nn.Conv1d(4, 8, 4, padding="same", dilation=2), 2, 4, 16)
layer("conv2d_valid", lambda: nn.Conv2d(4, 8, 3, padding="valid"), 2, 4, 16, 16)
layer("conv2d_reflect", lambda: nn.Conv2d(4, 8, 3, padding=1, padding_mode="reflect"), 2, 4, 8, 8)
layer("conv1d_unbatched", lambda: nn.Conv1d(4, 8, 3), 4, 16)
layer("conv2d_unbatched", lambda: nn.Conv2d(4, 8, 3), 4, 16, 16)
layer("conv2d_unbatched_square", lambda: nn.Conv2d(16, 8, 3), 16, 16, 16)
layer("conv_transpose1d", lambda: nn.ConvTranspose1d(4, 8, 3, stride=2), 2, 4, 16)
layer("conv_transpose2d", lambda: nn.ConvTranspose2d(4, 8, 3, stride=2), 2, 4, 16, 16)
layer("conv_transpose3d", lambda: nn.ConvTranspose3d(4, 8, 3, stride=2), 2, 4, 4, 4, 4)
layer(
    "conv_transpose2d_grouped",
    lambda: nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1, groups=4),
    *(2, 8, 8, 8),
)
layer(
    "conv_transpose2d_padded",
    lambda: nn.ConvTranspose2d(4, 8, 3, stride=3, padding=1, output_padding=2, dilation=2),
    *(2, 4, 8, 8),
)
layer("conv_transpose2d_depthwise", lambda: nn.ConvTranspose2d(8, 8, 2, 2, groups=8), 2, 8, 8, 8)
layer("conv_transpose2d_unbatched", lambda: nn.ConvTranspose2d(4, 8, 3, stride=2), 4, 16, 16)
function("f_conv2d", lambda x, w: F.conv2d(x, w, padding=1), (2, 4, 16, 16), (8, 4, 3, 3))
function("f_conv_transpose2d", lambda x, w: F.conv_transpose2d(x, w), (2, 4, 8, 8), (4, 8, 3, 3))


@probe
def conv2d_subclass() -> Made:
    class Conv(nn.Conv2d):
        pass

    return Conv(4, 8, 3), (rand(2, 4, 16, 16),)


@probe
def conv2d_lazy() -> Made:
    lazy = nn.LazyConv2d(8, 3)
    x = rand(2, 4, 16, 16)
    lazy(x)
    return lazy, (x,)


# --- linear layers and products -------------------------------------------------------------------

layer("linear", lambda: nn.Linear(32, 16), 2, 32)
layer("linear_tokens", lambda: nn.Linear(32, 16), 2, 10, 32)
layer("linear_no_bias", lambda: nn.Linear(32, 16, bias=False), 2, 10, 32)
layer("linear_1d", lambda: nn.Linear(32, 16), 32)
layer("bilinear_layer", lambda: One(lambda m, x: m.of(x, x), of=nn.Bilinear(8, 8, 4)), 2, 8)
function("f_linear", lambda x, w: F.linear(x, w), (2, 10, 32), (16, 32))
function("matmul", lambda x, y: torch.matmul(x, y), (8, 16), (16, 8))
function("matmul_method", lambda x, y: x.matmul(y), (8, 16), (16, 8))
function("matmul_operator", lambda x, y: x @ y, (8, 16), (16, 8))
function("matmul_batched", lambda x, y: torch.matmul(x, y), (2, 3, 8, 16), (2, 3, 16, 8))
function("matmul_broadcast_left", lambda x, y: torch.matmul(x, y), (8, 16), (2, 16, 8))
function("matmul_broadcast_right", lambda x, y: torch.matmul(x, y), (2, 8, 16), (16, 8))
function("matmul_broadcast_ones", lambda x, y: torch.matmul(x, y), (1, 8, 16), (2, 16, 8))
function("matmul_vector", lambda x, y: torch.matmul(x, y), (8, 16), (16,))
function("matmul_vectors", lambda x, y: torch.matmul(x, y), (16,), (16,))
function("mm", lambda x, y: torch.mm(x, y), (8, 16), (16, 8))
function("mm_method", lambda x, y: x.mm(y), (8, 16), (16, 8))
function("mv", lambda x, y: torch.mv(x, y), (8, 16), (16,))
function("dot", lambda x, y: torch.dot(x, y), (16,), (16,))
function("outer", lambda x, y: torch.outer(x, y), (16,), (8,))
function("bmm", lambda x, y: torch.bmm(x, y), (2, 8, 16), (2, 16, 8))
function("bmm_method", lambda x, y: x.bmm(y), (2, 8, 16), (2, 16, 8))
function("addmm", lambda x, y, z: torch.addmm(x, y, z), (8,), (4, 16), (16, 8))
function("addmm_beta_0", lambda x, y, z: torch.addmm(x, y, z, beta=0), (8,), (4, 16), (16, 8))
function("addmm_method", lambda x, y, z: x.addmm(y, z), (4, 8), (4, 16), (16, 8))
function("baddbmm", lambda x, y, z: torch.baddbmm(x, y, z), (2, 4, 8), (2, 4, 16), (2, 16, 8))
function("addbmm", lambda x, y, z: torch.addbmm(x, y, z), (4, 8), (2, 4, 16), (2, 16, 8))
function("einsum", lambda x, y: torch.einsum("ij,jk->ik", x, y), (8, 16), (16, 8))
function("einsum_batched", lambda x, y: torch.einsum("bij,bkj->bik", x, y), (2, 8, 6), (2, 4, 6))
function("einsum_shared", lambda x, y: torch.einsum("abc,abd->acd", x, y), (2, 8, 6), (2, 8, 4))
function("einsum_rounded", lambda x, y: torch.einsum("ij,jk->ik", x, y), (123, 457), (457, 89))
function("einsum_outer", lambda x, y: torch.einsum("i,j->ij", x, y), (8,), (6,))
function("einsum_dots", lambda x, y: torch.einsum("...ij,jk->...ik", x, y), (2, 3, 8, 6), (6, 4))
function("einsum_heads", lambda x, y: torch.einsum("BHI, HIJ -> BHJ", x, y), (2, 3, 8), (3, 8, 5))
function("einsum_sum", lambda x: torch.einsum("ij->i", x), (8, 16))
function(
    "einsum_three",
    lambda x, y, z: torch.einsum("ij,jk,kl->il", x, y, z),
    *((8, 16), (16, 4), (4, 32)),
)
weighted("matmul_weight", lambda x, w: torch.matmul(x, w), (2, 16), 16, 8)
weighted("matmul_weight_method", lambda x, w: x.matmul(w), (2, 5, 16), 16, 8)
weighted("matmul_weight_operator", lambda x, w: x @ w, (2, 5, 16), 16, 8)
weighted("matmul_weight_by_name", lambda x, w: torch.matmul(x, other=w), (2, 5, 16), 16, 8)
weighted("matmul_weight_vector", lambda x, w: torch.matmul(x, w), (2, 5, 16), 16)
weighted("matmul_weight_more_axes", lambda x, w: torch.matmul(x, w), (2, 16), 3, 16, 8)
weighted("mm_weight", lambda x, w: torch.mm(x, w), (2, 16), 16, 8)
weighted("mm_weight_method", lambda x, w: x.mm(w), (2, 16), 16, 8)
weighted("mv_weight", lambda x, w: torch.mv(x, w), (2, 16), 16)
weighted("addmm_weight", lambda x, w: torch.addmm(w[0], x, w), (2, 16), 16, 8)
weighted("addmm_weight_beta_0", lambda x, w: torch.addmm(w[0], x, w, beta=0), (2, 16), 16, 8)
weighted("addmm_weight_method", lambda x, w: w[0].addmm(x, w), (2, 16), 16, 8)
weighted("f_linear_weight", lambda x, w: F.linear(x, w), (2, 5, 16), 8, 16)
weighted("f_conv2d_weight", lambda x, w: F.conv2d(x, w, padding=1), (2, 4, 8, 8), 8, 4, 3, 3)
weighted(
    "f_conv_transpose2d_weight",
    lambda x, w: F.conv_transpose2d(x, w, stride=2, groups=2),
    *((2, 4, 8, 8), 4, 3, 3, 3),
)
weighted("einsum_weight", lambda x, w: torch.einsum("bi,ij->bj", x, w), (2, 16), 16, 8)
weighted("mul_weight_broadcast", lambda x, w: torch.mul(x, w), (2, 16), 16)
weighted("add_weight_broadcast", lambda x, w: torch.add(x, w), (2, 4, 8, 8), 4, 1, 1)


# --- elementwise ----------------------------------------------------------------------------------

for operation in ("mul", "add"):
    on_torch = getattr(torch, operation)
    function(f"{operation}", on_torch, (2, 16), (2, 16))
    function(f"{operation}_broadcast", on_torch, (2, 16), (16,))
    function(f"{operation}_broadcast_more", on_torch, (4, 1, 8), (2, 4, 6, 8))
    function(f"{operation}_number", lambda x, f=on_torch: f(x, 2), (2, 16))
    function(f"{operation}_method", lambda x, y, n=operation: getattr(x, n)(y), (2, 16), (2, 1))
    function(f"{operation}_in_place", lambda x, n=operation: getattr(x + 0, f"{n}_")(x), (2, 16))
function("mul_operator", lambda x, y: x * y, (2, 16), (2, 16))
function("add_operator", lambda x, y: x + y, (2, 16), (2, 16))
function("sub_and_div", lambda x, y: torch.div(torch.sub(x, y), y), (2, 16), (2, 16))


# --- attention ------------------------------------------------------------------------------------

QKV = ((2, 4, 16, 8),) * 3
function("sdpa", lambda q, k, v: F.scaled_dot_product_attention(q, k, v), *QKV)
function(
    "sdpa_causal", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *QKV
)
function(
    "sdpa_mask",
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=torch.ones(16, 16)),
    *QKV,
)
function("attention_operators", lambda q, k, v: (q @ k.mT).softmax(-1) @ v, *QKV)
function(
    "attention_functions",
    lambda q, k, v: torch.matmul(F.softmax(torch.matmul(q, k.transpose(-2, -1)), dim=-1), v),
    *QKV,
)


def attends(name: str, make: Callable[[], nn.MultiheadAttention], *shape: int, **how: Any) -> None:
    def made() -> Made:
        does: Callable[..., Any] = lambda m, x: m.of(x, x, x, **how)[0]  # noqa: E731
        return One(does, of=make()), (rand(*shape),)

    PROBES[name] = made


attends("mha", lambda: nn.MultiheadAttention(32, 4, batch_first=True), 2, 10, 32)
attends("mha_sequence_first", lambda: nn.MultiheadAttention(32, 4), 1, 10, 32)
attends(
    "mha_no_bias", lambda: nn.MultiheadAttention(32, 4, bias=False, batch_first=True), 2, 10, 32
)
attends(
    "mha_no_weights",
    lambda: nn.MultiheadAttention(32, 4, batch_first=True),
    *(2, 10, 32),
    need_weights=False,
)
attends(
    "mha_mask",
    lambda: nn.MultiheadAttention(32, 4, batch_first=True),
    *(2, 10, 32),
    attn_mask=torch.zeros(10, 10),
)
attends("mha_unbatched", lambda: nn.MultiheadAttention(32, 4), 10, 32)


@probe
def mha_cross() -> Made:
    of = nn.MultiheadAttention(32, 4, kdim=16, vdim=24, batch_first=True)
    module = Three(lambda m, q, k, v: m.of(q, k, v)[0], of=of)
    return module, (rand(2, 10, 32), rand(2, 7, 16), rand(2, 7, 24))


@probe
def mha_cross_same_size() -> Made:
    of = nn.MultiheadAttention(32, 4, batch_first=True)
    module = Two(lambda m, q, k: m.of(q, k, k, need_weights=False)[0], of=of)
    return module, (rand(2, 10, 32), rand(2, 7, 32))


@probe
def mha_by_name() -> Made:
    of = nn.MultiheadAttention(32, 4, batch_first=True)
    return One(lambda m, x: m.of(query=x, key=x, value=x)[0], of=of), (rand(2, 10, 32),)


layer(
    "transformer_encoder_layer",
    lambda: nn.TransformerEncoderLayer(32, 4, 64, batch_first=True),
    *(2, 10, 32),
)
layer(
    "transformer_encoder_layer_gelu",
    lambda: nn.TransformerEncoderLayer(
        32, 4, 64, activation="gelu", norm_first=True, batch_first=True
    ),
    *(2, 10, 32),
)
layer(
    "transformer_encoder",
    lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2),
    *(2, 10, 32),
)


@probe
def transformer_decoder_layer() -> Made:
    module = nn.TransformerDecoderLayer(32, 4, 64, batch_first=True)
    return module, (rand(2, 10, 32), rand(2, 7, 32))


@probe
def transformer() -> Made:
    module = nn.Transformer(32, 4, 1, 1, 64, batch_first=True)
    return module, (rand(2, 10, 32), rand(2, 7, 32))


# --- recurrent layers -----------------------------------------------------------------------------

for kind in ("LSTM", "GRU", "RNN"):
    of: Any = getattr(nn, kind)
    low = kind.lower()
    layer(low, lambda of=of: of(16, 32, batch_first=True), 2, 10, 16)
    layer(f"{low}_sequence_first", lambda of=of: of(16, 32), 1, 10, 16)
    layer(f"{low}_two", lambda of=of: of(16, 32, 2, batch_first=True), 2, 10, 16)
    layer(f"{low}_no_bias", lambda of=of: of(16, 32, bias=False, batch_first=True), 2, 10, 16)
    layer(
        f"{low}_bidirectional",
        lambda of=of: of(16, 32, 2, batch_first=True, bidirectional=True),
        *(2, 10, 16),
    )
    layer(f"{low}_unbatched", lambda of=of: of(16, 32), 10, 16)
    layer(f"{low}_cell", lambda kind=kind: getattr(nn, f"{kind}Cell")(16, 32), 2, 16)
    layer(f"{low}_cell_no_bias", lambda kind=kind: getattr(nn, f"{kind}Cell")(16, 32, False), 2, 16)
layer("lstm_projected", lambda: nn.LSTM(16, 32, 2, batch_first=True, proj_size=8), 2, 10, 16)
layer("rnn_relu", lambda: nn.RNN(16, 32, nonlinearity="relu", batch_first=True), 2, 10, 16)


@probe
def lstm_then_linear() -> Made:
    layers = {"of": nn.LSTM(16, 32, batch_first=True), "head": nn.Linear(32, 4)}
    return One(lambda m, x: m.head(m.of(x)[0]), **layers), (rand(2, 10, 16),)


@probe
def lstm_packed() -> Made:
    def does(m: Any, x: torch.Tensor) -> Any:
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([10, 7]), batch_first=True)
        return m.of(packed)[0].data

    return One(does, of=nn.LSTM(16, 32, batch_first=True)), (rand(2, 10, 16),)


# --- shared modules, dead code --------------------------------------------------------------------


@probe
def shared_called_twice() -> Made:
    return One(lambda m, x: m.of(m.of(x)), of=nn.Linear(16, 16)), (rand(2, 16),)


@probe
def shared_by_two_names() -> Made:
    of = nn.Linear(16, 16)
    return One(lambda m, x: m.one(m.two(x)), one=of, two=of), (rand(2, 16),)


@probe
def shared_by_two_parents() -> Made:
    of = nn.Linear(16, 16)
    return nn.Sequential(nn.Sequential(of, nn.ReLU()), nn.Sequential(of)), (rand(2, 16),)


@probe
def shared_block_by_three_parents() -> Made:
    block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    parents = [nn.Sequential(block) for _ in range(3)]
    return nn.Sequential(*parents), (rand(2, 4, 8, 8),)


@probe
def shared_lstm_by_two_parents() -> Made:
    of = nn.LSTM(16, 16, batch_first=True)
    first = One(lambda m, x: m.of(x)[0], of=of)
    second = One(lambda m, x: m.of(x)[0] + F.relu(x), of=of)
    return nn.Sequential(first, second), (rand(2, 10, 16),)


@probe
def shared_parameter() -> Made:
    first, second = nn.Linear(16, 16), nn.Linear(16, 16)
    second.weight = first.weight
    return nn.Sequential(first, second), (rand(2, 16),)


@probe
def dead_code() -> Made:
    layers = {"of": nn.Linear(16, 16), "dead": nn.Linear(16, 8)}

    def does(m: Any, x: torch.Tensor) -> Any:
        m.dead(x)
        return m.of(x)

    return One(does, **layers), (rand(2, 16),)


@probe
def never_called() -> Made:
    return One(lambda m, x: m.of(x), of=nn.Linear(16, 16), other=nn.Linear(16, 8)), (rand(2, 16),)


@probe
def called_by_forward() -> Made:
    return One(lambda m, x: m.of.forward(x), of=nn.Linear(16, 16)), (rand(2, 16),)


@probe
def hidden_in_a_list() -> Made:
    module = One(lambda m, x: m.hidden[0](m.of(x)), of=nn.Linear(16, 16))
    module.hidden = [nn.Linear(16, 8)]  # type: ignore[assignment]
    return module, (rand(2, 16),)


@probe
def raises_and_goes_on() -> Made:
    def raises(m: Any, x: torch.Tensor) -> Any:
        m.first(x)
        raise ValueError

    def does(m: Any, x: torch.Tensor) -> Any:
        try:
            m.tries(x)
        except ValueError:
            x = F.relu(x)
        return m.of(x)

    tries = One(raises, first=nn.Linear(16, 16))
    return One(does, tries=tries, of=nn.Linear(16, 16)), (rand(2, 16),)


# --- resizing, pools, norms, activations ----------------------------------------------------------

for mode, n in (("nearest", 1), ("linear", 1), ("nearest", 2), ("bilinear", 2), ("bicubic", 2)):
    sizes = (2, 4, *(8,) * n)
    layer(f"upsample_{mode}_{n}d", lambda m=mode: nn.Upsample(scale_factor=2, mode=m), *sizes)
layer("upsample_trilinear", lambda: nn.Upsample(scale_factor=2, mode="trilinear"), 2, 4, 4, 4, 4)
layer("upsample_size", lambda: nn.Upsample(size=(12, 10), mode="bilinear"), 2, 4, 8, 8)
layer("upsample_int_size", lambda: nn.Upsample(size=12), 2, 4, 8, 8)
layer("upsample_fraction", lambda: nn.Upsample(scale_factor=1.3), 2, 3, 7, 7)
layer("upsample_fractions", lambda: nn.Upsample(scale_factor=(1.5, 2.5)), 2, 3, 7, 7)
layer("upsample_nearest_2d_layer", lambda: nn.UpsamplingNearest2d(scale_factor=2), 2, 4, 8, 8)
layer("upsample_bilinear_2d_layer", lambda: nn.UpsamplingBilinear2d(scale_factor=2), 2, 4, 8, 8)
function("interpolate_scale", lambda x: F.interpolate(x, scale_factor=2), (2, 4, 8, 8))
function("interpolate_scales", lambda x: F.interpolate(x, scale_factor=(2, 3)), (2, 4, 8, 8))
function(
    "interpolate_fractions",
    lambda x: F.interpolate(F.interpolate(x, scale_factor=1.3), scale_factor=1.3),
    (2, 3, 7, 7),
)
function("interpolate_size", lambda x: F.interpolate(x, (12, 10), mode="bilinear"), (2, 4, 8, 8))
function("interpolate_area", lambda x: F.interpolate(x, size=(4, 4), mode="area"), (2, 4, 8, 8))
function("f_upsample", lambda x: F.upsample(x, scale_factor=2), (2, 4, 8, 8))
function(
    "grid_sample",
    lambda x, grid: F.grid_sample(x, grid, align_corners=False),
    *((2, 4, 8, 8), (2, 5, 5, 2)),
)

for n in (1, 2, 3):
    sizes = (2, 4, *(8,) * n)
    for kind in ("MaxPool", "AvgPool"):
        of = getattr(nn, f"{kind}{n}d")
        layer(f"{kind.lower()}{n}d", lambda of=of: of(2), *sizes)
    for kind in ("AdaptiveAvgPool", "AdaptiveMaxPool"):
        of = getattr(nn, f"{kind}{n}d")
        layer(f"{kind.lower()}{n}d", lambda of=of: of(3), *sizes)
        layer(f"{kind.lower()}{n}d_global", lambda of=of: of(1), *sizes)
layer("maxpool2d_overlapping", lambda: nn.MaxPool2d(3, 2, 1), 2, 4, 9, 9)
layer("maxpool2d_ceil", lambda: nn.MaxPool2d(3, 2, ceil_mode=True), 2, 4, 8, 8)
layer(
    "maxpool2d_indices",
    lambda: One(lambda m, x: m.of(x)[0], of=nn.MaxPool2d(2, return_indices=True)),
    2,
    4,
    8,
    8,
)
layer("lppool2d", lambda: nn.LPPool2d(2, 2), 2, 4, 8, 8)
function("f_max_pool2d", lambda x: F.max_pool2d(x, 2), (2, 4, 8, 8))
function("f_avg_pool2d", lambda x: F.avg_pool2d(x, 2), (2, 4, 8, 8))
function("f_adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 1), (2, 4, 8, 8))
function("f_adaptive_avg_pool2d_part", lambda x: F.adaptive_avg_pool2d(x, (None, 2)), (2, 4, 8, 8))
function("mean", lambda x: x.mean((2, 3)), (2, 4, 8, 8))

for n in (1, 2, 3):
    sizes = (2, 4, *(6,) * n)
    for affine in (True, False):
        end = f"{n}d" if affine else f"{n}d_plain"
        layer(
            f"batchnorm{end}",
            lambda n=n, a=affine: getattr(nn, f"BatchNorm{n}d")(4, affine=a),
            *sizes,
        )
        layer(
            f"instancenorm{end}",
            lambda n=n, a=affine: getattr(nn, f"InstanceNorm{n}d")(4, affine=a),
            *sizes,
        )
layer("batchnorm1d_vectors", lambda: nn.BatchNorm1d(4), 2, 4)
layer("batchnorm2d_untracked", lambda: nn.BatchNorm2d(4, track_running_stats=False), 2, 4, 6, 6)
layer("syncbatchnorm", lambda: nn.SyncBatchNorm(4), 2, 4, 6, 6)
layer("groupnorm", lambda: nn.GroupNorm(2, 4), 2, 4, 6, 6)
layer("groupnorm_plain", lambda: nn.GroupNorm(2, 4, affine=False), 2, 4, 6, 6)
layer("layernorm", lambda: nn.LayerNorm(16), 2, 10, 16)
layer("layernorm_two_axes", lambda: nn.LayerNorm((10, 16)), 2, 10, 16)
layer("layernorm_no_bias", lambda: nn.LayerNorm(16, bias=False), 2, 10, 16)
layer("layernorm_plain", lambda: nn.LayerNorm(16, elementwise_affine=False), 2, 10, 16)
layer("rmsnorm", lambda: nn.RMSNorm(16), 2, 10, 16)
layer("local_response_norm", lambda: nn.LocalResponseNorm(3), 2, 8, 6, 6)
function("f_layer_norm", lambda x: F.layer_norm(x, (16,)), (2, 10, 16))
function("f_group_norm", lambda x: F.group_norm(x, 2), (2, 4, 6, 6))
function("f_normalize", lambda x: F.normalize(x), (2, 16))

ACTIVATIONS = (
    *("ReLU", "ReLU6", "LeakyReLU", "ELU", "PReLU", "GELU", "SiLU", "SELU", "CELU", "Mish"),
    *("Sigmoid", "Tanh", "Hardswish", "Hardsigmoid", "Hardtanh", "Softplus", "LogSigmoid"),
)
for kind in ACTIVATIONS:
    layer(kind.lower(), getattr(nn, kind), 2, 4, 8, 8)
layer("glu", nn.GLU, 2, 16)
layer("softmax", lambda: nn.Softmax(-1), 2, 16)
layer("softmax_channels", lambda: nn.Softmax(1), 2, 4, 8, 8)
layer("log_softmax", lambda: nn.LogSoftmax(-1), 2, 16)
for low in ("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hardswish", "sigmoid", "tanh"):
    function(f"f_{low}", lambda x, n=low: getattr(F, n)(x), (2, 4, 8, 8))
function("f_prelu", lambda x, w: F.prelu(x, w), (2, 4, 8, 8), (4,))
function("f_softmax", lambda x: F.softmax(x, dim=-1), (2, 16))
function("f_softmax_by_name", lambda x: F.softmax(input=x, dim=-1), (2, 16))
function("softmax_method", lambda x: x.softmax(-1), (2, 16))
function("torch_relu", lambda x: torch.relu(x), (2, 16))
function("relu_method", lambda x: x.relu(), (2, 16))


@probe
def relu_bound_early() -> Made:
    module = One(lambda m, x: m.act(m.of(x)), of=nn.Linear(16, 16))
    module.act = F.relu  # type: ignore[assignment]
    return module, (rand(2, 16),)


@probe
def relu_in_place() -> Made:
    return nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(inplace=True)), (rand(2, 4, 8, 8),)


layer("dropout", lambda: nn.Dropout(), 2, 16)
layer("pixel_shuffle", lambda: nn.PixelShuffle(2), 2, 8, 4, 4)
layer("zero_pad", lambda: nn.ZeroPad2d(1), 2, 4, 8, 8)
layer("flatten", lambda: nn.Flatten(), 2, 4, 8, 8)
layer("cosine_similarity", lambda: One(lambda m, x: m.of(x, x), of=nn.CosineSimilarity()), 2, 16)


@probe
def embedding() -> Made:
    module = One(lambda m, x: m.of(x), of=nn.Embedding(100, 16))
    return module, (torch.randint(0, 100, (2, 10)),)


@probe
def embedding_bag() -> Made:
    module = One(lambda m, x: m.of(x), of=nn.EmbeddingBag(100, 16))
    return module, (torch.randint(0, 100, (2, 10)),)


@probe
def deform_conv2d() -> Made:
    from torchvision.ops import DeformConv2d

    module = Two(lambda m, x, offset: m.of(x, offset), of=DeformConv2d(4, 8, 3))
    return module, (rand(1, 4, 8, 8), rand(1, 18, 6, 6))


@probe
def deform_conv2d_mask() -> Made:
    from torchvision.ops import DeformConv2d

    module = Three(lambda m, *xs: m.of(*xs), of=DeformConv2d(4, 8, 3))
    return module, (rand(1, 4, 8, 8), rand(1, 18, 6, 6), rand(1, 9, 6, 6))


@probe
def timm_attention() -> Made:
    from timm.layers.attention import Attention

    return nn.Sequential(Attention(32, 4), nn.LayerNorm(32)), (rand(2, 10, 32),)


@probe
def weight_norm() -> Made:
    return nn.utils.parametrizations.weight_norm(nn.Linear(16, 8)), (rand(2, 16),)


@probe
def pruned() -> Made:
    of = nn.Linear(16, 8)
    prune.random_unstructured(of, "weight", 0.5)
    return nn.Sequential(of, nn.ReLU()), (rand(2, 16),)


# --- what counters of module calls see ------------------------------------------------------------


class Weighs(nn.Module):
    """A leaf with a weight of its own."""

    def __init__(self, does: Callable[..., Any], **parameters: tuple[int, ...]) -> None:
        super().__init__()
        self.does = does
        for name, shape in parameters.items():
            self.register_parameter(name, nn.Parameter(torch.rand(shape)))

    def forward(self, x: Any) -> Any:
        return self.does(self, x)


class WeighsConv(Weighs):
    """Named like a convolution."""


def inside(of: nn.Module, *shape: int) -> Made:
    """A module in a sequence with another, on one input."""
    return nn.Sequential(of, nn.ReLU()), (rand(*shape),)


layer("upsample_nearest_exact", lambda: nn.Upsample((8, 8), mode="nearest-exact"), 2, 3, 4, 4)
layer("adaptiveavgpool2d_uneven", lambda: nn.AdaptiveAvgPool2d((3, 7)), 2, 3, 11, 13)
layer("adaptiveavgpool3d_uneven", lambda: nn.AdaptiveAvgPool3d((7, 9, 11)), 2, 5, 29, 31, 37)
layer("adaptiveavgpool2d_unbatched", lambda: nn.AdaptiveAvgPool2d((3, 5)), 3, 11, 13)
layer("adaptiveavgpool1d_unbatched", lambda: nn.AdaptiveAvgPool1d(3), 3, 11)
layer("conv2d_unbatched_grouped", lambda: nn.Conv2d(6, 6, 3, groups=3), 6, 12, 13)
layer("lstm_cell_unbatched", lambda: nn.LSTMCell(16, 32), 16)
layer("gru_cell_unbatched", lambda: nn.GRUCell(16, 32), 16)
layer("linear_empty_batch", lambda: nn.Linear(4, 4), 0, 4)
layer("weight_norm_old", lambda: nn.utils.weight_norm(nn.Conv2d(3, 4, 3)), 2, 3, 8, 8)
layer("spectral_norm_old", lambda: nn.utils.spectral_norm(nn.Conv2d(3, 4, 3)), 2, 3, 8, 8)


@probe
def linear_by_name() -> Made:
    return One(lambda m, x: m.of(input=x), of=nn.Linear(8, 4)), (rand(2, 3, 8),)


@probe
def layer_with_a_child() -> Made:
    of = nn.Conv2d(3, 4, 3)
    of.add_module("extra", nn.Linear(6, 5))
    return One(lambda m, x: m.of.extra(m.of(x)), of=of), (rand(2, 3, 8, 8),)


@probe
def leaf_with_an_empty_child() -> Made:
    of = Weighs(lambda m, x: F.linear(m.shortcut(x), m.weight), weight=(8, 8))
    of.shortcut = nn.Sequential()
    return inside(of, 2, 5, 8)


@probe
def leaf_with_a_bias_table() -> Made:
    of = Weighs(lambda m, x: x @ m.position_bias_table, position_bias_table=(8, 8))
    return inside(of, 2, 5, 8)


@probe
def leaf_named_conv() -> Made:
    of = WeighsConv(lambda m, x: F.linear(x, m.weight, m.bias), weight=(8, 8), bias=(8,))
    return inside(of, 2, 5, 8)


@probe
def leaf_that_returns_a_dictionary() -> Made:
    of = Weighs(lambda m, x: {"a": x.sum(0), "b": (F.linear(x, m.weight), x)}, weight=(8, 8))
    return One(lambda m, x: m.of(x)["b"][0], of=of), (rand(2, 5, 8),)


@probe
def shared_by_ways() -> Made:
    of = nn.Linear(4, 4)
    one = nn.Sequential(of)
    return nn.Sequential(nn.Sequential(one), nn.Sequential(nn.Sequential(one), of)), (rand(2, 4),)


@probe
def gru_packed() -> Made:
    def does(m: Any, x: torch.Tensor) -> Any:
        lengths = torch.tensor([7, 10])
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return m.of(packed)[0].data

    return One(does, of=nn.GRU(16, 32, 2, bidirectional=True)), (rand(10, 2, 16),)


@probe
def batchnorm_with_activation() -> Made:
    from timm.layers import BatchNormAct2d

    layers = nn.Conv2d(3, 4, 3), BatchNormAct2d(4), nn.Conv2d(4, 4, 3)
    return nn.Sequential(*layers), (rand(2, 3, 8, 8),)


@probe
def pruned_conv2d() -> Made:
    of = nn.Conv2d(3, 4, 3)
    prune.l1_unstructured(of, "weight", 0.3)
    prune.l1_unstructured(of, "bias", 2)
    return inside(of, 2, 3, 8, 8)


@probe
def hooked_output() -> Made:
    of = nn.Linear(4, 6)
    of.register_forward_hook(lambda m, x, y: y[:1])
    return inside(of, 2, 3, 4)


# --- what is dispatched below, and what a trace keeps ---------------------------------------------


def frozen(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


def flipped(name: str, does: Callable[..., Any], *shape: int) -> None:
    """A linear layer on its input with axes in another order of memory."""

    def made() -> Made:
        return One(lambda m, x: m.of(does(x)), of=nn.Linear(16, 8)), (rand(*shape),)

    PROBES[name] = made


flipped("linear_transposed_2d", lambda x: x.T, 16, 4)
flipped("linear_transposed_3d", lambda x: x.transpose(1, 2), 1, 16, 4)
flipped("linear_transposed_4d", lambda x: x.permute(0, 2, 3, 1), 1, 16, 4, 6)
flipped("linear_4d", lambda x: x, 1, 4, 6, 16)
flipped("linear_sliced", lambda x: x[:, ::2], 1, 8, 16)
flipped("linear_expanded", lambda x: x.expand(3, 4, 16), 1, 1, 16)


@probe
def tokens_and_back() -> Made:
    def does(m: Any, x: torch.Tensor) -> Any:
        y = m.tokens(x.flatten(2).transpose(1, 2))
        y = m.depthwise(y.transpose(1, 2).view(x.shape)).flatten(2).transpose(1, 2)
        return m.last(y)

    layers = {
        "tokens": nn.Linear(8, 8),
        "depthwise": nn.Conv2d(8, 8, 3, padding=1, groups=8),
        "last": nn.Linear(8, 4),
    }
    return One(does, **layers), (rand(1, 8, 6, 6),)


@probe
def mha_frozen() -> Made:
    of = nn.MultiheadAttention(32, 4, batch_first=True)
    return frozen(One(lambda m, x: m.of(x, x, x)[0], of=of)), (rand(2, 10, 32),)


@probe
def mha_bias_kv() -> Made:
    of = nn.MultiheadAttention(32, 4, add_bias_kv=True, batch_first=True)
    return One(lambda m, x: m.of(x, x, x, need_weights=False)[0], of=of), (rand(2, 10, 32),)


@probe
def transformer_encoder_layer_frozen() -> Made:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return frozen(nn.Sequential(layer)), (rand(2, 10, 32),)


@probe
def transformer_encoder_layer_of_three_heads() -> Made:  # an odd number takes no fast path
    return nn.TransformerEncoderLayer(36, 3, 64, batch_first=True), (rand(2, 10, 36),)


class Biased(nn.Module):
    """Attention with a learned mask."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(16, 16))

    def forward(self, x: Any) -> Any:
        return F.scaled_dot_product_attention(x, x, x, attn_mask=self.bias)


@probe
def sdpa_learned_mask() -> Made:
    return Biased(), (rand(2, 4, 16, 8),)


@probe
def sdpa_frozen_mask() -> Made:
    return frozen(Biased()), (rand(2, 4, 16, 8),)


function("sdpa_3d", F.scaled_dot_product_attention, *((4, 16, 8),) * 3)
function("sdpa_other_values", F.scaled_dot_product_attention, *((2, 4, 16, 8),) * 2, (2, 4, 16, 12))
function("sdpa_cross", F.scaled_dot_product_attention, (2, 4, 16, 8), *((2, 4, 9, 8),) * 2)
function(
    "sdpa_grouped",
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
    *((2, 4, 16, 8), (2, 2, 16, 8), (2, 2, 16, 8)),
)
function("addmv", torch.addmv, (8,), (8, 16), (16,))
function("baddbmm_method", lambda x, y, z: x.baddbmm(y, z), (2, 4, 8), (2, 4, 16), (2, 16, 8))
function("multiply", torch.multiply, (2, 16), (2, 16))
function("multiply_method_in_place", lambda x: (x + 0).multiply_(x), (2, 16))
function("linalg_matmul", torch.linalg.matmul, (2, 8, 16), (2, 16, 8))
function("multi_dot", lambda x, y, z: torch.linalg.multi_dot((x, y, z)), (8, 16), (16, 4), (4, 9))
function("tensordot", lambda x, y: torch.tensordot(x, y, dims=1), (2, 8, 16), (16, 5))
function("inner", torch.inner, (8, 16), (4, 16))
function("kron", torch.kron, (2, 3), (3, 4))
function("cdist_large", torch.cdist, (2, 40, 16), (2, 30, 16))
function("cdist_small", torch.cdist, (2, 10, 16), (2, 12, 16))
function("matmul_five", torch.matmul, (2, 1, 3, 8, 16), (1, 5, 1, 16, 4))
function("matmul_right_vector", torch.matmul, (2, 3, 8, 16), (16,))
function("matmul_left_vector", torch.matmul, (16,), (2, 16, 8))
function("einsum_attention", lambda q, k: torch.einsum("bhid,bhjd->bhij", q, k), *QKV[:2])
function("einsum_diagonal", lambda x: torch.einsum("ii->i", x), (8, 8))
function("einsum_elementwise", lambda x, y: torch.einsum("ij,ij->ij", x, y), (8, 6), (8, 6))
function("einsum_trace", lambda x, y: torch.einsum("ij,ji->", x, y), (8, 6), (6, 8))
function("einsum_implicit", lambda x, y: torch.einsum("ij,jk", x, y), (8, 6), (6, 8))
function("einsum_ones", lambda x, y: torch.einsum("ij,jk->ik", x, y), (8, 6), (1, 5))
function("mul_0d", lambda x: x * torch.tensor(2.0), (2, 16))
function("square", lambda x: x.square() * x.pow(2), (2, 16))
function("mean_all", lambda x: x.mean(), (2, 4, 8, 8))
function("mean_kept", lambda x: x.mean(-1, keepdim=True), (2, 4, 8, 8))
for mode in ("nearest", "bicubic"):
    function(
        f"grid_sample_{mode}",
        lambda x, grid, m=mode: F.grid_sample(x, grid, mode=m, align_corners=False),
        *((2, 4, 8, 8), (2, 5, 5, 2)),
    )
function(
    "grid_sample_3d",
    lambda x, grid: F.grid_sample(x, grid, align_corners=False),
    *((2, 4, 6, 6, 6), (2, 5, 5, 5, 3)),
)
layer("conv2d_circular", lambda: nn.Conv2d(4, 8, 3, padding=1, padding_mode="circular"), 2, 4, 8, 8)
layer("conv_transpose2d_square", lambda: nn.ConvTranspose2d(8, 8, 3, groups=2), 2, 8, 8, 8)

SIZES: dict[str, Callable[[torch.Tensor], Any]] = {
    "view": lambda x: x.view(x.shape[0] * x.shape[1], -1),
    "view_three": lambda x: x.reshape(x.size(0) * x.size(1) * x.size(2)),
    "scaled": lambda x: x * (x.shape[-1] * 2) ** -0.5,
    "constant": lambda x: x.view(2, -1) if x.shape[0] * 3 > 2 else x,
    "loop": lambda x: [x + i for i in range(x.shape[0] * 2)][-1],
    "int": lambda x: x.view(int(x.shape[0] * x.shape[1]), -1),
    "numel": lambda x: x.view(x.numel() * 1),
    "shape_numel": lambda x: x.view(x.shape.numel()),
    "dead": lambda x: (x.view(x.shape[0] * 3, -1), x + 1)[1],
    "ones": lambda x: torch.ones(x.shape[0] * x.shape[1]) * 3,
    "slice": lambda x: x[:, : x.shape[1] * 1],
    "arange": lambda x: torch.arange(x.shape[0] * x.shape[1]),
    "repeated": lambda x: x.repeat(x.shape[0] * 2, 1, 1),
    "interpolated": lambda x: F.interpolate(
        x[None], scale_factor=2.0, recompute_scale_factor=True, mode="bilinear"
    ),
    "interpolated_size": lambda x: F.interpolate(x[None], size=(x.shape[1] * 2, x.shape[2] * 2)),
    "added": lambda x: x + x.shape[0] * x.shape[1],
    "divided": lambda x: x / (x.shape[0] * x.shape[1]),
    "split": lambda x: x.split(x.shape[1] * 1, dim=1)[0],
    "unflattened": lambda x: x.flatten().unflatten(0, (x.shape[0] * 2, -1)),
    "of_weight": lambda x: x.view(x.new_zeros(2, 3).shape[0] * 3, -1),
    "padded": lambda x: F.pad(x, (0, x.shape[2] * 2 - x.shape[2])),
    "math": lambda x: x * math.sqrt(x.shape[0] * 3),
    "joined": lambda x: x.view(x.shape[:1] + (x.shape[1] * x.shape[2],)),  # noqa: RUF005
    "product": lambda x: x.view(math.prod(x.shape[:2]), -1),
    "length": lambda x: x.view(len(x) * 2, -1),
    "maximum": lambda x: x.view(max(x.shape[0] * 2, 1), -1),
    "rolled": lambda x: x.roll(x.shape[0] * 2, 0),
    "topk": lambda x: x.flatten().topk(x.shape[0] * 2)[0],
    "expanded": lambda x: x[0, :1, :1].expand(x.shape[0] * 2, x.shape[1]),
    "filled": lambda x: x.new_full((x.shape[0] * 2,), x.shape[1] * 2),
    "list": lambda x: x.view([x.shape[0] * 2, -1]),
}
for name, does in SIZES.items():
    function(f"sizes_{name}", does, (2, 6, 8))


@probe
def sizes_in_place() -> Made:
    def does(m: Any, x: torch.Tensor) -> Any:
        n = x.shape[0]
        n *= x.shape[1]
        return m.of(x.view(n, -1))

    return One(does, of=nn.Linear(8, 4)), (rand(2, 6, 8),)
