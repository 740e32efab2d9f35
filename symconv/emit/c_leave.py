"""How the sums of a tile leave it in C: runs of lanes that lie side by side in the target.

Lanes between the rows of a flattened pair are dropped here, and so are those that a tile which
began early has in common with the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import TileNames, indented, loop
from symconv.integers import Int
from symconv.ir import Number
from symconv.loops import Tiled
from symconv.rewrite import substitute_scalar
from symconv.tiles import Tiles
from symconv.weaving import is_woven


@dataclass(frozen=True, slots=True)
class TileLeave:
    """The lines that write the sums of one tile; `add` tells whether the target is added to."""

    node: Tiled
    plan: Tiles
    add: bool
    spelling: Spelling
    own: TileNames

    @property
    def is_direct(self) -> bool:
        """Whether the target gets these sums alone, and they may be added up there."""
        return self.plan.is_plain and not self.add and self.node.initial is None

    def start(self) -> str:
        """Where the sums of the tile begin in the target, which gets them directly."""
        place = self.plan.target + Int.of(self.own.lane)
        return f"{self.node.target.tensor} + {self.spelling.integer(place)}"

    @property
    def goes_back(self) -> bool:
        """Whether the last tile begins early: nothing may be read behind the lanes."""
        return self.plan.packing is None and self.plan.dots is None

    def lines(self) -> Iterator[str]:
        own = self.own
        skip = own.back if self.goes_back else "0"
        stop = f"{own.filled} + {own.back}" if self.goes_back else own.filled
        at = f"{own.lane} - {own.back} + {own.done}" if self.goes_back else (
            f"{own.lane} + {own.done}")
        yield (f"for (ptrdiff_t {own.done} = {skip}, {own.run}; {own.done} < {stop}; "
               f"{own.done} += {own.run}) {{")
        yield from indented(self._run(at, stop))
        yield from indented(loop(own.item, 0, own.rows, self._store()))
        yield "}"

    def _run(self, at: str, stop: str) -> Iterator[str]:
        """The values of the lanes, and how many lanes follow that differ in the last one only."""
        own, lanes = self.own, self.plan.lanes
        last = lanes[-1]
        if self.plan.is_flat:
            yield f"const ptrdiff_t {own.at if len(lanes) > 1 else last.name} = {at};"
            yield f"{own.run} = {stop} - {own.done};"
            return
        yield f"const ptrdiff_t {own.at} = {at};"
        rest = own.at
        for lane in lanes[:-1]:
            yield f"const ptrdiff_t {lane.name} = {rest} / {lane.pitch};"
            rest = f"{own.at} % {lane.pitch}"
        yield f"const ptrdiff_t {last.name} = {rest};"
        yield f"if ({' || '.join(f'{lane.name} >= {lane.extent}' for lane in lanes[1:])}) {{"
        yield f"    {own.run} = {lanes[-2].pitch} - {last.name};"
        yield "    continue;"
        yield "}"
        yield (f"{own.run} = {self.spelling.prefix}_min({last.extent} - {last.name}, "
               f"{stop} - {own.done});")

    def _store(self) -> Iterator[str]:
        """One run of one row. The lanes of a row that lie side by side in the target, up to its
        end in this task, are room for whole vectors."""
        spell, own, plan, target = self.spelling, self.own, self.plan, self.node.target.tensor
        place, behind, reach, dense = plan.target, Int.of(0), 1, True
        first = (Int.of(own.end) if plan.strip else Int.of(own.many) if plan.bands > 1
                 else Int.of(plan.lanes[0].extent))
        if plan.is_flat and len(plan.lanes) > 1:
            place = place + Int.of(own.at) * plan.lanes[-1].target
            behind = first * plan.lanes[0].pitch - Int.of(own.at)
            dense = plan.lanes[-1].target == 1
        for number, lane in ([] if plan.is_flat and len(plan.lanes) > 1
                             else reversed(list(enumerate(plan.lanes)))):
            place = place + Int.of(lane.name) * lane.target
            dense = dense and lane.target == reach
            extent = Int.of(lane.extent) if number else first
            behind = (extent - Int.of(lane.name) - (1 if number < len(plan.lanes) - 1 else 0)
                      ) * reach + behind
            reach *= lane.extent
        to = f"{target} + {spell.integer(place + Int.of(own.item) * plan.target_row)}"
        wide = f" * {spell.prefix}_LANES" if plan.dots is None else ""
        row = f"{own.sum} + {own.item} * {own.vectors}{wide} + {own.done}"
        scale = spell.number(plan.contraction.factor)
        if self.add:
            yield (f"{spell.prefix}_add({to}, {plan.lanes[-1].target}, {row}, {own.run}, "
                   f"{scale});")
            return
        initial = self.node.initial if self.node.initial is not None else Number(Fraction(0))
        moved = substitute_scalar(initial, {
            plan.row.name: Int.of(plan.row.name) + Int.of(own.item)})
        apart = plan.lanes[-1].target
        every = [other for term in self.node.plans for other in term]
        if is_woven(plan, every, self.node.empty, self.node.fixed, self.node.split):
            yield f"{spell.prefix}_weave{apart}({to}, {row}, {own.run},"
            yield f"    {spell.top(moved)}, {scale});"
            return
        yield f"{spell.prefix}_put({to}, {apart}, {row}, {own.run},"
        yield f"    {spell.integer(behind) if dense else 0}, {spell.top(moved)}, {scale});"
