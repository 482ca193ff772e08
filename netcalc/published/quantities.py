"""What a cell of a table can say of a part of a network: numbers, and texts as papers have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from netcalc.core.analyse import Result, Row, total
from netcalc.core.crops import SCALES, plan
from netcalc.core.depths import depths
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.dense import Linear
from netcalc.core.ops.pointwise import Dropout
from netcalc.core.tensor import BYTES, Tensor
from netcalc.core.term import WORK


class Part(NamedTuple):
    """Layers of a network: those under some paths; ``main`` is the one that gives type and window.

    ``printed`` are the cells of the row about it, where there is one.
    """

    result: Result
    paths: tuple[str, ...]
    rows: tuple[Row, ...]
    main: Row | None = None
    printed: tuple[str, ...] | None = None

    @property
    def added(self) -> bool:
        """Whether the table has no such row."""
        return self.printed is None

    @property
    def whole(self) -> bool:
        """Whether it is all of the network."""
        return len(self.rows) == len(self.result.rows)

    @property
    def out(self) -> Tensor:
        """What comes out of its last layer; of a whole network, the main output."""
        outputs = self.result.outputs
        return next(iter(outputs.values())) if self.whole else self.rows[-1].outs[0]


def part_of(
    result: Result, paths: Sequence[str], layer: str = "", printed: tuple[str, ...] | None = None
) -> Part | None:
    """The layers under some paths, all for ""; None where there are none, or no such main layer."""
    rows = tuple(row for path in paths for row in result.under(path))
    main = next((row for row in rows if row.name == layer), None)
    if not rows or (layer and main is None):
        return None
    return Part(result, tuple(paths), rows, main, printed)


# --- texts -------------------------------------------------------------------------------------


def _label(part: Part, at: Sequence[str]) -> str:
    """The paper's word for the layer; ``inception (3a)`` for a module."""
    if part.added:
        return part.paths[0]
    if part.main is None:
        return part.paths[0].replace("_", " (") + ")"
    if isinstance(part.main.node.op, Dropout):
        return f"dropout ({100 * part.main.node.op.p:g}%)"
    return _WORDS.get(type(part.main.node.op).__name__, part.main.type)


_WORDS = {
    "Conv": "convolution",
    "MaxPool": "max pool",
    "AvgPool": "avg pool",
    "AdaptiveAvgPool": "avg pool",
    "Linear": "linear",
    "Softmax": "softmax",
}


def _window(part: Part, at: Sequence[str]) -> str:
    """``7x7/2``; of a global pool, the map it covers."""
    if part.main is None or len(part.main.ins[0].dims) != 4:
        return ""
    op = part.main.node.op
    kernel = getattr(op, "kernel", part.main.ins[0].dims[-2:])
    stride = getattr(op, "stride", (1,))
    return f"{'x'.join(map(str, kernel))}/{stride[0]}"


def _size(x: Tensor) -> str:
    channels, *spatial = [*x.dims[1:], 1, 1][:3]
    return "x".join(str(d) for d in (*spatial, channels))


def _output(part: Part, at: Sequence[str]) -> str:
    """Height x width x channels, as papers write sizes."""
    return _size(part.out)


def _input(part: Part, at: Sequence[str]) -> str:
    """What goes into the first layer, likewise."""
    return _size(part.rows[0].ins[0])


def _out_channels(part: Part, at: Sequence[str]) -> str:
    """The width of the layer at the first of some places below this part that it has."""
    if part.added and not at:
        return ""
    names = [f"{path}/{place}".strip("/") for path in part.paths for place in at] or [
        row.name for row in reversed(part.rows)
    ]
    layers = {row.name: row.node.op for row in part.rows}
    found: list[Any] = [layers[name] for name in names if name in layers]
    widths = [
        op.out_channels if isinstance(op, Conv) else op.out_features
        for op in found
        if isinstance(op, Conv | Linear)
    ]
    return "".join(str(width) for width in widths[:1])


TEXTS: dict[str, Callable[[Part, Sequence[str]], str]] = {
    "label": _label,
    "window": _window,
    "input": _input,
    "output": _output,
    "out_channels": _out_channels,
}
"""What stands in a cell as it is; ``at`` are places below the part, for a width."""

# --- numbers -----------------------------------------------------------------------------------


def _depth(part: Part) -> int:
    """How many convolution and linear layers a path through these layers has at most."""
    at: dict[str, int] = {}
    for row in part.rows:
        before = max(at.get(ref, 0) for ref, _ in row.node.inputs)
        at[row.name] = before + row.node.op.DEPTH
    return max(at.values())


def _depth_with_pools(part: Part) -> int:
    main = next(iter(part.result.graph.outputs.values()))[0]
    return depths(part.result.graph)[main][1]


def _count(name: str) -> Callable[[Part], Any]:
    return lambda part: getattr(total(row.counts for row in part.rows), name)


def _work(kind: str) -> Callable[[Part], Any]:
    return lambda part: total(row.counts for row in part.rows).ops.get(kind, 0)


def _bytes(part: Part) -> Any:
    stored = [t for row in part.rows for t in row.stored if t.role != "buffer"]
    return sum(t.numel * BYTES[t.dtype] for t in stored)


def _axis(at: int) -> Callable[[Part], Any]:
    return lambda part: [*part.out.dims, 1, 1][at]


NUMBERS: dict[str, Callable[[Part], Any]] = {
    **{n: _count(n) for n in ("weights", "biases", "params", "trainable", "buffers")},
    **{n: _count(n) for n in ("macs", "flops")},
    **{kind: _work(kind) for kind in WORK if kind != "mac"},
    "activations": lambda part: sum(x.numel for row in part.rows for x in row.outs),
    "out_elements": lambda part: part.out.numel,
    "in_elements": lambda part: part.rows[0].ins[0].numel,
    "height": _axis(2),
    "width": _axis(3),
    "channels": _axis(1),
    "depth": _depth,
    "depth_with_pools": _depth_with_pools,
    "layers": lambda part: len({t.node for r in part.rows for t in r.stored if t.role != "buffer"}),
    "param_bytes": _bytes,
    "crops": lambda part: plan(part.result, SCALES, 1, None).crops_per_image,
}
"""Exact integers of a part with its batch; arrays where its layers hold such."""
