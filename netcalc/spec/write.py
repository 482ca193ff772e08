"""A document of a network as YAML or JSON text, with a line for each layer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any


def to_yaml(data: dict[str, Any]) -> str:
    """A document as YAML: a line for each layer, lists of layers indented below their name."""
    return "\n".join(_yaml(data)) + "\n"


def _yaml(value: Any) -> Iterator[str]:
    """The lines of a mapping or list that holds layers."""
    if isinstance(value, list):
        for item in value:
            first, *rest = _yaml(item)
            yield f"  - {first}"
            yield from (f"    {line}" for line in rest)
        return
    for key, inner in value.items():
        if not _holds_layers(inner):
            yield f"{_text(key)}: {_flow(inner)}"
            continue
        yield f"{_text(key)}:"
        shift = "" if isinstance(inner, list) else "  "
        yield from (shift + line for line in _yaml(inner))


def _flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _text(value) if isinstance(value, str) else _dumps(value)


def _text(text: str) -> str:
    """A text, in quotes where YAML would take it for something else."""
    plain = re.fullmatch(r"[A-Za-z_][\w./+-]*", text, re.ASCII) and text.lower() not in _WORDS
    return text if plain else _dumps(text)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def to_json(data: dict[str, Any]) -> str:
    """A document as JSON: a line for each layer."""
    return _json(data, "") + "\n"


def _json(value: Any, indent: str) -> str:
    if not _holds_layers(value):
        return _dumps(value)
    inside = indent + "  "
    if isinstance(value, list):
        parts = [_json(v, inside) for v in value]
    else:
        parts = [f"{_dumps(k)}: {_json(v, inside)}" for k, v in value.items()]
    opening, closing = "[]" if isinstance(value, list) else "{}"
    rows = ",\n".join(inside + part for part in parts)
    return f"{opening}\n{rows}\n{indent}{closing}"


def _holds_layers(value: Any) -> bool:
    """Whether named layers stand in a value: it is written over several lines then."""
    if isinstance(value, dict):
        return "branches" in value or any(map(_holds_layers, value.values()))
    return isinstance(value, list) and any(isinstance(v, dict) and "type" not in v for v in value)


WRITERS: dict[str, Callable[[dict[str, Any]], str]] = {"yaml": to_yaml, "json": to_json}
"""The formats of files."""
