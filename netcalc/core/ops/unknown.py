"""Operators that netcalc has no rule for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.fields import Indices
from netcalc.core.ops.base import (
    Example,
    Op,
)
from netcalc.core.tensor import Tensor

__all__ = ["Unknown"]


@dataclass(frozen=True, slots=True, repr=False)
class Unknown(Op):
    """An operator without a rule: its output is as it was seen, its work is not known.

    Totals with such a layer in them are lower bounds.
    """

    operator: str
    size: Indices
    dtype: str = "float32"

    ARITY: ClassVar[tuple[int, int | None]] = (0, None)
    UNKNOWN: ClassVar[bool] = True

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(self.size, self.dtype),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield from ()
