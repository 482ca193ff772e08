"""Running the command as a user does."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from netcalc.cli import main


class Ran(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


def netcalc(*args: str, columns: int = 80) -> Ran:
    """Run ``netcalc ARGS`` in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(columns)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main(list(args))
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    code = ended.value.code
    return Ran(code if isinstance(code, int) else 1, out.getvalue(), err.getvalue())


def process(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run ``python ARGS`` in a process of its own."""
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, **options)
