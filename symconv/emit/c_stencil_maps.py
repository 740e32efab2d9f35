"""Sheets of maps abreast in C: operands are turned into them, with what stands around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.emit.c_stencil_names import StencilNames
from symconv.emit.c_stencil_sheets import element_type, pad_text
from symconv.emit.c_stencil_taps import Taps
from symconv.integers import Int
from symconv.stencil import ALIGNED, Abreast, Sheet, Stencil
from symconv.stencil_abreast import at_once

_SEARCHED = 8           # elements that are looked at together


@dataclass(frozen=True, slots=True)
class AbreastSheets:
    """The sheets of a plan for the maps of a group, `kept` the plan whose places are kept, if any.
    `integers` are stored types by tensor, `whole` is the type of a place in a lane."""

    plan: Stencil
    maps: Abreast
    kept: Stencil | None
    spell: Spelling
    own: StencilNames
    integers: Mapping[str, str]
    whole: str

    def stride(self, tensor: str, subscripts: Sequence[Int]) -> int:
        """The distance of maps."""
        taps = Taps(self.plan, self.spell, self.own, self.integers, self.whole)
        return next(((place.coefficient(self.maps.index).constant or 0) * taps.stride(tensor, axis)
                     for axis, place in enumerate(subscripts)
                     if self.maps.index in place.names()), 0)

    def room(self) -> Iterator[str]:
        """Room for the operands, with what stands around them."""
        plan, own = self.plan, self.own
        for number, sheet in enumerate(plan.sheets):
            size = sheet.height(plan.rows) * sheet.width(plan.lanes) * ALIGNED
            kind = element_type(sheet, self.spell, self.whole)
            yield f"_Alignas(64) {kind} {own.sheet}_{number}[{size}];"
            yield from self._around(number)

    def _around(self, number: int) -> Iterator[str]:
        """What stands around an operand: rows above and below, columns on both sides."""
        plan, own, sheet = self.plan, self.own, self.plan.sheets[number]
        rows, columns = self._inside(sheet)
        width, size = sheet.width(plan.lanes), sheet.height(plan.rows) * sheet.width(plan.lanes)
        above = (rows.start - sheet.rows[0] if sheet.axis is not None else 0) * width
        below = above + len(rows) * width
        left = columns.start - sheet.columns[0]
        sides = ((0, left), (left + len(columns), width)) if rows and columns else ()
        pad = pad_text(sheet.pad, self.spell)
        for begin, end in ((0, above), (below, size)) if sides else ((0, size),):
            if begin < end:
                yield from loop(own.lane, begin * ALIGNED, end * ALIGNED, [
                    f"{own.sheet}_{number}[{own.lane}] = {pad};"])
        for begin, end in sides:
            if begin < end:
                place = (Int.of(own.at) * width + above) * ALIGNED + Int.of(own.lane)
                yield from loop(own.at, 0, len(rows), loop(
                    own.lane, begin * ALIGNED, end * ALIGNED, [
                        f"{own.sheet}_{number}[{self.spell.integer(place)}] = {pad};"]))

    def _inside(self, sheet: Sheet) -> tuple[range, range]:
        """The rows and columns of an operand that a sheet holds."""
        high = sheet.columns[0] + sheet.width(self.plan.lanes)
        columns = range(max(sheet.columns[0], sheet.valid[-1][0]), min(high, sheet.valid[-1][1]))
        if sheet.axis is None:
            return range(1), columns
        low, stop = sheet.valid[sheet.axis]
        return range(max(sheet.rows[0], low),
                     min(sheet.rows[0] + sheet.height(self.plan.rows), stop)), columns

    def filled(self, number: int) -> Iterator[str]:
        """An operand into its sheet: some rows at once, which lie one behind the other."""
        plan, own, spell = self.plan, self.own, self.spell
        sheet = plan.sheets[number]
        rows, columns = self._inside(sheet)
        wide, width = spell.extents[sheet.tensor][-1].constant or 1, sheet.width(plan.lanes)
        if not rows or not columns:
            return
        places = list(sheet.places)
        run = at_once(len(rows), wide)
        if sheet.axis is not None:
            places[sheet.axis] = Int.of(own.at)
        source = f"{sheet.tensor} + {spell.offset(sheet.tensor, tuple(places))}"
        if number in plan.marked and self.kept is not None:
            yield from self._kept(number, rows, columns)
            return
        stride = self.stride(sheet.tensor, sheet.places)
        place = (Int.of(own.at) - (sheet.rows[0] if sheet.axis is not None else 0)) * width
        if columns == range(wide) and wide == width:
            run = len(rows)
            inside = [f"{spell.prefix}_abreast({own.sheet}_{number} + "
                      f"{spell.integer(place * ALIGNED)}, {source}, {stride}, {run * wide});"]
        else:
            there = (place + Int.of(own.run) * width + (columns[0] - sheet.columns[0])) * ALIGNED
            here = (Int.of(own.run) * wide + columns[0]) * ALIGNED
            many = str(run) if len(rows) % run == 0 else (
                f"{spell.prefix}_min({run}, {spell.integer(Int.of(rows.stop) - Int.of(own.at))})")
            inside = [
                f"_Alignas(64) {spell.real} {own.spot}[{run * wide * ALIGNED}];",
                f"{spell.prefix}_abreast({own.spot}, {source}, {stride}, {many} * {wide});",
                *loop(own.run, 0, many, [
                    f"{spell.real} *const {own.to} = {own.sheet}_{number} + "
                    f"{spell.integer(there)};",
                    f"const {spell.real} *const {own.there} = {own.spot} + "
                    f"{spell.integer(here)};",
                    *loop(own.lane, 0, len(columns) * ALIGNED, [
                        f"{own.to}[{own.lane}] = {own.there}[{own.lane}];"])])]
        yield (f"for (ptrdiff_t {own.at} = {rows.start}; {own.at} < {rows.stop}; "
               f"{own.at} += {run}) {{")
        yield from indented(inside)
        yield "}"

    def _kept(self, number: int, rows: range, columns: range) -> Iterator[str]:
        """The places that are kept, into their sheet."""
        own, spell, sheet = self.own, self.spell, self.plan.sheets[number]
        assert self.kept is not None
        low = sheet.rows[0] if sheet.axis is not None else 0
        there = ((Int.of(own.at) - low) * sheet.width(self.plan.lanes)
                 + (columns[0] - sheet.columns[0])) * ALIGNED + Int.of(own.lane)
        here = (Int.of(own.at) * self.kept.extent[1] + columns[0]) * ALIGNED + Int.of(own.lane)
        yield from loop(own.at, rows.start, rows.stop, loop(
            own.lane, 0, len(columns) * ALIGNED, [
                f"{own.sheet}_{number}[{spell.integer(there)}] = "
                f"{own.kept}[{spell.integer(here)}];"]))

    def searched(self) -> Iterator[str]:
        """The NaNs of an extremum's operands are looked for, in many elements at once: what is
        found is written and read again before the next ones."""
        plan, own = self.plan, self.own
        for number in plan.noticed:
            sheet = plan.sheets[number]
            size = sheet.height(plan.rows) * sheet.width(plan.lanes)

            def found(place: Int, count: int, number: int = number) -> str:
                values = [f"{own.sheet}_{number}"
                          f"[{self.spell.integer((place + k) * ALIGNED + Int.of(own.lane))}]"
                          for k in range(count)]
                pairs = zip(values[::2], [*values[1::2], *values[-1:]][:len(values[::2])],
                            strict=True)
                return f"{own.odd}[{own.lane}] |= " + " | ".join(
                    f"isunordered({left}, {right})" for left, right in pairs) + ";"

            whole, rest = divmod(size, _SEARCHED)
            yield from loop(own.at, 0, whole, loop(own.lane, 0, ALIGNED, [
                found(Int.of(own.at) * _SEARCHED, _SEARCHED)]))
            if rest:
                yield from loop(own.lane, 0, ALIGNED, [found(Int.of(whole * _SEARCHED), rest)])
