"""From where on one network costs more than another: the roots of their difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import sympy

from netcalc.core.analyse import analyse, total
from netcalc.errors import InputError
from netcalc.symbolic.formula import QUANTITIES, Formula, Make, formula, symbol
from netcalc.symbolic.printing import text_of

COUNTS = QUANTITIES[:3]


class Span(NamedTuple):
    """Whole numbers from ``first`` to ``last`` (None: without end) and which network has fewer.

    ``fewer`` is -1 for the first network, 1 for the second, 0 where both have as many.
    """

    first: int
    last: int | None
    fewer: int


class BreakEven(NamedTuple):
    """Two networks over one symbol: their formulas, the spans, and the exact counts around them.

    ``exact`` are counts of both by the rules themselves, at the ends of the spans.
    """

    symbol: str
    arguments: tuple[str, ...]
    formulas: tuple[Formula, Formula]
    spans: tuple[Span, ...]
    exact: dict[int, tuple[int, int]]


def break_even(
    makes: tuple[Make, Make],
    arguments: tuple[Mapping[str, Any], Mapping[str, Any]],
    over: str,
    quantity: str = "params",
) -> BreakEven:
    """Where one network has fewer of a quantity than the other.

    ``arguments`` are those of each network that stand for the symbol ``over``. Raises InputError
    for another quantity, where no argument does so, or where the difference is no polynomial.
    """
    if quantity not in COUNTS:
        raise InputError(f"there is no quantity {quantity!r}; choose from {', '.join(COUNTS)}")
    first, second = (
        formula(make, given, quantity) for make, given in zip(makes, arguments, strict=True)
    )
    names = tuple(dict.fromkeys((*arguments[0], *arguments[1])))
    lone = symbol(over)
    difference = sympy.expand(second.expressions[0] - first.expressions[0])
    if not difference.is_polynomial(lone):
        raise InputError(f"the difference {difference} is no polynomial in {over}")
    spans = _spans(difference, lone)
    ends = {n for span in spans for n in (span.first, span.last) if n is not None}
    exact = {n: _exact(makes, arguments, quantity, lone, n) for n in sorted(ends)}
    return BreakEven(over, names, (first, second), spans, exact)


def _spans(difference: Any, lone: Any) -> tuple[Span, ...]:
    """The signs of a polynomial over the whole numbers from 1."""
    if difference.is_number:
        return (Span(1, None, -int(sympy.sign(difference))),)
    x = sympy.Symbol("x", real=True)
    roots = sympy.real_roots(sympy.Poly(difference.subs(lone, x), x))
    # a sign can change only after the whole part of a root, or at a root that is whole
    cuts = sorted({1, *(int(sympy.floor(r)) + k for r in roots for k in (0, 1))} - {0})
    cuts = [cut for cut in cuts if cut >= 1]
    found: list[Span] = []
    for i, cut in enumerate(cuts):
        last = cuts[i + 1] - 1 if i + 1 < len(cuts) else None
        fewer = -int(sympy.sign(difference.subs(lone, cut)))
        if found and found[-1].fewer == fewer:
            found[-1] = found[-1]._replace(last=last)
        else:
            found.append(Span(cut, last, fewer))
    return tuple(found)


def _exact(
    makes: tuple[Make, Make],
    arguments: tuple[Mapping[str, Any], Mapping[str, Any]],
    quantity: str,
    lone: Any,
    value: int,
) -> tuple[int, int]:
    """Both counts by the rules themselves, for a number."""
    counts = []
    for make, given in zip(makes, arguments, strict=True):
        numbers = {name: int(e.subs(lone, value)) for name, e in given.items()}
        rows = analyse(make(numbers)).rows
        if quantity == "activations":
            counts.append(sum(int(x.numel) for row in rows for x in row.outs))
        else:
            counts.append(int(getattr(total(row.counts for row in rows), quantity)))
    return counts[0], counts[1]


def told(found: BreakEven) -> list[str]:
    """Both formulas and the spans, in lines."""
    first, second = found.formulas
    names = " = ".join(found.arguments)
    lines = [f"{f.name}: {f.quantity} = {text_of(f.expressions[0])}" for f in (first, second)]
    if found.arguments != (found.symbol,):
        lines.append(f"{names} = {found.symbol}")
    for span in found.spans:
        lines += _span(found, span, first.name, second.name)
    return lines


def _span(found: BreakEven, span: Span, first: str, second: str) -> list[str]:
    quantity, over = found.formulas[0].quantity, found.symbol
    reach = f"from {over} = {span.first}" if span.first > 1 else ""
    reach += f" up to {over} = {span.last}" if span.last is not None else ""
    reach = reach.strip() or f"for every {over}"
    verb = {-1: "more", 1: "fewer", 0: "as many"}[span.fewer]
    at = span.last if span.last is not None else span.first
    a, b = found.exact[at]
    than = "as" if not span.fewer else "than"
    return [
        f"{second} has {verb} {quantity} {than} {first} {reach}",
        f"  {b:,} against {a:,} at {over} = {at}",
    ]
