"""What a counter's convention is, and what makes up its difference from the true MACs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from netcalc.pytorch.counters.recording import Call, Recording


class Count(NamedTuple):
    """One thing that a counter counts.

    ``value`` is what it adds. ``macs`` says that it stands for the MACs of the events from
    ``start`` to ``end``; then ``cause`` says why it is another number than theirs, if it is.
    """

    cause: str
    value: int
    start: int
    end: int
    macs: bool = False


class Convention(NamedTuple):
    """How a counter counts: what it calls, the version that this was learnt from, and where.

    ``counts`` gives all that it counts of a recorded pass. ``factor`` is what it prints for a MAC:
    2 where it prints FLOPs.
    """

    name: str
    package: str
    version: str
    source: str
    counts: Callable[[Recording], Iterator[Count]]
    factor: int = 1


class Term(NamedTuple):
    """A part of the difference from the true MACs, with its cause."""

    cause: str
    value: int


class Counted(NamedTuple):
    """What a counter prints by its convention: ``value`` = true MACs + the sum of ``terms``.

    ``by_layer`` is that of each of netcalc's layers; what belongs to none stands under "".
    """

    value: int
    terms: tuple[Term, ...]
    by_layer: dict[str, int]


def over(cause: str, value: int, call: Call) -> Count:
    """A count that stands for the MACs of all that a call dispatched."""
    return Count(cause, value, call.start, call.end, True)


def beside(cause: str, value: int, call: Call) -> Count:
    """A count of other work of a call."""
    return Count(cause, value, call.start, call.end)


def counted(recording: Recording, convention: Convention) -> Counted:
    """A recorded pass by a convention."""
    terms: dict[str, int] = {}
    by_layer: dict[str, int] = {}
    covered = [False] * len(recording.events)
    value = 0

    def add(cause: str, n: int) -> None:
        if n:
            terms[cause] = terms.get(cause, 0) + n

    for count in convention.counts(recording):
        printed = count.value * (convention.factor if count.macs else 1)
        value += printed
        layer = _layer(recording, count)
        by_layer[layer] = by_layer.get(layer, 0) + printed
        if not count.macs:
            add(count.cause, count.value)
            continue
        true = 0
        for i in range(count.start, count.end):
            true += 0 if covered[i] else recording.macs[i]
            covered[i] = True
        add(count.cause, count.value - true)
        add(TWICE, printed - count.value)
    for i, macs in enumerate(recording.macs):
        if not covered[i]:
            add(f"{_kind(recording, i)} not counted", -macs)
    return Counted(value, tuple(Term(*term) for term in terms.items() if term[1]), by_layer)


TWICE = "two FLOPs for each MAC"


def _layer(recording: Recording, count: Count) -> str:
    """The layer that a count belongs to: the first with MACs, else the first, that it is of."""
    names = recording.nodes[count.start : count.end]
    macs = recording.macs[count.start : count.end]
    with_macs = [name for name, n in zip(names, macs, strict=True) if n]
    return next((name for name in (*with_macs, *names) if name), "")


_KINDS = {
    "_trilinear": "bilinear layers",
    "bilinear": "bilinear layers",
    "einsum": "einsum",
    "linear": "linear layers",
    "matmul": "matrix products",
    "mm": "matrix products",
    "bmm": "matrix products",
    "addmm": "matrix products",
    "baddbmm": "matrix products",
    "scaled_dot_product_attention": "attention",
    "lstm": "recurrent layers",
    "gru": "recurrent layers",
    "rnn_tanh": "recurrent layers",
    "rnn_relu": "recurrent layers",
}


def _kind(recording: Recording, i: int) -> str:
    name = recording.events[i].name
    if name.startswith("conv_transpose"):
        return "transposed convolutions"
    return "convolutions" if name.startswith("conv") else _KINDS.get(name, name)
