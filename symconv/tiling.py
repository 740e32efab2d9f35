"""Tiling: every way to compute a contraction in tiles (`tiles`), from its subscripts alone.

One operand gives the vectors: the lanes are some of the outer variables that it has alone. The
other one gives the numbers: the row is an outer variable that it has alone, if there is any.
What is left are loops, or slices where no two of their values share an element of the vector
operand. That operand is packed (`packing`), in bands of lanes and parts of the reduction that
fit into the cache, or it is read where it lies, if its lanes are consecutive there and nothing is
padded. The numbers are read where they lie, or gathered in the order of the tiles. Guards of the
scalar operand, and some of the other one, clip (`clipping`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symconv.clipping import Clipping, clipping
from symconv.contraction import Contraction, Span
from symconv.integers import Int
from symconv.packing import Packing, pack
from symconv.parting import parted, parts, shift, single
from symconv.places import flat, group, moved, names_in, regular, stride
from symconv.sharing import grain
from symconv.tiles import CACHE, PANEL, WIDE, Clip, Lane, Part, Read, Tiles

CHUNK = 192
"""Steps of the reduction whose products are summed before they join other sums."""

LOW = 6
"""Rows that a task has at least, if it has not all."""

NARROWEST = 16
"""Lanes that an operand must have to be read where it lies: no tile may reach beyond it."""

_WAITING = 262144   # elements: how many sums may wait in the workspace between two parts


def plans(contraction: Contraction, strides: Mapping[str, Sequence[int]],
          target: Sequence[int], names: tuple[str, str, str], fixed: frozenset[str],
          numbers: Mapping[str, str]) -> Iterator[Tiles]:
    """Every plan for a contraction: choices of the vector operand, of lanes (some that follow each
    other in the target, or any two), of rows and blocks.

    `strides` are those of the arrays of the operands, `target` those of the target; `names` are
    free for the band, the group and a row that does not exist, `numbers` for the number of the
    part by variable of the reduction; `fixed` variables are set outside.
    """
    for vector in (0, 1):
        ours, theirs = (names_in(contraction.operands[k].subscripts) for k in (vector, 1 - vector))
        only = [span for span in contraction.outer if span.name in ours - theirs - fixed]
        only.sort(key=lambda span: -abs(stride(contraction.target, target, span.name)))
        others = [span for span in contraction.outer
                  if span.name in theirs - ours - fixed and span.extent > 1]
        runs = [only[begin:end] for begin, end in itertools.combinations(range(len(only) + 1), 2)]
        for lanes in (*map(tuple, runs), *(
                pair for pair in itertools.combinations(only, 2) if list(pair) not in runs)):
            for row, skip in itertools.product(others or (None,), (False, True)):
                clips = clipping(contraction, vector, lanes, row, skip)
                if clips is None or (skip and not any(contraction.operands[vector].guarded)):
                    continue
                packed = _Planner(contraction, vector, lanes, row, strides, target, names,
                                  fixed, numbers, clips, False)
                yield from packed.plans()
                if packed.may_be_direct():
                    yield from replace(packed, direct=True).plans()


@dataclass(frozen=True, slots=True)
class _Planner:
    contraction: Contraction
    vector: int
    lanes: tuple[Span, ...]
    row: Span | None
    strides: Mapping[str, Sequence[int]]
    target: Sequence[int]
    names: tuple[str, str, str]
    fixed: frozenset[str]
    numbers: Mapping[str, str]
    clipping: Clipping
    direct: bool

    def plans(self) -> Iterator[Tiles]:
        """The plans for bands and parts that fit into L2, or come nearest to it, and for parts
        of which a tile's panel fits into L1."""
        slices, loops = self._outside()
        order = self._order()
        head = None if self.clipping.head is None else self.clipping.head.name
        divisible = tuple(order) if head is None else (*order[1:], order[0])
        uneven = order[0].name if order and head is None else None
        smallest: tuple[int, int, tuple[Part, ...], Packing | None] | None = None
        found = False
        along = self.contraction.operands[self.vector].subscripts
        for band in self._bands():
            fits = False
            for divided in parts(divisible, self.numbers, uneven, head):
                packing = None if self.direct else self._packed(band, divided, slices, loops)
                if packing is None and not self.direct:
                    break
                size = self._size(band, divided, loops) if packing is None else packing.size
                if smallest is None or size < smallest[0]:
                    smallest = size, band, divided, packing
                if size <= CACHE and self._waiting(band, divided, loops) <= _WAITING:
                    narrow = self._panel(along, divided) <= PANEL
                    made = None if fits and not narrow else self._plan(
                        band, divided, packing, slices, loops, order)
                    if made is not None:
                        found = True
                        yield from self._variants(made)
                    if narrow:
                        break
                    fits = True
        if not found and smallest is not None:
            made = self._plan(*smallest[1:], slices, loops, order)
            if made is not None:
                yield from self._variants(made)

    def _variants(self, plan: Tiles) -> Iterator[Tiles]:
        """A plan in both orders of rows and lanes, with its numbers where they lie or gathered."""
        for made in self._gathered(plan):
            yield made
            if made.may_be_by_lanes:
                yield replace(made, by_lanes=True)

    def _gathered(self, plan: Tiles) -> Iterator[Tiles]:
        """A plan, and the same one with its numbers gathered: that needs numbers which exist for
        every row and tap, and which do not change with the loops."""
        yield plan
        if (plan.row.extent > 1 and plan.clip(plan.row.name) is None
                and not any(self.contraction.operands[1 - self.vector].guarded)
                and not plan.scalar.base.names() & {span.name for span in plan.loops}):
            task = replace(plan, gathered=True, group=plan.grain)
            yield task if task.kept else replace(plan, gathered=True)

    def _order(self) -> tuple[Span, ...]:
        """The variables of a run, slowest first."""
        across = self.contraction.operands[1 - self.vector]
        read = flat(across.subscripts, self.strides[across.tensor])
        head = self.clipping.head
        rest = [s for s in self.contraction.inner if s not in self.clipping.taps and s != head]
        rest.sort(key=lambda s: -abs(read.coefficient(s.name).constant or 0))
        return (*([head] if head is not None else []), *rest)

    def _bands(self) -> list[int]:
        """How many values of the first lane a band may have, the largest number first."""
        extent = self.lanes[0].extent
        grain = 16 if len(self.lanes) == 1 and extent > 16 else 1
        grain = WIDE if grain > 1 and extent > 4 * WIDE else grain
        counts = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64, extent)
        sizes = {-(-extent // count) for count in counts if count <= extent}
        return sorted({min(extent, -(-size // grain) * grain) for size in sizes}, reverse=True)

    def _waiting(self, band: int, divided: Sequence[Part], loops: Sequence[Span]) -> int:
        """The sums that wait between two parts."""
        if not divided:
            return 0
        return band * math.prod(span.extent for span in (
            *self.lanes[1:], *loops, *([self.row] if self.row is not None else [])))

    def _size(self, band: int, divided: Sequence[Part], loops: Sequence[Span]) -> int:
        """The elements of the vector operand that a band and a part touch in place."""
        within = parted(self.contraction.inner, divided)
        used = names_in(self.contraction.operands[self.vector].subscripts)
        return band * math.prod(s.extent for s in (*self.lanes[1:], *within, *loops)
                                if s.name in used)

    def _plan(self, band: int, divided: tuple[Part, ...], packing: Packing | None,
              slices: tuple[Span, ...], loops: tuple[Span, ...],
              order: tuple[Span, ...]) -> Tiles | None:
        contraction = self.contraction
        along, across = contraction.operands[self.vector], contraction.operands[1 - self.vector]
        pitches = self._pitches(packing)
        if pitches is None or (packing is None and not self._is_wide(band, pitches)):
            return None
        steps = tuple(s for s in parted(order, divided) if s.extent > 1)
        row = self.row or Span(self.names[2], 0, 1)
        read = flat(across.subscripts, self.strides[across.tensor])
        scalar = self._read(across.tensor, read, steps, divided, True)
        if packing is None:
            place = flat(along.subscripts, self.strides[along.tensor])
            vector = self._read(along.tensor, place.substitute(self._origin(band)), steps, divided,
                                True)
        else:
            places = [place.substitute(single(divided)) for place in along.subscripts]
            vector = self._read(along.tensor, packing.offset(places, self.lanes), steps, divided,
                                False)
        if vector is None or scalar is None:
            return None
        chunk = self._chunk(steps)
        scalar, vector = (replace(r, chunk=moved(r.step, steps)) for r in (scalar, vector))
        lanes = tuple(Lane(lane.name, lane.low, lane.extent, pitch,
                           stride(contraction.target, self.target, lane.name))
                      for lane, pitch in zip(self.lanes, pitches, strict=True))
        place = flat(contraction.target, self.target)
        tasks = -(-lanes[0].extent // band) * math.prod(s.extent for s in slices)
        block = group(row.extent, tasks, bool(divided))
        return Tiles(
            slices, loops, row, lanes, divided, parted(self.clipping.taps, divided), steps,
            self._clips(divided, steps), chunk, band,
            block, grain(row.extent, block, tasks, LOW), vector, scalar,
            read.coefficient(row.name).constant or 0, regular(read, steps), packing,
            self.clipping.padded, self.clipping.taken, place.substitute(self._origin(band)),
            place.coefficient(row.name).constant or 0, contraction, None,
            self._panel(along.subscripts, divided))

    def _outside(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The outer variables that are neither lanes nor row: slices, and loops within a pack."""
        rest = [s for s in self.contraction.outer if s not in self.lanes and s != self.row]
        places = self.contraction.operands[self.vector].subscripts
        used, apart = names_in(places), {s.name for s in rest} | self.fixed
        while True:         # a slice shares no axis of the vector operand with anything else
            shared = {name for place in places if not place.names() <= apart
                      for name in place.names()}
            if not apart & shared:
                break
            apart -= shared
        slices = tuple(s for s in rest if s.name in apart & used and s.name not in self.fixed)
        return slices, tuple(s for s in rest if s not in slices and s.name not in self.fixed)

    def _packed(self, band: int, divided: Sequence[Part], slices: Sequence[Span],
                loops: Sequence[Span]) -> Packing | None:
        """The layout of the copy of the vector operand for a band and a part."""
        along = self.contraction.operands[self.vector]
        within = {s.name: s for s in (*parted(self.contraction.inner, divided), *loops)}
        around = {*(s.name for s in slices), *self.fixed}
        shifts = [shift(place, divided) for place in along.subscripts]
        places = tuple(place.substitute(single(divided)) for place in along.subscripts)
        return pack(replace(along, subscripts=places), self.strides[along.tensor], self.lanes,
                    (self.names[0], band), within, around, shifts)

    def may_be_direct(self) -> bool:
        """Whether the vector operand can be read where it lies."""
        return self._pitches(None) is not None and not self.clipping.padded

    def _pitches(self, packing: Packing | None) -> tuple[int, ...] | None:
        """The distances of neighbours along each lane; None where lanes are not consecutive."""
        if packing is not None:
            return tuple(axis.stride for axis in packing.lanes)
        along = self.contraction.operands[self.vector]
        read = flat(along.subscripts, self.strides[along.tensor])
        found = tuple(read.coefficient(lane.name).constant or 0 for lane in self.lanes)
        reach = 1
        for lane, pitch in reversed(list(zip(self.lanes, found, strict=True))):
            if pitch < reach or (reach == 1 and pitch != 1):
                return None
            reach = pitch * (lane.extent - 1) + reach
        return found

    def _panel(self, places: Sequence[Int], divided: Sequence[Part]) -> int:
        """The elements that a tile reads in a part: lines along the last lane, as long as its
        windows reach, for every value of the variables that choose among them."""
        within = parted(self.contraction.inner, divided)
        last = self.lanes[-1].name
        (place,) = (place for place in places if last in place.names())
        step = abs(place.coefficient(last).constant or 1)
        along = [(abs(place.coefficient(s.name).constant or 0), s.extent) for s in within
                 if s.name in place.names()]
        phases = step // math.gcd(step, *(factor for factor, _ in along))
        phases = min(phases, math.prod(extent for _, extent in along))
        reach = sum(factor * (extent - 1) for factor, extent in along) // step
        return phases * (WIDE + reach) * math.prod(
            s.extent for s in within if s.name not in place.names())

    def _is_wide(self, band: int, pitches: Sequence[int]) -> bool:
        """Whether every band has enough lanes to be read without a step beyond its end."""
        last = self.lanes[0].extent - (-(-self.lanes[0].extent // band) - 1) * band
        return 1 + (last - 1) * pitches[0] + sum(
            (lane.extent - 1) * pitch
            for lane, pitch in zip(self.lanes[1:], pitches[1:], strict=True)) >= NARROWEST

    def _origin(self, band: int) -> dict[str, Int]:
        """The values of lane variables at the beginning of a band."""
        head = self.lanes[0]
        move = Int.of(self.names[0]) * band if band < head.extent else Int.of(0)
        rest = {lane.name: Int.of(lane.low) for lane in self.lanes[1:]}
        return {head.name: move + head.low} | rest

    def _read(self, tensor: str, position: Int, steps: Sequence[Span], divided: Sequence[Part],
              whole: bool) -> Read | None:
        """base + step; None where the two cannot be told apart. In the `whole` operand the part
        of the reduction moves the base."""
        move = shift(position, divided)[0] if whole else Int.of(0)
        position = position.substitute(single(divided))
        low = {s.name: Int.of(s.low) for s in steps}
        counted = position.substitute({s.name: Int.of(s.name) + s.low for s in steps})
        base = position.substitute(low)
        rest = sorted(base.names() - low.keys())
        step = counted.substitute({name: Int.of(0) for name in rest}) - base.substitute(
            {name: Int.of(0) for name in rest})
        if counted != base + step and not self._is_apart(rest):
            return None
        return Read(tensor, base + move, step, 0)

    def _is_apart(self, names: Sequence[str]) -> bool:
        """Whether variables outside a run move every phase as a whole."""
        along = self.contraction.operands[self.vector]
        return all(
            (place.coefficient(name).constant or 0) % (place.coefficient(lane.name).constant or 1)
            == 0 for place in along.subscripts for lane in self.lanes
            if lane.name in place.names() for name in names if name in place.names())

    def _chunk(self, steps: Sequence[Span]) -> int:
        """How many values of the first step variable to sum at a time: both operands must move
        on evenly with it."""
        if not steps:
            return 1
        head, inner = steps[0], math.prod(s.extent for s in steps[1:])
        if not self._is_apart([head.name]):
            return head.extent
        chunks = -(-head.extent * inner // CHUNK)
        return -(-head.extent // min(chunks, head.extent))

    def _clips(self, divided: Sequence[Part], steps: Sequence[Span]) -> tuple[Clip, ...]:
        """The clips within a part, those of step variables counted from 0."""
        lows = {span.name: span.low for span in steps}
        parts = {part.name: part for part in divided}
        extents = {span.name: span.extent for span in self.contraction.inner}
        found: list[Clip] = []
        for clip in self.clipping.clips:
            back = Int.of(lows.get(clip.name, 0))
            if clip.name in parts:
                back = back + Int.of(parts[clip.name].number) * parts[clip.name].size
            found.append(Clip(clip.name, tuple(bound - back for bound in clip.lows),
                              tuple(bound - back for bound in clip.stops)))
        for part in divided:
            if extents[part.name] % part.size:
                found.append(Clip(part.name, (), (
                    extents[part.name] - Int.of(part.number) * part.size,)))
        return tuple(found)
