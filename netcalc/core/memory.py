"""Memory: what is alive when, what the backward pass needs, what training takes.

As PyTorch runs a network layer by layer on the CPU: nothing in place, every tensor freed after its
last use, views and eval-mode dropout without a copy. What its allocator rounds up, what libraries
take as workspace and what the process itself needs are not in these numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from netcalc.core.analyse import Result, Row
from netcalc.core.graph import Ref
from netcalc.core.ops.base import Saved
from netcalc.core.tensor import BYTES, Tensor
from netcalc.core.term import STORAGE
from netcalc.errors import InputError

OPTIMIZERS: Mapping[str, int] = {"sgd": 0, "momentum": 1, "adam": 2}
"""Values that an optimizer of torch.optim keeps for each trainable parameter (SGD plain, SGD with
momentum, Adam)."""

STEP_BYTES = 4
"""Adam's count of steps, a float32 for each parameter tensor."""


class Memory(NamedTuple):
    """Bytes of a network on its inputs.

    ``live`` has the bytes of activations that are alive while each layer runs, ``saved`` those
    that autograd keeps from it on until the backward pass (each tensor with the first layer that
    keeps it). ``peak_at`` is the layer of the peak. ``at_least`` names the layers of which both are
    lower bounds.
    """

    weights: int
    buffers: int
    live: Mapping[str, int]
    saved: Mapping[str, int]
    peak_at: str
    gradients: int
    optimizer: int
    at_least: tuple[str, ...] = ()

    @property
    def peak(self) -> int:
        """Activations alive at the worst moment of an inference pass."""
        return max(self.live.values(), default=0)

    @property
    def inference(self) -> int:
        """Parameters, buffers and the peak of activations."""
        return self.weights + self.buffers + self.peak

    @property
    def training(self) -> int:
        """Parameters, buffers, gradients, the optimizer's values and the saved activations."""
        kept = sum(self.saved.values())
        return self.weights + self.buffers + self.gradients + self.optimizer + kept


def memory(result: Result, optimizer: str = "adam") -> Memory:
    """The memory of inference and of a training step.

    ``optimizer`` is sgd, momentum or adam. Sizes are plain integers here. Raises InputError for
    another optimizer.
    """
    if optimizer not in OPTIMIZERS:
        raise InputError(
            f"there is no optimizer {optimizer!r}; choose from {', '.join(OPTIMIZERS)}"
        )
    stored = [tensor for row in result.rows for tensor in row.stored]
    trained = [t for t in stored if t.trainable]
    gradients = sum(t.numel * BYTES[t.dtype] for t in trained)
    steps = STEP_BYTES * len(trained) if optimizer == "adam" else 0
    live = dict(_live(result))
    return Memory(
        weights=sum(t.numel * BYTES[t.dtype] for t in stored if t.role != "buffer"),
        buffers=sum(t.numel * BYTES[t.dtype] for t in stored if t.role == "buffer"),
        live=live,
        saved=dict(_saved(result)),
        peak_at=max(live, key=lambda name: live[name], default=""),
        gradients=gradients,
        optimizer=OPTIMIZERS[optimizer] * gradients + steps,
        at_least=tuple(row.name for row in result.rows if _at_least(row)),
    )


def _at_least(row: Row) -> bool:
    """Whether what a layer takes beside its outputs is known as a lower bound only."""
    return row.node.op.AT_LEAST or row.node.op.UNKNOWN


def bytes_moved(row: Row) -> int:
    """The bytes that a layer reads and writes in inference, each operand once.

    Inputs, outputs, parameters and the buffers that are read, of a table the rows that are looked
    up; nothing where the output is the input itself.
    """
    op = row.node.op
    if op.PASSES:
        return 0
    ins = dict(zip(row.node.inputs, row.ins, strict=False))  # an input that comes twice counts once
    apart = op.UNREAD | op.GATHERED
    read = (t for t in row.terms if t.kind in STORAGE and t.operand not in apart)
    operands = sum(t.value * BYTES[t.dtype or row.ins[0].dtype] for t in read)
    written = sum(x.nbytes for x in row.outs)
    rows = written if op.GATHERED else 0  # of a table, read to be put out
    return int(operands + rows + written + sum(x.nbytes for x in ins.values()))


