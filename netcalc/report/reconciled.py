"""Other counters beside their conventions, as people and as programs read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from netcalc.core.counters import CounterLine, Reconciled
from netcalc.report.network import named_inputs, title
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped, signed, sizes


def reconciled_report(found: Reconciled) -> Report:
    """What each counter prints, what follows from its convention, and what the difference is."""
    return Report(
        f"{title(found.result)}, as other tools count it",
        (_counters(found), _terms(found)),
        tuple(_notes(found)),
        lambda: document(found),
    )


def _counters(found: Reconciled) -> Table:
    columns = (
        Column("counter", "counter", right=False),
        Column("version", "version", right=False),
        Column("printed", "printed", show=grouped),
        Column("derived", "derived", show=grouped),
        Column("residual", "residual", show=signed),
    )
    rows = tuple(
        (line.counter, _short(line.version) or None, line.printed, line.derived, line.residual)
        for line in found.lines
    )
    return Table(columns, rows)


def _short(version: str) -> str:
    """A version without the date of its build."""
    return re.split(r"[-+]|\.post", version)[0]


def _terms(found: Reconciled) -> Table:
    """From the true MACs to each counter's number."""
    columns = (
        Column("counter", "counter", right=False, in_sections=True),
        Column("cause", "term", right=False),
        Column("value", "value", show=str),
    )
    rows: list[tuple[str, str, str]] = []
    sections: dict[int, str] = {}
    for line in (line for line in found.lines if line.derived is not None):
        for cause, value in _sum(found, line):
            sections[len(rows)] = line.counter
            rows.append((line.counter, cause, value))
    return Table(columns, tuple(rows), "what they are made of", sections)


def _sum(found: Reconciled, line: CounterLine) -> Iterator[tuple[str, str]]:
    yield "true MACs", grouped(found.result.totals.macs)
    for term in line.terms:
        yield term.cause, signed(term.value)
    if line.residual:
        yield "unexplained", signed(line.residual)
    yield "sum", grouped(line.derived if line.printed is None else line.printed)


def _notes(found: Reconciled) -> Iterator[str]:
    totals = found.result.totals
    yield f"true: {grouped(totals.params)} params, {grouped(totals.macs)} MACs"
    for line in found.lines:
        if line.error:
            yield f"{line.counter}: {line.error}"
    other = [
        f"{line.counter} {line.version} ({line.established})"
        for line in found.lines
        if line.version and _short(line.version) != _short(line.established)
    ]
    if other:
        yield f"here in other versions than the conventions were learnt from: {', '.join(other)}"
    yield "derived: from the convention alone; each counter ran on a copy, in a process of its own"


def document(found: Reconciled) -> dict[str, Any]:
    """The document for machines."""
    totals, inputs = found.result.totals, found.result.inputs
    return {
        "schema": 1,
        "model": found.name,
        "input": sizes(inputs) if len(inputs) == 1 else named_inputs(found.result),
        "params": totals.params,
        "macs": totals.macs,
        "counters": [
            {
                "counter": line.counter,
                "version": line.version or None,
                "established": line.established,
                "printed": line.printed,
                "derived": line.derived,
                "residual": line.residual,
                "terms": [{"cause": t.cause, "value": t.value} for t in line.terms],
                "error": line.error or None,
            }
            for line in found.lines
        ],
    }
