"""What the difference of two networks is made of, as tables, lines and a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netcalc.core.compare import Comparison, Difference, Replacement, told
from netcalc.core.pairs import Pair, difference
from netcalc.report.table import Column, Table
from netcalc.report.units import grouped, signed

MOST_LAYERS = 24
"""More changes than this are put together by the fields alone; more layers are not listed."""

PARAMS = Column("params", "params difference", "params\ndifference", show=signed)
MACS = Column("macs", "MACs difference", "MACs\ndifference", show=signed)


def causes_table(c: Comparison, labels: Sequence[str]) -> Table:
    """A line for each change, with the layers that have it and what it is worth, and the total."""
    found = c.differences
    briefly = len(found) > MOST_LAYERS
    if briefly:
        found = c.differences_briefly
    columns = (
        Column("change", "change", right=False),
        Column("layers", "layers", right=False),
        PARAMS,
        MACS,
    )
    rows: list[tuple[Any, ...]] = []
    for d in found:
        one = len(d.steps) == 1
        rows.append((told(d.steps[0], labels, briefly and not one), _layers(d), d.params, d.macs))
    if len(rows) > 1:
        rows.append(("total", None, sum(d.params for d in found), sum(d.macs for d in found)))
    return Table(columns, tuple(rows), title="what the difference is made of")


def _layers(d: Difference) -> str:
    """The layer's path, both where they differ; of several, how many of what kind."""
    return _name(d.pairs[0]) if len(d.pairs) == 1 else f"{len(d.pairs)} {d.type or 'layers'}"


def _name(pair: Pair) -> str:
    a, b = pair.a, pair.b
    return f"{a.name} -> {b.name}" if a and b and a.name != b.name else pair.name


def layers_table(c: Comparison, labels: Sequence[str]) -> Table:
    """The layers that differ in parameters or MACs, and how, unless they are too many."""
    columns = (
        Column("layer", "layer", right=False),
        Column("params_a", f"params {labels[0]}", "params\nbefore", show=grouped),
        Column("params_b", f"params {labels[1]}", "params\nafter", show=grouped),
        PARAMS,
        MACS,
        Column("why", "why", right=False),
    )
    rows = []
    for p in c.pairs:
        params, macs = difference([p], "params"), difference([p], "macs")
        if params or macs:
            before, after = (counts.params for counts in p.counts)
            rows.append((_name(p), before, after, params, macs, why(p, labels)))
    shown = tuple(rows) if len(rows) <= MOST_LAYERS else ()
    return Table(columns, shown, title="layers that make up the difference")


def why(pair: Pair, names: Sequence[str]) -> str:
    """What is different about a pair; a network that has it alone under its name in ``names``."""
    if pair.a is None or pair.b is None:
        return f"only in {names[pair.a is None]}"
    return "; ".join(pair.changes().values()) or "shared weights"


def matching_notes(c: Comparison, labels: Sequence[str]) -> list[str]:
    """How many layers are paired and differ, and where normalisations stand for biases."""
    differ = {step.pair.name for step in c.steps if step.moves}
    text = f"{_counted(c.kept)} in pairs, of which {len(differ) or 'none'} differ"
    alone = zip((c.removed, c.added), labels, strict=True)
    text += "".join(f"; {len(pairs)} only in {name}" for pairs, name in alone if pairs)
    return [text, *map(_replacement, c.replacements)]


def _counted(layers: Sequence[Any]) -> str:
    return f"{len(layers)} layer{'' if len(layers) == 1 else 's'}"


def _replacement(r: Replacement) -> str:
    gone, new = r.worth("params")
    text = f"{r.before} -> {r.after} in {_counted(r.gone)}"
    both = f"{signed(gone)} {'-' if new < 0 else '+'} {grouped(abs(new))}"
    return f"{text}: {both} = {signed(gone + new)} params"


def differences_document(c: Comparison, names: Sequence[str]) -> list[dict[str, Any]]:
    """Every change with its layers and its worth; they add up to the difference of the totals."""
    return [
        {
            "change": told(d.steps[0], names),
            "type": d.type,
            "layers": [[row.name if row else None for row in pair] for pair in d.pairs],
            "params": d.params,
            "macs": d.macs,
        }
        for d in c.differences
    ]


def replacements_document(c: Comparison) -> list[dict[str, Any]]:
    """Where normalisations stand for biases: in how many layers, and what both changes make."""
    return [
        {
            "from": r.before,
            "to": r.after,
            "layers": len(r.gone),
            **{quantity: sum(r.worth(quantity)) for quantity in ("params", "macs")},
        }
        for r in c.replacements
    ]
