"""Operators that are functions of one or several tensors, as layers."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from netcalc.core.functions import CUMULATIVE, REDUCTIONS
from netcalc.core.ops.elementwise import Binary, Pointwise
from netcalc.core.ops.matmul import MatMul
from netcalc.core.ops.merge import Add
from netcalc.core.ops.pointwise import Dropout, Scale
from netcalc.core.ops.reduce import Cumulative, Reduce
from netcalc.pytorch.events import Event
from netcalc.pytorch.lifted import Lifted, Special, on_all

LARGEST = torch.finfo(torch.float32).max


def _numbers(event: Event) -> Iterator[float]:
    """The numbers among an operator's arguments, but for the factor of an addition."""
    for name, value in event.arguments.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not (name in ("alpha", "beta", "scale", "input_scale") and value == 1):
            yield float(value)


def unary(event: Event, name: str) -> Lifted | None:
    """A function of one tensor, with the numbers that it takes."""
    if name == "gelu" and event.arguments.get("approximate") == "tanh":
        name = "gelu_tanh"
    if name == "pow" and event.overload == "Scalar":
        name = "rpow"
    if name == "clamp":
        low, high = event.arguments.get("min"), event.arguments.get("max")
        if low is None or high is None:
            name = "clamp_min" if high is None else "clamp_max"
    numbers = list(_numbers(event))[: UNARY_NUMBERS.get(name, 2)]
    return on_all(Pointwise(name, *numbers), event)


UNARY_NUMBERS = {"softplus": 0, "round": 0, "elu": 1, "leaky_relu": 1, "gelu": 0, "gelu_tanh": 0}
"""How many of the numbers that an operator takes its function has, where it is not all of them."""


def _mul(event: Event) -> Lifted | None:
    if len(event.inputs()) > 1:
        return binary(event, "mul")
    other = event.arguments.get("other")
    return None if other is None else on_all(Scale(float(other)), event)


def binary(event: Event, name: str) -> Lifted | None:
    """A function of two tensors or more; a sum of two that are alike is an Add."""
    a, *rest = event.inputs()
    if name == "add" and len(rest) == 1 and (a.shape, a.dtype) == (rest[0].shape, rest[0].dtype):
        return on_all(Add(), event)
    value = next(_numbers(event), None) if name in ("masked_fill", "lerp") else None
    if value is not None:
        value = max(-LARGEST, min(LARGEST, value))  # what fills a mask is often -inf
    return on_all(Binary(name, value), event)


def _reduce(event: Event, name: str) -> Lifted | None:
    given = event.arguments.get("dim")
    dims = (given,) if isinstance(given, int) else tuple(given) if given else None
    return on_all(Reduce(name, dims, bool(event.arguments.get("keepdim", False))), event)


def _of_reduction(name: str) -> Special:
    def special(event: Event) -> Lifted | None:
        if len(event.inputs()) > 1:
            other = {"max": "maximum", "min": "minimum"}.get(name)
            return None if other is None else binary(event, other)
        return _reduce(event, name)

    return special


def _cumulative(name: str) -> Special:
    return lambda event: on_all(Cumulative(name, event.arguments["dim"]), event)


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


FUNCTIONS: dict[str, Special] = {
    "mul": _mul,
    **{name: _of_reduction(name) for name in REDUCTIONS if name != "norm"},
    "linalg_vector_norm": _of_reduction("norm"),
    **{name: _cumulative(name) for name in CUMULATIVE},
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), _plus),
    "addcmul": _multiplied_plus,
    "feature_dropout": lambda e: on_all(Dropout(e.arguments["p"]), e),
}
