"""The networks that ship with netcalc, by family."""

from __future__ import annotations

from typing import Any, NamedTuple

from netcalc.core.analyse import Result
from netcalc.report.document import header_document
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped, sizes

COLUMNS = (
    Column("family", "family", right=False, in_sections=True),
    Column("name", "name", right=False),
    Column("year", "year"),
    Column("input", "input"),
    Column("params", "params", show=grouped),
    Column("macs", "MACs", show=grouped),
)


class Listed(NamedTuple):
    """A network on its default input, and what the list says of it besides."""

    result: Result
    family: str
    year: int
    source: str
    arguments: tuple[str, ...]


def listing_report(networks: list[Listed]) -> Report:
    """The list, in the order given, in which networks of one family stand together."""
    rows = tuple(
        (n.family, n.result.graph.name, n.year, sizes(n.result.inputs), t.params, t.macs)
        for n in networks
        for t in (n.result.totals,)
    )
    table = Table(COLUMNS, rows, sections=_headings(networks))
    notes = ("arguments are set as in googlenet@aux=true,width=0.5", *_arguments(networks))
    document = {"schema": 1, "networks": [_document(n) for n in networks]}
    return Report("networks of the zoo", (table,), notes, lambda: document)


def _arguments(networks: list[Listed]) -> list[str]:
    """A line for each list of arguments: who takes it."""
    takers: dict[tuple[str, ...], list[str]] = {}
    for n in networks:
        takers.setdefault(n.arguments, []).append(n.result.graph.name)
    return [
        f"{', '.join(names)} take{'s' if len(names) == 1 else ''} {', '.join(arguments)}"
        for arguments, names in takers.items()
        if arguments
    ]


def _headings(networks: list[Listed]) -> dict[int, str]:
    """Above each row its family with its years: AlexNet, 2012 and 2014."""
    years: dict[str, set[int]] = {}
    for n in networks:
        years.setdefault(n.family, set()).add(n.year)
    told = {name: " and ".join(map(str, sorted(found))) for name, found in years.items()}
    return {i: f"{n.family}, {told[n.family]}" for i, n in enumerate(networks)}


def _document(n: Listed) -> dict[str, Any]:
    return {
        **header_document(n.result),
        "family": n.family,
        "year": n.year,
        "source": n.source,
        "arguments": list(n.arguments),
        "params": n.result.totals.params,
        "macs": n.result.totals.macs,
    }
