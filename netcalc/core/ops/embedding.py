"""Layers that look up rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import Num, equal, larger
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import positive

__all__ = ["Embedding", "EmbeddingBag"]


class Table(Op):
    """What layers with a table of learned vectors have in common."""

    __slots__ = ()

    num_embeddings: Num
    embedding_dim: Num
    dtype: str

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
            "{kind} takes indices of dtype int64 or int32, got {got}",
            {"kind": self.type, "got": ins[0].dtype},
        )

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        table = (self.num_embeddings, self.embedding_dim)
        weight = parameter("weight", table, table, ("embeddings", "features"))
        return (weight._replace(dtype=self.dtype),)


@dataclass(frozen=True, slots=True, repr=False)
class Embedding(Table):
    """For each index of the input, that row of a table of learned vectors.

    The input holds integers (int64 or int32), the output numbers of the table's ``dtype``. Nothing
    is computed: rows are copied. PyTorch's ``padding_idx`` changes gradients only, and its
    ``max_norm`` is not covered.
    """

    num_embeddings: Num
    embedding_dim: Num
    dtype: str = "float32"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        parts = (*x.parts, (self.embedding_dim,)) if x.parts else ()
        return (Tensor((*x.dims, self.embedding_dim), self.dtype, parts),)

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


MODES = ("sum", "mean", "max")


@dataclass(frozen=True, slots=True, repr=False)
class EmbeddingBag(Table):
    """For each bag of indices the sum, mean or largest of those rows of a table.

    The input holds bags of one length (a row each), or all indices in one row with a second input
    that says where each bag begins; then a third one may have a factor for each index (``sum``
    alone). With ``include_last_offset`` the second input has the end of the last bag too. Work for
    each feature: an addition (comparison, of max) for each index but the first of a bag, a division
    for each mean, a multiplication for each factor. No bag is taken to be empty.
    """

    num_embeddings: Num
    embedding_dim: Num
    mode: str = "mean"
    include_last_offset: bool = False
    dtype: str = "float32"

    ARITY: ClassVar[tuple[int, int | None]] = (1, 3)
    AT_LEAST: ClassVar[bool] = True

    def limits(self) -> Iterator[Guard]:
        yield from Table.limits(self)
        told = {"known": ", ".join(MODES), "got": self.mode}
        yield Guard((self.mode in MODES,), "mode must be one of {known}, got {got!r}", told)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield from Table.guards(self, *ins)
        x, *starts = ins
        told = {"x": x, "count": len(ins), "mode": self.mode}
        fits = len(x.dims) == (1 if starts else 2)
        yield Guard((fits,), "indices are bags of one length, or a row with offsets, got {x}", told)
        last = not self.include_last_offset or bool(starts)
        yield Guard((last,), "include_last_offset needs offsets", told)
        for y in starts[:1]:
            least = 1 if self.include_last_offset else 0
            yield Guard((len(y.dims) == 1,), "offsets must be a row", told)
            yield Guard((y.dims[0] >= least,), "offsets must have the end of the last bag", told)
            same = y.dtype in ("int64", "int32")
            yield Guard((same,), "offsets must be int64 or int32, got {got}", {"got": y.dtype})
        for y in starts[1:]:
            fits = self.mode == "sum" and len(y.dims) == 1 and y.dtype == self.dtype
            yield Guard((fits,), "factors are a row of the table's dtype, for sums only", told)
            yield Guard(equal(y.dims[0], x.dims[0]), "there must be a factor for each index", told)

    def _bags(self, ins: tuple[Tensor, ...]) -> Num:
        bags = ins[1 if len(ins) > 1 else 0].dims[0]
        return bags - 1 if self.include_last_offset else bags

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor((self._bags(ins), self.embedding_dim), self.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        x, y = ins[0], outs[0]
        bags, features = y.dims
        fewer: tuple[Num, ...]
        named: tuple[str, ...]
        if len(ins) == 1:
            fewer, named = (bags, x.dims[1] - 1), ("bags", "(bag length - 1)")
        else:
            fewer, named = (larger(x.dims[0] - bags, 0),), ("(indices - bags)",)
        kind = "cmp" if self.mode == "max" else "add"
        label = "comparisons" if self.mode == "max" else "additions"
        factors = (*x.dims, features)
        return (
            *Table.terms(self, ins, outs),
            Term(label, kind, (*fewer, features), (*named, "features")),
            *((Term("divisions", "div", y.dims, ("bags", "features")),) * (self.mode == "mean")),
            *((Term("factors", "mul", factors, ("indices", "features")),) * (len(ins) > 2)),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        bags, features = outs[0].dims
        return (
            Working("bags", (f"{bags}",), bags),
            Working("features", (f"{features}",), features),
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        row, three = ("int64", "int64"), ("int64", "int64", "float32")
        yield example(EmbeddingBag(10, 4), (2, 5), dtypes=("int64",))
        yield example(EmbeddingBag(10, 4, "max"), (2, 5), dtypes=("int32",))
        yield example(EmbeddingBag(7, 3, "sum", dtype="float64"), (6,), (2,), dtypes=row)
        yield example(EmbeddingBag(7, 3, "sum"), (6,), (2,), (6,), dtypes=three)
        yield example(EmbeddingBag(7, 3, include_last_offset=True), (6,), (3,), dtypes=row)
        # refused
        yield example(EmbeddingBag(10, 4), (2, 5))
        yield example(EmbeddingBag(10, 4), (5,), dtypes=("int64",))
        yield example(EmbeddingBag(10, 4), (2, 5), (2,), dtypes=row)
        yield example(EmbeddingBag(10, 4), (6,), (2, 1), dtypes=row)
        yield example(EmbeddingBag(10, 4), (6,), (2,), dtypes=("int64",))
        yield example(EmbeddingBag(10, 4, "min"), (2, 5), dtypes=("int64",))
        yield example(EmbeddingBag(10, 4), (6,), (2,), (6,), dtypes=three)
        yield example(EmbeddingBag(10, 4, "sum"), (6,), (2,), (5,), dtypes=three)
        yield example(EmbeddingBag(0, 4), (2, 5), dtypes=("int64",))
