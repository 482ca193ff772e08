"""What the values of a file mean: numbers, flags and names, by the kind of field that they fill."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from netcalc.core.fields import CHECKS
from netcalc.errors import SpecError
from netcalc.spec.expression import evaluate
from netcalc.spec.reader import Fields, Items, Text, Value

FLAGS = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}
NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_REAL = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)

Names = Mapping[str, Any]
"""The parameters in reach, with their values."""

Meaning = Callable[[Value, Names], Any]


def shown(value: Value) -> str:
    """A value in a message."""
    if isinstance(value, Text):
        return repr(value.text[:60]) if value.text else "nothing"
    return "a list" if isinstance(value, Items) else "a mapping"


def integer(value: Value, names: Names) -> Any:
    """A number, or arithmetic on parameters."""
    if isinstance(value, Text) and value.text in FLAGS:
        raise SpecError(f"must be an integer, got {value.text}")
    if not isinstance(value, Text) or not value.text.strip():
        raise SpecError(f"must be an integer or arithmetic on parameters, got {shown(value)}")
    if _REAL.fullmatch(value.text) and not value.text.lstrip("+-").isdecimal():
        raise SpecError(f"must be an integer, got {value.text}")
    return evaluate(value.text, names)


def integers(value: Value, names: Names) -> Any:
    """A number, or a list of them (one for each axis)."""
    if isinstance(value, Items):
        return tuple(integer(item, names) for item in value.items)
    return integer(value, names)


def indices(value: Value, names: Names) -> Any:
    """A list of numbers, or one."""
    found = integers(value, names)
    return found if isinstance(found, tuple) else (found,)


def indices_or_none(value: Value, names: Names) -> Any:
    """As ``indices``, or ``none``."""
    return None if _is_none(value) else indices(value, names)


def integer_or_none(value: Value, names: Names) -> Any:
    """As ``integer``, or ``none``."""
    return None if _is_none(value) else integer(value, names)


def integers_or_none(value: Value, names: Names) -> Any:
    """As ``integers``, where ``none`` keeps an axis as it is."""
    parts = value.items if isinstance(value, Items) else (value,)
    found = tuple(None if _is_none(part) else integer(part, names) for part in parts)
    return found if isinstance(value, Items) else found[0]


def integers_or_name(value: Value, names: Names) -> Any:
    """As ``integers``, or one of PyTorch's words."""
    if isinstance(value, Text):
        text = names.get(value.text, value.text)
        if text in ("same", "valid"):
            return text
    return integers(value, names)


def flag(value: Value, names: Names) -> bool:
    """``true`` or ``false``."""
    if isinstance(value, Text):
        found = names.get(value.text, FLAGS.get(value.text))
        if isinstance(found, bool):
            return found
    raise SpecError(f"must be true or false, got {shown(value)}")


def real(value: Value, names: Names) -> Any:
    """A number with or without decimals: 0.75, 1e-4."""
    text = names.get(value.text, value.text) if isinstance(value, Text) else shown(value)
    if isinstance(text, int | float) and not isinstance(text, bool):
        return text
    if not (isinstance(text, str) and _REAL.fullmatch(text)):
        raise SpecError(f"must be a number such as 0.75 or 1e-4, got {text or 'nothing'}")
    found = int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    if not math.isfinite(found):
        raise SpecError(f"must be finite, got {text}")
    return found


def real_or_none(value: Value, names: Names) -> Any:
    """As ``real``, or ``none``."""
    return None if _is_none(value) else real(value, names)


def word(value: Value, names: Names) -> str:
    """Text, or the value of the parameter of that name."""
    if not isinstance(value, Text):
        raise SpecError(f"must be text, got {shown(value)}")
    return str(names.get(value.text, value.text))


def word_or_none(value: Value, names: Names) -> str | None:
    """As ``word``, or ``none``."""
    return None if _is_none(value) else word(value, names)


def words(value: Value) -> tuple[str, ...]:
    """One text or a list of them, as written."""
    parts = value.items if isinstance(value, Items) else (value,)
    for part in parts:
        if not isinstance(part, Text) or not part.text:
            raise SpecError(f"must be a name or a list of names, got {shown(part)}")
    return tuple(part.text for part in parts if isinstance(part, Text))


def _is_none(value: Value) -> bool:
    return isinstance(value, Text) and value.text in ("none", "None", "null", "~")


MEANINGS: dict[str, Meaning] = {
    "Num": integer,
    "int": integer,
    "int | None": integer_or_none,
    "bool": flag,
    "float": real,
    "float | None": real_or_none,
    "tuple[Num, ...]": integers,
    "tuple[int, ...]": integers,
    "tuple[int | None, ...]": integers_or_none,
    "Indices": indices,
    "Indices | None": indices_or_none,
    "str": word,
    "str | None": word_or_none,
    "tuple[Num, ...] | str": integers_or_name,
}
"""For each annotation that a field may have (see core.fields.CHECKS), how it is read."""

assert MEANINGS.keys() == CHECKS.keys()


def parameter_meaning(default: Any) -> Meaning:
    """How an argument is read, by the parameter's default: a flag, text, or else integers."""
    if isinstance(default, bool):
        return flag
    return word if isinstance(default, str) else integers


def default_value(text: str, names: Names) -> Any:
    """The default behind ``=`` in ``s=1``: a flag, arithmetic, or text."""
    text = text.strip()
    if text in FLAGS:
        return FLAGS[text]
    try:
        return evaluate(text, names)
    except SpecError:
        if NAME.fullmatch(text) or _REAL.fullmatch(text):
            return text
        raise


def is_empty(value: Value) -> bool:
    """A key with nothing behind it."""
    return isinstance(value, Text) and value.plain and not value.text


def fields_of(value: Value, what: str) -> Fields:
    """A mapping, or SpecError that says what should be one."""
    if not isinstance(value, Fields):
        raise SpecError(f"{what} must be a mapping, got {shown(value)}")
    return value
