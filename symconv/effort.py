"""How long a tile plan takes, in cycles, by a model of one core with 16 lanes.

It counts multiply-adds (those of lanes and rows that do not exist included), loads, calls and
what they keep in memory, packed elements and written elements. Plans are compared by it; where
two of them are close, it does not matter which one is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from symconv.packing import Packing
from symconv.tiles import Dots, Tiles

_LANES = 16         # elements of a vector register, as the model sees it
_WAYS = 4           # cache lines of numbers per set of L1 that stay there beside the vectors
_SMALL = 6144       # elements of a copy that stays in L1
_MUCH = 4e6         # cycles that are worth two cores
_ROWS = 8           # rows of the largest tile
_REGISTERS = 28     # sums and vectors that the largest tile has


def effort(plan: Tiles) -> float:
    """Cycles for all tasks of a plan, on one core."""
    if plan.dots is not None:
        return _dots(plan, plan.dots)
    parts = math.prod(part.count for part in plan.parts)
    repeats = math.prod(s.extent for s in (*plan.slices, *plan.loops)) * plan.bands * plan.groups
    taps = math.prod(s.extent for s in plan.taps)
    head = plan.steps[0].extent if plan.steps else 1
    calls = parts * taps * -(-head // plan.chunk)
    steps = parts * taps * head * plan.inner
    lanes = 1 + sum(((plan.band if not place else lane.extent) - 1) * lane.pitch
                    for place, lane in enumerate(plan.lanes))
    total = 0.0
    for rows in split(plan.group, _ROWS):
        for vectors in split(-(-lanes // _LANES), widest(rows)):
            size = rows * vectors
            total += (max(size, 0.5 * rows + _loads(plan) * vectors, 4)
                      + _lines(plan, rows)) * steps * plan.taken
            total += calls * (25 + 3 * size if calls > 1 else 10 + size) + (parts - 1) * 3 * size
            runs = 1 if plan.is_flat else 1 + vectors * _LANES / plan.lanes[-2].pitch
            total += size * _store(plan) + (6 * rows + 10) * runs + size * (plan.guarded * 2)
    total *= repeats
    if plan.packing is not None:
        copies = math.prod(s.extent for s in plan.slices) * plan.bands * parts * (
            plan.groups if parts > 1 else 1)
        total += copies * _packing(plan.packing)
    return _shared(total, plan.bands * plan.groups * math.prod(s.extent for s in plan.slices))


def _store(plan: Tiles) -> float:
    """Cycles to write a vector of sums: elements apart cost more, and still more where the gaps
    are filled much later."""
    if plan.lanes[-1].target == 1:
        return 1.0
    return 10.0 if plan.is_inward or plan.target_row == 1 else 24.0


def _loads(plan: Tiles) -> float:
    """Cycles to load a vector, from L2 or from L1, where it may not begin with a cache line."""
    if plan.packing is None or plan.packing.size > _SMALL:
        return 2.0
    lane = plan.lanes[-1]
    aligned = plan.packing is not None and len(plan.lanes) == 1 and (
        plan.packing.lanes[-1].count == min(lane.extent, plan.band))
    return 1.0 if aligned else 1.75


def _lines(plan: Tiles, rows: int) -> float:
    """Cycles per step for the cache lines of the numbers: more where those of a run do not stay
    in L1 until the next tap or tile comes back to them."""
    reach = abs(plan.row_stride) * (rows - 1)
    lines = min(float(rows), 1 + reach / _LANES)
    if plan.regular is not None:
        lines *= min(1, abs(plan.regular) / _LANES)
    if not plan.steps:
        return 0.0
    last = plan.steps[-1]
    apart = plan.scalar.step.coefficient(last.name).constant or 0
    # numbers a multiple of a cache line apart share few of the 64 sets of L1
    sets = 64 // math.gcd(64, apart // _LANES) if apart % _LANES == 0 else 64
    if lines * last.extent <= sets * _WAYS:
        return 0.1 * lines
    return lines * (1.0 if sets > 8 else 4.0)


def _shared(cycles: float, tasks: int) -> float:
    """A surcharge for tasks that two cores cannot share evenly, if there is work for both."""
    odd = -(-tasks // 2) * 2 / tasks - 1
    return cycles * (1 + odd * (0.12 if cycles > _MUCH else 0.04))


def _dots(plan: Tiles, dots: Dots) -> float:
    """Cycles of a plan of dot products."""
    assert plan.packing is not None
    parts = math.prod(part.count for part in plan.parts)
    slices, loops = (math.prod(s.extent for s in spans) for spans in (plan.slices, plan.loops))
    steps = math.prod(s.extent for s in plan.steps) * parts * -(-dots.width // _LANES)
    total = 0.0
    for rows in split(plan.group, _ROWS):
        for columns in split(plan.lanes[0].extent, widest(rows)):
            size = rows * columns
            total += max(size, rows + 1.75 * columns, 4) * steps
            total += parts * (25 + 6 * size) + 30 * size
    total *= loops
    total += parts * (_packing(plan.packing) + _packing(dots.packing))
    tasks = plan.groups * slices
    return _shared(tasks * total, tasks)


def split(count: int, most: int) -> Iterator[int]:
    """A number cut into nearly equal ones of at most `most`."""
    while count > 0:
        left = -(-count // most)
        yield -(-count // left)
        count -= -(-count // left)


def widest(rows: int) -> int:
    """The vectors that a tile of so many rows has at most."""
    return max(v for v in range(1, 9) if rows * v + v + 1 < _REGISTERS + 4)


def _packing(packing: Packing) -> float:
    """Cycles to fill a copy: rows along memory, blocks turned, or elements one by one."""
    last = packing.lanes[-1]
    lines = packing.size / max(1, last.count)
    if last.step * last.source == 1:
        return 0.15 * packing.size + 12 * lines
    if last.slots == 1 and any(axis.source == 1 for axis in packing.plain):
        return 0.6 * packing.size + 4 * lines
    return 1.5 * packing.size + 12 * lines
