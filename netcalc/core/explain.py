"""How each number came about: rows -> a tree of derivations, the same for every way to print it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from netcalc.core.analyse import Counts, Result, Row, total
from netcalc.core.term import STORAGE, Term
from netcalc.errors import InputError, UnknownNameError, did_you_mean

QUANTITIES = ("params", "macs", "output", "ops")
"""What can be explained: learnable parameters, multiply-adds, output sizes, other work."""


class Derivation(NamedTuple):
    """``label`` = each of ``steps`` = ``value``.

    A step is plain arithmetic (+ - * / floor ceil). ``legend`` names its parts, ``remark`` says
    what a reader should know besides, ``also`` is the value in another unit, rounded unless
    ``exact``.
    """

    label: str
    steps: tuple[str, ...]
    value: Any
    legend: tuple[str, ...] = ()
    remark: str = ""
    also: str = ""
    exact: bool = True


class Section(NamedTuple):
    """The derivations of one path, and those of what it is made of, or why there are none."""

    path: str
    title: str
    derivations: tuple[Derivation, ...]
    children: tuple[Section, ...] = ()
    nothing: str = ""

    def walk(self) -> Iterator[Section]:
        """The section itself and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


def explain(
    result: Result, path: str = "", quantities: tuple[str, ...] = ("params", "macs", "output")
) -> Section:
    """The derivation tree of a path (the whole network for ""), for the given quantities.

    Raises UnknownNameError for a path the network does not have, InputError for a quantity that
    cannot be explained.
    """
    for quantity in quantities:
        if quantity not in QUANTITIES:
            raise InputError(f"cannot explain {quantity!r}; choose from {', '.join(QUANTITIES)}")
    rows = result.under(path)
    if not rows:
        raise UnknownNameError(no_such_path(result, path))
    section = _section(rows, path, quantities, result.graph.name)
    if section is not None:
        return section
    *some, last = (_NONE[name] for name in quantities)
    nothing = f"{', '.join(some)} and {last}" if some else last
    return Section(path, _title(rows, path), (), (), nothing)


_NONE = {
    "params": "no parameters",
    "macs": "no MACs",
    "output": "an output of the size of its input",
    "ops": "no other work",
}
"""What holds of a layer of which a quantity has no derivation."""


def _section(
    rows: tuple[Row, ...], path: str, quantities: tuple[str, ...], name: str
) -> Section | None:
    """The section of a path, or None where there is nothing to derive."""
    if all(row.node.unit == path or row.name == path for row in rows):
        return _leaf(rows, path, quantities)
    made = [
        (part, group, section)
        for part, group in _parts(rows, path)
        if (section := _section(group, part, quantities, name)) is not None
    ]
    if not made:
        return None
    if len(made) == 1 and path:
        return made[0][2]
    sums = _sums([(p[len(path) :].strip("/"), _counts(group)) for p, group, _ in made], quantities)
    if "output" in quantities and path:
        sums += tuple(_output(rows[-1:]))
    return Section(path or name, _title(rows, path), sums, tuple(section for *_, section in made))


def _parts(rows: tuple[Row, ...], path: str) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """The rows below a path, by the next component of their own."""
    depth = path.count("/") + 2 if path else 1
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.node.group(depth), []).append(row)
    yield from ((part, tuple(group)) for part, group in groups.items())


def _leaf(rows: tuple[Row, ...], path: str, quantities: tuple[str, ...]) -> Section | None:
    """A layer, with the activation or normalisation that belongs to it."""
    derivations = tuple(d for quantity in quantities for d in _LEAF[quantity](rows))
    return Section(path, _title(rows, path), derivations) if derivations else None


def _title(rows: tuple[Row, ...], path: str) -> str:
    """What the layer is and what flows through it; for a module, only the latter."""
    first, last = rows[0], rows[-1]
    flow = f"{' and '.join(str(x) for x in first.ins)} -> {last.outs[0]}".lstrip()
    if all(row.node.unit == path or row.name == path for row in rows):
        return f"{first.node.op}: {flow}"
    return flow


