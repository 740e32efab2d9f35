"""Tiling: every way to compute a contraction in tiles (`tiles`), from its subscripts alone.

One operand gives the vectors: the lanes are some of the outer variables that it has alone. The
other one gives the numbers: the row is an outer variable that it has alone, if there is any.
What is left are loops, or slices where no two of their values share an element of the vector
operand. That operand is read where it lies if its lanes are consecutive there and nothing is
guarded; otherwise it is packed (`packing`), in bands that fit into the cache.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symconv.contraction import Contraction, Span
from symconv.integers import Int
from symconv.packing import Packing, pack
from symconv.tiles import Lane, Read, Tiles

CHUNK = 288
"""Steps of the reduction whose products are summed before they join other sums."""

NARROWEST = 16
"""Lanes that an operand must have to be read where it lies: no tile may reach beyond it."""

_CACHE = 49152      # elements of the vector operand that one band may have: they should stay in L2
_TASKS = 8          # into how many tasks a kernel with enough rows is split


def plans(contraction: Contraction, strides: Mapping[str, Sequence[int]],
          target: Sequence[int], names: tuple[str, str, str], fixed: frozenset[str],
          ) -> Iterator[Tiles]:
    """Every plan for a contraction: choices of the vector operand, of lanes and of rows.

    `strides` are those of the arrays of the operands, `target` those of the target; `names` are
    free for the band, the group and a row that does not exist; `fixed` variables are set outside.
    """
    for vector in (0, 1):
        ours, theirs = (_names(contraction.operands[k].subscripts) for k in (vector, 1 - vector))
        only = [span for span in contraction.outer if span.name in ours - theirs - fixed]
        only.sort(key=lambda span: -abs(_stride(contraction.target, target, span.name)))
        others = [span for span in contraction.outer if span.name in theirs - ours - fixed]
        for count in range(1, len(only) + 1):
            for lanes in itertools.combinations(only, count):
                for row in (*others, None):
                    made = _Planner(contraction, vector, lanes, row, strides, target, names,
                                    fixed).plan()
                    if made is not None:
                        yield made


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

    def plan(self) -> Tiles | None:
        contraction = self.contraction
        along, across = contraction.operands[self.vector], contraction.operands[1 - self.vector]
        if any(across.guarded):
            return None
        slices, loops = self._outside()
        band, packing = self._packed(slices, loops)
        pitches = self._pitches(packing)
        if pitches is None:
            return None
        if packing is None and (any(along.guarded) or not self._is_wide(band, pitches)):
            return None
        read = self._flat(across.subscripts, self.strides[across.tensor])
        steps = tuple(sorted(contraction.inner,
                             key=lambda s: -abs(read.coefficient(s.name).constant or 0)))
        row = self.row or Span(self.names[2], 0, 1)
        scalar = self._read(across.tensor, read, steps)
        if packing is None:
            flat = self._flat(along.subscripts, self.strides[along.tensor])
            vector = self._read(along.tensor, flat.substitute(self._origin(band)), steps)
        else:
            vector = self._read(along.tensor, packing.offset(along.subscripts, self.lanes), steps)
        if vector is None or scalar is None:
            return None
        chunk, vector, scalar = self._chunked(steps, vector, scalar)
        lanes = tuple(Lane(lane.name, lane.low, lane.extent, pitch,
                           _stride(contraction.target, self.target, lane.name))
                      for lane, pitch in zip(self.lanes, pitches, strict=True))
        place = self._flat(contraction.target, self.target)
        bands = -(-lanes[0].extent // band)
        return Tiles(
            slices, loops, row, lanes, steps, chunk, band,
            _group(row.extent, bands * math.prod(s.extent for s in slices)), vector, scalar,
            read.coefficient(row.name).constant or 0, _regular(read, steps), packing,
            any(along.guarded), place.substitute(self._origin(band)),
            place.coefficient(row.name).constant or 0, contraction)

    def _outside(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The outer variables that are neither lanes nor row: slices, and loops within a pack."""
        rest = [s for s in self.contraction.outer if s not in self.lanes and s != self.row]
        places = self.contraction.operands[self.vector].subscripts
        used, apart = _names(places), {s.name for s in rest} | self.fixed
        while True:         # a slice shares no axis of the vector operand with anything else
            shared = {name for place in places if not place.names() <= apart
                      for name in place.names()}
            if not apart & shared:
                break
            apart -= shared
        slices = tuple(s for s in rest if s.name in apart & used and s.name not in self.fixed)
        return slices, tuple(s for s in rest if s not in slices and s.name not in self.fixed)

    def _packed(self, slices: Sequence[Span], loops: Sequence[Span]) -> tuple[int, Packing | None]:
        """The size of a band and, where the operand must be copied, its layout."""
        along = self.contraction.operands[self.vector]
        within = {s.name: s for s in (*self.contraction.inner, *loops)}
        around = {*(s.name for s in slices), *self.fixed}
        extent, bands = self.lanes[0].extent, 1
        direct = self._pitches(None) is not None and not any(along.guarded)
        depth = math.prod(s.extent for s in within.values()
                          if s.name in _names(along.subscripts))
        while True:
            band = -(-extent // bands)
            if len(self.lanes) == 1 and bands > 1:
                band = min(extent, -(-band // 48) * 48)
            if direct:
                size, packing = depth * band * math.prod(s.extent for s in self.lanes[1:]), None
            else:
                packing = pack(along, self.strides[along.tensor], self.lanes,
                               (self.names[0], band), within, around)
                size = packing.size if packing else 0
            if size <= _CACHE or band <= (48 if len(self.lanes) == 1 else 1):
                return band, packing
            bands = max(bands + 1, size // _CACHE)
            if -(-extent // bands) >= band:
                bands = -(-extent // (band - 1))

    def _pitches(self, packing: Packing | None) -> tuple[int, ...] | None:
        """The distances of neighbours along each lane; None where lanes are not consecutive."""
        if packing is not None:
            return tuple(axis.stride for axis in packing.lanes)
        along = self.contraction.operands[self.vector]
        flat = self._flat(along.subscripts, self.strides[along.tensor])
        found = tuple(flat.coefficient(lane.name).constant or 0 for lane in self.lanes)
        reach = 1
        for lane, pitch in reversed(list(zip(self.lanes, found, strict=True))):
            if pitch < reach or (reach == 1 and pitch != 1):
                return None
            reach = pitch * (lane.extent - 1) + reach
        return found

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

    def _read(self, tensor: str, flat: Int, steps: Sequence[Span]) -> Read | None:
        """base + step; None where the two cannot be told apart."""
        low = {s.name: Int.of(s.low) for s in steps}
        counted = flat.substitute({s.name: Int.of(s.name) + s.low for s in steps})
        base = flat.substitute(low)
        rest = sorted(base.names() - low.keys())
        step = counted.substitute({name: Int.of(0) for name in rest}) - base.substitute(
            {name: Int.of(0) for name in rest})
        if counted != base + step and not self._is_apart(rest):
            return None
        return Read(tensor, base, step, 0)

    def _is_apart(self, names: Sequence[str]) -> bool:
        """Whether variables outside the reduction move every phase as a whole."""
        along = self.contraction.operands[self.vector]
        return all(
            (place.coefficient(name).constant or 0) % (place.coefficient(lane.name).constant or 1)
            == 0 for place in along.subscripts for lane in self.lanes
            if lane.name in place.names() for name in names if name in place.names())

    def _chunked(self, steps: Sequence[Span], vector: Read,
                 scalar: Read) -> tuple[int, Read, Read]:
        """Cut the first variable of the reduction where both operands move on evenly with it."""
        if not steps:
            return 1, vector, scalar
        head, taps = steps[0], math.prod(s.extent for s in steps[1:])
        if not self._is_apart([head.name]):
            return head.extent, vector, scalar
        chunks = -(-head.extent * taps // CHUNK)
        chunk = -(-head.extent // min(chunks, head.extent))
        moved = [_moved(read.step, head.name, steps) * chunk for read in (vector, scalar)]
        return (chunk, Read(vector.tensor, vector.base, vector.step, moved[0]),
                Read(scalar.tensor, scalar.base, scalar.step, moved[1]))

    @staticmethod
    def _flat(places: Sequence[Int], strides: Sequence[int]) -> Int:
        total = Int.of(0)
        for place, stride in zip(places, strides, strict=True):
            total = total + place * stride
        return total


def _moved(step: Int, name: str, steps: Sequence[Span]) -> int:
    """How much a step grows with a variable that moves it evenly."""
    zero = {s.name: Int.of(0) for s in steps}
    difference = step.substitute(zero | {name: Int.of(1)}) - step.substitute(zero)
    return difference.constant or 0


def _regular(read: Int, steps: Sequence[Span]) -> int | None:
    """The distance of successive reads where it is the same from the first step to the last."""
    distances = [read.coefficient(s.name).constant or 0 for s in steps]
    for outer, inner, span in zip(distances, distances[1:], steps[1:], strict=False):
        if outer != inner * span.extent:
            return None
    return distances[-1] if distances else 0


def _group(rows: int, tasks: int) -> int:
    """Rows per task: a multiple of 8, or all."""
    wanted = max(1, min(rows // 24, -(-_TASKS // tasks)))
    return min(rows, -(-rows // (8 * wanted)) * 8)


def _names(places: Sequence[Int]) -> set[str]:
    return {name for place in places for name in place.names()}


def _stride(places: Sequence[Int], strides: Sequence[int], name: str) -> int:
    return sum((place.coefficient(name).constant or 0) * stride
               for place, stride in zip(places, strides, strict=True))
