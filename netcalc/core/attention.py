"""What PyTorch holds and keeps of scaled dot-product attention.

Its CPU has one kernel for most calls, which never holds the scores. The rest is put together of two
matrix products and a softmax between them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from netcalc.core.ops.base import Saved
from netcalc.core.ops.matmul import copies
from netcalc.core.ops.parts import peak
from netcalc.core.tensor import BYTES, Tensor


class Attention(NamedTuple):
    """A call on plain sizes: query, key, value and perhaps a mask.

    ``repeated`` are the leading axes of key and value where heads share them.
    """

    ins: tuple[Tensor, ...]
    out: Tensor
    scores: Tensor
    repeated: Any
    is_causal: bool
    dropout_p: float

    def fused(self, training: bool = False) -> bool:
        """Whether the one kernel takes it: for four axes, equal sizes and plain masks."""
        query, key, value, *mask = (self._batched(x).dims for x in self.ins)
        if {len(query), len(key), len(value)} != {4} or (training and self.dropout_p):
            return False
        heads: Any = (query[1], key[1], value[1])
        shared = heads[1] == heads[2] and heads[0] % heads[1] == 0
        alike = query[0] == key[0] == value[0] and query[-1] == value[-1]
        return shared and alike and all(_plain(m, (*query[:3], key[2])) for m in mask)

    def _batched(self, x: Tensor) -> Tensor:
        """A tensor with four axes, where query, key and value have three each."""
        three = all(len(y.dims) == 3 for y in self.ins[:3])
        return Tensor(((1,) * (4 - len(x.dims)) + x.dims), x.dtype) if three else x

    def saved(self) -> Saved:
        """What is kept for the backward pass; of a mask that needs a gradient, in its stead."""
        made = self._made_mask()
        if not self.fused(training=True):
            return self._composed()
        own = tuple(range(len(self.ins)) if made is None else range(3))
        extra = (*([made] if made else ()), self._row_sums())
        return Saved(own, (0,), extra, instead=(3, self._composed()) if len(self.ins) > 3 else None)

    def _composed(self) -> Saved:
        """What products and a softmax keep, in place of one kernel."""
        query, (key, value) = self.ins[0], self._repeated()
        left, right = copies(query, _transposed(key), training=True, transposed=True)
        kept = [left or query, right or key]  # scaled, so new ones in any case
        weights, values = copies(self.scores, value, training=True)
        kept += [self.scores, *([weights] if weights and not self.dropout_p else ())]
        if self.dropout_p:  # the weights behind it, and what it multiplies them by
            drawn = self.scores if self.dropout_p < 1 else Tensor((), self.scores.dtype)
            kept += [weights or self.scores, drawn]
        if values or value is not self.ins[2]:
            return Saved(extra=(*kept, values or value))
        return Saved((), (), tuple(kept), merged=(2,))  # it is multiplied as a product of matrices

    def scratch(self) -> int:
        """The bytes beside inputs and output, at the peak of a call of inference."""
        made = self._made_mask()
        mask = int(made.nbytes) if made else 0
        if self.fused():
            return mask + int(self._row_sums().nbytes)
        query, (key, value) = self.ins[0], self._repeated()
        if self.is_causal:
            mask = int(self.scores.dims[-2] * self.scores.dims[-1]) * BYTES[query.dtype]
        new = [x for x, own in ((key, self.ins[1]), (value, self.ins[2])) if x is not own]
        held = mask + _bytes(query, *new)  # the scaled query among them
        first, second = copies(query, _transposed(key)), copies(self.scores, value)
        return peak(
            (self.out,),
            held + _bytes(key, *first, self.scores),
            held + _bytes(self.scores, self.scores),  # before and behind a mask, and the softmax
            held + _bytes(self.scores, *second, self.out),
        )

    def _repeated(self) -> tuple[Tensor, Tensor]:
        """Key and value with the heads of the query, as they are where they have these already."""
        query, key, value = self.ins[:3]
        if self.repeated is None or query.dims[-3] == key.dims[-3] == value.dims[-3]:
            return key, value
        of_key, of_value = self.repeated
        return (
            Tensor((*of_key, *key.dims[-2:]), key.dtype),
            Tensor((*of_value, *value.dims[-2:]), value.dtype),
        )

    def _made_mask(self) -> Tensor | None:
        """What is made of a mask of truth values: 0 and minus infinity."""
        boolean = len(self.ins) > 3 and self.ins[3].dtype == "bool"
        return Tensor(self.ins[3].dims, self.ins[0].dtype) if boolean else None

    def _row_sums(self) -> Tensor:
        """The logarithm of each query's sum, which the kernel hands on to its backward pass."""
        double = self.out.dtype == "float64"
        return Tensor(self.out.dims[:-1], "float64" if double else "float32")


def _plain(mask: tuple[Any, ...], whole: tuple[Any, ...]) -> bool:
    """Whether the kernel takes a mask: of two axes or all four, each 1 or whole."""
    pairs = zip(mask, whole[-len(mask) :], strict=False)
    return len(mask) in (2, 4) and all(m in (1, d) for m, d in pairs)


def _transposed(x: Tensor) -> Tensor:
    return Tensor((*x.dims[:-2], x.dims[-1], x.dims[-2]), x.dtype)


def _bytes(*found: Tensor | None) -> int:
    return sum(int(x.nbytes) for x in found if x is not None)
