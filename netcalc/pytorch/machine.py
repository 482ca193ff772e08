"""What this machine has."""

from __future__ import annotations

import math
import os


def memory_here() -> float:
    """Bytes of memory of this machine; without end where it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf
