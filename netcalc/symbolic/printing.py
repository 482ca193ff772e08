"""Expressions as text, and as Python that calculates with whole numbers alone."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.str import StrPrinter


class Text(StrPrinter):  # type: ignore[misc, unused-ignore]
    """Text that has one quotient in each floor: floor((H + 1)/32)."""

    FLOOR, DIVIDE = "floor({})", "/"

    def _print_floor(self, expr: Any) -> str:
        return self.FLOOR.format(self.quotient(expr.args[0]))

    def quotient(self, expr: Any) -> str:
        """One fraction: whatever is more than a name or number stands in parentheses."""
        numerator, denominator = sympy.fraction(sympy.together(expr))
        numerator = sympy.expand(numerator)
        top = self._print(numerator)
        if denominator == 1:
            return str(top)
        below = self._print(denominator)
        below = below if denominator.is_Atom else f"({below})"
        return f"{f'({top})' if numerator.is_Add else top}{self.DIVIDE}{below}"

    def _print_Mod(self, expr: Any) -> str:  # noqa: N802  (sympy looks for the name)
        left, right = (
            f"({self._print(part)})" if part.is_Add or part.is_Mul else self._print(part)
            for part in expr.args
        )
        return f"({left} % {right})"

    def _print_Abs(self, expr: Any) -> str:  # noqa: N802
        return f"abs({self._print(expr.args[0])})"


class Whole(Text):
    """Python whose floors are whole divisions."""

    FLOOR, DIVIDE = "({})", "//"

    def exact(self, expr: Any) -> str:
        """An expression that is whole, without a division that would make floats of it."""
        whole = sympy.fraction(sympy.together(expr))[1] == 1
        return str(self._print(expr)) if whole else self.quotient(expr)


def text_of(expression: Any) -> str:
    """An expression as one reads it."""
    return str(Text().doprint(expression))
