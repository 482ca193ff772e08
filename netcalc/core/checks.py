"""What verifying yields: checks of derived numbers against witnessed ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

QUANTITIES = ("fields", "params", "buffers", "output", "macs", "values", "ops")
"""What is verified. ``fields`` are a layer's own attributes, ``output`` its output shape."""


class Check(NamedTuple):
    """One number held against one witness.

    ``row`` is a layer's path, or "" for the whole network; ``cause`` explains a difference that is
    not the derivation's, or why nothing could be compared.
    """

    row: str
    quantity: str
    analytic: Any
    witness: str
    witnessed: Any
    ok: bool
    cause: str = ""

    @property
    def explained(self) -> bool:
        """Whether this check lets the verification pass."""
        return self.ok or bool(self.cause)


class Verification(NamedTuple):
    """All checks of one network.

    ``absent`` gives for each witness that could not speak its reason; such a witness confirms
    nothing. ``facts`` are measurements beside the checks (device, versions, memory, time).
    """

    network: str
    against: str
    device: str
    checks: tuple[Check, ...]
    absent: Mapping[str, str]
    rows: tuple[str, ...]
    facts: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether every difference has a cause."""
        return all(check.explained for check in self.checks)

    @property
    def differences(self) -> tuple[Check, ...]:
        """The checks that do not hold, explained or not."""
        return tuple(check for check in self.checks if not check.ok)

    def coverage(self) -> dict[str, dict[int, int]]:
        """For each quantity: how many layers are confirmed by how many independent witnesses.

        A layer's quantity counts only if some check spoke of it; every witness that agrees in all
        of its checks counts once.
        """
        spoke: dict[tuple[str, str], dict[str, bool]] = {}
        for check in self.checks:
            if check.row:
                of = spoke.setdefault((check.quantity, check.row), {})
                of[check.witness] = of.get(check.witness, True) and check.ok
        table: dict[str, dict[int, int]] = {}
        for (quantity, _), witnesses in spoke.items():
            counts = table.setdefault(quantity, {})
            n = sum(witnesses.values())
            counts[n] = counts.get(n, 0) + 1
        return {q: dict(sorted(table[q].items())) for q in QUANTITIES if q in table}
