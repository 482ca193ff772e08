"""What is suggested for rows that do not follow: hypotheses, each a single change."""

from __future__ import annotations

from typing import Any, NamedTuple

from netcalc.published.audit import Audited


class Given(NamedTuple):
    """A cell under a suggestion: what is printed, what comes out, and how they stand."""

    column: str
    printed: str
    derived: str
    verdict: str


class Suggestion(NamedTuple):
    """A hypothesis: one change of a row under which every count and size comes out as printed.

    ``values`` are all that do so, ``best`` the one that is shown; ``contradicts`` are printed cells
    that say otherwise.
    """

    row: str
    place: str
    field: str
    before: Any
    values: tuple[int, ...]
    best: Any
    cells: tuple[Given, ...]
    contradicts: tuple[str, ...]

    @property
    def exact(self) -> int:
        """How many of its counts are exact."""
        return sum(cell.verdict == "exact" for cell in self.cells)


class Untried(NamedTuple):
    """A row that is off and not tried, and why: a formula, too many layers, ..."""

    row: str
    why: str


class Suggested(NamedTuple):
    """The suggestions for the rows of a table that are off.

    ``none`` are the rows without any, ``untried`` those for which no change is tried.
    """

    audited: Audited
    suggestions: tuple[Suggestion, ...]
    none: tuple[str, ...]
    untried: tuple[Untried, ...]
