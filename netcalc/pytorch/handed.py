"""Operators that give on what they get: no layers, only other names of a value."""

from __future__ import annotations

from netcalc.pytorch.events import Event, Seen

_HANDS_ON = frozenset(
    """
    alias chunk clone contiguous copy detach expand lift_fresh narrow reshape slice split
    split_with_sizes squeeze to _to_copy type_as unsqueeze view _unsafe_view view_as
    """.split()  # noqa: SIM905  (a list of words)
)
"""Operators that give on what they get where its shape and type stay as they are."""


def handed_on(event: Event) -> Seen | None:
    """The input that an operator gives on as it is: a copy, a view of the same shape."""
    if event.name.removesuffix("_") not in _HANDS_ON or len(event.outputs) != 1:
        return None
    inputs = event.inputs()
    if not inputs:
        return None
    written = event.name.startswith("copy") and len(inputs) > 1
    source, out = inputs[1 if written else 0], event.outputs[0]
    return source if (source.shape, source.dtype) == (out.shape, out.dtype) else None
