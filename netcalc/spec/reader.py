"""YAML and JSON text as plain values with line numbers: texts, lists and mappings, nothing else.

PyYAML parses; no tag is obeyed and nothing is constructed. Aliases are shared, not copied, and
depth and size are bounded, so that a small file cannot become a large one here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

from netcalc.errors import InputError, SpecError

BYTES = 2_000_000
DEPTH = 60
"""Lists and mappings within one another, in a file."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Text(NamedTuple):
    """A scalar as it is written; ``plain`` if without quotes."""

    text: str
    line: int
    plain: bool = True


class Items(NamedTuple):
    """A list."""

    items: tuple[Value, ...]
    line: int


class Fields(NamedTuple):
    """A mapping, with the line of each key."""

    entries: dict[str, Value]
    lines: dict[str, int]
    line: int


Value: TypeAlias = Text | Items | Fields


EMPTY = "`netcalc schema --example` prints a full one"


def read_file(path: Path, empty: str = EMPTY) -> Value:
    """The value that a file holds; ``empty`` says what to do about one that holds nothing.

    Raises InputError where it cannot be read, SpecError (with the line) where it is no YAML or
    JSON, or holds what a spec file may not.
    """
    try:
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as problem:
        raise InputError(f"{path}: {problem.strerror or problem}") from None
    if len(content) > BYTES:
        raise InputError(f"{path}: larger than {BYTES // 10**6} MB; is this a network's file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise SpecError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None
    return read(text, str(path), empty)


def read(text: str, name: str, empty: str = EMPTY) -> Value:
    """The value of a text; ``name`` stands before the line in messages (.json: JSON)."""
    if name.lower().endswith(".json"):
        _check_json(text, name)
        text = _as_yaml(text)
    try:
        _check_depth(text, name)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as problem:
        raise SpecError(_syntax(problem, name)) from None
    if node is None:
        raise SpecError(f"{name}: the file is empty; {empty}")
    return _Converter(name).value(node)


def _as_yaml(text: str) -> str:
    """JSON as YAML reads it: no tabs between tokens, no halves of characters, no control codes."""
    text = re.sub(r"\\u(d[89ab]\w\w)\\u(d[c-f]\w\w)", _pair, text, flags=re.IGNORECASE)
    text = re.sub("[\x7f-\x9f]", lambda m: f"\\u{ord(m.group()):04x}", text)
    return text.replace("\t", " ")


def _pair(halves: re.Match[str]) -> str:
    codes = bytes.fromhex(halves[1] + halves[2])
    return codes.decode("utf-16-be")


def _check_json(text: str, name: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError as problem:
        raise SpecError(f"{name}:{problem.lineno}: not JSON: {problem.msg}") from None
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        pass  # the bounds of the next steps name the line


TOO_DEEP = f"nested more than {DEPTH} deep; use blocks"


def _check_depth(text: str, name: str) -> None:
    """Refuse what is nested too deep, before anything recurses over it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH:
                mark: Any = event.start_mark
                raise SpecError(f"{name}:{mark.line + 1}: {TOO_DEEP}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax(problem: yaml.YAMLError, name: str) -> str:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    said = getattr(problem, "problem", None) or getattr(problem, "reason", None) or "not YAML"
    context = getattr(problem, "context", None)
    if "nesting depth" in said:  # newer versions of PyYAML have a limit of their own
        said, context = TOO_DEEP, None
    place = f"{name}:{mark.line + 1}" if mark is not None else name
    return f"{place}: {said}{f' ({context})' if context else ''}"


class _Converter:
    """PyYAML's nodes as values, each converted once however often an alias names it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.made: dict[int, Value] = {}
        self.open: set[int] = set()

    def value(self, node: yaml.Node) -> Value:
        key = id(node)
        if key not in self.made:
            line = node.start_mark.line + 1
            if key in self.open:
                raise SpecError(f"{self.name}:{line}: an alias in here stands for the whole of it")
            if node.tag not in _TAGS:
                raise SpecError(f"{self.name}:{line}: tags such as {node.tag[:40]} are not read")
            self.open.add(key)
            self.made[key] = self._convert(node, line)
        return self.made[key]

    def _convert(self, node: yaml.Node, line: int) -> Value:
        if isinstance(node, yaml.ScalarNode):
            return Text(node.value, line, not node.style)
        if isinstance(node, yaml.SequenceNode):
            return Items(tuple(map(self.value, node.value)), line)
        entries: dict[str, Value] = {}
        lines: dict[str, int] = {}
        for key, value in self._pairs(node):
            if key.text in entries:
                raise SpecError(f"{self.name}:{key.line}: {key.text} stands here twice")
            entries[key.text], lines[key.text] = value, key.line
        return Fields(entries, lines, line)

    def _pairs(self, node: yaml.Node) -> Iterator[tuple[Text, Value]]:
        for key_node, value_node in node.value:
            key = self.value(key_node)
            if not isinstance(key, Text):
                raise SpecError(f"{self.name}:{key.line}: a key must be a name")
            if key_node.tag == _MERGE:
                raise SpecError(
                    f"{self.name}:{key.line}: << is not read; define a block with parameters"
                )
            yield key, self.value(value_node)


_MERGE = "tag:yaml.org,2002:merge"
_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map", "merge", "value")
}
"""What PyYAML makes of untagged text; the text itself is what is read."""
