"""Rounded quotients in a normal form: floors within floors become one, ``floor((H + 1)/32)``."""

from __future__ import annotations

from typing import Any

import sympy


def flat(expression: Any) -> Any:
    """An expression whose floors hold no floors where that can be had, from the inside out.

    floor((floor(u) + c)/d) is floor((u + c)/d) for whole c and d, and floor(u) + c is
    floor(u + c) for whole c.
    """
    if not isinstance(expression, sympy.Basic) or not expression.has(sympy.floor):
        return expression
    inner = [flat(part) for part in expression.args]
    made = expression.func(*inner) if inner else expression
    if isinstance(made, sympy.floor):
        return _one(made.args[0])
    if isinstance(made, sympy.Add):
        return _with_whole(made)
    return made


def _one(inside: Any) -> Any:
    """The floor of an expression, without the floor that it may be a fraction of."""
    numerator, denominator = sympy.fraction(sympy.together(inside))
    numerator = sympy.expand(numerator)
    if denominator == 1 and numerator.is_integer:
        return numerator
    floors = [term for term in numerator.args if isinstance(term, sympy.floor)] or (
        [numerator] if isinstance(numerator, sympy.floor) else []
    )
    if len(floors) == 1 and denominator.is_Integer:
        rest = numerator - floors[0]
        if rest.is_Integer:
            return _one((floors[0].args[0] + rest) / denominator)
    constant = numerator.as_coeff_Add()[0]
    if denominator.is_Integer and constant.is_Integer and constant < 0:  # so that equal ones meet
        steps = -(constant // denominator)
        inside = sympy.together((numerator + steps * denominator) / denominator)
        return sympy.floor(inside, evaluate=False) - steps
    return sympy.floor(sympy.together(numerator / denominator), evaluate=False)


def _with_whole(sum_of: Any) -> Any:
    """A sum of one floor and a whole number as one floor."""
    floors = [term for term in sum_of.args if isinstance(term, sympy.floor)]
    rest = sum_of - sympy.Add(*floors)
    if len(floors) == 1 and rest.is_Integer:
        return _one(floors[0].args[0] + rest)
    return sum_of
