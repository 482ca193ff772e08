"""Tensors of the network that are used as they are: class tokens, position embeddings, tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.fields import Indices
from netcalc.core.ops.base import (
    Example,
    Op,
    Passes,
    Working,
    example,
)
from netcalc.core.ops.elementwise import known_type
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term
from netcalc.core.window import not_negative

__all__ = ["Buffer", "Parameter"]


class Stored(Op):
    """A tensor of the network by itself, its operand ``value``. No work and no inputs."""

    __slots__ = ()

    size: Indices
    dtype: str

    ARITY: ClassVar[tuple[int, int | None]] = (0, 0)
    PASSES: ClassVar[Passes] = "stored"
    ROLE: ClassVar[str]

    def limits(self) -> Iterator[Guard]:
        yield known_type(self.dtype)
        yield not_negative("size", self.size)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(self.size, self.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        label = "weights" if self.ROLE == "weight" else "values"
        return (Term(label, self.ROLE, self.size, (), "value", self.size, self.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        sizes = enumerate(self.size)
        return tuple(Working(f"axis {i}", (f"{d}",), d, "as stored") for i, d in sizes)


@dataclass(frozen=True, slots=True, repr=False)
class Parameter(Stored):
    """A learned tensor that is no operand of a layer, such as a class token."""

    size: Indices
    dtype: str = "float32"

    ROLE: ClassVar[str] = "weight"
    LEARNED: ClassVar[bool] = True

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Parameter((1, 3, 4)))
        yield example(Parameter((2,), "float64"))
        yield example(Parameter((2,), "float"))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Buffer(Stored):
    """A tensor that is kept but not learned, such as a table of relative positions."""

    size: Indices
    dtype: str = "float32"

    ROLE: ClassVar[str] = "buffer"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Buffer((1, 3, 4)))
        yield example(Buffer((2,), "int64"))
        yield example(Buffer((2,), "float"))  # refused
