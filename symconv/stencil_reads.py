"""One read of a tap (`stencil_sheets`): how row and lane move it, and what is valid of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.contraction import narrowing
from symconv.integers import Int
from symconv.ir import Tensor
from symconv.stencil import Pad, Sheet


@dataclass(slots=True)
class Reading:
    """A read on its way to a sheet, where it is `row` rows and `column` columns from the first row
    and lane: guards may narrow what of its operand is valid."""

    sheet: Sheet
    subscripts: tuple[Int, ...]
    row: int
    column: int

    def keeps(self, guard: Int) -> bool:
        """Whether guard >= 0 says no more than that the read is in range."""
        trial = replace(self)
        return trial.narrow(guard) and trial.sheet == self.sheet

    def narrow(self, guard: Int) -> bool:
        """Let the range that guard >= 0 gives to a subscript hold for its axis; False where it is
        no range of a subscript."""
        found = narrowing(guard, self.subscripts, self.sheet.valid)
        if found is None:
            return False
        axis, ends = found
        valid = (*self.sheet.valid[:axis], ends, *self.sheet.valid[axis + 1:])
        self.sheet = replace(self.sheet, valid=valid)
        return True


def placed(tensor: Tensor, subscripts: Sequence[Int], pad: Pad,
           moving: tuple[str, str]) -> Reading | None:
    """A read that the row and the lane (`moving`) move, one along an axis and the other one along
    the last; None where they move it in another way."""
    row, lane = moving
    extents = [extent.constant for extent in tensor.logical]
    if None in extents or not subscripts:
        return None
    axes = [axis for axis, sub in enumerate(subscripts) if row in sub.names()]
    if len(axes) > 1 or lane not in subscripts[-1].names() or any(
            lane in sub.names() for sub in subscripts[:-1]):
        return None
    steps = [subscripts[axis].coefficient(row).constant or 0 for axis in axes]
    step = subscripts[-1].coefficient(lane).constant or 0
    if step < 1 or (steps and steps[0] < 1) or (axes and axes[0] == len(subscripts) - 1):
        return None
    rests = [sub.without(moving) for sub in subscripts]
    column = rests[-1].constant
    offset = rests[axes[0]].constant if axes else 0
    if column is None or offset is None:
        return None
    places = tuple(Int.of(0) if axis in (*axes, len(rests) - 1) else rest
                   for axis, rest in enumerate(rests))
    return Reading(Sheet(tensor.name, places, axes[0] if axes else None, steps[0] if steps else 0,
                        step, tuple((0, extent or 0) for extent in extents), pad),
                  tuple(subscripts), offset, column)
