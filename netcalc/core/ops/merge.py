"""Layers that join branches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import promoted
from netcalc.core.numbers import Num, equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    elementwise,
    has_axis,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term

__all__ = ["Add", "Concat"]


@dataclass(frozen=True, slots=True, repr=False)
class Concat(Op):
    """The inputs one after the other along ``dim``; all other axes must agree; no work.

    The type is the one that holds all of theirs (torch.promote_types).
    """

    dim: int = 1

    ARITY: ClassVar[tuple[int, int | None]] = (1, None)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        first = ins[0]
        yield has_axis("dim", self.dim, first)
        axis = axis_of(self.dim, first)
        for i, x in enumerate(ins[1:], 2):
            yield _same_rank(i, x, first)
            pairs = zip(_but(axis, first.dims), _but(axis, x.dims), strict=True)
            yield Guard(
                tuple(c for pair in pairs for c in equal(*pair)),
                "input {i} is {x}, which differs from input 1, {first}, outside axis {axis}",
                {"i": i, "x": x, "first": first, "axis": axis},
            )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == axis_of(self.dim, ins[0]) else "each"

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        first = ins[0]
        axis = axis_of(self.dim, first)
        total = sum(x.dims[axis] for x in ins)
        dims = (*first.dims[:axis], total, *first.dims[axis + 1 :])
        return (Tensor(dims, promoted(*ins)),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        axis = axis_of(self.dim, ins[0])
        label = "channels" if axis == 1 else f"axis {axis}"
        return (Working(label, (" + ".join(str(x.dims[axis]) for x in ins),), outs[0].dims[axis]),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Concat(), (1, 4, 5, 5), (1, 2, 5, 5), (1, 3, 5, 5))
        yield example(Concat(-1), (2, 3), (2, 4))
        yield example(Concat(), (2, 3), (2, 4), (2, 1), dtypes=("int64", "float16", "bfloat16"))
        yield example(Concat(), (1, 4, 5, 5), (1, 2, 5, 6))  # refused
        yield example(Concat(), (1, 4, 5, 5), (1, 2, 5))  # refused
        yield example(Concat(2), (2, 3), (2, 4))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Add(Op):
    """The sum of inputs of one shape. Work: an addition per element and input after the first.

    Shapes must be equal: PyTorch would broadcast (1, 8, 1, 1) against (1, 8, 5, 5), this does not.
    """

    ARITY: ClassVar[tuple[int, int | None]] = (2, None)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        first = ins[0]
        for i, x in enumerate(ins[1:], 2):
            yield _same_rank(i, x, first)
            yield Guard(
                tuple(c for a, b in zip(first.dims, x.dims, strict=True) for c in equal(a, b)),
                "input {i} is {x}, input 1 is {first}: shapes that are added must be equal",
                {"i": i, "x": x, "first": first},
            )

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return int(outs[0].nbytes) if len(ins) > 2 else 0  # a sum of two, while a third is added

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(ins[0].dims, promoted(*ins), ins[0].parts),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        return (elementwise("additions", "add", outs[0], (len(ins) - 1, "(inputs - 1)")),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Add(), (1, 4, 5, 5), (1, 4, 5, 5))
        yield example(Add(), (2, 3), (2, 3), (2, 3))
        yield example(Add(), (2, 3), (2, 3), dtypes=("int64", "float32"))
        yield example(Add(), (1, 4, 5, 5), (1, 4, 5, 6))  # refused
        yield example(Add(), (1, 4, 5, 5), (1, 3, 5, 5))  # refused


def _but(axis: int, dims: tuple[Num, ...]) -> tuple[Num, ...]:
    return dims[:axis] + dims[axis + 1 :]


def _same_rank(i: int, x: Tensor, first: Tensor) -> Guard:
    return Guard(
        (len(x.dims) == len(first.dims),),
        "input {i} is {x}, which has another number of axes than input 1, {first}",
        {"i": i, "x": x, "first": first},
    )
