"""Going through the chunks of a sweep: here, in several processes, or on a cluster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from multiprocessing import get_context, parent_process
from typing import Any, NamedTuple

from netcalc.errors import InputError, NetcalcError
from netcalc.sweep.best import Table, stacked
from netcalc.sweep.chunks import Found, Job, run_chunk
from netcalc.sweep.parts import Parts

FEW = 12
"""So many chunks are not worth starting processes for, unless asked."""

AHEAD = 3
"""Chunks that are handed out for each worker: the results of no more are held."""


class Outcome(NamedTuple):
    """What a sweep went through, why candidates were left out, and the rows (all, or the best)."""

    examined: int
    left_out: dict[str, int]
    rows: Table


def go(
    job: Job,
    jobs: int | None = 1,
    cluster: str | None = None,
    parts: Parts | None = None,
    told: Callable[[Found], None] = lambda found: None,
) -> Outcome:
    """Go through all chunks; those that ``parts`` has already are not worked out again.

    ``jobs`` is the number of processes (None: all cores where it is worth it), ``cluster`` the
    address of a Dask scheduler. ``told`` hears of each chunk.
    """
    gathered = _Gathered(job, parts)
    done = parts.done() if parts else {}
    for number, found in done.items():
        rows = parts.rows(number) if parts and job.best else {}
        told(found)
        gathered.take(found._replace(best=job.best.of(rows) if job.best else {}))
    numbers = (k for k in range(job.chunks) if k not in done)
    left = job.chunks - len(done)
    for found in _run(job, numbers, left, jobs, cluster):
        if parts:
            parts.write(found)
        told(found)
        gathered.take(found)
    outcome = gathered.outcome()
    if parts:
        parts.close(outcome.examined, outcome.left_out)
    return outcome


class _Gathered:
    """The results of chunks, whatever order they come in."""

    def __init__(self, job: Job, parts: Parts | None) -> None:
        self.job, self.keep = job, job.best is None and parts is None
        self.examined = 0
        self.left_out: dict[str, int] = {}
        self.best: Table = {}
        self.tables: dict[int, Table] = {}

    def take(self, found: Found) -> None:
        self.examined += found.examined
        for reason, count in found.left_out.items():
            self.left_out[reason] = self.left_out.get(reason, 0) + count
        if self.job.best:
            self.best = self.job.best.joined(self.best, found.best)
        elif self.keep:
            self.tables[found.number] = found.rows

    def outcome(self) -> Outcome:
        ordered = sorted(self.left_out.items(), key=lambda item: (-item[1], item[0]))
        rows = self.best
        if self.tables:
            rows = stacked([self.tables[number] for number in sorted(self.tables)])
        return Outcome(self.examined, dict(ordered), rows)


def _run(
    job: Job, numbers: Iterable[int], left: int, jobs: int | None, cluster: str | None
) -> Iterator[Found]:
    if cluster:
        return _on_cluster(job, iter(numbers), cluster)
    if jobs is None:
        jobs = 1 if left <= FEW else _cores()
    if jobs == 1 or not left:
        return (run_chunk(job, number) for number in numbers)
    return _in_processes(job, iter(numbers), min(jobs, left))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- processes -----------------------------------------------------------------------------------

_job: Job | None = None


def _started(job: Job) -> None:
    """Get a process ready: it leaves Ctrl-C to the one that started it, and ends when that ends."""
    global _job
    _job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _one(number: int) -> Found:
    assert _job is not None
    return run_chunk(_job, number)


def _in_processes(job: Job, numbers: Iterator[int], jobs: int) -> Iterator[Found]:
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _started, (job,))
    waiting: set[Future[Found]] = set()
    try:
        while True:
            while len(waiting) < AHEAD * jobs and (number := next(numbers, None)) is not None:
                waiting.add(pool.submit(_one, number))
            if not waiting:
                return
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    except BrokenProcessPool:
        raise NetcalcError(
            "a process of the sweep ended before its time (out of memory?); try fewer --jobs"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


# --- a cluster -----------------------------------------------------------------------------------


def _on_cluster(job: Job, numbers: Iterator[int], address: str) -> Iterator[Found]:
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError:
        raise InputError("--dask needs distributed; pip install 'netcalc-nn[dask]'") from None
    try:
        client = distributed.Client(address, timeout=5, set_as_default=False)
    except (OSError, ValueError, TypeError) as problem:
        raise InputError(
            f"there is no Dask scheduler at {address}: {type(problem).__name__}; start one with"
            " `dask scheduler`"
        ) from None
    try:
        yield from _submitted(distributed, client, job, numbers)
    finally:
        client.close()


def _submitted(distributed: Any, client: Any, job: Job, numbers: Iterator[int]) -> Iterator[Found]:
    def submit(number: int) -> Any:
        return client.submit(run_chunk, job, number, pure=False)

    workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    first = [submit(k) for _, k in zip(range(AHEAD * workers), numbers, strict=False)]
    finished = distributed.as_completed(first, loop=client.loop)
    for future in finished:
        try:
            yield future.result()
        except distributed.scheduler.KilledWorker as problem:
            raise NetcalcError(f"the cluster gave a chunk up: {problem}"[:300]) from None
        number = next(numbers, None)
        if number is not None:
            finished.add(submit(number))
