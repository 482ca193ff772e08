"""Every installed counter beside its convention: what it prints, what follows, and why it differs.

The derivation knows nothing of what a counter prints; what it leaves is a residual.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._pytree import tree_map

from netcalc.core.counters import Counted, CounterLine, Reconciled, Term
from netcalc.core.graph import renamed
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, NetcalcError, UnknownNameError, did_you_mean
from netcalc.pytorch.counters import conventions
from netcalc.pytorch.counters.child import Job
from netcalc.pytorch.counters.convention import Convention, counted
from netcalc.pytorch.counters.installed import first_of
from netcalc.pytorch.counters.recording import Recording, record
from netcalc.pytorch.named import factory_of, ready
from netcalc.pytorch.undisturbed import undisturbed

LIMIT = 300
"""Seconds that a counter may take."""


class Subject(NamedTuple):
    """A model to count: with its inputs for a recording, and how another process makes it."""

    name: str
    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    job: Job
    factory: str = ""


def named(net: str, shape: Any, arguments: dict[str, Any], batch: int | None = None) -> Subject:
    """The model that a NET with a colon names, on an input of its own size or another."""
    made = ready(net, shape, arguments)
    args, kwargs = made.args, made.kwargs
    if batch is not None:
        args, kwargs = tree_map(lambda x: _batched(x, batch), (args, kwargs))
    sizes: Any = {name: _size(x) for name, x in kwargs.items()} if kwargs else _size(args[0])
    job = Job("", net, arguments, sizes)
    return Subject(net, made.model, args, kwargs, job, factory_of(net, arguments))


def _batched(x: Any, batch: int) -> Any:
    return x.new_empty((batch, *x.shape[1:])) if isinstance(x, torch.Tensor) and x.dim() else x


def _size(x: torch.Tensor) -> Tensor:
    return Tensor(tuple(x.shape), str(x.dtype).removeprefix("torch."))


def given(name: str, model: nn.Module, args: Any, kwargs: Any, sent: bool) -> Subject:
    """A model that is there; where it is ``sent`` to other processes, as a pickle."""
    subject = Subject(name, model, tuple(args), dict(kwargs), Job("", "", {}, None))
    if not sent:
        return subject
    try:
        pickled = pickle.dumps((model, args, kwargs))
    except Exception as problem:
        told = " ".join(str(problem).split())[:200]
        raise InputError(
            f"{name} cannot be sent to the counters' processes: {told}; name it as"
            " path/to/file.py:factory"
        ) from problem
    return subject._replace(job=subject.job._replace(pickled=pickled))


def count_as(subject: Subject, name: str) -> tuple[Convention, Recording, Counted]:
    """A model counted by a counter's convention, without that counter."""
    convention = _convention(name)
    with undisturbed(subject.model):
        recording = _recorded(subject, convention.batch_of_one)
    return convention, recording, _counted(recording, convention)


def reconcile(
    subject: Subject, names: Sequence[str] | None = None, limit: float = LIMIT
) -> Reconciled:
    """Run counters on a model, each in a process of its own, beside their conventions.

    Raises UnknownNameError for a counter that netcalc has no convention for.
    """
    if names is not None and not names:
        raise InputError(f"no counter is named; there are {', '.join(conventions.NAMES)}")
    chosen = [_convention(name) for name in dict.fromkeys(names or conventions.NAMES)]
    with undisturbed(subject.model):
        recording = _recorded(subject, False)
        single: Recording | NetcalcError
        try:
            single = _recorded(subject, True) if any(c.batch_of_one for c in chosen) else recording
        except NetcalcError as problem:
            single = problem
    lines = tuple(
        _line(subject, c, recording, single if c.batch_of_one else recording, limit) for c in chosen
    )
    return Reconciled(subject.name, recording.result, lines)


def _counted(recording: Recording, convention: Convention) -> Counted:
    """Raises NetcalcError where the convention says nothing of such a model."""
    try:
        return counted(recording, convention)
    except NetcalcError:
        raise
    except Exception as problem:  # the counter itself may well raise here
        told = " ".join(str(problem).split())[:200]
        raise NetcalcError(
            f"what {convention.name} counts of it is not known: {type(problem).__name__}: {told}"
        ) from problem


def _convention(name: str) -> Convention:
    if name not in conventions.NAMES:
        hint = did_you_mean(name, conventions.NAMES) or f"there are {', '.join(conventions.NAMES)}"
        raise UnknownNameError(f"there is no counter {name!r}; {hint}")
    return conventions.load(name)


def _recorded(subject: Subject, single: bool) -> Recording:
    args, kwargs = subject.args, subject.kwargs
    if single:
        args, kwargs = tree_map(first_of, (args, kwargs))
    try:
        recording = record(subject.model, args, kwargs)
    except NetcalcError as problem:
        if single:
            raise NetcalcError(f"on the first row of its inputs alone {problem}") from problem
        raise
    name, factory = subject.name.partition("(")[0], subject.factory or subject.name
    graph = renamed(recording.result.graph, name=name, factory=factory)
    recording.result = recording.result._replace(graph=graph)
    return recording


def _line(
    subject: Subject,
    convention: Convention,
    whole: Recording,
    recording: Recording | NetcalcError,
    limit: float,
) -> CounterLine:
    derived, terms, unknown = _derived(convention, whole, recording)
    version = _version(convention.package)
    said = _run(subject.job._replace(counter=convention.name), limit) if version else {}
    error = said.get(
        "error", "" if version else "not installed: pip install 'netcalc-nn[counters]'"
    )
    return CounterLine(
        convention.name,
        version,
        convention.version,
        said.get("printed"),
        derived,
        terms,
        "; ".join(filter(None, (error, unknown))),
    )


def _derived(
    convention: Convention, whole: Recording, recording: Recording | NetcalcError
) -> tuple[int | None, tuple[Term, ...], str]:
    """What follows from a convention, with its terms, or why nothing does."""
    try:
        if isinstance(recording, NetcalcError):
            raise recording
        found = _counted(recording, convention)
    except NetcalcError as problem:
        return None, (), f"not derived: {problem}"
    terms = sorted(found.terms, key=lambda term: -abs(term.value))
    if recording.total != whole.total:
        terms.insert(0, Term("one image of the batch alone", recording.total - whole.total))
    return found.value, tuple(terms), ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _run(job: Job, limit: float) -> dict[str, Any]:
    """What a counter says in its own process."""
    command = [sys.executable, "-m", "netcalc.pytorch.counters.child"]
    try:
        done = subprocess.run(  # noqa: S603  (this very Python)
            command, input=pickle.dumps(job), capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"took longer than {limit:g} seconds"}
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        told = "".join(last)[:200] or f"exit code {done.returncode}"
        return {"error": f"its process ended: {told}"}
    return answer
