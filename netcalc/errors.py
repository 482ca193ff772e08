"""All that a user ever sees go wrong."""

from __future__ import annotations

from collections.abc import Iterable


class NetcalcError(Exception):
    """One line that says what, where, with which numbers, and what to do."""


class SpecError(NetcalcError):
    """A layer or network that cannot be: a bad field, or sizes that do not fit."""


class InputError(NetcalcError):
    """Something handed to a command or function that it cannot take."""


class UnknownNameError(NetcalcError):
    """A name that nothing answers to; the message offers the nearest ones."""


class OutputError(NetcalcError):
    """A result that could not be written."""


SHORT = 60
"""Longer values are not shown in a message."""

LONG, MANY = 80, 1000
"""Longer names, and names after so many, are not looked at for the nearest."""


def printable(text: str) -> str:
    """A text from somebody else's file as a terminal may show it: control characters escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shown(thing: object) -> str:
    """A value that is not what it should be, as a message has it: its kind where it is long."""
    text = repr(thing)
    return text if len(text) <= SHORT and "\n" not in text else f"a {type(thing).__name__}"


def nearest(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """The known names that are near another, the nearest first."""
    from difflib import get_close_matches  # only where something went wrong

    if len(name) > LONG:
        return []
    return get_close_matches(name, [k for k in known if len(k) <= LONG][:MANY], n=most)


def did_you_mean(name: str, known: Iterable[str], most: int = 1) -> str:
    """``did you mean a or b?`` with the nearest of the known names; empty where none is near."""
    near = nearest(name, known, most)
    return f"did you mean {' or '.join(near)}?" if near else ""


def no_such_argument(name: str, argument: str, known: list[str]) -> UnknownNameError:
    """The error for an argument that a network does not take, with those that it does."""
    if not known:
        return UnknownNameError(f"{name} takes no arguments, got {argument!r}")
    hint = f"{did_you_mean(argument, known)} it takes {', '.join(known)}"
    return UnknownNameError(f"{name} has no argument {argument!r}; {hint.strip()}")
