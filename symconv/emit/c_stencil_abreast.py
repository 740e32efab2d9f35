"""Stencil plans for maps abreast in C: maps are turned into sheets, and results turned back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop, loops
from symconv.emit.c_stencil_maps import AbreastSheets
from symconv.emit.c_stencil_names import StencilNames
from symconv.emit.c_stencil_rows import doubted
from symconv.emit.c_stencil_sheets import band_stop
from symconv.emit.c_stencil_taps import Result, Taps
from symconv.integers import Int
from symconv.ir import Access
from symconv.loops import Node, Stenciled
from symconv.stencil import ALIGNED, Read, Tap
from symconv.stencil_abreast import runs


@dataclass(frozen=True, slots=True)
class AbreastTaps(Taps):
    """The taps of a few columns for one map; sheets hold all rows, with the maps innermost."""

    def columns(self, result: Result) -> Iterator[str]:
        """As `lines`, for the columns from `first` on."""
        plan = self.plan
        yield from self._folded(
            [(line, cell + plan.lane_step * column, 0,
              tuple(self._strip(tap, column) for tap in taps))
             for column in range(plan.strips) for line, cells in enumerate(plan.cells)
             for cell, taps in enumerate(cells)], result)

    def _strip(self, tap: Tap, number: int) -> Tap:
        def right(read: Read) -> Read:
            return replace(read, column=read.column + number * self.plan.sheets[read.sheet].step)

        return replace(tap, reads=tuple((access, right(read)) for access, read in tap.reads),
                       marks=tuple((right(read), value) for read, value in tap.marks))

    def _factor(self, number: int) -> str:
        return f"{self.own.factor}[{self.spell.integer(Int.of(self.own.lane) + number * ALIGNED)}]"

    def _element(self, number: int, row: int, column: int) -> str:
        own, sheet = self.own, self.plan.sheets[number]
        place = (Int.of(own.top) * sheet.row_step + (row - sheet.rows[0])) * sheet.width(
            self.plan.lanes) + Int.of(own.first) * sheet.step + (column - sheet.columns[0])
        return (f"{own.sheet}_{number}"
                f"[{self.spell.integer(place * ALIGNED + Int.of(own.lane))}]")


def abreast_lines(node: Stenciled, spell: Spelling, own: StencilNames,
                  integers: Mapping[str, str], whole: str,
                  plain: Callable[[Sequence[Node]], Iterator[str]]) -> Iterator[str]:
    """The lines of a node for the maps of a group; `plain` spells what computes them once more."""
    maps, plans = node.plan.abreast, (*node.before, node.plan)
    assert maps is not None
    begin = spell.integer(Int.of(maps.group) * ALIGNED)
    even = maps.extent % ALIGNED == 0
    start = begin if even else f"{spell.prefix}_min({begin}, {maps.extent - ALIGNED})"
    stop = f"{begin} + {ALIGNED}" if even else (
        f"{spell.prefix}_min({begin} + {ALIGNED}, {maps.extent})")
    repaired = any(plan.doubts or plan.watched or plan.missing for plan in plans)
    odd = any(plan.doubts for plan in plans)
    if repaired:
        yield f"int {own.bad} = 0;"
    if odd:
        yield f"_Alignas(64) {whole} {own.odd}[{ALIGNED}] = {{0}};"
    yield "{"
    yield f"    const ptrdiff_t {maps.index} = {start};"
    for plan in node.before:
        size = plan.extent[0] * plan.extent[1] * ALIGNED
        yield f"    _Alignas(64) {whole} {own.kept}[{size}];"
    kept = node.before[0] if node.before else None
    for plan in plans:
        yield "    {"
        yield from indented(AbreastLines(plan, maps, kept, spell, own, integers, whole).lines(), 2)
        yield "    }"
    yield "}"
    if odd:
        yield from loop(own.lane, 0, ALIGNED, [f"{own.bad} |= {own.odd}[{own.lane}] != 0;"])
    if repaired:
        yield f"if ({own.bad}) {{"
        yield from indented(loop(maps.index, begin, stop, plain(node.plain)))
        yield "}"


@dataclass(frozen=True, slots=True)
class AbreastLines(AbreastSheets):
    """The lines of a plan for the maps of a group."""

    def lines(self) -> Iterator[str]:
        yield from self.room()
        yield from self._factors()
        yield from self._sums() if self.plan.targets else self._rows()

    def _factors(self) -> Iterator[str]:
        """The scalars of all maps; those that are one behind the other are turned."""
        plan, own, spell = self.plan, self.own, self.spell
        if not plan.scalars:
            return
        yield f"_Alignas(64) {spell.real} {own.factor}[{len(plan.scalars) * ALIGNED}];"
        extents = {name: [extent.constant or 1 for extent in given]
                   for name, given in spell.extents.items()}
        for first, count in runs(plan.scalars, extents):
            scalar = plan.scalars[first]
            yield (f"{spell.prefix}_abreast({own.factor} + {first * ALIGNED}, "
                   f"&{spell.element(scalar.tensor, scalar.subscripts)}, "
                   f"{self.stride(scalar.tensor, scalar.subscripts)}, {count});")
        if plan.watched:
            places = [self.spell.integer(Int.of(own.lane) + plan.scalars.index(one) * ALIGNED)
                      for one in plan.watched]
            zero = " + ".join(f"({own.factor}[{one}] - {own.factor}[{one}])" for one in places)
            yield from loop(own.lane, 0, ALIGNED, [f"{own.bad} |= !({zero} == 0);"])

    def _rows(self) -> Iterator[str]:
        """Every band of results, turned back when it is whole, unless places are kept."""
        plan, own, spell = self.plan, self.own, self.spell
        taps = AbreastTaps(plan, spell, own, self.integers, self.whole)
        wide, base = plan.extent[1], Int.of(0) if plan.places else Int.of(own.band)
        to = own.kept if plan.places else own.out

        def result(line: int, cell: int, value: str, place: str | None) -> Iterator[str]:
            there = ((Int.of(own.top) - base) * plan.row_step + line) * wide + (
                Int.of(own.first) * plan.lane_step + cell)
            spot = spell.integer(there * ALIGNED + Int.of(own.lane))
            yield f"{to}[{spot}] = {place or value};"
            if plan.missing:
                yield from doubted(plan, spell, own, value)

        for number in range(len(plan.sheets)):
            yield from self.filled(number)
        yield from self.searched()
        inside = list(self._columns(list(taps.columns(result))))
        if plan.places:
            yield from loop(own.top, 0, plan.rows, inside)
            return
        yield f"_Alignas(64) {spell.real} {to}[{plan.band * plan.row_step * wide * ALIGNED}];"
        yield (f"for (ptrdiff_t {own.band} = 0; {own.band} < {plan.rows}; "
               f"{own.band} += {plan.band}) {{")
        yield f"    const ptrdiff_t {own.next} = {band_stop(plan, spell, own)};"
        yield from indented(loop(own.top, own.band, own.next, inside))
        subscripts = [*plan.leads, Int.of(0)]
        if plan.axis is not None:
            subscripts.insert(plan.axis, Int.of(own.band) * plan.row_step)
        name = plan.value or ""
        count = (Int.of(own.next) - Int.of(own.band)) * (plan.row_step * wide)
        yield (f"    {spell.prefix}_apart({name} + {spell.offset(name, tuple(subscripts))}, "
               f"{self.stride(name, plan.leads)}, {own.out}, {spell.integer(count)}, "
               f"{self._others()});")
        yield "}"

    def _columns(self, inside: list[str]) -> Iterator[str]:
        """Loops over all columns and maps."""
        plan, own = self.plan, self.own
        yield (f"for (ptrdiff_t {own.first} = 0; {own.first} < {plan.lanes}; "
               f"{own.first} += {plan.strips}) {{")
        yield from indented(loop(own.lane, 0, ALIGNED, inside))
        yield "}"

    def _others(self) -> str:
        """How many maps of the group another one computes, too."""
        if self.maps.extent % ALIGNED == 0:
            return "0"
        return self.spell.integer(Int.of(self.maps.group) * ALIGNED - Int.of(self.maps.index))

    def _sums(self) -> Iterator[str]:
        """The sums of the taps over all rows and columns, for each map."""
        plan, own, spell = self.plan, self.own, self.spell
        taps = AbreastTaps(plan, spell, own, self.integers, self.whole)
        size = len(plan.targets) * ALIGNED

        def result(line: int, cell: int, value: str, place: str | None) -> Iterator[str]:
            yield f"{own.out}[{spell.integer(Int.of(own.lane) + cell * ALIGNED)}] += {value};"

        clear = [f"{own.out}[{own.lane}] = 0;"]
        yield f"_Alignas(64) {spell.real} {own.out}[{size}];"
        yield from loop(own.lane, 0, size, clear)
        body = [line for number in range(len(plan.sheets)) for line in self.filled(number)]
        body += loop(own.top, 0, plan.rows, self._columns(
            list(taps.products(plan.strips, result))))
        if any(span.extent > 1 for span in plan.turns):      # short sums lose less
            yield f"_Alignas(64) {spell.real} {own.kept}[{size}] = {{0}};"
            body += loop(own.lane, 0, size, [
                f"{own.kept}[{own.lane}] += {own.out}[{own.lane}];", *clear])
        yield from loops(plan.turns, body)
        if any(span.extent > 1 for span in plan.turns):
            yield from loop(own.lane, 0, size, [
                f"{own.out}[{own.lane}] = {own.kept}[{own.lane}];"])
        if plan.missing:
            yield from loop(own.lane, 0, size, [
                f"{own.bad} |= !({own.out}[{own.lane}] - {own.out}[{own.lane}] == 0);"])
        name = plan.value or ""
        targets = tuple(Access(name, target) for target in plan.targets)
        extents = {name: [extent.constant or 1 for extent in spell.extents[name]]}
        for first, count in runs(targets, extents):
            begin = targets[first].subscripts
            yield (f"{spell.prefix}_apart(&{spell.element(name, begin)}, "
                   f"{self.stride(name, begin)}, {own.out} + {first * ALIGNED}, {count}, "
                   f"{self._others()});")
