"""Why candidates are left out: what a guard says of one of them, without its numbers."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from netcalc.core.term import Guard

_NUMBERS = re.compile(r"(?<![\w/.:])-?\d[\d,]*(?<!,)(?:\.\d+)?(?:x\d+)*(?![\w/])")
"""Numbers and sizes (3x224x224), not those within names (3a/conv) or behind a file's (a.yaml:3)."""


def without_numbers(text: str) -> str:
    """A message with N in the place of every number, so that like ones are told once."""
    return _NUMBERS.sub(lambda match: "x".join("N" for _ in match[0].split("x")), text)


def reason(guard: Guard, i: int) -> str:
    """What a guard says of the candidate at a position."""
    return without_numbers(guard._replace(values=_at(guard.values, i)).message)


def _at(x: Any, i: int) -> Any:
    """The numbers of one candidate, in what may hold arrays."""
    if isinstance(x, np.ndarray):
        return int(x[i])
    if isinstance(x, dict):
        return {key: _at(value, i) for key, value in x.items()}
    if isinstance(x, tuple | list):
        parts = [_at(value, i) for value in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    if is_dataclass(x) and not isinstance(x, type):
        return type(x)(**{f.name: _at(getattr(x, f.name), i) for f in fields(x) if f.init})
    return x
