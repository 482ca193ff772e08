"""What a formula assumes, in words: the conditions of legality that symbols cannot answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from netcalc.errors import InputError
from netcalc.symbolic.floors import flat
from netcalc.symbolic.printing import text_of
from netcalc.symbolic.tails import Holds, UndecidedError, decided

LISTED = 8
"""So many values are listed one by one, and so many runs of rests."""


def assumed(conditions: Sequence[tuple[str, Any]], symbols: Sequence[str]) -> list[str]:
    """The conditions, each with its layer's name, in words, those on one symbol as its range.

    Raises InputError where none of the values is legal.
    """
    relations: dict[Any, str] = {}
    for name, holds in conditions:
        relation = _plain(holds)
        if relation in (False, sympy.false):
            raise InputError(f"{name} cannot be for any value of {', '.join(symbols)}")
        if relation not in (True, sympy.true):
            relations.setdefault(relation, name)
    by_symbols: dict[tuple[Any, ...], list[Any]] = {}
    for relation in relations:
        free = tuple(sorted(relation.free_symbols, key=str))
        by_symbols.setdefault(free, []).append(relation)
    return [
        line
        for free, own in by_symbols.items()
        for line in (_of_one(own, free[0], relations) if len(free) == 1 else _words(own))
    ]


def _plain(holds: Any) -> Any:
    """A condition in its normal form: whole numbers, the constant on the right."""
    relation = sympy.sympify(holds)
    if not relation.is_Relational:
        return relation.func(*map(_plain, relation.args)) if relation.args else relation
    left, right = flat(relation.lhs), flat(relation.rhs)
    numerator, denominator = sympy.fraction(sympy.together(left - right))
    if not denominator.is_Integer:
        return relation.func(left, right)
    constant, rest = sympy.expand(numerator).as_coeff_Add()
    common = sympy.gcd_terms(rest).as_coeff_Mul()[0] if rest != 0 else 1
    common = abs(common) if constant % common == 0 else 1
    return relation.func(rest / common, -constant / common)


def _of_one(relations: list[Any], lone: Any, names: dict[Any, str]) -> list[str]:
    """Conditions on one symbol: the range of its values, or the conditions where it has none."""
    if _nowhere(relations, lone):
        first = next(i for i in range(len(relations)) if _nowhere(relations[: i + 1], lone))
        raise InputError(f"{names[relations[first]]} cannot be for any value of {lone}")
    divisors = [relation for relation in relations if _divides(relation)]
    bounds = [relation for relation in relations if relation not in divisors]
    return [*_ranges(bounds, lone), *_words(divisors)]


def _ranges(bounds: list[Any], lone: Any) -> list[str]:
    told = _range(bounds, lone)
    if told is not None:
        return [told] if told else []
    each = {bound: _range([bound], lone) for bound in bounds}
    ranges = [bound for bound in bounds if each[bound] is not None]
    rest = [bound for bound in bounds if each[bound] is None]
    told = _range(ranges, lone)
    if told is None:
        return _words(bounds)
    return [*([told] if told else []), *_words(rest)]


def _range(bounds: list[Any], lone: Any) -> str | None:
    """Where all bounds hold; "" for everywhere, None where this is nothing to say in a line."""
    try:
        holds = decided(bounds, lone)
    except UndecidedError:
        return None
    return _finite(holds, lone) if not holds.rests else _endless(holds, lone)


def _nowhere(relations: list[Any], lone: Any) -> bool:
    try:
        holds = decided(relations, lone)
    except UndecidedError:
        return False
    return not (holds.below or holds.rests)


def _finite(holds: Holds, lone: Any) -> str | None:
    values = sorted(holds.below)
    if len(values) > 1 and values[-1] - values[0] == len(values) - 1:
        return f"valid from {lone} = {values[0]} to {values[-1]}"
    return f"valid for {lone} = {', '.join(map(str, values))}" if len(values) <= LISTED else None


def _endless(holds: Holds, lone: Any) -> str | None:
    """From a first number on all, or those that leave some rests."""
    period = next(
        p
        for p in range(1, holds.period + 1)
        if holds.period % p == 0
        and all(((r + p) % holds.period in holds.rests) == (r in holds.rests) for r in holds.rests)
        and len(holds.rests) % (holds.period // p) == 0
    )
    rests = {r % period for r in holds.rests}
    after = (n for n in range(holds.settled, holds.settled + period) if n % period in rests)
    first = min(holds.below, default=next(after))
    if holds.below != {n for n in range(first, holds.settled) if n % period in rests}:
        return None
    if period == 1:
        return f"valid from {lone} = {first}" if first > 1 else ""
    runs = _runs(sorted(rests))
    start = f"from {lone} = {first}, " if first > min(r or period for r in rests) else ""
    told = f"valid {start}where {lone} % {period} is {' or '.join(runs)}"
    return told if len(runs) <= LISTED else None


def _runs(values: list[int]) -> list[str]:
    """Numbers, those that follow one another as one: 0, from 7 to 15."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return [f"from {run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]


def _divides(relation: Any) -> bool:
    """Whether a condition says that a remainder is 0."""
    return (
        relation.is_Relational
        and isinstance(relation.lhs, sympy.Mod)
        and (relation.rel_op, relation.rhs) in (("<=", 0), ("==", 0), ("<", 1))
    )


def _words(relations: list[Any]) -> list[str]:
    """Each condition in words, of those that bound the same thing the strongest."""
    strongest: dict[Any, Any] = {}
    for relation in relations:
        key = (relation.lhs, relation.rel_op) if _bounds(relation) else relation
        known = strongest.setdefault(key, relation)
        if _bounds(relation):
            both = [known.rhs, relation.rhs]
            strongest[key] = relation.func(relation.lhs, max(both) if ">" in key[1] else min(both))
    return list(dict.fromkeys(map(_said, strongest.values())))


def _bounds(relation: Any) -> bool:
    """Whether a condition bounds something by a number."""
    inequal = isinstance(relation, sympy.Ge | sympy.Gt | sympy.Le | sympy.Lt)
    return inequal and bool(relation.rhs.is_Rational)


def _said(relation: Any) -> str:
    if _divides(relation):
        number, by = map(text_of, relation.lhs.args)
        return f"{number} is a multiple of {by}"
    if relation.is_Relational:
        return f"{text_of(relation.lhs)} {relation.rel_op} {text_of(relation.rhs)}"
    return text_of(relation)
