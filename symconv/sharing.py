"""How the work of a pass is shared out: how many rows a task has.

A thread is given tasks that follow each other. Those of one block of rows it does at once, so that
one thread loses nothing by small tasks; but what all rows of a block need, a copy or a transform,
every thread that has some of them makes for itself. So tasks are as large as nearly even shares
allow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32)
"""How many like parts are tried, where something is cut."""

EVEN = 1.05
"""What one of two threads may have, as a multiple of an even share."""

_EVEN = ((2, EVEN), (4, 1.15))      # threads, and how uneven their shares may be (`uneven`)


@lru_cache(4096)
def uneven(extent: int, grain: int, others: int, threads: int = 2) -> float:
    """The largest share of a thread, as a multiple of an even one. `others` times `extent` rows
    come in tasks of `grain`, the last one of every `extent` maybe smaller."""
    count = -(-extent // grain)
    return largest_share(others * count, lambda task: (
        task // count * extent + min(task % count * grain, extent)), threads)


def largest_share(tasks: int, work: Callable[[int], int], threads: int = 2) -> float:
    """The largest share of a thread in so many tasks, as a multiple of an even one; `work` tells
    how much the first ones are."""
    each, more = divmod(tasks, threads)
    ends = [work(each * part + min(part, more)) for part in range(threads + 1)]
    return max(stop - low for low, stop in pairwise(ends)) * threads / ends[-1]


@lru_cache(4096)
def grain(extent: int, block: int, others: int, least: int, unit: int = 1) -> int:
    """The rows of a task: the whole block, or a multiple of `unit` and `least` rows at least; so
    many that shares are even enough (`_EVEN`), or as even as they can be. If there are several
    blocks, each consists of whole tasks."""
    sizes = [block]
    for count in COUNTS:
        size = -(-block // (count * unit)) * unit
        if least <= size < sizes[-1] and (block >= extent or block % size == 0):
            sizes.append(size)
    for size in sizes:
        if all(uneven(extent, size, others, threads) <= most for threads, most in _EVEN):
            return size
    return min(sizes, key=lambda size: [
        uneven(extent, size, others, threads) for threads, _ in _EVEN])
