"""Builder arguments as typed on a command line."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from inspect import Parameter
from numbers import Real
from typing import Any

from netcalc.core.fields import number
from netcalc.errors import InputError, SpecError

_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def parse(name: str, value: Any, parameter: Parameter) -> Any:
    """The value for a builder's parameter, by its annotation; numbers as exact ones.

    Choices are annotated ``Literal["pool", "fc"]``, fractions ``Fraction`` (0.29 is 29/100 then,
    not the nearest binary number). Raises InputError that says what the argument takes.
    """
    kind = str(parameter.annotation)
    if kind.startswith("Literal["):
        choices = [c.strip(" '\"") for c in kind[len("Literal[") : -1].split(",")]
        if str(value).lower() not in choices:
            raise InputError(f"{name} must be {' or '.join(choices)}, got {value!r}")
        return str(value).lower()
    if kind == "Fraction":
        return _fraction(name, value)
    if kind == "bool":
        if not isinstance(value, bool) and str(value).lower() not in _FLAGS:
            raise InputError(f"{name} must be true or false, got {value!r}")
        return value if isinstance(value, bool) else _FLAGS[str(value).lower()]
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?\d{1,15}", value):
            raise InputError(f"{name} must be an integer of at most 15 digits, got {value[:40]!r}")
        return int(value)
    try:
        found = number(name, value)
    except SpecError as problem:
        raise InputError(str(problem)) from None
    if kind == "int" and not isinstance(found, int):
        raise InputError(f"{name} must be a number, not many or a symbol: {plain(value)}")
    return found


def _fraction(name: str, value: Any) -> Any:
    """An exact fraction from text or a number (by its shortest decimal); a symbol as it is."""
    if isinstance(value, str | int | float | Real | Decimal | None) and not isinstance(value, bool):
        if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{0,15})?(/0*[1-9]\d{0,14})?", str(value)):
            raise InputError(f"{name} must be a number such as 0.5 or 1/2, got {str(value)[:40]!r}")
        top, _, bottom = str(value).partition("/")
        return Fraction(top) / int(bottom or 1)
    return value


def plain(value: Any) -> str:
    """A value as one would type it: a fraction as a decimal where it has a finite one.

    An array would be long, and is "[...]".
    """
    if getattr(value, "ndim", 0):
        return "[...]"
    if isinstance(value, Fraction):
        decimal = value.numerator / value.denominator
        return str(decimal) if Fraction(str(decimal)) == value and decimal % 1 else str(value)
    return str(value)
