"""Published tables as data: where each is from, what its rows and columns are, what it prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from netcalc.core.frozen import FrozenDict
from netcalc.core.tensor import Tensor
from netcalc.spec.reader import Fields

NONE = "none"
"""The quantity of a column that no count can produce: accuracies, teams, years."""


Given: TypeAlias = "tuple[int, ...] | Tensor | FrozenDict[str, tuple[int, ...] | Tensor]"
"""The input of a network as a table gives it: a shape, one with its type, or several by name."""


class Net(NamedTuple):
    """A network of a table: a NET, or a spec in the file; and its input, or inputs by name."""

    net: str
    spec: Fields | None = None
    input: Given | None = None


class Column(NamedTuple):
    """A column. ``given`` says that networks are built from what stands in it."""

    key: str
    heading: str
    given: bool
    settings: Mapping[str, Any]


class Hypothesis(NamedTuple):
    """Another spec, unit or convention that may be what a row was worked out with."""

    says: str
    settings: Mapping[str, Any]
    columns: Mapping[str, Mapping[str, Any]]


class TableRow(NamedTuple):
    """A row: its name, what it prints by column, and what it says of these cells.

    One that is not ``verified`` is quoted from memory, or what its network is built from is.
    """

    name: str
    line: int
    printed: Mapping[str, str]
    settings: Mapping[str, Any]
    columns: Mapping[str, Mapping[str, Any]]
    hypotheses: tuple[Hypothesis, ...]
    note: str
    verified: bool = True


class PublishedTable(NamedTuple):
    """A table as printed, and what its cells are to be held against.

    ``built_in`` ones are netcalc's own, with a record of their verdicts.
    """

    name: str
    title: str
    source: str
    note: str
    verified: bool
    file: str
    nets: Mapping[str, Net]
    settings: Mapping[str, Any]
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    hypotheses: tuple[Hypothesis, ...]
    built_in: bool = False
