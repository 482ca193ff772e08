"""Attention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.attention import Attention
from netcalc.core.broadcast import broadcast, broadcastable
from netcalc.core.numbers import Num, equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.parts import batch_names
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term

__all__ = ["ScaledDotProductAttention"]


@dataclass(frozen=True, slots=True, repr=False)
class ScaledDotProductAttention(Op):
    """softmax(query keyᵀ * scale + mask) value, as torch.nn.functional has it.

    Inputs are query (..., L, E), key (..., S, E), value (..., S, Ev) and perhaps a mask that is
    broadcast to (..., L, S); leading axes are broadcast too, and with ``enable_gqa`` heads, the
    axis before the last two, share keys and values in groups. Work: one multiply-add for each pair
    of a query and a key and each of E, and again of Ev, also where ``is_causal`` or the mask hides
    the pair; for each pair a multiplication by the scale, an addition of a mask that is given, and
    the work of Softmax. ``dropout_p`` acts in training only; ``scale`` is 1/sqrt(E) where it is
    None.
    """

    dropout_p: float = 0.0
    is_causal: bool = False
    scale: float | None = None
    enable_gqa: bool = False

    ARITY: ClassVar[tuple[int, int | None]] = (3, 4)

    def limits(self) -> Iterator[Guard]:
        yield Guard(
            (0 <= self.dropout_p <= 1,),
            "dropout_p must be between 0 and 1, got {p}",
            {"p": self.dropout_p},
        )

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        query, key, value = ins[:3]
        told = {"query": query, "key": key, "value": value}
        least = 3 if self.enable_gqa else 2
        yield Guard(
            (all(len(x.dims) >= least for x in ins[:3]),),
            "query, key and value need at least {least} axes, got {query}, {key} and {value}",
            {**told, "least": least},
        )
        yield Guard(
            (not (self.is_causal and len(ins) > 3),),
            "is_causal makes a mask itself: leave out the mask or is_causal",
            {},
        )
        yield Guard(
            (*equal(query.dims[-1], key.dims[-1]), *equal(key.dims[-2], value.dims[-2])),
            "query {query} and key {key} must agree in the last axis, key and value {value} in the"
            " last but one",
            told,
        )
        if self.enable_gqa:
            heads = [x.dims[-3] for x in ins[:3]]
            yield Guard(
                tuple(heads[0] % n <= 0 for n in heads[1:]),
                "the {q} heads of the query must be a multiple of the {k} of the key and the {v} of"
                " the value",
                dict(zip("qkv", heads, strict=True)),
            )
        yield broadcastable(*(Tensor(dims) for dims in self._leading(ins)))
        if len(ins) > 3:
            yield from self._mask_guards(ins)

    def _mask_guards(self, ins: tuple[Tensor, ...]) -> Iterator[Guard]:
        mask, scores = ins[3], self._scores(ins)
        ranks = {len(x.dims) for x in ins[:3]}
        # PyTorch looks at two axes of a mask before it takes its kernel for four, and three with a
        # batch of one are four
        least, most = (2 if ranks == {4} else 0), (4 if ranks == {3} else len(scores.dims))
        told = {"mask": mask, "scores": scores, "least": least, "most": most}
        yield Guard(
            (least <= len(mask.dims) <= most,),
            "a mask has {least} to {most} axes, {mask} does not",
            told,
        )
        whole = (1,) * (most - len(scores.dims)) + scores.dims
        pairs = zip(reversed(mask.dims), reversed(whole), strict=False)
        yield Guard(
            tuple((m <= 1) | ((m <= d) & (m >= d)) for m, d in pairs),
            "a mask of {mask} cannot be stretched to the scores, {scores}",
            told,
        )

    def _leading(self, ins: tuple[Tensor, ...]) -> tuple[tuple[Num, ...], ...]:
        """The axes before the last two of query, key and value, heads as often as the query's."""
        query, *others = (x.dims[:-2] for x in ins[:3])
        if self.enable_gqa:
            others = [(*dims[:-1], *query[-1:]) for dims in others]
        return (query, *others)

    def _scores(self, ins: tuple[Tensor, ...]) -> Tensor:
        """Each query with each key."""
        query, key = ins[:2]
        leading = broadcast(*self._leading(ins)[:2])
        return Tensor((*leading, query.dims[-2], key.dims[-2]), query.dtype)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        query, value = ins[0], ins[2]
        leading = broadcast(*self._leading(ins))
        return (Tensor((*leading, query.dims[-2], value.dims[-1]), query.dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        scores = self._scores(ins).dims
        size, value_size = ins[0].dims[-1], outs[0].dims[-1]
        names, after = _names(scores[:-2]), _names(outs[0].dims[:-2])
        pairs = (*names, "queries", "keys")
        rows, row_names = scores[:-1], ("rows",) * (len(scores) - 1)
        fewer = (*rows, scores[-1] - 1)
        fewer_names = (*row_names, "(keys - 1)")
        mask = (Term("additions of the mask", "add", scores, pairs),) if len(ins) > 3 else ()
        return (
            Term("multiply-adds of queries and keys", "mac", (*scores, size), (*pairs, "size")),
            Term(
                "multiply-adds of weights and values",
                "mac",
                (*outs[0].dims[:-1], scores[-1], value_size),
                (*after, "queries", "keys", "value size"),
            ),
            Term("multiplications by the scale", "mul", scores, pairs),
            *mask,
            Term("comparisons for the largest", "cmp", fewer, fewer_names),
            Term("subtractions of the largest", "add", scores, pairs),
            Term("exponentials", "exp", scores, pairs),
            Term("additions for the sum", "add", fewer, fewer_names),
            Term("divisions by the sum", "div", scores, pairs),
        )

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        query, (out,) = ins[0], outs
        same = len(query.dims) == len(out.dims)
        labels = (*(f"axis {i}" for i in range(len(out.dims) - 2)), "queries", "value size")
        rows = zip(labels, out.dims, strict=True)
        return tuple(
            Working(label, (f"{d}",), d)
            for i, (label, d) in enumerate(rows)
            if not same or d != query.dims[i]
        )

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int]:
        (out,) = self.shape(*ins)
        x, last = ins[i], len(out.dims) - 1
        behind = axis - len(x.dims)
        if behind == -1 and i == 2:
            return "each", last
        if behind == -2 and i in (0, 3):
            return ("each" if x.dims[axis] >= out.dims[-2] else "all"), last - 1
        if behind >= -2:  # the size of heads, or keys
            hidden = self.is_causal and behind == -2
            return ("uneven" if hidden else "all"), last - 1 if hidden else 0
        at = last + 1 + behind
        if self.enable_gqa and behind == -3 and i in (1, 2):
            return ("each" if x.dims[axis] >= out.dims[at] else "uneven"), at
        return ("each" if x.dims[axis] >= out.dims[at] else "all"), at

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        """Of a mask that needs no gradient itself."""
        return self._run(ins, outs).saved()

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        """As on the CPU, where most calls are one kernel that holds no scores."""
        return self._run(ins, outs).scratch()

    def fused(self, ins: tuple[Tensor, ...]) -> bool:
        """Whether PyTorch's CPU kernel for attention takes a call of inference."""
        return self._run(ins, self.shape(*ins)).fused()

    def _run(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Attention:
        repeated = self._leading(ins)[1:] if self.enable_gqa else None
        causal, dropout_p = self.is_causal, self.dropout_p
        return Attention(ins, outs[0], self._scores(ins), repeated, causal, dropout_p)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        q, k = (2, 4, 6, 8), (2, 4, 10, 8)
        yield example(cls(), (2, 4, 16, 8), (2, 4, 16, 8), (2, 4, 16, 8))
        yield example(cls(), q, k, (2, 4, 10, 5))
        yield example(cls(scale=0.5), (2, 6, 8), (2, 10, 8), (2, 10, 8))
        yield example(cls(is_causal=True), q, k, k)
        yield example(cls(is_causal=True), (2, 30, 4), (2, 30, 4), (2, 30, 3))
        yield example(cls(is_causal=True), (6, 8), (10, 8), (10, 8))
        yield example(cls(dropout_p=0.1), q, k, k)
        yield example(cls(dropout_p=1.0), q, k, (2, 4, 10, 5))
        yield example(cls(), q, k, k, (6, 10))
        yield example(cls(), q, k, k, (2, 1, 1, 10))
        yield example(cls(), q, k, k, (4, 6, 10))
        yield example(cls(), q, k, k, (2, 4, 6, 10), dtypes=("float32",) * 3 + ("bool",))
        yield example(cls(), q, k, (2, 4, 10, 5), (6, 1), dtypes=("float32",) * 3 + ("bool",))
        yield example(cls(enable_gqa=True), q, (2, 2, 10, 8), (2, 2, 10, 8))
        yield example(cls(enable_gqa=True), q, (2, 2, 10, 8), (2, 1, 10, 5))
        yield example(cls(enable_gqa=True), q, k, k)
        yield example(cls(), q, (1, 4, 10, 8), (1, 4, 10, 8))
        yield example(cls(), (2, 6, 8), (10, 8), (10, 8))
        yield example(cls(), (6, 8), (2, 10, 8), (2, 10, 8))
        yield example(cls(), (3, *q), (3, *k), (3, *k))
        yield example(cls(), (6, 8), (10, 8), (10, 8), (10,))
        yield example(cls(), (2, 6, 8), (2, 10, 8), (2, 10, 8), (10,))
        yield example(cls(), (2, 6, 8), (2, 10, 8), (2, 10, 8), (1, 2, 6, 10))
        # refused
        yield example(cls(), q, (2, 4, 10, 7), k)
        yield example(cls(), q, k, (2, 4, 9, 8))
        yield example(cls(), q, (2, 2, 10, 8), (2, 2, 10, 8))
        yield example(cls(enable_gqa=True), q, (2, 3, 10, 8), (2, 3, 10, 8))
        yield example(cls(enable_gqa=True), (6, 8), (10, 8), (10, 8))
        yield example(cls(is_causal=True), q, q, q, (6, 6))
        yield example(cls(), q, k, k, (10,))
        yield example(cls(), q, k, k, (3, 6, 10))
        yield example(cls(), q, k, k, (3, 2, 4, 6, 10))
        yield example(cls(), (8,), (8,), (8,))
        yield example(cls(dropout_p=1.5), q, k, k)


def _names(leading: tuple[Num, ...]) -> tuple[str, ...]:
    """What the leading axes are called: the last of them are the heads, where there are two."""
    n = len(leading)
    return batch_names(n - 1, "heads") if n > 1 else batch_names(n)
