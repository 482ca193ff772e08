"""Three or more networks: a line for each, and the ratio of every two."""

from __future__ import annotations

from netcalc.core.analyse import Result
from netcalc.report.table import Column, Table
from netcalc.report.units import grouped, multiple, sizes

COLUMNS = (
    Column("network", "network", right=False),
    Column("input", "input"),
    Column("params", "params", show=grouped),
    Column("macs", "MACs", show=grouped),
    Column("depth", "depth"),
    Column("layers", "layers with params", "layers"),
)
MOST_RATIOS = 10
"""More networks than this have no tables of ratios: they would be too wide."""


def many_tables(results: tuple[Result, ...], labels: list[str]) -> list[Table]:
    """The totals of all; ratios of parameters and MACs, under these labels."""
    rows = tuple(
        (r.graph.label, sizes(r.inputs), t.params, t.macs, t.depth, t.layers)
        for r in results
        for t in (r.totals,)
    )
    found = [Table(COLUMNS, rows)]
    if len(results) > MOST_RATIOS:
        return found
    names = [r.graph.label for r in results]
    heads = [n if n == label else f"{label} = {n}" for n, label in zip(names, labels, strict=True)]
    return [
        *found,
        _ratios("params", [r.totals.params for r in results], heads, labels),
        _ratios("MACs", [r.totals.macs for r in results], heads, labels),
    ]


def _ratios(unit: str, values: list[int], heads: list[str], labels: list[str]) -> Table:
    """For every two networks, how many times the smaller one's value the larger one has."""

    def cell(i: int, j: int) -> str | None:
        a, b = values[i], values[j]
        return multiple(a, b) if i != j and a >= b > 0 else None  # else it stands the other way

    columns = [Column("network", "network", right=False)]
    columns += [Column(label, label) for label in labels]
    everyone = range(len(values))
    rows = tuple((heads[i], *(cell(i, j) for j in everyone)) for i in everyone)
    return Table(tuple(columns), rows, title=f"{unit}: row / column, where at least 1")
