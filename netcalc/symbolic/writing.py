"""Formulas as text, as LaTeX and as a Python function of whole numbers."""

from __future__ import annotations

import keyword

import sympy

from netcalc.symbolic.formula import Formula, symbol
from netcalc.symbolic.printing import Whole, text_of


def text(found: Formula) -> str:
    """One line for the formula, then the assumptions."""
    where = f" of {found.path}" if found.path else ""
    shown = _by_axis(found, [text_of(e) for e in found.expressions], "({})", " x ")
    lines = [f"{found.quantity}{where} = {shown}"]
    return "\n".join([*lines, *(f"  {told}" for told in found.assumptions)]) + "\n"


def latex(found: Formula) -> str:
    """An equation, for amsmath."""
    each = [sympy.latex(e) for e in found.expressions]
    shown = _by_axis(found, each, r"\left({}\right)", r" \times ")
    told = "".join(f"% {line}\n" for line in found.assumptions)
    return f"{told}\\begin{{equation*}}\n{shown}\n\\end{{equation*}}\n"


def _by_axis(found: Formula, written: list[str], wrapped: str, times: str) -> str:
    """The sizes of the axes, sums among several of them in parentheses."""
    if len(written) == 1:
        return written[0]
    sums = [getattr(e, "is_Add", False) for e in found.expressions]
    each = zip(written, sums, strict=True)
    return times.join(wrapped.format(part) if more else part for part, more in each)


def python(found: Formula) -> str:
    """A function of the symbols, exact for whole numbers."""
    name = _identifier("_".join(p for p in (found.name, found.path, found.quantity) if p))
    renamed = {symbol(s): symbol(_identifier(s)) for s in found.symbols if s != _identifier(s)}
    parts = [Whole().exact(sympy.sympify(e).subs(renamed)) for e in found.expressions]
    value = f"({', '.join(parts)},)" if found.quantity == "output" else parts[0]
    told = [f"    {line}" for line in found.assumptions]
    doc = _quotable(f"{found.quantity} of {found.path or found.name}")
    docstring = [f'    """{doc}'.rstrip(), *(["", *told] if told else []), '    """']
    if not told:
        docstring = [f'    """{doc}"""']
    takes = ", ".join(_identifier(s) for s in found.symbols)
    return "\n".join([f"def {name}({takes}):", *docstring, f"    return {value}"]) + "\n"


def _identifier(name: str) -> str:
    """A name that Python takes: no sign or digit that it does not allow, none of its own words."""
    name = "".join(c if f"_{c}".isidentifier() else "_" for c in name)
    name = name if name.isidentifier() else f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def _quotable(line: str) -> str:
    return line.replace("\\", "\\\\").replace('"', '\\"')


FORMATS = {"text": text, "latex": latex, "python": python}
