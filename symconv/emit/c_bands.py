"""Where the bands of a tile plan begin in C.

A band has as many lanes as the plan tells. Where vectors are read in place, the array may begin
anywhere between two cache lines, and then every vector would lie in two of them. If its distance
from a line is the same for all steps, the bands are moved instead: each but the first one begins
`shift` lanes early, with a cache line, and the first one is smaller. What is computed for a lane
does not depend on the band it is in; but whoever adds to it or reads it in the same task must have
the same bands, so that plans which are not alone in a routine keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import TileNames
from symconv.integers import Int
from symconv.loops import Routine, Tiled
from symconv.tiles import Tiles


def is_alone(routine: Routine) -> bool:
    """Whether a routine is one definition of one term."""
    match routine.body:
        case (Tiled(plans=(_,)),):
            return True
    return False


def may_shift(plan: Tiles) -> bool:
    """Whether all vectors of the plan are as far from a cache line as the array that they are in,
    and bands are large enough to lose some lanes."""
    line = plan.element.line
    if (plan.packing is not None or plan.dots is not None or plan.strip or plan.bands == 1
            or len(plan.lanes) > 1 or plan.lanes[0].target != 1 or plan.band < 2 * line):
        return False
    read = plan.vector.base + plan.vector.step
    # a factor that is no number might be odd: 1 stands for it
    return all((read.coefficient(name).constant or 1) % line == 0 for name in read.names())


def shifted(plan: Tiles, own: TileNames) -> Tiles:
    """The plan with lanes counted from where its band begins, which has been moved."""
    moved = Int.of(own.shift)
    return replace(plan, vector=replace(plan.vector, base=plan.vector.base - moved),
                   target=plan.target - moved)


def band_lines(plan: Tiles, band: str, spelling: Spelling, own: TileNames,
               moves: bool) -> Iterator[str]:
    """The first lane of a band, which `moves` or not, and how many there are."""
    extent, size, prefix = plan.lanes[0].extent, plan.band, spelling.prefix
    if not moves:
        yield f"const ptrdiff_t {own.first} = {band} * {size};"
        yield f"const ptrdiff_t {own.many} = {prefix}_min({size}, {extent} - {own.first});"
        return
    read = plan.vector.base
    begin = read.substitute({name: Int.of(0) for name in read.names()}).constant or 0
    begin %= plan.element.line
    place = f"(uintptr_t){plan.vector.tensor} / sizeof({spelling.real})"
    place = f"({place} + {begin})" if begin else place
    yield f"const ptrdiff_t {own.over} = (ptrdiff_t)({place} % {prefix}_LANES);"
    yield f"const ptrdiff_t {own.first} = {prefix}_max(0, {band} * {size} - {own.over});"
    yield f"const ptrdiff_t {own.shift} = {band} * {size} - {own.first};"
    yield (f"const ptrdiff_t {own.many} = ({band} < {plan.bands - 1} ? "
           f"({band} + 1) * {size} - {own.over} : {extent}) - {own.first};")
