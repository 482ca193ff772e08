"""Views that add, repeat or take away axes of size 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.fields import Indices
from netcalc.core.numbers import equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    example,
)
from netcalc.core.ops.parts import (
    axis_of,
    has_axis,
)
from netcalc.core.ops.view import View
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard

__all__ = ["Expand", "Squeeze", "Unsqueeze"]


@dataclass(frozen=True, slots=True, repr=False)
class Expand(View):
    """Axes of size 1 seen as longer ones, each value as often as ``size`` says; -1 keeps an axis.

    Sizes stand for the last axes; those before them are new.
    """

    size: Indices
    STATED: ClassVar[bool] = True

    def limits(self) -> Iterator[Guard]:
        told = {"size": list(self.size)}
        fits = all(d >= -1 for d in self.size)
        yield Guard((fits,), "size must be integers from 0 on or -1, got {size}", told)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        new = len(self.size) - len(x.dims)
        told = {"x": x, "size": list(self.size)}
        fits = new >= 0 and -1 not in self.size[:new]
        yield Guard((fits,), "{size} leaves out an axis of {x}, or keeps one that is new", told)
        pairs = zip(x.dims, self.size[max(new, 0) :], strict=False)
        holds = [c for d, s in pairs if s != -1 for c in equal((d - 1) * (d - s), 0)]
        yield Guard(tuple(holds), "only axes of size 1 can be expanded: {x} to {size}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        own = (1,) * (len(self.size) - len(x.dims)) + x.dims
        pairs = zip(own, self.size, strict=True)
        return (Tensor(tuple(d if s == -1 else s for d, s in pairs), x.dtype),)

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return axis + len(self.size) - len(ins[0].dims)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        (x,) = ins
        return "each" if self.size[axis - len(x.dims)] in (-1, x.dims[axis]) else "all"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Expand((2, 3, 4)), (3, 1))
        yield example(Expand((2, -1, 5, -1)), (2, 3, 1, 4))
        yield example(Expand((0, 3)), (1, 3))
        # refused
        yield example(Expand((2, 4)), (2, 3))
        yield example(Expand((3,)), (1, 3))
        yield example(Expand((-1, 3)), (3,))
        yield example(Expand((-2, 3)), (1, 3))


@dataclass(frozen=True, slots=True, repr=False)
class Squeeze(View):
    """The axes ``dim``, all of size 1, are left out.

    PyTorch leaves an axis of another size as it is; that is refused here, so that the number of
    axes does not depend on a size.
    """

    dim: Indices

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        for d in self.dim:
            yield has_axis("dim", d, x)
        over = self._over(x)
        told = {"dim": self.dim, "x": x}
        yield Guard((len(set(over)) == len(over),), "dim names an axis twice: {dim}", told)
        holds = tuple(c for i in over for c in equal(x.dims[i], 1))
        yield Guard(holds, "only axes of size 1 can be left out, not {dim} of {x}", told)

    def _over(self, x: Tensor) -> list[int]:
        return [axis_of(d, x) for d in self.dim]

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        over = self._over(x)
        kept = [i for i in range(len(x.dims)) if i not in over]
        parts = tuple(x.parts[i] for i in kept) if x.parts else ()
        return (Tensor(tuple(x.dims[i] for i in kept), x.dtype, parts),)

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        over = self._over(ins[0])
        return None if axis in over else axis - sum(i < axis for i in over)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Squeeze((1,)), (2, 1, 3, 4))
        yield example(Squeeze((-1, 2)), (2, 3, 1, 1))
        yield example(Squeeze((2,)), (2, 3))  # refused
        yield example(Squeeze((1, -1)), (2, 1))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Unsqueeze(View):
    """A new axis of size 1 that becomes the axis ``dim``."""

    dim: int

    def _at(self, x: Tensor) -> int:
        return self.dim + len(x.dims) + 1 if self.dim < 0 else self.dim

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        n = len(x.dims)
        told = {"dim": self.dim, "n": n + 1}
        fits = -n - 1 <= self.dim <= n
        yield Guard((fits,), "dim={dim} is no place for an axis among {n}", told)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        at = self._at(x)
        parts = (*x.parts[:at], (1,), *x.parts[at:]) if x.parts else ()
        return (Tensor((*x.dims[:at], 1, *x.dims[at:]), x.dtype, parts),)

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return axis + (axis >= self._at(ins[0]))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Unsqueeze(1), (2, 3, 4))
        yield example(Unsqueeze(-1), (2, 3, 4))
        yield example(Unsqueeze(0), ())
        yield example(Unsqueeze(4), (2, 3, 4))  # refused
        yield example(Unsqueeze(-5), (2, 3, 4))  # refused
