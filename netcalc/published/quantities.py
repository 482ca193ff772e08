"""What a cell of a table can say of a part of a network: numbers, and texts as papers have them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from netcalc.core.analyse import Result, Row, total
from netcalc.core.crops import SCALES, plan
from netcalc.core.depths import depths, layers
from netcalc.core.ops.conv import Conv
from netcalc.core.ops.dense import Linear
from netcalc.core.ops.pointwise import Dropout
from netcalc.core.tensor import BYTES, Tensor
from netcalc.core.term import WORK
from netcalc.errors import InputError, SpecError


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
    """The layers under some paths, all for "", each once and in the order in which they run.

    None where there are none, or no such main layer.
    """
    if len(paths) == 1:
        rows = result.under(paths[0])
    else:
        names = {row.name for path in paths for row in result.under(path)}
        rows = tuple(row for row in result.rows if row.name in names)
    main = next((row for row in rows if row.name == layer), None)
    if not rows or (layer and main is None):
        return None
    return Part(result, tuple(paths), rows, main, printed)


# --- texts -------------------------------------------------------------------------------------


class Written(NamedTuple):
    """A text of a cell: numbers (arrays where layers hold such) in a form, ``{}x{}/{}``."""

    form: str
    numbers: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return self.form.format(*self.numbers) if self.numbers else self.form

    def fits(self, printed: str) -> Any:
        """Whether a printed text says the same; a mask where the numbers are arrays.

        Upper and lower case, x and × and *, and spaces around them are the same.
        """
        text = _plain(printed)
        if not self.numbers:
            return text == _plain(self.form)
        same: Any = re.sub(r"\d+", "{}", text) == _plain(self.form)
        if not same:
            return False
        for number, digits in zip(self.numbers, re.findall(r"\d{1,30}", text), strict=False):
            same = same & (number == int(digits))
        return same


def _plain(text: str) -> str:
    """A text without what differs between two ways of writing the same."""
    text = re.sub(r"\s*([/×])\s*", r"\1", text.strip().lower()).replace("×", "x")
    return re.sub(r"(?<=[\d}])\s*[x*]\s*(?=[\d{])", "x", text)


NOTHING = Written("")


def _label(part: Part, at: Sequence[str]) -> Written:
    """The paper's word for the layer; ``inception (3a)`` for such a module."""
    path = part.paths[0]
    if part.added:
        return Written(path)
    if part.main is None:
        module = re.fullmatch(r"inception_(\d\w)", path)
        return Written(f"inception ({module[1]})" if module else path)
    if isinstance(part.main.node.op, Dropout):
        return Written(f"dropout ({100 * part.main.node.op.p:g}%)")
    return Written(_WORDS.get(type(part.main.node.op).__name__, part.main.type))


_WORDS = {
    "Conv": "convolution",
    "MaxPool": "max pool",
    "AvgPool": "avg pool",
    "AdaptiveAvgPool": "avg pool",
    "Linear": "linear",
    "Softmax": "softmax",
}


def _window(part: Part, at: Sequence[str]) -> Written:
    """``7x7/2``; of a global pool, the map it covers."""
    if part.main is None or len(part.main.ins[0].dims) != 4:
        return NOTHING
    op = part.main.node.op
    kernel = getattr(op, "kernel", part.main.ins[0].dims[-2:])
    stride = getattr(op, "stride", (1,))
    return Written(f"{_times(len(kernel))}/{{}}", (*kernel, stride[0]))


def _times(n: int) -> str:
    return "x".join(["{}"] * n)


def size(x: Tensor) -> Written:
    """Height x width x channels, as papers write sizes; of three axes, what follows the batch."""
    dims = x.dims[1:]
    if len(dims) == 1:
        dims = (1, 1, *dims)
    elif len(dims) > 2:
        dims = (*dims[1:], dims[0])
    return Written(_times(len(dims)), dims) if dims else Written("1")


def _output(part: Part, at: Sequence[str]) -> Written:
    """What comes out."""
    return size(part.out)


def _map(part: Part, at: Sequence[str]) -> Written:
    """Height x width of what comes out, 1x1 where it has none."""
    dims = part.out.dims[2:] or (1, 1)
    return Written(_times(len(dims)), dims)


