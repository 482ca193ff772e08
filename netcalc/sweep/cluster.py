"""The chunks of a sweep on a Dask cluster."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from netcalc.errors import InputError, NetcalcError
from netcalc.sweep.chunks import Found, Job, run_chunk

AHEAD = 3
"""Chunks that are handed out for each worker: the results of no more are held."""

PATIENCE = 5
"""Seconds that a scheduler is waited for."""

NOISY = (
    *("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application"),
    "asyncio",
)
"""Who else would log that a scheduler is gone: those that Dask gives a level of their own."""


def on_cluster(job: Job, numbers: Iterator[int], address: str) -> Iterator[Found]:
    """The chunks of the numbers, in the order in which they get done.

    Raises InputError where nobody answers, NetcalcError where the cluster is lost or gives up.
    """
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError:
        raise InputError("--dask needs distributed; pip install 'netcalc-nn[dask]'") from None
    try:
        with ThreadPoolExecutor(1) as aside:  # in a notebook a loop runs here already
            aside.submit(lambda: asyncio.run(_reached(distributed, address))).result()
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as problem:
        raise InputError(
            f"there is no Dask scheduler at {address}: {type(problem).__name__}; start one with"
            " `dask scheduler`"
        ) from None
    gone: Any = distributed.client.FutureCancelledError, distributed.CancelledError, OSError
    with _silent(*NOISY):  # what goes wrong is told in one line
        try:
            yield from _submitted(distributed, client, job, numbers)
        except gone:
            raise NetcalcError(
                f"the Dask scheduler at {address} is gone; start it, and go on by -o and --resume"
            ) from None
        finally:
            with suppress(*gone):
                client.close()


@contextmanager
def _silent(*names: str) -> Iterator[None]:
    loggers = {name: logging.getLogger(name) for name in names}
    before = {name: logger.level for name, logger in loggers.items()}
    for logger in loggers.values():
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        gc.collect()  # what was left behind complains when it is cleared away
        for name, level in before.items():
            loggers[name].setLevel(level)


async def _reached(distributed: Any, address: str) -> None:
    """Whether somebody answers: a client that finds nobody complains when it is cleared away."""
    secrets = distributed.Security().get_connection_args("client")
    comm = await distributed.core.connect(address, timeout=PATIENCE, **secrets)
    await comm.close()


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
