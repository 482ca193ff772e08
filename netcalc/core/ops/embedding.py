"""Layers that look up rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import Num
from netcalc.core.ops.base import (
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import positive

__all__ = ["Embedding"]


@dataclass(frozen=True, slots=True, repr=False)
class Embedding(Op):
    """For each index of the input, that row of a table of learned vectors.

    The input holds integers (int64 or int32), the output numbers of the table's ``dtype``. Nothing
    is computed: rows are copied. PyTorch's ``padding_idx`` changes gradients only, and its
    ``max_norm`` is not covered.
    """

    num_embeddings: Num
    embedding_dim: Num
    dtype: str = "float32"

    GATHERED: ClassVar[frozenset[str]] = frozenset({"weight"})

    def limits(self) -> Iterator[Guard]:
        yield positive(num_embeddings=self.num_embeddings, embedding_dim=self.embedding_dim)
        yield Guard(
            (self.dtype in FLOATS,),
            "dtype must be one of {known}, got {got!r}",
            {"known": ", ".join(FLOATS), "got": self.dtype},
        )

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield Guard(
            (ins[0].dtype in ("int64", "int32"),),
            "Embedding takes indices of dtype int64 or int32, got {got}",
            {"got": ins[0].dtype},
        )

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        parts = (*x.parts, (self.embedding_dim,)) if x.parts else ()
        return (Tensor((*x.dims, self.embedding_dim), self.dtype, parts),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        table = (self.num_embeddings, self.embedding_dim)
        weight = parameter("weight", table, table, ("embeddings", "features"))
        return (weight._replace(dtype=self.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return (Working("features", (f"{self.embedding_dim}",), self.embedding_dim),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Embedding(10, 4), (2, 5), dtypes=("int64",))
        yield example(Embedding(7, 3, "float16"), (2, 3, 5), dtypes=("int32",))
        yield example(Embedding(7, 3, "float64"), (6,), dtypes=("int64",))
        yield example(Embedding(7, 3), (), dtypes=("int64",))
        # refused
        yield example(Embedding(10, 4), (2, 5))
        yield example(Embedding(10, 4), (2, 5), dtypes=("int16",))
        yield example(Embedding(0, 4), (2, 5), dtypes=("int64",))
        yield example(Embedding(10, -1), (2, 5), dtypes=("int64",))
        yield example(Embedding(10, 4, "int64"), (2, 5), dtypes=("int64",))
