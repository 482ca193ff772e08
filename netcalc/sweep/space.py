"""A space of candidates: a network, what varies in it, and what a candidate must keep to."""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

from netcalc.core.graph import Graph
from netcalc.sweep.division import Divisible, evaluated

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}

SLOW = ("peak_bytes", "inference_bytes", "training_bytes", "receptive_field")
"""Quantities that are worked out for one candidate after the other."""

QUANTITIES = (
    *("params", "weights", "biases", "buffers", "weight_bytes", "macs", "flops", "activations"),
    *("channels", "out_height", "out_width", "depth"),
    *SLOW,
)
"""What is worked out for a candidate: counts of the whole network, the size of its main output,
memory, what the output sees of the input."""

INPUT = "input"
"""The axis that is height and width of the input."""


class Net(NamedTuple):
    """A network by the arguments that vary.

    ``make`` can be sent to another process. ``kinds`` has the annotations of its arguments; None
    where they are not known, and ``traced`` says that arrays cannot be handed to it. ``identity``
    is what the network depends on: its name (of a file without folders), the text of its file,
    netcalc's version.
    """

    name: str
    make: Callable[..., Graph]
    kinds: Mapping[str, str] | None = None
    traced: bool = False
    identity: str = ""


class Place(NamedTuple):
    """A field of a layer: ``inception_3a/branch1x1/conv`` and ``out_channels``."""

    layer: str
    field: str


class Axis(NamedTuple):
    """What varies: an argument, fields of layers, or the input. ``swept`` if it may be an array."""

    name: str
    values: tuple[Any, ...]
    places: tuple[Place, ...] = ()
    swept: bool = True


class Constraint(NamedTuple):
    """A condition between what varies: ``r3 <= c3``."""

    text: str
    left: str
    sign: str
    right: str

    def holds(self, names: Mapping[str, Any]) -> Any:
        """Whether it holds, for each candidate; where it divides by 0 it does not."""
        held = {name: Divisible(x) for name, x in names.items()}
        left, right = (evaluated(side, held) for side in (self.left, self.right))
        return COMPARE[self.sign](left.value, right.value) & left.sound & right.sound


class Budget(NamedTuple):
    """A condition on what comes out: ``params <= 7e6``."""

    text: str
    quantity: str
    sign: str
    limit: Fraction

    def holds(self, values: Any) -> Any:
        """Whether it holds, for each candidate; exact, whatever the limit."""
        top, bottom = self.limit.numerator, self.limit.denominator
        whole = top // bottom
        if bottom == 1:
            return COMPARE[self.sign](values, whole)
        if self.sign in ("==", "!="):
            return (values >= 0) & (self.sign == "!=")
        return values <= whole if self.sign in ("<", "<=") else values > whole


class Space:
    """All combinations of the values of some axes; the first is the slowest to change."""

    def __init__(
        self,
        net: Net,
        axes: tuple[Axis, ...],
        constraints: tuple[Constraint, ...] = (),
        budgets: tuple[Budget, ...] = (),
        shown: tuple[str, ...] = ("params", "macs"),
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.net, self.axes, self.shape = net, axes, shape
        self.constraints, self.budgets = constraints, budgets
        self.shown = tuple(dict.fromkeys((*shown, *(b.quantity for b in budgets))))

    def showing(self, names: Iterable[str]) -> Space:
        """The same with more quantities shown, where these are no axes."""
        own = [axis.name for axis in self.axes]
        shown = (*self.shown, *(name for name in names if name not in own))
        return Space(self.net, self.axes, self.constraints, self.budgets, shown, self.shape)

    @cached_property
    def swept(self) -> tuple[Axis, ...]:
        """The axes that are arrays."""
        return tuple(axis for axis in self.axes if axis.swept)

    @cached_property
    def static(self) -> tuple[Axis, ...]:
        """The axes of which each value makes a graph of its own."""
        return tuple(axis for axis in self.axes if not axis.swept)

    @cached_property
    def graphs(self) -> int:
        """The number of graphs."""
        return prod(len(axis.values) for axis in self.static)

    @cached_property
    def grid(self) -> int:
        """The number of candidates of one graph."""
        return prod(len(axis.values) for axis in self.swept)

    @property
    def size(self) -> int:
        """The number of candidates."""
        return self.graphs * self.grid

    def chosen(self, graph: int) -> dict[str, Any]:
        """The values of the static axes for a graph."""
        found = {}
        for axis in reversed(self.static):
            graph, at = divmod(graph, len(axis.values))
            found[axis.name] = axis.values[at]
        return found

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of its candidates: what varies, then the quantities."""
        return (*(axis.name for axis in self.axes), *self.shown)

    def document(self) -> dict[str, Any]:
        """What the space is, for a manifest."""
        return {
            "net": self.net.name,
            "input": self.shape and list(self.shape),
            "vary": {
                axis.name: {
                    "of": [".".join(place) for place in axis.places],
                    "values": [v if isinstance(v, int | str) else str(v) for v in axis.values],
                }
                for axis in self.axes
            },
            "constraints": [c.text for c in self.constraints],
            "budgets": [b.text for b in self.budgets],
            "show": list(self.shown),
        }

    @cached_property
    def digest(self) -> str:
        """The hash of the space and of all that its numbers depend on."""
        told = json.dumps({**self.document(), "net": self.net.identity or self.net.name})
        return hashlib.sha256(told.encode()).hexdigest()
