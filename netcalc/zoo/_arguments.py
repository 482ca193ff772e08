"""Builder arguments as typed on a command line."""

from __future__ import annotations

from fractions import Fraction
from inspect import Parameter
from typing import Any

from netcalc.errors import InputError

_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def parse(name: str, value: Any, parameter: Parameter) -> Any:
    """The value for a builder's parameter, by its annotation; what is not text is left as it is.

    Choices are annotated ``Literal["pool", "fc"]``, fractions ``Fraction`` (0.29 is 29/100 then,
    not the nearest binary number). Raises InputError that says what the argument takes.
    """
    kind = str(parameter.annotation)
    if kind.startswith("Literal["):
        choices = [c.strip(" '\"") for c in kind[len("Literal[") : -1].split(",")]
        if value not in choices:
            raise InputError(f"{name} must be {' or '.join(choices)}, got {value!r}")
        return value
    if kind == "Fraction":
        return _fraction(name, value)
    if not isinstance(value, str):
        return value
    if kind == "bool":
        if value.lower() not in _FLAGS:
            raise InputError(f"{name} must be true or false, got {value!r}")
        return _FLAGS[value.lower()]
    try:
        return int(value)
    except ValueError:
        raise InputError(f"{name} must be an integer, got {value!r}") from None


def _fraction(name: str, value: Any) -> Any:
    """An exact fraction from text, an int or a float (by its shortest decimal)."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            raise InputError(f"{name} must be a number such as 0.5 or 1/2, got {value!r}") from None
    return value


def plain(value: Any) -> str:
    """A value as one would type it: a fraction as a decimal where it has a finite one."""
    if isinstance(value, Fraction):
        decimal = value.numerator / value.denominator
        return str(decimal) if Fraction(str(decimal)) == value and decimal % 1 else str(value)
    return str(value)
