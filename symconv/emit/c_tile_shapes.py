"""Which tiles a plan has: their rows, and the function that computes them.

The rows of a task are cut into blocks of nearly the same height. Where taps leave out some rows of
a block, runs of fewer rows occur as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from symconv.effort import split
from symconv.integers import evaluate
from symconv.tiles import Clip, Tiles


def rows_of(plan: Tiles) -> str:
    """The name of the function that tells the rows of the plan's next tile, behind the prefix."""
    return "low" if plan.low else "rows"


def heights(plan: Tiles, most: int) -> dict[int, set[int]]:
    """The rows of the tiles of a plan, of which the tallest has `most`, and how many of them a run
    of each may have; low tiles have half as many."""
    most = most // 2 if plan.low else most
    found: dict[int, set[int]] = {}
    clip = plan.clip(plan.row.name)
    for low, stop in _runs(plan):
        for rows in split(stop - low, most):
            found.setdefault(rows, set()).update(
                {rows} if clip is None else _clipped(plan, clip, low, low + rows))
            low += rows
    return found


def _runs(plan: Tiles) -> Iterator[tuple[int, int]]:
    """The rows that may be done at once: those of some tasks of a block that follow each other."""
    for group in range(plan.row.low, plan.row.stop, plan.group):
        stop = min(group + plan.group, plan.row.stop)
        for low in range(group, stop, plan.grain):
            yield from ((low, min(end, stop)) for end in range(
                low + plan.grain, stop + plan.grain, plan.grain))


def _clipped(plan: Tiles, clip: Clip, low: int, stop: int) -> set[int]:
    """How many of the rows low .. stop - 1 the taps leave."""
    found: set[int] = set()
    for values in itertools.product(*(range(tap.low, tap.stop) for tap in plan.taps)):
        known = {tap.name: value for tap, value in zip(plan.taps, values, strict=True)}
        begin = max(low, *(evaluate(bound, known) for bound in clip.lows))
        end = min(stop, *(evaluate(bound, known) for bound in clip.stops))
        found |= {end - begin} if end > begin else set()
    return found


def mode_of(plan: Tiles) -> str:
    """Which functions a plan calls."""
    if plan.dots is not None:
        return "dots"
    return "scattered" if plan.regular is None and not plan.gathered else "regular"
