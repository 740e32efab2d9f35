"""A packed operand in C: loops over its layout that copy what is valid, with zeros elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from symconv.emit.c_expressions import Spelling
from symconv.integers import Int, ceil_div, floor_div, largest, smallest
from symconv.names import fresh
from symconv.packing import PackedAxis, Packing

Ends: TypeAlias = tuple[Int, Int]


def packing_lines(packing: Packing, copy: str, spelling: Spelling, used: Collection[str],
                  needed: Mapping[int, Ends] | None = None) -> Iterator[str]:
    """Fill `copy` for the slices and the band whose variables are set; `used` are other names.
    Of axes that are `needed` in part, by number, at least the places from one end to the other are
    filled, counted from the first place."""
    yield from _Pack(packing, copy, spelling, used, needed or {}).lines()


class _Pack:
    def __init__(self, packing: Packing, copy: str, spelling: Spelling, used: Collection[str],
                 needed: Mapping[int, Ends]) -> None:
        self.packing, self.copy, self.spelling, self.needed = packing, copy, spelling, needed
        taken = set(used)
        self.at = {axis.axis: fresh(f"at{axis.axis}", taken) for axis in packing.axes}
        self.slot = {axis.axis: fresh(f"slot{axis.axis}", taken) for axis in packing.axes}
        self.inside = fresh("inside", taken)
        self.tests = [f"{spelling.integer(place)} {relation} {bound}"
                      for place, low, stop in packing.tests
                      for relation, bound in ((">=", low), ("<", stop))]
        self.source = packing.base
        self.place = Int.of(0)

    def lines(self) -> Iterator[str]:
        plain = list(self.packing.plain)
        if self._is_turned():
            return self._turned(plain, plain.pop())
        return self._plain(plain)

    def _is_turned(self) -> bool:
        """Whether lanes lie apart in the array, and the places of the last plain axis do not."""
        plain, lanes = self.packing.plain, self.packing.lanes
        return (len(lanes) == 1 and lanes[0].slots == 1 and lanes[0].step * lanes[0].source > 1
                and bool(plain) and plain[-1].source == 1
                and self._ends(lanes[0], *self._places(lanes[0]))[0] == "0")

    def _turned(self, axes: list[PackedAxis], run: PackedAxis) -> Iterator[str]:
        """Loops over all plain axes but those that make up the run, which is turned."""
        while axes and self._continues(axes[-1], run):
            outer = axes.pop()
            run = replace(outer, source=1, stride=run.stride, count=outer.count * run.count,
                          low=outer.low * run.count, shift=outer.shift * run.count,
                          valid=(outer.valid[0] * run.count, outer.valid[1] * run.count))
        yield from self._around(axes, run.count * run.stride, lambda: self._run(run))

    def _continues(self, outer: PackedAxis, run: PackedAxis) -> bool:
        """Whether the runs of an outer axis follow upon each other, in the array and the copy."""
        return (outer.source == run.count and outer.stride == run.stride * run.count
                and run.low == 0 and not run.shift and run.valid == (0, run.count)
                and not self._tests(outer, Int.of(0)))

    def _run(self, run: PackedAxis) -> Iterator[str]:
        (lane,) = self.packing.lanes
        first, last = self._places(lane)
        width = self.packing.plane - first
        if lane.axis in self.needed:        # and what a vector reads behind the last lane
            width = smallest(self.packing.plane, last + self.packing.line - 1) - first
        start = self.source + run.low + run.shift + ((lane.low + lane.shift + first) * lane.step
                                                     + lane.first) * lane.source
        begin, end = self._ends(run, Int.of(0), Int.of(run.count))
        if self.tests:
            yield f"const int {self.inside} = {' && '.join(self.tests)};"
            end = f"{self.inside} ? {end} : 0"
        yield (f"{self.spelling.prefix}_turn({self._at(self.place + first)}, {run.stride}, "
               f"{self.spelling.integer(width)}, {self._ends(lane, first, last)[1]}, {run.count},")
        yield (f"    {begin}, {end}, {self.packing.tensor}, {self.spelling.integer(start)}, "
               f"{lane.step * lane.source}, {self.packing.room});")

    def _ends(self, axis: PackedAxis, first: Int, last: Int) -> tuple[str, str]:
        """The places that are copied, of those of an axis from `first` to `last`, and counted from
        there."""
        residue = self._residue(axis)
        begin = ceil_div(axis.valid[0] - residue, axis.step) - axis.low - axis.shift - first
        end = floor_div(axis.valid[1] - 1 - residue, axis.step) + 1 - axis.low - axis.shift - first
        low, high = (self.spelling.integer(largest(0, smallest(last - first, value)))
                     for value in (begin, end))
        # bands and parts move on, so that what the first one leaves out is never more
        return "0" if axis.low * axis.step + axis.first >= axis.valid[0] else low, high

    def _plain(self, axes: list[PackedAxis]) -> Iterator[str]:
        """Loops over the axes without a lane, then those of the lanes."""
        return self._around(axes, self.packing.plane * _slots(self.packing),
                            lambda: self._slots(list(self.packing.lanes)))

    def _around(self, axes: list[PackedAxis], inmost: int,
                lines: Callable[[], Iterator[str]]) -> Iterator[str]:
        """One loop per axis, over all its places, around lines that fill so many elements."""
        if not axes:
            yield from lines()
            return
        axis, rest = axes[0], axes[1:]
        name = self.at[axis.axis]
        place, before = Int.of(name), self.place
        self._enter(axis, place + axis.shift, place)
        inside = list(self._around(rest, inmost, lines))
        filled = rest[0].count * rest[0].stride if rest else inmost
        yield from self._loop(name, *self._all_places(axis), inside)
        if axis.stride > filled:
            yield from self._loop(name, 0, axis.count, [
                f"{self.spelling.prefix}_zero({self._at(before + place * axis.stride + filled)}, "
                f"{axis.stride - filled});"])

    def _places(self, axis: PackedAxis) -> Ends:
        """The places of an axis that are filled, counted from its first one."""
        return self.needed.get(axis.axis, (Int.of(0), Int.of(axis.count)))

    def _all_places(self, axis: PackedAxis) -> tuple[str, str]:
        low, stop = (self.spelling.integer(end + axis.low) for end in self._places(axis))
        return low, stop

    def _slots(self, axes: list[PackedAxis]) -> Iterator[str]:
        """One loop per axis with phases, then the places of all lanes but the last."""
        phased = [axis for axis in axes if axis.slots > 1]
        lines = list(self._rows(axes[:-1], axes[-1]))
        written = 1 + sum((axis.count - 1) * axis.stride for axis in axes)
        place = self.place
        for axis in phased:
            place = place + Int.of(self.slot[axis.axis]) * axis.slot_stride
        if written < self.packing.plane:
            lines.append(f"{self.spelling.prefix}_zero({self._at(place + written)}, "
                         f"{self.packing.plane - written});")
        for axis in reversed(phased):
            lines = list(self._loop(self.slot[axis.axis], 0, axis.slots, lines))
        yield from lines

    def _rows(self, axes: list[PackedAxis], last: PackedAxis) -> Iterator[str]:
        tests, source, place = list(self.tests), self.source, self.place
        for axis in axes:
            name = Int.of(self.at[axis.axis])
            subscript = (name + axis.shift) * axis.step + self._residue(axis)
            source = source + subscript * axis.source
            place = (place + (name - axis.low) * axis.stride
                     + self._slot(axis) * axis.slot_stride)
            tests += self._tests(axis, subscript)
        first, stop = self._places(last)
        ends = list(self._ends(last, first, stop))
        start = source + ((last.low + last.shift + first) * last.step
                          + self._residue(last)) * last.source
        place = place + self._slot(last) * last.slot_stride + first
        lines: list[str] = []
        if tests:
            lines.append(f"const int {self.inside} = {' && '.join(tests)};")
            ends = [f"{self.inside} ? {end} : 0" if end != "0" else end for end in ends]
        count = self.spelling.integer(stop - first)
        lines += [f"{self.spelling.prefix}_line({self._at(place)}, {count}, "
                  f"{ends[0]}, {ends[1]},",
                  f"    {self.packing.tensor}, {self.spelling.integer(start)}, "
                  f"{last.step * last.source});"]
        for axis in reversed(axes):
            lines = list(self._loop(self.at[axis.axis], *self._all_places(axis), lines))
        yield from lines

    def _enter(self, axis: PackedAxis, subscript: Int, place: Int) -> None:
        self.source = self.source + subscript * axis.source
        self.place = self.place + (place - axis.low) * axis.stride
        self.tests += self._tests(axis, subscript)

    def _tests(self, axis: PackedAxis, subscript: Int) -> list[str]:
        """What the subscript must satisfy where places reach beyond the valid range."""
        shown, low, stop = self.spelling.integer(subscript), *axis.valid
        banded = axis.lane is not None and bool(axis.shift)
        least = axis.low * axis.step + axis.first
        most = ((axis.low + axis.reach + axis.count - 1) * axis.step + axis.first
                + (axis.slots - 1) * axis.gap)
        found = [f"{shown} >= {low}"] if least < low else []
        return found + ([f"{shown} < {stop}"] if banded or most >= stop else [])

    def _at(self, place: Int) -> str:
        shown = self.spelling.integer(place)
        return self.copy if shown == "0" else f"{self.copy} + {shown}"

    @staticmethod
    def _loop(name: str, low: int | str, stop: int | str, lines: list[str]) -> Iterator[str]:
        yield f"for (ptrdiff_t {name} = {low}; {name} < {stop}; {name}++) {{"
        yield from (f"    {line}" for line in lines)
        yield "}"

    def _slot(self, axis: PackedAxis) -> Int:
        return Int.of(self.slot[axis.axis]) if axis.slots > 1 else Int.of(0)

    def _residue(self, axis: PackedAxis) -> Int:
        return axis.first + self._slot(axis) * axis.gap


def _slots(packing: Packing) -> int:
    return math.prod(axis.slots for axis in packing.lanes)
