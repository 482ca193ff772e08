"""What verifying yields: checks of derived numbers against witnessed ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

GROUPS = ("fields", "tensors", "params", "buffers", "output", "macs", "values")
"""What is verified: a layer's own fields, the shapes of its tensors, how many learnable and other
numbers they hold, its output shape, its MACs, and what it computes."""


class Check(NamedTuple):
    """One number held against one witness.

    ``row`` is a layer's path, or "" for the whole network; ``quantity`` says which field, tensor or
    count of the ``group`` it is. ``cause`` explains a difference that is not the derivation's.
    """

    group: str
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
    nothing. ``facts`` are measurements beside the checks.
    """

    network: str
    against: str
    device: str
    checks: tuple[Check, ...]
    absent: Mapping[str, str]
    facts: Mapping[str, Any]
    expected: Mapping[str, tuple[str, ...]]

    @property
    def ok(self) -> bool:
        """Whether every difference has a cause."""
        return all(check.explained for check in self.checks)

    @property
    def differences(self) -> tuple[Check, ...]:
        """The checks that do not hold, explained or not."""
        return tuple(check for check in self.checks if not check.ok)

    def coverage(self) -> dict[str, dict[int, int]]:
        """For each group: how many layers are confirmed by how many independent witnesses.

        A witness confirms a layer's group if all that it said of it agrees. A layer that has
        something to confirm and of which no witness spoke counts with 0.
        """
        said: dict[str, dict[str, dict[str, bool]]] = {
            group: {row: {} for row in rows} for group, rows in self.expected.items()
        }
        for check in self.checks:
            if check.row:
                of = said.setdefault(check.group, {}).setdefault(check.row, {})
                of[check.witness] = of.get(check.witness, True) and check.ok
        return {
            group: dict(sorted(Counter(sum(w.values()) for w in said[group].values()).items()))
            for group in GROUPS
            if said.get(group)
        }

    def unconfirmed(self) -> dict[str, int]:
        """For each group, how many layers no witness confirms and none contradicts.

        None spoke of them, or none but such as are known not to see them.
        """
        heard = {(c.group, c.row) for c in self.checks if c.ok or not c.cause}
        missed = {(c.group, c.row) for c in self.checks if c.row}
        missed |= {(group, row) for group, rows in self.expected.items() for row in rows}
        counts = Counter(group for group, _ in missed - heard)
        return {group: counts[group] for group in GROUPS if counts[group]}

    def witnesses(self) -> dict[str, list[str]]:
        """For each group, the witnesses that spoke."""
        found: dict[str, list[str]] = {}
        for check in self.checks:
            names = found.setdefault(check.group, [])
            if check.witness not in names:
                names.append(check.witness)
        return {group: found[group] for group in GROUPS if group in found}
