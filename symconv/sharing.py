"""How the work of a pass is shared out: of how many rows a task consists.

Every thread has tasks that follow each other. Those of one block of rows it does at once, so that
small tasks cost one thread nothing; but what the rows of a block have in common, a copy or a
transform, each thread makes for itself. So tasks are as large as an even share allows.
"""

from __future__ import annotations

from itertools import pairwise

_COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32)
_EVEN = ((2, 1.05), (4, 1.15))      # threads, and how uneven their shares may be


def uneven(extent: int, grain: int, others: int, threads: int = 2) -> float:
    """The largest share of a thread over an even one: each of `others` tasks is split into tasks
    of `grain` rows, `extent` in all."""
    count = -(-extent // grain)
    each, more = divmod(others * count, threads)
    ends = [each * part + min(part, more) for part in range(threads + 1)]
    rows = [end // count * extent + min(end % count * grain, extent) for end in ends]
    return max(stop - low for low, stop in pairwise(rows)) * threads / (
        others * extent)


def grain(extent: int, block: int, others: int, least: int, unit: int = 1) -> int:
    """The rows of a task: as many as even shares allow, at least `least` of them and a multiple of
    `unit`, or the whole block. Blocks consist of whole tasks."""
    sizes = [block]
    for count in _COUNTS:
        size = -(-block // (count * unit)) * unit
        if least <= size < sizes[-1] and (block >= extent or block % size == 0):
            sizes.append(size)
    shares = [[uneven(extent, size, others, threads) for threads, _ in _EVEN] for size in sizes]
    for size, found in zip(sizes, shares, strict=True):
        if all(share <= most for share, (_, most) in zip(found, _EVEN, strict=True)):
            return size
    return sizes[shares.index(min(shares))]
