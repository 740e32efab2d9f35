"""The Winograd plan: a contraction whose window slides, with fewer products, as data.

    target[l, ..] = sum over m, c of  X[l + m, c, ..] * K[m, c, ..]

One axis of X has an outer plus an inner variable, and the inner one stands alone on an axis of K:
a correlation, of which F(o, r) makes o results with r taps from n = o + r - 1 products (`toom`).
Along every such axis either l is cut into blocks of o (a forward pass, or dx), or m is cut into
blocks of r whose sums are added up (dw): the tiles. Then

    V[p, tile, c] = B^T X B      U[p, c, o] = G K G^T       for the n^d points p
    M[p, tile, o] = sum over c of V * U                     a product of matrices for each p
    target        = A^T M A

where the sum is over tiles instead if m is cut. The product runs on the tiles of sums in
registers that `tiles` uses: one operand gives vectors (`lanes`), the other one numbers (rows).
An axis with other factors, or with many taps, is woven of such windows (`sliding`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from symconv.contraction import Contraction, Span
from symconv.element import FLOAT32
from symconv.integers import Int
from symconv.sliding import Weave
from symconv.winograd_operands import Side

LINE = FLOAT32.line
"""Elements: transformed operands lie in lines and pages of float32, whatever they consist of."""


@dataclass(frozen=True, slots=True)
class Winograd:
    """The plan of one contraction: per axis its scheme (outputs, taps), the weave of the tiles,
    and how many there are in each strand: `tiles`, which together are a block where strands are
    many.

    `vector` has the lanes. With `summed`, rows are the values of the other operand's `across`
    and the sum is over tiles; otherwise rows are tiles and the sum is over that variable. `rest`
    are further variables of the sum, `slices` outer ones. A task has `group` lanes, and `grain`
    tiles of the first axis or, with `summed`, `grain` rows, of which a `band` may be done at once;
    or all tiles of a band and a `strip` of the lanes, all of which may be done at once. With
    `summed`, `part` tiles of the first axis are taken at a time, otherwise `slab` terms of
    the sum: where there is no `rest` and these are few, the vectors are used while they are in
    L1. `outputs` are the outer variables of the axes. `target` is the place of the first element;
    from lane to lane there are `lane` elements, from row to row with `summed` there are `row`.
    """

    schemes: tuple[tuple[int, int], ...]
    weaves: tuple[Weave, ...]
    tiles: tuple[int, ...]
    summed: bool
    vector: Side
    scalar: Side
    rest: tuple[Span, ...]
    slices: tuple[Span, ...]
    group: int
    band: int
    grain: int
    part: int
    slab: int
    outputs: tuple[Span, ...]
    target: Int
    lane: int
    row: int
    contraction: Contraction
    strip: int = 0

    @property
    def strips(self) -> int:
        """Into how many tasks the lanes of a band are split."""
        return -(-self.group // self.strip) if self.strip else 1

    @property
    def joint(self) -> int:
        """How many tasks may be done at once."""
        return self.strips if self.strip else -(-self.band // self.grain)

    @property
    def points(self) -> int:
        return math.prod(o + r - 1 for o, r in self.schemes)

    @property
    def strands(self) -> int:
        """The tiles of a block."""
        return math.prod(weave.strands for weave in self.weaves)

    @property
    def phases(self) -> int:
        return math.prod(weave.phases for weave in self.weaves)

    def steps(self) -> tuple[int, ...]:
        """How many values of the variable that is cut a block has, along each axis."""
        return tuple(weave.strands * scheme[self.summed]
                     for weave, scheme in zip(self.weaves, self.schemes, strict=True))

    def all_tiles(self, blocks: int) -> int:
        """The tiles of so many blocks of the first axis."""
        return blocks * math.prod(self.tiles[1:]) * self.strands

    @property
    def groups(self) -> int:
        return -(-self.vector.across.extent // self.group)

    @property
    def whole(self) -> int:
        """The tiles of the first axis, or the rows."""
        return self.scalar.across.extent if self.summed else self.tiles[0]

    @property
    def bands(self) -> int:
        return -(-self.whole // self.band)

    @property
    def shares(self) -> int:
        """Into how many tasks the tiles of the first axis are split, or the rows."""
        return -(-self.whole // self.grain)

    @property
    def parts(self) -> int:
        return -(-self.tiles[0] // self.part)

    @property
    def rows(self) -> int:
        """The rows of the product in one task."""
        return self.band * self.phases if self.summed else self.all_tiles(self.band)

    @property
    def is_by_phases(self) -> bool:
        """Whether the product takes the rows of each phase for themselves: those of a task are
        neighbours there, but not in a band of several tasks."""
        return self.summed and self.phases > 1 and self.grain < self.band

    @property
    def depth(self) -> int:
        """The terms of the product's sums. Those of `rest` lie one after the other, unless they
        are products of their own, as those of tiles are."""
        return (self.all_tiles(self.part) if self.summed
                else self.turns * self.phases * self.scalar.across.extent)

    @property
    def turns(self) -> int:
        """The points of `rest`."""
        return math.prod(span.extent for span in self.rest)

    @property
    def is_slabbed(self) -> bool:
        """Whether the vectors enter in several slabs."""
        return not self.summed and self.slab < self.depth

    @property
    def slabs(self) -> int:
        return -(-self.depth // self.slab)

    def block(self, side: Side) -> int:
        """How many elements of a row lie side by side: all of them, or where slabs are taken
        those for some slabs, so that a slab meets whole cache lines that follow each other."""
        return max(self.slab, LINE) if self.is_slabbed and side is self.scalar else self.pitch(side)

    def size(self, side: Side) -> int:
        """The elements of a transformed operand: blocks of rows, for all points each."""
        blocks = (-(-self.depth // self.block(side))
                  if self.is_slabbed and side is self.scalar else 1)
        return blocks * self.points * self.plane(side)

    def pitch(self, side: Side) -> int:
        """The distance of two rows of a transformed operand, or of a block of it."""
        if self.is_slabbed and side is self.scalar:
            return self.block(side)
        before = 0
        whole = self.group if side is self.vector else self.band
        if side is self.scalar:
            # the last vector of each turn or phase ends in the next one, which overwrites it
            whole = whole if self.summed else side.across.extent
            before = ((1 if self.summed else self.turns) * self.phases - 1) * whole
        return FLOAT32.spread(-(-(before + -(-whole // LINE) * LINE) // LINE) * LINE)

    def height(self, side: Side) -> int:
        """The rows of a transformed operand, for each point."""
        if side.depth is not None:
            return self.slab
        return self.all_tiles(self.part)

    def plane(self, side: Side) -> int:
        """The distance of two points of a transformed operand, or of a block of it."""
        return FLOAT32.spread(self.height(side) * self.pitch(side))

    @property
    def sums(self) -> int:
        """The distance of two points of the products."""
        return FLOAT32.spread(self.rows * (-(-self.group // LINE) * LINE))

    def staged(self, side: Side) -> int:
        """The elements of a stage: the windows of so many lanes side by side."""
        count = math.prod(axis.size(self.part if not number else tiles) for number, (axis, tiles)
                          in enumerate(zip(side.axes, self.windows(side), strict=True)))
        return count * LINE * (1 if side.depth is None else min(self.slab, side.depth.extent))

    def windows(self, side: Side) -> tuple[int, ...]:
        """How many windows there are along each axis of an operand."""
        return self.tiles if side.depth is None else (1,) * len(self.tiles)

    @property
    def left(self) -> int:
        """The elements of the outputs of a task for one vector, with room for whole tiles."""
        reach = [weave.whole(o) if self.summed else step
                 for weave, (o, _), step in zip(self.weaves, self.schemes, self.steps(),
                                                strict=True)]
        lines = reach[0] * (1 if self.summed else self.band) + 1
        rest = math.prod(span.extent for span in self.outputs[1:])
        over = sum(reach) * (1 + math.prod(span.extent for span in self.outputs[2:]))
        return (lines * rest + over) * LINE


def schemes_text(plan: Winograd) -> str:
    """The schemes of the axes, and how their tiles lie."""
    shown: list[str] = []
    for (o, r), weave in zip(plan.schemes, plan.weaves, strict=True):
        phases = f" in {weave.phases} phases" if weave.phases > 1 else ""
        strands = f" in {weave.strands} strands" if weave.strands > 1 else ""
        shown.append(f"F({o}, {r}){strands}{phases}")
    return " x ".join(shown)


def winograd_text(plan: Winograd) -> str:
    """The plan in one line."""
    shown = schemes_text(plan)
    rows = f"rows {plan.scalar.across.name}, sum over tiles" if plan.summed else (
        f"rows tiles, sum over {plan.scalar.across.name}")
    part = f", {plan.part} of {plan.tiles[0]} at a time" if plan.parts > 1 and plan.summed else ""
    return (f"{shown}: lanes {plan.vector.across.name} ({plan.group} of "
            f"{plan.vector.across.extent}), {rows}, {plan.band} in a band of {plan.bands}{part}")
