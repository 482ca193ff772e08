"""By how much a printed size, window or width is another than the derived one."""

from __future__ import annotations

import re

from netcalc.published.quantities import Written

AXES = ("depth", "height", "width", "channels")


def difference(quantity: str, found: Written, printed: str) -> str:
    """Which axis is off by how much, or why the text can be none; empty of texts without numbers.

    ``channels by +16, +100%``; the axes in another order; numbers that are missing.
    """
    own = tuple(int(n) for n in found.numbers)
    digits = tuple(int(n) for n in re.findall(r"\d{1,30}", printed))
    if not own or not digits:
        return ""
    if len(digits) != len(own):
        if digits == own[-1:] and set(own[:-1]) == {1}:
            return f"a vector is written {found}"
        return f"{_numbers(len(digits))}, and {found} has {len(own)}"
    if digits == own:
        return f"write it as {found}"
    if sorted(digits) == sorted(own) and "/" not in found.form:
        first = "channels first" if len(own) > 2 and digits == (own[-1], *own[:-1]) else ""
        return "the axes are in another order" + (f", {first}" if first else "")
    pairs = zip(_names(quantity, found), digits, own, strict=True)
    return "; ".join(_by(name, there, here) for name, there, here in pairs if there != here)


def _numbers(n: int) -> str:
    return "1 number" if n == 1 else f"{n} numbers"


def _names(quantity: str, found: Written) -> list[str]:
    """What the numbers of a text are."""
    n = len(found.numbers)
    if quantity == "window":  # a kernel of as many axes, and a stride
        return [*(f"kernel {axis}" for axis in AXES[-n:-1]), "stride"]
    if quantity == "map":
        return list(AXES[-n - 1 : -1])
    if n > 2:
        return list(AXES[-n:])
    return ["the first number", "the second number"] if n > 1 else [""]


def _by(name: str, printed: int, derived: int) -> str:
    step = f"{name} by {printed - derived:+,}".strip()
    if not derived:
        return step
    share = 100 * (printed - derived) / derived
    return f"{step}, {share:+.1f}%" if abs(share) >= LEAST else f"{step}, {share:+.1g}%"


LEAST = 0.05
"""Smaller shares, in percent, take more than one decimal."""
