"""Two sequences side by side: which entries stand for each other when neither is reordered."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeAlias

Score: TypeAlias = Callable[[int, int], int]
"""How similar two entries are; 0 for those that may not be paired."""

RUN = 50
"""What it is worth that two pairs lie next to each other in both sequences."""

SKIP_LEFT, SKIP_RIGHT, PAIR, GO_ON = 0, 1, 2, 4


def aligned(left: Sequence[int], right: Sequence[int], score: Score) -> list[tuple[int, int]]:
    """The pairs, in order, that together have the highest score; of equal ones the earliest."""
    steps = _steps(left, right, score) if left and right else []
    found: list[tuple[int, int]] = []
    i = j = 0
    bound = False  # whether the next two must be paired, because the pair before counts on it
    while i < len(steps) and j < len(right):
        step = steps[i][j]
        if bound or step & PAIR:
            found.append((left[i], right[j]))
            bound = bool(step & GO_ON)
            i, j = i + 1, j + 1
        elif step & SKIP_RIGHT:
            j += 1
        else:
            i += 1
    return found


def _steps(left: Sequence[int], right: Sequence[int], score: Score) -> list[bytearray]:
    """For the rest of both sequences from each place on: what to do there with the first two."""
    m = len(right)
    never = -1
    best, paired = [0] * (m + 1), [never] * (m + 1)  # of the rest; where it begins with a pair
    steps = []
    for x in reversed(left):
        step = bytearray(m)
        below, paired_below, best, paired = best, paired, [0] * (m + 1), [never] * (m + 1)
        for j in range(m - 1, -1, -1):
            skip_left, skip_right = below[j], best[j + 1]
            top, what = (skip_right, SKIP_RIGHT) if skip_right >= skip_left else (skip_left, 0)
            worth = score(x, right[j])
            if worth:
                rest, run = below[j + 1], paired_below[j + 1]
                if run >= 0 and run + RUN >= rest:
                    rest = run + RUN
                    what |= GO_ON
                worth += rest
                paired[j] = worth
                if worth >= top:
                    top, what = worth, what & GO_ON | PAIR
            best[j], step[j] = top, what
        steps.append(step)
    return steps[::-1]


def rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most pairs, of those sorted by their first numbers, whose second ones rise too."""
    ends: list[int] = []  # by length, the lowest end of a rising series of that length
    lengths = []
    for _, second in pairs:
        at = bisect_left(ends, second)
        ends[at : at + 1] = [second]
        lengths.append(at)
    found: list[tuple[int, int]] = []
    wanted = len(ends) - 1
    for pair, length in zip(reversed(pairs), reversed(lengths), strict=True):
        if length == wanted and (not found or pair[1] < found[-1][1]):
            found.append(pair)
            wanted -= 1
    return found[::-1]
