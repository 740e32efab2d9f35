"""One tile in C: its place, the sums over the runs of the reduction, and how they leave it.

A tile that covers more lanes than there are reads zeros of the copy; where an operand is read in
its place, the last tile begins `back` lanes early instead (`c_leave`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_gathering import Gathered, extreme, times
from symconv.emit.c_leave import TileLeave
from symconv.emit.c_lines import TileNames, indented, loop, loops
from symconv.emit.c_tile_buffers import BEHIND, waiting_pitch
from symconv.emit.c_tile_shapes import mode_of
from symconv.integers import Int, floor_div
from symconv.loops import Tiled
from symconv.tiles import Tiles


@dataclass(frozen=True, slots=True)
class TileBody:
    """The lines of one tile of a plan; `steps` is its table, `copy` and `other` its packed
    operands, `numbers` the gathered ones, `lanes` how many lanes the band has, `add` whether the
    target is added to."""

    node: Tiled
    plan: Tiles
    steps: str
    copy: str
    other: str
    numbers: str
    lanes: str
    add: bool
    spelling: Spelling
    own: TileNames

    def lines(self) -> Iterator[str]:
        """The sums of a tile, and their way to the target."""
        own, spell, direct = self.own, self.spelling, self._leave.is_direct
        buffer = own.buffer if direct else own.sum
        if self.plan.is_divided:
            yield f"{spell.real} *const {buffer} = {self._waiting(own.place)};"
        else:
            yield f"{spell.real} {buffer}[{spell.prefix}_MOST] __attribute__((aligned(64)));"
        leaving = [*self._folded(), *self._leave.lines()]
        if direct:
            yield (f"const int {own.whole} = {own.filled} == {own.vectors} * "
                   f"{spell.prefix}_LANES;")
            yield (f"{spell.real} *const {own.sum} = {own.whole} ? {self._leave.start()} : "
                   f"{buffer};")
            yield (f"const ptrdiff_t {own.pitch} = {own.whole} ? {self.plan.target_row} : "
                   f"{own.vectors} * {spell.prefix}_LANES;")
            leaving = [f"if (!{own.whole}) {{", *indented(leaving), "}"]
        yield from self._all_sums()
        yield from self._at_last(leaving)

    def spread_lines(self, waiting: str) -> Iterator[str]:
        """The sums of a tile for all values of the loops, which leave it turned; `waiting` is
        where they are kept between two parts."""
        spell, own, plan = self.spelling, self.own, self.plan
        prefix, taps = spell.prefix, math.prod(span.extent for span in plan.loops)
        place, pitch, tap = own.place, f"{prefix}_MOST", Int.of(0)
        if self.plan.is_divided:
            pitch = str(plan.group * waiting_pitch(plan))
            yield f"{spell.real} *const {place} = {self._waiting(waiting)};"
        else:
            yield (f"{spell.real} {place}[{taps + BEHIND} * {pitch}] "
                   "__attribute__((aligned(64)));")
        for span in plan.loops:
            tap = tap * span.extent + Int.of(span.name) - span.low
        yield from loops(plan.loops, [
            f"{spell.real} *const {own.sum} = {place} + "
            f"{spell.integer(tap, factor=True)} * {pitch};",
            *self._all_sums()])
        skip = f" + {own.back}" if self._leave.goes_back else ""
        lane = plan.lanes[0]
        to = plan.target.substitute({span.name: Int.of(span.low) for span in plan.loops}) + (
            Int.of(own.lane) * lane.target + Int.of(own.item) * plan.target_row)
        yield from self._at_last(loop(own.item, 0, own.rows, [
            f"{prefix}_spread({self.node.target.tensor} + {spell.integer(to)},",
            f"    {place} + {own.item} * {own.vectors} * {prefix}_LANES{skip}, {pitch}, {taps}, "
            f"{own.filled});"]))

    @property
    def is_spread(self) -> bool:
        """Whether the sums may leave the tile turned: they are all that the target gets."""
        return (self.plan.is_spread and not self.add and self.node.initial is None
                and self.plan.contraction.factor == 1)

    @property
    def _leave(self) -> TileLeave:
        return TileLeave(self.node, self.plan, self.add, self.spelling, self.own)

    def _all_sums(self) -> Iterator[str]:
        """The sums of a tile in this part; those of steps that are not taken are zero."""
        own, prefix = self.own, self.spelling.prefix
        count = f"{own.rows} * {own.vectors}"
        if self._is_clipped:
            first = " && ".join(f"{part.number} == 0" for part in self.plan.parts
                                if part.count > 1)
            zero = f"{prefix}_zero({own.sum}, {count} * {prefix}_LANES);"
            yield from ([f"if ({first}) {{", f"    {zero}", "}"] if first else [zero])
        yield from self._sums()
        if self.plan.guarded:
            watch = [f"{prefix}_watch({own.wild}, {own.sum}, {count});"]
            if self._leave.is_direct:
                watch = loop(own.item, 0, own.rows, [
                    f"{prefix}_watch({own.wild}, {own.sum} + {own.item} * {own.pitch}, "
                    f"{own.vectors});"])
            yield from self._at_last(watch)

    def _at_last(self, lines: list[str]) -> list[str]:
        """What is done with complete sums: in the last part."""
        last = " && ".join(f"{part.number} == {part.count - 1}" for part in self.plan.parts
                           if part.count > 1)
        return [f"if ({last}) {{", *indented(lines), "}"] if last else lines

    def _folded(self) -> Iterator[str]:
        if self.plan.dots is not None:
            yield (f"{self.spelling.prefix}_fold({self.own.sum}, "
                   f"{self.own.rows} * {self.own.vectors});")

    @property
    def _is_clipped(self) -> bool:
        """Whether some sum of the tile may have no term in a run, or in a part."""
        return bool(self.plan.taps or self.plan.clips)

    def _waiting(self, start: str) -> str:
        """Where the sums of a tile are kept between two parts, from `start` on: all tiles of a
        block of rows side by side, with room behind the last one."""
        own, plan = self.own, self.plan
        begin = own.begin if plan.splits_rows else str(plan.row.low)
        lanes = f"{own.lane} * {self.spelling.prefix}_LANES" if plan.dots is not None else own.lane
        return (f"{start} + ({plan.row.name} - {begin}) * {waiting_pitch(plan)} "
                f"+ {lanes} * {own.rows}")

    def place(self, rows: str) -> Iterator[str]:
        """How many vectors the tile has, and how many of its lanes are new; `rows` of the tallest
        tile that stands there."""
        spell, own = self.spelling, self.own
        prefix, left = spell.prefix, f"{self.lanes} - {own.lane}"
        if self.plan.dots is not None:
            yield f"const ptrdiff_t {own.vectors} = {prefix}_balanced({rows}, {left});"
            yield f"{own.filled} = {own.vectors};"
        elif self.plan.packing is None:
            yield (f"const ptrdiff_t {own.vectors} = {prefix}_fitting({rows}, {left}, "
                   f"{self.lanes});")
            yield (f"const ptrdiff_t {own.back} = {prefix}_max(0, {own.vectors} * {prefix}_LANES "
                   f"- ({left}));")
            yield f"{own.filled} = {own.vectors} * {prefix}_LANES - {own.back};"
        else:
            yield f"const ptrdiff_t {own.vectors} = {prefix}_covering({rows}, {left});"
            yield f"{own.filled} = {prefix}_min({own.vectors} * {prefix}_LANES, {left});"

    def _sums(self) -> Iterator[str]:
        """The runs of every tap, with the rows that it has."""
        own, plan = self.own, self.plan
        lines: list[str] = []
        rows = plan.clip(plan.row.name)
        if rows is not None:
            lows = [f"{self._bound(bound)} - {plan.row.name}" for bound in rows.lows]
            highs = [f"{self._bound(bound)} - {plan.row.name}" for bound in rows.stops]
            lines += [f"const ptrdiff_t {own.low} = {self._extreme('max', ['0', *lows])};",
                      f"const ptrdiff_t {own.high} = {self._extreme('min', [own.rows, *highs])};",
                      f"if ({own.low} >= {own.high}) {{", "    continue;", "}"]
        lines += self._chunks()
        for tap in reversed(plan.taps):
            low, stop = self._ends(tap.name, tap.low, tap.stop)
            lines = loop(tap.name, low, stop, lines)
        yield from lines

    def _chunks(self) -> Iterator[str]:
        """The chunks of a run; those behind the first join its sums."""
        spell, own, plan = self.spelling, self.own, self.plan
        extent = plan.steps[0].extent if plan.steps else 1
        low, stop = self._ends(plan.steps[0].name, 0, extent) if plan.steps else ("0", "1")
        if (low, stop) == ("0", str(extent)) and plan.chunk >= extent:
            yield from self._call("0", str(extent * plan.inner))
            return
        left = f"{spell.prefix}_min({plan.chunk}, {own.tail} - {own.chunk})"
        inside = self._call(own.chunk, times(plan.inner, left))
        yield f"const ptrdiff_t {own.tail} = {stop};"
        yield (f"for (ptrdiff_t {own.chunk} = {low}; {own.chunk} < {own.tail}; "
               f"{own.chunk} += {plan.chunk}) {{")
        yield from indented(inside)
        yield "}"

    def _call(self, chunk: str, count: str) -> list[str]:
        """One call of a tile's function: `count` steps from the value `chunk` on."""
        spell, own, plan = self.spelling, self.own, self.plan
        prefix = spell.prefix
        mode = mode_of(plan)
        number = Int.of(chunk if chunk == own.chunk else 0)
        scalar = plan.scalar.base + number * plan.scalar.chunk
        moved = floor_div(number, plan.vector.period) * plan.vector.chunk
        vector = (plan.vector.base + moved + Int.of(own.lane)
                  - (Int.of(own.back) if plan.packing is None and plan.dots is None else 0))
        steps = [str(plan.row_stride), *([] if plan.regular is None else [str(plan.regular)])]
        numbers = f"{plan.scalar.tensor} + {spell.integer(scalar)}"
        source = self.copy if plan.packing is not None else plan.vector.tensor
        if plan.dots is not None:
            steps += [str(plan.dots.column), str(plan.dots.width)]
            other = plan.scalar.tensor if plan.dots.packing is None else self.other
            numbers = f"{other} + {spell.integer(scalar)}"
            vector = vector + Int.of(own.lane) * (plan.dots.column - 1)
        if plan.gathered:
            steps = ["1", own.rows]
            numbers = self._numbers.place(number)
        rows, to = own.rows, own.sum
        if plan.clip(plan.row.name) is not None:
            scalar = scalar + Int.of(own.low) * plan.row_stride
            numbers = f"{plan.scalar.tensor} + {spell.integer(scalar)}"
            rows = f"{own.high} - {own.low}"
            to = f"{own.sum} + {own.low} * {own.vectors} * {prefix}_LANES"
        joined = [] if chunk == "0" else [f"{chunk} > 0"]
        joined += [f"{part.number} > 0" for part in plan.parts if part.count > 1]
        join = "1" if self._is_clipped else " || ".join(joined) or "0"
        if plan.dots is None:
            to += f", {self._pitch}"
        return [f"{prefix}_{mode}({rows}, {own.vectors}, {count}, {self.steps},",
                f"    {numbers}, {', '.join(steps)},",
                f"    {source} + {spell.integer(vector)}, {to}, {join});"]

    @property
    def _numbers(self) -> Gathered:
        return Gathered(self.plan, self.steps, self.numbers, self.spelling, self.own)

    @property
    def _pitch(self) -> str:
        """How far apart the rows of sums are."""
        return self.own.pitch if self._leave.is_direct else (
            f"{self.own.vectors} * {self.spelling.prefix}_LANES")

    def _ends(self, name: str, low: int, stop: int) -> tuple[str, str]:
        """The range low .. stop - 1 of a variable, clipped."""
        clip = self.plan.clip(name)
        if clip is None:
            return str(low), str(stop)
        return (self._extreme("max", [str(low), *map(self._bound, clip.lows)]),
                self._extreme("min", [str(stop), *map(self._bound, clip.stops)]))

    def _extreme(self, kind: str, values: Sequence[str]) -> str:
        return extreme(kind, values, self.spelling)

    def _bound(self, bound: Int) -> str:
        return self.spelling.integer(bound)
