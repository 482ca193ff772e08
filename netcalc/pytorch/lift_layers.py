"""Operators that are layers with tensors of their own, or with modes, as layers."""

from __future__ import annotations

import math
from typing import Any

from netcalc.core.ops.base import Op
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.dense import Linear
from netcalc.core.ops.embedding import Embedding, EmbeddingBag
from netcalc.core.ops.gated import PReLU
from netcalc.core.ops.groupnorm import GroupNorm, InstanceNorm
from netcalc.core.ops.layernorm import LayerNorm, RMSNorm
from netcalc.core.ops.losses import BCEWithLogitsLoss, HuberLoss, MSELoss, NLLLoss, SmoothL1Loss
from netcalc.core.ops.matmul import MatMul
from netcalc.core.ops.recurrent import GRU, LSTM, RNN
from netcalc.core.ops.resample import GridSample, Upsample
from netcalc.core.ops.transposed import ConvTranspose
from netcalc.pytorch.events import Event, Seen
from netcalc.pytorch.lifted import Lifted, Special, on_all, on_first, own


def _input(event: Event) -> tuple[Seen, ...]:
    value = event.arguments.get("input", event.arguments.get("self"))
    return (value,) if isinstance(value, Seen) else ()


def _layer_norm(event: Event) -> Lifted:
    said, held = event.arguments, own(event, "weight", "bias")
    shape = tuple(said["normalized_shape"])
    op: Op
    if event.name == "rms_norm":
        op = RMSNorm(shape, eps=said.get("eps"), elementwise_affine="weight" in held)
    else:
        op = LayerNorm(shape, said["eps"], "weight" in held, "bias" in held)
    return Lifted(op, _input(event), held)


def _group_norm(event: Event) -> Lifted:
    held = own(event, "weight", "bias")
    said = event.arguments
    return Lifted(GroupNorm(said["num_groups"], said["eps"], bool(held)), _input(event), held)


def _instance_norm(event: Event) -> Lifted:
    held, said = own(event), event.arguments
    n = len(_input(event)[0].shape) - 2
    tracks = not said["use_input_stats"]
    op = InstanceNorm(n, said["eps"], said["momentum"], "weight" in held, tracks)
    return Lifted(op, _input(event), held)


def _linear(event: Event) -> Lifted:
    """A weight of one axis makes a product that leaves no features."""
    weight = event.arguments["weight"]
    if len(weight.shape) == 1:
        return Lifted(MatMul(), (*_input(event), weight), {}, event.arguments["bias"])
    held = own(event, "weight", "bias")
    return Lifted(Linear(weight.shape[0], "bias" in held), _input(event), held)


def _loss(kind: type[Op], *numbers: str) -> Special:
    """A loss without weights, with the numbers that it takes; its reduction is a number there."""

    def special(event: Event) -> Lifted | None:
        said = event.arguments
        if any(isinstance(said.get(name), Seen) for name in ("weight", "pos_weight")):
            return None
        reduction = ("none", "mean", "sum")[said["reduction"]]
        op = kind(reduction, *(said[name] for name in numbers))  # type: ignore[call-arg]
        return on_all(op, event)

    return special


def _embedding(event: Event) -> Lifted:
    weight = event.arguments["weight"]
    entries, width = weight.shape
    op = Embedding(entries, width, dtype=weight.dtype)
    return Lifted(op, (event.arguments["indices"],), {"weight": weight})


def _embedding_bag(event: Event) -> Lifted:
    said = event.arguments
    weight = said["weight"]
    mode = ("sum", "mean", "max")[said["mode"]]
    last = said["include_last_offset"]
    entries, width = weight.shape
    op = EmbeddingBag(entries, width, mode, last, weight.dtype)
    factors = said.get("per_sample_weights")
    ins = (said["indices"], said["offsets"], *([] if factors is None else [factors]))
    return Lifted(op, ins, {"weight": weight})


def _prelu(event: Event) -> Lifted:
    weight = event.arguments["weight"]
    return Lifted(PReLU(math.prod(weight.shape)), _input(event), {"weight": weight})


