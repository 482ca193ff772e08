"""Views: the same values under another shape. Nothing is computed, moved or stored.

PyTorch gives a view where the strides of its input allow one. netcalc does not track strides: a
Reshape is taken to act on a tensor whose values lie in order, as after every layer that computes.
Behind a Permute or Transpose PyTorch copies instead, which costs memory of the size of the output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.fields import Indices
from netcalc.core.numbers import Num, equal, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Passes,
    Working,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    has_axis,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard

__all__ = ["AsStrided", "Permute", "Reshape", "Transpose"]


class View(Op):
    """What all views have in common."""

    __slots__ = ()

    PASSES: ClassVar[Passes] = "always"

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return stated(ins[0], outs[0])


def stated(x: Tensor, y: Tensor) -> tuple[Working, ...]:
    """The sizes of an output where they are said or copied, not calculated."""
    return tuple(
        Working(f"axis {i}", (f"{d}",), d) for i, d in enumerate(y.dims) if y.dims != x.dims
    )


@dataclass(frozen=True, slots=True, repr=False)
class Reshape(View):
    """The values in the same order under another shape; one size may be -1, for what is left.

    The shape is stated: only that it has as many elements as the input is checked.
    """

    size: Indices
    STATED: ClassVar[bool] = True

    def limits(self) -> Iterator[Guard]:
        left = self.size.count(-1)
        yield Guard(
            (left <= 1 and all(d >= 1 or d == -1 for d in self.size),),
            "size must be positive integers, of which one may be -1, got {size}",
            {"size": list(self.size)},
        )

    def _known(self) -> int:
        return int(product(d for d in self.size if d != -1))

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        known = self._known()
        holds = equal(x.numel % known, 0) if -1 in self.size else equal(x.numel, known)
        told = {"x": x, "size": list(self.size)}
        yield Guard(holds, "{x} has another number of elements than {size}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        left = x.numel // self._known() if -1 in self.size else 0
        y = Tensor(tuple(left if d == -1 else d for d in self.size), x.dtype)
        return (Tensor(y.dims, y.dtype, _parts(x, y)),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        every = "*".join(map(str, ins[0].dims)) or "1"
        steps = (
            (f"({every}) / {self._known()}", "what is left")
            if d == -1
            else (f"{d}", "as asked for")
            for d in self.size
        )
        return tuple(
            Working(f"axis {i}", (step,), outs[0].dims[i], why)
            for i, (step, why) in enumerate(steps)
        )

    def _found(self, axis: int, x: Tensor) -> tuple[Coupling, int | None]:
        """How outputs depend on an axis, and where it is then."""
        groups = _groups(x.dims, self.shape(x)[0].dims)
        _, after = next(group for group in groups if axis in group[0])
        if not after:
            return "each", None
        return ("each" if len(after) == 1 else "uneven"), after[0]

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return self._found(axis, ins[0])[0]

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return self._found(axis, ins[0])[1]

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Reshape((2, -1)), (2, 16, 7, 7))
        yield example(Reshape((2, 3, 20)), (2, 3, 4, 5))
        yield example(Reshape((2, 3, 2, 2, 5)), (2, 3, 4, 5))
        yield example(Reshape((-1, 4, 1, 5)), (2, 3, 1, 4, 5))
        yield example(Reshape((2, 3, 5, 4)), (2, 3, 4, 5))
        yield example(Reshape((2, 3)), (2, 3, 1, 1))
        yield example(Reshape(()), (1, 1))
        # refused
        yield example(Reshape((2, 5)), (2, 3))
        yield example(Reshape((4, -1)), (2, 3))
        yield example(Reshape((-1, -1)), (2, 3))
        yield example(Reshape((-2, 3)), (2, 3))


Group = tuple[tuple[int, ...], tuple[int, ...]]


def _groups(before: tuple[Num, ...], after: tuple[Num, ...]) -> list[Group]:
    """Axes before and after that hold the same values, as few in each group as can be.

    An axis of size 1 is alone where it has no partner. For plain numbers.
    """
    found: list[Group] = []
    i = j = 0
    while i < len(before) or j < len(after):
        a = before[i] if i < len(before) else None
        b = after[j] if j < len(after) else None
        if a == 1 and b != 1:
            found.append(((i,), ()))
            i += 1
        elif b == 1 and a != 1:
            found.append(((), (j,)))
            j += 1
        else:
            k, m = _meeting(before, after, i, j)
            found.append((tuple(range(i, k)), tuple(range(j, m))))
            i, j = k, m
    return found


def _meeting(before: tuple[Num, ...], after: tuple[Num, ...], i: int, j: int) -> tuple[int, int]:
    """The ends of the shortest stretches from two axes on that have as many elements."""
    k, m = i + 1, j + 1
    a: Num = before[i]
    b: Num = after[j]
    while a != b:
        if not b <= a:
            a, k = a * before[k], k + 1
        else:
            b, m = b * after[m], m + 1
    return k, m


def _parts(x: Tensor, y: Tensor) -> tuple[tuple[Num, ...], ...]:
    """The factors of each axis where some are joined, as a Flatten keeps them; else nothing."""
    if not all(isinstance(d, int) for d in (*x.dims, *y.dims)) or 0 in x.dims:
        return ()
    parts: dict[int, tuple[Num, ...]] = {}
    for before, after in _groups(x.dims, y.dims):
        if len(after) > 1 and any(len(x.factors(i, i + 1)) > 1 for i in before):
            return ()
        joined = x.factors(before[0], before[-1] + 1) if before else (1,)
        parts |= {j: joined if len(after) == 1 else (y.dims[j],) for j in after}
    found = tuple(parts[j] for j in range(len(y.dims)))
    return found if any(len(axis) > 1 for axis in found) else ()


@dataclass(frozen=True, slots=True, repr=False)
class AsStrided(View):
    """A view of the values in memory, each axis of ``size`` so many of them apart as ``stride``.

    It begins at ``storage_offset``. The values of the input are taken to lie in order.
    """

    size: Indices
    stride: Indices
    storage_offset: int = 0
    STATED: ClassVar[bool] = True

    def limits(self) -> Iterator[Guard]:
        each = (*self.size, *self.stride, self.storage_offset)
        told = {"size": list(self.size), "stride": list(self.stride), "from": self.storage_offset}
        fits = len(self.size) == len(self.stride) and all(n >= 0 for n in each)
        template = "{size}, {stride} and {from} must be as many sizes and strides, none negative"
        yield Guard((fits,), template, told)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        steps = zip(self.size, self.stride, strict=True)
        last = self.storage_offset + sum((d - 1) * s for d, s in steps)
        told = {"x": x, "last": last}
        fits = 0 in self.size or x.numel >= last + 1
        yield Guard((fits,), "there is no value {last} in {x}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(self.size, ins[0].dtype),)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return min(axis, len(self.size) - 1) if self.size else None

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(AsStrided((3, 4), (2, 1)), (2, 5))
        yield example(AsStrided((2, 2, 3), (0, 4, 1), 3), (3, 5))
        yield example(AsStrided((3, 4), (3, 1), 1), (2, 5))  # refused
        yield example(AsStrided((3, 4), (1,)), (2, 5))  # refused
        yield example(AsStrided((3, 4), (-1, 1), 4), (2, 5))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Permute(View):
    """The axes in another order: axis i of the output is axis ``dims[i]`` of the input."""

    dims: Indices

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        every = sorted(axis_of(d, x) for d in self.dims) == list(range(len(x.dims)))
        told = {"n": len(x.dims), "dims": self.dims}
        yield Guard((every,), "dims must name each of {n} axes once, got {dims}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        order = self.order(x)
        parts = tuple(x.parts[i] for i in order) if x.parts else ()
        return (Tensor(tuple(x.dims[i] for i in order), x.dtype, parts),)

    def order(self, x: Tensor) -> tuple[int, ...]:
        """The axes of the input in the order of the output."""
        return tuple(axis_of(d, x) for d in self.dims)

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return self.order(ins[0]).index(axis)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Permute((0, 2, 3, 1)), (2, 8, 5, 6))
        yield example(Permute((-1, 0, 1)), (2, 3, 4))
        yield example(Permute((0, 1)), (2, 3, 4))  # refused
        yield example(Permute((0, 1, 1)), (2, 3, 4))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Transpose(View):
    """Two axes, ``dim0`` and ``dim1``, change places."""

    dim0: int
    dim1: int

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield has_axis("dim0", self.dim0, ins[0])
        yield has_axis("dim1", self.dim1, ins[0])

    def _permute(self, x: Tensor) -> Permute:
        order = list(range(len(x.dims)))
        a, b = axis_of(self.dim0, x), axis_of(self.dim1, x)
        order[a], order[b] = order[b], order[a]
        return Permute(tuple(order))

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return self._permute(ins[0]).shape(*ins)

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return self._permute(ins[0]).axis_after(axis, ins)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Transpose(1, 2), (2, 3, 4, 5))
        yield example(Transpose(-2, -1), (2, 3, 4))
        yield example(Transpose(0, 3), (2, 3, 4))  # refused
        yield example(Transpose(-4, 0), (2, 3, 4))  # refused
