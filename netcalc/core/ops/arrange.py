"""Layers that copy values to other places, and tensors that are made of nothing. No work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import promoted
from netcalc.core.fields import Indices
from netcalc.core.numbers import equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.elementwise import known_type
from netcalc.core.ops.parts import (
    axis_of,
    has_axis,
)
from netcalc.core.ops.unit import Unsqueeze
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.core.window import Window, not_negative

__all__ = ["Constant", "Pad", "Repeat", "Roll", "Stack"]


@dataclass(frozen=True, slots=True, repr=False)
class Stack(Op):
    """Inputs of one shape one after the other along a new axis, ``dim``; types as Concat's."""

    dim: int = 0

    ARITY: ClassVar[tuple[int, int | None]] = (1, None)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        first = ins[0]
        yield from Unsqueeze(self.dim).guards(first)
        for i, x in enumerate(ins[1:], 2):
            told = {"i": i, "x": x, "first": first}
            template = "input {i} is {x}, input 1 is {first}: shapes that are stacked must be equal"
            yield Guard((len(x.dims) == len(first.dims),), template, told)
            pairs = zip(first.dims, x.dims, strict=True)
            yield Guard(tuple(c for a, b in pairs for c in equal(a, b)), template, told)

    def _at(self, x: Tensor) -> int:
        return self.dim + len(x.dims) + 1 if self.dim < 0 else self.dim

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x, *_) = ins
        at = self._at(x)
        return (Tensor((*x.dims[:at], len(ins), *x.dims[at:]), promoted(*ins)),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        return (Working(f"axis {self._at(ins[0])}", (f"{len(ins)}",), len(ins), "the inputs"),)

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return axis + (axis >= self._at(ins[0]))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Stack(), (2, 3), (2, 3))
        yield example(Stack(-2), (2, 3, 4), (2, 3, 4), (2, 3, 4))
        yield example(Stack(), (2, 3), (2, 3), dtypes=("float16", "float64"))
        yield example(Stack(1), (2, 3), (2, 4))  # refused
        yield example(Stack(1), (2, 3), (2, 3, 1))  # refused
        yield example(Stack(3), (2, 3), (2, 3))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Pad(Op):
    """Values around the last axes: ``pad`` has those before and after the last axis, then the next.

    ``mode`` is constant (``value`` everywhere, and negative numbers cut off), reflect (mirrored
    without the edge), replicate (the edge) or circular (from the other end).
    """

    pad: Indices
    mode: str = "constant"
    value: float = 0.0

    def limits(self) -> Iterator[Guard]:
        n = len(self.pad)
        yield Guard((n % 2 == 0,), "pad must be pairs of numbers, got {pad}", {"pad": self.pad})
        told = {"known": ", ".join(_PAD_MODES), "got": self.mode}
        yield Guard((self.mode in _PAD_MODES,), "mode must be one of {known}, got {got!r}", told)
        if self.mode != "constant":
            yield Guard((n in (2, 4, 6),), "pad of mode {got} is of 1 to 3 axes", told)
            yield Guard((self.value == 0,), "value is for the mode constant only", {})

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        n, axes = len(self.pad) // 2, len(x.dims)
        allowed = axes >= n if self.mode == "constant" else axes in (n + 1, n + 2)
        told = {"pad": list(self.pad), "x": x, "mode": self.mode}
        yield Guard(
            (allowed,),
            "{mode} does not take a pad {pad} for {x}",
            told,
        )
        sides = [(d, p) for d, pair in zip(x.dims[::-1], self._pairs(), strict=False) for p in pair]
        taken = {"constant": -1, "replicate": 0}.get(self.mode, 1)
        more = 1 if self.mode == "reflect" else 0
        yield Guard(
            tuple(d >= taken * p + more for d, p in sides if taken * p > 0),
            "{mode} cannot pad {x} by {pad}: there are too few values",
            told,
        )
        least = 0 if self.mode in ("constant", "circular") else 1
        yield Guard(
            tuple(d >= least for d in self.shape(x)[0].dims), "{pad} leaves nothing of {x}", told
        )

    def _pairs(self) -> tuple[tuple[int, int], ...]:
        """What stands before and after each axis, the last axis first."""
        return tuple(zip(self.pad[::2], self.pad[1::2], strict=True))

    def _pair(self, axis: int, x: Tensor) -> tuple[int, int]:
        pairs = self._pairs()
        at = len(x.dims) - 1 - axis
        return pairs[at] if at < len(pairs) else (0, 0)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        sizes = (d + sum(self._pair(i, x)) for i, d in enumerate(x.dims))
        return (Tensor(tuple(sizes), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        (x,) = ins
        found = []
        for i, d in enumerate(x.dims):
            before, after = self._pair(i, x)
            if before or after:
                step = f"{d} + {before} + {after}".replace("+ -", "- ")
                found.append(Working(f"axis {i}", (step,), outs[0].dims[i]))
        return tuple(found)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        before, after = self._pair(axis, ins[0])
        if not before and not after:
            return "each"
        return Window(1, 1, before, after) if self.mode == "constant" else "uneven"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,) if self.mode in ("reflect", "replicate") else ())

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Pad((1, 2)), (2, 3, 4))
        yield example(Pad((-1, 2, 1, -2), value=0.5), (2, 3, 5, 6))
        yield example(Pad((0, 0, 0, 0, 0, 1)), (2, 3, 4))
        yield example(Pad((1, 2, 2, 1), "reflect"), (2, 3, 5, 6))
        yield example(Pad((1, 2, 2, 1), "replicate"), (3, 5, 6))
        yield example(Pad((1, 2), "circular"), (2, 3, 4))
        # refused
        yield example(Pad((1,)), (2, 3, 4))
        yield example(Pad((1, 2, 3, 4)), (3,))
        yield example(Pad((-3, -2)), (2, 4))
        yield example(Pad((-5, 2)), (2, 4))
        yield example(Pad((1, 1), "mirror"), (2, 3, 4))
        yield example(Pad((1, 1), "reflect", 0.5), (2, 3, 4))
        yield example(Pad((4, 1), "reflect"), (2, 3, 4))
        yield example(Pad((5, 1), "circular"), (2, 3, 4))
        yield example(Pad((1, 1), "circular"), (4,))
        yield example(Pad((1, 1), "replicate"), (2, 2, 3, 4))


