"""Blocks that a file defines, and parameters: what is said of them before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from netcalc.errors import SpecError
from netcalc.spec import values
from netcalc.spec.kinds import known_kinds
from netcalc.spec.messages import Messages
from netcalc.spec.reader import Fields, Items, Text, Value

FORMS: Mapping[str, frozenset[str]] = {
    "type": frozenset(
        {"then", "inputs", "repeat", "unit", "frozen", "tensors", "operands", "types"}
    ),
    "layers": frozenset({"inputs", "repeat"}),
    "branches": frozenset({"join", "inputs", "repeat"}),
    "head": frozenset({"inputs"}),
}
"""What tells the forms of a layer apart, and the keys that go with each."""

_RESERVED = {"none", "None", *values.FLAGS, *FORMS, *(k for keys in FORMS.values() for k in keys)}


class Parameter(NamedTuple):
    """A parameter of a block or file; without a default, an integer that must be given."""

    name: str
    line: int
    default: Value | None = None

    def value(self, messages: Messages, names: values.Names) -> Any:
        """The default, which may be arithmetic on the parameters before it (0 for none)."""
        if self.default is None:
            return 0
        with messages.at(self.line, self.name):
            if isinstance(self.default, Items):
                return values.integers(self.default, names)
            return values.default_value(values.word(self.default, {}), names)


class Definition(NamedTuple):
    """A block of a file: its parameters, the names of its inputs, what it is made of."""

    parameters: tuple[Parameter, ...]
    inputs: tuple[str, ...]
    body: Value


def definition(messages: Messages, name: str, line: int, value: Value) -> Definition:
    """What a file says of a block, its parameters and inputs parted from its body."""
    if name in known_kinds():
        raise messages.wrong(line, f"{name} is a kind of layer; rename the block")
    if values.is_empty(value):
        raise messages.wrong(line, f"the block {name} has no value; give it a type or layers")
    if not isinstance(value, Fields):
        return Definition((), ("input",), value)
    own = {k: v for k, v in value.entries.items() if k in ("parameters", "inputs")}
    rest = {k: v for k, v in value.entries.items() if k not in own}
    with messages.at(value.line):
        inputs = values.words(own["inputs"]) if "inputs" in own else ("input",)
        if len(set(inputs)) < len(inputs):
            raise SpecError(f"two inputs of the block {name} have one name; rename one")
    found = parameters(messages, own["parameters"]) if "parameters" in own else ()
    return Definition(found, inputs, Fields(rest, value.lines, value.line))


def parameters(messages: Messages, value: Value) -> tuple[Parameter, ...]:
    """Parameters from ``[c, k, s=1]`` or ``{c: 64, k: 3}``."""
    if isinstance(value, Fields):
        found = [
            Parameter(k, value.lines[k], None if values.is_empty(v) else v)
            for k, v in value.entries.items()
        ]
    else:
        parts = value.items if isinstance(value, Items) else (value,)
        found = [_parameter(messages, part) for part in parts]
    seen: set[str] = set()
    for name, line, _ in found:
        if not values.NAME.fullmatch(name) or name in _RESERVED:
            raise messages.wrong(line, f"{name!r} is no name for a parameter; choose another")
        if name in seen:
            raise messages.wrong(line, f"two parameters are called {name}; rename one")
        seen.add(name)
    return tuple(found)


def _parameter(messages: Messages, part: Value) -> Parameter:
    if not isinstance(part, Text):
        raise messages.wrong(part.line, "write parameters as [c, k, s=1]")
    name, equals, default = part.text.partition("=")
    given = Text(default.strip(), part.line) if equals else None
    return Parameter(name.strip(), part.line, given)
