"""Operators as netcalc's own kinds of layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, NamedTuple

import torch

from netcalc.core.functions import BINARY, CUMULATIVE, REDUCTIONS, UNARY
from netcalc.core.ops.arrange import Constant, Pad
from netcalc.core.ops.base import Op
from netcalc.core.ops.elementwise import Binary, Cast, Pointwise
from netcalc.core.ops.embedding import Embedding
from netcalc.core.ops.gather import Index
from netcalc.core.ops.groupnorm import GroupNorm, InstanceNorm
from netcalc.core.ops.layernorm import LayerNorm, RMSNorm
from netcalc.core.ops.matmul import MatMul
from netcalc.core.ops.merge import Add
from netcalc.core.ops.pointwise import Dropout, Scale
from netcalc.core.ops.recurrent import GRU, LSTM, RNN
from netcalc.core.ops.reduce import Cumulative, Reduce
from netcalc.core.ops.resample import GridSample, Upsample
from netcalc.core.ops.slices import Pick, Slice, Split, Unbind
from netcalc.core.ops.unit import Expand, Squeeze, Unsqueeze
from netcalc.core.ops.view import Permute, Reshape, Transpose
from netcalc.errors import SpecError
from netcalc.pytorch.events import Event, Seen, seen_in
from netcalc.pytorch.lower import LOWERINGS
from netcalc.pytorch.record import KINDS_OF_OPERATORS
from netcalc.pytorch.seen import OPERANDS, shown

LARGEST = torch.finfo(torch.float32).max


class Lifted(NamedTuple):
    """An operator as a layer: its inputs, and the tensors that stand behind its operands.

    ``plus`` is added to what comes out, as addmm does.
    """

    op: Op
    inputs: tuple[Seen, ...]
    operands: dict[str, Seen]
    plus: Seen | None = None


def lift(event: Event) -> Lifted | None:
    """The layer that an operator is, or None where netcalc has no kind for it."""
    name = event.name.removesuffix("_")
    try:
        return _lifted(event, name)
    except (SpecError, TypeError, LookupError):  # another form of the operator than those below
        return None


def _lifted(event: Event, name: str) -> Lifted | None:
    special = SPECIAL.get(name)
    if special is not None:
        return special(event)
    tensors = event.inputs()
    if name in BINARY and len(tensors) > 1:
        return _binary(event, name)
    if name in UNARY and len(tensors) == 1:
        return _unary(event, name)
    kind = KINDS_OF_OPERATORS.get(name)
    return None if kind is None else _by_names(event, kind)


def _plain(op: Op, event: Event) -> Lifted:
    """A layer on all tensors of an operator."""
    return Lifted(op, tuple(event.inputs()), {})


def _own(event: Event, *names: str) -> dict[str, Seen]:
    """The tensors of a layer among an operator's arguments."""
    found = {name: event.arguments.get(name) for name in names or OPERANDS}
    return {name: value for name, value in found.items() if isinstance(value, Seen)}


def _by_names(event: Event, kind: type[Op]) -> Lifted:
    """A layer whose fields go by the names of the operator's arguments."""
    shapes = {k: v.shape if isinstance(v, Seen) else v for k, v in event.arguments.items()}
    said = shown(event.name, shapes)
    wanted = LOWERINGS[kind].fields
    found = {ours: said[theirs] for ours, theirs in wanted.items() if theirs in said}
    if "n" in {f.name for f in fields(kind)}:  # type: ignore[arg-type]
        found["n"] = max(1, len(event.inputs()[0].shape) - 2)
    op = kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in found.items()})
    rest = [value for name, value in event.arguments.items() if name not in OPERANDS]
    return Lifted(op, tuple(seen_in(rest)), _own(event))


# --- functions of one and two tensors ----------------------------------------------------------


def _numbers(event: Event) -> Iterator[float]:
    """The numbers among an operator's arguments, but for the factor of an addition."""
    for name, value in event.arguments.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not (name in ("alpha", "beta", "scale", "input_scale") and value == 1):
            yield float(value)


def _unary(event: Event, name: str) -> Lifted | None:
    if name == "gelu" and event.arguments.get("approximate") == "tanh":
        name = "gelu_tanh"
    if name == "pow" and event.overload == "Scalar":
        name = "rpow"
    if name == "clamp":
        low, high = event.arguments.get("min"), event.arguments.get("max")
        if low is None or high is None:
            name = "clamp_min" if high is None else "clamp_max"
    numbers = list(_numbers(event))[: UNARY_NUMBERS.get(name, 2)]
    return _plain(Pointwise(name, *numbers), event)


