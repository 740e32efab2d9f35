"""Tiling: the tile plan (`tiles`) of a contraction whose lanes, rows, loops, band and parts are
chosen (`blocking`).

What a plan needs to know beyond that follows from subscripts and strides: where the operands of
every step stand, in the copy (`packing`) or where they lie, if lanes are consecutive there and
nothing is padded; the bounds of a run within a part, by the guards of the scalar operand and some
of the other one (`clipping`); how many steps make a chunk, and how many rows a task.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.clipping import Clipping
from symconv.common import common
from symconv.contraction import Contraction, Operand, Span, Strides
from symconv.integers import Int
from symconv.packing import Copied, Packing, copied
from symconv.parting import parted, shift, single
from symconv.places import flat, group, moved, regular, stride
from symconv.sharing import grain
from symconv.tiles import WIDE, Clip, Lane, Part, Read, Tiles

CHUNK = 192
"""Steps of the reduction whose products are summed before they join other sums."""

_GROWTH = 0.6   # chunks of longer sums grow with this power of their steps: the number of chunks
                # carries more of the error than their length

LOW = 6
"""Rows that a task has at least, if it has not all."""


@dataclass(frozen=True, slots=True)
class Within:
    """What plans have in common in a part of the reduction, whatever the band (`tiles`); `places`
    are the subscripts of the vector operand there."""

    parts: tuple[Part, ...]
    taps: tuple[Span, ...]
    steps: tuple[Span, ...]
    clips: tuple[Clip, ...]
    chunk: int
    scalar: Read
    row_stride: int
    regular: int | None
    places: tuple[Int, ...]


@dataclass(frozen=True, slots=True)
class Tiling:
    """What every outer variable is: one of the lanes, the row, a slice, a loop, or `fixed` outside.

    The first operand gives the vectors; it is read where it lies if `direct`. `order` holds the
    variables of a run, slowest first, `clipping` its taps. `strides` are those of the arrays of the
    operands, `target` those of the target; `names` are free for the band, the group and a row that
    does not exist. A copy holds what the contractions `beside` this one read of it, too.
    """

    contraction: Contraction
    lanes: tuple[Span, ...]
    row: Span | None
    slices: tuple[Span, ...]
    loops: tuple[Span, ...]
    order: tuple[Span, ...]
    clipping: Clipping
    strides: Strides
    target: Sequence[int]
    names: tuple[str, str, str]
    fixed: frozenset[str]
    direct: bool
    beside: tuple[Contraction, ...] = ()

    @property
    def along(self) -> Operand:
        """The operand that gives the vectors."""
        return self.contraction.operands[0]

    @property
    def across(self) -> Operand:
        """The operand that gives the numbers."""
        return self.contraction.operands[1]

    @property
    def rows(self) -> Span:
        """The row, or one with a single value where there is none."""
        return self.row or Span(self.names[2], 0, 1)

    def within(self, divided: tuple[Part, ...]) -> Within | None:
        """A part of the reduction; None where no table of steps tells where the numbers stand."""
        steps = tuple(s for s in parted(self.order, divided) if s.extent > 1)
        clips = self._clips(divided, steps)
        ordered = self._ordered(steps, clips)
        if ordered is None:
            return None
        read = flat(self.across.subscripts, self.strides[1])
        scalar = self._read(self.across.tensor, read, ordered, divided, True)
        return None if scalar is None else Within(
            divided, parted(self.clipping.taps, divided), ordered, clips,
            self._chunk(ordered), scalar, read.factor(self.rows.name), regular(read, ordered),
            tuple(place.substitute(single(divided)) for place in self.along.subscripts))

    def plan(self, band: int, within: Within, panel: int, packing: Packing | None) -> Tiles | None:
        """The plan for a band, a part of the reduction with its `panel`, and the copy of the vector
        operand; None where no table of steps tells where that stands, or a tile would reach too
        far."""
        contraction, along, row = self.contraction, self.along, self.rows
        pitches = self._pitches(packing)
        if pitches is None or (packing is None and not self._is_wide(band, pitches)):
            return None
        if packing is None:
            place = flat(along.subscripts, self.strides[0]).substitute(self._origin(band))
            vector = self._read(along.tensor, place, within.steps, within.parts, True)
        else:
            place = packing.offset(within.places, self.lanes)
            vector = self._read(along.tensor, place, within.steps, within.parts, False)
        if vector is None:
            return None
        lanes = tuple(Lane(lane.name, lane.low, lane.extent, pitch,
                           stride(contraction.target, self.target, lane.name))
                      for lane, pitch in zip(self.lanes, pitches, strict=True))
        place = flat(contraction.target, self.target)
        tasks = -(-lanes[0].extent // band) * math.prod(s.extent for s in self.slices)
        block = group(row.extent, tasks, bool(within.parts))
        return Tiles(
            slices=self.slices, loops=self.loops, row=row, lanes=lanes, parts=within.parts,
            taps=within.taps, steps=within.steps, clips=within.clips, chunk=within.chunk, band=band,
            group=block, grain=grain(row.extent, block, tasks, LOW), vector=vector,
            scalar=within.scalar, row_stride=within.row_stride, regular=within.regular,
            packing=packing, guarded=self.clipping.padded, taken=self.clipping.taken,
            target=place.substitute(self._origin(band)),
            target_row=place.factor(row.name), contraction=contraction, dots=None, panel=panel)

    def copied(self, divided: Sequence[Part]) -> Copied | None:
        """What is copied of the vector operand for a part of the reduction, for every band; None
        where lanes cannot be consecutive, or no copy serves the contractions beside this one."""
        along = self.along
        within = {s.name: s for s in (*parted(self.contraction.inner, divided), *self.loops)}
        around = {*(s.name for s in self.slices), *self.fixed}
        shifts = [shift(place, divided) for place in along.subscripts]
        places = tuple(place.substitute(single(divided)) for place in along.subscripts)
        held = {part.name for part in divided} | around
        reaches = common((self.contraction, *self.beside), self.lanes, held) if self.beside else {}
        if reaches is None:
            return None
        return copied(replace(along, subscripts=places), self.strides[0], self.lanes, within,
                      around, shifts, self.contraction.element, reaches, bool(self.beside))

    def may_be_direct(self) -> bool:
        """Whether the vector operand can be read where it lies."""
        return self._pitches(None) is not None and not self.clipping.padded

    def panel(self, divided: Sequence[Part]) -> int:
        """The elements that a tile reads in a part: lines along the last lane, as long as its
        windows reach, for every value of the variables that choose among them."""
        within = parted(self.contraction.inner, divided)
        last = self.lanes[-1].name
        (place,) = (place for place in self.along.subscripts if last in place.names())
        step = abs(place.factor(last))
        along = [(abs(place.factor(s.name)), s.extent) for s in within if s.name in place.names()]
        phases = step // math.gcd(step, *(factor for factor, _ in along))
        phases = min(phases, math.prod(extent for _, extent in along))
        reach = sum(factor * (extent - 1) for factor, extent in along) // step
        return phases * (WIDE * self.contraction.element.line + reach) * math.prod(
            s.extent for s in within if s.name not in place.names())

    def _pitches(self, packing: Packing | None) -> tuple[int, ...] | None:
        """The distances of neighbours along each lane; None where lanes are not consecutive."""
        if packing is not None:
            return tuple(axis.stride for axis in packing.lanes)
        read = flat(self.along.subscripts, self.strides[0])
        found = tuple(read.factor(lane.name) for lane in self.lanes)
        reach = 1
        for lane, pitch in reversed(list(zip(self.lanes, found, strict=True))):
            if pitch < reach or (reach == 1 and pitch != 1):
                return None
            reach = pitch * (lane.extent - 1) + reach
        return found

    def _is_wide(self, band: int, pitches: Sequence[int]) -> bool:
        """Whether every band has a vector of lanes at least, to be read where it lies: no tile may
        reach beyond."""
        last = self.lanes[0].extent - (-(-self.lanes[0].extent // band) - 1) * band
        width = 1 + (last - 1) * pitches[0] + sum(
            (lane.extent - 1) * pitch
            for lane, pitch in zip(self.lanes[1:], pitches[1:], strict=True))
        return width >= self.contraction.element.line

    def _origin(self, band: int) -> dict[str, Int]:
        """The values of lane variables at the beginning of a band."""
        head = self.lanes[0]
        move = Int.of(self.names[0]) * band if band < head.extent else Int.of(0)
        rest = {lane.name: Int.of(lane.low) for lane in self.lanes[1:]}
        return {head.name: move + head.low} | rest

    def _read(self, tensor: str, position: Int, steps: Sequence[Span], divided: Sequence[Part],
              whole: bool) -> Read | None:
        """base + step, and the step to the next chunk; None where these cannot be told apart. The
        part of the reduction moves the base of the `whole` operand, which is no copy."""
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
        period = 1 if whole or not steps else self._period(steps[0].name)
        return Read(tensor, base + move, step, moved(step, steps, period), period)

    def _is_apart(self, names: Sequence[str]) -> bool:
        """Whether variables outside a run move every phase as a whole."""
        return all(self._period(name) == 1 for name in names)

    def _period(self, name: str) -> int:
        """How many values of a variable move every phase as a whole: of x[i + 2*a] with lanes
        along a, which is copied in phases of every second element, two values of i."""
        return 1 if self.direct else math.lcm(*(
            abs(factor := place.factor(lane.name)) // math.gcd(factor, place.factor(name))
            for place in self.along.subscripts for lane in self.lanes
            if lane.name in place.names()))

    def _ordered(self, steps: tuple[Span, ...],
                 clips: Sequence[Clip]) -> tuple[Span, ...] | None:
        """The steps of a part as a run takes them; None where the first one is clipped and no even
        one.

        Chunks hold whole values of the first step: of a batch of two, a half of all sums. Where
        that is too much for a chunk, and no step is left out, the longest one comes first."""
        if not steps:
            return ()
        if any(clip.name == steps[0].name and clip.lows for clip in clips):
            return steps if self._period(steps[0].name) == 1 else None
        if {clip.name for clip in clips} & {s.name for s in steps} or (
                self._chunk(steps) * math.prod(s.extent for s in steps[1:]) <= 2 * self._most):
            return steps
        head = max(steps, key=lambda span: span.extent)
        return (head, *(s for s in steps if s != head))

    def _chunk(self, steps: Sequence[Span]) -> int:
        """How many values of the first step variable to sum at a time: both operands must move
        on evenly with so many of them."""
        if not steps:
            return 1
        head, inner = steps[0], math.prod(s.extent for s in steps[1:])
        chunks = -(-head.extent * inner // self._most)
        size = -(-head.extent // min(chunks, head.extent))
        period = self._period(head.name)
        return min(head.extent, -(-size // period) * period)

    @property
    def _most(self) -> int:
        """The steps of a chunk, if these can be told so finely."""
        total = math.prod(span.extent for span in self.contraction.inner)
        return max(CHUNK, int(total ** _GROWTH))

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
