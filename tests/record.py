"""The record of verdicts, written anew: ``python -m tests.record``. Read its diff."""

from __future__ import annotations

import netcalc as nc
from netcalc.published.record import FILE, recorded

if __name__ == "__main__":
    FILE.write_text(recorded(nc.audit().tables), "utf-8")
