"""The networks that ship with netcalc, one line each."""

from __future__ import annotations

from typing import Any

from netcalc.core.analyse import Result
from netcalc.report.network import header_document
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped, size

COLUMNS = (
    Column("name", "name", right=False),
    Column("year", "year"),
    Column("input", "input"),
    Column("params", "params", show=grouped),
    Column("macs", "MACs", show=grouped),
)


def listing_report(networks: list[tuple[Result, int, str, tuple[str, ...]]]) -> Report:
    """The list, from (analysis on the default input, year, source, builder arguments) of each."""
    rows = tuple(
        (r.graph.name, year, _input(r), r.totals.params, r.totals.macs)
        for r, year, _, _ in networks
    )
    documents: list[dict[str, Any]] = [
        {
            **header_document(r),
            "year": year,
            "source": source,
            "arguments": list(arguments),
            "params": r.totals.params,
            "macs": r.totals.macs,
        }
        for r, year, source, arguments in networks
    ]
    taken = [f"{r.graph.name} takes {', '.join(args)}" for r, _, _, args in networks if args]
    notes = ("arguments are set as in googlenet@aux=true,width=0.5", *taken)
    document = {"schema": 1, "networks": documents}
    return Report("networks of the zoo", (Table(COLUMNS, rows),), notes, lambda: document)


def _input(result: Result) -> str:
    return ", ".join(size(x) for x in result.inputs.values())
