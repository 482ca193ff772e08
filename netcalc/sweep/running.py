"""Going through the chunks of a sweep: here, in several processes, or on a cluster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process, resource_tracker
from typing import Any, NamedTuple

from netcalc.errors import NetcalcError
from netcalc.sweep.best import Table, stacked
from netcalc.sweep.chunks import Found, Job, run_chunk
from netcalc.sweep.cluster import AHEAD, on_cluster
from netcalc.sweep.parts import Parts

FEW = 12
"""So many chunks are not worth starting processes for, unless asked."""

JOINED = 2**12
"""The best of chunks are joined when they are as many rows, and as the best of all before: then a
large front is not gone through for every chunk."""

LOST = 1
"""After so many seconds without a chunk the processes are looked at."""


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


def _length(table: Table) -> int:
    return len(next(iter(table.values())))


class _Gathered:
    """The results of chunks, whatever order they come in."""

    def __init__(self, job: Job, parts: Parts | None) -> None:
        self.job, self.keep = job, job.best is None and parts is None
        self.examined = 0
        self.left_out: dict[str, int] = {}
        self.best: list[Table] = []  # of which the first is that of all before
        self.tables: dict[int, Table] = {}

    def take(self, found: Found) -> None:
        self.examined += found.examined
        for reason, count in found.left_out.items():
            self.left_out[reason] = self.left_out.get(reason, 0) + count
        if self.job.best:
            self.best.append(found.best)
            first, *others = map(_length, self.best)
            if sum(others) > max(first, JOINED):
                self.best = [self.job.best.joined(self.best)]
        elif self.keep:
            self.tables[found.number] = found.rows

    def outcome(self) -> Outcome:
        ordered = sorted(self.left_out.items(), key=lambda item: (-item[1], item[0]))
        rows = self.job.best.joined(self.best) if self.job.best and self.best else {}
        if self.tables:
            rows = stacked([self.tables[number] for number in sorted(self.tables)])
        return Outcome(self.examined, dict(ordered), rows)


def _run(
    job: Job, numbers: Iterable[int], left: int, jobs: int | None, cluster: str | None
) -> Iterator[Found]:
    if cluster:
        return on_cluster(job, iter(numbers), cluster)
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


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits until what is inside is done: else a process is left half started.

    One that is started inside has it blocked from its first moment on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        with _blocked():
            yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else it is started along, and unblocks Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _one(number: int) -> Found:
    assert _job is not None
    return run_chunk(_job, number)


def _end_if_one_is_lost(pool: Any, workers: Collection[Any]) -> None:
    """Nobody notices the end of a process that was killed while it sent a chunk: the pool waits for
    the rest, which may still come as long as anybody could write. So all are ended.
    """
    if not all(worker.is_alive() for worker in workers):
        for worker in workers:
            worker.kill()
        pool._result_queue._writer.close()


def _in_processes(job: Job, numbers: Iterator[int], jobs: int) -> Iterator[Found]:
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _started, (job,))
    waiting: set[Future[Found]] = set()
    others, workers = set(active_children()), set[Any]()
    try:
        while True:
            while len(waiting) < AHEAD * jobs and (number := next(numbers, None)) is not None:
                with _undisturbed():
                    waiting.add(pool.submit(_one, number))
                workers |= set(active_children()) - others
            if not waiting:
                return
            finished, waiting = wait(waiting, LOST, FIRST_COMPLETED)
            if not finished:
                _end_if_one_is_lost(pool, workers)
            for future in finished:
                yield future.result()
    except BrokenProcessPool:
        raise NetcalcError(
            "a process of the sweep ended before its time (out of memory?); try fewer --jobs"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