def _recurrent(kind: type[Op], gates: int) -> Special:
    def special(event: Event) -> Lifted | None:
        said = event.arguments
        if "params" not in said or "batch_first" not in said:
            return None  # packed sequences
        params: list[Seen] = said["params"]
        layers, ways = said["num_layers"], 2 if said["bidirectional"] else 1
        each = len(params) // (layers * ways)
        names = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if said["has_biases"] else [])]
        names += ["weight_hr"] * (each > len(names))
        places = [(i, w) for i in range(layers) for w in ("", "_reverse")[:ways]]
        keys = [f"{name}_l{i}{way}" for i, way in places for name in names]
        more: dict[str, Any] = {}
        if kind is LSTM:
            more["proj_size"] = params[each - 1].shape[0] if "weight_hr" in names else 0
        if kind is RNN:
            more["nonlinearity"] = event.name.removeprefix("rnn_")
        op = kind(  # type: ignore[call-arg]
            hidden_size=params[0].shape[0] // gates,
            num_layers=layers,
            bias=said["has_biases"],
            batch_first=said["batch_first"],
            dropout=said["dropout"],
            bidirectional=said["bidirectional"],
            **more,
        )
        states = said["hx"] if isinstance(said["hx"], list) else [said["hx"]]
        return Lifted(op, (said["input"], *states), dict(zip(keys, params, strict=True)))

    return special


def _upsample(event: Event) -> Lifted:
    said = event.arguments
    name = event.name.removeprefix("_").removeprefix("upsample_")
    sort, smooth = name.removesuffix("_aa")[:-2], name.endswith("_aa")
    mode = {"nearest_exact": "nearest-exact"}.get(sort, sort)
    scales: list[float] = said.get("scale_factors") or []
    even = len(set(scales)) == 1
    size = None if even else tuple(event.outputs[0].shape[2:])
    factor = float(scales[0]) if even else None
    corners = bool(said.get("align_corners"))
    return on_first(event, Upsample(size, factor, mode, corners, smooth))


def _grid_sample(event: Event) -> Lifted:
    said = event.arguments
    mode = ("bilinear", "nearest", "bicubic")[said["interpolation_mode"]]
    padding = ("zeros", "border", "reflection")[said["padding_mode"]]
    return on_all(GridSample(mode, padding, bool(said["align_corners"])), event)


def _convolution(event: Event) -> Lifted:
    """The general operator that all convolutions come down to."""
    said, held = event.arguments, own(event, "weight", "bias")
    shape = said["weight"].shape
    n = len(shape) - 2
    names = ("stride", "padding", "dilation", *(["output_padding"] if said["transposed"] else []))
    each = {name: tuple(said[name]) * (n if len(said[name]) == 1 else 1) for name in names}
    channels = shape[1] * said["groups"] if said["transposed"] else shape[0]
    op = (ConvTranspose if said["transposed"] else Conv)(
        out_channels=channels, kernel=shape[2:], groups=said["groups"], bias="bias" in held, **each
    )
    return Lifted(op, _input(event), held)


LAYERS: dict[str, Special] = {
    **dict.fromkeys(("convolution", "_convolution"), _convolution),
    **dict.fromkeys(("layer_norm", "rms_norm"), _layer_norm),
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "linear": _linear,
    "mse_loss": _loss(MSELoss),
    "smooth_l1_loss": _loss(SmoothL1Loss, "beta"),
    "huber_loss": _loss(HuberLoss, "delta"),
    "binary_cross_entropy_with_logits": _loss(BCEWithLogitsLoss),
    **dict.fromkeys(("nll_loss_forward", "nll_loss2d_forward"), _loss(NLLLoss)),
    "embedding": _embedding,
    "embedding_bag": _embedding_bag,
    "prelu": _prelu,
    "lstm": _recurrent(LSTM, 4),
    "gru": _recurrent(GRU, 3),
    **{f"rnn_{name}": _recurrent(RNN, 1) for name in ("tanh", "relu")},
    **{
        f"{name}{n}d": _upsample
        for name, ns in (
            *(("upsample_nearest", (1, 2, 3)), ("_upsample_nearest_exact", (1, 2, 3))),
            *(("upsample_linear", (1,)), ("upsample_bilinear", (2,))),
            *(("upsample_bicubic", (2,)), ("upsample_trilinear", (3,))),
        )
        for n in ns
    },
    **dict.fromkeys(("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"), _upsample),
    "grid_sampler": _grid_sample,
}
