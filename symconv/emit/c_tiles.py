"""Tile plans in C: the workspace, the tables of steps, and the loops around tiles.

The sums themselves are made by the functions of `templates/c/tiles.jinja`; here stands what
differs from plan to plan. A routine's plans share its workspace: each has a table of steps and,
where an operand is copied, the copy, which tasks with the same slices and band share.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from symconv.contraction import Span
from symconv.emit.c_elements import Elements, Lines
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import TileNames, indented, loop, loops
from symconv.emit.c_packing import packing_lines
from symconv.emit.c_tile import BEHIND, TileBody, waiting_pitch
from symconv.integers import Int
from symconv.loops import Let, Loop, Node, Routine, Tiled, When
from symconv.names import fresh
from symconv.packing import Packing
from symconv.tiles import Tiles


@dataclass(frozen=True, slots=True)
class Buffer:
    """A part of the workspace: `count` elements of a C type."""

    name: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with the names of its table, its copies, the gathered numbers (and all that are kept
    with their marks), the number of the
    pack that is there and the sums that wait between two parts. `shared` tells whether tasks in
    a row use the same copy: not if it holds a part, or the task's rows, or if the task makes one
    for each of several slices."""

    plan: Tiles
    steps: str
    copy: str
    other: str
    numbers: str
    kept: str
    marks: str
    ready: str
    waiting: str
    shared: bool

    @property
    def copies(self) -> list[tuple[str, Packing]]:
        """The packed operands."""
        plan = self.plan
        found = [] if plan.packing is None else [(self.copy, plan.packing)]
        return [*found, *([] if plan.dots is None else [(self.other, plan.dots.packing)])]


def plans_of(routine: Routine) -> list[Tiles]:
    """The tile plans of a routine, in the order in which they run."""
    return [plan for node in routine.body if isinstance(node, Tiled)
            for term in node.plans for plan in term]


def tile_spelling(routine: Routine, spelling: Spelling, task: str, taken: Collection[str],
                  lines: Lines) -> TileSpelling:
    """The spelling of a routine's tile plans; `taken` are the names of its program."""
    plans = plans_of(routine)
    used = {*taken, task, *routine.numbers, *_declared(routine.body)}
    for plan in plans:
        used |= {span.name for span in (*plan.slices, *plan.loops, plan.row, *plan.taps,
                                        *plan.steps)}
        used |= {part.number for part in plan.parts}
        used |= {lane.name for lane in plan.lanes}
    own = TileNames.beside(used)
    groups = max((plan.shares for node in routine.body if isinstance(node, Tiled) and node.split
                  for term in node.plans for plan in term), default=1)
    planned = tuple(
        Planned(plan, fresh("steps", used), fresh("packed", used), fresh("other", used),
                fresh("numbers", used), fresh("kept", used), fresh("marks", used),
                fresh("ready", used), fresh("waiting", used),
                groups > 1 and _is_shared(plan, node))
        for node in routine.body if isinstance(node, Tiled) for term in node.plans
        for plan in term)
    return TileSpelling(spelling, own, planned, task, groups, frozenset(used), lines)


