"""The audit: every printed cell held against the derivation, with a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from netcalc.errors import SpecError
from netcalc.published.cells import Cells, Load, Sources
from netcalc.published.formula import derives
from netcalc.published.model import NONE, Hypothesis, PublishedTable, TableRow
from netcalc.published.printed import WAYS, Judged, decimal, judge, ranges, shown
from netcalc.published.quantities import NUMBERS, TEXTS
from netcalc.published.reading import Printed
from netcalc.published.sizes import difference

VERDICTS = ("exact", "rounds", "explained", "off", "input", "not derivable")
"""What a cell can be. The first four are of derivable cells."""

DERIVABLE = VERDICTS[:4]
FROM_MEMORY = "quoted from memory"
ARITHMETIC = "arithmetic on printed numbers"
"""Said of what no network stands behind."""

_NOTED = ("off", "explained", "rounds", "exact", "not derivable", "input")
"""Which cell of a row its note is put to."""


class Cell(NamedTuple):
    """A printed cell and what is derived for it.

    ``derived`` is in the unit of what is printed, ``value`` the exact number (None for a text or
    where there is none). ``how`` says which rounding and unit it is, or by how much it is off, in
    units of the last printed digit and in percent; ``told`` is what else there is to say. What is
    not ``verified`` is quoted from memory. ``by`` is the hypothesis that explains it, in words, and
    ``given`` what that gives; both stand first in ``told``.
    """

    row: str
    column: str
    printed: str
    derived: str
    value: Fraction | None
    verdict: str
    how: str = ""
    told: str = ""
    verified: bool = True
    by: str = ""
    given: str = ""

    @property
    def note(self) -> str:
        """All that is said of it."""
        memory = "" if self.verified else FROM_MEMORY
        return "; ".join(text for text in (self.how, self.told, memory) if text)


class Audited(NamedTuple):
    """A table with all of its cells."""

    table: PublishedTable
    cells: tuple[Cell, ...]
    sources: Sources

    @property
    def summary(self) -> dict[str, int]:
        """How many cells have each verdict."""
        return summed(self.cells)

    def cell(self, row: str, column: str) -> Cell:
        """The cell of a row and column; raises KeyError where nothing is printed there."""
        for cell in self.cells:
            if (cell.row, cell.column) == (row, column):
                return cell
        raise KeyError((row, column))


def summed(cells: Iterable[Cell]) -> dict[str, int]:
    """How many cells have each verdict."""
    found = Counter(cell.verdict for cell in cells)
    return {verdict: found[verdict] for verdict in VERDICTS}


def audit_table(table: PublishedTable, load: Load) -> Audited:
    """Every cell of a table with its verdict.

    ``load`` analyses a NET on an input of a shape (None: its own). Raises NetcalcError, with file
    and line, where a row names what there is not.
    """
    sources = Sources(table, load)
    cells = [cell for row in table.rows for cell in _Row(table, row, sources).cells()]
    return Audited(table, tuple(cells), sources)


class _Row:
    """The cells of one row, as derived and under its hypotheses."""

    def __init__(self, table: PublishedTable, row: TableRow, sources: Sources) -> None:
        self.table, self.row = table, row
        self.held = Cells(table, row, sources)

    def cells(self) -> list[Cell]:
        first = {column: self._cell(column) for column in self.row.printed}
        if any(cell.verdict == "off" for cell in first.values()):
            first = self._explained(first)
        for column, told in self._contradictions(first).items():
            first[column] = _with(first[column], told)
        if self.row.note:
            column = min(first, key=lambda c: _NOTED.index(first[c].verdict))
            first[column] = _with(first[column], self.row.note)
        return list(first.values())

    def _cell(self, column: str, hypothesis: Hypothesis | None = None) -> Cell:
        """A cell by itself; what is wrong with it is said with its place."""
        says = f", {hypothesis.says!r}" if hypothesis else ""
        with self.held.messages.at(self.row.line, f"{self.row.name}, {column}{says}"):
            return self._judged(column, self.held.settings(column, hypothesis))

    def _judged(self, column: str, settings: Mapping[str, Any]) -> Cell:
        quantity = settings.get("quantity")
        given = self.held.given(column)
        verdict = "input" if given else "not derivable"
        verified = self.table.verified and self.row.verified
        printed = self.row.printed[column]
        cell = Cell(self.row.name, column, printed, "", None, verdict, verified=verified)
        if quantity is None and not given:
            raise SpecError(
                f"the column {column} needs a quantity, such as params or macs;"
                f" quantity: {NONE} where no count can produce it"
            )
        if quantity in (None, NONE):
            return cell
        cell = self._text(cell, settings) if quantity in TEXTS else self._number(cell, settings)
        return self._given(cell) if given else cell

    def _text(self, cell: Cell, settings: Mapping[str, Any]) -> Cell:
        found = self.held.text(settings)
        quantity = settings["quantity"]
        how = "" if str(found) else _MISSING.get(quantity, "nothing is derived")
        verdict = "exact" if found.fits(cell.printed) else "off"
        if verdict == "off":
            how = how or difference(quantity, found, cell.printed)
        return cell._replace(derived=str(found), verdict=verdict, how=how)

    def _number(self, cell: Cell, settings: Mapping[str, Any]) -> Cell:
        value = self.held.number(settings, cell.column)
        printed = self.held.printed(cell.printed, settings)
        judged = judge(printed, value, settings.get("round", WAYS[:2]))
        return cell._replace(
            derived=shown(value, printed, judged),
            value=value,
            verdict=judged.verdict,
            how=_off_by(printed, value, judged) if judged.verdict == "off" else judged.how,
            told="" if derives(settings["quantity"], NUMBERS) else ARITHMETIC,
        )

    def _given(self, cell: Cell) -> Cell:
        """What the spec is built from counts as nothing but that; unless it is something else."""
        if cell.verdict == "off":
            return _with(cell, "an input: the spec is another")
        return cell._replace(verdict="input", how="")

    # --- hypotheses ------------------------------------------------------------------------------

    def _explained(self, cells: dict[str, Cell]) -> dict[str, Cell]:
        """The cells under the first hypothesis that reproduces every derivable one of the row."""
        failed: list[str] = []
        derivable = [c for c, cell in cells.items() if cell.verdict in DERIVABLE]
        if any(cells[c].verdict == "off" and self.held.given(c) for c in derivable):
            return cells  # it is not even the row that it should be
        for hypothesis in (*self.row.hypotheses, *self.table.hypotheses):
            under = {column: self._cell(column, hypothesis) for column in derivable}
            wrong = [c for c in under.values() if c.verdict not in ("exact", "rounds")]
            if not wrong:
                return cells | {
                    column: _with(_told(cell, under[column], hypothesis), *failed)
                    for column, cell in cells.items()
                    if cell.verdict == "off"
                }
            gives = " and ".join(f"{c.derived or 'nothing'} for {c.printed}" for c in wrong)
            failed.append(f"refuted: {hypothesis.says} gives {gives}")
        return {
            column: _with(cell, *failed) if cell.verdict == "off" else cell
            for column, cell in cells.items()
        }

    # --- cells against one another ---------------------------------------------------------------

    def _contradictions(self, cells: dict[str, Cell]) -> dict[str, str]:
        """Where weights and MACs are printed that no layers on one size of map can have.

        Each weight is used once at each place, so that the printed MACs are the printed weights
        times the number of places, up to what rounding and truncation hide.
        """
        by = {
            self.held.settings(c).get("quantity"): cell
            for c, cell in cells.items()
            if cell.value is not None and cell.verdict in ("exact", "rounds", "off")
        }
        weights, macs = by.get("weights"), by.get("macs")
        if not weights or not macs or "off" not in (weights.verdict, macs.verdict):
            return {}
        places = (macs.value or Fraction(0)) / (weights.value or Fraction(1))
        layers = self.held.part(self.held.settings(weights.column)).rows
        if any(row.counts.macs != places * row.counts.weights for row in layers):
            return {}  # not all are on one size of map
        if any(
            first * places <= last_macs and first_macs <= last * places
            for first, last in self._ranges(weights)
            for first_macs, last_macs in self._ranges(macs)
        ):
            return {}
        printed = self.held.printed(macs.printed, self.held.settings(macs.column))
        product = shown(self._value(weights) * places, printed)
        told = (
            f"contradicts {macs.column} {macs.printed}: {weights.printed} x {places} places ="
            f" {product}"
        )
        return {(weights if weights.verdict == "off" else macs).column: told}

    def _value(self, cell: Cell) -> Fraction:
        return self.held.printed(cell.printed, self.held.settings(cell.column)).value

    def _ranges(self, cell: Cell) -> list[tuple[int, int]]:
        settings = self.held.settings(cell.column)
        printed = self.held.printed(cell.printed, settings)
        return ranges(printed._replace(factors=printed.factors[:1]))


_MISSING = {
    "window": "set layer: the layer whose window it is, one on maps of height and width",
    "label": "set layer: the layer whose kind it is, or covers: a module",
    "out_channels": "set covers: or at: a convolution or linear layer",
}
"""What to say where nothing is derived for a text."""


def _with(cell: Cell, *told: str) -> Cell:
    return cell._replace(told="; ".join(text for text in (cell.told, *told) if text))


def _told(cell: Cell, under: Cell, hypothesis: Hypothesis) -> Cell:
    value = under.value
    exact = value is not None and value.denominator == 1 and under.derived[-1:].isalpha()
    given = f"{value.numerator:,} = {under.derived}" if exact and value else under.derived
    by = hypothesis.says
    if under.told == ARITHMETIC:
        by = f"{ARITHMETIC}: {by}"
    how, told = under.how or "exact", f"{by}: {given}"
    return cell._replace(verdict="explained", how=how, told=told, by=by, given=given)


def _off_by(printed: Printed, value: Fraction, judged: Judged) -> str:
    """The difference in units of the last printed digit, and in percent."""
    if not judged.off:
        return judged.how  # of a bound that is met itself
    far = abs(judged.off) > FAR
    steps = f"by more than {FAR:,}" if far else f"by {_signed(judged.off, 1)}"
    steps = f"{judged.how}, {steps}" if judged.how else steps
    if not value:
        return steps
    share = 100 * (printed.value - value) / value
    if abs(share) > 100 * TIMES:
        return f"{steps}, more than {TIMES} times as much"
    return f"{steps}, {_signed(share, 1 if abs(share) < 100 else 0)}%"


FAR, TIMES = 10**12, 1000
"""Differences are not told more exactly beyond these."""


def _signed(value: Fraction, decimals: int) -> str:
    text = decimal(value, decimals)
    while value and text in ("0", "-0"):
        decimals += 1
        text = decimal(value, decimals)
    return text if text.startswith("-") or not value else f"+{text}"


def problems(audited: Iterable[Audited]) -> Iterator[str]:
    """A line for each cell that is off."""
    for each in audited:
        for cell in each.cells:
            if cell.verdict == "off":
                derived = (
                    f"{cell.derived} derived" if cell.derived else f"nothing derived; {cell.how}"
                )
                yield (
                    f"{each.table.file}: {cell.row}, {cell.column}: {cell.printed} is printed and"
                    f" {derived}"
                )
