"""Winograd plans in C: operands enter by tiles, a product of matrices per point, tiles leave.

An operand enters by way of a stage, where one vector holds an element of so many lanes: there
the matrices need no shuffles, and borders are zeros. Results leave the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from symconv.emit.c_elements import Lines
from symconv.emit.c_entering import blocked, entering
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_leaving import Leaving, blocks
from symconv.emit.c_lines import indented, loop, loops, with_needed
from symconv.emit.c_transforms import plane_name
from symconv.emit.c_winograd_bounds import WinogradBounds
from symconv.emit.c_winograd_names import WinogradNames
from symconv.emit.c_workspace import Buffer
from symconv.loops import Routine, Transformed
from symconv.winograd import LINE, Winograd, schemes_text
from symconv.winograd_operands import Side


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
class WinogradSpelling(WinogradBounds):
    """Lines for the `Transformed` node of a routine, which has no other node. Transformed operands
    that are `held` were made before: there they stand."""

    lines: Lines
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
        return WinogradSpelling(found[0].plan, found[0].names, spelling,
                                WinogradNames.beside(used), found[0].joined, lines)

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
                # results are turned in whole squares, however few they are
                Buffer(own.stage, real, max(plan.left, plan.staged(plan.vector),
                                            plan.staged(plan.scalar), LINE * LINE))]

    def setup(self) -> Iterator[str]:
        """What a call begins with: the steps of a product, and that no operand has entered."""
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

    def _enter(self, side: Side, buffer: str, held: str) -> Iterator[str]:
        """An operand enters, unless what is in its buffer was made for the same task, as the
        number `held` tells, or before the call."""
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

    def _slabs(self) -> Iterator[str]:
        """The vectors enter and are used, all of them or slab after slab."""
        plan = self.plan
        inside = [*self._enter(plan.vector, self.own.vector, self.own.held), *self._product()]
        yield from self._chunks(inside) if plan.is_slabbed else inside

    def _product(self) -> Iterator[str]:
        """The sums of all points, in blocks of lanes and rows that registers hold."""
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
                f"* {own.vectors} * {prefix}_LANES, {own.vectors} * {prefix}_LANES, "
                f"{' || '.join(joined)});"]
        inside = [f"for (ptrdiff_t {own.row} = 0, {own.rows}; {own.row} < {rows}; "
                  f"{own.row} += {own.rows}) {{",
                  f"    {own.rows} = {prefix}_rows({rows} - {own.row});",
                  *indented(call if plan.is_slabbed else self._chunks(call)), "}"]
        if plan.is_by_phases:
            inside = loop(own.phase, 0, plan.phases, inside)
        yield from loop(own.point, 0, plan.points, blocks(inside, own, prefix))
