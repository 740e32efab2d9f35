"""Tile plans in C: what a task does, from its copies to the loops around tiles.

The sums themselves are made by the functions of `templates/c/tiles.jinja`; here stands what
differs from plan to plan. Tables, copies and sums that wait stand in the workspace
(`c_tile_buffers`), where tasks with the same slices and band may share a copy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from symconv.contraction import Span
from symconv.emit.c_bands import band_lines, is_alone, may_shift, shifted
from symconv.emit.c_elements import Elements, Lines
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_gathering import Gathered
from symconv.emit.c_lines import TileNames, indented, loop, loops, with_needed
from symconv.emit.c_packing import packing_lines
from symconv.emit.c_shares import needed, share_lines
from symconv.emit.c_tile import TileBody
from symconv.emit.c_tile_buffers import Planned, planned_of, plans_of, readers, waiting_pitch
from symconv.emit.c_tile_shapes import rows_of
from symconv.emit.c_workspace import Buffer
from symconv.integers import Int
from symconv.loops import Routine, Tiled, declared
from symconv.tiles import Tiles


def tile_spelling(routine: Routine, spelling: Spelling, task: str, taken: Collection[str],
                  lines: Lines) -> TileSpelling:
    """The spelling of a routine's tile plans; `taken` are the names of its program."""
    plans = plans_of(routine)
    used = {*taken, task, *routine.numbers, *declared(routine.body)}
    for plan in plans:
        used |= {span.name for span in (*plan.slices, *plan.loops, plan.row, *plan.taps,
                                        *plan.steps)}
        used |= {part.number for part in plan.parts}
        used |= {lane.name for lane in plan.lanes}
    own = TileNames.beside(used)
    groups = max((plan.shares for node in routine.body if isinstance(node, Tiled) and node.split
                  for term in node.plans for plan in term), default=1)
    planned = planned_of(routine, used, groups)
    made = frozenset(definition.target.name for definition in routine.program.definitions)
    return TileSpelling(spelling, own, planned, task, groups, frozenset(used), lines, made,
                        is_alone(routine))


