"""Graphs written out as files that read back as the same graphs, layer for layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from netcalc.core.analyse import Result, analyse
from netcalc.core.building import suffix
from netcalc.core.graph import Graph, Node, Ref, renamed
from netcalc.errors import InputError, SpecError, printable
from netcalc.spec import NAME, network_of
from netcalc.spec.document import document, layer_of, operation_of, said_beside
from netcalc.spec.keys import named_by_layers
from netcalc.spec.reader import BYTES, read
from netcalc.spec.write import WRITERS


def export(graph: Graph, to: str = "yaml") -> str:
    """The text of a file (``yaml`` or ``json``) that describes a graph.

    Tensors are named after the layers that have them. The text is read back here before it is given
    out, its nodes compared and their numbers worked out. Raises InputError for another format,
    SpecError for a graph that such a file cannot describe.
    """
    if not isinstance(to, str) or to not in WRITERS:
        raise InputError(f"cannot export to {to!r}; choose from {', '.join(WRITERS)}")
    reason = _unsaid(graph)
    if not reason:
        result = analyse(graph)
        plain = renamed(named_by_layers(result), name=printable(graph.name)[-NAME:])
        for form in (_nested, _flat):
            text = WRITERS[to](form(plain))
            reason = _misread(text, to, plain, result)
            if not reason:
                return text
    raise SpecError(f"{graph.label} cannot be written as a file: {reason}")


def _unsaid(graph: Graph) -> str:
    """What no file can say of a graph, or nothing."""
    if not graph.inputs:
        return "it has no input"
    for node in graph.nodes:
        try:
            layer_of(node.op)
        except SpecError as problem:
            return f"{node.name}: {problem}"
    return ""


def _misread(text: str, to: str, graph: Graph, result: Result) -> str:
    """What goes wrong when a text is read, or nothing where it gives graph and numbers back."""
    if len(text.encode()) > BYTES:
        return f"the file would be larger than {BYTES // 10**6} MB"
    file = f"file.{to}"
    try:
        again = network_of(read(text, file), file, {})
        numbers = _numbers(analyse(again))
    except SpecError as problem:
        return re.sub(rf"^{file}(:\d+)?:? ", "", str(problem))
    alike = same(graph, again) and numbers == _numbers(result)
    return "" if alike else "it reads back as another network"


def _numbers(result: Result) -> Any:
    return [(row.outs, row.counts) for row in result.rows], result.totals


def _nested(graph: Graph) -> dict[str, Any]:
    return _Nested(graph).document()


def same(a: Graph, b: Graph) -> bool:
    """Whether two graphs agree in nodes, inputs and outputs, wherever they are written down."""
    return bool(_bare(a) == _bare(b))


def _bare(graph: Graph) -> Any:
    nodes = tuple(node._replace(place="") for node in graph.nodes)
    said = (graph.name, graph.paper, graph.batched, dict(graph.loss_weights))
    return nodes, list(graph.inputs.items()), list(graph.outputs.items()), graph.cache, said


class _Atom(NamedTuple):
    """A node with those that are counted with it and only follow it."""

    node: Node
    then: tuple[Node, ...] = ()

    @property
    def end(self) -> str:
        return (self.then or (self.node,))[-1].name

    def below(self, prefix: str) -> tuple[str, ...]:
        """The components of its path below a prefix."""
        return tuple(self.node.name.removeprefix(prefix).split("/"))


class _Nested:
    """The layers of a graph in lists within lists, as their paths suggest."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.heads = {name: ref for name, ref in graph.outputs.items() if ref[0] != name}
        self.atoms = _atoms(graph)
        self.ends = {atom.end: atom.node.name for atom in self.atoms}

    def document(self) -> dict[str, Any]:
        source = (next(iter(self.graph.inputs)), 0)
        body = self._branches(self.atoms, "", source) if self.atoms else None
        if body is not None:
            end = (self.atoms[-1].end, 0)
        else:
            layers, end = self._chain(self.atoms, "", source)
            body = {"layers": layers}
        return document(self.graph, body, {end[0]: end, **self.heads})

    def _chain(self, atoms: tuple[_Atom, ...], prefix: str, source: Ref) -> tuple[list[Any], Ref]:
        """The items of a list, and where it ends."""
        items = []
        for name, group in _runs(atoms, prefix):
            value, source = self._layer(group, prefix + name, source)
            items.append({name: value})
        return items, source

    def _layer(self, group: tuple[_Atom, ...], path: str, source: Ref) -> tuple[Any, Ref]:
        """What stands under a path, and where it ends."""
        first = group[0]
        if first.node.name == path:
            return self._leaf(first, source), (first.end, 0)
        if path in self.heads:
            layers, end = self._chain(group, f"{path}/", source)
            if end == self.heads[path]:
                return {"head": layers}, source
        joined = self._branches(group, path, source)
        if joined is not None:
            return joined, (group[-1].end, 0)
        return self._chain(group, f"{path}/", source)

    def _leaf(self, atom: _Atom, source: Ref) -> Any:
        said = self._said(atom.node, source)
        if atom.then:
            then = [operation_of(node.op) for node in atom.then]
            said["then"] = then[0] if len(then) == 1 else then
        return said["type"] if said.keys() == {"type"} else said

    def _said(self, node: Node, source: Ref) -> dict[str, Any]:
        scope = node.name.rpartition("/")[0]
        found = layer_of(node.op)
        if node.inputs != _implied(node, source):
            names = [self._name(ref, scope) for ref in node.inputs]
            found["inputs"] = names[0] if len(names) == 1 else names
        return found | said_beside(node)

    def _name(self, ref: Ref, scope: str) -> str:
        """An input's name as seen from a scope: the shortest that means it."""
        name = self.ends.get(ref[0], ref[0])
        inside = f"{scope}/" if scope else ""
        short = name.removeprefix(inside)
        return f"{short}:{ref[1]}" if ref[1] else short

    def _branches(self, group: tuple[_Atom, ...], path: str, source: Ref) -> Any:
        """Branches and what joins them, or None where the layers are not of that form."""
        *inside, last = group
        join = last.node
        whole = last.then == () and not said_beside(join) and join.op.ARITY[1] != 1
        prefix = f"{path}/" if path else ""
        if not whole or join.name != prefix + join.op.type.lower():
            return None
        made: dict[str, Any] = {}
        ends: list[Ref] = []
        for name, atoms in _runs(tuple(inside), prefix):
            made[name], end = self._layer(atoms, prefix + name, source)
            ends.append(end)
        named = _with_identities(made, ends, join.inputs, source)
        if named is None:
            return None
        fields = operation_of(join.op)
        return {"branches": named} | ({} if fields == "Concat" else {"join": fields})


