"""What it costs to normalise rows by their own statistics.

A *row* is what is normalised together. What its statistics cost depends on the input, so it is
counted; BatchNorm's are known before, and are not.
"""

from __future__ import annotations

from netcalc.core.numbers import Num
from netcalc.core.term import Term

__all__: list[str] = []

Named = tuple[tuple[Num, ...], tuple[str, ...]]
"""Factors with their names."""


def term(label: str, kind: str, of: Named, times: tuple[Num, str] | None = None) -> Term:
    """Work that is done once for each of ``of``, or ``times`` as often."""
    factors, names = of
    if times is None:
        return Term(label, kind, factors, names)
    return Term(label, kind, (times[0], *factors), (times[1], *names))


def moments(each: Named, rows: Named) -> tuple[Term, ...]:
    """The inverse deviation of each row, 1 / sqrt(mean(x*x) - mean(x)**2 + eps)."""
    return (
        term("sums and sums of squares", "add", each, (2, "sums")),
        term("squares", "mul", each),
        term("means of both", "div", rows, (2, "means")),
        term("squared means", "mul", rows),
        term("subtractions of these, additions of eps", "add", rows, (2, "both")),
        term("inverse square roots", "pow", rows),
    )


def applied(each: Named) -> tuple[Term, ...]:
    """One scale and one shift per element, as BatchNorm has them."""
    return term("scalings", "mul", each), term("shifts", "add", each)


def folded(each: Named, rows: Named, channels: Named | None) -> tuple[Term, ...]:
    """Normalised, with the weights and biases of channels in the scale and the shift of each."""
    if channels is None:
        return (term("shifts of rows", "mul", rows), *applied(each))
    return (
        term("scales and shifts of channels", "mul", channels, (2, "both")),
        term("subtractions of shifts from biases", "add", channels),
        *applied(each),
    )
