"""What another counter prints, what follows from its convention, and what the difference is."""

from __future__ import annotations

from typing import NamedTuple

from netcalc.core.analyse import Result


class Term(NamedTuple):
    """A part of the difference from the true MACs, with its cause.

    ``of_macs`` says that MACs are counted otherwise or not at all; other terms are other work.
    """

    cause: str
    value: int
    of_macs: bool = False


class Counted(NamedTuple):
    """What a counter prints by its convention: ``value`` = true MACs + the sum of ``terms``.

    ``by_layer`` is that of each of netcalc's layers; what belongs to none stands under "".
    """

    value: int
    terms: tuple[Term, ...]
    by_layer: dict[str, int]


class CountedAs(NamedTuple):
    """A network counted by another counter's convention, learnt from its version."""

    convention: str
    established: str
    result: Result
    counted: Counted


class CounterLine(NamedTuple):
    """One counter: its version here, what it prints and what follows from its convention.

    ``error`` says why it prints nothing, or why nothing follows. ``established`` is the version
    that its convention was learnt from.
    """

    counter: str
    version: str
    established: str
    printed: int | None
    derived: int | None
    terms: tuple[Term, ...]
    error: str = ""

    @property
    def residual(self) -> int | None:
        """What the convention leaves unexplained."""
        known = self.printed is not None and self.derived is not None
        return self.printed - self.derived if known else None  # type: ignore[operator]


class Reconciled(NamedTuple):
    """A model, the true counts, and a line for each counter."""

    name: str
    result: Result
    lines: tuple[CounterLine, ...]
