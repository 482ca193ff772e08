"""Normalisation over the last axes: LayerNorm and RMSNorm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netcalc.core.fields import Indices
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    example,
)
from netcalc.core.ops.moments import Named, folded, moments, term
from netcalc.core.ops.parts import peak
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import positive

__all__ = ["LayerNorm", "RMSNorm"]


class _Trailing(Op):
    """What normalises over the last axes, those of ``normalized_shape``."""

    __slots__ = ()

    normalized_shape: Indices

    def __post_init__(self) -> None:
        shape = self.normalized_shape
        if not isinstance(shape, tuple | list | str):
            object.__setattr__(self, "normalized_shape", (shape,))  # one number, as in PyTorch
        Op.__post_init__(self)

    def limits(self) -> Iterator[Guard]:
        shape = self.normalized_shape
        yield Guard((len(shape) >= 1,), "normalized_shape must have at least one axis", {})
        yield positive(normalized_shape=shape)

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        (x,) = ins
        shape = self.normalized_shape
        n = len(shape)
        values = {"shape": Tensor(shape), "x": x}
        fits = len(x.dims) >= n
        yield Guard((fits,), "normalized_shape {shape} has more axes than the input {x}", values)
        pairs = zip(x.dims[-n:], shape, strict=True)
        yield Guard(
            tuple(c for a, b in pairs for c in (a <= b, a >= b)),
            "the last axes of the input {x} are not normalized_shape {shape}",
            values,
        )

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        return "all" if axis >= len(ins[0].dims) - len(self.normalized_shape) else "each"

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return ins

    def _parts(self, x: Tensor) -> tuple[Named, Named, Named]:
        """The elements, the rows, and the elements of one row."""
        n = len(self.normalized_shape)
        rows, row = x.factors(0, -n), x.factors(-n)
        names = ("rows",) * len(rows), ("features",) * len(row)
        return (rows + row, names[0] + names[1]), (rows, names[0]), (row, names[1])

    def _rows(self, x: Tensor, dtype: str) -> Tensor:
        """A number for each row."""
        return Tensor(x.dims[: -len(self.normalized_shape)], dtype)


@dataclass(frozen=True, slots=True, repr=False)
class LayerNorm(_Trailing):
    """Layer normalisation over the last axes, those of ``normalized_shape``.

    Ba, Kiros & Hinton 2016, equations 2 to 4. Work per element: 2 additions and 1 multiplication
    for the sums of values and squares, 1 multiplication by the inverse deviation, 1 addition of the
    shift; with ``elementwise_affine`` 1 multiplication by a weight, with ``bias`` 1 addition too.
    Per row: 2 divisions, 2 multiplications (the squared mean, the shift), 2 additions (the
    variance, eps) and 1 power of -1/2.

    Without ``elementwise_affine`` there is no bias either: ``bias`` becomes false.
    """

    normalized_shape: Indices
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True

    def __post_init__(self) -> None:
        _Trailing.__post_init__(self)
        if not self.elementwise_affine:
            object.__setattr__(self, "bias", False)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=(0,), extra=self._statistics(ins[0]))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        return sum(x.nbytes for x in self._statistics(ins[0]))

    def _statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        """Mean and inverse deviation of each row."""
        return (self._rows(x, x.dtype),) * 2

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        each, rows, row = self._parts(ins[0])
        found = (*moments(each, rows), *folded(each, rows, None))
        if self.elementwise_affine:
            found += (
                term("multiplications by weights", "mul", each),
                parameter("weight", self.normalized_shape, *row),
            )
        if self.bias:
            found += (
                term("bias additions", "add", each),
                parameter("bias", self.normalized_shape, *row),
            )
        return found

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(LayerNorm((8,)), (2, 5, 8))
        yield example(LayerNorm((5, 6), eps=1e-3), (2, 3, 5, 6))
        yield example(LayerNorm((8,), bias=False), (2, 3, 5, 8))
        yield example(LayerNorm((8,), elementwise_affine=False), (4, 8))
        yield example(LayerNorm((3,)), (3,))
        # refused
        yield example(LayerNorm((8,)), (2, 8, 5))
        yield example(LayerNorm((5, 6)), (6,))
        yield example(LayerNorm((0,)), (2, 8))
        yield example(LayerNorm(()), (2, 8))


@dataclass(frozen=True, slots=True, repr=False)
class RMSNorm(_Trailing):
    """Division by the root mean square of the last axes, those of ``normalized_shape``.

    Zhang & Sennrich 2019, equation 4. Work per element: 1 multiplication and 1 addition for the sum
    of squares, 1 multiplication by the inverse root; with ``elementwise_affine`` 1 multiplication
    by a weight. Per row: 1 division, 1 addition (of eps) and 1 power of -1/2. An ``eps`` of None
    is the smallest step of the number type, as in PyTorch.
    """

    normalized_shape: Indices
    eps: float | None = None
    elementwise_affine: bool = True

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        # PyTorch composes it, half-precision numbers as float32: x * rsqrt(mean(x**2) + eps) * w
        wide = _wide(ins[0])
        extra = (self._rows(wide, wide.dtype), *((wide,) * self.elementwise_affine))
        if wide.dtype == ins[0].dtype:
            return Saved(inputs=(0,), extra=extra)
        return Saved(extra=(wide, *extra))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        wide = _wide(ins[0])
        each, row = wide.nbytes, self._rows(wide, wide.dtype).nbytes
        normed = row + each + each * self.elementwise_affine
        if wide.dtype == ins[0].dtype:
            return peak(outs, each + 2 * row, normed)
        after = row + each + ins[0].nbytes
        return peak(outs, *(each + phase for phase in (each + 2 * row, normed, after)))

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        each, rows, row = self._parts(ins[0])
        found: tuple[Term, ...] = (
            term("squares", "mul", each),
            term("sums of squares", "add", each),
            term("means of squares", "div", rows),
            term("additions of eps", "add", rows),
            term("inverse square roots", "pow", rows),
            term("scalings", "mul", each),
        )
        if self.elementwise_affine:
            found += (
                term("multiplications by weights", "mul", each),
                parameter("weight", self.normalized_shape, *row),
            )
        return found

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(RMSNorm((8,)), (2, 5, 8))
        yield example(RMSNorm((5, 6), eps=1e-6), (2, 3, 5, 6))
        yield example(RMSNorm((8,), elementwise_affine=False), (4, 8))
        # refused
        yield example(RMSNorm((8,)), (2, 8, 5))
        yield example(RMSNorm((5, 6)), (6,))
        yield example(RMSNorm((-1,)), (2, 8))


def _wide(x: Tensor) -> Tensor:
    """As PyTorch computes with it."""
    return Tensor(x.dims, "float32") if x.dtype in ("float16", "bfloat16") else x
