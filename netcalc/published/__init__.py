"""What papers printed, as data: one file for each table, and the audit of these.

``load`` reads the one table that is also a layout of ``netcalc table``; ``tables`` reads all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from netcalc.errors import UnknownNameError, did_you_mean


class Published(NamedTuple):
    """A published table: where it is from, the network it describes, its columns and rows."""

    name: str
    title: str
    source: str
    legend: str
    input: tuple[int, ...]
    columns: tuple[dict[str, Any], ...]
    rows: tuple[dict[str, Any], ...]


def load(name: str) -> Published:
    """The published table of that name; raises UnknownNameError for another."""
    known = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.json"))}
    if name not in known:
        hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
        raise UnknownNameError(f"there is no published table called {name!r}; {hint}")
    data = json.loads(known[name].read_text("utf-8"))
    return Published(
        name,
        data["title"],
        data["source"],
        data["legend"],
        tuple(data["input"]),
        tuple(data["columns"]),
        tuple(data["rows"]),
    )
