"""What each difference of two layers is worth: one thing is changed at a time, and all add up.

Between the first layer and the second lie layers that each have one more of its fields, or of what
flows into it. Where such a layer is not legal, or has another output only because a window's
padding has yet to follow its kernel, two things change together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from netcalc.core.analyse import Row
from netcalc.core.ops.base import Op
from netcalc.core.pairs import Move, Pair, field_moves, input_moves
from netcalc.core.tensor import Tensor

DEPTHWISE = ("in channels", "groups", "out_channels")
"""What changes together where every channel is convolved by itself."""

WINDOW = ("kernel", "padding", "output_padding", "dilation")
"""Fields that change together where they leave the size of the output as it is."""

MOVING = ("input size", "stride", *WINDOW)
"""What changes together where the output of both layers is of one size."""

FUNCTION = ("function", "first", "second", "value")
"""A function and the numbers that it takes."""


class Step(NamedTuple):
    """What one change of a pair is worth; no ``moves`` where one network lacks the layer."""

    pair: Pair
    moves: tuple[Move, ...]
    params: int
    macs: int


class State(NamedTuple):
    """A layer on its inputs."""

    op: Op
    ins: tuple[Tensor, ...]

    def legal(self) -> bool:
        """Whether there can be such a layer."""
        return all(all(guard.holds) for guard in self.op.conditions(*self.ins))

    def worth(self, elsewhere: frozenset[str]) -> tuple[int, int]:
        """Parameters, but for tensors that are stored elsewhere, and MACs."""
        terms = self.op.terms(self.ins, self.op.shape(*self.ins))
        params = [t for t in terms if t.kind in ("weight", "bias") and t.operand not in elsewhere]
        return sum(t.value for t in params), sum(t.value for t in terms if t.kind == "mac")


def steps(pair: Pair) -> list[Step]:
    """The differences of a pair that are worth something, and those of its own fields."""
    (old, new), (x, y) = pair.counts, pair[:2]
    params, macs = new.params - old.params, new.macs - old.macs
    if x is None or y is None:
        idle = pair.either.node.op.PASSES in ("always", "inference")
        return [] if idle and not (params or macs) else [Step(pair, (), params, macs)]
    if x.type != y.type:
        return [Step(pair, (Move("type", x.type, y.type),), params, macs)]
    swapped = _order(y) < _order(x)  # so that it does not matter which network is named first
    found = list(_priced(y, x) if swapped else _priced(x, y))
    if swapped:
        found = [(tuple(m.back for m in moves), -p, -n) for moves, p, n in found]
    rest = params - sum(p for _, p, _ in found), macs - sum(n for *_, n in found)
    found += [((Move("shared weights" if rest[0] else "other work"),), *rest)] if any(rest) else []
    stated = x.node.op.STATED
    return [
        Step(pair, moves, p, n)
        for moves, p, n in found
        if p or n or not (stated or all(m.what in FLOWS for m in moves))
    ]


FLOWS = ("in channels", "in features", "input size", "input", "inputs")
"""What follows from the layers before; it is no difference of its own."""


def _order(row: Row) -> tuple[Any, ...]:
    return row.counts.params, row.counts.macs, repr(row.node.op), [x.dims for x in row.ins]


Change = tuple[tuple[Move, ...], dict[str, Any], tuple[Tensor, ...] | None]
"""What is told of a change, the fields that it sets, and the inputs then, if others."""


def _priced(x: Row, y: Row) -> Iterator[tuple[tuple[Move, ...], int, int]]:
    """Changes that lead from one layer to another of its kind, with parameters and MACs of each."""
    held = {tensor.operand for tensor in x.stored}
    elsewhere = frozenset(t.operand for t in x.terms if t.operand and t.operand not in held)
    state = State(x.node.op, x.ins)
    before = state.worth(elsewhere)
    waiting: tuple[Move, ...] = ()
    changes = _changes(x, y)
    for i, (moves, fields, ins) in enumerate(changes):
        last = i == len(changes) - 1
        op = replace(state.op, **fields) if fields else state.op  # type: ignore[type-var]
        state = State(y.node.op, y.ins) if last else State(op, ins or state.ins)
        waiting += moves
        if last or state.legal():
            after = state.worth(elsewhere)
            yield waiting, after[0] - before[0], after[1] - before[1]
            before, waiting = after, ()


def _changes(x: Row, y: Row) -> list[Change]:
    """One change after the other: what flows in, then the fields in their order."""
    found: list[Change] = [((move,), {}, ins) for move, ins in input_moves(x, y)]
    found += [((m,), {m.what: getattr(y.node.op, m.what)}, None) for m in field_moves(x, y)]
    for together, why in TOGETHER:
        part = [change for change in found if change[0][0].what in together]
        if len(part) > 1 and why(x, y):
            at = found.index(part[0])
            found = [change for change in found if change not in part]
            found.insert(at, _joined(part))
    return found


def _joined(changes: list[Change]) -> Change:
    moves = tuple(move for moves, _, _ in changes for move in moves)
    fields = {name: value for _, fields, _ in changes for name, value in fields.items()}
    return moves, fields, next((ins for *_, ins in changes if ins is not None), None)


def _depthwise(x: Row, y: Row) -> bool:
    """Whether both convolve every channel by itself."""
    ops = [(row.node.op, row.ins[0].dims) for row in (x, y)]
    return all(getattr(op, "groups", 0) in dims[1:2] for op, dims in ops)


def _one_size(x: Row, y: Row) -> bool:
    """Whether both outputs are as high and wide."""
    return x.outs[0].dims[2:] == y.outs[0].dims[2:]


def _same_size(x: Row, y: Row) -> bool:
    """Whether the fields of the second's window would give outputs as large as the first's."""
    fields = {f: getattr(y.node.op, f) for f in WINDOW if hasattr(y.node.op, f)}
    state = State(replace(x.node.op, **fields), x.ins)  # type: ignore[type-var]
    return state.legal() and state.op.shape(*x.ins)[0].dims == x.outs[0].dims


TOGETHER = (
    (DEPTHWISE, _depthwise),
    (MOVING, _one_size),
    (WINDOW, _same_size),
    (FUNCTION, lambda x, y: True),
)
"""What may change together, and when it does."""
