"""Reductions over axes, running sums, and the logarithm of a softmax."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netcalc.core.broadcast import promoted
from netcalc.core.fields import Indices
from netcalc.core.functions import CUMULATIVE, REDUCTIONS, Reduction
from netcalc.core.numbers import Num, product
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.elementwise import LABELS, named
from netcalc.core.ops.parts import (
    axis_of,
    computed_in,
    distinct,
    elementwise,
    has_axis,
)
from netcalc.core.ops.pointwise import OverAxis, Softmax
from netcalc.core.tensor import BYTES, FLOATS, Tensor
from netcalc.core.term import Guard, Term

__all__ = ["Cumulative", "LogSoftmax", "Reduce"]


@dataclass(frozen=True, slots=True, repr=False)
class Reduce(Op):
    """One value of many: sum, mean, amax, var, norm, any, argmax, ..., over the axes ``dim``.

    Without ``dim`` over all of them. The axes go, or with ``keepdim`` stay with size 1. max and min
    along an axis give the values and where they are. Sums, products, means and norms are of the
    values cast to ``dtype``, if that is given. Work for each output of n values: n - 1 times
    what folds two (an addition, a comparison, ...), and what the formula has for each value and at
    the end, in the table ``REDUCTIONS`` of core/functions.py.
    """

    function: str
    dim: Indices | None = None
    keepdim: bool = False
    dtype: str | None = None

    def limits(self) -> Iterator[Guard]:
        yield named(self.function, REDUCTIONS)
        count = -1 if self.dim is None else len(self.dim)
        wanted = REDUCTIONS[self.function].dims if self.function in REDUCTIONS else "any"
        fits = {"any": count != 0, "one": count in (-1, 1), "named": count >= 1}[wanted]
        told = {"function": self.function, "wanted": _WANTED[wanted], "dim": self.dim}
        yield Guard((fits,), "dim of {function} must be {wanted}, got {dim}", told)
        apart = self.dim is None and self.function in ("max", "min", "prod")
        kept = self.keepdim and (apart or self.function == "count_nonzero")
        yield Guard((not kept,), "{function} takes no keepdim over {dim}", told)
        yield computed_in(self.dtype, _TYPES.get(self.function, ()))

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        for d in self.dim or ():
            yield has_axis("dim", d, x)
        yield distinct(self.dim or (), x)
        if self.function in _REAL:
            told = {"function": self.function, "got": x.dtype, "dtype": self.dtype}
            real = x.dtype in FLOATS or (self.function == "mean" and self.dtype is not None)
            yield Guard((real,), "{function} takes real numbers, got {got}", told)
            if self.dtype is not None and self.function in _NORMS:
                wide = promoted(x, Tensor(x.dims, self.dtype)) == self.dtype
                yield Guard((wide,), "{function} of {got} cannot be in {dtype}", told)

    def _over(self, x: Tensor) -> tuple[int, ...]:
        """The axes that go."""
        every = range(len(x.dims))
        return tuple(every) if self.dim is None else tuple(axis_of(d, x) for d in self.dim)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        over = self._over(x)
        kept = enumerate(x.dims)
        if self.keepdim:
            dims = tuple(1 if i in over else d for i, d in kept)
        else:
            dims = tuple(d for i, d in kept if i not in over)
        function = REDUCTIONS[self.function]
        values = Tensor(dims, self.dtype or _result(function, x))
        also = Tensor(dims, "int64") if function.also == "index" else values
        two = function.also == "value" or (function.also and self.dim is not None)
        return (values, also) if two else (values,)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        over = self._over(x)
        outputs = tuple(f for i in range(len(x.dims)) if i not in over for f in x.factors(i, i + 1))
        return tuple(_terms(REDUCTIONS[self.function], x, outputs, [x.dims[i] for i in over]))

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        if not self.keepdim:
            return ()
        return tuple(Working(f"axis {i}", ("1",), 1, "reduced") for i in self._over(ins[0]))

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "all" if axis in self._over(ins[0]) else "each"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        over = self._over(ins[0])
        if self.keepdim:
            return axis
        return None if axis in over else axis - sum(i < axis for i in over)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        keeps = REDUCTIONS[self.function].keeps if ins[0].dtype in FLOATS else ""
        if keeps == "indices":  # of all values there are no indices
            return Saved(outputs=(1,)) if len(outs) > 1 else Saved((0,), (0,))
        made = (0, 1) if self.function == "aminmax" else (0,)
        return Saved((0,) if "in" in keeps else (), made if "out" in keeps else ())

    @classmethod
    def examples(cls) -> Iterator[Example]:
        for name, function in REDUCTIONS.items():
            yield example(Reduce(name, (1,)), (2, 3, 4))
            if function.dims != "named":
                yield example(Reduce(name), (2, 3, 4))
            if function.dims != "one":
                yield example(Reduce(name, (-1, 2), keepdim=True), (2, 3, 4, 5))
        yield example(Reduce("mean", (2, 3)), (2, 8, 7, 6))
        yield example(Reduce("max", (-1,), keepdim=True), (2, 3, 4))
        yield example(Reduce("amax", keepdim=True), (2, 3, 4))
        yield example(Reduce("argmax", keepdim=True), (2, 3, 4))
        yield example(Reduce("sum", (0,)), (2, 3), dtypes=("bool",))
        yield example(Reduce("amax", (0,)), (2, 3), dtypes=("int32",))
        yield example(Reduce("any", (0,)), (2, 3), dtypes=("uint8",))
        yield example(Reduce("sum", dtype="float32"), (2, 3), dtypes=("float16",))
        yield example(Reduce("prod", (1,), dtype="int32"), (2, 3), dtypes=("int64",))
        yield example(Reduce("mean", (1,), True, "float32"), (2, 3), dtypes=("int64",))
        yield example(Reduce("norm", (1,), dtype="float32"), (2, 3), dtypes=("bfloat16",))
        # refused
        yield example(Reduce("norm", (1,), dtype="float16"), (2, 3))
        yield example(Reduce("mean", dtype="int64"), (2, 3))
        yield example(Reduce("amax", dtype="float64"), (2, 3))
        yield example(Reduce("summ"), (2, 3))
        yield example(Reduce("sum", (2,)), (2, 3))
        yield example(Reduce("sum", (1, -1)), (2, 3))
        yield example(Reduce("argmax", (0, 1)), (2, 3))
        yield example(Reduce("logsumexp"), (2, 3))
        yield example(Reduce("prod", keepdim=True), (2, 3))
        yield example(Reduce("mean", (0,)), (2, 3), dtypes=("int64",))


_REAL = ("mean", "var", "std", "var_mean", "std_mean", "norm", "norm_1", "norm_inf", "logsumexp")
_NORMS = ("norm", "norm_1", "norm_inf")
_TYPES = {
    **dict.fromkeys(("sum", "prod"), tuple(BYTES)),
    **dict.fromkeys(("mean", *_NORMS), FLOATS),
}
"""The types that a reduction's input can be cast to first."""
_WANTED = {"any": "none or some axes", "one": "none or one axis", "named": "some axes"}


