"""Operators that make, move or pick values, as layers."""

from __future__ import annotations

from netcalc.core.ops.arrange import Constant, Pad
from netcalc.core.ops.elementwise import Cast
from netcalc.core.ops.gather import Index
from netcalc.core.ops.merge import Concat
from netcalc.core.ops.slices import Pick, Slice, Split, Unbind
from netcalc.core.ops.unit import Expand, Squeeze, Unsqueeze
from netcalc.core.ops.view import AsStrided, Permute, Reshape, Transpose
from netcalc.core.tensor import Tensor
from netcalc.pytorch.events import Event, Seen
from netcalc.pytorch.lift_functions import finite
from netcalc.pytorch.lift_places import at_places
from netcalc.pytorch.lifted import Lifted, Special, on_first


def _reshape(event: Event) -> Lifted:
    return on_first(event, Reshape(event.outputs[0].shape))


def _expand(event: Event) -> Lifted:
    return on_first(event, Expand(event.outputs[0].shape))


def _transpose(event: Event) -> Lifted:
    said = event.arguments
    first, second = (said.get(f"dim{i}", said.get(f"axis{i}", i)) for i in (0, 1))
    return on_first(event, Transpose(first, second))


def _squeeze(event: Event) -> Lifted:
    given = event.arguments.get("dim")
    shape = event.inputs()[0].shape
    if given is None:
        given = [i for i, d in enumerate(shape) if d == 1]
    dims = [given] if isinstance(given, int) else given
    return on_first(event, Squeeze(tuple(d for d in dims if shape[d] == 1)))


def _slice(event: Event) -> Lifted:
    said = event.arguments
    end = said.get("end")
    whole = end is None or end >= event.inputs()[0].shape[said["dim"]]
    return on_first(
        event, Slice(said["dim"], said.get("start") or 0, None if whole else end, said["step"])
    )


def _split(event: Event) -> Lifted:
    dim = event.arguments["dim"]
    return on_first(event, Split(tuple(x.shape[dim] for x in event.outputs), dim))


def _pad(event: Event) -> Lifted:
    said = event.arguments
    value = said.get("value")
    mode = said.get("mode", "constant")
    number = 0.0 if value is None else finite(float(value))
    return on_first(event, Pad(tuple(said["pad"]), mode, number))


def _padded(mode: str) -> Special:
    return lambda e: on_first(e, Pad(tuple(e.arguments["padding"]), mode))


_PADS = {"reflection": "reflect", "replication": "replicate"}


def constant(event: Event) -> Lifted:
    """What is made of no tensor, or of its shape alone."""
    out = event.outputs[0]
    return Lifted(Constant(out.shape, out.dtype), (), {})


def _as_strided(event: Event) -> Lifted | None:
    """Of a tensor whose values lie in order, or seem to: within what there are of them."""
    said = event.arguments
    op = AsStrided(tuple(said["size"]), tuple(said["stride"]), said["storage_offset"] or 0)
    ins = (Tensor(said["self"].shape),)
    return on_first(event, op) if all(g.holds[0] for g in op.conditions(*ins)) else None


def _fill(event: Event) -> Lifted | None:
    value = event.arguments["value"]
    if not isinstance(value, Seen):
        return constant(event)
    size = event.outputs[0].shape
    return Lifted(Expand(size), (value,), {}) if size else None


def _cast(event: Event) -> Lifted:
    return on_first(event, Cast(event.outputs[0].dtype))


def _index(event: Event) -> Lifted | None:
    x, *places = event.inputs()
    dim = event.arguments.get("dim", 0)
    if "indices" in event.arguments:
        found = at_places(event)
        if found is None or any(place.dtype == "bool" for place in places):
            return None
        dim, places = found
    return Lifted(Index(dim), (x, *places), {})


def _cat(event: Event) -> Lifted:
    """Tensors of one axis without elements, as of a cache that is empty yet, are left out."""
    every = event.inputs()
    held = [x for x in every if x.shape != (0,)] or every[:1]
    return Lifted(Concat(event.arguments["dim"]), tuple(held), {})


_FACTORIES = """
    arange empty empty_like empty_strided eye fill full full_like linspace new_empty new_full
    new_ones
    new_zeros ones ones_like rand rand_like randint randn randn_like scalar_tensor tril_indices
    zero zeros zeros_like
""".split()  # noqa: SIM905  (a list of words)

_FILLED = """
    cauchy exponential geometric log_normal normal random uniform zero
""".split()  # noqa: SIM905  (a list of words)
"""In-place operators that fill a tensor whatever is in it."""

SHAPES: dict[str, Special] = {
    **dict.fromkeys(
        ("view", "_unsafe_view", "reshape", "unflatten", "view_as", "reshape_as"), _reshape
    ),
    **dict.fromkeys(("expand", "expand_as"), _expand),
    **dict.fromkeys(("transpose", "swapaxes", "t"), _transpose),
    "cat": _cat,
    "permute": lambda e: on_first(e, Permute(tuple(e.arguments["dims"]))),
    "squeeze": _squeeze,
    "unsqueeze": lambda e: on_first(e, Unsqueeze(e.arguments["dim"])),
    "slice": _slice,
    "select": lambda e: on_first(e, Pick(e.arguments["dim"], e.arguments["index"])),
    **{
        f"{way}{name}": _split
        for name in ("split", "split_with_sizes", "chunk")
        for way in ("", "unsafe_")
    },
    "unbind": lambda e: on_first(e, Unbind(len(e.outputs), e.arguments["dim"])),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **{f"{name}_pad{n}d": _padded(mode) for name, mode in _PADS.items() for n in (1, 2, 3)},
    **dict.fromkeys((*_FACTORIES, *_FILLED), constant),
    "fill": _fill,
    "as_strided": _as_strided,
    **dict.fromkeys(("to", "_to_copy", "type_as"), _cast),
    **dict.fromkeys(("index", "index_select"), _index),
}
