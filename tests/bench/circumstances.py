"""Under which circumstances a benchmark ran: versions, machine, load."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import fill

PACKAGES = ("torch", "torchvision", "torchinfo", "fvcore", "ptflops", "thop", "calflops", "numpy")


def circumstances(load: Sequence[float]) -> Iterable[str]:
    before, after = load
    versions = ", ".join(map(_version, PACKAGES))
    for item in (
        f"{date.today().isoformat()}, netcalc {version('netcalc-nn')}",
        f"Python {platform.python_version()}, {versions}; FlopCounterMode is torch's",
        f"{_cpu()}, {os.cpu_count()} cores, {platform.system()}",
        f"load over a minute: {before:.2f} before, {after:.2f} after",
    ):
        yield fill(f"- {item}", 100, subsequent_indent="  ", break_on_hyphens=False)


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if sys.platform == "linux" and info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
