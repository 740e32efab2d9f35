"""Small maps abreast: a stencil plan whose lanes are ALIGNED values of an index in front.

    for every ALIGNED maps:
      turn them into sheets, in which all maps have the same element side by side
      for every row, for a few columns at once:
        for every map:   fold the taps of the window, unrolled
      turn the results back

Rows of a small map fill no vector, and their ends are most of the work: maps side by side fill it
whatever their size. The last maps of all are computed together with some that others compute,
too, and only they are written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from symconv.integers import Int
from symconv.ir import Access, Tensor
from symconv.stencil import ALIGNED, Abreast, Sheet, Stencil

_LEAST_TAPS = 1.5       # for each element that is turned: what turning costs
_MOST_LANES = 16        # longer rows fill vectors of their own
_MOST_ROOM = 24576      # elements of all sheets: no more than that on a stack
_MOST_COLUMNS = 8       # columns at once: enough sums to hide how long an addition takes
_MOST_LINES = 600       # taps of all columns at once: the size of the emitted function
_MOST_TURNED = 256      # elements of a map that are turned at once


def abreast(plan: Stencil, tasks: Sequence[tuple[str, Int]], tensors: Mapping[str, Tensor],
            group: str, kept: str | None = None) -> Stencil | None:
    """The plan for maps abreast; None where it does not suit them. `tasks` are the indices of the
    tasks, `group` is a name for the number of some maps, `kept` the places that a plan before
    this one has kept: no other integers are read."""
    if plan.lanes > _MOST_LANES or (plan.places and plan.value) or any(
            size % step for size, step in zip(
                plan.extent, (plan.row_step, plan.lane_step), strict=True)):
        return None
    if any(plan.sheets[number].tensor != kept for number in plan.marked) or any(
            sheet.pad == "unequal" for sheet in plan.sheets):
        return None
    found = next((Abreast(name, group, extent.constant) for name, extent in reversed(tasks)
                  if extent.constant is not None and extent.constant >= ALIGNED
                  and _has_maps(plan, name)), None)
    if found is None or not all(_is_inside(sheet, tensors) for sheet in plan.sheets):
        return None
    taps = sum(len(taps) for row in plan.cells for taps in row)
    positions = plan.rows * plan.lanes
    turned = positions * plan.row_step * plan.lane_step * (not plan.targets) + sum(
        math.prod(extent.constant or 1 for extent in tensors[sheet.tensor].logical[-2:])
        for number, sheet in enumerate(plan.sheets) if number not in plan.marked)
    if taps * positions < _LEAST_TAPS * turned:
        return None
    columns = next((n for n in range(_MOST_COLUMNS, 1, -1)
                    if plan.lanes % n == 0 and n * taps <= _MOST_LINES), 1)
    band = at_once(plan.rows, plan.extent[1] * plan.row_step)
    made = replace(plan, abreast=found, block=1, strips=columns, band=band,
                   sheets=tuple(replace(sheet, direct=False) for sheet in plan.sheets))
    room = sum(sheet.height(plan.rows) * sheet.width(plan.lanes) for sheet in made.sheets)
    return made if room * ALIGNED <= _MOST_ROOM else None


def abreast_both(first: Stencil, last: Stencil, tasks: Sequence[tuple[str, Int]],
                 tensors: Mapping[str, Tensor], group: str) -> tuple[Stencil, Stencil] | None:
    """The plans of places and of what alone reads them, for the same maps; None where either does
    not suit them."""
    if first.places is None or first.value is not None or first.base:
        return None
    kept = abreast(first, tasks, tensors, group)
    reads = abreast(last, tasks, tensors, group, first.places)
    if kept is None or reads is None or kept.abreast != reads.abreast or not reads.marked or (
            kept.loops or reads.loops):
        return None
    return kept, reads


def _has_maps(plan: Stencil, name: str) -> bool:
    """Whether every operand and the target have one map for each value of an index, at the same
    distance from each other."""
    places = [*(sheet.places for sheet in plan.sheets), *(plan.targets or [plan.leads])]
    return all(_is_single(subscripts, name) for subscripts in places) and all(
        all(place.is_affine([name]) for place in scalar.subscripts) for scalar in plan.scalars)


def _is_single(subscripts: Sequence[Int], name: str) -> bool:
    found = [place for place in subscripts if name in place.names()]
    return len(found) == 1 and found[0].is_affine([name]) and (
        found[0].coefficient(name).constant or 0) > 0


def _is_inside(sheet: Sheet, tensors: Mapping[str, Tensor]) -> bool:
    """Whether only rows and columns of a sheet are ever outside, rows lie behind each other, and
    a map has as many elements as are turned at once."""
    extents = [extent.constant or 0 for extent in tensors[sheet.tensor].logical]
    if sheet.axis not in (None, len(extents) - 2):
        return False
    count = extents[-1] * (1 if sheet.axis is None else extents[-2])
    return count >= ALIGNED and all(
        axis == sheet.axis or (low >= valid[0] and high < valid[1])
        for axis, ((low, high), valid) in enumerate(zip(
            sheet.ends[:-1], sheet.valid[:-1], strict=True)))


def runs(scalars: Sequence[Access],
         extents: Mapping[str, Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """Elements in groups that lie one behind the other for a map: first and count."""
    found: list[tuple[int, int]] = []
    flats = [_flat(scalar, extents[scalar.tensor]) for scalar in scalars]
    for number, scalar in enumerate(scalars):
        if number and scalar.tensor == scalars[number - 1].tensor and (
                flats[number] - flats[number - 1]).constant == 1:
            first, count = found.pop()
            found.append((first, count + 1))
        else:
            found.append((number, 1))
    return tuple(found)


def _flat(access: Access, extents: Sequence[int]) -> Int:
    """The flat position of an element."""
    place = Int.of(0)
    for extent, subscript in zip(extents, access.subscripts, strict=True):
        place = place * extent + subscript
    return place


def at_once(rows: int, wide: int) -> int:
    """How many rows are turned at once: the fewest squares of ALIGNED elements of as many maps."""
    def cost(run: int) -> tuple[int, int]:
        whole, rest = divmod(rows, run)
        return whole * _squares(run * wide) + _squares(rest * wide), run

    return min((run for run in range(1, rows + 1) if run == 1 or run * wide <= _MOST_TURNED),
               key=cost)


def _squares(count: int) -> int:
    """What it costs to turn so many elements; a few, which are no square, go one by one."""
    return 8 * bool(count) if count < ALIGNED else -(-count // ALIGNED)
