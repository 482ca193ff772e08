"""Operators that make, move or pick values, as layers."""

from __future__ import annotations

from netcalc.core.ops.arrange import Constant, Pad
from netcalc.core.ops.elementwise import Cast
from netcalc.core.ops.gather import Index
from netcalc.core.ops.slices import Pick, Slice, Split, Unbind
from netcalc.core.ops.unit import Expand, Squeeze, Unsqueeze
from netcalc.core.ops.view import Permute, Reshape, Transpose
from netcalc.pytorch.events import Event
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
    return on_first(event, Pad(tuple(said["pad"]), mode, 0.0 if value is None else float(value)))


def _constant(event: Event) -> Lifted:
    out = event.outputs[0]
    return Lifted(Constant(out.shape, out.dtype), (), {})


def _cast(event: Event) -> Lifted:
    return on_first(event, Cast(event.outputs[0].dtype))


def _index(event: Event) -> Lifted:
    x, *places = event.inputs()
    given = event.arguments.get("indices")
    dim = event.arguments.get("dim")
    if isinstance(given, list):
        dim = next(i for i, place in enumerate(given) if place is not None)
    return Lifted(Index(0 if dim is None else dim), (x, *places), {})


_FACTORIES = """
    arange empty empty_like empty_strided eye full full_like linspace new_empty new_full new_ones
    new_zeros ones ones_like rand rand_like randint randn randn_like scalar_tensor tril_indices
    zeros zeros_like
""".split()  # noqa: SIM905  (a list of words)

SHAPES: dict[str, Special] = {
    **dict.fromkeys(
        ("view", "_unsafe_view", "reshape", "unflatten", "view_as", "reshape_as"), _reshape
    ),
    **dict.fromkeys(("expand", "expand_as"), _expand),
    **dict.fromkeys(("transpose", "swapaxes", "t"), _transpose),
    "permute": lambda e: on_first(e, Permute(tuple(e.arguments["dims"]))),
    "squeeze": _squeeze,
    "unsqueeze": lambda e: on_first(e, Unsqueeze(e.arguments["dim"])),
    "slice": _slice,
    "select": lambda e: on_first(e, Pick(e.arguments["dim"], e.arguments["index"])),
    **dict.fromkeys(("split", "split_with_sizes", "chunk"), _split),
    "unbind": lambda e: on_first(e, Unbind(len(e.outputs), e.arguments["dim"])),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **dict.fromkeys(_FACTORIES, _constant),
    **dict.fromkeys(("to", "_to_copy", "type_as"), _cast),
    **dict.fromkeys(("index", "index_select"), _index),
}
