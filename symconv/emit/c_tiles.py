"""Tile plans in C: the workspace, the tables of steps, and the loops around tiles.

The sums themselves are made by the functions of `templates/c/tiles.jinja`; here stands what
differs from plan to plan. A routine's plans share its workspace: each has a table of steps and,
where an operand is copied, the copy, which tasks with the same slices and band share.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from symconv.contraction import Span
from symconv.emit.c_elements import Elements, Lines
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import TileNames, indented, loops
from symconv.emit.c_packing import packing_lines
from symconv.emit.c_tile import TileBody
from symconv.integers import Int
from symconv.loops import Let, Loop, Node, Routine, Tiled, When
from symconv.names import fresh
from symconv.tiles import Tiles


@dataclass(frozen=True, slots=True)
class Buffer:
    """A part of the workspace: `count` elements of a C type."""

    name: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with the names of its table, its copy and the number of the pack that is there."""

    plan: Tiles
    steps: str
    copy: str
    ready: str


def plans_of(routine: Routine) -> list[Tiles]:
    """The tile plans of a routine, in the order in which they run."""
    return [plan for node in routine.body if isinstance(node, Tiled)
            for term in node.plans for plan in term]


def tile_spelling(routine: Routine, spelling: Spelling, task: str, taken: Collection[str],
                  lines: Lines) -> TileSpelling:
    """The spelling of a routine's tile plans; `taken` are the names of its program."""
    plans = plans_of(routine)
    used = {*taken, task, *(name for name, _ in routine.tasks), *_declared(routine.body)}
    for plan in plans:
        used |= {span.name for span in (*plan.slices, *plan.loops, plan.row, *plan.steps)}
        used |= {lane.name for lane in plan.lanes}
    own = TileNames.beside(used)
    planned = tuple(Planned(plan, fresh("steps", used), fresh("packed", used),
                            fresh("ready", used)) for plan in plans)
    groups = max((plan.groups for node in routine.body if isinstance(node, Tiled) and node.split
                  for term in node.plans for plan in term), default=1)
    return TileSpelling(spelling, own, planned, task, groups, frozenset(used), lines)


