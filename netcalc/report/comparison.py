"""Networks side by side as tables, and what the difference of two is made of."""

from __future__ import annotations

from typing import Any

from netcalc.core.analyse import Counts, Result
from netcalc.core.compare import Comparison
from netcalc.core.pairs import NOTHING, Pair, difference
from netcalc.report.differences import (
    causes_table,
    differences_document,
    layers_table,
    matching_notes,
    replacements_document,
    why,
)
from netcalc.report.document import header_document, totals_document
from netcalc.report.many import many_tables
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped, ratio, signed, sizes

QUANTITIES = {"params": "params", "macs": "MACs"}


def comparison_report(c: Comparison) -> Report:
    """Totals side by side, ratios, stages; of two networks, what their difference is made of."""
    two = len(c.results) == 2
    tables = [_two(c)] if two else many_tables(c.results, _labels(c))
    if two or _alike(c):
        tables += [_stages(c, q) for q in QUANTITIES]
    notes: tuple[str, ...] = ()
    if two:
        labels = _labels(c)
        more = (causes_table(c, labels), layers_table(c, labels))
        tables += [table for table in more if table.rows]
        notes = (*matching_notes(c, labels), *(_summary(c, q) for q in QUANTITIES))
    names = zip(_labels(c), c.results, strict=True)
    told = (
        r.graph.factory if label == r.graph.label else f"{label} = {r.graph.factory}"
        for label, r in names
    )
    return Report(f"comparing {', '.join(told)}", tuple(tables), notes, lambda: document(c))


def _labels(c: Comparison) -> list[str]:
    """What columns are headed with: the networks' names, letters where these are long."""
    names = [r.graph.label for r in c.results]
    distinct = len(set(names)) == len(names)
    if distinct and sum(map(len, names)) <= (WIDEST if len(names) == 2 else WIDEST_OF_MANY):
        return names
    return [chr(ord("A") + i) if i < 26 else f"N{i + 1}" for i in range(len(names))]


WIDEST, WIDEST_OF_MANY = 24, 56
"""Longer names than this, together, leave no room for the numbers under or beside them."""


def _alike(c: Comparison) -> bool:
    """Whether all networks have the same stages, so that a line for each makes sense."""
    return all(None not in stage.counts for stage in c.stages)


def _two(c: Comparison) -> Table:
    """A line for each quantity, with difference and ratio."""
    columns = (
        Column("quantity", "", right=False),
        *(Column(label, label, show=_shown) for label in _labels(c)),
        Column("difference", "difference", show=signed),
        Column("ratio", "ratio"),
    )
    rows: list[tuple[Any, ...]] = []
    for name, a, b in _compared(*c.results):
        if isinstance(a, str):
            rows.append((name, a, b, None, None))
        elif a or b:
            small = name in ("depth", "layers with params")
            rows.append((name, a, b, b - a, None if small else ratio(a, b)))
    return Table(columns, tuple(rows))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else grouped(value)


def _compared(a: Result, b: Result) -> list[tuple[str, Any, Any]]:
    x, y = a.totals, b.totals
    return [
        ("input", sizes(a.inputs), sizes(b.inputs)),
        ("output", sizes(a.outputs, 1), sizes(b.outputs, 1)),
        ("params", x.params, y.params),
        ("weights", x.weights, y.weights),
        ("biases", x.biases, y.biases),
        ("buffers", x.buffers, y.buffers),
        ("MACs", x.macs, y.macs),
        ("FLOPs", x.flops, y.flops),
        ("depth", x.depth, y.depth),
        ("layers with params", x.layers, y.layers),
    ]


def _stages(c: Comparison, quantity: str) -> Table:
    """One line for each stage in which the quantity occurs."""
    two = len(c.results) == 2
    columns = [Column("stage", "stage", right=False)]
    columns += [Column(label, label, show=grouped) for label in _labels(c)]
    if two:
        columns.append(Column("difference", "difference", show=signed))
    rows = []
    for stage in c.stages:
        values = [getattr(counts or NOTHING, quantity) for counts in stage.counts]
        if any(values):
            rows.append((stage.name, *values, *([values[1] - values[0]] if two else [])))
    return Table(tuple(columns), tuple(rows), title=f"{QUANTITIES[quantity]} by stage")


def _summary(c: Comparison, quantity: str) -> str:
    """One line: the second network's total as what it adds and what both have, changed or not."""
    a, b = c.results
    unit = QUANTITIES[quantity]
    before, after = getattr(a.totals, quantity), getattr(b.totals, quantity)
    first, second = _labels(c)
    text = f"{second} {grouped(after)} {unit}"
    added = sum(getattr(p.counts[1], quantity) for p in c.added)
    if added:
        costly = [p for p in c.added if getattr(p.counts[1], quantity)]
        text += (
            f" = {grouped(added)} in {_layers_named(costly, quantity)} only it has"
            f" + {grouped(after - added)} in paired layers"
        )
    text += f"; {first} {grouped(before)}"
    gone = sum(getattr(p.counts[0], quantity) for p in c.removed)
    if gone:
        text += f", of which {grouped(gone)} in layers only it has"
    return f"{text}; together {signed(after - before)} ({ratio(before, after)})".replace(" (-)", "")


def _layers_named(pairs: list[Pair], quantity: str) -> str:
    """``3 Conv2d layers (names, 16,384 each)`` where they are few and alike."""
    values = {getattr(p.counts[1], quantity) for p in pairs}
    types = {p.b.type for p in pairs if p.b}
    noun = f"{types.pop()} " if len(types) == 1 else ""
    noun += "layer" if len(pairs) == 1 else "layers"
    if len(pairs) > 6:
        return f"{len(pairs)} {noun}"
    names = ", ".join(p.name for p in pairs)
    each = f", {grouped(values.pop())} each" if len(values) == 1 and len(pairs) > 1 else ""
    return f"{len(pairs)} {noun} ({names}{each})"


def document(c: Comparison) -> dict[str, Any]:
    """The comparison for machines."""
    two = len(c.results) == 2
    out: dict[str, Any] = {
        "schema": 1,
        "networks": [
            {**header_document(r), "totals": totals_document(r.totals)} for r in c.results
        ],
        "rows": [
            {
                "name": stage.name,
                **({"names": [list(names) for names in stage.names]} if two else {}),
                "params": [_value(counts, "params") for counts in stage.counts],
                "macs": [_value(counts, "macs") for counts in stage.counts],
            }
            for stage in c.stages
        ],
    }
    if two:
        labels = [r.graph.label for r in c.results]
        out["difference"] = {q: _difference(c, q) for q in QUANTITIES}
        out["differences"] = differences_document(c, labels)
        out["replacements"] = replacements_document(c)
    return out


def _value(counts: Counts | None, quantity: str) -> int | None:
    return None if counts is None else int(getattr(counts, quantity))


def _difference(c: Comparison, quantity: str) -> dict[str, Any]:
    def side(pairs: tuple[Pair, ...], i: int) -> int:
        return sum(getattr(p.counts[i], quantity) for p in pairs)

    return {
        "total": difference(c.pairs, quantity),
        "added": side(c.added, 1),
        "removed": side(c.removed, 0),
        "kept": [side(c.kept, 0), side(c.kept, 1)],
        "parts": [
            {
                "name": p.name,
                "values": [
                    _value(counts if row else None, quantity)
                    for counts, row in zip(p.counts, (p.a, p.b), strict=True)
                ],
                "difference": difference([p], quantity),
                "why": why(p, [r.graph.label for r in c.results]),
            }
            for p in c.pairs
            if difference([p], quantity)
        ],
    }
