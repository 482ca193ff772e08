"""Messages that name the file, the line and the layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from netcalc.core.frozen import FrozenDict
from netcalc.errors import NetcalcError, SpecError, did_you_mean
from netcalc.spec import values
from netcalc.spec.reader import Fields

NONE: Mapping[str, str] = FrozenDict()


class LocatedError(SpecError):
    """An error whose message names its line already."""


def said_of(what: str, message: str) -> str:
    """A message with what it is about: ``kernel must be ...``, ``kernel: there is no ...``."""
    return f"{what}{' ' if message.startswith('must') else ': '}{message}"


class Messages:
    """What is wrong in ``file``, at the layer of ``path``."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.path = ""

    def wrong(self, line: int, message: str) -> LocatedError:
        """The error of a line, at the layer that is being made."""
        where = f"{self.file}:{line}"
        return LocatedError(
            f"{where} {self.path}: {message}" if self.path else f"{where}: {message}"
        )

    @contextmanager
    def at(self, line: int, what: str = "") -> Iterator[None]:
        """Errors raised inside get the line, and ``what`` in front."""
        try:
            yield
        except LocatedError:
            raise
        except NetcalcError as problem:
            message = str(problem)
            if what:
                message = said_of(what, message)
            raise self.wrong(line, message) from None

    def check_keys(
        self, given: Fields, known: Iterable[str], what: str, advice: Mapping[str, str] = NONE
    ) -> None:
        """Refuse a key that nothing reads, with the nearest that something does, or with advice."""
        names = list(dict.fromkeys(known))
        for key, value in given.entries.items():
            line = given.lines[key]
            if key not in names:
                hint = advice.get(key) or did_you_mean(key, names)
                hint = hint or f"it takes {', '.join(names)}"
                raise self.wrong(line, f"{what} has no {key!r}; {hint}")
            if values.is_empty(value):
                raise self.wrong(line, f"{key} has no value")
