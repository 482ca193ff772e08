"""What a network takes in memory, as lines below a table and for machines."""

from __future__ import annotations

from typing import Any

from netcalc.core.memory import Memory
from netcalc.report.columns import Network, activation_bytes, activations
from netcalc.report.units import grouped, human


def memory_lines(network: Network) -> tuple[str, ...]:
    """The sums of inference and of training."""
    m, rows = network.memory, network.result.rows
    stored = _parts((m.weights, "parameters"), (m.buffers, "buffers"))
    least = ">=\xa0" if m.at_least else ""
    inference = (*stored, f"{least}{_mb(m.peak)} activations at the peak ({m.peak_at})")
    training = (
        *stored,
        *_parts((m.gradients, "gradients"), (m.optimizer, network.optimizer)),
        f"{least}{_mb(sum(m.saved.values()))} saved activations",
    )
    return (
        f"activations: {grouped(activations(rows))} values, {_mb(activation_bytes(rows))}",
        f"memory of inference: {' + '.join(inference)} = {least}{_mb(m.inference)}",
        f"memory of training: {' + '.join(training)} = {least}{_mb(m.training)}",
        *_bounds(m.at_least),
    )


def _bounds(names: tuple[str, ...]) -> tuple[str, ...]:
    """Why memory is given as a lower bound."""
    if not names:
        return ()
    told = ", ".join((*names[:3], *(["..."] if len(names) > 3 else [])))
    return (f"lower bounds, since what these layers take is not known to the byte: {told}",)


def _parts(*parts: tuple[int, str]) -> tuple[str, ...]:
    return tuple(f"{_mb(n)} {what}" for n, what in parts if n)


def _mb(n: int) -> str:
    return human(n, "B").replace(" ", "\xa0")


def memory_document(network: Network) -> dict[str, Any]:
    """The same in bytes, for machines."""
    m: Memory = network.memory
    return {
        "weights": m.weights,
        "buffers": m.buffers,
        "peak_activations": m.peak,
        "peak_at": m.peak_at,
        "at_least": list(m.at_least),
        "inference": m.inference,
        "gradients": m.gradients,
        "optimizer": network.optimizer,
        "optimizer_state": m.optimizer,
        "saved_activations": sum(m.saved.values()),
        "training": m.training,
    }