@dataclass(frozen=True, slots=True)
class TileSpelling:
    """Lines for `Tiled` nodes. `task` is the number of the task, of which `groups` in a row share
    a pack; `used` are names that are taken, `lines` spells other nodes."""

    spelling: Spelling
    own: TileNames
    planned: tuple[Planned, ...]
    task: str
    groups: int
    used: frozenset[str]
    lines: Lines

    def buffers(self) -> list[Buffer]:
        found: list[Buffer] = []
        for item in self.planned:
            count = item.plan.chunk * item.plan.taps
            found.append(Buffer(item.steps, f"{self.spelling.prefix}_step", count))
            if item.plan.packing is not None:
                found.append(Buffer(item.copy, self.spelling.real, item.plan.packing.size))
        return found

    def setup(self) -> Iterator[str]:
        """Before all tasks: the tables, and the zeros behind each copy."""
        spell, step = self.spelling, self.own.step
        for item in self.planned:
            plan, packing = item.plan, item.plan.packing
            spans = [Span(span.name, 0, span.extent if number else plan.chunk)
                     for number, span in enumerate(plan.steps)]
            yield "{"
            yield f"    {spell.prefix}_step *{step} = {item.steps};"
            yield from indented(loops(spans, [
                f"{step}->scalar = (int32_t)({spell.integer(plan.scalar.step)});",
                f"{step}->vector = (int32_t)({spell.integer(plan.vector.step)});",
                f"{step}++;"]))
            yield "}"
            if packing is not None:
                yield (f"{spell.prefix}_zero({item.copy} + {packing.size - packing.slack}, "
                       f"{packing.slack});")
                if self.groups > 1:
                    yield f"ptrdiff_t {item.ready} = -1;"

    def node(self, node: Tiled) -> Iterator[str]:
        """The lines of a definition, for the task whose indices are set."""
        spell, wild = self.spelling, self.own.wild
        spell.helpers.add("min")
        elements = Elements(node, spell, self.own, self.lines)
        yield "{"
        if node.repair:
            yield f"    {spell.real} {wild}[{spell.prefix}_LANES] = {{0}};"
        if node.start:
            for plan in node.plans[0]:
                yield from indented(self._placed(node, plan, elements.start(plan)))
        for contraction in node.empty:
            yield from indented(elements.empty(contraction))
        for number, term in enumerate(node.plans):
            for plan in term:
                add = number > 0 or bool(node.start)
                yield from indented(self._placed(node, plan, self._plan(node, plan, add)))
        if node.repair:
            yield f"    if ({spell.prefix}_is_wild({wild})) {{"
            for plan in node.plans[0]:
                yield from indented(self._placed(node, plan, elements.repair(plan)), 2)
            yield "    }"
        yield "}"

    def _placed(self, node: Tiled, plan: Tiles, inside: Iterable[str]) -> list[str]:
        """The lines within the slices, the band and the group of rows that they speak of."""
        own, spell = self.own, self.spelling
        band, group = node.names[:2]
        opening: list[str] = []
        if plan.bands > 1:
            opening += [f"const ptrdiff_t {own.first} = {band} * {plan.band};",
                        f"const ptrdiff_t {own.many} = {spell.prefix}_min({plan.band}, "
                        f"{plan.lanes[0].extent} - {own.first});"]
        if plan.groups > 1:
            begin = spell.integer(Int.of(group) * plan.group + plan.row.low)
            opening += [f"const ptrdiff_t {own.begin} = {begin};",
                        f"const ptrdiff_t {own.end} = {spell.prefix}_min({own.begin} + "
                        f"{plan.group}, {plan.row.stop});"]
        spans = [span for span in plan.slices if span.name not in node.fixed]
        counts = ((band, plan.bands, max(p.bands for p in node.plans[0])),
                  (group, plan.groups, max(p.groups for p in node.plans[0])))
        if node.split:
            tests = [f"{name} < {count}" for name, count, most in counts if most > count]
            return loops(spans, [*opening, *inside], " && ".join(tests))
        spans += [Span(name, 0, count) for name, count, _ in counts if count > 1]
        return loops(spans, [*opening, *inside])

    def _plan(self, node: Tiled, plan: Tiles, add: bool) -> Iterator[str]:
        item = next(item for item in self.planned if item.plan is plan)
        if plan.packing is not None:
            lines = packing_lines(plan.packing, item.copy, self.spelling, self.used)
            if node.split and self.groups > 1:
                number = f"{self.task} / {self.groups}"
                yield f"if ({item.ready} != {number}) {{"
                yield from indented(lines)
                yield f"    {item.ready} = {number};"
                yield "}"
            else:
                yield from lines
        yield from loops(plan.loops, self._tiles(node, item, add))

    def _tiles(self, node: Tiled, item: Planned, add: bool) -> Iterator[str]:
        """Blocks of rows, and for each of them blocks of lanes."""
        spell, own, plan = self.spelling, self.own, item.plan
        row, lane = plan.row.name, own.lane
        begin, end = (own.begin, own.end) if plan.groups > 1 else (plan.row.low, plan.row.stop)
        many = Int.of(own.many) if plan.bands > 1 else Int.of(plan.lanes[0].extent)
        lanes = spell.integer(1 + (many - 1) * plan.lanes[0].pitch + sum(
            (other.extent - 1) * other.pitch for other in plan.lanes[1:]), factor=True)
        body = TileBody(node, plan, item.steps, item.copy, lanes, add, spell, own)
        yield f"for (ptrdiff_t {row} = {begin}, {own.rows}; {row} < {end}; {row} += {own.rows}) {{"
        yield f"    {own.rows} = {spell.prefix}_rows({end} - {row});"
        yield (f"    for (ptrdiff_t {lane} = 0, {own.filled}; {lane} < {lanes}; "
               f"{lane} += {own.filled}) {{")
        yield from indented(body.lines(), 2)
        yield "    }"
        yield "}"


def _declared(nodes: Sequence[Node]) -> set[str]:
    """The names that nodes declare."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case Loop(name=name, body=body):
                found |= {name} | _declared(body)
            case When(body=body):
                found |= _declared(body)
            case Let(name=name):
                found.add(name)
            case Tiled(names=names, start=start, repair=repair):
                found |= {*names} | _declared(start) | _declared(repair)
    return found
