"""What training heads weigh in the loss, and what they cost that inference does not."""

from __future__ import annotations

from typing import Any

from netcalc.core.analyse import Result, Totals, analyse
from netcalc.core.heads import without_heads
from netcalc.report.units import grouped, percent


def heads_lines(result: Result) -> tuple[str, ...]:
    """The loss, and the costs of training and inference; nothing where no head has a weight."""
    weights = result.graph.loss_weights
    if not weights:
        return ()
    loss = " + ".join(["main", *(f"{weight} {name}" for name, weight in weights.items())])
    whole, inference = result.totals, _inference(result)
    params, macs = whole.params - inference.params, whole.macs - inference.macs
    name, verb = ("the heads", "add") if len(weights) > 1 else ("the head", "adds")
    added = (
        f"{grouped(params)} params ({percent(params, inference.params)}) and"
        f" {grouped(macs)} MACs ({percent(macs, inference.macs)})"
    )
    left = f"{grouped(inference.params)} params and {grouped(inference.macs)} MACs"
    return (
        f"training: loss = {loss}; {name} {verb} {added} to a forward pass",
        f"inference: without {name}, {left}",
    )


def heads_document(result: Result) -> dict[str, Any]:
    """The same for machines, under ``training``; empty where no head has a weight."""
    if not result.graph.loss_weights:
        return {}
    whole, inference = result.totals, _inference(result)
    return {
        "training": {
            "loss_weights": {name: float(w) for name, w in result.graph.loss_weights.items()},
            "heads": {
                "params": whole.params - inference.params,
                "macs": whole.macs - inference.macs,
            },
            "inference": {"params": inference.params, "macs": inference.macs},
        }
    }


def _inference(result: Result) -> Totals:
    return analyse(without_heads(result.graph), result.inputs).totals
