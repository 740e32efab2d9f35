"""Winograd plans in C: operands enter by tiles, a product of matrices per point, tiles leave.

An operand enters by way of a stage, where one vector holds an element of so many lanes: there
the matrices need no shuffles, and borders are zeros. Results leave the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from symconv.emit.c_elements import Lines
from symconv.emit.c_entering import blocked, entering
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_leaving import Leaving, blocks
from symconv.emit.c_lines import indented, loop, loops, with_needed
from symconv.emit.c_transforms import plane_name
from symconv.emit.c_winograd_names import WinogradNames
from symconv.emit.c_workspace import Buffer
from symconv.integers import Int
from symconv.loops import Joined, Routine, Transformed
from symconv.tiling import CHUNK
from symconv.winograd import Side, Winograd, schemes_text


def transformed(routine: Routine) -> list[Transformed]:
    return [node for node in routine.body if isinstance(node, Transformed)]


def heights(plan: Winograd) -> tuple[int, ...]:
    """How many rows the products have: those of some tasks of a band that follow each other."""
    rest = plan.rows // plan.band
    if plan.is_by_phases:
        rest = 1
    ends = (*range(plan.grain, min(plan.band, plan.whole), plan.grain), plan.band)
    last = plan.whole - (plan.bands - 1) * plan.band
    return tuple(sorted({end * rest for end in ends} | {
        (last - low) * rest for low in range(0, last, plan.grain)}))


@dataclass(frozen=True, slots=True)
class WinogradSpelling:
    """Lines for the `Transformed` node of a routine, which has no other node. Transformed operands
    that are `held` were made before: there they stand."""

    plan: Winograd
    names: tuple[str, str]
    spelling: Spelling
    own: WinogradNames
    lines: Lines
    joined: Joined | None
    held: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(routine: Routine, spelling: Spelling, taken: Collection[str],
           lines: Lines) -> WinogradSpelling | None:
        found = transformed(routine)
        if not found:
            return None
        contraction = found[0].plan.contraction
        used = {*taken, *found[0].names, *routine.numbers,
                *(span.name for span in (*contraction.outer, *contraction.inner))}
        spelling.helpers.update(("min", "max", "turn", "wild", "regular"))
        return WinogradSpelling(found[0].plan, found[0].names, spelling,
                                WinogradNames.beside(used), lines, found[0].joined)

    def comment(self) -> list[str]:
        """What the transform does to the result, for the comment of the function."""
        return [f"Sums by {schemes_text(self.plan)} of Winograd: in float32, errors of about "
                "2e-6 of the largest result.",
                "Elements that are not finite are computed once more, term by term."]

    def buffers(self) -> list[Buffer]:
        own, plan, real = self.own, self.plan, self.spelling.real
        return [Buffer(own.steps, f"{self.spelling.prefix}_step", self._chunk()),
                *(Buffer(name, real, plan.size(side))
                  for name, side in self.sides() if name not in self.held),
                Buffer(own.sums, real, plan.points * plan.sums),
                Buffer(own.stage, real, max(plan.left, plan.staged(plan.vector),
                                            plan.staged(plan.scalar), 256))]

    def setup(self) -> Iterator[str]:
        own, plan = self.own, self.plan
        yield from loop(own.row, 0, self._chunk(), [
            f"{own.steps}[{own.row}].scalar = 0;",
            f"{own.steps}[{own.row}].vector = (int32_t)({own.row} * {plan.pitch(plan.vector)});"])
        there = [f"{there} = -1" for there, (name, side) in zip(
            (own.held, own.other), self.sides(), strict=True)
            if name not in self.held and not self._is_repeated(side)]
        if there:
            yield f"ptrdiff_t {', '.join(there)};"

    def node(self, node: Transformed) -> Iterator[str]:
        """The lines of one task."""
        own, spell, plan = self.own, self.spelling, self.plan
        prefix = spell.prefix
        yield f"{spell.real} {own.wild}[{prefix}_LANES] = {{0}};"
        yield from self.bounds()
        inside = with_needed(list(self.part()), [
            *self._enter(plan.scalar, own.scalar, own.other), *self._slabs()])
        if plan.summed:
            inside = loop(own.part, 0, plan.parts, inside)
        yield from loops(plan.rest if plan.summed else (), inside)
        leaving = Leaving(node, spell, own, self.lines)
        yield from leaving.lines()
        yield f"if ({prefix}_is_wild({own.wild})) {{"
        yield from indented(leaving.repair())
        yield "}"

    def sides(self) -> tuple[tuple[str, Side], ...]:
        """The transformed operands, with the names of their buffers."""
        return (self.own.vector, self.plan.vector), (self.own.scalar, self.plan.scalar)

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

    def slab(self) -> Iterator[str]:
        """The terms of a slab, from its number."""
        own, size = self.own, self._chunk()
        yield f"const ptrdiff_t {own.chunk} = {own.slab} * {size};"
        yield f"const ptrdiff_t {own.deep} = {self._some(str(self.plan.depth))};"

    @property
    def _has_all(self) -> bool:
        """Whether the lanes of all strips enter at once, for all bands."""
        return bool(self.plan.strip) and not self.plan.is_slabbed

    @staticmethod
    def _number(name: str, count: int) -> str:
        return name if count > 1 else "0"

    def _is_repeated(self, side: Side) -> bool:
        """Whether an operand enters in several parts."""
        plan = self.plan
        return plan.turns * plan.parts > 1 if plan.summed else (
            plan.is_slabbed and side is plan.vector)

    def _chunk(self) -> int:
        """How many terms a call of a product has."""
        depth = self.plan.depth
        return self.plan.slab if self.plan.is_slabbed else -(-depth // -(-depth // CHUNK))

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

    def _enter(self, side: Side, buffer: str, held: str) -> Iterator[str]:
        if buffer in self.held:
            if self.plan.is_slabbed and side is self.plan.vector:
                yield f"const ptrdiff_t {self.own.slab} = {self.own.chunk} / {self._chunk()};"
            place = self.held[buffer]
            if side is self.plan.scalar:
                yield from self._block()
                place += self._behind()
            yield f"const {self.spelling.real} *const {buffer} = {place};"
            return
        lines = list(self.entering(side, buffer))
        if self._is_repeated(side):
            yield from lines
            return
        number = self._key(side)
        yield f"if ({held} != {number}) {{"
        yield from indented(lines)
        yield f"    {held} = {number};"
        yield "}"

    def _block(self) -> Iterator[str]:
        """The number of the band."""
        if self.plan.bands > 1:
            most = 1 if self.joined is None or self.plan.strip else self.joined.most
            yield f"const ptrdiff_t {self.own.block} = {self.names[1]} / {most};"

    def _behind(self) -> str:
        """How far the rows of a task are behind those of its band, in a transformed operand."""
        own, plan = self.own, self.plan
        if self.joined is None or plan.strip:
            return ""
        unit = 1 if plan.summed else plan.all_tiles(1) * plan.pitch(plan.scalar)
        block = f" - {own.block} * {plan.band}" if plan.bands > 1 else ""
        return f" + ({own.low}{block}) * {unit}"

    def _between(self) -> str:
        """How far the rows of a phase are from those of the next one: a transform that is held has
        all rows of the band."""
        own, plan = self.own, self.plan
        if own.scalar not in self.held:
            return own.count
        whole = f"{plan.whole} - {own.block} * {plan.band}" if plan.bands > 1 else str(plan.whole)
        return f"{self.spelling.prefix}_min({plan.band}, {whole})"

    def entering(self, side: Side, buffer: str) -> Iterator[str]:
        """The lines that transform an operand for the task, the part and the slab that are set."""
        own, plan = self.own, self.plan
        if side is plan.vector:
            first, many = ("0", str(plan.group)) if self._has_all else (own.first, own.many)
        elif plan.summed:
            first, many = own.low, own.count
        else:
            first, many = "0", str(side.across.extent)
        name = plane_name(self.spelling.prefix, "b" if side.is_patch else "g", plan)
        step = f"{self.spelling.prefix}_LANES"
        # the last vector of a phase is overwritten by the first ones of the next
        over = (f"({many} - 1) / {step} * {step}; {own.lane} >= 0; {own.lane} -= {step}"
                if plan.phases > 1 and side is plan.scalar
                else f"0; {own.lane} < {many}; {own.lane} += {step}")
        lines = [f"for (ptrdiff_t {own.lane} = {over}) {{",
                 *indented(entering(plan, side, buffer, name, first, many, self.spelling, own)),
                 "}"]
        yield from loops(plan.rest, lines) if plan.rest and not plan.summed else lines

    def _key(self, side: Side) -> str:
        """A number for what an operand depends on."""
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

    def _slabs(self) -> Iterator[str]:
        """The vectors enter and are used, all of them or slab after slab."""
        plan = self.plan
        inside = [*self._enter(plan.vector, self.own.vector, self.own.held), *self._product()]
        yield from self._chunks(inside) if plan.is_slabbed else inside

    def _chunks(self, inside: Iterable[str]) -> list[str]:
        """A loop over the terms of the sum, as many at a time as a call of a product has."""
        own, plan = self.own, self.plan
        depth = f"{own.tall} * {plan.all_tiles(1)}" if plan.summed else str(plan.depth)
        return [f"for (ptrdiff_t {own.chunk} = 0; {own.chunk} < {depth}; "
                f"{own.chunk} += {self._chunk()}) {{",
                f"    const ptrdiff_t {own.deep} = {self._some(depth)};", *indented(inside), "}"]

    def _some(self, depth: str) -> str:
        """How many terms a call of a product takes."""
        size = self._chunk()
        return str(size) if not self.plan.summed and self.plan.depth % size == 0 else (
            f"{self.spelling.prefix}_min({size}, {depth} - {self.own.chunk})")

    def _product(self) -> Iterator[str]:
        own, plan, prefix = self.own, self.plan, self.spelling.prefix
        across = own.row if plan.summed else f"{own.row} * {plan.pitch(plan.scalar)}"
        along = (f"{own.chunk} * {plan.pitch(plan.scalar)}" if plan.summed
                 else blocked(plan, plan.scalar, own.chunk))
        steps = (1, plan.pitch(plan.scalar)) if plan.summed else (plan.pitch(plan.scalar), 1)
        below = "" if plan.is_slabbed else f" + {own.chunk} * {plan.pitch(plan.vector)}"
        if plan.strip and (self._has_all or own.vector in self.held):
            below += f" + {own.first}"
        joined = [f"{own.chunk} > 0", *([f"{own.part} > 0"] if plan.summed else []),
                  *(f"{span.name} > {span.low}" for span in plan.rest if plan.summed)]
        number, rows = own.row, own.all
        if plan.is_by_phases:
            across, rows = f"{own.phase} * {self._between()} + {own.row}", own.count
            number = f"({own.phase} * {own.count} + {own.row})"
        call = [f"{prefix}_regular({own.rows}, {own.vectors}, {own.deep}, {own.steps},",
                f"    {own.scalar} + {own.point} * {plan.plane(plan.scalar)} + {across} + {along}, "
                f"{steps[0]}, {steps[1]},",
                f"    {own.vector} + {own.point} * {plan.plane(plan.vector)}{below} + {own.lane},",
                f"    {own.sums} + {own.point} * {plan.sums} + {own.lane} * {own.all} + {number} "
                f"* {own.vectors} * {prefix}_LANES, {' || '.join(joined)});"]
        inside = [f"for (ptrdiff_t {own.row} = 0, {own.rows}; {own.row} < {rows}; "
                  f"{own.row} += {own.rows}) {{",
                  f"    {own.rows} = {prefix}_rows({rows} - {own.row});",
                  *indented(call if plan.is_slabbed else self._chunks(call)), "}"]
        if plan.is_by_phases:
            inside = loop(own.phase, 0, plan.phases, inside)
        yield from loop(own.point, 0, plan.points, blocks(inside, own, prefix))
