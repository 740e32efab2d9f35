"""One tile in C: its place, the sums over the chunks of the reduction, and how they leave it.

A tile that covers more lanes than there are reads zeros of the copy; where an operand is read in
its place, the last tile begins `back` lanes early instead. Lanes between the rows of a flattened
pair are dropped when the sums leave.
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


@dataclass(frozen=True, slots=True)
class TileBody:
    """The lines of one tile of a plan; `steps` and `copy` are its table and its packed operand,
    `lanes` how many lanes the band has, `add` whether the target is added to."""

    node: Tiled
    plan: Tiles
    steps: str
    copy: str
    lanes: str
    add: bool
    spelling: Spelling
    own: TileNames

    def lines(self) -> Iterator[str]:
        spell, own, plan = self.spelling, self.own, self.plan
        prefix = spell.prefix
        yield from self._place()
        yield f"{spell.real} {own.sum}[{prefix}_MOST] __attribute__((aligned(64)));"
        yield from self._sums()
        if plan.guarded:
            spell.helpers.add("watch")
            yield f"{prefix}_watch({own.wild}, {own.sum}, {own.rows} * {own.vectors});"
        yield from self._leave()

    def _place(self) -> Iterator[str]:
        """How many vectors the tile has, and how many of its lanes are new."""
        spell, own = self.spelling, self.own
        prefix, left = spell.prefix, f"{self.lanes} - {own.lane}"
        if self.plan.packing is None:
            spell.helpers.add("max")
            yield f"const ptrdiff_t {own.vectors} = {prefix}_fitting({own.rows}, {left});"
            yield (f"const ptrdiff_t {own.back} = {prefix}_max(0, {own.vectors} * {prefix}_LANES "
                   f"- ({left}));")
            yield f"{own.filled} = {own.vectors} * {prefix}_LANES - {own.back};"
        else:
            yield f"const ptrdiff_t {own.vectors} = {prefix}_covering({own.rows}, {left});"
            yield f"{own.filled} = {prefix}_min({own.vectors} * {prefix}_LANES, {left});"

    def _sums(self) -> Iterator[str]:
        """One call per chunk of the reduction; chunks behind the first join its sums."""
        spell, own, plan = self.spelling, self.own, self.plan
        prefix = spell.prefix
        mode = "scattered" if plan.regular is None else "regular"
        spell.helpers.add(mode)
        head = plan.steps[0].extent if plan.steps else 1
        chunks = -(-head // plan.chunk)
        number = Int.of(own.chunk) if chunks > 1 else Int.of(0)
        scalar = plan.scalar.base + number * plan.scalar.chunk
        vector = (plan.vector.base + number * plan.vector.chunk + Int.of(own.lane)
                  - (Int.of(own.back) if plan.packing is None else 0))
        count = str(plan.chunk * plan.taps)
        if head % plan.chunk:
            count = (f"{plan.taps} * {prefix}_min({plan.chunk}, "
                     f"{head} - {plan.chunk} * {own.chunk})")
        steps = [str(plan.row_stride), *([] if plan.regular is None else [str(plan.regular)])]
        source = self.copy if plan.packing is not None else plan.vector.tensor
        call = [f"{prefix}_{mode}({own.rows}, {own.vectors}, {count}, {self.steps},",
                f"    {plan.scalar.tensor} + {spell.integer(scalar)}, {', '.join(steps)},",
                f"    {source} + {spell.integer(vector)}, {own.sum}, "
                f"{own.chunk + ' > 0' if chunks > 1 else '0'});"]
        yield from loop(own.chunk, 0, chunks, call) if chunks > 1 else call

    def _leave(self) -> Iterator[str]:
        own, plan = self.own, self.plan
        skip = own.back if plan.packing is None else "0"
        stop = f"{own.filled} + {own.back}" if plan.packing is None else own.filled
        at = f"{own.lane} - {own.back} + {own.done}" if plan.packing is None else (
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
        if len(lanes) == 1:
            yield f"const ptrdiff_t {last.name} = {at};"
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
        first = Int.of(own.many) if plan.bands > 1 else Int.of(plan.lanes[0].extent)
        for number, lane in reversed(list(enumerate(plan.lanes))):
            place = place + Int.of(lane.name) * lane.target
            dense = dense and lane.target == reach
            extent = Int.of(lane.extent) if number else first
            behind = (extent - Int.of(lane.name) - (1 if number < len(plan.lanes) - 1 else 0)
                      ) * reach + behind
            reach *= lane.extent
        to = f"{target} + {spell.integer(place + Int.of(own.item) * plan.target_row)}"
        row = (f"{own.sum} + {own.item} * {own.vectors} * {spell.prefix}_LANES + {own.done}")
        scale = spell.number(plan.contraction.factor)
        if self.add:
            spell.helpers.add("add")
            yield (f"{spell.prefix}_add({to}, {plan.lanes[-1].target}, {row}, {own.run}, "
                   f"{scale});")
            return
        spell.helpers.add("put")
        initial = self.node.initial if self.node.initial is not None else Number(Fraction(0))
        moved = substitute_scalar(initial, {
            plan.row.name: Int.of(plan.row.name) + Int.of(own.item)})
        yield f"{spell.prefix}_put({to}, {plan.lanes[-1].target}, {row}, {own.run},"
        yield f"    {spell.integer(behind) if dense else 0}, {spell.top(moved)}, {scale});"
