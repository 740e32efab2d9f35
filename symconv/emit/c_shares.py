"""What a task has of a tile plan in C: some rows or lanes, and what they read of a copy."""

from __future__ import annotations

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import TileNames
from symconv.emit.c_packing import Ends
from symconv.integers import Int, smallest
from symconv.loops import Tiled
from symconv.packing import Packing
from symconv.places import names_in
from symconv.tiles import Tiles


def share_lines(node: Tiled, plan: Tiles, spelling: Spelling, own: TileNames) -> list[str]:
    """Which rows, or lanes of the band, a task has; nothing where it has all of them."""
    if plan.shares == 1:
        return []
    size, low, stop = plan.grain, plan.row.low, str(plan.row.stop)
    if plan.strip:
        size, low = plan.strip, 0
        stop = own.many if plan.bands > 1 else str(plan.lanes[0].extent)
    begin = spelling.integer(Int.of(node.names[1]) * size + low)
    begin = f"{spelling.prefix}_min({begin}, {stop})" if plan.strip else begin
    many = str(size) if node.joined is None else f"{node.joined.name} * {size}"
    return [f"const ptrdiff_t {own.begin} = {begin};",
            f"const ptrdiff_t {own.end} = {spelling.prefix}_min({own.begin} + {many}, {stop});"]


def needed(plan: Tiles, packing: Packing, own: TileNames) -> dict[int, Ends]:
    """The places of a copy that a task needs, which has some rows or some lanes, along the axes
    where these lie."""
    begin, end = Int.of(own.begin), Int.of(own.end)
    if plan.shares == 1 or plan.groups > 1:
        return {}
    if plan.dots is None:
        if not plan.strip:
            return {}
        axis = packing.lanes[0]
        over = 1 + packing.line // plan.lanes[0].pitch if len(plan.lanes) > 1 else 0
        return {axis.axis: (begin, smallest(axis.count, end + axis.count - plan.band + over))}
    span = plan.lanes[0] if plan.strip else plan.row
    copied = plan.packing if plan.strip else plan.dots.packing
    low, stop = (0, span.extent) if plan.strip else (span.low, span.low + span.extent)
    # what a vector reads behind the values of a run, another row, must be a number
    if packing is not copied or not packing.ends_in_zeros(plan.dots.width):
        return {}
    (used,) = (operand for operand in plan.contraction.operands
               if span.name in names_in(operand.subscripts))
    factors = {axis.axis: used.subscripts[axis.axis].coefficient(span.name).constant or 0
               for axis in packing.plain}
    return {axis.axis: ((begin - low) * factors[axis.axis],
                        (end - stop) * factors[axis.axis] + axis.count)
            for axis in packing.plain if factors[axis.axis] > 0}