@dataclass(frozen=True, slots=True)
class TileSpelling:
    """Lines for `Tiled` nodes. `task` is the number of the task, of which `groups` in a row share
    a pack; `used` are names that are taken, `lines` spells other nodes. Copies that are `held` were
    made before: there they stand."""

    spelling: Spelling
    own: TileNames
    planned: tuple[Planned, ...]
    task: str
    groups: int
    used: frozenset[str]
    lines: Lines
    held: Mapping[str, str] = field(default_factory=dict)

    def buffers(self) -> list[Buffer]:
        found: list[Buffer] = []
        for item in self.planned:
            plan = item.plan
            count = plan.chunk * plan.inner
            found.append(Buffer(item.steps, f"{self.spelling.prefix}_step", count))
            found += [Buffer(copy, self.spelling.real, packing.size)
                      for copy, packing in self._made(item)]
            if plan.gathered:
                name, count = (item.kept, copies(plan)) if plan.kept else (item.numbers, 1)
                found.append(Buffer(name, self.spelling.real, count * plan.group * plan.run))
                found += [Buffer(item.marks, "unsigned char", count)] if plan.kept else []
            if is_divided(plan):
                count = math.prod(span.extent for span in plan.loops) * plan.group
                count += plan.is_spread * BEHIND * plan.group
                found.append(Buffer(item.waiting, self.spelling.real, count * waiting_pitch(plan)))
        return found

    def setup(self) -> Iterator[str]:
        """Before all tasks: the tables, and the zeros behind each copy."""
        spell, step = self.spelling, self.own.step
        for item in self.planned:
            plan = item.plan
            spans = [Span(span.name, 0, span.extent if number else plan.chunk)
                     for number, span in enumerate(plan.steps)]
            yield "{"
            yield f"    {spell.prefix}_step *{step} = {item.steps};"
            yield from indented(loops(spans, [
                f"{step}->scalar = (int32_t)({spell.integer(plan.scalar.step)});",
                f"{step}->vector = (int32_t)({spell.integer(plan.vector.step)});",
                f"{step}++;"]))
            yield "}"
            for copy, packing in self._made(item):
                yield zeros_behind(packing, copy, spell)
            if item.shared and self._made(item):
                yield f"ptrdiff_t {item.ready} = -1;"
            if plan.kept:
                yield from loop(self.own.step, 0, copies(plan), [
                    f"{item.marks}[{self.own.step}] = 0;"])

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
        if plan.shares > 1:
            begin = spell.integer(Int.of(group) * plan.grain + plan.row.low)
            many = str(plan.grain) if node.joined is None else f"{node.joined.name} * {plan.grain}"
            opening += [f"const ptrdiff_t {own.begin} = {begin};",
                        f"const ptrdiff_t {own.end} = {spell.prefix}_min({own.begin} + "
                        f"{many}, {plan.row.stop});"]
        spans = [span for span in plan.slices if span.name not in node.fixed]
        counts = ((band, plan.bands, max(p.bands for p in node.plans[0])),
                  (group, plan.shares, max(p.shares for p in node.plans[0])))
        if node.split:
            tests = [f"{name} < {count}" for name, count, most in counts if most > count]
            return loops(spans, [*opening, *inside], " && ".join(tests))
        spans += [Span(name, 0, count) for name, count, _ in counts if count > 1]
        return loops(spans, [*opening, *inside])

    def _plan(self, node: Tiled, plan: Tiles, add: bool) -> Iterator[str]:
        item = next(item for item in self.planned if item.plan is plan)
        inside: list[str] = []
        lines = [line for copy, packing in self._made(item)
                 for line in packing_lines(packing, copy, self.spelling, self.used)]
        if lines:
            if item.shared:
                number = f"{self.task} / {self.groups}"
                lines = [f"if ({item.ready} != {number}) {{", *indented(lines),
                         f"    {item.ready} = {number};", "}"]
            inside += lines
        inside += [f"const {self.spelling.real} *const {copy} = {self.held[copy]};"
                   for copy, _ in item.copies if copy in self.held]
        if plan.gathered:
            inside += self._gathering(node, item)
        tiles = list(self._tiles(node, item, add))
        inside += tiles if plan.is_inward else self._looped(item, tiles)
        for part in reversed(plan.parts):
            inside = loop(part.number, 0, part.count, inside)
        yield from inside

    def _made(self, item: Planned) -> list[tuple[str, Packing]]:
        """The packed operands of a plan that a call makes."""
        return [(copy, packing) for copy, packing in item.copies if copy not in self.held]

    def _looped(self, item: Planned, inside: list[str]) -> list[str]:
        """The loops of a plan around lines, which know where their sums wait."""
        plan, place = item.plan, Int.of(0)
        if not is_divided(plan):
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
        many = Int.of(own.many) if plan.bands > 1 else Int.of(plan.lanes[0].extent)
        lanes = spell.integer(1 + (many - 1) * plan.lanes[0].pitch + sum(
            (other.extent - 1) * other.pitch for other in plan.lanes[1:]), factor=True)
        body = self._body(node, item, lanes, add)
        around = self._blocks(plan)
        along = (f"for (ptrdiff_t {lane} = 0, {own.filled}; {lane} < {lanes}; "
                 f"{lane} += {own.filled}) {{")
        if body.is_spread:
            lines = list(body.spread_lines(item.waiting))
        else:
            lines = list(body.lines())
            lines = self._looped(item, lines) if plan.is_inward else lines
        if plan.by_lanes:
            yield along
            yield from indented(body.place(f"{spell.prefix}_rows({end} - {begin})"))
            yield from indented([*around, *indented(lines), "}"])
        else:
            yield from around
            yield from indented([along, *indented([*body.place(own.rows), *lines]), "}"])
        yield "}"


    def _gathering(self, node: Tiled, item: Planned) -> list[str]:
        """The numbers of all blocks of rows, in the order in which tiles read them; those that are
        kept are copied once in a call."""
        plan = item.plan
        lines = [*self._blocks(plan), *indented(self._body(node, item, "0", False).gathering()),
                 "}"]
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
        return TileBody(node, item.plan, item.steps, item.copy, item.other, item.numbers, lanes,
                        add, self.spelling, self.own)

    def _blocks(self, plan: Tiles) -> list[str]:
        """The head of a loop over the blocks of rows of a task."""
        own, row = self.own, plan.row.name
        begin, end = self._rows(plan)
        return [f"for (ptrdiff_t {row} = {begin}, {own.rows}; {row} < {end}; "
                f"{row} += {own.rows}) {{",
                f"    {own.rows} = {self.spelling.prefix}_rows({end} - {row});"]

    def _rows(self, plan: Tiles) -> tuple[str, str]:
        own = self.own
        return (own.begin, own.end) if plan.shares > 1 else (
            str(plan.row.low), str(plan.row.stop))


def zeros_behind(packing: Packing, copy: str, spelling: Spelling) -> str:
    """What the last tile may read behind a copy."""
    return f"{spelling.prefix}_zero({copy} + {packing.size - packing.slack}, {packing.slack});"


def _is_shared(plan: Tiles, node: Tiled) -> bool:
    """Whether tasks in a row use the same copy: not if it holds a part, or the task's rows."""
    return (node.split and plan.packing is not None and plan.dots is None
            and not is_divided(plan) and all(span.name in node.fixed for span in plan.slices))


def copies(plan: Tiles) -> int:
    """How many copies of gathered numbers a plan keeps."""
    return plan.groups * math.prod(part.count for part in plan.parts)


def is_divided(plan: Tiles) -> bool:
    """Whether sums wait between the parts of a reduction."""
    return any(part.count > 1 for part in plan.parts)


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
