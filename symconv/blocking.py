"""Blocking: every way to compute a contraction in tiles (`tiles`), from its subscripts alone.

The first operand gives the vectors: the lanes are some of the outer variables that it has alone.
The other one gives the numbers: the row is an outer variable that it has alone, if there is any.
What is left are loops, or slices where no two of their values share an element of the vector
operand. That operand comes in bands of lanes and parts of the reduction that fit into the cache;
it is copied (`packing`), or read where it lies. The numbers are read where they lie, or gathered
in the order of the tiles. Each choice makes a plan (`tiling`); `effort` compares them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from symconv.clipping import Clipping, clipping
from symconv.contraction import Contraction, Operand, Span, Strides
from symconv.element import BEYOND, PANEL, most_copied
from symconv.packing import Packing
from symconv.parting import parted, parts
from symconv.places import flat, names_in, stride
from symconv.sharing import EVEN, grain, uneven
from symconv.tiles import TALL, WIDE, Part, Tiles
from symconv.tiling import Tiling

_WAITING = 1 << 20  # bytes of the sums that may wait in the workspace between two parts


def plans(contraction: Contraction, strides: Strides, target: Sequence[int],
          names: tuple[str, str, str], fixed: frozenset[str], numbers: Mapping[str, str],
          beside: tuple[Contraction, ...] = ()) -> Iterator[Tiles]:
    """Every plan for a contraction: choices of lanes (some that follow each other in the target,
    or any two), of rows and blocks.

    `strides` are those of the arrays of the operands, `target` those of the target; `names` are
    free for the band, the group and a row that does not exist, `numbers` for the number of the
    part by variable of the reduction; `fixed` variables are set outside. With contractions `beside`
    this one, only those plans are made whose copies serve all of them.
    """
    along, across = contraction.operands
    ours, theirs = names_in(along.subscripts), names_in(across.subscripts)
    only = [span for span in contraction.outer if span.name in ours - theirs - fixed]
    only.sort(key=lambda span: -abs(stride(contraction.target, target, span.name)))
    others = [span for span in contraction.outer
              if span.name in theirs - ours - fixed and span.extent > 1]
    runs = [only[begin:end] for begin, end in itertools.combinations(range(len(only) + 1), 2)]
    for lanes in (*map(tuple, runs), *(
            pair for pair in itertools.combinations(only, 2) if list(pair) not in runs)):
        for row, skip in itertools.product(others or (None,), (False, True)):
            clips = clipping(contraction, lanes, row, skip)
            if clips is None or (skip and not any(along.guarded)):
                continue
            rest = [s for s in contraction.outer
                    if s not in lanes and s != row and s.name not in fixed]
            slices = _slices(along, rest, fixed)
            packed = Tiling(
                contraction, lanes, row, slices, tuple(s for s in rest if s not in slices),
                _order(contraction, strides[1], clips), clips, strides, target, names, fixed,
                False, beside)
            yield from _blocked(packed, numbers)
            if not beside and packed.may_be_direct():
                yield from _blocked(replace(packed, direct=True), numbers)


def _slices(along: Operand, rest: Sequence[Span], fixed: frozenset[str]) -> tuple[Span, ...]:
    """The variables, of those that are neither lane nor row, that share no axis of the vector
    operand with anything else."""
    used, apart = names_in(along.subscripts), {s.name for s in rest} | fixed
    while True:
        shared = {name for place in along.subscripts if not place.names() <= apart
                  for name in place.names()}
        if not apart & shared:
            return tuple(s for s in rest if s.name in apart & used)
        apart -= shared


def _order(contraction: Contraction, strides: Sequence[int],
           clips: Clipping) -> tuple[Span, ...]:
    """The variables of a run, slowest first: one that is clipped, then as the numbers lie."""
    read = flat(contraction.operands[1].subscripts, strides)
    rest = [s for s in contraction.inner if s not in clips.taps and s != clips.head]
    rest.sort(key=lambda s: -abs(read.factor(s.name)))
    return (*([clips.head] if clips.head is not None else []), *rest)


def _blocked(tiling: Tiling, numbers: Mapping[str, str]) -> Iterator[Tiles]:
    """The plans for bands and parts that fit into L2, or come nearest to it, for parts of which a
    tile's panel fits into L1, and for parts of which that of a low tile fits."""
    order = tiling.order
    head = None if tiling.clipping.head is None else tiling.clipping.head.name
    divisible = order if head is None else (*order[1:], order[0])
    ragged = order[0].name if order and head is None and not tiling.beside else None
    smallest: tuple[int, int, tuple[Part, ...], Packing | None] | None = None
    copied, within, panels = cache(tiling.copied), cache(tiling.within), cache(tiling.panel)

    def planned(band: int, divided: tuple[Part, ...], packing: Packing | None) -> Tiles | None:
        part = within(divided)
        return None if part is None else tiling.plan(band, part, panels(divided), packing)

    element = tiling.contraction.element
    found, low, most, room = False, _may_be_low(tiling), most_copied(element), element.within
    for band in _bands(tiling.lanes, element.line):
        reached = 0     # how many of the sizes of L1, for tall tiles and for low ones, a panel met
        for divided in parts(divisible, numbers, ragged, head):
            copy = None if tiling.direct else copied(divided)
            if copy is None and not tiling.direct:
                break
            packing = None if copy is None else copy.packing(tiling.names[0], band)
            size = _touched(tiling, band, divided) if packing is None else packing.size
            if smallest is None or size < smallest[0]:
                smallest = size, band, divided, packing
            if size <= most and _waiting(tiling, band, divided) <= room(_WAITING):
                panel, before = panels(divided), reached
                reached = 1 + (panel <= room(PANEL)) + (low and 2 * panel <= room(PANEL))
                made = planned(band, divided, packing) if reached > before else None
                if made is not None:
                    found = True
                    yield from _variants(tiling, made, before < 2, low)
                if reached == 2 + low:
                    break
    if not found and smallest is not None:
        made = planned(*smallest[1:])
        if made is not None:
            yield from _variants(tiling, made, True, low)


