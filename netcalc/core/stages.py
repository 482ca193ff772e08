"""The stages of networks side by side: of two, those whose layers stand for one another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from netcalc.core.analyse import Counts, Result, total
from netcalc.core.pairs import Pair, merge_orders


class Stage(NamedTuple):
    """The counts of one stage in each network, in their order; None where it has no such stage.

    ``names`` are the paths that it has in each: in two networks, what is one stage of the first may
    be another or several of the second. ``name`` tells those that hold parameters or do MACs.
    """

    name: str
    counts: tuple[Counts | None, ...]
    names: tuple[tuple[str, ...], ...]


def stages_by_name(results: Sequence[Result]) -> Iterable[Stage]:
    """The stages of any number of networks, by their names."""
    tables = [_by_stage(result) for result in results]
    for name in merge_orders([list(table) for table in tables]):
        counts = tuple(table.get(name) for table in tables)
        yield Stage(name, counts, tuple(() if c is None else (name,) for c in counts))


def stages_in_pairs(results: Sequence[Result], pairs: Iterable[Pair]) -> Iterable[Stage]:
    """The stages of two networks, those side by side in which most of their layers are paired."""
    tables = [_by_stage(result) for result in results]
    for group in _groups(tables, pairs):
        names = tuple(
            tuple(name for name in table if (side, name) in group)
            for side, table in enumerate(tables)
        )
        counts = tuple(
            total(table[name] for name in own) if own else None
            for table, own in zip(tables, names, strict=True)
        )
        yield Stage(_label(names, tables), counts, names)


def _by_stage(result: Result) -> dict[str, Counts]:
    groups: dict[str, list[Counts]] = defaultdict(list)
    for row in result.rows:
        groups[row.node.group()].append(row.counts)
    return {name: total(counts) for name, counts in groups.items()}


Own: TypeAlias = tuple[int, str]
"""A stage: the number of its network, and its name."""


def _groups(tables: list[dict[str, Counts]], pairs: Iterable[Pair]) -> list[set[Own]]:
    """Stages that belong together, in order: each with that in which most of its partners lie."""
    own = [(side, name) for side, table in enumerate(tables) for name in table]
    group = {stage: {stage} for stage in own}
    for stage, others in _ties(tables, pairs).items():
        most = max(others, key=lambda other: (others[other], other[1] == stage[1]))
        together = group[stage] | group[most]
        group |= dict.fromkeys(together, together)
    first: dict[Own, Own] = {}
    for stage in own:
        for other in group[stage]:
            first.setdefault(other, stage)
    sides = ([first[s] for s in own if s[0] == side] for side in (0, 1))
    return [group[stage] for stage in merge_orders([list(dict.fromkeys(s)) for s in sides])]


def _ties(tables: list[dict[str, Counts]], pairs: Iterable[Pair]) -> dict[Own, Counter[Own]]:
    """For each stage, how many layers it has in common with which of the other network."""
    ties: dict[Own, Counter[Own]] = defaultdict(Counter)
    for pair in pairs:
        if pair.a and pair.b:
            a, b = (0, pair.a.node.group()), (1, pair.b.node.group())
            ties[a][b] += 1
            ties[b][a] += 1
    for name in tables[0]:  # namesakes that have nothing in common with any other
        if name in tables[1] and not {(0, name), (1, name)} & ties.keys():
            ties[0, name][1, name] += 1
    return ties


def _label(names: tuple[tuple[str, ...], ...], tables: list[dict[str, Counts]]) -> str:
    """What the stages are called that hold parameters or do MACs, of both networks if they differ.

    All stages, where none has either.
    """
    shown = []
    for own, table in zip(names, tables, strict=True):
        costly = [name for name in own if table[name].params or table[name].macs] or list(own)
        shown.append(", ".join(costly) if len(costly) < 3 else f"{costly[0]} .. {costly[-1]}")
    return " / ".join(dict.fromkeys(text for text in shown if text))
