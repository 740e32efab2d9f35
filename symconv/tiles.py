"""The tile plan: a contraction as small blocks of sums that stay in vector registers, as data.

    for every slice:                      variables that no two packs share
      for every band of the first lane:
        for every part of the reduction:  pack the vector operand (or read it where it lies),
                                          gather the numbers (or read them where they lie)
          for every loop variable:
            for every block of rows:      rows: a variable of the other operand alone
              for every block of lanes:   lanes: variables of the vector operand alone
                for every tap and every chunk of steps:
                  sums[row][lane] += scalar operand[row] * vector operand[lane]

A step of the reduction reads one vector per register of lanes and one number per row. Where the
operands of a step stand is tabulated once (`steps`): any relation whose subscripts are affine,
or affine up to the phases of `packing`, costs the same. The sums of a chunk are added up before
they join the others, which keeps rounding errors near those of a pairwise sum. Between two parts
the sums wait in the workspace.

A step outside the valid range of an operand is not taken, where its range can be told from loop
variables, taps and rows (`clipping`); otherwise zeros of the packed operand stand for it.

Every element of the target has one slice, band and row: tasks are independent, and the order of
its additions does not depend on how they are split. Tasks of a group of rows that follow each
other are done at once, so that what these rows share is copied once for each thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from symconv.contraction import Contraction, Span
from symconv.element import Element
from symconv.integers import Int
from symconv.packing import Packing

WIDE = 3
"""Vectors of a row of the largest tile, if they are as wide as a cache line."""

TALL = 8
"""Rows of the largest tile."""

COMBED = 4
"""The largest distance of elements in the target that sums are woven into (`weaving`)."""

_INWARD = 24    # tiles of 24 x 3 vectors that lie in each other's gaps stay in L1


@dataclass(frozen=True, slots=True)
class Lane:
    """A variable along lanes: it contributes pitch * (name - low) to the lane's number."""

    name: str
    low: int
    extent: int
    pitch: int
    target: int             # the distance of neighbours in the target


@dataclass(frozen=True, slots=True)
class Read:
    """Where an operand's elements stand: at `base` (in slices, band, part, loops, taps and rows)
    plus `step` (in the variables of a run, each counted from 0), `chunk` further for every
    `period` values of the first one; chunks begin there."""

    tensor: str
    base: Int
    step: Int
    chunk: int
    period: int


@dataclass(frozen=True, slots=True)
class Part:
    """A variable of the reduction of which `size` values belong to one part of it: its value is
    number * size + (a value of the first part, from `low`)."""

    name: str
    number: str
    low: int
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class Clip:
    """low <= name < stop for every bound, in variables that are set before."""

    name: str
    lows: tuple[Int, ...]
    stops: tuple[Int, ...]


@dataclass(frozen=True, slots=True)
class Dots:
    """Vectors along a variable of the reduction: `width` values of it to a step, in both operands.
    `column` is the distance of neighbouring lanes in the vector operand, which are columns with a
    vector of partial sums each; `packing` is the copy of the other one, if it has one."""

    width: int
    column: int
    packing: Packing | None


