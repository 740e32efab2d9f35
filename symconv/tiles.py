"""The tile plan: a contraction as small blocks of sums that stay in vector registers, as data.

    for every slice:                      variables that no two packs share
      for every band of the first lane:   pack the vector operand (or read it where it lies)
        for every loop variable:
          for every block of rows:        rows: a variable of the other operand alone
            for every block of lanes:     lanes: variables of the vector operand alone
              for every chunk of the reduction:
                sums[row][lane] += scalar operand[row] * vector operand[lane]

A step of the reduction reads one vector per register of lanes and one number per row. Where the
operands of a step stand is tabulated once (`steps`): any relation whose subscripts are affine,
or affine up to the phases of `packing`, costs the same. The sums of a chunk are added up before
they join the others, which keeps rounding errors near those of a pairwise sum.

Every element of the target has one slice, band and block of rows: tasks are independent, and the
order of its additions does not depend on how they are split.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from symconv.contraction import Contraction, Span
from symconv.integers import Int
from symconv.packing import Packing


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
    """Where an operand's elements stand: at `base` (in slices, band, loops and rows) plus `step`
    (in the variables of the reduction, each counted from 0), `chunk` further for each chunk."""

    tensor: str
    base: Int
    step: Int
    chunk: int


@dataclass(frozen=True, slots=True)
class Tiles:
    """The plan of one contraction.

    `steps` are the variables of the reduction, each from 0, slowest first; of the first one,
    `chunk` values at a time. `regular`: the distance of successive reads of the scalar operand
    where it is always the same, otherwise None. `band` and `group` tell how many values of the
    first lane and of the row one task has. `target` is the position of the first row and lane.
    """

    slices: tuple[Span, ...]
    loops: tuple[Span, ...]
    row: Span
    lanes: tuple[Lane, ...]
    steps: tuple[Span, ...]
    chunk: int
    band: int
    group: int
    vector: Read
    scalar: Read
    row_stride: int
    regular: int | None
    packing: Packing | None
    guarded: bool
    target: Int
    target_row: int
    contraction: Contraction

    @property
    def bands(self) -> int:
        return -(-self.lanes[0].extent // self.band)

    @property
    def groups(self) -> int:
        return -(-self.row.extent // self.group)

    @property
    def taps(self) -> int:
        """The steps of one value of the first variable of the reduction."""
        return math.prod(span.extent for span in self.steps[1:])


def tiles_text(plan: Tiles) -> str:
    """The plan in one line: rows by lanes, what is packed, and the reduction."""
    lanes = ", ".join(lane.name for lane in plan.lanes)
    packed = f"{plan.vector.tensor} packed" if plan.packing else f"{plan.vector.tensor} in place"
    steps = ", ".join(span.name for span in plan.steps)
    return (f"rows {plan.row.name} ({plan.group} of {plan.row.extent}), lanes {lanes} "
            f"({plan.band} of {plan.lanes[0].extent}), {packed}, sum over {steps or 'one point'} "
            f"({plan.chunk * plan.taps} at a time)")
