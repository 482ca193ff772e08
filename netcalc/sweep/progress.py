"""How far a sweep is, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netcalc.sweep.chunks import Found


@contextmanager
def progress(total: int) -> Iterator[Callable[[Found], None]]:
    """What to tell of each chunk; shows a bar with the rate and the time that remains."""
    if not sys.stderr.isatty():
        yield lambda found: None
        return
    try:
        from rich import progress as bars
        from rich.console import Console
    except ModuleNotFoundError:
        yield lambda found: None
        return
    columns = (
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TextColumn("{task.fields[rate]} candidates/s"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=total, rate="-")

        def tell(found: Found) -> None:
            shown.advance(task, found.examined)
            now = shown.tasks[0]
            shown.update(task, rate=f"{now.completed / max(now.elapsed or 0, 0.01):,.0f}")

        yield tell