@dataclass(frozen=True, slots=True)
class TileSpelling:
    """Lines for `Tiled` nodes. `task` is the number of the task, of which `groups` in a row share
    a pack; `used` are names that are taken, `lines` spells other nodes. Copies that are `held` were
    made before: there they stand. Tasks make the tensors `made`, each its own. A plan that is
    `alone` in its routine may move its bands."""

    spelling: Spelling
    own: TileNames
    planned: tuple[Planned, ...]
    task: str
    groups: int
    used: frozenset[str]
    lines: Lines
    made: frozenset[str]
    alone: bool
    held: Mapping[str, str] = field(default_factory=dict)

    def buffers(self) -> list[Buffer]:
        return [buffer for item in self.planned
                for buffer in item.buffers(self.spelling, self.held)]

    def setup(self) -> Iterator[str]:
        """Before all tasks: what they find in the buffers."""
        for item in self.planned:
            yield from item.setup(self.spelling, self.own.step, self.held)
            if item.plan.scalar.tensor not in self.made:
                yield from item.forgotten(self.own.step)

    def node(self, node: Tiled) -> Iterator[str]:
        """The lines of a definition, for the task whose indices are set."""
        spell, wild = self.spelling, self.own.wild
        elements = Elements(node, spell, self.own, self.lines)
        yield "{"
        for item in self.planned:
            if item.plan.scalar.tensor in self.made and any(
                    plan is item.plan for term in node.plans for plan in term):
                yield from indented(item.forgotten(self.own.step))
        if node.repair:
            yield f"    {spell.real} {wild}[{spell.prefix}_LANES] = {{0}};"
        if node.start:
            for plan in node.plans[0]:
                yield from indented(self._placed(node, plan, elements.start(plan)))
        for contraction in node.empty:
            yield from indented(self._empty(node, elements.empty(contraction)))
        for number, term in enumerate(node.plans):
            for plans in readers(term):
                yield from indented(self._plans(node, plans, number > 0 or bool(node.start)))
        if node.repair:
            yield f"    if ({spell.prefix}_is_wild({wild})) {{"
            for plan in node.plans[0]:
                yield from indented(self._placed(node, plan, elements.repair(plan)), 2)
            yield "    }"
        yield "}"

    def _placed(self, node: Tiled, plan: Tiles, inside: Iterable[str]) -> list[str]:
        """The lines within the slices, the band and the group of rows that they speak of."""
        return self._around(node, plan, [*self._share(node, plan), *inside])

    def _empty(self, node: Tiled, inside: Sequence[str]) -> list[str]:
        """The lines for a class without sums, within the band and the group that they speak of."""
        plan = node.plans[0][0]
        found = with_needed([*self._band(node, plan), *self._share(node, plan)], inside)
        return ["{", *indented(found), "}"] if len(found) > len(inside) else found

    def _band(self, node: Tiled, plan: Tiles) -> list[str]:
        """Which lanes a band has."""
        if plan.bands == 1:
            return []
        return list(band_lines(plan, node.names[0], self.spelling, self.own, self._moves(plan)))

    def _share(self, node: Tiled, plan: Tiles) -> list[str]:
        return share_lines(node, plan, self.spelling, self.own)

    def _around(self, node: Tiled, plan: Tiles, inside: Iterable[str]) -> list[str]:
        """The lines within the slices, the band and the groups."""
        band, group = node.names[:2]
        opening = self._band(node, plan)
        spans = [span for span in plan.slices if span.name not in node.fixed]
        counts = ((band, plan.bands, max(p.bands for p in node.plans[0])),
                  (group, plan.shares, max(p.shares for p in node.plans[0])))
        if node.split:
            tests = [f"{name} < {count}" for name, count, most in counts if most > count]
            return loops(spans, [*opening, *inside], " && ".join(tests))
        spans += [Span(name, 0, count) for name, count, _ in counts if count > 1]
        return loops(spans, [*opening, *inside])

    def _plans(self, node: Tiled, plans: Sequence[Tiles], add: bool) -> list[str]:
        """The lines of plans that read one copy, or of a single one: for every part, the copies
        and then the tiles."""
        items = [item for plan in plans for item in self.planned if item.plan is plan]
        copies = self._copies(items[0])
        if len(items) == 1:
            inside = [*copies, *self._sums(node, items[0], add)]
            return self._placed(node, plans[0], _in_parts(plans[0], inside))
        inside = copies if not items[0].made(self.held) else [
            "{", *indented(with_needed(self._share(node, plans[0]), copies)), "}"]
        for item in items:
            inside += ["{", *indented(with_needed(self._share(node, item.plan),
                                                  self._sums(node, item, add))), "}"]
        return self._around(node, plans[0], _in_parts(plans[0], inside))

    def _copies(self, item: Planned) -> list[str]:
        """The copies that a task makes for a plan, or where they stand."""
        plan = item.plan
        lines = [line for copy, packing in item.made(self.held)
                 for line in packing_lines(packing, copy, self.spelling, self.used,
                                           needed(plan, packing, self.own))]
        if lines and item.shared:
            number = f"{self.task} / {self.groups}"
            lines = [f"if ({item.ready} != {number}) {{", *indented(lines),
                     f"    {item.ready} = {number};", "}"]
        return [*lines, *(f"const {self.spelling.real} *const {copy} = {self.held[copy]};"
                          for copy, _ in item.copies if copy in self.held)]

    def _sums(self, node: Tiled, item: Planned, add: bool) -> list[str]:
        """The sums of a part: numbers that are gathered, and the tiles."""
        tiles = list(self._tiles(node, item, add))
        return [*(self._gathering(node, item) if item.plan.gathered else ()),
                *(tiles if item.plan.is_inward else self._looped(item, tiles))]

    def _looped(self, item: Planned, inside: list[str]) -> list[str]:
        """The loops of a plan around lines, which know where their sums wait."""
        plan, place = item.plan, Int.of(0)
        if not plan.is_divided:
            return loops(plan.loops, inside)
        for span in plan.loops:
            place = place * span.extent + Int.of(span.name) - span.low
        place = place * (plan.group * waiting_pitch(plan))
        return loops(plan.loops, [
            f"{self.spelling.real} *const {self.own.place} = {item.waiting} + "
            f"{self.spelling.integer(place)};", *inside])

    def _tiles(self, node: Tiled, item: Planned, add: bool) -> Iterator[str]:
        """Blocks of rows, and for each of them blocks of lanes."""
        spell, own, plan = self.spelling, self.own, item.plan
        lane = own.lane
        begin, end = self._rows(plan)
        many = (Int.of(own.end) if plan.strip else Int.of(own.many) if plan.bands > 1
                else Int.of(plan.lanes[0].extent))
        low = spell.integer(Int.of(own.begin) * plan.lanes[0].pitch) if plan.strip else "0"
        lanes = spell.integer(1 + (many - 1) * plan.lanes[0].pitch + sum(
            (other.extent - 1) * other.pitch for other in plan.lanes[1:]), factor=True)
        body = self._body(node, item, lanes, add)
        around = self._blocks(plan)
        along = (f"for (ptrdiff_t {lane} = {low}, {own.filled}; {lane} < {lanes}; "
                 f"{lane} += {own.filled}) {{")
        if body.is_spread:
            lines = list(body.spread_lines(item.waiting))
        else:
            lines = list(body.lines())
            lines = self._looped(item, lines) if plan.is_inward else lines
        if plan.by_lanes:
            yield along
            yield from indented(body.place(f"{spell.prefix}_{rows_of(plan)}({end} - {begin})"))
            yield from indented([*around, *indented(lines), "}"])
        else:
            yield from around
            yield from indented([along, *indented([*body.place(own.rows), *lines]), "}"])
        yield "}"

    def _gathering(self, node: Tiled, item: Planned) -> list[str]:
        """The numbers of all blocks of rows, in the order in which tiles read them; those that are
        kept are copied once in a call."""
        plan = item.plan
        gathered = Gathered(plan, item.steps, item.numbers, self.spelling, self.own)
        lines = [*self._blocks(plan), *indented(gathered.lines()), "}"]
        if not plan.kept:
            return lines
        number = Int.of(node.names[1] if plan.groups > 1 else 0)
        for part in plan.parts:
            number = number * part.count + (Int.of(part.number) if part.count > 1 else 0)
        mark = f"{item.marks}[{self.spelling.integer(number)}]"
        place = self.spelling.integer(number * (plan.group * plan.run))
        return [f"{self.spelling.real} *const {item.numbers} = {item.kept} + {place};",
                f"if (!{mark}) {{", *indented(lines), f"    {mark} = 1;", "}"]

    def _body(self, node: Tiled, item: Planned, lanes: str, add: bool) -> TileBody:
        plan = shifted(item.plan, self.own) if self._moves(item.plan) else item.plan
        return TileBody(node, plan, item.steps, item.copy, item.other, item.numbers, lanes, add,
                        self.spelling, self.own)

    def _moves(self, plan: Tiles) -> bool:
        """Whether the bands follow the cache lines of an operand."""
        return self.alone and may_shift(plan)

    def _blocks(self, plan: Tiles) -> list[str]:
        """The head of a loop over the blocks of rows of a task."""
        own, row = self.own, plan.row.name
        begin, end = self._rows(plan)
        return [f"for (ptrdiff_t {row} = {begin}, {own.rows}; {row} < {end}; "
                f"{row} += {own.rows}) {{",
                f"    {own.rows} = {self.spelling.prefix}_{rows_of(plan)}({end} - {row});"]

    def _rows(self, plan: Tiles) -> tuple[str, str]:
        own = self.own
        return (own.begin, own.end) if plan.splits_rows else (
            str(plan.row.low), str(plan.row.stop))


def _in_parts(plan: Tiles, inside: list[str]) -> list[str]:
    """Lines within the parts of the reduction."""
    for part in reversed(plan.parts):
        inside = loop(part.number, 0, part.count, inside)
    return inside