UNARY_NUMBERS = {"softplus": 0, "round": 0, "elu": 1, "leaky_relu": 1, "gelu": 0, "gelu_tanh": 0}
"""How many of the numbers that an operator takes its function has, where it is not all of them."""


def _mul(event: Event) -> Lifted | None:
    if len(event.inputs()) > 1:
        return _binary(event, "mul")
    other = event.arguments.get("other")
    return None if other is None else _plain(Scale(float(other)), event)


def _binary(event: Event, name: str) -> Lifted | None:
    a, *rest = event.inputs()
    if name == "add" and len(rest) == 1 and (a.shape, a.dtype) == (rest[0].shape, rest[0].dtype):
        return _plain(Add(), event)
    value = next(_numbers(event), None) if name in ("masked_fill", "lerp") else None
    if value is not None:
        value = max(-LARGEST, min(LARGEST, value))  # what fills a mask is often -inf
    return _plain(Binary(name, value), event)


def _reduce(event: Event, name: str) -> Lifted | None:
    given = event.arguments.get("dim")
    dims = (given,) if isinstance(given, int) else tuple(given) if given else None
    return _plain(Reduce(name, dims, bool(event.arguments.get("keepdim", False))), event)


def _of_reduction(name: str) -> Callable[[Event], Lifted | None]:
    def special(event: Event) -> Lifted | None:
        if len(event.inputs()) > 1:
            other = {"max": "maximum", "min": "minimum"}.get(name)
            return None if other is None else _binary(event, other)
        return _reduce(event, name)

    return special


def _cumulative(name: str) -> Callable[[Event], Lifted | None]:
    return lambda event: _plain(Cumulative(name, event.arguments["dim"]), event)


def _plus(event: Event) -> Lifted | None:
    """Addmm and its like: a product, and something added to it."""
    added, *factors = event.inputs()
    return Lifted(MatMul(), tuple(factors), {}, added)


def _multiplied_plus(event: Event) -> Lifted | None:
    """Addcmul: a product of two, element by element, and something added to it."""
    if event.arguments.get("value") != 1:
        return None
    added, *factors = event.inputs()
    return Lifted(Binary("mul"), tuple(factors), {}, added)


# --- shapes ------------------------------------------------------------------------------------


def _first(event: Event, op: Op) -> Lifted:
    """A layer on the first tensor alone."""
    return Lifted(op, tuple(event.inputs()[:1]), {})


def _reshape(event: Event) -> Lifted:
    return _first(event, Reshape(event.outputs[0].shape))


def _expand(event: Event) -> Lifted:
    return _first(event, Expand(event.outputs[0].shape))


def _transpose(event: Event) -> Lifted:
    said = event.arguments
    first, second = (said.get(f"dim{i}", said.get(f"axis{i}", i)) for i in (0, 1))
    return _first(event, Transpose(first, second))


def _squeeze(event: Event) -> Lifted:
    given = event.arguments.get("dim")
    shape = event.inputs()[0].shape
    if given is None:
        given = [i for i, d in enumerate(shape) if d == 1]
    dims = [given] if isinstance(given, int) else given
    return _first(event, Squeeze(tuple(d for d in dims if shape[d] == 1)))


def _slice(event: Event) -> Lifted:
    said = event.arguments
    end = said.get("end")
    whole = end is None or end >= event.inputs()[0].shape[said["dim"]]
    return _first(
        event, Slice(said["dim"], said.get("start") or 0, None if whole else end, said["step"])
    )


def _split(event: Event) -> Lifted:
    dim = event.arguments["dim"]
    return _first(event, Split(tuple(x.shape[dim] for x in event.outputs), dim))


def _pad(event: Event) -> Lifted:
    said = event.arguments
    value = said.get("value")
    mode = said.get("mode", "constant")
    return _first(event, Pad(tuple(said["pad"]), mode, 0.0 if value is None else float(value)))


def _constant(event: Event) -> Lifted:
    out = event.outputs[0]
    return Lifted(Constant(out.shape, out.dtype), (), {})


def _cast(event: Event) -> Lifted:
    return _first(event, Cast(event.outputs[0].dtype))


def _index(event: Event) -> Lifted:
    x, *places = event.inputs()
    given = event.arguments.get("indices")
    dim = event.arguments.get("dim")
    if isinstance(given, list):
        dim = next(i for i, place in enumerate(given) if place is not None)
    return Lifted(Index(0 if dim is None else dim), (x, *places), {})


