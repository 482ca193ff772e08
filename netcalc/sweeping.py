"""Sweeps: many candidate networks at once, exactly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from netcalc.core.graph import Graph
from netcalc.errors import InputError, UnknownNameError, did_you_mean
from netcalc.loading import file_of, load, made_by, moved
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped
from netcalc.view import View

if TYPE_CHECKING:
    import pandas as pd

    from netcalc.sweep.best import Best
    from netcalc.sweep.running import Outcome
    from netcalc.sweep.space import Net, Space

SHOWN = 20


def sweep(
    space: str | Path | Mapping[str, Any],
    *,
    pareto: Sequence[str] | None = None,
    top: int | None = None,
    by: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    jobs: int | None = 1,
    output: str | Path | None = None,
    resume: bool = False,
    dask: str | None = None,
) -> pd.DataFrame:
    """The candidates of a space that are legal and within its budgets, with their quantities.

    ``space`` is a file or what a file would say. ``pareto`` names quantities of which less is
    better (more, with a minus in front) and limits the result to their front; ``top`` to the first
    few ``by`` a quantity. ``sample`` looks at so many candidates, spread over the space. ``jobs``
    are processes (None: all cores), ``dask`` is a scheduler's address. With ``output``, a folder,
    all rows are written there as Parquet files, and ``resume`` goes on with it.

    Counts are exact: int64, or Python ints where 64 bits might not do. ``attrs`` of the frame say
    how many candidates were ``examined`` and ``left_out``, by reason. Raises InputError or
    SpecError, with file and line, for a space that cannot be.
    """
    import pandas as pd

    wanted = Wanted(pareto, top, by, sample, seed, jobs, output, resume, dask)
    done = run_sweep(read_space(space), wanted)
    rows = done.outcome.rows
    if output is not None and not rows:
        rows = done.written()
    frame = pd.DataFrame({k: v for k, v in rows.items() if k != "candidate"})
    frame.index = pd.Index(rows["candidate"], name="candidate")
    frame.attrs = {"examined": done.outcome.examined, "left_out": done.outcome.left_out}
    return frame


class Swept(View):
    """A finished sweep."""

    def __init__(self, space: Space, outcome: Outcome, told: str, parts: Any = None) -> None:
        self.space, self.outcome, self.told, self.parts = space, outcome, told, parts

    def written(self) -> dict[str, Any]:
        """All rows of the folder that the sweep was written to."""
        from netcalc.sweep.best import stacked

        return stacked([self.parts.rows(number) for number in sorted(self.parts.done())])

    def report(self) -> Report:
        """The best rows, and what became of the others."""
        rows = self.outcome.rows
        names = [name for name in rows if name != "candidate"]
        columns = tuple(Column(name, name, show=_shown) for name in names)
        cells = tuple(zip(*(rows[name].tolist() for name in names), strict=True))
        left = sum(self.outcome.left_out.values())
        fitting = self.outcome.examined - left
        of = "" if self.outcome.examined == self.space.size else f" of {self.space.size:,}"
        notes = [f"{self.outcome.examined:,} candidates{of}, {fitting:,} fit"]
        notes += [f"{n:,} {why}" for why, n in self.outcome.left_out.items()]
        title = f"{self.space.net.name}: {self.told}"

        def document() -> dict[str, Any]:
            return {
                "space": self.space.document(),
                "examined": self.outcome.examined,
                "left_out": self.outcome.left_out,
                "rows": [dict(zip(names, row, strict=True)) for row in cells],
            }

        return Report(title, (Table(columns, cells),), tuple(notes), document)


def _shown(value: Any) -> str:
    return grouped(value) if type(value) is int else str(value)


class Wanted(NamedTuple):
    """What is asked of a sweep; see ``sweep``. ``plot`` is a file to draw the front to."""

    pareto: Sequence[str] | None = None
    top: int | None = None
    by: str | None = None
    sample: int | None = None
    seed: int = 0
    jobs: int | None = None
    output: str | Path | None = None
    resume: bool = False
    dask: str | None = None
    plot: Path | None = None

    def check(self) -> None:
        """Raise InputError for what cannot be asked, or not together."""
        for name, least in (("top", 1), ("sample", 1), ("seed", 0), ("jobs", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")
        if self.by is not None and self.top is None:
            raise InputError("by says what the first candidates are sorted by: add --top 20")
        if self.resume and self.output is None:
            raise InputError("--resume goes on with a folder: name it by -o")
        if self.plot and not self.pareto:
            raise InputError("--plot draws a front: say of what by --pareto params,macs")


def run_sweep(space: Space, wanted: Wanted) -> Swept:
    """Go through a space."""
    from netcalc.sweep.best import Best
    from netcalc.sweep.candidates import LARGEST_GRID, examined
    from netcalc.sweep.chunks import Job
    from netcalc.sweep.parts import Parts
    from netcalc.sweep.progress import progress
    from netcalc.sweep.running import go

    wanted.check()
    best = _best(space, wanted)
    if best:
        keys = (*best.keys, *((wanted.by,) if wanted.by else ()))
        space = space.showing(key.lstrip("-") for key in keys)
    total = examined(space, wanted.sample)
    if total > LARGEST_GRID:
        raise InputError(f"{total:,} candidates are too many to go through; take a --sample")
    folder = None if wanted.output is None else Path(wanted.output)
    job = Job(space, wanted.sample, wanted.seed, best, rows=folder is not None or best is None)
    parts = Parts(folder, job, wanted.resume) if folder else None
    with progress(total) as told:
        outcome = go(job, wanted.jobs, wanted.dask, parts, told)
    if wanted.pareto and wanted.top and best:
        first = Best((wanted.by or wanted.pareto[0],), wanted.top).of(outcome.rows)
        outcome = outcome._replace(rows=first)
    if wanted.plot and best:
        _plot(wanted.plot, space, outcome, best.keys)
    return Swept(space, outcome, _told(space, wanted), parts)


def _told(space: Space, wanted: Wanted) -> str:
    """What the rows are."""
    pareto, top = wanted.pareto, wanted.top
    front = f"the front of {' and '.join(pareto)}" if pareto else "candidates"
    first = wanted.by or (pareto or space.shown)[0]
    return f"{front}, first {top} by {first}" if top else front


def _best(space: Space, wanted: Wanted) -> Best | None:
    """Which rows are asked for; raises UnknownNameError for a key that candidates do not have."""
    from netcalc.sweep.best import Best
    from netcalc.sweep.space import QUANTITIES

    pareto, by = wanted.pareto, wanted.by
    sizes = [axis.name for axis in space.axes if all(type(v) is int for v in axis.values)]
    known = (*QUANTITIES, *sizes)
    for key in (*(pareto or ()), *((by,) if by else ())):
        if key.lstrip("-") not in known:
            hint = did_you_mean(key, known) or f"choose from {', '.join(known)}"
            raise UnknownNameError(f"there is no quantity {key!r}; {hint}")
    if pareto:
        return Best(tuple(dict.fromkeys(pareto)))
    return Best((by or space.shown[0],), wanted.top) if wanted.top else None


def _plot(path: Path, space: Space, outcome: Outcome, keys: tuple[str, ...]) -> None:
    from netcalc.sweep.plot import plot
    from netcalc.sweep.single import googlenet_modules, single

    names = [key.lstrip("-") for key in keys]
    marked = {}
    for module, values in googlenet_modules(space).items():
        found = {**values, **single(space, values, names)}
        marked[module] = tuple(found[name] for name in names)
    plot(path, outcome.rows, keys, marked, space.net.name)


# --- reading -------------------------------------------------------------------------------------


def read_space(space: str | Path | Mapping[str, Any]) -> Space:
    """The space of a file, or of what a file would say."""
    from netcalc.spec.reader import read, read_file
    from netcalc.sweep.reading import space_of

    if isinstance(space, Mapping):
        value, name, beside = read(json.dumps(space), "space"), "space", Path()
    elif isinstance(space, str | Path):
        value, name, beside = read_file(Path(space)), str(space), Path(space).parent
    else:
        raise InputError(f"a space is a file or a mapping, got {space!r}")
    return space_of(value, name, partial(net_of, beside=beside))


def net_of(net: str, beside: Path = Path()) -> Net:
    """A network whose arguments may vary. Files are looked for beside the space's."""
    from netcalc.spec.reader import read_file
    from netcalc.sweep.space import Net
    from netcalc.zoo import find

    net = moved(net, lambda path: str(beside / path))
    version = import_module("netcalc").__version__
    file = file_of(net)
    if file:
        path, given = file
        make = partial(_of_file, read_file(Path(path)), path, given)
        return Net(net, make, identity=version + Path(path).read_text("utf-8-sig"))
    if made_by(net):
        told = hashlib.sha256(repr(load(net).nodes).encode()).hexdigest()
        return Net(net, partial(load, net), traced=True, identity=version + told)
    parameters = find(net.partition("@")[0].strip()).parameters()
    kinds = {name: str(p.annotation) for name, p in parameters.items()}
    return Net(net, partial(load, net), kinds, identity=version)


def _of_file(value: Any, path: str, given: Mapping[str, Any], **arguments: Any) -> Graph:
    from netcalc.spec import network_of

    return network_of(value, path, {**given, **arguments})
