"""Chained plans: the places of a maximum and the only definition that reads them, band by band.

    for every band of rows of the second plan:
      keep the places that the band before has needed, too
      compute the places that are new           (the first plan, a few rows at once)
      compute the rows of the band              (the second plan)

Places are read while they are in the first cache, and they are never written to memory. Where
arrays come from far, bands are short: reading an operand, arithmetic and writing a result take
turns so often that memory is busy all the time.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

from symconv.ir import Tensor
from symconv.stencil import Sheet, Stencil
from symconv.stencil_bands import is_far

_ROOM = 3000            # elements of all sheets of a band
_FAR_ROOM = 400         # and no more than so many for each tap of an element, in large arrays


def chained(first: Stencil, last: Stencil,
            tensors: Mapping[str, Tensor]) -> tuple[Stencil, Stencil] | None:
    """Both plans in bands of as many rows as there is room for, where the second one finds the
    places in a sheet. None where the first one does more than find places, or the second one reads
    others than the rows that a band makes."""
    if first.places is None or first.value is not None or first.base or len(last.marked) != 1 or (
            first.loops or last.loops or first.axis is None or last.axis is None
            or last.targets or last.scalars or last.doubts):
        return None
    (number,) = last.marked
    sheet = last.sheets[number]
    if sheet.tensor != first.places or not _is_whole(sheet, first, tensors):
        return None
    own = replace(last, sheets=tuple(
        replace(each, direct=each.direct and place != number)
        for place, each in enumerate(last.sheets)))
    taps = sum(len(taps) for row in last.cells for taps in row)
    ahead = is_far(first, tensors) or is_far(last, tensors)
    most = _ROOM if not ahead else min(_ROOM, _FAR_ROOM * taps // (last.row_step * last.lane_step))
    blocks = [n for n in range(last.block, 0, -1) if last.rows % n == 0]
    block = next((n for n in blocks if _room(first, own, n) <= most), 1)
    bands = itertools.takewhile(lambda n: n == block or _room(first, own, n) <= most,
                                range(block, last.rows + 1, block))
    *_, band = bands
    if (last.rows - 1) // band * band + sheet.rows[0] > first.rows:
        return None
    return (replace(first, block=1, band=band, ahead=ahead),
            replace(own, block=block, band=band, ahead=ahead))


def _is_whole(sheet: Sheet, first: Stencil, tensors: Mapping[str, Tensor]) -> bool:
    """Whether a sheet of places holds the rows that the first plan makes in turn, from the top."""
    whole = tuple((0, extent.constant or 0) for extent in tensors[sheet.tensor].logical)
    leads = tuple(place for axis, place in enumerate(sheet.places[:-1]) if axis != sheet.axis)
    return (sheet.axis == first.axis == len(sheet.places) - 2 and leads == first.leads
            and sheet.valid == whole and sheet.step == sheet.row_step == 1 and sheet.rows[0] <= 0
            and sheet.rows[1] >= 0)


def _room(first: Stencil, last: Stencil, band: int) -> int:
    """The elements of all sheets of a band that are copied, of both plans."""
    return sum(sheet.height(band) * sheet.step * sheet.pitch(plan.lanes)
               for plan in (first, last) for sheet in plan.sheets if not sheet.direct)
