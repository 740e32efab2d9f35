"""A packed operand in C: loops over its layout that copy what is valid, with zeros elsewhere."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from symconv.emit.c_expressions import Spelling
from symconv.integers import Int, ceil_div, floor_div, largest, smallest
from symconv.names import fresh
from symconv.packing import PackedAxis, Packing


def packing_lines(packing: Packing, copy: str, spelling: Spelling,
                  used: Collection[str]) -> Iterator[str]:
    """Fill `copy` for the slices and the band whose variables are set; `used` are other names."""
    spelling.helpers.add("packing")
    yield from _Pack(packing, copy, spelling, used).lines()


class _Pack:
    def __init__(self, packing: Packing, copy: str, spelling: Spelling,
                 used: Collection[str]) -> None:
        self.packing, self.copy, self.spelling = packing, copy, spelling
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
        return self._plain(list(self.packing.plain))

    def _plain(self, axes: list[PackedAxis]) -> Iterator[str]:
        """One loop per axis without a lane, over all its places."""
        if not axes:
            yield from self._slots(list(self.packing.lanes))
            return
        axis, rest = axes[0], axes[1:]
        name = self.at[axis.axis]
        place = Int.of(name)
        self._enter(axis, place, place)
        inside = list(self._plain(rest))
        inner = rest[0] if rest else None
        filled = (inner.count * inner.stride if inner is not None
                  else self.packing.plane * _slots(self.packing))
        yield from self._loop(name, axis.low, axis.low + axis.count, inside)
        if axis.stride > filled:
            yield from self._loop(name, 0, axis.count, [
                f"{self.spelling.prefix}_zero({self.copy} + {name} * {axis.stride} + {filled}, "
                f"{axis.stride - filled});"])

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
        residue = self._residue(last)
        begin = ceil_div(last.valid[0] - residue, last.step) - last.low - last.shift
        end = floor_div(last.valid[1] - 1 - residue, last.step) + 1 - last.low - last.shift
        ends = [self.spelling.integer(largest(0, smallest(last.count, value)))
                for value in (begin, end)]
        start = source + ((last.low + last.shift) * last.step + residue) * last.source
        place = place + self._slot(last) * last.slot_stride
        lines: list[str] = []
        if tests:
            lines.append(f"const int {self.inside} = {' && '.join(tests)};")
            ends = [f"{self.inside} ? {end} : 0" if end != "0" else end for end in ends]
        lines += [f"{self.spelling.prefix}_line({self._at(place)}, {last.count}, "
                  f"{ends[0]}, {ends[1]},",
                  f"    {self.packing.tensor}, {self.spelling.integer(start)}, "
                  f"{last.step * last.source});"]
        for axis in reversed(axes):
            lines = list(self._loop(self.at[axis.axis], axis.low, axis.low + axis.count, lines))
        yield from lines

    def _enter(self, axis: PackedAxis, subscript: Int, place: Int) -> None:
        self.source = self.source + subscript * axis.source
        self.place = self.place + (place - axis.low) * axis.stride
        self.tests += self._tests(axis, subscript)

    def _tests(self, axis: PackedAxis, subscript: Int) -> list[str]:
        """What the subscript must satisfy where places reach beyond the valid range."""
        shown, low, stop = self.spelling.integer(subscript), *axis.valid
        moved = bool(axis.shift)
        least = axis.low * axis.step + axis.first
        most = (axis.low + axis.count - 1) * axis.step + axis.first + (axis.slots - 1) * axis.gap
        found = [f"{shown} >= {low}"] if least < low else []
        return found + ([f"{shown} < {stop}"] if moved or most >= stop else [])

    def _at(self, place: Int) -> str:
        shown = self.spelling.integer(place)
        return self.copy if shown == "0" else f"{self.copy} + {shown}"

    @staticmethod
    def _loop(name: str, low: int, stop: int, lines: list[str]) -> Iterator[str]:
        yield f"for (ptrdiff_t {name} = {low}; {name} < {stop}; {name}++) {{"
        yield from (f"    {line}" for line in lines)
        yield "}"

    def _slot(self, axis: PackedAxis) -> Int:
        return Int.of(self.slot[axis.axis]) if axis.slots > 1 else Int.of(0)

    def _residue(self, axis: PackedAxis) -> Int:
        return axis.first + self._slot(axis) * axis.gap


def _slots(packing: Packing) -> int:
    return math.prod(axis.slots for axis in packing.lanes)