def _stored(rows: tuple[Row, ...]) -> Iterator[Derivation]:
    counts = _counts(rows)
    for row in rows:
        held = {tensor.operand for tensor in row.stored}
        own = row.name if len(rows) > 1 and row is not rows[0] else ""
        for term in row.terms:
            if term.kind in STORAGE and term.kind != "buffer":
                shared = term.operand not in held
                yield _of_term(term, own, "shared, counted where it first stands" if shared else "")
    yield from _both(counts)


def _both(counts: Counts) -> Iterator[Derivation]:
    """Params = weights + biases, where there are both."""
    if counts.weights and counts.biases:
        step = f"{counts.weights} + {counts.biases}"
        yield Derivation("params", (step,), counts.params)


def _macs(rows: tuple[Row, ...]) -> Iterator[Derivation]:
    """The multiply-adds; where a layer does several products, each of them and their sum."""
    found = [term for row in rows for term in row.terms if term.kind == "mac"]
    if len(found) == 1:
        yield _of_term(found[0], "", "", "MACs")
        return
    yield from (_of_term(term, "", "") for term in found)
    if found:
        values = [term.value for term in found]
        yield Derivation("MACs", (" + ".join(map(str, values)),), sum(values))


def _ops(rows: tuple[Row, ...]) -> Iterator[Derivation]:
    for row in rows:
        for term in row.terms:
            if term.kind not in STORAGE and term.kind != "mac":
                yield _of_term(term, row.name if len(rows) > 1 else "", "")


def _output(rows: tuple[Row, ...]) -> Iterator[Derivation]:
    for row in rows:
        for w in row.node.op.working(row.ins, row.outs):
            yield Derivation(f"output {w.label}", w.steps, w.value, (), w.remark)


_LEAF = {"params": _stored, "macs": _macs, "ops": _ops, "output": _output}


def _of_term(term: Term, owner: str, remark: str, label: str = "") -> Derivation:
    factors, names = _shown(term)
    written = [str(f) for f in factors]
    if term.shown:
        written[0] = term.shown
    step = "*".join(written)
    label = label or (f"{term.label} of {owner.rpartition('/')[2]}" if owner else term.label)
    return Derivation(label, (step or "1",), term.value, names, remark)


def _shown(term: Term) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """A term's factors and their names, without a batch of one."""
    names = term.names + ("",) * (len(term.factors) - len(term.names))
    kept = [
        (f, n)
        for f, n in zip(term.factors, names, strict=True)
        if not (n in ("batch", "rows") and f == 1)
    ]
    if not kept:
        return term.factors, names
    return tuple(f for f, _ in kept), tuple(n for _, n in kept)


def _sums(parts: list[tuple[str, Counts]], quantities: tuple[str, ...]) -> tuple[Derivation, ...]:
    """A module's counts as the sums of those of its parts."""
    whole = total(counts for _, counts in parts)
    found: list[Derivation] = []
    if "params" in quantities:
        found += [_sum("weights", [(n, c.weights) for n, c in parts])]
        found += [_sum("biases", [(n, c.biases) for n, c in parts])]
        found += _both(whole)
    if "macs" in quantities:
        found += [_sum("MACs", [(n, c.macs) for n, c in parts])]
    if "ops" in quantities:
        found += [_sum(kind, [(n, c.ops.get(kind, 0)) for n, c in parts]) for kind in whole.ops]
    return tuple(d for d in found if d.steps)


def _sum(label: str, parts: list[tuple[str, Any]]) -> Derivation:
    used = [(name, n) for name, n in parts if n]
    steps = (" + ".join(str(n) for _, n in used),) if used else ()
    return Derivation(label, steps, sum(n for _, n in used), tuple(name for name, _ in used))


def _counts(rows: tuple[Row, ...]) -> Counts:
    return total(row.counts for row in rows)


def no_such_path(result: Result, path: str) -> str:
    """What there is in place of a layer or module that there is not."""
    hint = did_you_mean(path, sorted(result.graph.paths), 3)
    hint = hint or "see `netcalc table --layout layers`"
    return f"{result.graph.name} has no layer or module {path!r}; {hint}"
