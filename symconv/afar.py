"""What a tile plan pays for arrays that no cache at hand holds, in the unit of `effort`.

Large arrays are read and written in runs: stretches of neighbours. A run that goes on is fetched
ahead of time; where one begins somewhere else, the core waits for its first lines. So a plan that
writes whole rows of its target, or reads long stretches of numbers, is better than one that goes
from row to row for a few elements each. Small arrays stay in L2, where it matters little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from symconv.contraction import Span
from symconv.element import BEYOND, Element
from symconv.integers import Int
from symconv.packing import Packing
from symconv.tiles import COMBED, Part, Tiles

# bytes
_NEAR = 256         # a run that begins so close to another one is fetched with it
_BLOCK = 524_288    # so much of the target stays in L2 until other sums fill its gaps

# arrays of so many bytes lie in L2, where others have been since; and of so many they do not
_OPERANDS = (960_000, 6_000_000)
_TARGETS = (640_000, 1_600_000)

# runs that are read or written by turns, each fetched ahead
_STREAMS = 32           # of numbers
_ROWS = (16, 44)        # of the target: so many go on, and of so many none does

# time
_READ = 85.0        # to begin a run of numbers, or of vectors that are read in place
_COPIED = 30.0      # to begin a run that is copied
_WRITTEN = 180.0    # to begin a run that is written
_STREAMED = 12.0    # a line within a run, of the target or of numbers that are kept


def leaving(plan: Tiles) -> tuple[float, float]:
    """To write a vector of sums to a large target, and to begin a row of a tile there.

    Tiles write some lanes of one row after the other. A core holds a few such runs open, so that
    those of few rows go on in the next tile; of many rows each begins anew."""
    missed = _missed(_target_reach(plan), _TARGETS, plan.element)
    if not missed:
        return 0.0, 0.0
    near = plan.element.within(_NEAR)
    apart, row = plan.lanes[-1].target, abs(plan.target_row)
    inward = plan.loops if plan.is_inward else ()
    begun = missed * _WRITTEN * min(1.0, row / near) / math.prod(span.extent for span in inward)
    begun *= _between(plan.group, _ROWS, 1 / _pieces(plan))
    if apart <= COMBED:
        block = apart * plan.group * plan.band * math.prod(
            lane.extent for lane in plan.lanes[1:]) * math.prod(span.extent for span in plan.loops)
        line = _STREAMED * (1 if block <= plan.element.within(_BLOCK) else apart)
        return missed * (line + _WRITTEN * _leaps(plan)), begun
    filled = [*_moves(plan.target, inward)]
    filled += [(row, min(plan.group, plan.tall))] if row < near else []
    lines = min(float(plan.element.line),
                _reach(filled) / math.prod(extent for _, extent in filled))
    return missed * max(_STREAMED, lines * _WRITTEN * min(1.0, apart / near)), begun


def vectors(plan: Tiles) -> float:
    """To begin the runs of a large operand whose vectors are read in place: a tile reads a few
    lanes of each of its rows, which the blocks of rows that follow find in L2. With few rows a core
    is soon at the next runs, and waits for lines alone."""
    if plan.packing is not None:
        return 0.0
    read = plan.vector.base + plan.vector.step
    rows = [*_moves(read, (*plan.taps, *plan.steps))]
    around = [*_moves(read, (*plan.slices, *plan.loops), plan.parts)]
    lanes = [(lane.pitch, lane.extent) for lane in plan.lanes]
    missed = _missed(_reach([*rows, *around, *lanes]), _OPERANDS, plan.element)
    often = plan.bands * math.prod(extent for _, extent in around)
    high = (min(plan.group, plan.tall) / plan.tall) ** 2
    lines = -(-plan.width // plan.element.line) * math.prod(extent for _, extent in rows)
    return missed * often * (high * _READ * _runs(rows, plan.element) * -(-plan.width // plan.wide)
                             + (1 - high) * _STREAMED * lines)


def numbers(plan: Tiles) -> float:
    """To begin the runs of numbers that all tasks read from a large operand, and to fetch many
    numbers that are kept, line by line. Where a block of rows reads few runs, they go on in the
    next one; where it reads many, each begins anew."""
    parts = plan.part_count
    tasks = plan.bands * math.prod(span.extent for span in plan.slices)
    kept = plan.groups * parts * plan.group * plan.run if plan.kept else 0
    far = kept > plan.element.within(BEYOND)
    back = _STREAMED * kept / plan.element.line * tasks if far else 0.0
    missed = _missed(_scalar_reach(plan), _OPERANDS, plan.element)
    if not missed:
        return back
    read = plan.scalar.base + plan.scalar.step
    inside = [*_moves(read, (*plan.taps, *plan.steps))]
    around = [*_moves(read, plan.loops)]
    streams = _runs(inside, plan.element)
    if streams <= _STREAMS:
        begun = _runs([*inside, *around, (plan.row_stride, plan.group)], plan.element)
    else:
        reach = abs(plan.row_stride) * (plan.group - 1)
        lines = min(float(plan.group), 1 + reach / plan.element.line)
        begun = streams * lines * math.prod(extent for move, extent in around if move)
    return back + missed * _READ * begun * parts * plan.groups * (1 if plan.kept else tasks)


def copying(packing: Packing, element: Element) -> float:
    """To begin the runs of a large operand that are copied."""
    runs = _runs([(axis.source * axis.step, axis.count) for axis in packing.axes], element)
    return _missed(packing.room, _OPERANDS, element) * _COPIED * runs


def lying(elements: int, groups: int, element: Element) -> float:
    """To fetch so many neighbours that are read where they lie, one of several such groups, line by
    line."""
    missed = _missed(groups * elements, _OPERANDS, element)
    return missed * _STREAMED * elements / element.line


def _missed(reach: int, ends: tuple[int, int], element: Element) -> float:
    """The share of runs that L2 does not hold where they begin, in an array of `reach` elements."""
    return _between(reach * element.size, ends, 0.0)


def _between(value: int, ends: tuple[int, int], least: float) -> float:
    """From `least` at the first end, and below, evenly to 1 at the second."""
    low, high = ends
    return least + (1 - least) * min(1.0, max(0.0, (value - low) / (high - low)))


def _runs(moves: Iterable[tuple[int, int]], element: Element) -> float:
    """How many runs there are of places that so many steps of some distances lead to."""
    count, reach, near = 1.0, 0, element.within(_NEAR)
    for move, extent in sorted((abs(move), extent) for move, extent in moves if move):
        if move > reach + near or count > 1:
            count *= 1 + (extent - 1) * min(1.0, move / max(1, reach))
        reach += move * (extent - 1)
    return count


def _leaps(plan: Tiles) -> float:
    """How often a vector of sums goes on elsewhere in the target, where the next value of a lane
    does not stand behind the last one of the lane after it."""
    line, near = plan.element.line, plan.element.within(_NEAR)
    return sum(line / lane.pitch * min(1.0, abs(abs(lane.target) - behind.target * behind.extent)
                                       / near)
               for lane, behind in zip(plan.lanes, plan.lanes[1:], strict=False))


def _pieces(plan: Tiles) -> int:
    """In how many pieces a row of the target is written, other rows between them."""
    along = [extent for move, extent in _moves(plan.target, plan.loops)
             if not plan.is_inward and 0 < abs(move) < abs(plan.target_row)]
    tiles = -(-plan.width // plan.wide) if plan.by_lanes else 1
    return math.prod(along) * plan.bands * tiles


def _target_reach(plan: Tiles) -> int:
    """The elements between the first and the last one that a plan writes."""
    return _reach([*_moves(plan.target, (*plan.slices, *plan.loops)),
                   (plan.target_row, plan.row.extent),
                   *((lane.target, lane.extent) for lane in plan.lanes)])


def _scalar_reach(plan: Tiles) -> int:
    """The elements between the first and the last number that a plan reads."""
    read = plan.scalar.base + plan.scalar.step
    spans = (*plan.slices, *plan.loops, *plan.taps, *plan.steps)
    return _reach([*_moves(read, spans, plan.parts), (plan.row_stride, plan.row.extent)])


def _moves(place: Int, spans: Iterable[Span],
           parts: Iterable[Part] = ()) -> Iterator[tuple[int, int]]:
    """How far a place moves with each variable, or with each part of one, and how many values or
    parts there are."""
    for name, count in (*((span.name, span.extent) for span in spans),
                        *((part.number, part.count) for part in parts)):
        yield place.factor(name), count


def _reach(moves: Iterable[tuple[int, int]]) -> int:
    return 1 + sum(abs(move) * (extent - 1) for move, extent in moves)
