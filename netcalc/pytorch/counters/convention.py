"""What a counter's convention is, and what makes up its difference from the true MACs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from netcalc.core.counters import Counted, Term
from netcalc.pytorch.counters.calls import Call
from netcalc.pytorch.counters.recording import Recording


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
    2 where it prints FLOPs; ``batch_of_one`` says that it runs one image, whatever it is given.
    """

    name: str
    package: str
    version: str
    source: str
    counts: Callable[[Recording], Iterator[Count]]
    factor: int = 1
    batch_of_one: bool = False


def over(cause: str, value: int, call: Call) -> Count:
    """A count that stands for the MACs of all that a call dispatched."""
    return Count(cause, value, call.start, call.end, True)


def beside(cause: str, value: int, call: Call) -> Count:
    """A count of other work of a call."""
    return Count(cause, value, call.start, call.end)


def counted(recording: Recording, convention: Convention) -> Counted:
    """A recorded pass by a convention."""
    sums = _Sums()
    covered = [False] * len(recording.events)
    for count in convention.counts(recording):
        printed = count.value * (convention.factor if count.macs else 1)
        sums.layer(_layer(recording, count), printed)
        if not count.macs:
            sums.add(count.cause, count.value)
            continue
        true = 0
        for i in range(count.start, count.end):
            true += 0 if covered[i] else recording.macs[i]
            covered[i] = True
        bare = count.cause in BARE
        sums.add(f"{count.cause}: unexplained" if bare else count.cause, count.value - true, True)
        sums.add(TWICE, printed - count.value)
    missed: dict[str, list[int]] = {}
    for i, macs in enumerate(recording.macs):
        if macs and not covered[i]:
            missed.setdefault(_kind(recording, i), []).append(macs)
    for kind, each in missed.items():
        layers = "1 layer" if len(each) == 1 else f"{len(each):,} layers"
        sums.add(f"{kind} not counted, in {layers}", -sum(each), True)
    return sums.counted()


class _Sums:
    """Sums of counts by cause and by layer."""

    def __init__(self) -> None:
        self.terms: dict[tuple[str, bool], int] = {}
        self.layers: dict[str, int] = {}

    def add(self, cause: str, value: int, of_macs: bool = False) -> None:
        self.terms[cause, of_macs] = self.terms.get((cause, of_macs), 0) + value

    def layer(self, name: str, value: int) -> None:
        self.layers[name] = self.layers.get(name, 0) + value

    def counted(self) -> Counted:
        terms = (Term(cause, value, of_macs) for (cause, of_macs), value in self.terms.items())
        kept = tuple(term for term in terms if term.value)
        return Counted(sum(self.layers.values()), kept, self.layers)


TWICE = "two FLOPs for each MAC"

BARE = frozenset(
    (
        *("convolutions", "linear layers", "matrix products", "attention"),
        "products as PyTorch makes them",
    )
)
"""What counts are called where they are the true MACs. If they are not, that is no cause."""


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
