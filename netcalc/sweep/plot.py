"""A front as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netcalc.errors import InputError, OutputError
from netcalc.sweep.best import Table, named

Marked = Mapping[str, tuple[int, ...]]
"""Networks to mark by name, with their values of the keys."""


def check_plot(path: Path, keys: tuple[str, ...]) -> None:
    """Whether a front can be drawn to a file, to be asked before it is worked out.

    Raises InputError without matplotlib or a second key, or for an ending that no picture has;
    OutputError where there is no folder to write to.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise InputError("--plot needs matplotlib; pip install 'netcalc-nn[plot]'") from None
    if len(keys) < 2:
        raise InputError("--plot draws two quantities: --pareto params,macs")
    if _ending(path) not in Figure().canvas.get_supported_filetypes():
        raise InputError(f"{path}: no picture goes by that ending; use .svg, .png or .pdf")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")


def plot(path: Path, rows: Table, keys: tuple[str, ...], marked: Marked, title: str) -> None:
    """Draw the first two keys of some rows, and the marked networks.

    Raises OutputError where the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    x, y = (rows[named(key)].astype(float) for key in keys[:2])
    style: dict[str, Any] = {"drawstyle": "steps-post"} if len(keys) == 2 else {"linestyle": ""}
    axes.plot(x, y, marker="o", markersize=3, label="front", **style)
    places: dict[tuple[float, float], list[str]] = {}
    for name, values in marked.items():
        places.setdefault((float(values[0]), float(values[1])), []).append(name)
    for at, names in places.items():
        axes.plot(*at, marker="x", color="black", linestyle="")
        axes.annotate(", ".join(names), at, textcoords="offset points", xytext=(4, 3), fontsize=8)
    axes.set(xlabel=named(keys[0]), ylabel=named(keys[1]), title=title)
    _save(figure, path)


def _ending(path: Path) -> str:
    return path.suffix.lstrip(".").lower()


def _save(figure: Any, path: Path) -> None:
    beside = path.with_name(f".{path.name}.tmp")
    try:
        figure.savefig(beside, format=_ending(path))
        os.replace(beside, path)
    except OSError as problem:
        raise OutputError(f"cannot write {path}: {problem.strerror or problem}") from None
