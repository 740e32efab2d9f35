"""How long a tile plan takes, by a model of one core whose vectors fill cache lines.

The unit is the time of one multiply-add of vectors where nothing holds it up: half a cycle on a
core with two units for them, one cycle on a core with one. The costs of the rest are those of the
former, where they weigh twice as much; a plan that avoids them is good on both. Counted are
multiply-adds (those of lanes and rows that do not exist included), loads, cache lines that come
from L2, calls and what they keep in memory, packed and gathered elements and written ones. The
costs were fitted to the times of 1500 plans of 90 contractions on such a core.
Plans are compared by it; where two of them are close, it does not matter which one is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from symconv import afar
from symconv.element import BEYOND, PANEL, Element
from symconv.packing import Packing
from symconv.sharing import largest_share
from symconv.tiles import COMBED, WIDE, Dots, Read, Tiles

_PAGE = 4096        # bytes; 16 pages are at hand for writing
_PANEL_WAYS = 10    # cache lines of vectors per set of L1 that stay there
_WAYS = 4           # cache lines of numbers per set of L1 that stay there beside the vectors

# time
_LATENCY = 10.0     # of a multiply-add, which waits for the one before it in the same sum
_LOAD = 0.24        # a load from L1
_VECTORS = 1.0      # a line of vectors from L2, where tiles follow each other along a row
_ENTERING = 0.65    # a line of a panel that enters L1
_NUMBERS = 0.9      # a line of numbers from L2
_AFAR = 5.5         # a line of numbers from beyond L2, on pages of their own
_BACK = 2.0         # a line of a copy that is read back
_WAITING = ((24_576, 2.0), (262_144, 12.0), (math.inf, 50.0))
"""What it costs a vector of sums to wait between two parts, with at most so many bytes of them."""

_APART = 1.5        # a sum that is written by itself
_PLAIN = 20.0       # a tile whose sums need not be moved
_NARROW = 0.5       # of its time, how much longer half a tile takes at most
_LOST = 0.05        # how much of what two cores lose counts: one core is more frequent


def effort(plan: Tiles) -> float:
    """The time of all tasks of a plan, on one core."""
    if plan.dots is not None:
        return _dots(plan, plan.dots)
    parts, line = plan.part_count, plan.element.line
    taps = math.prod(s.extent for s in plan.taps)
    head = plan.steps[0].extent if plan.steps else 1
    calls = parts * taps * -(-head // plan.chunk)
    steps = parts * taps * head * plan.inner * plan.taken
    heights = blocks(plan.group, plan.tall)
    waiting = plan.width * plan.group * plan.element.size
    wait = next(cost for most, cost in _WAITING if waiting <= most)
    far, begun = afar.leaving(plan)
    store = _store(plan) + plan.guarded * 2 + far
    total = 0.0
    for rows, high in heights.items():
        widths = blocks(-(-plan.width // line), widest(rows))
        vector, number = _lines(plan, rows, sum(heights.values()), sum(widths.values()))
        for vectors, wide in widths.items():
            size = rows * vectors
            loads = rows + vectors * _loads(plan)
            busy = max(size, _LATENCY, loads) + _LOAD * loads
            runs = 1 if plan.is_flat else 1 + vectors * line / plan.lanes[-2].pitch
            time = (busy + vector * vectors + number) * steps
            time += calls * (5 + 2.8 * size) + (parts - 1) * wait * size
            time += size * store + (_PLAIN if plan.is_plain else (12 * rows + 30) * runs)
            time += (40 + 3 * size) if plan.taps or plan.clips else 0
            total += (time + (begun * rows if plan.by_lanes else 0)) * high * wide
        total += 0 if plan.by_lanes else begun * rows * high
    slices = math.prod(s.extent for s in plan.slices)
    total *= slices * math.prod(s.extent for s in plan.loops) * plan.bands * plan.groups
    total += afar.numbers(plan) + afar.vectors(plan)
    if plan.gathered:
        copies = parts * plan.groups * (1 if plan.kept else slices * plan.bands)
        gathering = _gathering(plan)
        total += copies * plan.run * sum(gathering(rows) * high for rows, high in heights.items())
    packing = 0.0 if plan.packing is None else _packing(plan.packing, plan.element)
    total += _copies(plan) * packing
    once = (plan.groups == 1 or parts == 1) and not plan.strip
    again = parts * packing if once else 0.0
    return _shared(total, again, plan, slices)


def copying(plan: Tiles) -> float:
    """The part of it that all copies of the vector operand take."""
    return 0.0 if plan.packing is None else _copies(plan) * _packing(plan.packing, plan.element)


def _copies(plan: Tiles) -> int:
    """How often the vector operand is copied, if it is."""
    around = math.prod(s.extent for s in plan.slices) * plan.bands * plan.part_count
    return around * (plan.groups if plan.is_divided else 1)


def _store(plan: Tiles) -> float:
    """To write a vector of sums: elements apart cost more, and still more where they lie on more
    pages than a core keeps at hand for writing."""
    lane, line, page = plan.lanes[-1], plan.element.line, plan.element.within(_PAGE)
    if lane.target == 1:
        return 2.0 if plan.is_plain else 4.0
    if lane.target <= COMBED:
        return 6.0 + 6.0 * lane.target
    count = min(lane.extent if len(plan.lanes) > 1 else plan.band, WIDE * line)
    return line * (_APART if count * min(lane.target, page) <= 16 * page else 4 * _APART)


def _loads(plan: Tiles) -> float:
    """Loads of a vector from L1: two where it may not begin with a cache line."""
    lane = plan.lanes[-1]
    aligned = plan.packing is not None and len(plan.lanes) == 1 and (
        plan.packing.lanes[-1].count == min(lane.extent, plan.band))
    return 1.0 if aligned else 2.0


def _lines(plan: Tiles, rows: int, blocks: int, tiles: int) -> tuple[float, float]:
    """What the cache lines of a step cost that come from L2: of each vector, and of all numbers.

    The numbers of a block of rows stay in L1 from tile to tile if there is room beside the
    panel; the panel stays there from block to block where all rows pass it."""
    line, room = plan.element.line, plan.element.within(PANEL)
    steps = max(1, math.prod(s.extent for s in (*plan.taps, *plan.steps)))
    vector = plan.panel / steps / (WIDE * line) * (1.0 if _loads(plan) == 1 else 1.25)
    stays = plan.panel <= room and (plan.by_lanes or tiles == 1)
    vector *= _ENTERING / blocks if stays and not _is_crowded(plan) else _VECTORS
    if plan.packing is not None and plan.packing.size <= room:
        vector = 0.0
    if plan.gathered:
        number = rows / line
        stays = not plan.by_lanes and number * steps <= 64 * _WAYS
        return vector, _NUMBERS * number / (tiles if stays else 1)
    reach = abs(plan.row_stride) * (rows - 1)
    number = min(float(rows), 1 + reach / line)
    room = _sets(plan, plan.scalar) * _WAYS
    shared, within = 1.0, number
    for span in (*reversed(plan.steps), *reversed(plan.taps)):
        apart = abs((plan.scalar.step + plan.scalar.base).factor(span.name))
        if 0 < apart <= line // 2 and within <= room:
            shared = min(line, shared * min(span.extent, line / apart))
        within *= span.extent
    if number * steps <= room:      # the next block of rows goes on where this one ends
        number = min(number, max(1, abs(plan.row_stride)) * rows / line)
    crowded = 1.0 if _sets(plan, plan.scalar) > 8 else 3.0
    number *= crowded * (1.0 if plan.regular else 1.5) / shared
    if not plan.by_lanes and number * steps <= room:
        number /= tiles
    every = plan.group * plan.run * plan.part_count
    is_far = every > plan.element.within(BEYOND) and abs(plan.regular or line) >= line
    return vector, number * (_AFAR if is_far else _NUMBERS)


def _gathering(plan: Tiles) -> Callable[[int], float]:
    """To gather the numbers of a step for so many rows."""
    line = plan.element.line
    apart = abs(plan.regular or line)
    lines = 0.8 * min(1.0, apart / line) * (1.0 if _sets(plan, plan.scalar) > 8 else 2.0)
    if plan.row_stride == 1:
        return lambda rows: 1.8 + lines * rows / line
    return lambda rows: rows * (2.4 + lines * min(1.0, abs(plan.row_stride) / line))


def _is_crowded(plan: Tiles) -> bool:
    """Whether vectors that are read in place share too few sets of L1 to stay there."""
    if plan.packing is not None or not plan.steps:
        return False
    lines = plan.wide // plan.element.line + 1
    steps = math.prod(s.extent for s in plan.steps)
    sets = lines * _sets(plan, plan.vector)
    return sets < 64 and steps * lines > _PANEL_WAYS * sets


def _sets(plan: Tiles, read: Read) -> int:
    """The sets of L1 that the steps of a run begin in: those a multiple of a cache line apart
    share few of the 64."""
    line = plan.element.line
    apart = read.step.factor(plan.steps[-1].name) if plan.steps else 1
    return 64 // math.gcd(64, apart // line) if apart and apart % line == 0 else 64


def _shared(time: float, again: float, plan: Tiles, slices: int) -> float:
    """A surcharge for what two cores lose: they share uneven tasks, for each of so many slices, and
    both do something `again` where they share a block of rows or a band."""
    tasks = plan.bands * plan.shares
    odd = largest_share(slices * tasks, lambda task: (
        task // tasks * plan.lanes[0].extent * plan.row.extent + _done(plan, task % tasks))) - 1
    if plan.strip and plan.bands == slices == 1 and plan.dots is None:  # vectors and tiles are cut
        line = plan.element.line
        half = plan.width * -(-plan.shares // 2) * plan.strip // plan.band
        odd += 2 * -(-half // line) / -(-plan.width // line) - 1
        odd += _NARROW * max(0.0, 1 - half / (WIDE * line))
    halved = plan.bands * slices % 2 and plan.shares > 1
    return time + _LOST * (odd * time + (again if halved else 0.0))


def _done(plan: Tiles, tasks: int) -> int:
    """The rows times the values of the first lane of the first tasks of a slice."""
    band, share = divmod(tasks, plan.shares)
    first, rows = band * plan.band, plan.row.extent
    many = max(0, min(plan.band, plan.lanes[0].extent - first))
    done = min(share * plan.strip, many) * rows if plan.strip else (
        many * min(share * plan.grain, rows))
    return min(first, plan.lanes[0].extent) * rows + done


def _dots(plan: Tiles, dots: Dots) -> float:
    """The time of a plan of dot products."""
    parts = plan.part_count
    slices, loops = (math.prod(s.extent for s in spans) for spans in (plan.slices, plan.loops))
    steps = math.prod(s.extent for s in plan.steps) * parts * -(-dots.width // plan.element.line)
    copies = [packing for packing in (plan.packing, dots.packing) if packing is not None]
    run = dots.width * math.prod(s.extent for s in plan.steps)
    lying = run * ((plan.packing is None) * plan.lanes[0].extent
                   + (dots.packing is None) * plan.group)
    size = sum(packing.size for packing in copies) + lying
    room = plan.element.within
    line = 0.0 if size <= room(PANEL) else _BACK if size <= room(BEYOND) else 2 * _BACK
    total = 0.0
    for rows, high in blocks(plan.group, plan.tall).items():
        for columns, wide in blocks(plan.lanes[0].extent, widest(rows)).items():
            size = rows * columns
            time = (max(size, rows + 2 * columns, _LATENCY) + line * (rows + columns)) * steps
            time += parts * (30 + 4 * size) + 60 * size
            total += time * high * wide
    total *= loops
    total += parts * sum(_packing(copy, plan.element) for copy in copies) + afar.lying(
        parts * lying, plan.groups, plan.element)
    shared = dots.packing if plan.strip else plan.packing
    again = 0.0 if shared is None else parts * _packing(shared, plan.element)
    return _shared(plan.groups * slices * total, again, plan, slices)


def blocks(count: int, most: int) -> dict[int, int]:
    """How many parts of each size there are where a number is cut into nearly equal ones of at
    most `most`, the larger ones first: so loops cut rows and lanes."""
    parts = -(-count // most)
    size, larger = divmod(count, max(1, parts))
    return {one: many for one, many in ((size + 1, larger), (size, parts - larger)) if many}


def split(count: int, most: int) -> list[int]:
    """These parts."""
    return [size for size, many in blocks(count, most).items() for _ in range(many)]


@lru_cache(256)
def widest(rows: int, registers: int = 32) -> int:
    """The vectors that a tile of so many rows has at most, where there are so many registers."""
    return max(v for v in range(1, 9) if rows * v + v + 1 < registers)


def _packing(packing: Packing, element: Element) -> float:
    """To fill a copy, and to read it back where it does not stay in L1."""
    back = _BACK * packing.size / element.line if packing.size > element.within(PANEL) else 0.0
    return _copying(packing, element) + afar.copying(packing, element) + back


def _copying(packing: Packing, element: Element) -> float:
    """Rows along memory or blocks turned, line by line, or elements one by one."""
    last = packing.lanes[-1]
    lines = packing.size / max(1, last.count)
    if last.step * last.source == 1:
        return 14.4 * packing.size / element.line + 8 * lines
    if last.slots == 1 and any(axis.source == 1 for axis in packing.plain):
        return 19.2 * packing.size / element.line + 8 * lines
    return 2.0 * packing.size + 24 * lines
