"""What a task of a Winograd plan has, in C: its lanes, its rows, and the terms that it adds up.

A task, or all tasks of a band, has some lanes and some rows (or tiles of the first axis). With
sums over tiles these come part by part, otherwise the terms may come slab by slab; and a call of
a product takes a chunk of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented
from symconv.emit.c_winograd_names import WinogradNames
from symconv.integers import Int
from symconv.loops import Joined
from symconv.tiling import CHUNK
from symconv.winograd import Winograd
from symconv.winograd_operands import Side


@dataclass(frozen=True, slots=True)
class WinogradBounds:
    """The bounds of a plan's loops. `names` are those of the group of lanes and of the band, which
    counts tasks; of these, `joined` ones may be done at once."""

    plan: Winograd
    names: tuple[str, str]
    spelling: Spelling
    own: WinogradNames
    joined: Joined | None

    def bounds(self) -> Iterator[str]:
        """The lanes of a task, and its tiles of the first axis or its rows."""
        many = f"{self.joined.name} * " if self.joined is not None else ""
        number = self._number(self.names[1], self.plan.shares)
        if self.plan.strip:
            yield from self._lanes(self.names[0], self.plan.strip, many)
            yield from self._bounds(number, self.plan.grain, "")
        else:
            yield from self._lanes(self._number(self.names[0], self.plan.groups),
                                   self.plan.group, "")
            yield from self._bounds(number, self.plan.grain, many)

    def band(self) -> Iterator[str]:
        """The same for all tasks of a band."""
        yield from self._lanes(self._number(self.names[0], self.plan.groups), self.plan.group, "")
        yield from self._bounds(self._number(self.own.block, self.plan.bands), self.plan.band, "")

    def _lanes(self, number: str, size: int, many: str) -> Iterator[str]:
        own, extent = self.own, self.plan.vector.across.extent
        yield f"const ptrdiff_t {own.first} = {number} * {size};"
        yield (f"const ptrdiff_t {own.many} = {self.spelling.prefix}_min({many}{size}, "
               f"{extent} - {own.first});")

    def _bounds(self, number: str, size: int, many: str) -> Iterator[str]:
        own, plan, prefix = self.own, self.plan, self.spelling.prefix
        yield f"const ptrdiff_t {own.low} = {number} * {size};"
        yield f"const ptrdiff_t {own.count} = {prefix}_min({many}{size}, {plan.whole} - {own.low});"
        rest = plan.phases if plan.summed else plan.all_tiles(1)
        rows = own.count if rest == 1 else f"{own.count} * {rest}"
        yield f"const ptrdiff_t {own.all} = {rows};"

    def part(self) -> Iterator[str]:
        """The tiles of the first axis that enter next."""
        own, plan = self.own, self.plan
        if plan.summed:
            yield f"const ptrdiff_t {own.top} = {own.part} * {plan.part};"
            yield (f"const ptrdiff_t {own.tall} = {self.spelling.prefix}_min({plan.part}, "
                   f"{plan.tiles[0]} - {own.top});")
        else:
            yield f"const ptrdiff_t {own.top} = {own.low};"
            yield f"const ptrdiff_t {own.tall} = {own.count};"

    def slab(self) -> Iterator[str]:
        """The terms of a slab, from its number."""
        own, size = self.own, self._chunk()
        yield f"const ptrdiff_t {own.chunk} = {own.slab} * {size};"
        yield f"const ptrdiff_t {own.deep} = {self._some(str(self.plan.depth))};"

    def _chunk(self) -> int:
        """How many terms a call of a product has."""
        depth = self.plan.depth
        return self.plan.slab if self.plan.is_slabbed else -(-depth // -(-depth // CHUNK))

    def _chunks(self, inside: Iterable[str]) -> list[str]:
        """A loop over the terms of the sum, as many at a time as a call of a product has."""
        own, plan = self.own, self.plan
        depth = f"{own.tall} * {plan.all_tiles(1)}" if plan.summed else str(plan.depth)
        return [f"for (ptrdiff_t {own.chunk} = 0; {own.chunk} < {depth}; "
                f"{own.chunk} += {self._chunk()}) {{",
                f"    const ptrdiff_t {own.deep} = {self._some(depth)};", *indented(inside), "}"]

    def _some(self, depth: str) -> str:
        """How many terms a call of a product takes: of the last one, what is left."""
        size = self._chunk()
        return str(size) if not self.plan.summed and self.plan.depth % size == 0 else (
            f"{self.spelling.prefix}_min({size}, {depth} - {self.own.chunk})")

    @property
    def _has_all(self) -> bool:
        """Whether the lanes of all strips enter at once, for all bands."""
        return bool(self.plan.strip) and not self.plan.is_slabbed

    def _is_repeated(self, side: Side) -> bool:
        """Whether an operand enters in several parts."""
        plan = self.plan
        return plan.turns * plan.parts > 1 if plan.summed else (
            plan.is_slabbed and side is plan.vector)

    def _block(self) -> Iterator[str]:
        """The number of the band."""
        if self.plan.bands > 1:
            most = 1 if self.joined is None or self.plan.strip else self.joined.most
            yield f"const ptrdiff_t {self.own.block} = {self.names[1]} / {most};"

    def _key(self, side: Side) -> str:
        """A number for what an operand depends on: while it is the same, nothing enters anew."""
        plan = self.plan
        group, band = self.names
        key = Int.of(0)
        for span in plan.slices:
            if span.name in side.base.names():
                key = key * span.extent + Int.of(span.name)
        if side is plan.vector and plan.groups > 1:
            key = key * plan.groups + Int.of(group)
        if side is plan.scalar and plan.shares > 1:
            key = key * plan.shares + Int.of(band)
        if side is plan.scalar and self.joined is not None and not plan.strip:
            key = key * self.joined.most + Int.of(self.joined.name) - 1
        return self.spelling.integer(key, factor=True)

    @staticmethod
    def _number(name: str, count: int) -> str:
        """An index that is no task's where it has one value."""
        return name if count > 1 else "0"
