"""A network's table: its layers or modules, and the totals below."""

from __future__ import annotations

from netcalc.core.analyse import Result, Row, total
from netcalc.core.counters import CountedAs
from netcalc.core.tensor import FLOATS, Tensor
from netcalc.errors import InputError
from netcalc.report.columns import DEFAULT, MEMORY, Line, Network, chosen, work_done
from netcalc.report.document import document
from netcalc.report.expression import text
from netcalc.report.heads import heads_lines
from netcalc.report.memory import memory_lines
from netcalc.report.paper import paper_table
from netcalc.report.table import Report, Table
from netcalc.report.units import grouped, human, size

LAYOUTS = ("paper", "modules", "layers")


def network_report(
    result: Result,
    layout: str | None = None,
    depth: int | None = None,
    columns: tuple[str, ...] | None = None,
    share: bool = False,
    optimizer: str | None = None,
    counted: CountedAs | None = None,
) -> Report:
    """The report of one network.

    ``layout`` is ``paper`` (the published table, where the network has one; the default there),
    ``modules`` (one line for each path of ``depth`` components; the default elsewhere and where
    other options ask for it) or ``layers``. Columns on memory, or an ``optimizer``, add lines on
    memory; ``counted`` adds a column with another counter's numbers. Raises InputError for a layout
    that the network does not have, or an option that does not go with it.
    """
    if layout is None:
        plain = columns is None and not share and depth is None
        layout = "paper" if result.graph.paper and plain else "modules"
    if layout not in LAYOUTS:
        raise InputError(f"there is no layout {layout!r}; choose from {', '.join(LAYOUTS)}")
    if layout != "modules" and depth is not None:
        raise InputError(f"a depth goes with the layout modules, not with {layout}")
    network = Network(result, optimizer, counted)
    if counted is not None and columns is None:
        columns = (*DEFAULT, "counted")
    if layout == "paper":
        if counted is not None:
            raise InputError("no other counter counts (--as) in the layout paper; use modules")
        table, notes = _paper(result, columns is not None or share)
    else:
        table, notes = _lines_table(network, layout, depth, columns, share), ()
    lines = (*notes, *counted_lines(counted), *totals_lines(result), *heads_lines(result))
    if optimizer is not None or MEMORY.intersection(columns or ()):
        lines += memory_lines(network)
    return Report(title(result), (table,), lines, lambda: document(result, optimizer, counted))


def _paper(result: Result, chosen: bool) -> tuple[Table, tuple[str, ...]]:
    if not result.graph.paper:
        raise InputError(f"{result.graph.label} follows no published table; use modules or layers")
    if chosen:
        raise InputError("the layout paper has the paper's columns; use modules or layers")
    table, notes = paper_table(result)
    return table, (*notes, "")


def named_inputs(result: Result) -> str:
    """The inputs with their sizes and types; with their names if there are several."""
    alone = len(result.inputs) == 1
    return ", ".join(_input(name, x, alone) for name, x in result.inputs.items())


def title(result: Result) -> str:
    """What was made, and on which input."""
    inputs = named_inputs(result)
    return f"{result.graph.factory} {f'on {inputs}' if inputs else 'without an input'}"


def _input(name: str, x: Tensor, alone: bool) -> str:
    """An input's size, with its name where there are several, and in full where it is tokens."""
    tokens = x.dtype not in FLOATS
    told = "x".join(map(str, x.dims)) if tokens else size(x)
    return f"{told} {x.dtype}" if alone and not tokens else f"{name} {told} {x.dtype}"


def _lines_table(
    network: Network,
    layout: str,
    depth: int | None,
    columns: tuple[str, ...] | None,
    share: bool,
) -> Table:
    depth = 1 if depth is None else depth
    if not isinstance(depth, int) or depth < 1:
        raise InputError(f"depth must be a positive integer, got {depth!r}")
    quantities = chosen(DEFAULT if columns is None else columns, share)
    lines, sections = (
        _layer_lines(network) if layout == "layers" else (_module_lines(network, depth), {})
    )
    return Table(
        tuple(q.column for q in quantities),
        tuple(tuple(q.value(line) for q in quantities) for line in lines),
        sections=sections,
    )


