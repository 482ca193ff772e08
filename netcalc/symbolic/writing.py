"""Formulas as text, as LaTeX and as a Python function of whole numbers."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.str import StrPrinter

from netcalc.symbolic.formula import Formula


class _Text(StrPrinter):  # type: ignore[misc, unused-ignore]
    """Text that has one quotient in each floor: floor((H + 1)/32)."""

    FLOOR = "floor({})"

    def _print_floor(self, expr: Any) -> str:
        numerator, denominator = sympy.fraction(sympy.together(expr.args[0]))
        top = self._print(sympy.expand(numerator))
        over = self.DIVIDE + self._print(denominator)
        return self.FLOOR.format((f"({top})" if " " in top else top) + over)

    DIVIDE = "/"


class _Whole(_Text):
    """Python whose floors are whole divisions."""

    FLOOR, DIVIDE = "({})", "//"


def text(found: Formula) -> str:
    """One line for the formula, then the assumptions."""
    where = f" of {found.path}" if found.path else ""
    shown = " x ".join(_Text().doprint(e) for e in found.expressions)
    lines = [f"{found.quantity}{where} = {shown}"]
    return "\n".join([*lines, *(f"  {told}" for told in found.assumptions)]) + "\n"


def latex(found: Formula) -> str:
    """An equation, for amsmath."""
    shown = r" \times ".join(sympy.latex(e) for e in found.expressions)
    told = "".join(f"% {line}\n" for line in found.assumptions)
    return f"{told}\\begin{{equation*}}\n{shown}\n\\end{{equation*}}\n"


def python(found: Formula) -> str:
    """A function of the symbols, exact for whole numbers."""
    name = "_".join(part for part in (found.name, found.path, found.quantity) if part)
    name = "".join(c if c.isalnum() else "_" for c in name)
    parts = [_Whole().doprint(e) for e in found.expressions]
    value = f"({', '.join(parts)},)" if found.quantity == "output" else parts[0]
    told = [f"    {line}" for line in found.assumptions]
    doc = f"{found.quantity} of {found.path or found.name}"
    docstring = [f'    """{doc}'.rstrip(), *(["", *told] if told else []), '    """']
    if not told:
        docstring = [f'    """{doc}"""']
    lines = [f"def {name}({', '.join(found.symbols)}):", *docstring, f"    return {value}"]
    return "\n".join(lines) + "\n"


FORMATS = {"text": text, "latex": latex, "python": python}
