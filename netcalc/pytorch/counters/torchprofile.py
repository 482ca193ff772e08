"""torchprofile: operators of a torch.jit trace in MACs, arithmetic on sizes among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from netcalc.pytorch.counters.convention import Convention, Count
from netcalc.pytorch.counters.dispatched import fast
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.counters.sizes import products_of_sizes
from netcalc.pytorch.counters.traced import NORMS, Found, Rule, numel, traced
from netcalc.pytorch.events import Event, Seen


def _convolution(event: Event) -> Found | None:
    """At the output's size; its channels are taken for the weight's first axis if as many.

    Padding by name is another operator, without a rule.
    """
    if event.overload == "padding":
        return None
    w = event.arguments["weight"].shape
    y = event.outputs[0].shape
    channels = y[1 - len(w)]  # a batch may be missing
    each = w[1] if channels == w[0] else w[0]
    cause = "transposed convolutions at output size" if "transpose" in event.name else ""
    return Found(cause or "convolutions", prod(y) * each * prod(w[2:]), True)


def _linear(event: Event) -> Found | None:
    said = event.arguments
    return Found("linear layers", numel(said["input"]) * said["weight"].shape[0], True)


def _product(event: Event) -> Found | None:
    """With two operands of an axis or more each, the last two of what comes before are factors."""
    a, b = (x.shape for x in event.inputs()[-2:])
    if len(b) == 1:
        value = prod(a)
    elif len(a) == 1:
        value = prod(b)
    else:
        value = numel(event.outputs[0]) * a[-1]
    return Found("matrix products", value, True)


def _attention(event: Event) -> Found | None:
    q, k, v = (event.arguments[name].shape for name in ("query", "key", "value"))
    return Found("attention", prod(q[:-1]) * k[-2] * (q[-1] + v[-1]), True)


def _lstm(event: Event) -> Found | None:
    """The state's last axis for the hidden size, which a projection makes another."""
    y, state = (x.shape for x in event.outputs[:2])
    hidden = state[-1]
    directions = y[-1] // hidden
    inputs = event.inputs()[0].shape[-1]
    later = (state[0] // directions - 1) * 4 * hidden * (hidden * directions + hidden)
    value = prod(y[:2]) * directions * (4 * hidden * (inputs + hidden) + later)
    return Found("recurrent layers by the size of their state", value, True)


def _einsum(event: Event) -> Found | None:
    """All indices once; an ellipsis is none."""
    equation = str(event.arguments["equation"])
    if "..." in equation:
        return None
    sizes: dict[str, int] = {}
    terms = equation.partition("->")[0].replace(" ", "").split(",")
    for term, operand in zip(terms, event.inputs(), strict=False):
        sizes.update(zip(term, operand.shape, strict=False))
    return Found("einsum as one product of all indices", prod(sizes.values()), True)


def _norm(event: Event) -> Found | None:
    if not isinstance(event.arguments["weight"], Seen):
        return None
    return Found(f"{NORMS[event.name]} as 1 per element", numel(event.outputs[0]))


def _outputs(cause: str, each: int = 1) -> Callable[[Event], Found | None]:
    return lambda event: Found(cause, each * numel(event.outputs[0]))


SAMPLING = {0: 4, 1: 0, 2: 16}
"""By a grid sampler's mode, bilinear, nearest, bicubic, the MACs of an output element."""


def _grid(event: Event) -> Found | None:
    each = SAMPLING.get(event.arguments["interpolation_mode"], 4)
    return Found(f"grid samplers as {each} per output element", each * numel(event.outputs[0]))


AXES = ("1d", "2d", "3d")
RULES: dict[str, Rule] = {
    **{f"conv{kind}{n}": _convolution for kind in ("", "_transpose") for n in AXES},
    "convolution": _convolution,
    "linear": _linear,
    **dict.fromkeys(("matmul", "addmm", "bmm", "baddbmm", "addmv"), _product),
    "scaled_dot_product_attention": _attention,
    "lstm": _lstm,
    "einsum": _einsum,
    **dict.fromkeys(NORMS, _norm),
    **{
        f"{kind}avg_pool{n}": _outputs("average pools as 1 per output element")
        for kind in ("", "adaptive_")
        for n in AXES
    },
    "mean": _outputs("means as 1 per output element"),
    **dict.fromkeys(("mul", "mul_"), _outputs("elementwise products as 1 per element")),
    "leaky_relu": _outputs("LeakyReLU as 1 per element"),
    "upsample_bilinear2d": _outputs("upsampling as 4 per output element", 4),
    "grid_sampler": _grid,
}


def counts(recording: Recording) -> Iterator[Count]:
    """What it counts, operator by operator, and the products of sizes that a trace keeps."""
    hidden = fast(recording)
    yield from traced(recording, RULES, hidden)
    yield Count("products of sizes as 1 each", products_of_sizes(recording, hidden), 0, 0)


CONVENTION = Convention(
    "torchprofile", "torchprofile", "0.1.0", "https://github.com/zhijian-liu/torchprofile", counts
)
