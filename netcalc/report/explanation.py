"""Derivations as people read them: an indented text, LaTeX equations, or a table."""

from __future__ import annotations

from typing import Any

from netcalc.core.analyse import Result
from netcalc.core.explain import Derivation, Section
from netcalc.published import load
from netcalc.published.regenerate import in_unit
from netcalc.report import expression
from netcalc.report.network import title
from netcalc.report.table import Column, Report, Table
from netcalc.report.text import wrapped
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
    folded = fold(section, depth)
    rows = tuple(
        (part.path, d.label, _chain(d), d.value, ", ".join(d.legend))
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
    return Section(section.path, section.title, section.derivations, children)


def _chain(d: Derivation) -> str:
    return " = ".join(expression.text(step) for step in d.steps)


def explanation_text(result: Result, section: Section, width: int = 80) -> str:
    """Each section under its path, two spaces further in for each level."""
    paper = _paper_unit(result)
    lines = [title(result), ""]
    for level, part in _levels(section, 0):
        for line in _text(part, paper):
            lines += wrapped("  " * level + line, width)
    return "\n".join(lines).rstrip() + "\n"


def _levels(section: Section, level: int) -> list[tuple[int, Section]]:
    return [(level, section)] + [x for c in section.children for x in _levels(c, level + 1)]


def _text(part: Section, paper: dict[str, Any] | None) -> list[str]:
    lines = [f"{part.path}  {part.title}"]
    for group in _merged(part.derivations):
        d = group[0]
        label = ", ".join(
            [g.label if i == 0 else g.label.removeprefix("output ") for i, g in enumerate(group)]
        )
        lines.append(f"  {label} = {_equation(d)}{_in_paper_unit(d, part, paper)}")
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


def _paper_unit(result: Result) -> dict[str, Any] | None:
    """The column of weights in the published table that a network follows."""
    if not result.graph.paper:
        return None
    return next(c for c in load(result.graph.paper).columns if c["quantity"] == "weights")


def _in_paper_unit(d: Derivation, part: Section, column: dict[str, Any] | None) -> str:
    """A module's weights in the unit of the paper's table: = 112K."""
    if column is None or d.label != "weights" or "*" in d.steps[0]:
        return ""
    exact = d.value * 10 ** column["digits"] % column["unit"] == 0
    return f" {'=' if exact else '≈'} {in_unit(d.value, column)}"


def explanation_latex(result: Result, section: Section) -> str:
    """An ``align*`` environment for each section."""
    blocks = ["% needs \\usepackage{amsmath}"]
    for part in section.walk():
        if not part.derivations:
            continue
        rows = [_latex_row(d) for d in part.derivations]
        name = part.path.replace("_", r"\_")
        body = " \\\\\n".join(rows)
        blocks.append(f"\\paragraph{{{name}}}\n\\begin{{align*}}\n{body}\n\\end{{align*}}")
    return "\n\n".join(blocks) + "\n"


def _latex_row(d: Derivation) -> str:
    steps = [expression.latex(step) for step in d.steps]
    value = f"{d.value:,}".replace(",", "{,}")
    shown = steps if steps and steps[-1] == value else [*steps, value]
    return f"\\text{{{d.label}}} &= {' = '.join(shown)}"


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
            }
            for d in section.derivations
        ],
        "children": [_document(child) for child in section.children],
    }