def _result(function: Reduction, x: Tensor) -> str:
    """The type of the output, where none is said."""
    summed = x.dtype if x.dtype in FLOATS else "int64"
    truth = "uint8" if x.dtype == "uint8" else "bool"
    return {"bool": truth, "index": "int64", "sum": summed}.get(function.result, x.dtype)


def _terms(
    function: Reduction, x: Tensor, outputs: tuple[Num, ...], over: list[Num]
) -> Iterator[Term]:
    """The work of a reduction: per pair that is folded, per value, per output."""
    shown = f"({'*'.join(map(str, over)) or 1} - 1)"
    for kind, times in _repeated(function.fold):
        factors = (product(over) - 1, *times, *outputs)
        names = ("(values - 1)", *("for each",) * len(times), *("outputs",) * len(outputs))
        yield Term(f"{LABELS[kind]} that fold", kind, factors, names, shown=shown)
    for kind, times in _repeated(function.each):
        yield elementwise(f"{LABELS[kind]} of values", kind, x, *((n, "for each") for n in times))
    for kind, times in _repeated(function.end):
        names = (*("for each",) * len(times), *("outputs",) * len(outputs))
        yield Term(f"{LABELS[kind]} at the end", kind, (*times, *outputs), names)


def _repeated(work: Mapping[str, int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each kind of work with how often it is done, where that is more than once."""
    return ((kind, (n,) if n > 1 else ()) for kind, n in work.items())


@dataclass(frozen=True, slots=True, repr=False)
class Cumulative(Op):
    """Sums, products, ... of the first 1, 2, ... values along ``dim``: cumsum, cumprod, cummax, ...

    cummax and cummin give the values and where they are; cumsum and cumprod are of the values cast
    to ``dtype``, if that is given. Work for each row of n: n - 1 times what folds two, in the table
    ``CUMULATIVE`` of core/functions.py.
    """

    function: str
    dim: int
    dtype: str | None = None

    def limits(self) -> Iterator[Guard]:
        yield named(self.function, CUMULATIVE)
        summed = self.function in ("cumsum", "cumprod")
        yield computed_in(self.dtype, BYTES.keys() - {"bool"} if summed else ())

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        yield has_axis("dim", self.dim, ins[0])

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        (x,) = ins
        function = CUMULATIVE[self.function]
        values = Tensor(x.dims, self.dtype or _result(function, x), x.parts)
        return (values, Tensor(x.dims, "int64")) if function.also else (values,)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        axis = axis_of(self.dim, x)
        rows = x.factors(0, axis) + x.factors(axis + 1)
        names = ("rows",) * len(rows) + ("(row length - 1)",)
        return tuple(
            Term(
                LABELS[kind],
                kind,
                (*times, *rows, x.dims[axis] - 1),
                ("for each",) * len(times) + names,
            )
            for kind, times in _repeated(CUMULATIVE[self.function].fold)
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "uneven" if axis == axis_of(self.dim, ins[0]) else "each"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        keeps = CUMULATIVE[self.function].keeps if ins[0].dtype in FLOATS else ""
        return {"indices": Saved((0,), (1,)), "in out": Saved((0,), (0,))}.get(keeps, Saved())

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(Cumulative("cumsum", 1), (2, 3, 4))
        yield example(Cumulative("cumprod", -1), (2, 3, 4, 5))
        yield example(Cumulative("cummax", 1), (2, 3, 4))
        yield example(Cumulative("cummin", 0), (4,), dtypes=("int64",))
        yield example(Cumulative("logcumsumexp", 1), (2, 3))
        yield example(Cumulative("cumsum", 0), (2, 3), dtypes=("bool",))
        yield example(Cumulative("cumsum", 0, "int32"), (2, 3), dtypes=("bool",))
        yield example(Cumulative("cumprod", 1, "float32"), (2, 3), dtypes=("float16",))
        yield example(Cumulative("cumsum", 2), (2, 3))  # refused
        yield example(Cumulative("cumsumm", 1), (2, 3))  # refused
        yield example(Cumulative("cummax", 1, "float64"), (2, 3))  # refused
        yield example(Cumulative("cumsum", 1, "bool"), (2, 3))  # refused


@dataclass(frozen=True, slots=True, repr=False)
class LogSoftmax(OverAxis):
    """x - max - log of the sum of exp(x - max), along ``dim``, in ``dtype`` if that is given.

    Work for each row of n: n - 1 comparisons, n subtractions (counted as additions), n
    exponentials, n - 1 additions, a logarithm (counted as an exponential), n subtractions.
    """

    dim: int = -1
    dtype: str | None = None

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        (x,) = ins
        axis = axis_of(self.dim, x)
        rows = x.factors(0, axis) + x.factors(axis + 1)
        return (
            *Softmax(self.dim).terms(ins, outs)[:-1],
            Term("logarithms of the sum", "exp", rows, ("rows",) * len(rows)),
            elementwise("subtractions of the logarithm", "add", x),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(LogSoftmax(1), (2, 10))
        yield example(LogSoftmax(), (2, 3, 4))
        yield example(LogSoftmax(dtype="float32"), (2, 3, 4), dtypes=("bfloat16",))
        yield example(LogSoftmax(dtype="bool"), (2, 3, 4))  # refused
        yield example(LogSoftmax(2), (2, 10))  # refused
