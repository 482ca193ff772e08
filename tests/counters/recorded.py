"""What the counters printed, as recorded, beside what follows from their conventions."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch

from netcalc.core.counters import Counted, CounterLine, Reconciled
from netcalc.core.graph import renamed
from netcalc.pytorch.counters import conventions
from netcalc.pytorch.counters.convention import Convention, counted
from netcalc.pytorch.counters.recording import Recording, record
from netcalc.pytorch.named import ready
from netcalc.report.formats import render
from netcalc.report.reconciled import reconciled_report
from tests.counters.probes import PROBES

HERE = Path(__file__).parent
NAMES = tuple(name for name in conventions.NAMES if (HERE / f"{name}.json").exists())
"""The counters that were recorded."""


@cache
def printed(name: str) -> dict[str, Any]:
    """The record of a counter: its version, and numbers by model and by probe."""
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text("utf-8"))
    return found


@cache
def of_model(net: str) -> Recording:
    model, args, kwargs, _ = ready(net, None, {})
    return record(model, args, kwargs)


@cache
def of_probe(probe: str, single: bool = False) -> Recording:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some probes are of what PyTorch is about to drop
        model, args = PROBES[probe]()
    given = tuple(_first(x) for x in args) if single else tuple(args)
    return record(model.eval(), given, {})


def _first(x: Any) -> Any:
    return x[:1] if isinstance(x, torch.Tensor) and x.dim() else x


def convention(name: str) -> Convention:
    return conventions.load(name)


def derived(name: str, recording: Recording) -> Counted:
    return counted(recording, convention(name))


def reconciled(net: str) -> Reconciled:
    """A model with all counters, as ``netcalc reconcile`` has it where they are installed."""
    recording = of_model(net)
    lines = []
    for name in NAMES:
        known, found = printed(name), derived(name, recording)
        number = known["models"][net]
        lines.append(
            CounterLine(
                name,
                known["version"],
                convention(name).version,
                number if isinstance(number, int) else None,
                found.value,
                tuple(sorted(found.terms, key=lambda term: -abs(term.value))),
                "" if isinstance(number, int) else f"{number} raised",
            )
        )
    graph = renamed(recording.result.graph, factory=net)
    return Reconciled(net, recording.result._replace(graph=graph), tuple(lines))


def shown(net: str) -> str:
    """What ``netcalc reconcile`` prints of a model, from the record."""
    return f"$ netcalc reconcile {net}\n" + render(reconciled_report(reconciled(net)), "text")