def _module_lines(network: Network, depth: int) -> list[Line]:
    groups: dict[str, list[Row]] = {}
    for row in network.result.rows:
        groups.setdefault(row.node.group(depth), []).append(row)
    return [_line(name, tuple(rows), network) for name, rows in groups.items()]


def _layer_lines(network: Network) -> tuple[list[Line], dict[int, str]]:
    """A line for each layer, and the stage that those of modules lie in."""
    sections = {
        i: stage
        for i, row in enumerate(network.result.rows)
        if row.name.startswith(f"{(stage := row.node.group())}/")
    }
    return [_line(row.name, (row,), network) for row in network.result.rows], sections


def _line(name: str, rows: tuple[Row, ...], network: Network) -> Line:
    return Line(name, rows, total(row.counts for row in rows), network)


def totals_lines(result: Result) -> tuple[str, ...]:
    """The exact totals, with human units, below every table."""
    t = result.totals
    least = ">= " if result.unknown else ""
    held = (t.dtype for row in result.rows for t in row.stored if t.role != "buffer")
    flowing = (*result.inputs.values(), *result.outputs.values())
    types = dict.fromkeys(held) or [flowing[0].dtype]
    dtype = " and ".join(types)
    lines = [
        _together(
            f"{grouped(t.params)} params ({human(t.params)}, {human(t.param_bytes, 'B')} {dtype})",
            f"{least}{grouped(t.macs)} MACs ({human(t.macs)})",
        ),
        *_cache_lines(result, dtype),
        _together(
            f"{grouped(t.weights)} weights + {grouped(t.biases)} biases",
            *([f"{grouped(t.trainable)} trainable"] if t.trainable != t.params else []),
            *([f"{grouped(t.buffers)} buffer values"] if t.buffers else []),
            f"{least}{grouped(t.flops)} FLOPs (2 per MAC)",
        ),
        _together(
            f"depth {t.depth} ({t.depth_with_pools} with pools)",
            f"{t.layers} layer{'' if t.layers == 1 else 's'} with parameters",
        ),
    ]
    if t.ops:
        lines.append("other work: " + ", ".join(_kept(text(work)) for work in work_done(t)))
    return (*lines, *_unknown_lines(result), *result.graph.remarks)


def counted_lines(counted: CountedAs | None) -> tuple[str, ...]:
    """What another counter prints for the network by its convention, and how that comes about."""
    if counted is None:
        return ()
    value, terms, by_layer = counted.counted
    told = "".join(
        f" {'-' if t.value < 0 else '+'} {grouped(abs(t.value))} ({t.cause})" for t in terms
    )
    rest = by_layer.get("", 0)
    beside = (f"of which {grouped(rest)} belong to no layer",) if rest else ()
    macs = grouped(counted.result.totals.macs)
    return (
        f"{grouped(value)} counted as {counted.convention} {counted.established} does",
        *beside,
        f"= {macs} MACs{told}",
        "",
    )


def _cache_lines(result: Result, dtype: str) -> tuple[str, ...]:
    """The bytes of the weights beside those of the cache, where a model keeps one."""
    t = result.totals
    if not t.cache_bytes:
        return ()
    first = [*result.inputs.values()][:1]
    tokens = [x.dims for x in first if x.dtype not in FLOATS and len(x.dims) == 2]
    told = "".join(f" ({n} x {grouped(length)} tokens)" for n, length in tokens)
    return (
        _together(
            f"{grouped(t.param_bytes)} bytes of weights ({dtype})",
            f"{grouped(t.cache_bytes)} bytes of KV cache{told}",
        ),
    )


def _unknown_lines(result: Result) -> tuple[str, ...]:
    """The operators without a rule: what the totals are short of."""
    if not result.unknown:
        return ()
    told = ", ".join(
        f"{len(names)} x {operator} ({', '.join(names[:2])}{', ...' if len(names) > 2 else ''})"
        for operator, names in result.unknown.items()
    )
    return (f"not counted, since netcalc has no rule for them: {told}",)


def _together(*parts: str) -> str:
    """Parts with dots between them, each kept on one line."""
    return " · ".join(map(_kept, parts))


def _kept(text: str) -> str:
    return text.replace(" ", "\xa0")
