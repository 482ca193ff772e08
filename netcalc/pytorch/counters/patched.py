"""What the conventions of counters that patch Python functions have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from torch import nn

from netcalc.pytorch.counters.calls import Call, Sized
from netcalc.pytorch.counters.convention import Count, beside, over
from netcalc.pytorch.counters.dispatched import Hooked, below, fast
from netcalc.pytorch.counters.recording import Recording

BROADCAST = "matrix products whose right operand has more axes"
VECTOR = "products with a vector as with a square matrix"
PARENTS = "modules counted once for each parent"
UNBATCHED = "unbatched convolutions by their channels for a batch"
LEFT = "broadcast axes aligned from the left"


def argument(call: Call, position: int, name: str, default: Any = None) -> Any:
    """An argument of a function's call, however it was given."""
    if position < len(call.inputs):
        return call.inputs[position]
    return call.named.get(name, default)


def numel(x: Any) -> int:
    """The number of elements of a tensor; 0 of anything else."""
    return x.numel if isinstance(x, Sized) else 0


def times(model: nn.Module, closed: Callable[[nn.Module], bool]) -> Counter[int]:
    """How many times a sum over the tree of modules reaches each, by its id.

    A module under several parents is reached from each of them, below one that is closed none.
    """
    found: Counter[int] = Counter()
    waiting = [model]
    while waiting:
        module = waiting.pop()
        found[id(module)] += 1
        if not closed(module):
            waiting.extend(module.children())
    return found


def slow(recording: Recording, hooked: Hooked) -> Iterator[Call]:
    """The calls of functions, but in modules that take a fast path, as a frozen attention does."""
    whole = fast(recording, hooked)
    return (call for call in recording.functions if not whole or not below(call.path, whole))


def product(call: Call, cause: str = "") -> Iterator[Count]:
    """All of the left operand with each column of the right one."""
    a, b = argument(call, 0, "input"), argument(call, 1, "other")
    if isinstance(a, Sized) and isinstance(b, Sized) and b.shape:
        cause = cause or (VECTOR if len(b.shape) == 1 else BROADCAST)
        yield over(cause, a.numel * b.shape[-1], call)


def elementwise(call: Call) -> Iterator[Count]:
    """The larger of each two axes, the first with the first; a number has none."""
    a, b = argument(call, 0, "input"), argument(call, 1, "other")
    shapes = [x.shape for x in (a, b) if isinstance(x, Sized)]
    longest = max(map(len, shapes), default=0)
    padded = [(*shape, *(1,) * (longest - len(shape))) for shape in shapes]
    value = prod(max(sizes) for sizes in zip(*padded, strict=True))
    kind = "products" if call.name.endswith("mul") else "sums"
    true = numel(call.output)
    yield beside(f"elementwise {kind} as 1 per element", true, call)
    yield beside(LEFT, value - true, call)


def addmm(call: Call, cause: str = "", free: bool = False) -> Iterator[Count]:
    """A matrix product and what is added to it, which ``free`` leaves out where beta is 0."""
    kind = call.name.partition(".")[2]
    names = ("input", "batch1", "batch2") if kind == "baddbmm" else ("input", "mat1", "mat2")
    added, a, b = (argument(call, i, name) for i, name in enumerate(names))
    yield over(cause or "matrix products", numel(a) * b.shape[-1], call)
    if not (free and argument(call, 3, "beta", 1) == 0):
        yield beside("sums in addmm and baddbmm as 1 per element", numel(added), call)


EACH = {"RNN": 1, "GRU": 7, "LSTM": 10}
"""Elementwise operations of a recurrent layer for each hidden unit."""


def recurrent(call: Call, saved: int = 0) -> Iterator[Count]:
    """Each layer's forward weights at each step, twice in both directions.

    ``saved`` sums are left out for each gate, as the first terms of sums are none.
    """
    layer: Any = call.module
    x = call.inputs[0].shape
    cell = isinstance(layer, nn.RNNCellBase)
    names = [""] if cell else [f"_l{i}" for i in range(layer.num_layers)]
    steps = x[0] if cell else x[0] * x[1] * (1 + layer.bidirectional)
    each = EACH[type(layer).__name__.removesuffix("Cell")]

    def size(kind: str) -> int:
        ends = [f"{part}{i}" for part in ("ih", "hh") for i in names]
        return sum(getattr(layer, f"{kind}_{end}").numel() for end in ends)

    cause = "recurrent layers by other batches or steps"
    if getattr(layer, "proj_size", 0):
        cause = "recurrent layers whose projection is not seen"
    yield over(cause, size("weight") * steps, call)
    units = each * layer.hidden_size * len(names)
    yield beside("elementwise work of recurrent layers", units * steps, call)
    gates = sum(getattr(layer, f"weight_ih{i}").shape[0] for i in names)
    yield beside("first terms of sums", -saved * gates * steps, call)
    if layer.bias:
        yield beside("bias additions", size("bias") * steps, call)
