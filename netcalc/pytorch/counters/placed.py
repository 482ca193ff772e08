"""Which operators of a recording the products are that PyTorch dispatches, and what they count."""

from __future__ import annotations

from collections.abc import Iterator

from netcalc.pytorch.counters.convention import Count
from netcalc.pytorch.counters.dispatched import Outcome, Product, below
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.events import Event

RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")


class _Place:
    """An operator of the recording, and the products that are left to be found for it."""

    def __init__(self, recording: Recording, at: int) -> None:
        self.at = at
        self.event: Event = recording.events[at]
        self.left = recording.macs[at]
        self.parts = _parts(self.event, self.left)

    def takes(self, product: Product) -> bool:
        """Whether a product can be of this operator, and if so count it as found."""
        convolution = self.event.name.startswith("conv")
        if convolution != (product.name == "convolution"):
            return False
        if self.parts is None:
            fits = self.left > 0 and (product.macs <= self.left or self.event.name == "einsum")
            self.left -= product.macs
            return fits
        if product.macs in self.parts:
            self.parts.remove(product.macs)
            return True
        return False


def _parts(event: Event, macs: int) -> list[int] | None:
    """The MACs of the products that an operator can become; of some they are not known."""
    if event.name == "scaled_dot_product_attention":
        q, v = (event.arguments[name].shape for name in ("query", "value"))
        first = macs * q[-1] // (q[-1] + v[-1]) if q[-1] + v[-1] else 0
        return [first, macs - first]
    return None if event.name in (*RECURRENT, "einsum") else [macs]


def placed(recording: Recording, products: Outcome) -> Iterator[tuple[Product, int | None]]:
    """Each product with the operator of the recording that it is of, or None.

    Products of one module come in the order of its operators, and one operator's together.
    """
    places: dict[str, list[_Place]] = {}
    for i, event in enumerate(recording.events):
        if recording.macs[i]:
            places.setdefault(event.path, []).append(_Place(recording, i))
    reached: dict[str, int] = {}
    for product in products:
        here = places.get(product.path, [])
        start = reached.get(product.path, 0)
        found = next((n for n in range(start, len(here)) if here[n].takes(product)), None)
        if found is not None:
            reached[product.path] = found
        yield product, None if found is None else here[found].at


FAST = "layers that PyTorch's fast path runs as one operator not counted"


def within_fast_paths(recording: Recording, products: Outcome) -> Iterator[Count]:
    """What an operator that stands for whole modules hides, which is no one's."""
    for i, event in enumerate(recording.events):
        if recording.macs[i] and below(event.path, products):
            yield Count(FAST, 0, i, i + 1, True)


def products_counted(
    recording: Recording, products: Outcome, biases: frozenset[str] = frozenset()
) -> Iterator[Count]:
    """Every product as MACs of its operator, and the biases that some operators add."""
    for product, at in placed(recording, tuple(p for p in products if not p.within)):
        start, end = (0, 0) if at is None else (at, at + 1)
        kind = "einsum" if at is not None and recording.events[at].name == "einsum" else "products"
        cause = f"{kind} as PyTorch makes them"
        yield Count(cause, product.macs, start, end, True)
        if product.name in biases and product.bias:
            yield Count("bias additions", product.bias, start, end)
    yield from within_fast_paths(recording, products)
