"""Products of matrices: of two inputs, and of groups of rows with a matrix each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcast, broadcastable
from netcalc.core.numbers import Num, equal, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term

__all__ = ["GroupedMatMul", "MatMul"]


def by_weights(factors: Sequence[bool]) -> int:
    """The depth of a product: 1 where some factors are learned, and not all, as in a Linear."""
    return int(any(factors) and not all(factors))


def inner(left: Tensor, right: Tensor) -> Guard:
    """The last axis of the first matrix must be as long as the last but one of the second."""
    k = right.dims[max(len(right.dims) - 2, 0)]
    return Guard(
        equal(left.dims[-1], k),
        "the last axis of {left} must be as long as the last but one of {right}: {m} is not {k}",
        {"left": left, "right": right, "m": left.dims[-1], "k": k},
    )


@dataclass(frozen=True, slots=True, repr=False)
class MatMul(Op):
    """The matrix product of two inputs by torch.matmul's rule.

    Axes before the last two are a batch, which is broadcast. A first input of one axis is a row, a
    second one a column, and that axis is not in the output. Work: one multiply-add for each row,
    column and position along the inner axis.
    """

    ARITY: ClassVar[tuple[int, int | None]] = (2, 2)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        left, right = ins
        yield Guard(
            (len(left.dims) >= 1 and len(right.dims) >= 1,),
            "MatMul takes inputs of at least one axis, got {left} and {right}",
            {"left": left, "right": right},
        )
        yield inner(left, right)
        yield broadcastable(*(Tensor(x.dims[:-2]) for x in ins))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        left, right = ins
        rows, columns = left.dims[-2:-1], right.dims[1:][-1:]
        dims = (*broadcast(left.dims[:-2], right.dims[:-2]), *rows, *columns)
        axes = (*_batch(left, right), *_rows(left), *_columns(right))
        return (Tensor(dims, left.dtype, axes if left.parts or right.parts else ()),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        left, right = ins
        factors: list[Num] = []
        names: list[str] = []
        for name, axes in (
            ("batch", _batch(left, right)),
            ("rows", _rows(left)),
            ("inner", (left.factors(-1),)),
            ("columns", _columns(right)),
        ):
            for axis in axes:
                factors += axis
                names += [name] * len(axis)
        return (Term("multiply-adds", "mac", tuple(factors), tuple(names)),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        left, right = ins
        batch = broadcast(left.dims[:-2], right.dims[:-2])
        labels = [*(f"axis {i}" for i in range(len(batch)))]
        labels += ["rows"] * (len(left.dims) > 1) + ["columns"] * (len(right.dims) > 1)
        rows = zip(labels, outs[0].dims, strict=True)
        kept = left.dims[:-1] if len(left.dims) == len(outs[0].dims) else ()
        return tuple(
            Working(label, (f"{size}",), size)
            for i, (label, size) in enumerate(rows)
            if label == "columns" or i >= len(kept) or kept[i] != size
        )

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int]:
        batch = broadcast(ins[0].dims[:-2], ins[1].dims[:-2])
        return along(i, axis, ins[i], batch, len(ins[0].dims) > 1)

    def layers(self, learned: Sequence[bool]) -> int:
        return by_weights(learned)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        left, right = ins
        copied = copies(left, right, training=True)
        kept = tuple(i for i in (0, 1) if copied[i] is None)
        merged = tuple(i for i in kept if len(ins[i].dims) > 3)
        extra = tuple(x for x in copied if x is not None)
        return Saved(tuple(i for i in kept if i not in merged), (), extra, merged, crossed=True)

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        left, right = ins
        return sum(int(x.nbytes) for x in copies(left, right) if x is not None)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(cls(), (5, 16), (16, 7))
        yield example(cls(), (16,), (16,))
        yield example(cls(), (5, 16), (16,))
        yield example(cls(), (16,), (16, 5))
        yield example(cls(), (16,), (2, 3, 16, 7))
        yield example(cls(), (2, 3, 5, 16), (16,))
        yield example(cls(), (2, 5, 16), (16, 7))
        yield example(cls(), (8, 16), (2, 16, 8))
        yield example(cls(), (2, 5, 16), (2, 16, 7))
        yield example(cls(), (1, 5, 16), (2, 16, 7))
        yield example(cls(), (2, 3, 5, 16), (3, 16, 7))
        yield example(cls(), (2, 1, 5, 16), (3, 16, 7))
        yield example(cls(), (1, 5, 16), (2, 3, 16, 7))
        yield example(cls(), (2, 3, 5, 16), (1, 1, 16, 7))
        # refused
        yield example(cls(), (3, 4), (3, 4))
        yield example(cls(), (3, 5, 16), (4, 16, 7))
        yield example(cls(), (), (3,))
        yield example(cls(), (3, 4), (3,))


def _batch(left: Tensor, right: Tensor) -> tuple[tuple[Num, ...], ...]:
    """The leading axes, each with its factors."""
    dims = broadcast(left.dims[:-2], right.dims[:-2])
    found = []
    for i, dim in enumerate(dims, -2 - len(dims)):
        own = [x.factors(i, i + 1) for x in (left, right) if i >= -len(x.dims) and x.dims[i] is dim]
        found.append(own[0] if own else (dim,))
    return tuple(found)


def _rows(left: Tensor) -> tuple[tuple[Num, ...], ...]:
    return (left.factors(-2, -1),) if len(left.dims) > 1 else ()


def _columns(right: Tensor) -> tuple[tuple[Num, ...], ...]:
    return (right.factors(-1),) if len(right.dims) > 1 else ()


def along(
    i: int, axis: int, x: Tensor, batch: tuple[Num, ...], has_rows: bool
) -> tuple[Coupling, int]:
    """How a product of matrices depends on an axis of input ``i``, and where it has that axis."""
    behind = axis - len(x.dims)
    if behind == (-1 if i == 0 or len(x.dims) == 1 else -2):
        return "all", 0
    if behind >= -2:
        return "each", len(batch) + (1 if i and has_rows else 0)
    at = len(batch) + behind + 2
    return "each" if x.dims[axis] >= batch[at] else "all", at


def copies(
    left: Tensor, right: Tensor, training: bool = False, transposed: bool = False
) -> tuple[Tensor | None, Tensor | None]:
    """What torch.matmul copies of its operands before it multiplies, of plain integers.

    The batch becomes one axis: an operand is copied where only some of its leading axes are
    stretched to it. In ``training`` a single matrix times several is computed as one product with
    the several side by side, which copies these, unless they are ``transposed`` already.
    """
    alone = [x.dims[0] for x in (left, right) if len(x.dims) == 3]
    if len(alone) == 2 and alone[0] != alone[1]:  # PyTorch drops a batch of one
        left, right = (Tensor(x.dims[1:], x.dtype) if x.dims[0] <= 1 else x for x in (left, right))
    if len(left.dims) >= 3 and len(right.dims) <= 2:
        return None, None
    if len(right.dims) >= 3 and len(left.dims) <= 2 and training:
        several = all(d >= 2 for d in (product(right.dims[:-2]), *right.dims[-2:]))
        return None, right if several and not transposed else None
    batch = broadcast(left.dims[:-2], right.dims[:-2])
    first, second = (
        Tensor((*batch, *x.dims[-2:]), x.dtype) if stretched(x.dims[:-2], batch) else None
        for x in (left, right)
    )
    return first, second


def stretched(leading: tuple[Num, ...], batch: tuple[Num, ...]) -> bool:
    """Whether some of a tensor's leading axes are stretched to those of a batch and others not."""
    own = (1,) * (len(batch) - len(leading)) + leading
    kinds = {a >= b for a, b in zip(own, batch, strict=True) if not b <= 1}
    return len(kinds) > 1


