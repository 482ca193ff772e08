"""The output formats. Adding one is one function and one row in FORMATS."""

from __future__ import annotations

import json
from collections.abc import Callable

from netcalc.report.table import Report, Table
from netcalc.report.text import text_table, wrapped

ENDINGS = {
    ".txt": "text",
    ".md": "markdown",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".json": "json",
}
"""File endings, each with the format it stands for."""


def render(report: Report, name: str, width: int = 80) -> str:
    """A report in one of FORMATS, ending in a newline; ``width`` is that of the terminal."""
    return FORMATS[name](report, width).rstrip("\n").replace("\xa0", " ") + "\n"


def _text(report: Report, width: int) -> str:
    blocks = ["\n".join(wrapped(report.title, width))]
    for table in report.tables:
        head = f"{table.title}\n" if table.title else ""
        blocks.append(head + text_table(table, width))
    blocks.append("\n".join(line for note in report.notes for line in wrapped(note, width)))
    return "\n\n".join(block for block in blocks if block)


def _tabulated(table: Table, tablefmt: str, escape: Callable[[str], str] = str) -> str:
    """Tabulate's rendering; it escapes for LaTeX and HTML itself."""
    from tabulate import tabulate

    return tabulate(
        [[escape(cell) for cell in row] for row in table.cells()],
        headers=[escape(c.heading) for c in table.columns],
        tablefmt=tablefmt,
        colalign=["right" if c.right else "left" for c in table.columns],
        disable_numparse=True,
    )


def _markdown(report: Report, width: int) -> str:
    blocks = [f"**{escape_markdown(report.title)}**"] if report.title else []
    for table in report.tables:
        if table.title:
            blocks.append(escape_markdown(table.title))
        blocks.append(_tabulated(table, "pipe", escape_markdown))
    blocks += [_with_code(note) for note in report.notes if note]
    return "\n\n".join(blocks)


def _with_code(note: str) -> str:
    """A line in markdown, with what stands between backticks as code."""
    parts = note.split("`")
    if len(parts) % 2 == 0:
        return escape_markdown(note)
    return "".join(f"`{p}`" if i % 2 else escape_markdown(p) for i, p in enumerate(parts))


def escape_markdown(text: str) -> str:
    """Text that markdown shows as it is."""
    for character in "\\|*`<":
        text = text.replace(character, f"\\{character}")
    return text


def _latex(report: Report, width: int) -> str:
    blocks = [f"\\noindent\\textbf{{{escape_latex(report.title)}}}"] if report.title else []
    for table in report.tables:
        if table.title:
            blocks.append(f"\\noindent {escape_latex(table.title)}")
        blocks.append(_latex_table(table))
    blocks += [f"\\noindent {escape_latex(note)}" for note in report.notes if note]
    return "% needs \\usepackage{booktabs,longtable}\n" + "\n\n".join(blocks)


def _latex_table(table: Table) -> str:
    """Rules of booktabs; tables that may not fit a page break across pages."""
    name = "longtable" if len(table.rows) > LONG else "tabular"
    columns = "".join("r" if column.right else "l" for column in table.columns)
    lines = [[column.heading for column in table.columns], *table.cells()]
    heading, *rows = (" & ".join(map(escape_latex, line)) + " \\\\" for line in lines)
    head = f"\\toprule\n{heading}\n\\midrule" + ("\n\\endhead" if name == "longtable" else "")
    body = "\n".join([head, *rows, "\\bottomrule"])
    return f"\\begin{{{name}}}{{{columns}}}\n{body}\n\\end{{{name}}}"


LONG = 40
"""More rows than this need not fit a page."""


_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "·": r"$\cdot$",
    "≥": r"$\geq$",
    "<": r"$<$",
    ">": r"$>$",
}


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_LATEX.get(c, c) for c in text.replace("->", "→")).replace("→", r"$\to$")


def _html(report: Report, width: int) -> str:
    from html import escape

    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f"<title>{escape(report.title)}</title>\n<style>\n{_CSS}</style>\n</head>\n<body>\n"
        f"{html_fragment(report)}\n</body>\n</html>"
    )


_CSS = """body { font-family: system-ui, sans-serif; margin: 2em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: 0.15em 0.6em; border-bottom: 1px solid #ddd }
th { vertical-align: bottom; border-bottom: 2px solid #888 }
"""


def html_fragment(report: Report) -> str:
    """The report as it stands inside a page or a notebook."""
    from html import escape

    blocks = [f"<h4>{escape(report.title)}</h4>"] if report.title else []
    for table in report.tables:
        if table.title:
            blocks.append(f"<p><strong>{escape(table.title)}</strong></p>")
        blocks.append(_tabulated(table, "html"))
    blocks += [f"<p>{escape(note)}</p>" for note in report.notes if note]
    return "\n".join(blocks)


def _csv(report: Report, width: int) -> str:
    """The flat table or the first, its numbers exact and ungrouped; all else is left out."""
    import csv
    import io

    table = report.flat or report.tables[0]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([c.key for c in table.columns])
    writer.writerows(["" if v is None else v for v in row] for row in table.rows)
    return out.getvalue()


def _json(report: Report, width: int) -> str:
    return json.dumps(report.document(), indent=1, ensure_ascii=False)


FORMATS: dict[str, Callable[[Report, int], str]] = {
    "text": _text,
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
    "csv": _csv,
    "json": _json,
}
"""Each output format, with what makes it of a report."""