def _holders(result: Result, when: tuple[str, ...]) -> dict[Ref, Ref]:
    """For each value, the value whose storage it lies in."""
    holder: dict[Ref, Ref] = {(name, 0): (name, 0) for name in result.inputs}
    for row in result.rows:
        passes = row.node.op.PASSES in when
        for i in range(len(row.outs)):
            own = (row.name, i)
            holder[own] = holder[row.node.inputs[0]] if passes else own
    return holder


def _live(result: Result) -> Iterator[tuple[str, int]]:
    """The bytes alive while each layer runs; the network's inputs, outputs and cache stay."""
    holder = _holders(result, ("inference", "always"))
    last: dict[Ref, int] = {}
    for i, row in enumerate(result.rows):
        for ref in (*row.node.inputs, *((row.name, k) for k in range(len(row.outs)))):
            last[holder[ref]] = i
    kept = [holder[ref] for ref in (*result.graph.outputs.values(), *result.graph.cache)]
    last |= dict.fromkeys([*kept, *((name, 0) for name in result.inputs)], len(result.rows))
    ending: dict[int, list[Ref]] = {}
    for ref, i in last.items():
        ending.setdefault(i, []).append(ref)
    sizes = {(name, 0): int(x.nbytes) for name, x in result.inputs.items()}
    alive = sum(sizes.values())
    for i, row in enumerate(result.rows):
        for k, out in enumerate(row.outs):
            ref = (row.name, k)
            taken = holder[ref] == ref and row.node.op.PASSES != "stored"
            sizes[ref] = int(out.nbytes) if taken else 0
            alive += sizes[ref]
        yield row.name, alive + row.node.op.scratch(row.ins, row.outs)
        alive -= sum(sizes[ref] for ref in ending.get(i, ()))


def _saved(result: Result) -> Iterator[tuple[str, int]]:
    """The bytes that autograd keeps, each storage where something in it is first kept.

    A view that is kept keeps all of the tensor that it looks into. Nothing is kept before the
    first layer with something to train.
    """
    holder = _holders(result, ("always",))
    values = {(name, 0): x for name, x in result.inputs.items()}
    values |= {(row.name, i): x for row in result.rows for i, x in enumerate(row.outs)}
    apart = {ref for ref, x in values.items() if _lies_apart(x, values[holder[ref]])}
    trains: set[str] = set()
    kept: set[Ref] = set()
    stored = {(row.name, 0) for row in result.rows if row.node.op.PASSES == "stored"}
    for row in result.rows:
        own = any(t.trainable for t in row.stored)
        if not own and not any(ref in trains for ref, _ in row.node.inputs):
            yield row.name, 0
            continue
        trains.add(row.name)
        needing = {i for i, (name, _) in enumerate(row.node.inputs) if name in trains}
        saves = row.node.op.saves(row.ins, row.outs)
        if saves.instead is not None and saves.instead[0] in needing:
            saves = saves.instead[1]
        used, merged = _used(row, saves, needing)
        copied = [ref for ref in merged if ref in apart]
        used += [ref for ref in merged if ref not in apart]
        refs = {holder[ref] for ref in used} - kept - stored
        new = sum(int(values[ref].nbytes) for ref in (*refs, *copied))
        kept |= refs
        yield row.name, new + sum(int(x.nbytes) for x in saves.extra)


def _lies_apart(x: Tensor, whole: Tensor) -> bool:
    """Whether a view's leading axes cannot become one: some are stretched, or are split others.

    As is so of heads that were split off a product's columns, of more than one sample.
    """
    leading: Any = x.dims[:-2]
    split = leading != whole.dims[:-2] and sum(int(d) != 1 for d in leading) > 1
    return bool(split or x.numel > whole.numel)


def _used(row: Row, saves: Saved, needing: set[int]) -> tuple[list[Ref], list[Ref]]:
    """The values that a layer keeps as they are, and those whose leading axes it makes one.

    ``needing`` are the positions of the inputs that need a gradient.
    """
    ins = row.node.inputs
    for_another = [not saves.crossed or bool(needing - {i}) for i in range(len(ins))]
    used = [ins[i] for i in saves.inputs if for_another[i]]
    used += [(row.name, i) for i in saves.outputs]
    return used, [ins[i] for i in saves.merged if for_another[i]]
