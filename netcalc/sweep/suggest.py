"""Which single change of a row's layers gives all that the row prints?

Each field of each layer, and the channels that come in, is tried over its whole range at once: the
rules are fed with an array.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from netcalc.core.graph import Graph, Node, Ref
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.errors import SpecError
from netcalc.published.audit import DERIVABLE, Audited
from netcalc.published.cells import Cells
from netcalc.published.model import TableRow
from netcalc.published.printed import WAYS, judge, ranges, shown
from netcalc.published.quantities import NUMBERS, WRITTEN, Part, size
from netcalc.published.suggestion import Given, Suggested, Suggestion, Untried
from netcalc.sweep.changes import Change, Make, changed, changes, module_of

COUNTED = tuple(name for name in NUMBERS if not name.startswith(("depth", "crops")))
"""Quantities that a change of a single field can change."""

WIDEST = 20
"""No width is tried beyond this power of two: about a million."""

MOST = 40
"""Rows of more layers are not tried: whole networks."""


def suggest(audited: Audited) -> Suggested:
    """Suggestions for each row with a cell that is off, the most exact and least odd first."""
    off = {cell.row for cell in audited.cells if cell.verdict == "off"}
    found: list[Suggestion] = []
    none: list[str] = []
    untried: list[Untried] = []
    for row in audited.table.rows:
        if row.name not in off:
            continue
        tried = _Row(audited, row)
        reason = tried.reason()
        if reason:
            untried.append(Untried(row.name, reason))
            continue
        mine = tried.suggestions()
        found += sorted(mine, key=_rank)
        none += [] if mine else [row.name]
    return Suggested(audited, tuple(found), tuple(none), tuple(untried))


def _rank(s: Suggestion) -> tuple[Any, ...]:
    change = abs(Fraction(int(s.best) - int(s.before), max(1, int(s.before))))
    return -s.exact, len(s.contradicts), change


class _Row:
    """One row: its layers as a graph of their own, and what it prints."""

    def __init__(self, audited: Audited, row: TableRow) -> None:
        self.audited, self.row = audited, row
        self.held = Cells(audited.table, row, audited.sources)
        verdicts = {c.column: c.verdict for c in audited.cells if c.row == row.name}
        self.off = [c for c, verdict in verdicts.items() if verdict == "off"]
        self.columns = [c for c, verdict in verdicts.items() if self._must_fit(c, verdict)]

    def _must_fit(self, column: str, verdict: str) -> bool:
        """Whether a change has to give a cell: counts, sizes, and texts that are off."""
        quantity = self._quantity(column)
        text = quantity in WRITTEN and quantity != "output"
        return verdict == "off" if text else verdict in DERIVABLE

    def reason(self) -> str:
        """Why the row is not tried; empty where it is."""
        quantities = [self._quantity(c) for c in self.columns]
        if any(q not in NUMBERS and q not in WRITTEN for q in quantities):
            return "a formula stands behind one of its cells"
        if any(self._quantity(c) not in (*COUNTED, *WRITTEN) for c in self.off):
            return "no single field changes what is off"
        about = [self._about(c) for c in self.columns]
        if any(each != about[0] for each in about):
            return "its cells are about different layers"
        if len(self._part().rows) > MOST:
            return f"more than {MOST} layers"
        return ""

    def _about(self, column: str) -> tuple[Any, ...]:
        settings = self.held.settings(column)
        return tuple(settings.get(key) for key in ("net", "covers", "input"))

    def _part(self) -> Part:
        return self.held.part(self.held.settings(self.columns[0]))

    def suggestions(self) -> list[Suggestion]:
        """The changes under which everything that the row prints comes out, one for each field."""
        part = self._part()
        graph, sources = module_of(part)
        found: dict[tuple[str, str], Suggestion] = {}
        for change in changes(graph, part, partial(self._last, graph, part)):
            exact = self._exact(graph, part, change)
            if (exact >= 0).any():
                made = self._suggestion(graph, part, change, exact, sources)
                key = change.place, change.field
                found[key] = _together(found[key], made) if key in found else made
        return list(found.values())

    def _quantity(self, column: str) -> Any:
        return self.held.settings(column).get("quantity")

    def _last(self, graph: Graph, part: Part, make: Make) -> int:
        """The last width worth trying: a count or size grows with it, out of all that is printed.

        Of powers of two. Where only lower bounds are printed, the first at which these hold; 1
        where nothing that the row prints depends on it.
        """
        powers = 2 ** np.arange(WIDEST + 1, dtype=np.int64)
        with np.errstate(divide="ignore", invalid="ignore"):
            try:
                made = changed(graph, part, make(powers), lambda *guard: None)
                found = [self._beyond(column, made) for column in self.columns]
            except SpecError:
                return 1
        reached = np.any([beyond for beyond, ends, _ in found if ends] or [[False]], axis=0)
        if not reached.any():
            reached = np.all([beyond for beyond, ends, _ in found if not ends] or [[False]], axis=0)
        if reached.any():
            return int(powers[np.argmax(reached)])
        return int(powers[-1]) if any(depends for _, _, depends in found) else 1

    def _beyond(self, column: str, part: Part) -> tuple[Any, bool, bool]:
        """Where a cell is larger than what is printed, if that is then wrong, and if it varies."""
        settings = self.held.settings(column)
        text, quantity = self.row.printed[column], settings["quantity"]
        ends = True
        if quantity in WRITTEN:
            most = max(map(int, re.findall(r"\d{1,15}", text)), default=0)
            numbers = WRITTEN[quantity](part, settings.get("at", ())).numbers
        else:
            printed = self.held.printed(text, settings)
            ends = not printed.bound.startswith(">")
            spans = ranges(printed, settings.get("round", WAYS[:2]))
            most = max(last if ends else first for first, last in spans)
            numbers = (NUMBERS[quantity](part),)
        beyond: Any = np.zeros(WIDEST + 1, dtype=bool)
        for number in numbers:
            beyond = beyond | (number > most) | (number < 0)  # so large that it wraps around
        return beyond, ends, any(np.ptp(number) > 0 for number in numbers)

    def _exact(self, graph: Graph, part: Part, change: Change) -> Any:
        """How many cells are exact at each value; -1 where not all that the row prints comes out.

        What there is before the change is no change.
        """
        legal = change.values != change.before
        exact = np.zeros(len(change.values), dtype=np.int64)

        def mask(node: Node, ins: tuple[Tensor, ...], guard: Guard) -> None:
            for holds in guard.holds:
                legal[...] &= holds

        with np.errstate(divide="ignore", invalid="ignore"):
            try:
                made = changed(graph, part, change, mask)
                for column in self.columns:
                    fits, same = self._fits(column, made)
                    legal &= fits
                    exact += same
            except SpecError:
                return np.full_like(exact, -1)
        return np.where(legal, exact, -1)

    def _fits(self, column: str, part: Part) -> tuple[Any, Any]:
        """Where a cell comes out as printed, and where as an exact number."""
        settings = self.held.settings(column)
        text, quantity = self.row.printed[column], settings["quantity"]
        if quantity in WRITTEN:
            return WRITTEN[quantity](part, settings.get("at", ())).fits(text), False
        value = NUMBERS[quantity](part)
        printed = self.held.printed(text, settings)
        fits = np.False_
        for first, last in ranges(printed, settings.get("round", WAYS[:2])):
            fits = fits | ((value >= first) & (value <= last))
        exact = [printed.number * f for f in printed.factors if not printed.bound]
        return fits, np.isin(value, [int(n) for n in exact if n.denominator == 1])

    def _suggestion(
        self, graph: Graph, part: Part, change: Change, exact: Any, sources: dict[str, Ref]
    ) -> Suggestion:
        """All values at which the row comes out; the most exact of them shown, or the nearest."""
        (found,) = np.nonzero(exact >= 0)
        distance = np.abs(change.values[found] - int(change.before))
        best = int(found[np.lexsort((distance, -exact[found]))[0]])
        one = change.at(best)
        made = changed(graph, part, one)
        shown = [c for c in self.columns if c in self.off or self._quantity(c) in COUNTED]
        cells = tuple(self._given(c, made) for c in shown)
        told = tuple(self._contradicted(made, sources, one))
        return Suggestion(
            self.row.name,
            change.place,
            change.field,
            change.before,
            tuple(int(v) for v in change.values[found]),
            int(change.values[best]),
            cells,
            told,
        )

    def _given(self, column: str, part: Part) -> Given:
        settings = self.held.settings(column)
        text, quantity = self.row.printed[column], settings["quantity"]
        if quantity in WRITTEN:
            found = str(WRITTEN[quantity](part, settings.get("at", ())))
            return Given(column, text, found, "exact")
        printed = self.held.printed(text, settings)
        value = Fraction(NUMBERS[quantity](part))
        judged = judge(printed, value, settings.get("round", WAYS[:2]))
        return Given(column, text, shown(value, printed, judged), judged.verdict)

    def _contradicted(self, part: Part, sources: dict[str, Ref], change: Change) -> Iterator[str]:
        """What the table prints otherwise: texts of this row, and the output that comes in."""
        headings = {c.key: c.heading for c in self.audited.table.columns}
        for column, text in self.row.printed.items():
            quantity = self._quantity(column)
            if quantity in WRITTEN and quantity != "label" and column not in self.columns:
                settings = self.held.settings(column)
                if not WRITTEN[quantity](part, settings.get("at", ())).fits(text):
                    yield f"{headings[column]} {text}"
        for name, x in change.inputs.items():
            yield from self._source(sources[name], x)

    def _source(self, ref: Ref, x: Tensor) -> Iterator[str]:
        """The row whose output comes in, where that prints another."""
        for row in self.audited.table.rows:
            for column, text in row.printed.items():
                held = Cells(self.audited.table, row, self.audited.sources)
                settings = held.settings(column)
                if settings.get("quantity") != "output":
                    continue
                part = held.part(settings)
                if ref[0] in [r.name for r in part.rows] and not size(x).fits(text):
                    yield f"the output of {row.name}, {text}"


def _together(a: Suggestion, b: Suggestion) -> Suggestion:
    """Two suggestions for one field: all values of both, the better one shown."""
    best = min((a, b), key=_rank)
    return best._replace(values=tuple(sorted({*a.values, *b.values})))
