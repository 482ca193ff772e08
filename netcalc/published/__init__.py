"""What papers printed, as data: one JSON file for each table.

``columns`` say which quantity of the derivation stands in them and in which unit, ``rows`` which
part of the network they cover and what the paper prints in them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple


class Published(NamedTuple):
    """A published table: where it is from, the network it describes, its columns and rows."""

    name: str
    title: str
    source: str
    units: str
    input: tuple[int, ...]
    columns: tuple[dict[str, Any], ...]
    rows: tuple[dict[str, Any], ...]


def load(name: str) -> Published:
    """The published table of that name."""
    data = json.loads((Path(__file__).parent / f"{name}.json").read_text("utf-8"))
    return Published(
        name,
        data["title"],
        data["source"],
        data["units"],
        tuple(data["input"]),
        tuple(data["columns"]),
        tuple(data["rows"]),
    )
