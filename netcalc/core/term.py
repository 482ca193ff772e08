"""What a layer costs, as data: named products of leaves.

A *leaf* is a field of the layer, a dimension, or a floor-division of these. Because a product is
kept as its factors, one object serves the exact count, the printed derivation, the formula and the
bound that tells whether 64-bit integers suffice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from netcalc.core.fields import plain
from netcalc.core.numbers import Cond, Num, product

WORK = ("mac", "add", "mul", "div", "cmp", "exp", "pow")
"""Kinds of work. Only ``mac`` (one multiply-add) enters FLOPs; the others stand beside it.

``exp`` stands for logarithms, sines and the like too, ``pow`` for roots.
"""

STORAGE = ("weight", "bias", "buffer")
"""Roles of a stored tensor: learnable (weight, bias) or not (buffer)."""


class Term(NamedTuple):
    """``label``: the product of ``factors``, of the given ``kind`` of work or role of storage.

    ``names`` says what each factor is; it may be shorter than ``factors``. A term of storage is a
    tensor that the layer keeps: ``operand`` is PyTorch's name for it, ``shape`` its shape there; an
    empty ``dtype`` means that of the layer's input. ``shown`` is how the first factor is written
    where it is arithmetic on static numbers: ``(3*3 - 1)``.
    """

    label: str
    kind: str
    factors: tuple[Num, ...]
    names: tuple[str, ...] = ()
    operand: str = ""
    shape: tuple[Num, ...] = ()
    dtype: str = ""
    shown: str = ""

    @property
    def value(self) -> Any:
        """The product of the factors."""
        return product(self.factors)


class Guard(NamedTuple):
    """A condition of legality: every entry of ``holds`` must be true.

    Integers that fail raise, arrays mask the illegal candidates, symbols collect an assumption; so
    the message is a template, or a function of the values, that is filled only when it is shown.
    """

    holds: tuple[Cond, ...]
    template: str | Callable[[dict[str, Any]], str]
    values: dict[str, Any]

    @property
    def message(self) -> str:
        """The template with its numbers filled in."""
        if not isinstance(self.template, str):
            return self.template(self.values)
        return self.template.format(**{k: plain(v) for k, v in self.values.items()})


def parameter(
    operand: str, shape: tuple[Num, ...], factors: tuple[Num, ...], names: tuple[str, ...]
) -> Term:
    """A learnable tensor; its role follows PyTorch's name (anything with ``bias`` is a bias)."""
    kind = "bias" if "bias" in operand else "weight"
    return Term("weights" if kind == "weight" else "biases", kind, factors, names, operand, shape)


def by_name(term: Term, name: str) -> Term:
    """The term of a tensor that stands by itself and is called so."""
    if term.kind != "weight" or "bias" not in name:
        return term
    return term._replace(kind="bias", label="biases")


def buffer(operand: str, shape: tuple[Num, ...], names: tuple[str, ...], dtype: str = "") -> Term:
    """A tensor that is stored with the layer but not learned."""
    return Term(operand, "buffer", shape, names, operand, shape, dtype)