# --- layers with tensors of their own ----------------------------------------------------------


def _input(event: Event) -> tuple[Seen, ...]:
    value = event.arguments.get("input", event.arguments.get("self"))
    return (value,) if isinstance(value, Seen) else ()


def _layer_norm(event: Event) -> Lifted:
    said, own = event.arguments, _own(event, "weight", "bias")
    shape = tuple(said["normalized_shape"])
    op: Op
    if event.name == "rms_norm":
        op = RMSNorm(shape, eps=said.get("eps"), elementwise_affine="weight" in own)
    else:
        op = LayerNorm(shape, said["eps"], "weight" in own, "bias" in own)
    return Lifted(op, _input(event), own)


def _group_norm(event: Event) -> Lifted:
    own = _own(event, "weight", "bias")
    said = event.arguments
    return Lifted(GroupNorm(said["num_groups"], said["eps"], bool(own)), _input(event), own)


def _instance_norm(event: Event) -> Lifted:
    own, said = _own(event), event.arguments
    n = len(_input(event)[0].shape) - 2
    tracks = not said["use_input_stats"]
    op = InstanceNorm(n, said["eps"], said["momentum"], "weight" in own, tracks)
    return Lifted(op, _input(event), own)


def _embedding(event: Event) -> Lifted:
    weight = event.arguments["weight"]
    entries, width = weight.shape
    op = Embedding(entries, width, dtype=weight.dtype)
    return Lifted(op, (event.arguments["indices"],), {"weight": weight})


def _recurrent(kind: type[Op], gates: int) -> Callable[[Event], Lifted | None]:
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
    mode = {"nearest_exact": "nearest-exact"}.get(name[:-2], name[:-2])
    scales: list[float] = said.get("scale_factors") or []
    even = len(set(scales)) == 1
    size = None if even else tuple(event.outputs[0].shape[2:])
    factor = float(scales[0]) if even else None
    return _first(event, Upsample(size, factor, mode, bool(said.get("align_corners"))))


def _grid_sample(event: Event) -> Lifted:
    said = event.arguments
    mode = ("bilinear", "nearest", "bicubic")[said["interpolation_mode"]]
    padding = ("zeros", "border", "reflection")[said["padding_mode"]]
    return _plain(GridSample(mode, padding, bool(said["align_corners"])), event)


Special = Callable[[Event], "Lifted | None"]

_FACTORIES = """
    arange empty empty_like empty_strided eye full full_like linspace new_empty new_full new_ones
    new_zeros ones ones_like rand rand_like randint randn randn_like scalar_tensor tril_indices
    zeros zeros_like
""".split()  # noqa: SIM905  (a list of words)

SPECIAL: dict[str, Special] = {
    "mul": _mul,
    **{name: _of_reduction(name) for name in REDUCTIONS if name != "norm"},
    "linalg_vector_norm": _of_reduction("norm"),
    **{name: _cumulative(name) for name in CUMULATIVE},
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), _plus),
    "addcmul": _multiplied_plus,
    **dict.fromkeys(
        ("view", "_unsafe_view", "reshape", "unflatten", "view_as", "reshape_as"), _reshape
    ),
    **dict.fromkeys(("expand", "expand_as"), _expand),
    **dict.fromkeys(("transpose", "swapaxes", "t"), _transpose),
    "permute": lambda e: _first(e, Permute(tuple(e.arguments["dims"]))),
    "squeeze": _squeeze,
    "unsqueeze": lambda e: _first(e, Unsqueeze(e.arguments["dim"])),
    "slice": _slice,
    "select": lambda e: _first(e, Pick(e.arguments["dim"], e.arguments["index"])),
    **dict.fromkeys(("split", "split_with_sizes", "chunk"), _split),
    "unbind": lambda e: _first(e, Unbind(len(e.outputs), e.arguments["dim"])),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **dict.fromkeys(_FACTORIES, _constant),
    **dict.fromkeys(("to", "_to_copy", "type_as"), _cast),
    **dict.fromkeys(("index", "index_select"), _index),
    "feature_dropout": lambda e: _plain(Dropout(e.arguments["p"]), e),
    **dict.fromkeys(("layer_norm", "rms_norm"), _layer_norm),
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "embedding": _embedding,
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
    "grid_sampler": _grid_sample,
}
"""Operators whose layer does not follow from the names of their arguments."""
