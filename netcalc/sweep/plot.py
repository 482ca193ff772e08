"""A front as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netcalc.errors import InputError, OutputError
from netcalc.sweep.best import Table

Marked = Mapping[str, tuple[int, ...]]
"""Networks to mark by name, with their values of the keys."""


def plot(path: Path, rows: Table, keys: tuple[str, ...], marked: Marked, title: str) -> None:
    """Draw the first two keys of some rows, and the marked networks. Raises InputError without
    matplotlib or a second key, OutputError where the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise InputError("--plot needs matplotlib; pip install 'netcalc-nn[plot]'") from None
    if len(keys) < 2:
        raise InputError("--plot draws two quantities: --pareto params,macs")
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    x, y = (rows[key.lstrip("-")].astype(float) for key in keys[:2])
    style: dict[str, Any] = {"drawstyle": "steps-post"} if len(keys) == 2 else {"linestyle": ""}
    axes.plot(x, y, marker="o", markersize=3, label="front", **style)
    for name, values in marked.items():
        at = float(values[0]), float(values[1])
        axes.plot(*at, marker="x", color="black", linestyle="")
        axes.annotate(name, at, textcoords="offset points", xytext=(4, 3), fontsize=8)
    axes.set(xlabel=keys[0].lstrip("-"), ylabel=keys[1].lstrip("-"), title=title)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    ending = path.suffix.lstrip(".").lower()
    known = figure.canvas.get_supported_filetypes()
    if ending not in known:
        raise InputError(f"{path}: no picture goes by that ending; use .svg, .png or .pdf")
    beside = path.with_name(f".{path.name}.tmp")
    try:
        figure.savefig(beside, format=ending)
        os.replace(beside, path)
    except OSError as problem:
        raise OutputError(f"cannot write {path}: {problem.strerror or problem}") from None