_PAD_MODES = ("constant", "reflect", "replicate", "circular")


@dataclass(frozen=True, slots=True, repr=False)
class Roll(Op):
    """The values moved along each of ``dims`` by ``shifts``; what leaves comes in at the other end.

    Without ``dims``, all values as one row.
    """

    shifts: Indices
    dims: Indices = ()

    def limits(self) -> Iterator[Guard]:
        fits = len(self.shifts) == (len(self.dims) or 1)
        told = {"shifts": list(self.shifts), "dims": list(self.dims)}
        yield Guard((fits,), "shifts {shifts} must be as many as dims {dims}", told)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        for d in self.dims:
            yield has_axis("dims", d, ins[0])

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        rolled = [axis_of(d, ins[0]) for d in self.dims]
        return "uneven" if axis in rolled or not rolled else "each"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Roll((1, -2), (1, 2)), (2, 5, 6, 3))
        yield example(Roll((3,), (-1,)), (2, 3, 4))
        yield example(Roll((3,)), (2, 3, 4))
        yield example(Roll((1, 2), (1,)), (2, 3, 4))  # refused
        yield example(Roll((1,), (3,)), (2, 3, 4))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Repeat(Op):
    """The whole input, ``repeats`` times along each axis (torch.Tensor.repeat).

    Where there are more of them than axes, new axes come first.
    """

    repeats: Indices

    def limits(self) -> Iterator[Guard]:
        yield not_negative("repeats", self.repeats)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        told = {"repeats": list(self.repeats), "n": len(x.dims)}
        yield Guard((len(self.repeats) >= len(x.dims),), "{repeats} is fewer than {n} axes", told)

    def _new(self, x: Tensor) -> int:
        return len(self.repeats) - len(x.dims)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        own = (1,) * self._new(x) + x.dims
        sizes = (d if r == 1 else d * r for d, r in zip(own, self.repeats, strict=True))
        return (Tensor(tuple(sizes), x.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        (x,) = ins
        new = self._new(x)
        rows = enumerate(zip((1,) * new + x.dims, self.repeats, outs[0].dims, strict=True))
        return tuple(
            Working(f"axis {i}", (f"{d}*{r}",), y) for i, (d, r, y) in rows if r != 1 or i < new
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "each" if self.repeats[self._new(ins[0]) + axis] == 1 else "uneven"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        return axis + self._new(ins[0])

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Repeat((1, 2, 3)), (2, 3, 4))
        yield example(Repeat((2, 1, 1, 1)), (3, 4, 5))
        yield example(Repeat((2, 3)), (2, 3, 4))  # refused
        yield example(Repeat((2, -1)), (2, 3))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class Constant(Op):
    """A tensor made of nothing that was computed: zeros, ones, a range of numbers. No inputs."""

    size: Indices
    dtype: str = "float32"

    ARITY: ClassVar[tuple[int, int | None]] = (0, 0)
    STATED: ClassVar[bool] = True

    def limits(self) -> Iterator[Guard]:
        yield known_type(self.dtype)
        yield not_negative("size", self.size)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(self.size, self.dtype),)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        sizes = enumerate(self.size)
        return tuple(Working(f"axis {i}", (f"{d}",), d, "as asked for") for i, d in sizes)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Constant((2, 3)))
        yield example(Constant((), "int64"))
        yield example(Constant((2,), "float"))  # refused
        yield example(Constant((-1,)))  # refused
