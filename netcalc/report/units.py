"""Numbers as people read them. Every rounding here is of exact integers, half up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netcalc.core.tensor import Tensor

_STEPS = ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def grouped(n: Any) -> str:
    """1,582,671,872"""
    return f"{n:,}"


def signed(n: int) -> str:
    """+7,280 and -743,424; 0 without a sign"""
    return f"{n:+,}" if n else "0"


def human(n: int, unit: str = "") -> str:
    """Three significant digits with a decimal prefix: 7.00 M, 1.58 G; small numbers as they are."""
    for i, (step, prefix) in enumerate(_STEPS):
        if abs(n) >= step:
            text = _significant(n, step)
            if text == "1000" and i > 0:  # 999,950 is 1.00 M, not 1000 k
                step, prefix = _STEPS[i - 1]
                text = _significant(n, step)
            return f"{text} {prefix}{unit}"
    return f"{n} {unit}".rstrip()


def _significant(n: int, step: int) -> str:
    """n/step with three significant digits."""
    digits = 2 if abs(n) < 10 * step else 1 if abs(n) < 100 * step else 0
    text = decimal(n, step, digits)
    whole = text.lstrip("-").partition(".")[0]
    return text if digits + len(whole) <= 3 or digits == 0 else decimal(n, step, digits - 1)


def decimal(n: int, unit: int, digits: int) -> str:
    """n/unit with that many decimals."""
    scaled = (2 * abs(n) * 10**digits + unit) // (2 * unit)
    whole, rest = divmod(scaled, 10**digits)
    sign = "-" if n < 0 and scaled else ""
    return f"{sign}{whole}.{rest:0{digits}}" if digits else f"{sign}{whole}"


def percent(part: int, whole: int) -> str:
    """One decimal; 0.0 only of nothing or very little."""
    return f"{decimal(100 * part, whole, 1)}%" if whole else "-"


def ratio(a: int, b: int) -> str:
    """How a second number compares with a first: 3.15x fewer, 1.20x more."""
    if a == b:
        return "equal"
    if not a or not b:
        return "-"
    big, small = max(a, b), min(a, b)
    return f"{decimal(big, small, 2)}x {'fewer' if b < a else 'more'}"


def multiple(a: int, b: int) -> str:
    """How many times b goes into a: 8.71, from 100 on without decimals."""
    return grouped(int(decimal(a, b, 0))) if a >= 100 * b else decimal(a, b, 2)


def size(x: Tensor) -> str:
    """64x112x112 of a single image, 8x64x112x112 of a batch of eight."""
    dims = x.dims[1:] if len(x.dims) > 1 and x.dims[0] == 1 else x.dims
    return "x".join(str(d) for d in dims) or "scalar"


def sizes(tensors: Mapping[str, Tensor], most: int | None = None) -> str:
    """The sizes of a network's inputs or outputs, or of the first ``most`` of them."""
    return ", ".join(size(x) for x in list(tensors.values())[:most])
