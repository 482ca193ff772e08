"""Sweeps: many candidate networks at once, exactly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import partial
from importlib import import_module
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from netcalc.core.graph import Graph
from netcalc.errors import InputError, SpecError, UnknownNameError, did_you_mean, shown
from netcalc.loading import file_of, load, made_by, moved, together
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped
from netcalc.view import View

if TYPE_CHECKING:
    import pandas as pd

    from netcalc.sweep.best import Best
    from netcalc.sweep.best import Table as Rows
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
    few ``by`` a quantity, which also sorts a front. ``sample`` looks at so many candidates, spread
    over the space. ``jobs`` are processes (None: all cores), ``dask`` is a scheduler's address.
    With ``output``, a folder, all rows are written there as Parquet files, and ``resume`` goes on
    with it.

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

    def checked(self) -> Wanted:
        """The same with plain numbers; raises InputError for what cannot be asked, or together."""
        found: dict[str, Any] = {}
        for name, least in (("top", 1), ("sample", 1), ("seed", 0), ("jobs", 1)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
                raise InputError(f"{name} must be a whole number, got {value!r}")
            if value is not None and value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")
            found[name] = value if value is None else int(value)
        if self.by is not None and self.top is None and not self.pareto:
            raise InputError(
                "by says what the first candidates are sorted by: give top too, such as 20"
            )
        if self.resume and self.output is None:
            raise InputError("resume goes on with a folder: name it by output (-o)")
        if self.plot and not self.pareto:
            raise InputError("plot draws a front: say of what by --pareto params,macs (pareto)")
        return self._replace(pareto=_keys(self.pareto), **found)


def _keys(pareto: Any) -> tuple[str, ...] | None:
    """What a front is of, each key once; a text has them with commas between."""
    if pareto is None:
        return None
    keys = pareto.split(",") if isinstance(pareto, str) else pareto
    if not isinstance(keys, Sequence) or not all(isinstance(key, str) for key in keys):
        raise InputError(f"pareto must be names of quantities, got {pareto!r}")
    return tuple(dict.fromkeys(key.strip() for key in keys))


def run_sweep(space: Space, wanted: Wanted) -> Swept:
    """Go through a space."""
    from netcalc.sweep.best import SAME, Best, named
    from netcalc.sweep.candidates import LARGEST_GRID, examined
    from netcalc.sweep.chunks import Job
    from netcalc.sweep.parts import Parts
    from netcalc.sweep.progress import progress
    from netcalc.sweep.running import go

    wanted = wanted.checked()
    best = _best(space, wanted)
    if best:
        keys = (*best.keys, *((wanted.by,) if wanted.by else ()))
        space = space.showing(map(named, keys))
    total = examined(space, wanted.sample)
    if total > LARGEST_GRID:
        raise InputError(
            f"{total:,} candidates are too many to go through; take a sample (--sample)"
        )
    folder = None if wanted.output is None else Path(wanted.output)
    draw = _plotter(wanted.plot, space, best.keys) if wanted.plot and best else None
    job = Job(space, wanted.sample, wanted.seed, best, rows=folder is not None or best is None)
    parts = Parts(folder, job, wanted.resume) if folder else None
    with progress(total) as told:
        outcome = go(job, wanted.jobs, wanted.dask, parts, told)
    if draw:
        draw(outcome.rows)
    if wanted.pareto and (wanted.top or wanted.by):
        most = wanted.top or max(1, len(outcome.rows[SAME]))
        first = Best((wanted.by or wanted.pareto[0],), most).of(outcome.rows)
        outcome = outcome._replace(rows=first)
    return Swept(space, outcome, _told(space, wanted), parts)


def _told(space: Space, wanted: Wanted) -> str:
    """What the rows are."""
    pareto, top = wanted.pareto, wanted.top
    front = f"the front of {' and '.join(pareto)}" if pareto else "candidates"
    first = wanted.by or (pareto or space.shown)[0]
    if top:
        return f"{front}, first {top} by {first}"
    return f"{front}, by {first}" if wanted.by else front


def _best(space: Space, wanted: Wanted) -> Best | None:
    """Which rows are asked for; raises UnknownNameError for a key that candidates do not have."""
    from netcalc.sweep.best import Best, named
    from netcalc.sweep.space import QUANTITIES

    pareto, by = wanted.pareto, wanted.by
    axes = {axis.name: all(type(v) is int for v in axis.values) for axis in space.axes}
    known = (*QUANTITIES, *(name for name, whole in axes.items() if whole))
    for key in (*(pareto or ()), *((by,) if by else ())):
        if named(key) in axes and named(key) not in known:
            raise InputError(f"{key!r}: {named(key)} has values that are no whole numbers")
        if named(key) not in known:
            hint = did_you_mean(named(key), known) or f"choose from {', '.join(known)}"
            raise UnknownNameError(f"there is no quantity {key!r}; {hint}")
    if pareto:
        return Best(tuple(pareto))
    return Best((by or space.shown[0],), wanted.top) if wanted.top else None


def _plotter(path: Path, space: Space, keys: tuple[str, ...]) -> Callable[[Rows], None]:
    """What draws a front; all that can be wrong is found before there is one."""
    from netcalc.sweep.best import named
    from netcalc.sweep.plot import check_plot, plot
    from netcalc.sweep.single import googlenet_modules, single

    check_plot(path, keys)
    names = [named(key) for key in keys]
    marked = {}
    for module, values in googlenet_modules(space).items():
        with suppress(SpecError):  # it cannot be on this input
            found = {**values, **single(space, values, names)}
            marked[module] = tuple(found[name] for name in names)
    return lambda rows: plot(path, rows, keys, marked, space.net.name)


# --- reading -------------------------------------------------------------------------------------


def read_space(space: str | Path | Mapping[str, Any]) -> Space:
    """The space of a file, or of what a file would say."""
    from netcalc.spec.reader import read, read_file
    from netcalc.sweep.reading import space_of

    if isinstance(space, Mapping):
        value, name, beside = read(_json(space), "space"), "space", Path()
    elif isinstance(space, str | Path):
        value = read_file(Path(space), "`netcalc sweep --help` shows what stands in one")
        name, beside = str(space), Path(space).parent
    else:
        raise InputError(f"a space is a file or a mapping, got {shown(space)}")
    return space_of(value, name, partial(net_of, beside=beside))


def _json(space: Mapping[str, Any]) -> str:
    """What a file would say; ranges, arrays and numpy's numbers are taken as lists and numbers."""

    def plain(value: Any) -> Any:
        if isinstance(value, range):
            return list(value)
        if isinstance(value, Fraction | Decimal):
            return str(value)
        if hasattr(value, "tolist"):
            return value.tolist()
        raise InputError(f"space: {value!r} is no number, flag, word, or list of these")

    try:
        return json.dumps(space, default=plain)
    except (TypeError, ValueError, RecursionError) as problem:
        raise InputError(f"space: cannot be read: {problem}") from None


def net_of(net: str, beside: Path = Path()) -> Net:
    """A network whose arguments may vary. Files are looked for beside the space's."""
    from netcalc.spec.reader import read_file
    from netcalc.sweep.space import Net
    from netcalc.zoo import find

    named = moved(net, lambda path: Path(path).name)  # wherever it lies, it is the same
    net = moved(net, lambda path: str(beside / path))
    told = f"{import_module('netcalc').__version__} {named} "
    file = file_of(net)
    if file:
        path, given = file
        make = partial(_of_file, net, read_file(Path(path)), path, given)
        return Net(net, make, identity=told + Path(path).read_text("utf-8-sig"))
    if made_by(net):
        told += hashlib.sha256(repr(load(net).nodes).encode()).hexdigest()
        return Net(net, partial(load, net), traced=True, identity=told)
    parameters = find(net.partition("@")[0].strip()).parameters()
    kinds = {name: str(p.annotation) for name, p in parameters.items()}
    return Net(net, partial(load, net), kinds, identity=told)


def _of_file(net: str, value: Any, path: str, given: Mapping[str, Any], **arguments: Any) -> Graph:
    from netcalc.spec import network_of

    return network_of(value, path, together(net, given, arguments))