def _with_identities(
    made: dict[str, Any], ends: list[Ref], inputs: tuple[Ref, ...], source: Ref
) -> dict[str, Any] | None:
    """The branches in the order of the join's inputs, those that only pass the input on added."""
    if len(set(ends)) < len(ends):
        return None
    order = list(made.items())
    found: dict[str, Any] = {}
    for ref in inputs:
        if order and ref == ends[len(made) - len(order)]:
            name, value = order.pop(0)
            found[name] = value
        elif ref == source:
            count = sum(v == [] for v in found.values())
            found[_free("shortcut" if not count else f"shortcut{count + 1}", made)] = []
        else:
            return None
    return None if order else found


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "_"
    return name


def _implied(node: Node, source: Ref) -> tuple[Ref, ...]:
    """The inputs that a node has where none are said."""
    return () if node.op.ARITY[1] == 0 else (source,)


def _flat(graph: Graph) -> dict[str, Any]:
    """Every node under its whole path in one list: what is always exact."""
    items = []
    source: Ref = (next(iter(graph.inputs)), 0)
    for node in graph.nodes:
        said = layer_of(node.op)
        if node.inputs != _implied(node, source):
            said["inputs"] = [_absolute(ref, graph) for ref in node.inputs]
        said |= said_beside(node)
        items.append({node.name: said})
        source = (node.name, 0)
    return document(graph, {"layers": items}, {source[0]: source})


def _absolute(ref: Ref, graph: Graph) -> str:
    """An input's whole path, from the root where it could mean another layer too."""
    name, index = ref
    root = "/" if any(node.name.endswith(f"/{name}") for node in graph.nodes) else ""
    return f"{root}{name}:{index}" if index else root + name


def _atoms(graph: Graph) -> tuple[_Atom, ...]:
    """Nodes with the activations and normalisations that belong to them."""
    readers: dict[Ref, int] = {}
    for ref in (*(r for node in graph.nodes for r in node.inputs), *graph.outputs.values()):
        readers[ref] = readers.get(ref, 0) + 1
    found: list[_Atom] = []
    for node in graph.nodes:
        if found and _follows(node, found[-1], readers):
            found[-1] = _Atom(found[-1].node, (*found[-1].then, node))
        else:
            found.append(_Atom(node))
    return tuple(found)


def _follows(node: Node, atom: _Atom, readers: Mapping[Ref, int]) -> bool:
    """Whether a node is one that stands under ``then``, seen by nobody on the way."""
    alone = node._replace(unit=node.name)
    return (
        node.unit == atom.node.name == atom.node.unit
        and node.inputs == ((atom.end, 0),)
        and node.name == f"{atom.node.name}_{suffix(node.op)}"
        and readers[(atom.end, 0)] == 1
        and not said_beside(alone)
    )


def _runs(atoms: tuple[_Atom, ...], prefix: str) -> Iterator[tuple[str, tuple[_Atom, ...]]]:
    """Neighbours that share the next component of their path; later runs keep whole paths."""
    runs: list[tuple[str, list[_Atom]]] = []
    for atom in atoms:
        name, *rest = atom.below(prefix)
        if runs and rest and runs[-1][0] == name and runs[-1][1][-1].below(prefix)[1:]:
            runs[-1][1].append(atom)
        elif any(name == known for known, _ in runs):
            runs.append(("/".join((name, *rest)), [atom]))
        else:
            runs.append((name, [atom]))
    yield from ((name, tuple(group)) for name, group in runs)
