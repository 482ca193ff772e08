"""What the cells of a row are held against: settings, networks, quantities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from netcalc.core.analyse import Result, analyse
from netcalc.core.inputs import inputs_of
from netcalc.errors import SpecError, did_you_mean
from netcalc.published.formula import evaluate
from netcalc.published.model import Given, Hypothesis, Net, PublishedTable, TableRow
from netcalc.published.quantities import NUMBERS, WRITTEN, Part, Written, part_of
from netcalc.published.reading import Printed, read
from netcalc.spec.messages import Messages

Load: TypeAlias = Callable[[str, "Given | None"], Result]
"""Analyses a NET on a given input, or on its own."""


class Sources:
    """The networks of a table, each analysed once."""

    def __init__(self, table: PublishedTable, load: Load) -> None:
        self.table, self.load = table, load
        self._known: dict[Any, Result] = {}

    def result(self, net: Net, shape: Given | None = None) -> Result:
        """A network of the table, or a NET."""
        if net.spec is None and net.net in self.table.nets:
            net = self.table.nets[net.net]
        shape = net.input or shape
        key = (net.net, id(net.spec), shape)
        if key not in self._known:
            self._known[key] = self._analysed(net, shape)
        return self._known[key]

    def _analysed(self, net: Net, shape: Given | None) -> Result:
        if net.spec is None:
            return self.load(net.net, shape)
        from netcalc.spec import network_of  # only where a spec stands in the table

        graph = network_of(net.spec, self.table.file, {})
        return analyse(graph, inputs_of(graph, shape, None, None))

    def default(self) -> Net | None:
        """The network of rows that name none: the table's, or the only one that it has."""
        given: Net | None = self.table.settings.get("net")
        if given is not None or len(self.table.nets) != 1:
            return given
        return next(iter(self.table.nets.values()))


class Cells:
    """What stands behind the cells of one row."""

    def __init__(self, table: PublishedTable, row: TableRow, sources: Sources) -> None:
        self.table, self.row, self.sources = table, row, sources
        self.messages = Messages(table.file)
        self._columns = {c.key: c for c in table.columns}

    def given(self, column: str) -> bool:
        """Whether the network is built from what stands in a column."""
        return self._columns[column].given

    def settings(self, column: str, hypothesis: Hypothesis | None = None) -> dict[str, Any]:
        """What holds for a cell: of its table, column and row, and of its own, the last first."""
        layers = [
            self.table.settings,
            self._columns[column].settings,
            self.row.settings,
            self.row.columns.get(column, {}),
        ]
        if hypothesis is not None:
            layers += [hypothesis.settings, hypothesis.columns.get(column, {})]
        merged: dict[str, Any] = {}
        for layer in layers:
            units = {**merged.get("units", {}), **layer.get("units", {})}
            if "net" in layer:  # another network has other paths
                merged = {k: v for k, v in merged.items() if k not in ("covers", "layer")}
            merged |= {**layer, "units": units}
        return merged

    def printed(self, text: str, settings: Mapping[str, Any]) -> Printed:
        """A cell as a number."""
        return read(text, settings["units"], settings.get("digit"))

    def text(self, settings: Mapping[str, Any]) -> Written:
        """A quantity that is a text."""
        return WRITTEN[settings["quantity"]](self.part(settings), settings.get("at", ()))

    def number(self, settings: Mapping[str, Any], column: str) -> Fraction:
        """A quantity that is a number, or a formula, for a column of the row."""
        return evaluate(settings["quantity"], _Names(self, settings, column))

    def part(self, settings: Mapping[str, Any]) -> Part:
        """What the cells are about."""
        net = settings.get("net") or self.sources.default()
        if net is None:
            raise SpecError("say which network it is about: net: googlenet")
        result = self.sources.result(net, settings.get("input"))
        return _part(result, settings.get("covers", ("",)), settings.get("layer", ""))

    # --- names of a formula ----------------------------------------------------------------------

    def quantity(self, name: str, settings: Mapping[str, Any]) -> Fraction:
        """A quantity of the row's part, or what the row prints in a column of that name."""
        if name in NUMBERS:
            return Fraction(NUMBERS[name](self.part(settings)))
        if name in self.row.printed:
            return self.cell(self.row, name)
        if name in self._columns:
            raise SpecError(f"nothing is printed in {name}")
        known = [*NUMBERS, *self._columns]
        hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
        raise SpecError(f"there is no quantity {name!r}; {hint}")

    def other(self, net: str, path: str, name: str) -> Fraction:
        """A quantity of a network of the table, or of a part of it."""
        if net not in self.table.nets:
            known = ", ".join(self.table.nets) or "none"
            raise SpecError(f"there is no network {net!r} in this table; under nets are {known}")
        if name not in NUMBERS:
            hint = did_you_mean(name, NUMBERS) or f"there are {', '.join(NUMBERS)}"
            raise SpecError(f"there is no quantity {name!r}; {hint}")
        result = self.sources.result(self.table.nets[net], self.table.settings.get("input"))
        return Fraction(NUMBERS[name](_part(result, (path,), "")))

    def cell(self, row: TableRow, column: str) -> Fraction:
        """A number that a row prints."""
        settings = Cells(self.table, row, self.sources).settings(column)
        return self.printed(row.printed[column], settings).value

    def row_of(self, name: str, column: str) -> TableRow:
        """Another row of the table, which prints something in a column."""
        for row in self.table.rows:
            if row.name == name and column in row.printed:
                return row
        raise SpecError(f"there is no row {name!r} that prints something in {column!r}")


class _Names:
    """A formula's names in the settings of the cell of a column."""

    def __init__(self, cells: Cells, settings: Mapping[str, Any], column: str) -> None:
        self.cells, self.settings, self.column = cells, settings, column

    def quantity(self, name: str) -> Fraction:
        if name not in NUMBERS:
            self._another(self.cells.row.name, name)
        return self.cells.quantity(name, self.settings)

    def other(self, net: str, path: str, name: str) -> Fraction:
        return self.cells.other(net, path, name)

    def cell(self, row: str, column: str) -> Fraction:
        self._another(row, column)
        return self.cells.cell(self.cells.row_of(row, column), column)

    def _another(self, row: str, column: str) -> None:
        if (row, column) == (self.cells.row.name, self.column):
            raise SpecError(
                f"the formula for {column} speaks of this very cell; use other cells or quantities"
            )


def _part(result: Result, paths: tuple[str, ...], layer: str) -> Part:
    for path in (*paths, *((layer,) if layer else ())):
        if path and path not in result.graph.paths:
            hint = did_you_mean(path, result.graph.paths) or "see `netcalc table` for its layers"
            raise SpecError(f"{result.graph.label} has no layer or module {path}; {hint}")
    part = part_of(result, paths, layer, ())
    if part is None:
        raise SpecError(f"{layer} is no layer of {', '.join(paths)}")
    return part
