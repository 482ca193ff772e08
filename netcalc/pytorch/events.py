"""One dispatched operator of a forward pass, as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from netcalc.pytorch.tags import is_composite

if TYPE_CHECKING:
    from netcalc.pytorch.lifted import Lifted

Shape = tuple[int, ...]


@dataclass(slots=True)
class Seen:
    """A tensor as it was at some time: an in-place operator makes another value of it."""

    value: int
    shape: Shape
    dtype: str


@dataclass(slots=True)
class Event:
    """One dispatched operator.

    ``arguments`` are by the names of its schema, defaults among them, tensors as ``Seen``;
    ``outputs`` are the tensors that came out; ``path`` is the module that it ran in. ``lifted`` is
    the layer that it is, if netcalc has a kind for it; ``answered`` says that netcalc's own rule
    gave the outputs, and PyTorch was not asked.
    """

    name: str
    overload: str
    arguments: dict[str, Any]
    outputs: tuple[Seen, ...]
    path: str
    lifted: Lifted | None = None
    answered: bool = False
    found: list[Seen] | None = None

    def inputs(self) -> list[Seen]:
        """The tensors among the arguments, in order, lists of tensors among them."""
        if self.found is None:
            self.found = list(seen_in(self.arguments.values()))
        return self.found


def seen_in(values: Any) -> Iterator[Seen]:
    """The tensors among values, in order."""
    for value in values:
        if isinstance(value, Seen):
            yield value
        elif isinstance(value, list | tuple):
            yield from seen_in(value)


class Signature(NamedTuple):
    """What an operator's schema says: its name, its arguments with their defaults.

    ``written`` are the positions of the arguments that it writes into; ``composite`` says whether
    it is made of other operators on every device, ``silent`` whether it returns nothing.
    """

    name: str
    overload: str
    defaults: dict[str, Any]
    written: tuple[int, ...]
    composite: bool
    silent: bool = False


_SIGNATURES: dict[Any, Signature] = {}


def signature(func: Any) -> Signature:
    """The signature of an operator; read from its schema once, which is slow."""
    known = _SIGNATURES.get(func)
    if known is None:
        schema = func._schema
        defaults = {
            a.name: a.default_value if a.has_default_value() else None for a in schema.arguments
        }
        written = tuple(
            i
            for i, a in enumerate(schema.arguments)
            if a.alias_info is not None and a.alias_info.is_write
        )
        name = schema.name.removeprefix("aten::")
        composite = is_composite(name, func._overloadname)
        silent = not schema.returns
        known = Signature(name, func._overloadname, defaults, written, composite, silent)
        _SIGNATURES[func] = known
    return known