def _bands(lanes: Sequence[Span], line: int) -> list[int]:
    """How many values of the first lane a band may have, the largest number first; vectors have
    `line` lanes."""
    extent = lanes[0].extent
    unit = line if len(lanes) == 1 and extent > line else 1
    unit = WIDE * line if unit > 1 and extent > 4 * WIDE * line else unit
    counts = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64, extent)
    sizes = {-(-extent // count) for count in counts if count <= extent}
    return sorted({min(extent, -(-size // unit) * unit) for size in sizes}, reverse=True)


def _touched(tiling: Tiling, band: int, divided: Sequence[Part]) -> int:
    """The elements of the vector operand that a band and a part touch in place."""
    within = parted(tiling.contraction.inner, divided)
    used = names_in(tiling.along.subscripts)
    return band * math.prod(s.extent for s in (*tiling.lanes[1:], *within, *tiling.loops)
                            if s.name in used)


def _waiting(tiling: Tiling, band: int, divided: Sequence[Part]) -> int:
    """The sums that wait between two parts."""
    if not divided:
        return 0
    return band * math.prod(span.extent for span in (
        *tiling.lanes[1:], *tiling.loops, *([tiling.row] if tiling.row is not None else [])))


def _variants(tiling: Tiling, plan: Tiles, tall: bool, low: bool) -> Iterator[Tiles]:
    """A plan in both orders of rows and lanes, with its numbers where they lie or gathered, and
    with tasks that are strips of a band where the rows of a task would be uneven or many; with
    `tall` tiles, and with `low` ones where their panels stay in L1."""
    strips = None if _is_even(plan) else in_strips(plan, _narrowest(plan))
    for shared in (plan, strips):
        for made in () if shared is None else _gathered(tiling, shared):
            may = may_be_by_lanes(made)
            if tall:
                yield made
                if may:
                    yield replace(made, by_lanes=True)
            if (low and may and 2 * made.panel <= made.element.within(PANEL)
                    and made.group > TALL // 2):
                yield replace(made, by_lanes=True, low=True)


def _may_be_low(tiling: Tiling) -> bool:
    """Whether low tiles are worth a thought: where vectors are read in place from a large
    operand, wide tiles read it in longer runs."""
    room = math.prod(stop - low for low, stop in tiling.along.valid)
    return tiling.direct and room > tiling.contraction.element.within(BEYOND)


def _narrowest(plan: Tiles) -> int:
    """The values of the first lane that a strip may have: whole vectors, and where the operand is
    read in its place as many lanes as no tile reaches beyond."""
    first, *rest = plan.lanes
    if not rest:
        return plan.element.line
    if plan.packing is not None:
        return 1
    lanes = 1 + sum((lane.extent - 1) * lane.pitch for lane in rest)
    return 1 + max(0, -(-(plan.element.line - lanes) // first.pitch))


def _is_even(plan: Tiles) -> bool:
    """Whether two threads have about the same rows, and none of them copies what both need."""
    tasks = plan.bands * math.prod(s.extent for s in plan.slices)
    return uneven(plan.row.extent, plan.grain, tasks) <= EVEN and (
        tasks % 2 == 0 or plan.packing is None)


def in_strips(plan: Tiles, unit: int) -> Tiles | None:
    """The same plan with tasks that have all rows, and some values of the first lane, a multiple of
    `unit`; None where a band cannot be cut."""
    if plan.groups > 1:
        return None
    slices = math.prod(s.extent for s in plan.slices)
    strip = grain(plan.lanes[0].extent, plan.band, slices, unit, unit)
    return replace(plan, grain=plan.group, strip=strip) if strip < plan.band else None


def may_be_by_lanes(plan: Tiles) -> bool:
    """Whether all rows may pass the panel of a tile before the next one follows: where there
    are several, each stays in L1, and is more than the numbers that a step reads."""
    line = plan.element.line
    lanes = math.prod(lane.extent for lane in plan.lanes[1:]) * plan.band
    steps = math.prod(s.extent for s in plan.steps)
    return (plan.dots is None and not plan.is_inward and lanes > WIDE * line
            and 0 < plan.panel <= plan.element.within(PANEL)
            and plan.panel > line * _lines(plan, line) * steps)


def _lines(plan: Tiles, line: int) -> float:
    """The cache lines of `line` elements that the numbers of a step take, where runs use all of
    one."""
    if plan.gathered:
        return TALL / line
    return min(8.0, 1 + abs(plan.row_stride) * 7 / line) * (
        1.0 if plan.regular is None else min(1.0, abs(plan.regular) / line))


def _gathered(tiling: Tiling, plan: Tiles) -> Iterator[Tiles]:
    """A plan, and the same one with its numbers gathered: that needs numbers which exist for
    every row and tap, and which do not change with the loops. Where it allows to keep them, the
    rows of a task are a block."""
    yield plan
    if (plan.row.extent > 1 and plan.clip(plan.row.name) is None
            and not any(tiling.across.guarded)
            and not plan.scalar.base.names() & {span.name for span in plan.loops}):
        task = replace(plan, gathered=True, group=plan.grain)
        yield task if task.kept else replace(plan, gathered=True)
