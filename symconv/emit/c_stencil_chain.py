"""Chained stencil plans in C: places go from the first plan into a sheet of the second one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.emit.c_stencil_names import StencilNames
from symconv.emit.c_stencil_rows import Rows
from symconv.emit.c_stencil_sheets import bands, pad_text, room, staging
from symconv.integers import Int
from symconv.stencil import Sheet, Stencil


@dataclass(frozen=True, slots=True)
class KeptRows(Rows):
    """Rows of places that go into the sheet of that name, which holds those of the band of
    `outer`, instead of a target."""

    sheet: Sheet
    lanes: int
    name: str
    outer: StencilNames

    def _targets(self, line: int) -> Iterator[str]:
        own, sheet = self.own, self.sheet
        pitch = sheet.pitch(self.lanes)
        place = (Int.of(own.top) + (line - sheet.rows[0]) - Int.of(self.outer.band)) * pitch
        yield (f"{self.whole} *const {own.there}_{line} = {self.name} + "
               f"{self.spell.integer(place + sheet.origin())};")


@dataclass(frozen=True, slots=True)
class Chain:
    """Two chained plans: `own` are the names of the last one, `inner` those of the first.
    `integers` are stored types by tensor, `whole` is the type of a place in a lane."""

    first: Stencil
    last: Stencil
    spell: Spelling
    own: StencilNames
    inner: StencilNames
    integers: Mapping[str, str]
    whole: str

    def lines(self) -> Iterator[str]:
        """The lines of both definitions; `bad` of the first plan is set where its element loops
        are needed."""
        last, own, inner = self.last, self.own, self.inner
        rows = Rows(last, self.spell, own, self.integers, self.whole)
        if self.first.doubts:
            yield f"_Alignas(64) {self.whole} {inner.odd}[{self.first.columns}] = {{0}};"
        yield from room(self.first, self.spell, inner, self.whole)
        yield from room(last, self.spell, own, self.whole)
        yield from loop(own.lane, 0, self._height * self._pitch, [
            f"{self._name}[{own.lane}] = {pad_text('never', self.spell)};"])
        yield from rows.buffers()
        yield f"ptrdiff_t {inner.band} = 0;"
        staged = [*self._places(), *(line for number, sheet in enumerate(last.sheets)
                                     if not sheet.direct and number != self._number
                                     for line in self._staged(last, number, own))]
        yield from bands(last, self.spell, own, staged, rows.block())
        if self.first.doubts:
            yield f"int {inner.bad} = 0;"
            yield from loop(inner.lane, 0, self.first.columns, [
                f"{inner.bad} |= {inner.odd}[{inner.lane}] != 0;"])

    @property
    def _number(self) -> int:
        """The sheet of the last plan that the places go into."""
        return next(iter(self.last.marked))

    @property
    def _sheet(self) -> Sheet:
        return self.last.sheets[self._number]

    @property
    def _name(self) -> str:
        return f"{self.own.sheet}_{self._number}"

    @property
    def _pitch(self) -> int:
        return self._sheet.pitch(self.last.lanes)

    @property
    def _height(self) -> int:
        return self._sheet.height(self.last.band)

    def _staged(self, plan: Stencil, number: int, own: StencilNames,
                rows: Int | None = None) -> Iterator[str]:
        return staging(plan, number, self.spell, own, self.integers, self.whole, rows)

    def _places(self) -> Iterator[str]:
        """The places that the band needs: rows that are there move up, the others are made a few
        at once, and what lies below the last one is nowhere."""
        first, own, inner = self.first, self.own, self.inner
        low, high = self._sheet.rows
        kept, pitch = (high - low) * self._pitch, self._pitch
        if kept:
            yield f"if ({own.band} > 0) {{"
            other = self.spell.integer(Int.of(own.lane) + self.last.band * pitch)
            yield from indented(loop(own.lane, 0, kept, [
                f"{self._name}[{own.lane}] = {self._name}[{other}];"]))
            yield "}"
        need = self.spell.integer(Int.of(own.band) + (self.last.band + high))
        yield f"const ptrdiff_t {own.next} = {self.spell.prefix}_min({need}, {first.rows});"
        yield f"while ({inner.band} < {own.next}) {{"
        stop = f"{self.spell.prefix}_min({inner.band} + {first.band}, {own.next})"
        yield f"    const ptrdiff_t {inner.next} = {stop};"
        for number, sheet in enumerate(first.sheets):
            if not sheet.direct:
                yield from indented(self._staged(
                    first, number, inner, Int.of(inner.next) - Int.of(inner.band)))
        rows = KeptRows(first, self.spell, inner, {**self.integers, self._sheet.tensor: self.whole},
                        self.whole, self._sheet, self.last.lanes, self._name, own)
        yield (f"    for (ptrdiff_t {inner.top} = {inner.band}; {inner.top} < {inner.next}; "
               f"{inner.top}++) {{")
        yield from indented(rows.block(), 2)
        yield "    }"
        yield f"    {inner.band} = {inner.next};"
        yield "}"
        if -(-self.last.rows // self.last.band) * self.last.band + high > first.rows:
            begin = (Int.of(own.next) - Int.of(own.band) - low) * pitch
            yield from loop(own.lane, self.spell.integer(begin), self._height * pitch, [
                f"{self._name}[{own.lane}] = {pad_text('never', self.spell)};"])
