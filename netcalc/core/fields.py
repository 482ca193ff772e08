"""The values that a layer's fields take: checked and made canonical, by annotation."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, TypeAlias

from netcalc.core.tensor import type_name
from netcalc.errors import SpecError

Indices: TypeAlias = tuple[int, ...]
"""A field that is a list, not a number for each axis."""


def plain(value: Any) -> Any:
    """One number for an axis-by-axis tuple whose entries are equal plain ints."""
    if isinstance(value, tuple) and value and all(type(v) is int and v == value[0] for v in value):
        return value[0]
    return value


def number(name: str, value: Any) -> Any:
    """An int, or what calculates like one; text, fractions and truth values are refused."""
    if type(value) is int:
        return value
    if isinstance(value, bool | float | complex) or not hasattr(value, "__floordiv__"):
        raise SpecError(f"{name} must be an integer, got {value!r}")
    return int(value) if isinstance(value, Integral) else value


LARGEST = 10**15
"""No axis is longer: what is meant to be a size and is not is told so."""


def axes(name: str, shape: Any) -> tuple[Any, ...]:
    """A shape's entries, those that are integers from 1 to LARGEST."""
    dims = tuple(number(name, d) for d in shape)
    for d in dims:
        if isinstance(d, int) and not 1 <= d <= LARGEST:
            shown = "x".join(map(str, dims)) if d < 1 else "a larger one"
            raise SpecError(f"{name}: every axis must be from 1 to {LARGEST:,}, got {shown}")
    return dims


def _numbers(name: str, value: Any) -> Any:
    if isinstance(value, str | list) or not isinstance(value, tuple):
        raise SpecError(f"{name} must be an integer or one for each axis, got {value!r}")
    checked = tuple(number(name, v) for v in value)
    return value if all(a is b for a, b in zip(checked, value, strict=True)) else checked


def _numbers_or_name(name: str, value: Any) -> Any:
    if value in ("same", "valid"):
        return value
    if isinstance(value, str):
        raise SpecError(f"{name} must be an integer, 'same' or 'valid', got {value!r}")
    return _numbers(name, value)


def _numbers_or_none(name: str, value: Any) -> Any:
    if isinstance(value, tuple) and None in value:
        found = iter(_numbers(name, tuple(v for v in value if v is not None)))
        return tuple(None if v is None else next(found) for v in value)
    return _numbers(name, value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SpecError(f"{name} must be true or false, got {value!r}")
    return value


def _real(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise SpecError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise SpecError(f"{name} must be finite, got {value!r}")
    return value if isinstance(value, int | float) else float(value)


def _real_or_none(name: str, value: Any) -> Any:
    return None if value is None else _real(name, value)


def _text(name: str, value: Any) -> Any:
    if name == "dtype":
        value = type_name(value)
    if not isinstance(value, str):
        raise SpecError(f"{name} must be text, got {value!r}")
    return value


def _text_or_none(name: str, value: Any) -> Any:
    return None if value is None else _text(name, value)


def _static(name: str, value: Any) -> Any:
    checked = number(name, value)
    if not isinstance(checked, int):
        raise SpecError(f"{name} is static: it takes one integer, got {value!r}")
    return checked


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "Num": number,
    "int": _static,
    "int | None": lambda name, value: None if value is None else _static(name, value),
    "bool": _flag,
    "float": _real,
    "float | None": _real_or_none,
    "tuple[Num, ...]": _numbers,
    "tuple[int, ...]": _numbers,
    "tuple[int | None, ...]": _numbers_or_none,
    "Indices": _numbers,
    "Indices | None": lambda name, value: None if value is None else _numbers(name, value),
    "str": _text,
    "str | None": _text_or_none,
    "tuple[Num, ...] | str": _numbers_or_name,
}
"""For each annotation that a field may have: the check, which returns the canonical value."""
