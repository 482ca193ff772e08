"""Operators that a user gave a rule for, and what a traced tensor is after writes into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Passes,
    Saved,
    example,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Term

__all__ = ["Written"]  # a rule is code, which no file holds


@dataclass(frozen=True, slots=True, repr=False)
class Custom(Op):
    """An operator with a rule of the user's: its outputs and work are what the rule said.

    See ``netcalc.register``. How outputs depend on inputs is not known: each on all.
    """

    operator: str
    outputs: Any
    work: Any = ()

    ARITY: ClassVar[tuple[int, int | None]] = (0, None)
    AT_LEAST: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Its values come from a rule, which has checked them."""

    @property
    def type(self) -> str:
        """The operator's name."""
        return self.operator

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = self.outputs
        return found

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        found: tuple[Term, ...] = self.work
        return found

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "all"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return axis if self.outputs and axis < len(self.outputs[0].dims) else None

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(tuple(range(len(ins))))

    def attrs(self) -> dict[str, Any]:
        return {"operator": self.operator}

    def __repr__(self) -> str:
        return self.operator

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield from ()


@dataclass(frozen=True, slots=True, repr=False)
class Written(Op):
    """A tensor after others were written into parts of it: the first input, in place.

    No work: what was written is computed, and copied, by the layers that it comes from.
    """

    ARITY: ClassVar[tuple[int, int | None]] = (1, None)
    PASSES: ClassVar[Passes] = "always"

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (ins[0],)

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int | None]:
        return ("each", axis) if i == 0 else ("all", None)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Written(), (2, 3, 4), (2, 1, 4))
        yield example(Written(), (7,), (2,), (3,))
        yield example(Written(), (2, 3))
