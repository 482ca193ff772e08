"""Conditions on one symbol, decided exactly for every whole number from 1.

From some number on, a sum, product, quotient, floor or remainder of whole numbers is a quotient of
two polynomials on each class of numbers that leave one rest by some period. So a finite number of
classes and of numbers before that decides a condition for all.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor, lcm
from typing import Any, NamedTuple

import sympy

PERIODS = 1024
"""Longer periods are not looked at."""

TRIED = 16384
"""So many numbers before the classes settle are tried one by one, at most."""

Poly = tuple[Fraction, ...]
"""Coefficients, the constant first; no trailing zeros; () is 0."""

ONE: Poly = (Fraction(1),)


class Quotient(NamedTuple):
    """One polynomial by another."""

    top: Poly
    bottom: Poly = ONE


class UndecidedError(Exception):
    """An expression of another kind, or too long a period."""


class _Finer(Exception):  # noqa: N818  (no error: the period grows)
    """The classes must be finer by this factor."""


class Holds(NamedTuple):
    """Where something holds: the numbers below ``settled``, and from there the rests by a period.

    ``below`` has numbers from 1 to settled - 1.
    """

    settled: int
    period: int
    below: frozenset[int]
    rests: frozenset[int]


def decided(conditions: list[Any], lone: Any) -> Holds:
    """Where all conditions of the symbol hold. Raises UndecidedError where this cannot be told."""
    period = 1
    while period <= PERIODS:
        try:
            return _decided(conditions, lone, period)
        except _Finer as problem:
            period *= int(str(problem))
    raise UndecidedError


def _decided(conditions: list[Any], lone: Any, period: int) -> Holds:
    classes = [Numbers(lone, rest, period) for rest in range(period)]
    rests = frozenset(c.rest for c in classes if c.all_hold(conditions))
    settled = max(c.rest + c.since * period for c in classes)
    if settled > TRIED:
        raise UndecidedError
    settled = max(settled, 1)
    below = frozenset(n for n in range(1, settled) if Numbers(lone, n, 0).all_hold(conditions))
    return Holds(settled, period, below, rests)


class Numbers:
    """The numbers ``rest + period * k``, k from ``since`` on, which grows with what is asked.

    With period 0 the one number ``rest``.
    """

    def __init__(self, lone: Any, rest: int, period: int) -> None:
        self.lone = lone
        self.rest = rest
        self.period = period
        self.since = 0
        self.known: dict[Any, Quotient] = {}

    def all_hold(self, conditions: list[Any]) -> bool:
        """Whether all conditions hold; not where one divides by 0."""
        try:
            return all(self.holds(condition) for condition in conditions)
        except ZeroDivisionError:
            return False

    def holds(self, condition: Any) -> bool:
        """Whether a condition holds."""
        if condition in (True, sympy.true):
            return True
        if condition in (False, sympy.false):
            return False
        if isinstance(condition, sympy.And | sympy.Or):
            of_all = all if isinstance(condition, sympy.And) else any
            return of_all(self.holds(part) for part in condition.args)
        if not condition.is_Relational:
            raise UndecidedError
        gap = self.sign(_plus(self.value(condition.lhs), _negative(self.value(condition.rhs))))
        signs = {">=": (0, 1), ">": (1,), "<=": (-1, 0), "<": (-1,), "==": (0,), "!=": (-1, 1)}
        return gap in signs[condition.rel_op]

    def value(self, expr: Any) -> Quotient:
        """What an expression comes to."""
        if expr not in self.known:
            self.known[expr] = self._value(expr)
        return self.known[expr]

    def _value(self, expr: Any) -> Quotient:
        if expr.is_Rational:
            return Quotient(_poly(Fraction(int(expr.p), int(expr.q))))
        if expr == self.lone:
            return Quotient(_poly(Fraction(self.rest), Fraction(self.period)))
        parts = [self.value(part) for part in expr.args]
        if expr.is_Add:
            return _folded(_plus, parts)
        if expr.is_Mul:
            return _folded(_times, parts)
        if expr.is_Pow and expr.exp.is_Integer and abs(expr.exp) <= 64:
            power = _folded(_times, [Quotient(ONE), *[parts[0]] * abs(int(expr.exp))])
            return power if expr.exp > 0 else self._by(Quotient(ONE), power)
        if isinstance(expr, sympy.floor):
            return self._floor(parts[0])
        if isinstance(expr, sympy.Mod):
            whole = self._floor(self._by(*parts))
            return _plus(parts[0], _negative(_times(parts[1], whole)))
        if isinstance(expr, sympy.Abs):
            return parts[0] if self.sign(parts[0]) >= 0 else _negative(parts[0])
        raise UndecidedError

    def _by(self, a: Quotient, b: Quotient) -> Quotient:
        if not self.sign(b):
            raise ZeroDivisionError
        return _times(a, Quotient(b.bottom, b.top))

    def sign(self, number: Quotient) -> int:
        """The sign that a number has from ``since`` on."""
        product = _product(number.top, number.bottom)
        if not product:
            return 0
        last = product[-1]
        if len(product) > 1:  # Cauchy: no root has a larger absolute value
            bound = 1 + max(abs(c / last) for c in product[:-1])
            self.since = max(self.since, floor(bound) + 1)
        return 1 if last > 0 else -1

    def _floor(self, number: Quotient) -> Quotient:
        """The number rounded down, once what is left of it is too small to matter."""
        whole, rest = _divided(number.top, number.bottom)
        finer = lcm(*(c.denominator for c in whole[1:]))
        if finer > 1:
            raise _Finer(finer)
        constant = whole[0] if whole else Fraction(0)
        down = Fraction(floor(constant))
        if rest and constant == down and self.sign(Quotient(rest, number.bottom)) < 0:
            down -= 1
        found = Quotient(_sum(whole, _poly(down - constant)))
        gap = _plus(number, _negative(found))
        if self.sign(gap) < 0 or self.sign(_plus(gap, Quotient(_poly(Fraction(-1))))) >= 0:
            raise UndecidedError  # it cannot be; asking says from where on
        return found


# --- polynomials ---------------------------------------------------------------------------------


def _poly(*coefficients: Fraction) -> Poly:
    found = list(coefficients)
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _sum(a: Poly, b: Poly) -> Poly:
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    return _poly(*(c + (shorter[i] if i < len(shorter) else 0) for i, c in enumerate(longer)))


def _product(a: Poly, b: Poly) -> Poly:
    if not a or not b:
        return ()
    found = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, c in enumerate(a):
        for j, d in enumerate(b):
            found[i + j] += c * d
    return _poly(*found)


def _divided(a: Poly, b: Poly) -> tuple[Poly, Poly]:
    """Quotient and remainder."""
    if not b:
        raise ZeroDivisionError
    whole: Poly = ()
    while len(a) >= len(b):
        step = (*[Fraction(0)] * (len(a) - len(b)), a[-1] / b[-1])
        whole = _sum(whole, step)
        a = _sum(a, tuple(-c for c in _product(step, b)))
    return whole, a


def _plus(a: Quotient, b: Quotient) -> Quotient:
    if a.bottom == b.bottom:
        return Quotient(_sum(a.top, b.top), a.bottom)
    crossed = _sum(_product(a.top, b.bottom), _product(b.top, a.bottom))
    return Quotient(crossed, _product(a.bottom, b.bottom))


def _times(a: Quotient, b: Quotient) -> Quotient:
    return Quotient(_product(a.top, b.top), _product(a.bottom, b.bottom))


def _negative(a: Quotient) -> Quotient:
    return Quotient(tuple(-c for c in a.top), a.bottom)


def _folded(join: Any, parts: list[Quotient]) -> Quotient:
    found = parts[0]
    for part in parts[1:]:
        found = join(found, part)
    return found
