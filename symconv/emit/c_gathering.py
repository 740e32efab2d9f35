"""Gathered numbers in C: those of a task's rows in a part, copied in the order in which tiles read
them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import TileNames, loops
from symconv.integers import Int
from symconv.tiles import Tiles


@dataclass(frozen=True, slots=True)
class Gathered:
    """The copy `numbers` of a plan, whose table of steps is `steps`."""

    plan: Tiles
    steps: str
    numbers: str
    spelling: Spelling
    own: TileNames

    def lines(self) -> Iterator[str]:
        """Fill it for the rows of a tile. The clips of the tile are none of it, but for those of a
        part that is smaller than others."""
        own, spell, plan = self.own, self.spelling, self.plan
        head = plan.steps[0].extent if plan.steps else 1
        clip = plan.clip(plan.steps[0].name) if plan.steps else None
        numbers = {part.number for part in plan.parts}
        stops = [] if clip is None else [
            spell.integer(bound) for bound in clip.stops if bound.names() <= numbers]
        scalar = plan.scalar.base + Int.of(own.chunk) * plan.scalar.chunk
        left = f"{spell.prefix}_min({plan.chunk}, {own.tail} - {own.chunk})"
        lines = [
            f"const ptrdiff_t {own.tail} = {extreme('min', [str(head), *stops], spell)};",
            f"for (ptrdiff_t {own.chunk} = 0; {own.chunk} < {own.tail}; "
            f"{own.chunk} += {plan.chunk}) {{",
            f"    {spell.prefix}_gather(({spell.real} *){self.place(Int.of(own.chunk))}, "
            f"{own.rows},",
            f"        {times(plan.inner, left)}, {self.steps},",
            f"        {plan.scalar.tensor} + {spell.integer(scalar)}, {plan.row_stride});",
            "}"]
        yield from loops(plan.taps, lines)

    def place(self, chunk: Int) -> str:
        """Where the numbers of a tap and a chunk stand."""
        own, plan, tap = self.own, self.plan, Int.of(0)
        for span in plan.taps:
            tap = tap * span.extent + Int.of(span.name) - span.low
        begin = Int.of(own.begin) if plan.splits_rows else Int.of(plan.row.low)
        place = ((Int.of(plan.row.name) - begin) * plan.run + Int.of(own.rows) * (
            tap * math.prod(span.extent for span in plan.steps) + chunk * plan.inner))
        return f"{self.numbers} + {self.spelling.integer(place)}"


def extreme(kind: str, values: Sequence[str], spelling: Spelling) -> str:
    """The "max" or "min" of some values."""
    if len(values) == 1:
        return values[0]
    return f"{spelling.prefix}_{kind}({values[0]}, {extreme(kind, values[1:], spelling)})"


def times(factor: int, count: str) -> str:
    """So many times a count."""
    return count if factor == 1 else f"{factor} * {count}"
