"""What verifying found, as people and as programs read it."""

from __future__ import annotations

import math
from typing import Any

from netcalc.core.checks import Check, Verification
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped

WITNESSES = {
    "module": "the attributes and tensors of the PyTorch modules",
    "operators": "the operators and operands that PyTorch dispatched, on the meta device",
    "forward": "a forward pass with real tensors",
    "flopcounter": "PyTorch's FlopCounterMode, on the meta device",
    "fvcore": "fvcore's entries of convolutions and products, on the CPU",
    "values": "the outputs of both models with the same values, in float64",
    "state_dict": "the tensors that the model saves",
}
"""What each witness is."""

NAMES = {
    "fields": "fields",
    "tensors": "tensor shapes",
    "params": "params",
    "buffers": "buffers",
    "output": "output sizes",
    "macs": "MACs",
    "values": "values",
}
MOST = 40
"""More differences than this are summed up in text; JSON has them all."""


def verification_report(v: Verification) -> Report:
    """What was held against what, what differs, how well each quantity is covered, the verdict."""
    tables = [_coverage(v)]
    if v.differences:
        tables.insert(0, _differences(v))
    model = v.against or "the model built from it"
    return Report(
        f"{v.network} against {model} on {v.device}", tuple(tables), _notes(v), lambda: document(v)
    )


def _coverage(v: Verification) -> Table:
    columns = (
        Column("quantity", "quantity", right=False),
        Column("layers", "layers"),
        Column("two", "two or more witnesses", "2 or more\nwitnesses"),
        Column("one", "one witness", "1\nwitness"),
        Column("none", "no witness", "0"),
        Column("witnesses", "witnesses", right=False),
    )
    spoke = v.witnesses()
    rows = tuple(
        (
            NAMES[group],
            sum(counts.values()),
            sum(n for witnesses, n in counts.items() if witnesses > 1),
            counts.get(1, 0),
            counts.get(0, 0),
            ", ".join(spoke.get(group, ())),
        )
        for group, counts in v.coverage().items()
    )
    return Table(columns, rows, title="layers confirmed, by the number of independent witnesses")


def _differences(v: Verification) -> Table:
    columns = (
        Column("row", "layer", right=False),
        Column("quantity", "quantity", right=False),
        Column("analytic", "derived", show=shown),
        Column("witness", "witness", right=False),
        Column("witnessed", "witnessed", show=shown),
        Column("cause", "cause", right=False),
    )
    rows = tuple(
        (c.row or "(all)", c.quantity, c.analytic, c.witness, c.witnessed, c.cause)
        for c in _outermost(v.differences)[:MOST]
    )
    return Table(columns, rows, title="differences")


def _outermost(differences: tuple[Check, ...]) -> tuple[Check, ...]:
    """Differences but for those with a cause that one with a cause above them includes."""
    told = {(c.group, c.quantity, c.witness, c.row) for c in differences if c.cause}

    def inside(c: Check) -> bool:
        parts = c.row.split("/")
        above = ["/".join(parts[:i]) for i in range(len(parts))] if c.row else []
        return any((c.group, c.quantity, c.witness, path) in told for path in above)

    return tuple(c for c in differences if not (c.cause and inside(c)))


def shown(value: Any) -> str:
    """A number grouped, a shape with crosses, a difference with three digits."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return grouped(value)
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        nested = any(isinstance(x, list | tuple) for x in value)
        return ", ".join(map(shown, value)) if nested else "x".join(map(str, value)) or "scalar"
    return "none" if value is None else str(value)


def _notes(v: Verification) -> tuple[str, ...]:
    covered, spoke = v.coverage(), v.witnesses()
    used = dict.fromkeys(name for group in covered for name in spoke.get(group, ()))
    used |= dict.fromkeys(c.witness for c in v.differences)
    lines = [f"{name}: {WITNESSES[name]}" for name in used]
    lines += [f"{name}: absent ({reason})" for name, reason in v.absent.items()]
    inner = len(v.differences) - len(_outermost(v.differences))
    if inner:
        lines.append(f"differences below those above with the same causes: {inner} (JSON has them)")
    lines += ["", *_single(v)]
    lines += [f"{name}: {value}" for name, value in v.facts.items()]
    return (*lines, "", verdict(v))


def _single(v: Verification) -> list[str]:
    """What only one method confirms, and what none does."""
    single = [
        f"{_layers(counts[1], own=True)} {NAMES[group]}{_in_brackets(_kinds(v, group))}"
        for group, counts in v.coverage().items()
        if counts.get(1) and group != "values"
    ]
    told = [f"confirmed by one witness alone: {'; '.join(single)}"] if single else []
    none = [f"the {NAMES[group]} of {_layers(n)}" for group, n in v.unconfirmed().items()]
    none.append("the counts of other work (add, cmp, ...), which follow by definition")
    return [*told, f"confirmed by none: {'; '.join(none)}"]


def _layers(n: int, own: bool = False) -> str:
    one, more = ("layer's", "layers'") if own else ("layer", "layers")
    return f"{n} {one if n == 1 else more}"


def _in_brackets(kinds: list[str]) -> str:
    return f" ({', '.join(kinds)})" if kinds else ""


def _kinds(v: Verification, group: str) -> list[str]:
    """The kinds of layer for which a group has one witness alone."""
    said: dict[str, set[str]] = {}
    kinds: dict[str, str] = {}
    for c in v.checks:
        if c.quantity == "type":
            kinds[c.row] = str(c.analytic)
        if c.group == group and c.row and c.ok:
            said.setdefault(c.row, set()).add(c.witness)
    return sorted({kinds[row] for row, names in said.items() if len(names) == 1 and row in kinds})


def verdict(v: Verification) -> str:
    """One line: verified, or how many differences there are."""
    unexplained = [c for c in v.differences if not c.explained]
    explained = len(v.differences) - len(unexplained)
    told = f" ({explained} with a known cause)" if explained else ""
    if not unexplained:
        but = [f"the {NAMES[group]} of {_layers(n)}" for group, n in v.unconfirmed().items()]
        but += ["the wiring (values were not compared)"] if "values" in v.absent else []
        told += f"; not confirmed: {', '.join(but)}" if but else ""
        return f"verified: {grouped(len(v.checks))} checks, no difference without a cause{told}"
    more = f"; the first {MOST} are listed" if len(_outermost(v.differences)) > MOST else ""
    count = f"{grouped(len(unexplained))} of {grouped(len(v.checks))} checks differ"
    return f"NOT verified: {count}{told}{more}"


def document(v: Verification) -> dict[str, Any]:
    """The document for machines: every check, held or not."""
    return {
        "schema": 1,
        "network": v.network,
        "against": v.against,
        "device": v.device,
        "ok": v.ok,
        "checks": [_check(c) for c in v.checks],
        "coverage": {
            group: {str(witnesses): n for witnesses, n in counts.items()}
            for group, counts in v.coverage().items()
        },
        "absent": dict(v.absent),
        "facts": {name: _plain(value) for name, value in v.facts.items()},
    }


def _check(c: Check) -> dict[str, Any]:
    return {
        "row": c.row,
        "quantity": c.quantity,
        "group": c.group,
        "analytic": _plain(c.analytic),
        "witness": c.witness,
        "witnessed": _plain(c.witnessed),
        "ok": c.ok,
        "cause": c.cause,
    }


def _plain(value: Any) -> Any:
    """What JSON has no number for, as text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