def _input(part: Part, at: Sequence[str]) -> Written:
    """What goes into the first layer, likewise."""
    return size(_entering(part))


def _entering(part: Part) -> Tensor:
    ins = part.rows[0].ins
    if not ins:
        raise SpecError(f"nothing goes into {part.rows[0].name}")
    return ins[0]


def _out_channels(part: Part, at: Sequence[str]) -> Written:
    """The width of the layer at the first of some places below this part that it has."""
    if part.added and not at:
        return NOTHING
    names = [f"{path}/{place}".strip("/") for path in part.paths for place in at] or [
        row.name for row in reversed(part.rows)
    ]
    layers = {row.name: row.node.op for row in part.rows}
    for name in names:
        op: Any = layers.get(name)
        if isinstance(op, Conv | Linear):
            return Written("{}", (op.out_channels if isinstance(op, Conv) else op.out_features,))
    return NOTHING


WRITTEN: dict[str, Callable[[Part, Sequence[str]], Written]] = {
    "label": _label,
    "window": _window,
    "input": _input,
    "output": _output,
    "map": _map,
    "out_channels": _out_channels,
}
"""What stands in a cell as it is; ``at`` are places below the part, for a width."""


def _text(name: str) -> Callable[[Part, Sequence[str]], str]:
    return lambda part, at: str(WRITTEN[name](part, at))


TEXTS = {name: _text(name) for name in WRITTEN}
"""The same as text."""

# --- numbers -----------------------------------------------------------------------------------


def _depth(part: Part) -> int:
    """How many convolution and linear layers a path through these layers has at most."""
    own = layers(part.result.graph)
    at: dict[str, int] = {}
    for row in part.rows:
        before = max((at.get(ref, 0) for ref, _ in row.node.inputs), default=0)
        at[row.name] = before + own[row.name]
    return max(at.values())


def _depth_with_pools(part: Part) -> int:
    main = next(iter(part.result.graph.outputs.values()))[0]
    return depths(part.result.graph)[main][1]


def _crops(part: Part) -> int:
    try:
        return plan(part.result, SCALES, 1, None).crops_per_image
    except InputError as problem:
        raise SpecError(
            f"crops are of images resized to {', '.join(map(str, SCALES))}, and {problem};"
            " quantity: none, or a number of its own"
        ) from None


def _count(name: str) -> Callable[[Part], Any]:
    return lambda part: getattr(total(row.counts for row in part.rows), name)


def _work(kind: str) -> Callable[[Part], Any]:
    return lambda part: total(row.counts for row in part.rows).ops.get(kind, 0)


def _bytes(part: Part) -> Any:
    stored = [t for row in part.rows for t in row.stored if t.role != "buffer"]
    return sum(t.numel * BYTES[t.dtype] for t in stored)


def _axis(name: str, at: int) -> Callable[[Part], Any]:
    """An axis of what comes out, of maps (N, C, ..., H, W) or of vectors (N, C)."""

    def axis(part: Part) -> Any:
        dims = part.out.dims
        if len(dims) not in (2, 4, 5):
            raise SpecError(f"{part.out} comes out, which has no {name}; use output")
        return dims[at] if at == 1 or len(dims) > 2 else 1

    return axis


NUMBERS: dict[str, Callable[[Part], Any]] = {
    **{n: _count(n) for n in ("weights", "biases", "params", "trainable", "buffers")},
    **{n: _count(n) for n in ("macs", "flops")},
    **{kind: _work(kind) for kind in WORK if kind != "mac"},
    "activations": lambda part: sum(x.numel for row in part.rows for x in row.outs),
    "out_elements": lambda part: part.out.numel,
    "in_elements": lambda part: _entering(part).numel,
    "height": _axis("height", -2),
    "width": _axis("width", -1),
    "channels": _axis("channels", 1),
    "depth": _depth,
    "depth_with_pools": _depth_with_pools,
    "layers": lambda part: len({t.node for r in part.rows for t in r.stored if t.role != "buffer"}),
    "param_bytes": _bytes,
    "crops": _crops,
}
"""Exact integers of a part with its batch; arrays where its layers hold such."""
