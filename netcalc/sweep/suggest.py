"""Which single change of a row's layers gives all that the row prints?

Each field of each layer, and the channels that come in, is tried over its whole range at once: the
rules are fed with an array.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from netcalc.core.analyse import Result, analyse
from netcalc.core.graph import Graph, Node, Ref
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.errors import SpecError
from netcalc.published.audit import DERIVABLE, Audited
from netcalc.published.cells import Cells
from netcalc.published.model import TableRow
from netcalc.published.printed import WAYS, judge, ranges, shown
from netcalc.published.quantities import NUMBERS, TEXTS, Part
from netcalc.published.suggestion import Given, Suggested, Suggestion

WIDEST = 4096
"""Widths and channels are tried up to this, or to twice what they are."""

COUNTED = tuple(name for name in NUMBERS if not name.startswith(("depth", "crops")))
"""Quantities that a change of a single field can change."""

MOST = 40
"""Rows of more layers are not tried: whole networks."""

RANGES = {"kernel": 15, "stride": 8}
"""Other fields are tried from 1 up to these."""


class Change(NamedTuple):
    """One field over its range: of a layer, or (with no layer) the channels of an input."""

    place: str
    field: str
    before: Any
    values: Any
    layers: dict[str, Op]
    inputs: dict[str, Tensor]

    def at(self, i: int) -> Change:
        """The change to one of the values."""

        def one(x: Any) -> Any:
            if isinstance(x, tuple):
                return tuple(one(v) for v in x)
            return int(x[i]) if isinstance(x, np.ndarray) else x

        layers = {
            name: replace(op, **{f.name: one(getattr(op, f.name)) for f in fields(op)})  # type: ignore[type-var, arg-type]
            for name, op in self.layers.items()
        }
        inputs = {n: Tensor(one(x.dims), x.dtype) for n, x in self.inputs.items()}
        return self._replace(layers=layers, inputs=inputs)


def suggest(audited: Audited) -> Suggested:
    """Suggestions for each row with a cell that is off, the most exact and least odd first."""
    off = {cell.row for cell in audited.cells if cell.verdict == "off"}
    found: list[Suggestion] = []
    none: list[str] = []
    large: list[str] = []
    for row in audited.table.rows:
        if row.name not in off:
            continue
        mine = _Row(audited, row).suggestions()
        if mine is None:
            large.append(row.name)
            continue
        found += sorted(mine, key=_rank)
        none += [] if mine else [row.name]
    return Suggested(audited, tuple(found), tuple(none), tuple(large))


def _rank(s: Suggestion) -> tuple[Any, ...]:
    change = abs(Fraction(int(s.best) - int(s.before), max(1, int(s.before))))
    return -s.exact, len(s.contradicts), change


class _Row:
    """One row: its layers as a graph of their own, and what it prints."""

    def __init__(self, audited: Audited, row: TableRow) -> None:
        self.audited, self.row = audited, row
        self.held = Cells(audited.table, row, audited.sources)
        self.verdicts = {c.column: c.verdict for c in audited.cells if c.row == row.name}
        self.columns = [c for c, verdict in self.verdicts.items() if verdict in DERIVABLE]

    def suggestions(self) -> list[Suggestion] | None:
        """None where there are too many layers, or what is printed is no plain count of them."""
        counted = [c for c in self.columns if self._quantity(c) in COUNTED]
        known = all(self._quantity(c) in (*NUMBERS, "output") for c in self.columns)
        if not known or not counted or any(self.held.given(c) for c in self.columns):
            return None
        part = self.held.part(self.held.settings(counted[0]))
        if len(part.rows) > MOST:
            return None
        graph, sources = module_of(part)
        found = []
        for change in changes(graph):
            held = self._held(graph, part, change)
            values = [int(v) for v in change.values[held] if v != change.before]
            if values:
                found.append(self._suggestion(graph, part, change, values, sources))
        return found

    def _quantity(self, column: str) -> Any:
        return self.held.settings(column).get("quantity")

    def _held(self, graph: Graph, part: Part, change: Change) -> Any:
        """At which values everything that the row prints comes out, as a mask."""
        legal = np.ones(len(change.values), dtype=bool)

        def mask(node: Node, ins: tuple[Tensor, ...], guard: Guard) -> None:
            for holds in guard.holds:
                legal[...] &= holds

        with np.errstate(divide="ignore", invalid="ignore"):
            try:
                made = _changed(graph, part, change, mask)
            except SpecError:
                return np.zeros_like(legal)
            for column in self.columns:
                legal &= self._fits(column, made)
        return legal

    def _fits(self, column: str, part: Part) -> Any:
        settings = self.held.settings(column)
        text = self.row.printed[column]
        if settings["quantity"] == "output":
            *spatial, channels = [int(d) for d in text.replace("×", "x").split("x")]
            dims = [*part.out.dims[1:], 1, 1][:3]
            fits: Any = np.True_
            for dim, wanted in zip(dims, (channels, *spatial), strict=True):
                fits = fits & (np.asarray(dim) == wanted)
            return fits
        value = NUMBERS[settings["quantity"]](part)
        printed = self.held.printed(text, settings)
        fits = np.False_
        for first, last in ranges(printed, settings.get("round", WAYS[:2])):
            fits = fits | ((value >= first) & (value <= last))
        return fits

    def _suggestion(
        self, graph: Graph, part: Part, change: Change, values: list[int], sources: dict[str, Ref]
    ) -> Suggestion:
        tried = [self._at(graph, part, change, value) for value in values[:64]]
        exact = [sum(c.verdict == "exact" for c in cells) for _, cells in tried]
        at = max(range(len(tried)), key=lambda i: (exact[i], -abs(values[i] - int(change.before))))
        made, cells = tried[at]
        told = tuple(self._contradicted(made, sources, change))
        return Suggestion(
            self.row.name,
            change.place,
            change.field,
            change.before,
            tuple(values),
            values[at],
            cells,
            told,
        )

    def _at(
        self, graph: Graph, part: Part, change: Change, value: int
    ) -> tuple[Part, tuple[Given, ...]]:
        i = int(np.flatnonzero(change.values == value)[0])
        made = _changed(graph, part, change.at(i))
        return made, tuple(
            self._given(c, made) for c in self.columns if self._quantity(c) in COUNTED
        )

    def _given(self, column: str, part: Part) -> Given:
        settings = self.held.settings(column)
        printed = self.held.printed(self.row.printed[column], settings)
        value = Fraction(NUMBERS[settings["quantity"]](part))
        judged = judge(printed, value, settings.get("round", WAYS[:2]))
        text = shown(value, printed, judged)
        return Given(column, self.row.printed[column], text, judged.verdict)

    def _contradicted(self, part: Part, sources: dict[str, Ref], change: Change) -> Iterator[str]:
        """What the table prints otherwise: widths of this row, and the output that comes in."""
        headings = {c.key: c.heading for c in self.audited.table.columns}
        for column, text in self.row.printed.items():
            quantity = self._quantity(column)
            if self.held.given(column) and quantity in TEXTS and quantity != "label":
                settings = self.held.settings(column)
                if TEXTS[quantity](part, settings.get("at", ())) != text:
                    yield f"{headings[column]} {text}"
        for name, x in change.inputs.items():
            yield from self._source(sources[name], x)

    def _source(self, ref: Ref, x: Tensor) -> Iterator[str]:
        """The row whose output comes in, where that prints another."""
        for row in self.audited.table.rows:
            for column, text in row.printed.items():
                held = Cells(self.audited.table, row, self.audited.sources)
                settings = held.settings(column)
                if settings.get("quantity") != "output":
                    continue
                part = held.part(settings)
                channels, *spatial = [*x.dims[1:], 1, 1][:3]
                size = "x".join(str(d) for d in (*spatial, channels))
                if ref[0] in [r.name for r in part.rows] and size != text:
                    yield f"the output of {row.name}, {text}"


def module_of(part: Part) -> tuple[Graph, dict[str, Ref]]:
    """The layers of a part as a graph of their own, and where its inputs come from."""
    inside = {row.name for row in part.rows}
    names: dict[Ref, str] = {}
    inputs: dict[str, Tensor] = {}
    nodes = []
    for row in part.rows:
        refs = []
        for ref, x in zip(row.node.inputs, row.ins, strict=False):
            if ref[0] in inside:
                refs.append(ref)
                continue
            name = names.setdefault(ref, f"input{len(names) or ''}")
            inputs[name] = x
            refs.append((name, 0))
        nodes.append(row.node._replace(inputs=tuple(refs)))
    last = part.rows[-1].name
    graph = Graph(last, tuple(nodes), inputs, {last: (last, 0)})
    return graph, {name: ref for ref, name in names.items()}


def changes(graph: Graph) -> Iterator[Change]:
    """Every field of every layer over its range."""
    for name, x in graph.inputs.items():
        if len(x.dims) > 1:
            values = _up_to(max(WIDEST, 2 * x.dims[1]))
            yield Change("", "input channels", x.dims[1], values, {}, {name: _wide(x, values)})
    for node in graph.nodes:
        yield from _of_layer(node.name, node.op)


def _wide(x: Tensor, values: Any) -> Tensor:
    return Tensor((x.dims[0], values, *x.dims[2:]), x.dtype)


def _up_to(last: int) -> Any:
    return np.arange(1, last + 1, dtype=np.int64)


def _of_layer(name: str, op: Any) -> Iterator[Change]:
    for field in fields(op):
        before = getattr(op, field.name)
        if field.name in ("out_channels", "out_features", "groups"):
            values = _up_to(max(WIDEST, 2 * before))
            yield _change(name, op, field.name, before, values, {field.name: values})
        elif field.name == "bias":
            values = np.array([int(before), int(not before)])
            yield _change(name, op, "bias", before, values, {"bias": not before})
        elif field.name in RANGES and isinstance(before, tuple) and len(set(before)) == 1:
            every = _up_to(RANGES[field.name])
            swept = "Num" in str(field.type)  # of a pool, windows are static: one after the other
            for values in [every] if swept else np.split(every, len(every)):
                size = values if swept else int(values[0])
                made = _windows(op, field.name, size)
                yield _change(name, op, field.name, before[0], values, made)


def _change(
    name: str, op: Any, field: str, before: Any, values: Any, made: dict[str, Any]
) -> Change:
    return Change(name, field, before, values, {name: replace(op, **made)}, {})


def _windows(op: Any, field: str, values: Any) -> dict[str, Any]:
    """A kernel or stride on all axes; padding that keeps the size goes on doing so."""
    n = len(getattr(op, field))
    made: dict[str, Any] = {field: (values,) * n}
    same = tuple((k - 1) // 2 for k in op.kernel)
    if field == "kernel" and getattr(op, "padding", None) == same and any(same):
        made["padding"] = ((values - 1) // 2,) * n
    return made


def _changed(graph: Graph, part: Part, change: Change, mask: Any = None) -> Part:
    """The part with the change in it."""
    nodes = tuple(
        node._replace(op=change.layers[node.name]) if node.name in change.layers else node
        for node in graph.nodes
    )
    made = replace(graph, nodes=nodes)
    inputs = {**graph.inputs, **change.inputs}
    result: Result = analyse(made, inputs, mask) if mask is not None else analyse(made, inputs)
    main = part.main and next(row for row in result.rows if row.name == part.main.name)
    return Part(result, part.paths, result.rows, main, part.printed)
