"""How an operand enters a Winograd plan: from the array to a stage, from there by tiles.

The stage holds the windows of one vector of lanes, element after element, with zeros outside
the valid subscripts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import loop
from symconv.emit.c_winograd_names import WinogradNames
from symconv.integers import Int, largest, smallest
from symconv.winograd import Winograd
from symconv.winograd_operands import Side


def entering(plan: Winograd, side: Side, buffer: str, name: str, first: str, many: str,
             spelling: Spelling, own: WinogradNames) -> Iterator[str]:
    """The lines for the vector of lanes from `first` + lane on, of `many`; the function `name`
    applies the matrices."""
    prefix = spelling.prefix
    yield (f"const ptrdiff_t {own.some} = {prefix}_min({prefix}_LANES, {many} - {own.lane});")
    yield from _staging(plan, side, first, spelling, own)
    sizes = _sizes(plan, side)
    dims = range(len(sizes))
    strides = [math.prod(sizes[d + 1:]) for d in dims]
    steps = [f"{'-' if axis.reversed else ''}{axis.gap * stride} * {prefix}_LANES"
             for axis, stride in zip(side.axes, strides, strict=True)]
    begin = sum((axis.window - 1) * stride for axis, stride in zip(side.axes, strides, strict=True)
                if axis.reversed)
    moves = [] if not begin else [f"{begin} * {prefix}_LANES"]
    turn, lane = _turn(plan, side, spelling, own), own.lane
    if side.depth is not None:
        row = f"{turn}{own.row}"
        moves.append(f"{own.row} * {math.prod(sizes)} * {prefix}_LANES")
    else:
        row = tile_number(plan, own)
        lane = f"{turn}{blocked(plan, side, lane)}"
        moves += [f"{own.tile}{d} * {side.axes[d].step * strides[d]} * {prefix}_LANES"
                  for d in dims]
        moves += [f"{own.strand}{d} * {strides[d]} * {prefix}_LANES"
                  for d in dims if side.axes[d].strands > 1]
    moves += [f"{own.phase}{d} * {'-' if axis.reversed else ''}{axis.move * strides[d]} "
              f"* {prefix}_LANES" for d, axis in enumerate(side.axes) if d in _phases(plan, side)]
    extents = [o + r - 1 for o, r in plan.schemes]
    gaps = [str(math.prod(extents[d + 1:]) * plan.plane(side)) for d in dims]
    call = [f"{name}({' + '.join([own.stage, *moves])},",
            f"    {', '.join(steps)},",
            f"    {buffer} + ({row}) * {plan.pitch(side)} + {lane}, {', '.join(gaps)});"]
    for d in reversed(_phases(plan, side)):
        call = loop(f"{own.phase}{d}", 0, plan.weaves[d].phases, call)
    if side.depth is not None:
        yield from loop(own.row, 0, _deep(plan, side, own), call)
        return
    for d in reversed(dims):
        if side.axes[d].strands > 1:
            call = loop(f"{own.strand}{d}", 0, side.axes[d].strands, call)
    for d in reversed(dims):
        call = loop(f"{own.tile}{d}", 0, plan.tiles[d] if d else own.tall, call)
    yield from call


def tile_number(plan: Winograd, own: WinogradNames) -> str:
    """The number of a tile, of those of a band or a part: the strands of a block are neighbours."""
    number = f"{own.tile}0"
    for name, count in (*((f"{own.tile}{d}", plan.tiles[d]) for d in range(1, len(plan.tiles))),
                        *((f"{own.strand}{d}", weave.strands)
                          for d, weave in enumerate(plan.weaves) if weave.strands > 1)):
        number = f"({number}) * {count} + {name}" if " " in number else (
            f"{number} * {count} + {name}")
    return number


def phase_number(plan: Winograd, own: WinogradNames) -> Int:
    """The number of a phase, of those of all axes."""
    flat = Int.of(0)
    for d, weave in enumerate(plan.weaves):
        flat = flat * weave.phases + (Int.of(f"{own.phase}{d}") if weave.phases > 1 else 0)
    return flat


def _phases(plan: Winograd, side: Side) -> list[int]:
    """The axes along which an operand has several phases: with `summed`, they are results."""
    return [d for d, weave in enumerate(plan.weaves)
            if weave.phases > 1 and (side.is_patch or not plan.summed)]


def blocked(plan: Winograd, side: Side, place: str) -> str:
    """Where an element of a row stands, which may lie in blocks."""
    block = plan.block(side)
    if not plan.is_slabbed or side is not plan.scalar or block >= plan.depth:
        return place
    return f"{place} / {block} * {plan.points * plan.plane(side)} + {place} % {block}"


def _sizes(plan: Winograd, side: Side) -> list[int]:
    """The elements of the stage along each axis."""
    return [axis.size(tiles if number or side.depth is not None else plan.part)
            for number, (axis, tiles) in enumerate(zip(side.axes, plan.windows(side),
                                                       strict=True))]


def _staging(plan: Winograd, side: Side, first: str, spelling: Spelling,
             own: WinogradNames) -> Iterator[str]:
    prefix, sizes = spelling.prefix, _sizes(plan, side)
    at = side.base + (Int.of(first) if not first.isdigit() else Int.of(int(first))
                      ) * side.apart + Int.of(own.lane) * side.apart
    if side.depth is not None and plan.is_slabbed:
        at = at + Int.of(own.chunk) * side.deep
    if side.depth is not None and _is_run(side, sizes):
        run = math.prod(sizes)
        start = at + sum(axis.start * axis.stride for axis in side.axes)
        deep = _deep(plan, side, own)
        whole = side.deep == run
        count = str(run) if not whole else f"{deep} * {run}" if plan.is_slabbed else str(
            run * side.depth.extent)
        line = [f"{prefix}_turn({_plus(own.stage, own.row, run, prefix, whole)}, {prefix}_LANES, "
                f"{prefix}_LANES, {own.some}, {count}, 0, {count},",
                f"    {side.tensor}, {spelling.integer(start)}"
                f"{'' if whole else f' + {own.row} * {side.deep}'}, {side.apart}, "
                f"{side.room});"]
        yield from line if whole else loop(own.row, 0, deep, line)
        return
    place, last_size = "0", sizes[-1]
    tests = [f"{spelling.integer(guard.place)} {test}" for guard in side.guards
             for test in (f">= {guard.low}", f"< {guard.stop}")]
    last = len(side.axes) - 1
    for number, axis in enumerate(side.axes):
        moved = (Int.of(own.top) * axis.step if not number and side.depth is None
                 else Int.of(0)) + axis.start
        if number == last:
            low = spelling.integer(largest(0, axis.valid[0] - moved))
            stop = spelling.integer(smallest(last_size, axis.valid[1] - moved))
            at = at + moved * axis.stride
            place = f"({place}) * {last_size}"
            break
        subscript = moved + Int.of(f"{own.line}{number}")
        at = at + subscript * axis.stride
        place = f"({place}) * {sizes[number]} + {own.line}{number}"
        shown = spelling.integer(subscript)
        tests += [f"{shown} >= {axis.valid[0]}", f"{shown} < {axis.valid[1]}"]
    if side.depth is not None:
        at = at + Int.of(own.row) * side.deep
        place = f"{place} + {own.row} * {math.prod(sizes)}"
    end = f"{' && '.join(tests)} ? {stop} : 0" if tests else stop
    line = [f"{prefix}_turn({own.stage} + ({place}) * {prefix}_LANES, {prefix}_LANES, "
            f"{prefix}_LANES, {own.some}, {last_size}, {low}, {end},",
            f"    {side.tensor}, {spelling.integer(at)}, {side.apart}, {side.room});"]
    for number in reversed(range(last)):
        banded = not number and side.depth is None
        axis = side.axes[number]
        line = loop(f"{own.line}{number}", 0,
                    f"{axis.step} * {own.tall} + {axis.window - axis.step}" if banded
                    else sizes[number], line)
    if side.depth is not None:
        line = loop(own.row, 0, _deep(plan, side, own), line)
    yield from line


def _is_run(side: Side, sizes: list[int]) -> bool:
    """Whether the windows are whole, and lie in one piece."""
    return not side.guards and all(
               axis.valid[0] <= axis.start and axis.start + size <= axis.valid[1]
               and axis.stride == math.prod(sizes[number + 1:])
               for number, (axis, size) in enumerate(zip(side.axes, sizes, strict=True)))


def _turn(plan: Winograd, side: Side, spelling: Spelling, own: WinogradNames) -> str:
    """The terms before those of a turn and a phase, or the rows before those of a phase, as the
    beginning of a sum."""
    phased = bool(_phases(plan, side))
    if plan.summed:
        rows = spelling.integer(phase_number(plan, own), factor=True) if phased else ""
        return f"{rows} * {own.count} + " if phased else ""
    if not plan.rest and not phased:
        return ""
    flat = Int.of(0)
    for span in plan.rest:
        flat = flat * span.extent + Int.of(span.name) - span.low
    if phased:
        flat = flat * plan.phases + phase_number(plan, own)
    return f"{spelling.integer(flat * plan.scalar.across.extent)} + "


def _deep(plan: Winograd, side: Side, own: WinogradNames) -> str:
    """How many rows of the operand enter."""
    return own.deep if plan.is_slabbed or side.depth is None else str(side.depth.extent)


def _plus(stage: str, row: str, run: int, prefix: str, whole: bool) -> str:
    return stage if whole else f"{stage} + {row} * {run} * {prefix}_LANES"
