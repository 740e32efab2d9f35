"""The stencil plan: a reduction over a small window, as loops over whole rows of numbers.

    for every band of rows:
      copy the rows of the operands that the band reads into sheets
      for every row (a few at a time):
        for every lane:   fold the taps of the window, unrolled
        write the row

A lane is a value of the last free variable. A tap is a point of the window: it reads one element
per lane, at a fixed distance from the lane's own place. A strided gradient has a cell for each
residue of its row and lane variable; the lanes of all cells of a row lie between each other in
the target, (row_step, lane_step) apart.

A sheet holds rows of an operand with columns apart by their residue modulo the step of the lane,
so that the reads of neighbouring lanes are neighbours, and with something around them that never
takes part: nothing is tested within a row. Where nothing needs it the operand is read in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from symconv.contraction import Span
from symconv.integers import Int
from symconv.ir import Access, Scalar, Ties

ALIGNED = 16        # elements that fill the widest vector of floats

Pad: TypeAlias = Literal["zero", "one", "low", "high", "never", "unequal"]
"""What stands outside an operand: 0, a divisor 1, -inf, inf, a place that is nowhere (-1), or
NaN, which equals nothing."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of an operand.

    `places` are the subscripts in variables that are set outside; along `axis` (None: one row)
    comes row_step * row + offset, along the last axis step * lane + offset, with offsets from
    `rows[0]` to `rows[1]` and from `columns[0]` to `columns[1]`. Only subscripts within `valid`
    (low, stop) are read; `ends` are the bounds of `places`. `direct`: read where it lies.
    """

    tensor: str
    places: tuple[Int, ...]
    axis: int | None
    row_step: int
    step: int
    valid: tuple[tuple[int, int], ...]
    pad: Pad
    rows: tuple[int, int] = (0, 0)
    columns: tuple[int, int] = (0, 0)
    ends: tuple[tuple[int, int], ...] = ()
    direct: bool = False

    def height(self, band: int) -> int:
        """How many rows a band of rows reads."""
        return self.row_step * (band - 1) + self.rows[1] - self.rows[0] + 1

    def width(self, lanes: int) -> int:
        """How many columns a row of lanes reads."""
        return self.step * (lanes - 1) + self.columns[1] - self.columns[0] + 1

    def origin(self) -> int:
        """Where column 0 stands in a row: aligned, behind the room for columns in front of it."""
        first = self.columns[0] // self.step
        return -first if first >= 0 else -(first // ALIGNED) * ALIGNED

    def pitch(self, lanes: int) -> int:
        """The distance of residues: no multiple of 4 KiB, which would share one cache set."""
        wide = self.origin() + lanes + self.columns[1] // self.step
        found = -(-wide // ALIGNED) * ALIGNED
        return found if found % 512 else found + ALIGNED


@dataclass(frozen=True, slots=True)
class Read:
    """An element of a sheet: by number, with the offsets of its row and column."""

    sheet: int
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Tap:
    """One point of a window. `reads` gives the sheets for accesses of the body that move with the
    lane; the point counts only where each integer of `marks` has its value. `place` is what an
    arg max keeps, without the part that all taps share."""

    body: Scalar
    reads: tuple[tuple[Access, Read], ...]
    marks: tuple[tuple[Read, int], ...] = ()
    place: int = 0


@dataclass(frozen=True, slots=True)
class Abreast:
    """ALIGNED values of an index are the lanes, instead of those of the last variable; `group`
    counts them."""

    index: str
    group: str
    extent: int

    @property
    def groups(self) -> int:
        return -(-self.extent // ALIGNED)


@dataclass(frozen=True, slots=True)
class Stencil:
    """The plan of one definition, or of a maximum and its place at once.

    `cells[r][l]` are the taps of the rows row_step * row + r and of the lanes lane_step * lane + l.
    Targets: `value`, `places` (either may be missing), subscripts `leads` in front of the lane,
    with the row at `axis`. `loops` are the variables in front that no task sets. `base` is the
    shared part of the place, in `row` and `lane`. `scalars` are reads that no lane changes;
    those in `watched` must be finite, since zeros outside are multiplied by them. With `missing`,
    a lane whose extremum is what stands outside is not to be trusted, nor a sum that is not finite.
    A NaN in a sheet of an extremum, or of pad "unequal", is left to the element loops.

    With `targets` every tap of the one row of cells is an element of its own, summed over all rows,
    lanes and `turns`, in ALIGNED partial sums; `strips` times so many lanes are taken at once.

    With `abreast` a vector has an element of that many maps, and `strips` columns are taken at
    once (`stencil_abreast`); a band is what is turned back at once.

    With `ahead` arrays come from far: lines of memory behind those that a row reads and writes are
    fetched meanwhile.
    """

    value: str | None
    places: str | None
    fold: Literal["sum", "max", "min"]
    ties: Ties
    leads: tuple[Int, ...]
    axis: int | None
    loops: tuple[Span, ...]
    extent: tuple[int, int]
    row_step: int
    lane_step: int
    cells: tuple[tuple[tuple[Tap, ...], ...], ...]
    sheets: tuple[Sheet, ...]
    base: Int
    row: str
    lane: str
    scalars: tuple[Access, ...]
    watched: tuple[Access, ...]
    missing: bool
    band: int
    block: int
    targets: tuple[tuple[Int, ...], ...] = ()
    turns: tuple[Span, ...] = ()
    strips: int = 1
    abreast: Abreast | None = None
    ahead: bool = False

    @property
    def marked(self) -> frozenset[int]:
        """The sheets of marks."""
        return frozenset(read.sheet for row in self.cells for taps in row for tap in taps
                         for read, _ in tap.marks)

    @property
    def noticed(self) -> tuple[int, ...]:
        """The sheets in which a NaN is looked for."""
        extremal = () if self.fold == "sum" else ("low", "high")
        return tuple(number for number, sheet in enumerate(self.sheets)
                     if sheet.pad in ("unequal", *extremal))

    @property
    def doubts(self) -> bool:
        """Whether lanes may turn out to need the element loops."""
        return not self.targets and (self.missing or bool(self.noticed))

    @property
    def rows(self) -> int:
        """Rows of a cell, the longest."""
        return -(-self.extent[0] // self.row_step)

    @property
    def lanes(self) -> int:
        """Lanes of a cell, the longest."""
        return -(-self.extent[1] // self.lane_step)

    @property
    def columns(self) -> int:
        """The most columns of a residue that a row of a sheet has."""
        return max(sheet.step * (self.lanes - 1) + sheet.columns[1] + 1 if sheet.direct
                   else self.lanes + max(0, sheet.columns[1] // sheet.step)
                   for sheet in self.sheets)


def stencil_text(plan: Stencil) -> str:
    """The plan in one line: taps, sheets and bands."""
    taps = sum(len(taps) for row in plan.cells for taps in row)
    if plan.abreast is not None:
        return (f"{plan.fold} of {taps} taps, {plan.row_step} x {plan.lane_step} cells, "
                f"{ALIGNED} maps abreast, {plan.strips} columns at once")
    copied = ", ".join(f"{sheet.tensor} {'in place' if sheet.direct else 'in a sheet'}"
                       for sheet in plan.sheets)
    return (f"{plan.fold} of {taps} taps, {plan.row_step} x {plan.lane_step} cells, {copied}, "
            f"{plan.band} rows at a time")
