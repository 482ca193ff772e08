"""Derivations as people read them: an indented text, LaTeX equations, or a table."""

from __future__ import annotations

from typing import Any

from netcalc.core.analyse import Result
from netcalc.core.explain import Derivation, Section
from netcalc.published import load
from netcalc.published.regenerate import in_unit, unit_of
from netcalc.report import expression
from netcalc.report.formats import escape_latex
from netcalc.report.network import title
from netcalc.report.table import Column, Report, Table
from netcalc.report.text import filled, wrapped
from netcalc.report.units import grouped

COLUMNS = (
    Column("path", "path", right=False),
    Column("quantity", "quantity", right=False),
    Column("derivation", "derivation", right=False),
    Column("value", "value", show=grouped),
    Column("legend", "of", right=False),
)


def explanation_report(result: Result, section: Section, depth: int | None = None) -> Report:
    """The derivations of a section and those below it, down to ``depth`` levels (None: all)."""
    folded = with_units(result, fold(section, depth))
    rows = tuple(
        (part.path, d.label, _chain(d), d.value, ", ".join(n for n in d.legend if n))
        for part in folded.walk()
        for d in part.derivations
    )
    document = {
        "schema": 1,
        "network": result.graph.name,
        "factory": result.graph.factory,
        **_document(folded),
    }
    return Report(title(result), (Table(COLUMNS, rows),), (), lambda: document)


def fold(section: Section, depth: int | None) -> Section:
    """A section without what lies more than ``depth`` levels below it."""
    if depth is None:
        return section
    children = tuple(fold(c, depth - 1) for c in section.children) if depth > 1 else ()
    return section._replace(children=children)


def with_units(result: Result, section: Section) -> Section:
    """A section whose modules' weights stand in the unit of the paper's table too (112K)."""
    column = _paper_unit(result)
    if column is None:
        return section
    derivations = tuple(
        d._replace(also=in_unit(d.value, column), exact=_is_exact(d.value, column))
        if d.label == "weights" and "*" not in d.steps[0]
        else d
        for d in section.derivations
    )
    children = tuple(with_units(result, child) for child in section.children)
    return section._replace(derivations=derivations, children=children)


def _paper_unit(result: Result) -> dict[str, Any] | None:
    """The column of weights in the published table that a network follows."""
    if not result.graph.paper:
        return None
    return next(c for c in load(result.graph.paper).columns if c["quantity"] == "weights")


def _is_exact(value: int, column: dict[str, Any]) -> bool:
    return bool(value * 10 ** column["digits"] % unit_of(column)[1] == 0)


def _chain(d: Derivation) -> str:
    return " = ".join(expression.text(step) for step in d.steps) + _also(d, "=", "≈")


def _also(d: Derivation, same: str, near: str) -> str:
    """The value in another unit, where it has one."""
    return f" {same if d.exact else near} {d.also}" if d.also else ""


def explanation_text(result: Result, section: Section, width: int = 80) -> str:
    """Each section under its path, two spaces further in for each level."""
    lines = [title(result), ""]
    for level, part in _levels(with_units(result, section), 0):
        for line in _text(part):
            lines += wrapped("  " * level + line, width)
    return "\n".join(lines).rstrip() + "\n"


def _levels(section: Section, level: int) -> list[tuple[int, Section]]:
    return [(level, section)] + [x for c in section.children for x in _levels(c, level + 1)]


def _text(part: Section) -> list[str]:
    lines = [f"{part.path}  {part.title}"]
    if part.nothing:
        lines.append(f"  nothing to derive: {part.nothing}")
    for group in _merged(part.derivations):
        d = group[0]
        label = ", ".join(
            [g.label if i == 0 else g.label.removeprefix("output ") for i, g in enumerate(group)]
        )
        lines.append(f"  {label} = {_equation(d)}{_also(d, '=', '≈')}")
        if len([name for name in d.legend if name]) > 1:
            lines.append(f"    ({_legend(d)})")
        if d.remark:
            lines.append(f"    ({d.remark})")
    return [*lines, ""]


def _merged(derivations: tuple[Derivation, ...]) -> list[list[Derivation]]:
    """Neighbours that say the same of different axes, together."""
    groups: list[list[Derivation]] = []
    for d in derivations:
        last = groups[-1][0] if groups else None
        if (
            last
            and last.label.startswith("output ")
            and (last.steps, last.value) == (d.steps, d.value)
        ):
            groups[-1].append(d)
        else:
            groups.append([d])
    return groups


def _equation(d: Derivation) -> str:
    """Steps and value; a step that is the value already is not said twice."""
    steps = [expression.text(step) for step in d.steps]
    value = grouped(d.value)
    return " = ".join(steps if steps and steps[-1] == value else [*steps, value])


def _legend(d: Derivation) -> str:
    """What stands for what, with the sign of the derivation between."""
    sign = " + " if "+" in d.steps[0] else " * "
    return sign.join(name for name in d.legend if name)


def explanation_latex(result: Result, section: Section) -> str:
    """An ``align*`` environment for each section, what its parts are under it."""
    head = f"\\noindent\\textbf{{{escape_latex(title(result))}}}"
    blocks = ["% needs \\usepackage{amsmath}", head]
    for part in with_units(result, section).walk():
        if not part.derivations:
            continue
        name = f"\\paragraph{{{escape_latex(part.path)}}} {escape_latex(part.title)}"
        body = " \\\\\n".join(map(_latex_row, part.derivations))
        blocks.append(f"{filled(name)}\n\\begin{{align*}}\n{body}\n\\end{{align*}}")
        blocks += [filled(f"\\noindent {escape_latex(note)}") for note in _latex_notes(part)]
    return "\n\n".join(blocks) + "\n"


def _latex_row(d: Derivation) -> str:
    steps = [expression.latex(step) for step in d.steps]
    value = f"{d.value:,}".replace(",", "{,}")
    shown = steps if steps and steps[-1] == value else [*steps, value]
    also = _also(d, "=", r"\approx").replace(d.also, rf"\text{{{d.also}}}") if d.also else ""
    return f"\\text{{{escape_latex(d.label)}}} &= {' = '.join(shown)}{also}"


def _latex_notes(part: Section) -> list[str]:
    """What the factors and addends are, and remarks."""
    legends = [
        f"{d.label}: {_legend(d)}." for d in part.derivations if len([n for n in d.legend if n]) > 1
    ]
    return legends + [f"{d.label}: {d.remark}." for d in part.derivations if d.remark]


def _document(section: Section) -> dict[str, Any]:
    return {
        "path": section.path,
        "title": section.title,
        "derivations": [
            {
                "quantity": d.label,
                "steps": list(d.steps),
                "value": d.value,
                "legend": list(d.legend),
                "remark": d.remark,
                "also": d.also,
            }
            for d in section.derivations
        ],
        "children": [_document(child) for child in section.children],
    }