@dataclass(frozen=True, slots=True, repr=False)
class GroupedMatMul(Op):
    """Groups of rows, each times a matrix of its own: the experts of a mixture (torch._grouped_mm).

    Inputs are the rows of all groups, (T, k), the matrices (E, k, n), and for each group the end of
    its rows, E integers. As in PyTorch the groups may also be parts of the columns, (E, m, k) and
    (k, N), of the inner axis, (m, K) and (K, n), or be given apart, (E, m, k) and (E, k, n) without
    ends. Work: one multiply-add for each row, column and inner position of a group, T * k * n in
    the first case however the rows are shared out. That rows must be aligned to 16 bytes is not
    checked: it depends on how they lie in memory.
    """

    ARITY: ClassVar[tuple[int, int | None]] = (2, 3)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        left, right = ins[:2]
        ranks = (len(left.dims), len(right.dims))
        yield Guard(
            (set(ranks) <= {2, 3},),
            "GroupedMatMul takes inputs of 2 or 3 axes, got {left} and {right}",
            {"left": left, "right": right},
        )
        yield inner(left, right)
        apart = ranks == (3, 3)
        yield Guard(
            (len(ins) == (2 if apart else 3),),
            "the ends of the groups are an input where these are not given apart, and only there",
            {},
        )
        if apart:
            groups, others = left.dims[0], right.dims[0]
        else:
            groups = next((x.dims[0] for x in (left, right) if len(x.dims) == 3), ins[2].dims[0])
            others = ins[2].dims[0]
        yield Guard(
            equal(groups, others),
            "there are {groups} groups in one input and {others} in another",
            {"groups": groups, "others": others},
        )

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        left, right = ins[:2]
        ranks = (len(left.dims), len(right.dims))
        groups = {(3, 3): left.dims[:1], (2, 2): ins[-1].dims[:1]}.get(ranks, ())
        return (Tensor((*groups, left.dims[-2], right.dims[-1]), left.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        left, right = ins[:2]
        groups = left.dims[:1] if len(left.dims) == len(right.dims) == 3 else ()
        factors = (*groups, left.dims[-2], left.dims[-1], right.dims[-1])
        names = (*("groups" for _ in groups), "rows", "inner", "columns")
        return (Term("multiply-adds", "mac", factors, names),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        (out,) = outs
        labels = ("groups", "rows", "columns")[-len(out.dims) :]
        rows = zip(labels, out.dims, strict=True)
        return tuple(Working(label, (f"{size}",), size) for label, size in rows)

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int]:
        ranks = (len(ins[0].dims), len(ins[1].dims))
        last = 2 if ranks in ((2, 2), (3, 3)) else 1
        if i == 2:
            return "uneven", 0
        behind = axis - ranks[i]
        if behind == (-1, -2)[i]:
            return "uneven" if ranks == (2, 2) else "all", 0
        if behind == -3:
            return "each" if ranks == (3, 3) else "uneven", 0
        return "each", last if i else last - 1

    def layers(self, learned: Sequence[bool]) -> int:
        return by_weights(learned[:2])

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=tuple(range(len(ins))))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        half = ("bfloat16", "bfloat16", "int32")
        yield example(cls(), (10, 16), (3, 16, 8), (3,), dtypes=half)
        yield example(cls(), (3, 10, 16), (16, 8), (3,), dtypes=half)
        yield example(cls(), (10, 16), (16, 8), (3,), dtypes=half)
        yield example(cls(), (3, 10, 16), (3, 16, 8), dtypes=half[:2])
        # refused
        yield example(cls(), (10, 16), (3, 24, 8), (3,), dtypes=half)
        yield example(cls(), (10, 16), (3, 16, 8), (4,), dtypes=half)
        yield example(cls(), (10, 16), (3, 16, 8), dtypes=half[:2])
        yield example(cls(), (3, 10, 16), (3, 16, 8), (3,), dtypes=half)
        yield example(cls(), (3, 10, 16), (4, 16, 8), dtypes=half[:2])
        yield example(cls(), (16,), (3, 16, 8), (3,), dtypes=half)
