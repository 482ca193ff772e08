"""Integer arithmetic on parameters: ``2*c``, ``(k - 1) // 2``. Parsed, never run as code."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from netcalc.core.fields import LARGEST
from netcalc.errors import SpecError, did_you_mean

LENGTH = 200
"""Characters of an expression."""

_NESTED = 20
_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z_]\w*)|(//|[-+*%()])|(\S))", re.ASCII)
_SUM: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub}
_PRODUCT: dict[str, Callable[[Any, Any], Any]] = {
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression of integers, names, ``+ - * // %`` and parentheses.

    ``names`` may stand for anything that calculates as integers do. Raises SpecError, which says
    what is wrong with the text, for what is no such expression or is beyond 10**15.
    """
    if len(text) > LENGTH:
        raise SpecError(f"an expression may have {LENGTH} characters, this one has {len(text)}")
    return _Parser(text, names).whole()


class _Parser:
    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        self.text = text
        self.names = names
        self.tokens = [m.group().strip() for m in _TOKEN.finditer(text)]
        self.at = 0
        self.depth = 0

    def whole(self) -> Any:
        value = self._sum()
        if self.at < len(self.tokens):
            raise self._unexpected(self._take())
        return value

    def _sum(self) -> Any:
        return self._row(_SUM, self._product)

    def _product(self) -> Any:
        return self._row(_PRODUCT, self._signed)

    def _row(self, operators: dict[str, Callable[[Any, Any], Any]], part: Callable[[], Any]) -> Any:
        value = part()
        while self._peek() in operators:
            sign = self._take()
            right = part()
            if sign in ("//", "%") and type(right) is int and right == 0:
                raise self._wrong("it divides by 0:")
            value = self._bounded(operators[sign](value, right))
        return value

    def _signed(self) -> Any:
        negative = False
        while self._peek() in ("-", "+"):
            negative ^= self._take() == "-"
        value = self._atom()
        return -value if negative else value

    def _atom(self) -> Any:
        part = self._take()
        if re.fullmatch(r"\d+", part, re.ASCII):
            return self._bounded(int(part))  # of at most LENGTH digits
        if part == "(":
            return self._nested()
        if part[:1].isalpha() or part[:1] == "_":
            return self._named(part)
        raise self._unexpected(part)

    def _nested(self) -> Any:
        self.depth += 1
        if self.depth > _NESTED:
            raise self._wrong("too many parentheses in")
        value = self._sum()
        if self._take() != ")":
            raise self._wrong("a parenthesis is not closed in")
        self.depth -= 1
        return value

    def _named(self, name: str) -> Any:
        if name not in self.names:
            if not self.names:
                raise SpecError(f"must be an integer, got {self.text.strip()!r}")
            known = ", ".join(self.names)
            hint = did_you_mean(name, self.names) or f"the parameters are: {known}"
            raise SpecError(f"there is no parameter {name!r}; {hint}")
        value = self.names[name]
        if isinstance(value, bool | str | tuple) and len(self.tokens) > 1:
            raise SpecError(f"{name} is no integer to calculate with, in {self.text.strip()!r}")
        return value

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self) -> str:
        part = self._peek()
        self.at += 1
        return part

    def _bounded(self, value: Any) -> Any:
        if isinstance(value, int) and abs(value) > LARGEST:
            raise self._wrong(f"more than {LARGEST:,} comes out of")
        return value

    def _unexpected(self, part: str) -> SpecError:
        if part == "/":
            return self._wrong("use // (which rounds down) in")
        what = f"{part} is not expected in" if part else "something is missing at the end of"
        return self._wrong(what)

    def _wrong(self, what: str) -> SpecError:
        return SpecError(f"{what} {self.text.strip()!r}")