@dataclass(frozen=True, slots=True)
class Tiles:
    """The plan of one contraction.

    A task has one value of each of the `slices`, `band` values of the first lane and `grain` of
    the row; or a `strip` of the band, so many values of the first lane, and all rows. The tasks of
    a `group` of rows or of a band, which follow each other, are done at once where all plans of a
    definition agree. `target` is the position of the first row and lane in the target;
    the next row stands `target_row` further.

    The reduction comes in `parts`. Its `taps` are variables each value of which is a run of its
    own, its `steps` the variables of a run, slowest first, all counted from 0 within a part. A
    run is clipped by its first variable, and taken `chunk` values of that variable at a time.
    `clips` bound taps, rows and the first step variable; `taken` is the share of steps they leave.

    The vectors of a step are read at `vector`: in the copy that `packing` lays out, or where the
    operand lies if there is none. With `guarded`, zeros of the copy stand for elements that do
    not exist. A tile of `WIDE` vectors reads `panel` elements of the operand in a part. With
    `by_lanes` all rows pass that panel before the next tile follows; otherwise a block of rows
    goes along all lanes. With `dots` there are columns in place of lanes.

    The numbers of a step are read at `scalar`, those of the next row `row_stride` further;
    `regular` is the distance of successive reads where it is always the same, otherwise None.
    With `gathered` the numbers of a group are copied first: for every block of rows, tap and step
    those of all rows side by side. With `low` tiles have half as many rows, and are wider.
    """

    slices: tuple[Span, ...]
    loops: tuple[Span, ...]
    row: Span
    lanes: tuple[Lane, ...]
    parts: tuple[Part, ...]
    taps: tuple[Span, ...]
    steps: tuple[Span, ...]
    clips: tuple[Clip, ...]
    chunk: int
    band: int
    group: int
    grain: int
    vector: Read
    scalar: Read
    row_stride: int
    regular: int | None
    packing: Packing | None
    guarded: bool
    taken: float
    target: Int
    target_row: int
    contraction: Contraction
    dots: Dots | None
    panel: int
    gathered: bool = False
    by_lanes: bool = False
    low: bool = False
    strip: int = 0

    @property
    def element(self) -> Element:
        return self.contraction.element

    @property
    def tall(self) -> int:
        """The rows of a tile, at most."""
        return TALL // 2 if self.low else TALL

    @property
    def wide(self) -> int:
        """The lanes of the widest tile, if its vectors are as wide as a cache line."""
        return (2 * WIDE if self.low else WIDE) * self.element.line

    @property
    def bands(self) -> int:
        return -(-self.lanes[0].extent // self.band)

    @property
    def groups(self) -> int:
        return -(-self.row.extent // self.group)

    @property
    def part_count(self) -> int:
        """In how many parts the reduction comes."""
        return math.prod(part.count for part in self.parts)

    @property
    def is_divided(self) -> bool:
        """Whether sums wait between the parts of the reduction."""
        return self.part_count > 1

    @property
    def width(self) -> int:
        """The lanes of a band, from the first one to the last."""
        return 1 + sum(((lane.extent if number else self.band) - 1) * lane.pitch
                       for number, lane in enumerate(self.lanes))

    @property
    def kept(self) -> bool:
        """Whether gathered numbers serve later tasks, too: where a group is one task, and slices
        or bands share its numbers."""
        return (self.gathered and self.grain == self.group
                and self.bands * math.prod(s.extent for s in self.slices) > 1
                and self.scalar.base.names() <= {
                    self.row.name, *(part.number for part in self.parts),
                    *(tap.name for tap in self.taps)})

    @property
    def common(self) -> tuple[object, ...] | None:
        """What plans agree in that read one copy in common; None for those with copies of their
        own."""
        if self.packing is None or not self.packing.common:
            return None
        return self.packing, self.slices, self.parts, self.band, self.strip, self.shares

    @property
    def shares(self) -> int:
        """Into how many tasks the rows are split, or a band."""
        return -(-self.band // self.strip) if self.strip else -(-self.row.extent // self.grain)

    @property
    def splits_rows(self) -> bool:
        """Whether a task has some of the rows."""
        return not self.strip and self.shares > 1

    @property
    def inner(self) -> int:
        """The steps of one value of the first variable of a run."""
        return math.prod(span.extent for span in self.steps[1:])

    @property
    def run(self) -> int:
        """The numbers of a row in a part."""
        return math.prod(span.extent for span in (*self.taps, *self.steps))

    @property
    def is_flat(self) -> bool:
        """Whether the lanes are as dense in the target as they are in the vector operand."""
        return all(one.pitch == two.pitch * two.extent and one.target == two.target * two.extent
                   for one, two in zip(self.lanes, self.lanes[1:], strict=False))

    @property
    def is_plain(self) -> bool:
        """Whether whole vectors of sums are what the target gets, side by side, so that they may be
        added up there."""
        return (self.dots is None and not self.taps and not self.clips and self.is_flat
                and self.lanes[-1].target == 1 and self.contraction.factor == 1)

    @property
    def is_inward(self) -> bool:
        """Whether the loops run within a tile: then what it writes, between what it writes for
        other values of the loops, stays in L1."""
        apart = self.lanes[-1].target
        return (bool(self.loops)
                and math.prod(span.extent for span in self.loops) <= _INWARD
                and all(abs(self.target.factor(span.name)) < apart for span in self.loops))

    @property
    def is_spread(self) -> bool:
        """Whether the values of the loops lie side by side in the target, and those of the lane
        right behind: then a tile is turned on its way there."""
        reach = 1
        for span in reversed(self.loops):
            if self.target.factor(span.name) != reach:
                return False
            reach *= span.extent
        return (self.is_inward and len(self.lanes) == 1 and self.lanes[0].target == reach
                and self.dots is None)

    def clip(self, name: str) -> Clip | None:
        return next((clip for clip in self.clips if clip.name == name), None)


def tiles_text(plan: Tiles) -> str:
    """The plan in one line: rows by lanes, what is packed, and the reduction."""
    lanes = ", ".join(lane.name for lane in plan.lanes)
    packed = f"{plan.vector.tensor} packed" if plan.packing else f"{plan.vector.tensor} in place"
    packed += " for all classes" if plan.packing and plan.packing.common else ""
    steps = ", ".join(span.name for span in (*plan.taps, *plan.steps))
    clipped = f", {', '.join(clip.name for clip in plan.clips)} clipped" if plan.clips else ""
    if plan.dots is not None:
        packed += " along the sum"
        packed += "" if plan.dots.packing else f", {plan.scalar.tensor} in place"
    packed += f", {plan.scalar.tensor} gathered" if plan.gathered else ""
    packed += ", by panels" if plan.by_lanes else ""
    packed += ", low tiles" if plan.low else ""
    packed += f", {plan.strip} of the band a task" if plan.strip else ""
    divided = f" in {plan.part_count} parts" if plan.is_divided else ""
    rows = f"rows {plan.row.name} ({plan.group} of {plan.row.extent})"
    return (f"{rows}, lanes {lanes} ({plan.band} of {plan.lanes[0].extent}), {packed}, "
            f"sum over {steps or 'one point'} ({plan.chunk * plan.inner} at a time)"
            f"{divided}{clipped}")
