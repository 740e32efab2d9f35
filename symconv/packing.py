"""Packed layouts: an operand copied so that neighbouring lanes are neighbours in memory.

A lane is an outer variable l that runs along vector registers. The subscript of its axis is
s*l + e, where e depends on inner variables. With e = s*m + r and 0 <= r < s,

    s*l + e = s*(l + m) + r,

so the element stands in phase r at place l + m: for every value of the inner variables, the
lanes l = 0, 1, 2, ... read consecutive places of one phase. This is exact for every stride and
dilation; e takes the residues r0, r0 + g, r0 + 2g, ... only, where g is the greatest common
divisor of s and the coefficients in e, so that s/g phases suffice.

With several lanes (l0, l1) the places of the second are padded to a pitch P and the pair is
flattened to q = l0*P + l1: all lanes stay consecutive, at the price of the places between the
rows, whose sums are thrown away. Places outside the valid range hold zeros; the zeros behind a
row serve as the zeros before the next one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from symconv.contraction import Operand, Span, bounds
from symconv.element import Element
from symconv.integers import Int, floor_div

_SLACK = 1024   # bytes of zeros behind a packed operand, which the lanes of the last tile may read


@dataclass(frozen=True, slots=True)
class PackedAxis:
    """One axis: subscript values step*(m + shift) + r are kept for low <= m < low + count.

    `source` is the stride of the axis in the array, `valid` the range of subscripts that are
    copied (others become zero), `lane` the lane along it, if any. The residue r stands in the
    slot (r - first)/gap. `shift` is the part of the place that the band of lanes and the part of
    the reduction add, where the latter adds `reach` at most.
    """

    axis: int
    source: int
    lane: str | None
    step: int
    gap: int
    first: int
    low: int
    count: int
    shift: Int
    valid: tuple[int, int]
    reach: int
    slot_stride: int = 0
    stride: int = 0

    @property
    def slots(self) -> int:
        return self.step // self.gap


@dataclass(frozen=True, slots=True)
class Packing:
    """The layout of a packed operand: plain axes, then slots, then places of the lanes.

    `axes` are in that order; `base` is the position in the array of the axes that are not
    copied, and `tests` are subscripts along them, each with the range outside which all is zero;
    `plane` is the number of elements of one slot of all lanes, in whole lines of `line` elements;
    `slack` zeros stand behind the last one. `room` elements at least belong to the array. A
    `common` copy holds what several contractions read.
    """

    tensor: str
    axes: tuple[PackedAxis, ...]
    base: Int
    tests: tuple[tuple[Int, int, int], ...]
    plane: int
    size: int
    room: int
    line: int
    slack: int
    common: bool

    @property
    def plain(self) -> tuple[PackedAxis, ...]:
        return tuple(axis for axis in self.axes if axis.lane is None)

    @property
    def lanes(self) -> tuple[PackedAxis, ...]:
        return tuple(axis for axis in self.axes if axis.lane is not None)

    def ends_in_zeros(self, width: int) -> bool:
        """Whether zeros stand behind the last of `width` values of the only lane, up to a whole
        vector."""
        (lane,) = self.lanes
        return (lane.count == width and lane.slots == 1
                and self.plane >= -(-width // self.line) * self.line)

    def offset(self, places: Sequence[Int], lanes: Sequence[Span]) -> Int:
        """The position of lane 0 for given values of the other variables, floors included."""
        total = Int.of(0)
        start = {lane.name: Int.of(lane.low) for lane in lanes}
        for axis in self.axes:
            rest = places[axis.axis].substitute(start)
            place = floor_div(rest, axis.step)
            slot = floor_div(rest - place * axis.step - axis.first, axis.gap)
            total = total + (place - axis.low) * axis.stride + slot * axis.slot_stride
        return total


@dataclass(frozen=True, slots=True)
class Copied:
    """What is copied of an operand, whatever the band: `plain` axes and, slowest first, those
    `along` the `lanes`. The rest is as in the layout."""

    tensor: str
    plain: tuple[PackedAxis, ...]
    along: tuple[PackedAxis, ...]
    lanes: tuple[Span, ...]
    base: Int
    tests: tuple[tuple[Int, int, int], ...]
    room: int
    element: Element
    common: bool

    def packing(self, name: str, band: int) -> Packing:
        """The layout where `band` values of the first lane are packed at a time, those numbered
        by the variable `name`."""
        axes, plane, size = _laid_out(self.plain, self.along, self.lanes, (name, band),
                                      self.element)
        slack = self.element.within(_SLACK)
        return Packing(self.tensor, axes, self.base, self.tests, plane, size + slack, self.room,
                       self.element.line, slack, self.common)


def copied(operand: Operand, strides: Sequence[int], lanes: Sequence[Span],
           rest: Mapping[str, Span], outside: Collection[str],
           shifts: Sequence[tuple[Int, int]], element: Element,
           reaches: Mapping[int, tuple[int, int]], common: bool) -> Copied | None:
    """What is copied of an operand; None where a lane is not alone on its axis.

    `lanes` are the lane variables, slowest first. `rest` are the variables that vary inside a
    pack, `outside` those that are fixed around it. `shifts` tell how far the part of the
    reduction moves the subscript of each axis, and how far at most; all arrays have the `element`.
    Along the axes with `reaches` these are the least and the largest subscripts, for the first
    lanes; with `common` others read the copy, too.
    """
    named = {lane.name: lane for lane in lanes}
    plain: list[PackedAxis] = []
    along: dict[str, PackedAxis] = {}
    base, tests = Int.of(0), list[tuple[Int, int, int]]()
    for number, place in enumerate(operand.subscripts):
        here = [name for name in sorted(place.names()) if name in named]
        shift = shifts[number]
        if not here and place.names() <= set(outside) and number not in reaches:
            base = base + (place + shift[0]) * strides[number]
            tests += [(place + shift[0], *operand.valid[number])] if operand.guarded[number] else []
            continue
        made = _axis(number, place, operand, strides[number], [named[name] for name in here], rest,
                     shift, reaches.get(number))
        if made is None or any(name in along for name in here):
            return None
        if here:
            along[here[0]] = made
        else:
            plain.append(made)
    if along.keys() != named.keys():
        return None
    room = 1 + sum((stop - 1) * stride
                   for (_, stop), stride in zip(operand.valid, strides, strict=True))
    return Copied(operand.tensor, tuple(plain), tuple(along[lane.name] for lane in lanes),
                  tuple(lanes), base, tuple(tests), room, element, common)


def _axis(number: int, place: Int, operand: Operand, source: int, lanes: Sequence[Span],
          rest: Mapping[str, Span], shift: tuple[Int, int],
          reach: tuple[int, int] | None) -> PackedAxis | None:
    """The phases and places of one axis; places count from the first value of its lane. A copy with
    phases has no other `reach` than that of the subscript."""
    if len(lanes) > 1:
        return None
    step = place.factor(lanes[0].name) if lanes else 1
    if step < 1 or (step > 1 and reach is not None):
        return None
    moved = place.substitute({lane.name: Int.of(lane.low) for lane in lanes})
    ends = reach or bounds(moved, rest)
    if ends is None or any(factor % step for _, factor in shift[0].terms) or shift[1] < 0:
        return None
    gap = math.gcd(step, *(moved.factor(name) for name in moved.names()))
    low = ends[0] // step
    return PackedAxis(number, source, lanes[0].name if lanes else None, step, gap,
                      ends[0] % gap, low, ends[1] // step - low + 1, floor_div(shift[0], step),
                      operand.valid[number], shift[1] // step)


def _laid_out(plain: Sequence[PackedAxis], along: Sequence[PackedAxis], lanes: Sequence[Span],
              band: tuple[str, int],
              element: Element) -> tuple[tuple[PackedAxis, ...], int, int]:
    """The axes in the order of the layout, with their strides, the plane and the size."""
    made: list[PackedAxis] = []
    stride, shared = 1, 0
    for place, (axis, lane) in reversed(list(enumerate(zip(along, lanes, strict=True)))):
        extent = lane.extent if place else band[1]
        count = axis.count - 1 + extent
        banded = place == 0 and band[1] < lane.extent
        shift = axis.shift + Int.of(band[0]) * band[1] if banded else axis.shift
        made.insert(0, replace(axis, count=count, stride=stride, shift=shift))
        if 0 < place == len(along) - 1:
            shared = min(_shared(made[0]), count - extent)      # lanes must not overlap
            count -= shared
        stride *= count
    plane = stride = _odd(-(-(stride + shared) // element.line)) * element.line
    slotted: list[PackedAxis] = []
    for axis in reversed(made):
        slotted.insert(0, replace(axis, slot_stride=stride))
        stride *= axis.slots
    ordered: list[PackedAxis] = []
    for axis in reversed(plain):
        stride = element.spread(stride)
        ordered.insert(0, replace(axis, stride=stride))
        stride *= axis.count
    return (*ordered, *slotted), plane, stride


def _shared(axis: PackedAxis) -> int:
    """How many zeros at the end of a row may be those at the beginning of the next one."""
    shared = axis.count
    for slot in range(axis.slots):
        residue = axis.first + slot * axis.gap
        first = -((residue - axis.valid[0]) // axis.step)      # the first place that is copied
        last = (axis.valid[1] - 1 - residue) // axis.step
        shared = min(shared, max(0, first - axis.low), max(0, axis.low + axis.count - 1 - last))
    return shared


def _odd(lines: int) -> int:
    """A plane of so many lines, or one more: an odd number of them uses all sets of a cache."""
    return lines + (lines >= 8 and lines % 2 == 0)
