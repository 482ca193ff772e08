"""What a layer costs, as data: named products of leaves.

A *leaf* is a field of the layer, a dimension, or a floor-division of these. Because a product is
kept as its factors, one object serves the exact count, the printed derivation, the formula and the
bound that tells whether 64-bit integers suffice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netcalc.core.numbers import Cond, Num, product

WORK = ("mac", "add", "mul", "div", "cmp", "exp", "pow")
"""Kinds of work. Only ``mac`` (one multiply-add) enters FLOPs; the others are reported beside it."""

STORAGE = ("weight", "bias", "buffer")
"""Roles of a stored tensor: learnable (weight, bias) or not (buffer)."""


@dataclass(slots=True)
class Term:
    """``label``: the product of ``factors``, of the given ``kind`` of work or role of storage.

    ``names`` says what each factor is; it may be shorter than ``factors``.
    """

    label: str
    kind: str
    factors: tuple[Num, ...]
    names: tuple[str, ...] = ()

    @property
    def value(self) -> Any:
        """The product of the factors."""
        return product(self.factors)


@dataclass(slots=True)
class Storage(Term):
    """A tensor that a layer keeps: ``operand`` is PyTorch's name for it, ``shape`` PyTorch's shape.

    An empty ``dtype`` means that of the layer's input.
    """

    operand: str = ""
    shape: tuple[Num, ...] = ()
    dtype: str = ""


@dataclass(slots=True)
class Guard:
    """A condition of legality: every entry of ``holds`` must be true.

    Integers that fail raise, arrays mask the illegal candidates, symbols collect an assumption; so
    the message is a template that is filled only when it is shown.
    """

    holds: tuple[Cond, ...]
    template: str
    values: dict[str, Any]

    @property
    def message(self) -> str:
        """The template with its numbers filled in."""
        return self.template.format(**self.values)


def parameter(
    operand: str, shape: tuple[Num, ...], factors: tuple[Num, ...], names: tuple[str, ...]
) -> Storage:
    """A learnable tensor; its role follows PyTorch's name (anything with ``bias`` is a bias)."""
    kind = "bias" if "bias" in operand else "weight"
    return Storage("weights" if kind == "weight" else "biases", kind, factors, names, operand, shape)


def buffer(operand: str, shape: tuple[Num, ...], names: tuple[str, ...], dtype: str = "") -> Storage:
    """A tensor that is stored with the layer but not learned."""
    return Storage(operand, "buffer", shape, names, operand, shape, dtype)
