"""A model traced once more, by PyTorch's kernels alone: what its derivation is held against."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from torch import nn

from netcalc.core.analyse import Result, Row
from netcalc.pytorch.counters.recording import live, product_of
from netcalc.pytorch.jit import JitWatch
from netcalc.pytorch.nodes import Builder
from netcalc.pytorch.passes import passed
from netcalc.pytorch.paths import named_inputs

Call = tuple[str, tuple[tuple[int, ...], ...]]


class Retraced(NamedTuple):
    """What a second trace saw.

    ``calls`` are the shapes that the analysis has for what each call of a module gave back,
    ``recorded`` those that PyTorch gave for each layer. Each layer is one of the ``operators`` of a
    torch.jit trace ("" where that has none) and ran ``within`` modules, the innermost one last.
    Calls of those that ``raised`` were gone on from. All these go by the last of their names;
    ``last`` has it for each name, ``first`` the first one.
    """

    calls: list[Call]
    recorded: dict[str, Any]
    operators: dict[str, str]
    within: dict[str, tuple[str, ...]]
    raised: list[str]
    first: dict[str, str]
    last: dict[str, str]

    def by_module(self, counted: dict[str, int]) -> dict[str, int]:
        """What a counter found by module, whichever of a shared module's names it had for it."""
        found: dict[str, int] = {}
        for path, macs in counted.items():
            # not of a module in a list, which the model does not know, or where they lose count
            if path == "" or (path in self.last and not self.raised):
                name = self.last[path]
                found[name] = found.get(name, 0) + macs
        return found

    def rows(self, result: Result, by: str, path: str) -> tuple[Row, ...]:
        """The layers that a counter takes to a module: all that ran in its calls.

        For fvcore what a shared module does belongs to the parent in its first name alone.
        """
        if not path:
            return result.rows
        if by != "fvcore":
            return tuple(row for row in result.rows if path in self.within.get(row.name, ()))
        own = self.first.get(path, path)
        return tuple(row for row in result.rows if f"{self._home(row)}.".startswith(f"{own}."))

    def _home(self, row: Row) -> str:
        within = self.within.get(row.name)
        return self.first[within[-1]] if within else ""


def retraced(
    model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Result
) -> Retraced:
    """The model traced anew, with PyTorch's kernels and none of netcalc's answers."""
    ran = passed(model, args, kwargs, quick=False, watcher=JitWatch)
    seen = cast(JitWatch, ran.seen)
    builder = Builder(ran.model, seen, named_inputs(ran.model, ran.args, ran.kwargs))
    builder.graph(ran.out)
    outs: dict[str, Any] = {row.name: row.outs for row in result.rows}
    outs |= {name: (x,) for name, x in result.inputs.items()}
    calls = [
        (path, tuple(outs[name][i].dims if name in outs else () for name, i in refs))
        for path, refs in builder.returned()
    ]
    nodes = map(product_of, seen.events, builder.names())
    events = {name: i for i, name in enumerate(nodes) if name}
    needed = live(seen, ran.out)
    firsts = {id(m): name for name, m in ran.model.named_modules()}
    return Retraced(
        calls,
        builder.recorded(),
        {name: seen.traced_as(i) if needed[i] else "" for name, i in events.items()},
        {name: seen.stacks[i] for name, i in events.items()},
        seen.raised,
        {name: firsts[id(m)] for name, m in seen.modules.items()},
        {name: seen.paths[id(m)] for name, m in seen.modules.items()},
    )
