"""What may stand as the type of a layer in a file, with the fields of each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache, partial
from typing import Any, NamedTuple

from netcalc.core.functions import UNARY
from netcalc.core.ops import types
from netcalc.core.ops.base import Op
from netcalc.core.ops.elementwise import Pointwise
from netcalc.errors import SpecError


class Kind(NamedTuple):
    """A type of layer: its fields with their annotations, those that must be given, what makes it.

    ``summary`` is what it does, in one line.
    """

    fields: Mapping[str, str]
    required: tuple[str, ...]
    make: Callable[..., Op]
    summary: str


class Activation(NamedTuple):
    """A module of PyTorch that is a function of each element, with the numbers that it takes.

    ``numbers`` maps PyTorch's names for them to what they are unless given; None must be given.
    ``variants`` are the functions of a module that has several, by its argument ``approximate``.
    """

    function: str
    numbers: Mapping[str, float | None] = {}
    variants: Mapping[str, str] = {}

    def kind(self) -> Kind:
        """The type that it is in a file."""
        names = dict.fromkeys(self.numbers, "float") | (
            {"approximate": "str"} if self.variants else {}
        )
        required = tuple(name for name, usual in self.numbers.items() if usual is None)
        functions = " or ".join(self.variants.values()) or self.function
        summary = f"Pointwise with the function {functions}."
        return Kind(names, required, partial(_pointwise, self), summary)


def _pointwise(known: Activation, **given: Any) -> Op:
    function = known.function
    if known.variants:
        asked = str(given.pop("approximate", "none"))
        if asked not in known.variants:
            raise SpecError(f"approximate must be {' or '.join(known.variants)}, got {asked!r}")
        function = known.variants[asked]
    return Pointwise(function, *{**known.numbers, **given}.values())


ACTIVATIONS: Mapping[str, Activation] = {
    "CELU": Activation("celu", {"alpha": 1.0}),
    "ELU": Activation("elu", {"alpha": 1.0}),
    "GELU": Activation("gelu", variants={"none": "gelu", "tanh": "gelu_tanh"}),
    "Hardshrink": Activation("hardshrink", {"lambd": 0.5}),
    "Hardsigmoid": Activation("hardsigmoid"),
    "Hardswish": Activation("hardswish"),
    "Hardtanh": Activation("hardtanh", {"min_val": -1.0, "max_val": 1.0}),
    "LeakyReLU": Activation("leaky_relu", {"negative_slope": 0.01}),
    "Mish": Activation("mish"),
    "ReLU6": Activation("relu6"),
    "SELU": Activation("selu"),
    "SiLU": Activation("silu"),
    "Sigmoid": Activation("sigmoid"),
    "Softplus": Activation("softplus", {"beta": 1.0, "threshold": 20.0}),
    "Softshrink": Activation("softshrink", {"lambd": 0.5}),
    "Threshold": Activation("threshold", {"threshold": None, "value": None}),
}
"""PyTorch's modules that are a Pointwise here."""

assert {a.function for a in ACTIVATIONS.values()} <= UNARY.keys()


@cache
def known_kinds() -> Mapping[str, Kind]:
    """Every type of layer by its name: the kinds of core/ops, then the short names."""
    found = {name: _of_ops(kind, make) for name, (kind, make) in types().items()}
    return found | {name: short.kind() for name, short in ACTIVATIONS.items()}


def _of_ops(kind: type[Op], make: Callable[..., Op]) -> Kind:
    """A kind of core/ops; its number of axes is no field, since it is in the name."""
    own = {f.name: str(f.type) for f in fields(kind) if f.name != "n"}  # type: ignore[arg-type]
    taken = inspect.signature(make).parameters.values()
    required = tuple(p.name for p in taken if p.default is p.empty and p.kind != p.VAR_KEYWORD)
    return Kind(own, required, make, (kind.__doc__ or "").partition("\n")[0])
