"""What PyTorch holds and keeps while it works through an equation of torch.einsum.

It brings each two tensors into the form of a batch of matrices. An operand whose axes lie in memory
so that they can be read in that form stays where it is; any other is copied.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

from netcalc.core.ops.base import Saved
from netcalc.core.subscripts import Labels, Subscripts
from netcalc.core.tensor import Tensor


class Held(NamedTuple):
    """A tensor under an equation: the length of each index, and its distance in memory.

    ``input`` is the position of the input that it lies in; a new tensor has None.
    """

    lengths: dict[str, int]
    strides: dict[str, int]
    dtype: str
    input: int | None = None

    @property
    def tensor(self) -> Tensor:
        """As a tensor of its own."""
        return Tensor(tuple(self.lengths.values()), self.dtype)

    @property
    def nbytes(self) -> int:
        """The bytes that it takes beside the inputs."""
        return 0 if self.input is not None else int(self.tensor.nbytes)

    def long(self, label: str) -> bool:
        """Whether an index is there and longer than 1."""
        return self.lengths.get(label, 1) != 1

    def joins(self, labels: Iterable[str]) -> bool:
        """Whether indices can be read as one axis without a copy."""
        own = [x for x in labels if self.long(x)]
        pairs = pairwise(own)
        return all(self.strides[a] == self.lengths[b] * self.strides[b] for a, b in pairs)

    def summed(self, labels: Labels, order: Labels) -> Held:
        """Its sums over indices, a new tensor with the others in order."""
        if not labels:
            return self
        rest = [x for x in order if x in self.lengths and x not in labels]
        return laid_out(rest, self.lengths, self.dtype)


class Contraction(NamedTuple):
    """What is saved for the backward pass, and the most bytes that are held, outputs included."""

    saved: Saved
    most: int


def laid_out(labels: Iterable[str], lengths: dict[str, int], dtype: str) -> Held:
    """A new tensor whose indices lie in the given order."""
    order = list(labels)
    strides = {x: prod(lengths[y] for y in order[i + 1 :]) for i, x in enumerate(order)}
    return Held({x: lengths[x] for x in order}, strides, dtype)


def _given(labels: Labels, x: Tensor, i: int) -> Held:
    """An input: an index that stands twice goes along the diagonal."""
    dims: Any = x.dims
    lengths = dict(zip(labels, dims, strict=True))
    strides: dict[str, int] = dict.fromkeys(labels, 0)
    for at, label in enumerate(labels):
        strides[label] += prod(dims[at + 1 :])
    return Held(lengths, strides, x.dtype, i)


def contraction(plan: Subscripts, ins: tuple[Tensor, ...]) -> Contraction:
    """A run through the inputs, of plain lengths."""
    operands = [_given(*pair, i) for i, pair in enumerate(zip(plan.inputs, ins, strict=True))]
    left, *others = operands
    if not others:
        dropped = tuple(x for x in left.lengths if x not in plan.output)
        return Contraction(Saved(), left.summed(dropped, plan.order).nbytes)
    kept: list[Held] = []
    most = 0
    for i, right in enumerate(others, 1):
        wanted = {*plan.output, *(x for held in others[i:] for x in held.lengths if held.long(x))}
        both = [x for x in plan.order if left.long(x) and right.long(x) and x not in wanted]
        lone = [
            tuple(x for x in a.lengths if a.long(x) and not b.long(x) and x not in wanted)
            for a, b in ((left, right), (right, left))
        ]
        before = left.nbytes if lone[0] else 0
        left, right = left.summed(lone[0], plan.order), right.summed(lone[1], plan.order)
        most = max(most, before + left.nbytes)
        used, copied, made = _together(plan, left, right, both)
        kept += used
        most = max(most, left.nbytes + right.nbytes + copied + made.nbytes)
        left = made
    inputs = tuple(sorted({x.input for x in kept if x.input is not None}))
    return Contraction(Saved(inputs, (), tuple(x.tensor for x in kept if x.input is None)), most)


def _together(
    plan: Subscripts, left: Held, right: Held, summed: list[str]
) -> tuple[tuple[Held, Held], int, Held]:
    """The two operands as they are saved, the bytes of copies of them, and the product."""
    lengths = {
        x: max(left.lengths.get(x, 1), right.lengths.get(x, 1))
        for x in plan.order
        if (x in left.lengths or x in right.lengths) and x not in summed
    }
    if not summed:
        lying = sorted(lengths, key=lambda x: -max(left.strides.get(x, 0), right.strides.get(x, 0)))
        return (left, right), 0, laid_out(lying, lengths, left.dtype)
    shared = [x for x in lengths if left.long(x) and right.long(x)]
    rows = [x for x in lengths if left.long(x) and not right.long(x)]
    columns = [x for x in lengths if not left.long(x)]
    sides = ((left, (shared, rows, summed)), (right, (shared, summed, columns)))
    used = []
    for own, groups in sides:
        fits = all(own.joins(group) for group in groups)
        whole = [x for group in groups for x in group if x in own.lengths]
        used.append(own if fits else laid_out(whole, own.lengths, own.dtype))
    copied = sum(int(b.tensor.nbytes) for (a, _), b in zip(sides, used, strict=True) if a is not b)
    made = laid_out((*shared, *rows, *columns), lengths, left.dtype)
    return (used[0], used[1]), copied, made
