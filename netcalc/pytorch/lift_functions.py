"""Operators that are functions of one or several tensors, as layers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from netcalc.core.functions import CUMULATIVE, REDUCTIONS
from netcalc.core.ops.addmm import AddMatMul
from netcalc.core.ops.einsum import Einsum
from netcalc.core.ops.elementwise import Binary, Pointwise
from netcalc.core.ops.matmul import MatMul
from netcalc.core.ops.merge import Add
from netcalc.core.ops.pointwise import Dropout, Scale, Softmax
from netcalc.core.ops.reduce import Cumulative, LogSoftmax, Reduce
from netcalc.core.tensor import Tensor
from netcalc.pytorch.events import Event, Seen
from netcalc.pytorch.lifted import Lifted, Special, on_all

LARGEST = torch.finfo(torch.float32).max


def _numbers(event: Event) -> Iterator[float]:
    """The numbers among an operator's arguments, but for the factor of an addition.

    Of integers an integer keeps the type, as it does in PyTorch.
    """
    whole = not any("float" in x.dtype for x in event.inputs())
    for name, value in event.arguments.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not (name in ("alpha", "beta", "scale", "input_scale") and value == 1):
            yield value if whole else float(value)


def unary(event: Event, name: str) -> Lifted | None:
    """A function of one tensor, with the numbers that it takes."""
    if name == "gelu" and event.arguments.get("approximate") == "tanh":
        name = "gelu_tanh"
    if name == "pow" and event.overload == "Scalar":
        name = "rpow"
    if name.startswith("bitwise") and "other" in event.arguments:  # or the number comes first
        said = event.arguments
        number = next(v for v in (said["other"], said["self"]) if isinstance(v, int))
        return on_all(Pointwise(name, int(number)), event)
    numbers = list(_numbers(event))[: UNARY_NUMBERS.get(name, 2)]
    return on_all(Pointwise(_rounded(event, name), *map(finite, numbers)), event)


UNARY_NUMBERS = {
    **dict.fromkeys(("softplus", "round", "gelu", "gelu_tanh", "nan_to_num", "logit"), 0),
    **dict.fromkeys(("elu", "leaky_relu", "add", "sub", "rsub"), 1),
}
"""How many of the numbers that an operator takes its function has, where it is not all of them."""


def _rounded(event: Event, name: str) -> str:
    """A division by the way that its result is rounded."""
    given = event.arguments.get("rounding_mode") if name == "div" else None
    return {"floor": "floor_divide", "trunc": "trunc_divide"}.get(given or "", name)


def _clamp(event: Event) -> Lifted | None:
    """Clamp and its halves, with bounds that are numbers or tensors."""
    said = event.arguments
    bounds = {"clamp_min": (said.get("min"), None), "clamp_max": (None, said.get("max"))}
    low, high = bounds.get(event.name.removesuffix("_"), (said.get("min"), said.get("max")))
    both = low is not None and high is not None
    if len(event.inputs()) > 1:
        return binary(event, "clamp" if both else "minimum" if low is None else "maximum")
    return unary(event, "clamp" if both else "clamp_max" if low is None else "clamp_min")


def _where(event: Event) -> Lifted | None:
    """A choice between two tensors, or a tensor and a number; of other forms what they are made of.

    A number that is chosen where the condition holds fills a mask.
    """
    said = event.arguments
    condition, x, y = said["condition"], said.get("self"), said.get("other")
    if isinstance(x, Seen) and isinstance(y, Seen):
        return on_all(Binary("where"), event)
    if isinstance(x, Seen) and isinstance(y, int | float):
        return Lifted(Binary("where", finite(y)), (condition, x), {})
    if isinstance(y, Seen) and isinstance(x, int | float):
        return Lifted(Binary("masked_fill", finite(x)), (y, condition), {})
    return None


def finite(number: float) -> float:
    """A number within what float32 holds: what fills a mask is often -inf."""
    return number if isinstance(number, int) else max(-LARGEST, min(LARGEST, number))


def _mul(event: Event) -> Lifted | None:
    if len(event.inputs()) > 1:
        return binary(event, "mul")
    numbers = list(_numbers(event))
    return on_all(Scale(numbers[0]), event) if numbers else None


def binary(event: Event, name: str) -> Lifted | None:
    """A function of two tensors or more; a sum of two that are alike is an Add."""
    a, *rest = event.inputs()
    alpha = event.arguments.get("alpha", 1)
    if alpha != 1 and name in ("add", "sub", "rsub"):
        first, second = (a, *rest) if name != "rsub" else (*rest, a)
        factor = float(alpha if name == "add" else -alpha)
        return Lifted(Binary("add_alpha", factor), (first, second), {})
    if name == "add" and len(rest) == 1 and (a.shape, a.dtype) == (rest[0].shape, rest[0].dtype):
        return on_all(Add(), event)
    value = next(_numbers(event), None) if name in ("masked_fill", "lerp") else None
    op = Binary(_rounded(event, name), None if value is None else finite(value))
    return on_all(op, event)


def _cast_to(event: Event, op: Cumulative | LogSoftmax | Reduce | Softmax) -> Lifted:
    """A layer in the type that its input is to be cast to, where that changes what comes out."""
    told = event.arguments.get("dtype")
    dtype = None if told is None else str(told).removeprefix("torch.")
    x, *_ = event.inputs()
    changes = dtype is not None and dtype != op.shape(Tensor(x.shape, x.dtype))[0].dtype
    return on_all(replace(op, dtype=dtype) if changes else op, event)


def _reduce(event: Event, name: str) -> Lifted:
    given = event.arguments.get("dim")
    dims = (given,) if isinstance(given, int) else tuple(given) if given else None
    return _cast_to(event, Reduce(name, dims, bool(event.arguments.get("keepdim", False))))


def _norm(event: Event) -> Lifted | None:
    """The norms that have a formula: of order 1, 2 and infinity."""
    order = event.arguments.get("ord", event.arguments.get("p"))
    order = 2 if order is None else order
    names = {1: "norm_1", 2: "norm", math.inf: "norm_inf"}
    return _reduce(event, names[order]) if order in names else None


def _of_reduction(name: str) -> Special:
    def special(event: Event) -> Lifted | None:
        if len(event.inputs()) > 1:
            other = {"max": "maximum", "min": "minimum"}.get(name)
            return None if other is None else binary(event, other)
        return _reduce(event, name)

    return special


def _cumulative(name: str) -> Special:
    return lambda event: _cast_to(event, Cumulative(name, event.arguments["dim"]))


def _plus(event: Event) -> Lifted | None:
    """Addmm and its like: a product, and something added to it."""
    added, *factors = event.inputs()
    beta, alpha = event.arguments["beta"], event.arguments["alpha"]
    if (beta, alpha) != (1, 1):
        return on_all(AddMatMul(float(beta), float(alpha)), event)
    return Lifted(MatMul(), tuple(factors), {}, added)


def _einsum_plus(equation: str) -> Special:
    """Addr and addbmm: a product in other axes, and something added to it."""

    def special(event: Event) -> Lifted | None:
        if (event.arguments["beta"], event.arguments["alpha"]) != (1, 1):
            return None
        added, *factors = event.inputs()
        return Lifted(Einsum(equation), tuple(factors), {}, added)

    return special


def _multiplied_plus(event: Event) -> Lifted | None:
    """Addcmul and addcdiv: a product or quotient of two, and something added to it."""
    added, *factors = event.inputs()
    value = event.arguments["value"]
    if value != 1:
        return on_all(Binary(event.name.removesuffix("_"), float(value)), event)
    return Lifted(Binary("mul" if "mul" in event.name else "div"), tuple(factors), {}, added)


def _rrelu(event: Event) -> Lifted | None:
    """In eval mode the slope is the mean of its bounds."""
    said = event.arguments
    slope = (said["lower"] + said["upper"]) / 2
    return None if said["training"] else on_all(Pointwise("leaky_relu", slope), event)


FUNCTIONS: dict[str, Special] = {
    "mul": _mul,
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max"), _clamp),
    "where": _where,
    **{name: _of_reduction(name) for name in REDUCTIONS if not name.startswith("norm")},
    **dict.fromkeys(("norm", "linalg_vector_norm"), _norm),
    "_is_all_true": lambda e: on_all(Reduce("all"), e),
    "_is_any_true": lambda e: on_all(Reduce("any"), e),
    **{name: _cumulative(name) for name in CUMULATIVE},
    "softmax": lambda e: _cast_to(e, Softmax(e.arguments["dim"])),
    "log_softmax": lambda e: _cast_to(e, LogSoftmax(e.arguments["dim"])),
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), _plus),
    "addr": _einsum_plus("i,j->ij"),
    "addbmm": _einsum_plus("bij,bjk->ik"),
    "vdot": lambda e: on_all(MatMul(), e),
    **dict.fromkeys(("addcmul", "addcdiv"), _multiplied_plus),
    "rrelu": _rrelu,
    **dict.fromkeys(
        ("feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
        lambda e: on_all(Dropout(e.arguments["p"]), e),
    ),
}
