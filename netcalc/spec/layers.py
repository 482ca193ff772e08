"""Layers and blocks of a file as the blocks of netcalc.core.blocks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netcalc.core.blocks import (
    Block,
    Branches,
    Chain,
    Head,
    Layer,
    Use,
)
from netcalc.core.ops.base import Op
from netcalc.core.ops.merge import Concat
from netcalc.core.tensor import BYTES
from netcalc.errors import SpecError, did_you_mean
from netcalc.spec import advice, values
from netcalc.spec.definitions import FORMS, Definition, definition
from netcalc.spec.kinds import known_kinds
from netcalc.spec.messages import LocatedError, Messages
from netcalc.spec.reader import Fields, Items, Text, Value

LAYERS = 20_000
"""A network that a file describes has no more layers and blocks than this."""

SAID = 200_000
"""Inputs, parameters and the like that a file says of them, each use counted."""

_NESTED = 60
_PATH = 300


class Maker(Messages):
    """Makes layers of the values of one file; every message names its line and the layer's path."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.count = 0
        self.said = 0
        self.depth = 0
        self.open: dict[str, int] = {}  # blocks that are being made, with the line of each use
        self.definitions: dict[str, Definition] = {}

    def wrong(self, line: int, message: str) -> LocatedError:
        """The error of a line, with the line that uses the block that it lies in."""
        used = next(iter(self.open.values()), line)
        return super().wrong(line, message + (f" (used in line {used})" if used != line else ""))

    def define(self, blocks: Fields) -> None:
        """Take the blocks that the file defines."""
        for name, value in blocks.entries.items():
            self.path = name
            self.definitions[name] = definition(self, name, blocks.lines[name], value)
        self.path = ""

    # --- layers --------------------------------------------------------------------------------

    def layer(self, value: Value, path: str, names: values.Names) -> Layer:
        """The layer or block of a value, with the parameters in reach."""
        before, self.path = self.path, path
        self.depth += 1
        if self.depth > _NESTED:
            raise self.wrong(value.line, f"nested more than {_NESTED} deep")
        if len(path) > _PATH:
            self.path = before
            raise self.wrong(
                value.line, f"a path of more than {_PATH} characters; use shorter names"
            )
        try:
            if isinstance(value, Items):
                return self._chain(value, path, names)
            if isinstance(value, Text):
                return self._typed(
                    Fields({"type": value}, {"type": value.line}, value.line), path, names
                )
            return self._mapping(value, path, names)
        finally:
            self.path = before
            self.depth -= 1

    def _mapping(self, given: Fields, path: str, names: values.Names) -> Layer:
        forms = [key for key in FORMS if key in given.entries]
        if len(forms) != 1:
            said = f"has {' and '.join(forms)}" if forms else "has none of them"
            near = "" if forms else self._nearest_form(given)
            message = f"a layer has one of {', '.join(FORMS)}; this one {said}{near}"
            raise self.wrong(given.line, message)
        if "repeat" in given.entries:
            return self._repeated(given, path, names)
        form = forms[0]
        if form == "type":
            return self._typed(given, path, names)
        self.check_keys(given, [form, *sorted(FORMS[form])], f"a layer with {form}")
        inner = given.entries[form]
        if form == "branches":
            return self._used(given, self._branches(given, inner, path, names))
        layer = self.layer(inner, path, names)
        return self._used(given, Head(layer) if form == "head" else layer)

    @staticmethod
    def _nearest_form(given: Fields) -> str:
        for key in given.entries:
            if hint := did_you_mean(key, FORMS):
                return f" ({key}: {hint})"
        return ""

    def _chain(self, value: Items, path: str, names: values.Names) -> Chain:
        layers: dict[str, Layer] = {}
        for item in value.items:
            if not (isinstance(item, Fields) and len(item.entries) == 1):
                hint = "a list holds named layers, each as `- conv1: {type: Conv2d, ...}`"
                raise self.wrong(item.line, hint)
            ((name, inner),) = item.entries.items()
            self._counted(item.line)
            if name in layers:
                raise self.wrong(item.line, f"two layers are called {name}; rename one")
            if values.is_empty(inner):
                raise self.wrong(item.line, f"{name} has no value; give it a type")
            layers[name] = self.layer(inner, f"{path}/{name}" if path else name, names)
        return Chain(layers)

    def _branches(self, given: Fields, inner: Value, path: str, names: values.Names) -> Branches:
        with self.at(given.lines["branches"]):
            named = values.fields_of(inner, "branches")
        join: Op = Concat()
        if "join" in given.entries:
            join = self._op(given.entries["join"], names)
        made: dict[str, Layer] = {}
        for name, value in named.entries.items():
            self._counted(named.lines[name])
            if values.is_empty(value):
                hint = "give it layers, or [] to pass the input on"
                raise self.wrong(named.lines[name], f"{name} has no value; {hint}")
            made[name] = self.layer(value, f"{path}/{name}" if path else name, names)
        return Branches(join, made)

    def _repeated(self, given: Fields, path: str, names: values.Names) -> Layer:
        """A layer so many times in a row, each with its number as its name."""
        with self.at(given.lines["repeat"], "repeat"):
            times = values.integer(given.entries["repeat"], names)
            if not isinstance(times, int) or times < 1:
                raise SpecError(f"must be a positive integer, got {times}")
        rest = Fields(
            {k: v for k, v in given.entries.items() if k not in ("repeat", "inputs")},
            given.lines,
            given.line,
        )
        before, said = self.count, self.said
        once = self.layer(rest, f"{path}/0", names)
        self._counted(given.line, (self.count - before + 1) * (times - 1))
        self._say(given.line, (self.said - said) * (times - 1))
        return self._used(given, Chain({str(i): once for i in range(times)}))

    def _typed(self, given: Fields, path: str, names: values.Names) -> Layer:
        kind = given.entries["type"]
        if not isinstance(kind, Text):
            raise self.wrong(kind.line, "type must be the name of a layer or block")
        if kind.text in self.definitions:
            return self._used(given, self._block(kind.text, given, path, names))
        ops = [self._op(given, names, FORMS["type"])]
        if "then" in given.entries:
            then = given.entries["then"]
            listed = then.items if isinstance(then, Items) else (then,)
            self._counted(then.line, len(listed))
            ops += [self._op(v, names) for v in listed]
        return self._used(given, tuple(ops))

    def _used(self, given: Fields, layer: Layer) -> Use:
        """The layer with what is said of this use of it, and the line that says it."""
        found = given.entries
        with self.at(given.line):
            inputs = values.words(found["inputs"]) if "inputs" in found else None
            frozen = values.words(found["frozen"]) if "frozen" in found else ()
            operands = values.words(found["operands"]) if "operands" in found else ()
            unit = values.word(found["unit"], {}) if "unit" in found else ""
            shared = (
                values.fields_of(found["tensors"], "tensors").entries if "tensors" in found else {}
            )
            tensors = {key: values.words(v)[0] for key, v in shared.items()}
            types = values.fields_of(found["types"], "types").entries if "types" in found else {}
            kinds = {key: values.words(v)[0] for key, v in types.items()}
        for kind in kinds.values():
            if kind not in BYTES:
                hint = did_you_mean(kind, BYTES) or f"there are {', '.join(BYTES)}"
                raise self.wrong(found["types"].line, f"there is no type {kind!r}; {hint}")
        self._say(given.line, len(inputs or ()) + len(frozen) + len(tensors))
        keys = {key: None if text == "none" else text for key, text in tensors.items()}
        place = f"{self.file}:{given.line}"
        return Use(layer, inputs, unit, keys, frozenset(frozen), place, operands, kinds)

    def _counted(self, line: int, more: int = 1) -> None:
        """Count layers; refuse what would become too many of them."""
        self.count += more
        if self.count > LAYERS:
            raise self.wrong(line, f"this makes more than {LAYERS:,} layers")

    def _say(self, line: int, more: int) -> None:
        """Count what is said of layers, which takes room as they do."""
        self.said += more
        if self.said > SAID:
            raise self.wrong(line, f"more than {SAID:,} inputs and parameters come of this")

    # --- kinds of layer ------------------------------------------------------------------------

    def _op(self, value: Value, names: values.Names, beside: Iterable[str] = ()) -> Op:
        """A layer of a kind; ``beside`` are keys that are not its fields."""
        if isinstance(value, Text):
            value = Fields({"type": value}, {"type": value.line}, value.line)
        with self.at(value.line):
            given = values.fields_of(value, "a layer")
        kind = given.entries.get("type")
        if not isinstance(kind, Text) or kind.text not in known_kinds():
            raise self.wrong(given.lines.get("type", given.line), self._no_type(kind))
        name = kind.text
        known, required, make, _ = known_kinds()[name]
        self.check_keys(given, ["type", *known, *sorted(beside)], name, advice.KEYS)
        found: dict[str, Any] = {}
        for key, inner in given.entries.items():
            if key in known and key not in beside:
                with self.at(given.lines[key], key):
                    found[key] = values.MEANINGS[known[key]](inner, names)
        missing = [key for key in required if key not in found]
        if missing:
            raise self.wrong(given.line, f"{name} needs {' and '.join(missing)}")
        with self.at(given.line):
            op = make(**found)
        self._check_limits(op, given)
        return op

    def _check_limits(self, op: Op, given: Fields) -> None:
        """Refuse fields that no layer can have, at the line of the field that is named."""
        for guard in op.limits():
            if any(holds is False for holds in guard.holds):
                line = given.lines.get(guard.message.split()[0], given.line)
                raise self.wrong(line, guard.message)

    def _no_type(self, kind: Value | None) -> str:
        if not isinstance(kind, Text):
            return "a layer needs a type, such as ReLU or {type: Conv2d, ...}"
        if kind.text in self.definitions:
            return f"{kind.text} is a block; here stand kinds of layer only, such as ReLU"
        known = [*self.definitions, *known_kinds()]
        hint = advice.for_type(kind.text, known) or f"the types are {', '.join(known)}"
        return f"there is no layer or block of type {kind.text!r}; {hint}"

    # --- blocks of the file --------------------------------------------------------------------

    def _block(self, name: str, given: Fields, path: str, names: values.Names) -> Block:
        """One use of a block: its body with the parameters that it is given."""
        definition = self.definitions[name]
        if name in self.open:
            raise self.wrong(given.line, f"the block {name} is made of itself")
        known = [p.name for p in definition.parameters]
        self.check_keys(given, ["type", *known, "inputs"], f"the block {name}")
        arguments = self._arguments(name, definition, given, names)
        self._counted(given.line)
        self.open[name] = given.line
        body = self.layer(definition.body, path, arguments)
        del self.open[name]
        return Block(definition.inputs, body)

    def _arguments(
        self, name: str, definition: Definition, given: Fields, names: values.Names
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._say(given.line, len(definition.parameters))
        for parameter in definition.parameters:
            key = parameter.name
            default = parameter.value(self, found)
            if key in given.entries:
                with self.at(given.lines[key], key):
                    found[key] = values.parameter_meaning(default)(given.entries[key], names)
            elif parameter.default is None:
                raise self.wrong(given.line, f"the block {name} needs {key}")
            else:
                found[key] = default
        return found
