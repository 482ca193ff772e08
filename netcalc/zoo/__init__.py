"""The architectures that ship with netcalc, one file per family.

A file registers its networks with ``entry`` and names their family in ``FAMILY``; nothing else
lists them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from netcalc.core.graph import Graph, renamed
from netcalc.errors import InputError, SpecError, UnknownNameError, did_you_mean, no_such_argument
from netcalc.zoo._arguments import parse, plain

_entries: dict[str, Entry] = {}


class Entry(NamedTuple):
    """A network of the zoo: its name, year, source, and the function that builds it."""

    name: str
    year: int
    source: str
    build: Callable[..., Graph]

    @property
    def family(self) -> str:
        """The name of its family: what the file that builds it calls FAMILY."""
        name: str = import_module(self.build.__module__).FAMILY
        return name

    def parameters(self) -> dict[str, inspect.Parameter]:
        """The builder arguments that ``name@argument=value`` may set."""
        return dict(_parameters(self.build))

    def make(self, **arguments: Any) -> Graph:
        """The graph for the given builder arguments, which may be text as typed.

        Raises UnknownNameError for an argument the builder does not have, InputError for a value
        it cannot take.
        """
        known = self.parameters()
        for name in arguments:
            if name not in known:
                raise no_such_argument(self.name, name, list(known))
        try:
            values = {k: parse(k, v, known[k]) for k, v in arguments.items()}
            graph = self.build(**values)
        except (InputError, SpecError) as problem:
            raise type(problem)(f"{self.name}: {problem}") from None
        shown = ", ".join(f"{k}={plain(v)}" for k, v in values.items())
        return renamed(graph, name=self.name, factory=f"{self.name}({shown})")


@cache
def _parameters(build: Callable[..., Graph]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(build).parameters


def entry(
    name: str, *, year: int, source: str
) -> Callable[[Callable[..., Graph]], Callable[..., Graph]]:
    """Register a builder under a name, with the year and source of the architecture."""

    def register(build: Callable[..., Graph]) -> Callable[..., Graph]:
        if name in _entries:
            raise ValueError(f"two networks are called {name}")
        _entries[name] = Entry(name, year, source, build)
        return build

    return register


@cache
def entries() -> dict[str, Entry]:
    """All networks of the zoo: families by their first year, each in the order of its file."""
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        import_module(f"{__name__}.{path.stem}")
    families: dict[str, list[Entry]] = {}
    for made in _entries.values():
        families.setdefault(made.build.__module__, []).append(made)
    ordered = sorted(families.items(), key=lambda item: (min(e.year for e in item[1]), item[0]))
    return {made.name: made for _, family in ordered for made in family}


def find(name: str) -> Entry:
    """The entry of a name, in which ``-`` and ``_`` are the same.

    Raises UnknownNameError, with the nearest names.
    """
    known = {canonical(n): e for n, e in entries().items()}
    if canonical(name) in known:
        return known[canonical(name)]
    hint = did_you_mean(canonical(name), known, 3) or "see `netcalc list`"
    raise UnknownNameError(f"there is no network called {name!r}; {hint}")


def canonical(name: str) -> str:
    """A name with ``-`` for ``_``, in lower case."""
    return name.lower().replace("_", "-")
