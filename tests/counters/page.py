"""reports/counters.md: what the counters print, which is right about what, and what was found."""

from __future__ import annotations

from collections.abc import Iterator

from netcalc.core.counters import Counted
from tests.counters.faults import FAULTS
from tests.counters.recorded import NAMES, convention, derived, of_model, of_probe, printed

PROBES = {
    "conv2d": "Conv2d with bias",
    "conv2d_grouped": "grouped Conv2d",
    "conv2d_depthwise": "depthwise Conv2d",
    "conv2d_same": "Conv2d, padding='same'",
    "conv2d_same_even": "the same, even kernel",
    "conv2d_unbatched": "Conv2d without a batch",
    "f_conv2d": "F.conv2d",
    "conv_transpose2d": "ConvTranspose2d, stride 2",
    "conv_transpose2d_depthwise": "depthwise ConvTranspose2d",
    "linear": "Linear on vectors",
    "linear_tokens": "Linear on tokens",
    "linear_1d": "Linear on one vector",
    "f_linear": "F.linear",
    "matmul_weight": "torch.matmul",
    "matmul_weight_operator": "x @ y",
    "matmul_broadcast_left": "matmul, left operand broadcast",
    "mv_weight": "torch.mv",
    "bmm": "torch.bmm",
    "baddbmm": "torch.baddbmm",
    "einsum": "torch.einsum",
    "einsum_outer": "einsum of an outer product",
    "sdpa": "scaled_dot_product_attention",
    "attention_operators": "attention by @ and softmax",
    "attention_functions": "attention by torch.matmul",
    "mha": "nn.MultiheadAttention",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "RNN",
    "bilinear_layer": "nn.Bilinear",
    "shared_called_twice": "a layer called twice",
    "shared_by_two_parents": "a layer with two parents",
    "dead_code": "a layer that nothing uses",
}
"""Single layers, by the names of tests/counters/probes.py."""


def page() -> str:
    """The page without its first line."""
    return "\n".join([*_models(), *_probes(), *_conventions(), *_faults()])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _models() -> Iterator[str]:
    yield "# Counters\n"
    yield (
        "What other counters print for models on an image of the model's own size. FLOPs are"
        " printed by flopcountermode, calflops-flops and torchscan-flops, multiply-adds (and more)"
        " by the others. Every number follows from the counter's convention but for those with a"
        " mark, which are followed by what is left unexplained.\n"
    )
    yield _row("model", "true MACs", *NAMES)
    yield _row(":--", *["--:"] * (len(NAMES) + 1))
    for net in printed(NAMES[0])["models"]:
        recording = of_model(net)
        cells = []
        for name in NAMES:
            number = printed(name)["models"][net]
            if not isinstance(number, int):
                cells.append(number)
                continue
            left = number - derived(name, recording).value
            cells.append(f"{number:,}" + (f" ({left:+,} unexplained)" if left else ""))
        yield _row(net, f"{recording.total:,}", *cells)
    versions = ", ".join(f"{name} {printed(name)['version']}" for name in NAMES)
    torch = printed(NAMES[0])["torch"].replace("+cu130", "")
    yield f"\nRecorded with {versions}; torch {torch}.\n"


def _probes() -> Iterator[str]:
    yield "## Single layers\n"
    yield (
        "Whether a counter's multiply-adds are the true ones, whatever else it adds. Where they are"
        " not, the factor is its multiply-adds over the true ones, and 0 where it sees nothing. An"
        " exception is named. ptflops adds the batch itself, of one image, so that it cannot be"
        " asked about layers without a batch.\n"
    )
    yield _row("layer", "true MACs", *NAMES)
    yield _row(":--", *["--:"] * (len(NAMES) + 1))
    for probe, words in PROBES.items():
        recording = of_probe(probe)
        cells = [_right(name, probe) for name in NAMES]
        yield _row(words, f"{recording.total:,}", *cells)
    yield ""


def _right(name: str, probe: str) -> str:
    single = convention(name).batch_of_one
    number = printed(name)["probes"][probe]
    if not isinstance(number, int):
        return "not asked" if single else number
    recording = of_probe(probe, single)
    found = derived(name, recording)
    if found.value != number:
        return f"{number:,} (unexplained)"
    off = sum(term.value for term in found.terms if term.of_macs)
    if not off:
        return "right"
    counted = recording.total + off
    return (
        "0" if not counted else f"{counted / recording.total:.3g}x" if recording.total else "more"
    )


def _conventions() -> Iterator[str]:
    yield "## What each of them adds and leaves out\n"
    yield "Over the models above, what makes up the differences from the true multiply-adds.\n"
    for name in NAMES:
        causes: dict[str, int] = {}
        for net in printed(name)["models"]:
            for term in _terms(derived(name, of_model(net))):
                causes[term] = causes.get(term, 0) + 1
        known = convention(name)
        told = ", ".join(f"{cause} ({count})" for cause, count in sorted(causes.items()))
        yield f"- **{name}** ({known.source}): {told or 'nothing'}"
    yield "\nIn brackets: for how many of the models.\n"


def _terms(found: Counted) -> set[str]:
    return {term.cause.partition(", in ")[0] for term in found.terms}


def _faults() -> Iterator[str]:
    yield "## What was found on the way\n"
    yield (
        "Counts that are wrong by the counter's own words, or damage to the model, each with a"
        " small example and, behind it, what is printed and what would be right.\n"
    )
    for fault in FAULTS:
        yield f"### {fault.counter}: {fault.what}\n\n```text\n{fault.example.strip()}\n```\n"
        yield f"{fault.printed}\n"
