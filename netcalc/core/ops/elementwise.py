"""Functions that act on each element by itself: of one input, or of several that are broadcast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcast, broadcastable, promoted
from netcalc.core.functions import BINARY, UNARY, Function
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import elementwise
from netcalc.core.tensor import BYTES, FLOATS, Tensor
from netcalc.core.term import Guard, Term
from netcalc.errors import did_you_mean

__all__ = ["Binary", "Cast", "Pointwise"]

LABELS = {
    "add": "additions",
    "mul": "multiplications",
    "div": "divisions",
    "cmp": "comparisons",
    "exp": "exponentials and the like",
    "pow": "powers and roots",
}
"""What each kind of other work is called."""


def named(function: str, known: Mapping[str, object]) -> Guard:
    """The guard of the name of a function."""
    hint = did_you_mean(function, known) if function not in known else ""
    template = "function {got!r} is not known; {hint}"
    return Guard((function in known,), template, {"got": function, "hint": hint or "see the docs"})


def _numbers(numbers: tuple[float | None, ...], known: Function | None) -> Guard:
    """As many numbers as the function takes, those left out at the end."""
    least, most = known.numbers if known else (0, len(numbers))
    given = [n for n in numbers if n is not None]
    in_order = numbers[: len(given)] == tuple(given)
    return Guard(
        (in_order and least <= len(given) <= most,),
        "function takes {least} to {most} numbers, got {got}",
        {"least": least, "most": most, "got": list(numbers)},
    )


def _whole(function: str, known: Mapping[str, Function], *ins: Tensor) -> Guard:
    """The guard of a function of bits: its inputs must be integers or truth values."""
    bits = known[function].result == "bits"
    told = {"function": function, "got": ", ".join(x.dtype for x in ins)}
    fits = not bits or not any(x.dtype in FLOATS for x in ins)
    return Guard((fits,), "{function} takes integers or truth values, got {got}", told)


class Elementwise(Op):
    """What functions of one input and of several have in common."""

    __slots__ = ()

    function: str
    TABLE: ClassVar[Mapping[str, Function]]

    def _result(self, dtype: str) -> str:
        """The type of the output of a function on inputs of a type."""
        result = self.TABLE[self.function].result
        if result == "bool":
            return "bool"
        return "float32" if result == "float" and dtype not in FLOATS else dtype

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        known = self.TABLE[self.function]
        return tuple(
            elementwise(LABELS[kind], kind, outs[0], *(((n, "for each"),) if n > 1 else ()))
            for kind, n in known.work.items()
        )

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        keeps = self.TABLE[self.function].keeps.split()
        every = range(len(ins))
        real = [i for i in every if ins[i].dtype in FLOATS]  # those that have gradients
        if not real:
            return Saved()
        which = {
            "in": every,
            "first": every[:1],
            "rest": every[1:],
            "other": [i for i in every if {*real} - {i}],
            "divisor": every if 1 in real else every[1:],
        }
        kept = tuple(i for word in keeps for i in which.get(word, ()))
        outputs = (0,) if "out" in keeps else ()
        return Saved(kept, outputs, crossed="other" in keeps)


@dataclass(frozen=True, slots=True, repr=False)
class Pointwise(Elementwise):
    """A function of each element, by PyTorch's name: sigmoid, gelu, clamp, ...

    ``first`` and ``second`` are the numbers that some take beside it, in PyTorch's order: bounds, a
    slope, an exponent. Work by the formula of each, in the table ``UNARY`` of core/functions.py.
    """

    function: str
    first: float | None = None
    second: float | None = None

    TABLE: ClassVar[Mapping[str, Function]] = UNARY

    def limits(self) -> Iterator[Guard]:
        yield named(self.function, UNARY)
        yield _numbers((self.first, self.second), UNARY.get(self.function))

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield _whole(self.function, UNARY, *ins)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        operands = (self.first, self.second)[: UNARY[self.function].numbers[0]]
        types = ("int64" if isinstance(n, int) else "float32" for n in operands)
        dtype = promoted(x, *(Tensor((), name) for name in types))
        return (Tensor(x.dims, self._result(dtype), x.parts),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        for name, function in UNARY.items():
            bits = function.result == "bits"
            numbers = ((1,) if bits else (0.5, 2.0))[: function.numbers[0]]
            yield example(Pointwise(name, *numbers), (2, 3, 4), dtypes=("int32",) if bits else ())
        yield example(Pointwise("bitwise_not"), (2, 3), dtypes=("bool",))
        yield example(Pointwise("bitwise_not"), (2, 3))  # refused
        yield example(Pointwise("leaky_relu", 0.2), (2, 3, 4, 5))
        yield example(Pointwise("hardtanh", 0.0, 6.0), (7,))
        yield example(Pointwise("eq", 1.0), (2, 3), dtypes=("int64",))
        yield example(Pointwise("exp"), (2, 3), dtypes=("bool",))
        yield example(Pointwise("add", 1), (2, 3), dtypes=("int32",))
        yield example(Pointwise("add", 0.5), (2, 3), dtypes=("int32",))
        # refused
        yield example(Pointwise("sigmoide"), (2, 3))
        yield example(Pointwise("exp", 1.0), (2, 3))
        yield example(Pointwise("pow"), (2, 3))


@dataclass(frozen=True, slots=True, repr=False)
class Binary(Elementwise):
    """A function of two or three inputs, broadcast against each other as in PyTorch.

    ``value`` is the number that masked_fill, lerp and addcmul take besides, or what where chooses
    instead of its third input. Work for each output element,
    by the formula in the table ``BINARY`` of core/functions.py. For sums of equal shapes there is
    Add.
    """

    function: str
    value: float | None = None

    ARITY: ClassVar[tuple[int, int | None]] = (2, 3)
    TABLE: ClassVar[Mapping[str, Function]] = BINARY

    def limits(self) -> Iterator[Guard]:
        yield named(self.function, BINARY)
        yield _numbers((self.value,), BINARY.get(self.function))

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        chosen = self.function == "where" and self.value is not None
        count = BINARY[self.function].inputs - chosen
        told = {"function": self.function, "count": count, "got": len(ins)}
        yield Guard((len(ins) == count,), "{function} takes {count} inputs, got {got}", told)
        yield _whole(self.function, BINARY, *ins)
        mask = {"where": 0, "masked_fill": 1}.get(self.function)
        if mask is not None:
            yield Guard(
                (ins[mask].dtype == "bool",),
                "{function} takes truth values for its input {mask}, got {got}",
                {"function": self.function, "mask": mask + 1, "got": ins[mask].dtype},
            )
        yield broadcastable(*ins)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        of = {"where": ins[1:], "masked_fill": ins[:1]}.get(self.function, ins)
        of = (*of, *self._number())
        return (Tensor(broadcast(*(x.dims for x in ins)), self._result(promoted(*of))),)

    def _number(self) -> tuple[Tensor, ...]:
        """The number that where chooses, as the tensor that PyTorch makes of it."""
        if self.function != "where" or self.value is None:
            return ()
        return (Tensor((), "int64" if isinstance(self.value, int) else "float32"),)

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        made = self._number()
        cast = [x for x in ins[1:] if made and x.dtype != outs[0].dtype]
        return sum(int(x.numel) * BYTES[outs[0].dtype] for x in cast) + sum(
            int(x.nbytes) for x in made
        )

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int:
        return axis + max(len(x.dims) for x in ins) - len(ins[0].dims)

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        size = broadcast(*(x.dims for x in ins))[self.axis_after(axis, ins)]
        return "each" if ins[0].dims[axis] == size else "all"

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        shapes = " and ".join(map(str, ins))
        return tuple(
            Working(f"axis {i}", (f"{d}",), d, f"{shapes} together")
            for i, d in enumerate(outs[0].dims)
            if ins[0].dims != outs[0].dims
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        for name, function in BINARY.items():
            numbers = (0.5,)[: function.numbers[0]]
            shapes = ((2, 3, 4), (2, 1, 4), (3, 1))[: function.inputs]
            types = {"where": ("bool",), "masked_fill": ("float32", "bool")}.get(name, ())
            if function.result == "bits":
                types = ("int64", "bool")
            yield example(Binary(name, *numbers), *shapes, dtypes=types)
        yield example(Binary("where", 0.5), (2, 3), (3,), dtypes=("bool",))
        yield example(Binary("where", 0.5), (2, 3), (3,), dtypes=("bool", "int64"))
        yield example(Binary("bitwise_or"), (2, 3), (3,))  # refused
        yield example(Binary("mul"), (2, 8, 5, 5), (2, 8, 1, 1))
        yield example(Binary("mul"), (8, 1, 1), (2, 8, 5, 5))
        yield example(Binary("sub"), (2, 1, 5, 1), (4, 1, 6))
        yield example(Binary("mul"), (2, 3), (), dtypes=("int64", "float32"))
        yield example(Binary("div"), (2, 3), (2, 1), dtypes=("float32", "int64"))
        yield example(Binary("div"), (2, 3), (2, 1), dtypes=("int64", "float32"))
        yield example(Binary("add"), (2, 3), (2, 3), dtypes=("bfloat16", "float16"))
        yield example(Binary("add"), (2, 3), (2, 3), dtypes=("uint8", "int8"))
        yield example(Binary("mul"), (2, 3), (), dtypes=("float16", "float32"))
        yield example(Binary("lerp", 0.2), (2, 3), (1, 3))
        # refused
        yield example(Binary("mull"), (2, 3), (2, 3))
        yield example(Binary("mul"), (2, 3), (2, 4))
        yield example(Binary("mul"), (2, 3), (2, 3), (2, 3))
        yield example(Binary("where"), (2, 3), (2, 3), (2, 3))
        yield example(Binary("masked_fill", 0.5), (2, 3), (2, 3))
        yield example(Binary("masked_fill"), (2, 3), (2, 3), dtypes=("float32", "bool"))


@dataclass(frozen=True, slots=True, repr=False)
class Cast(Op):
    """The input in another element type, as a copy. No work.

    PyTorch hands on a tensor that has the type already; leave the layer out there.
    """

    dtype: str

    def limits(self) -> Iterator[Guard]:
        yield known_type(self.dtype)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (Tensor(ins[0].dims, self.dtype, ins[0].parts),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Cast("float16"), (2, 3, 4))
        yield example(Cast("bool"), (2, 3), dtypes=("int64",))
        yield example(Cast("float64"), (7,), dtypes=("int32",))
        yield example(Cast("float"), (2, 3))  # refused


def known_type(dtype: str) -> Guard:
    """The guard of the name of an element type."""
    template = "dtype must be one of {known}, got {got!r}"
    return Guard((dtype in BYTES,), template, {"known": ", ".join(BYTES), "got": dtype})
