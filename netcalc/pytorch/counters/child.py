"""One counter on one model in a process of its own: ``python -m netcalc.pytorch.counters.child``.

Counters damage models and one another. The job comes pickled on standard input, what the counter
prints goes nowhere, and the answer is JSON on the standard output that was there before.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from typing import Any, NamedTuple

from netcalc.pytorch.counters.installed import printed
from netcalc.pytorch.named import ready
from netcalc.pytorch.twin import with_values


class Job(NamedTuple):
    """A counter's name, and the model: a NET with its arguments and input, or a pickled module."""

    counter: str
    net: str
    arguments: dict[str, Any]
    shape: Any
    pickled: bytes = b""


def run(job: Job) -> int:
    """What the counter prints."""
    import torch
    from torch.utils._pytree import tree_map

    torch.manual_seed(0)
    if job.pickled:
        model, args, kwargs = pickle.loads(job.pickled)  # noqa: S301  (our own parent's)
    else:
        model, args, kwargs, _ = ready(job.net, job.shape, job.arguments, weights=True)
    real = tree_map(lambda x: with_values(x) if isinstance(x, torch.Tensor) else x, (args, kwargs))
    return printed(job.counter, model, *real)


def main() -> None:
    """Read a job, run it, and say what came out, or what went wrong."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    job = pickle.load(sys.stdin.buffer)  # noqa: S301  (our own parent's)
    try:
        said: dict[str, Any] = {"printed": run(job)}
    except (Exception, SystemExit) as problem:  # whatever a counter does
        while isinstance(problem.__cause__, Exception):  # torchinfo says what came before it there
            problem = problem.__cause__
        told = " ".join(str(problem).split())[:200]
        said = {"error": f"{type(problem).__name__}: {told}" if told else type(problem).__name__}
    answer.write(json.dumps(said))
    answer.close()


if __name__ == "__main__":
    main()
