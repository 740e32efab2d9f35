"""The bands of a stencil (`stencil`): how many rows are copied at a time, and how many share reads.

The sheets of a band stay in the first cache from the time they are copied until the last of its
rows is done. The rows of a block are unrolled together: a read that several of them have in common
is one load.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from symconv.ir import Tensor
from symconv.stencil import Stencil

_MOST_LINES = 1200      # taps of all cells and rows of a block: the size of the emitted function
_ROOM = 6144            # elements of all sheets of a band: they should stay in the first cache
_FAR_ROOM = 1500        # the same where arrays come from far: copying and arithmetic take turns so
                        # often that memory is never idle
_NEAR = 1 << 18         # elements of arrays that stay in the second cache
_MOST_ROOM = 24576      # more than that is no schedule for a stack
_BLOCK = 4              # rows that share their reads
_BLOCKS = (7, 6, 5, 4, 3)      # the same for large windows, whose reads do not fit into registers
_FEW_TAPS = 8           # so few of them leave a compiler room for several rows at once


def is_far(plan: Stencil, tensors: Mapping[str, Tensor]) -> bool:
    """Whether the arrays of a plan are too large for the second cache."""
    names = {plan.value, plan.places, *(sheet.tensor for sheet in plan.sheets)}
    return sum(math.prod(extent.constant or 1 for extent in tensors[name].logical)
               for name in names if name is not None) > _NEAR


def banded(plan: Stencil, taps: int, far: bool) -> Stencil | None:
    """The plan with its rows in bands that stay in the cache, which are short where its arrays come
    from `far`; None where a row alone does not. `taps` are those of all cells."""
    plan = replace(plan, ahead=far)
    direct = bool(plan.sheets) and all(sheet.direct for sheet in plan.sheets)
    block = _block(plan, taps, direct)
    if direct:
        return replace(plan, band=plan.rows, block=block)
    if plan.rows % block:           # rows that are not there would be read
        plan = replace(plan, sheets=tuple(replace(s, direct=False) for s in plan.sheets))
    bands = 1
    while True:
        band = -(-plan.rows // (bands * block)) * block
        room = sum(sheet.height(band) * sheet.step * sheet.pitch(plan.lanes)
                   for sheet in plan.sheets if not sheet.direct)
        if room <= (_FAR_ROOM if far else _ROOM) or band <= block:
            return replace(plan, band=band, block=block) if room <= _MOST_ROOM else None
        bands += 1


def _block(plan: Stencil, taps: int, direct: bool) -> int:
    """How many rows are unrolled together; where all are read in place (`direct`) a divisor of
    their number."""
    shared = plan.fold == "sum" and any(
        sheet.rows[1] - sheet.rows[0] >= sheet.row_step for sheet in plan.sheets)
    block = min(_BLOCK, plan.rows) if shared or (direct and taps <= _FEW_TAPS) else 1
    if shared:                      # no row too many, where that is possible
        wishes = (_BLOCK, *_BLOCKS) if taps <= 2 * _FEW_TAPS else _BLOCKS
        block = next((rows for rows in wishes if plan.rows % rows == 0), block)
    if plan.targets:                # fewer sums are read and written, and no row too many
        most = min(2 * _BLOCK, plan.rows)
        block = next((rows for rows in range(most, most // 2, -1) if plan.rows % rows == 0), most)
    while block > 1 and (block * taps > _MOST_LINES or (direct and plan.rows % block)):
        block -= 1
    return block
