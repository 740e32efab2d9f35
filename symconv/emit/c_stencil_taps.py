"""The taps of a stencil plan in C: one lane's reads, sums and extrema, without a branch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeAlias

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_stencil_names import StencilNames
from symconv.emit.c_stencil_sheets import element_type
from symconv.integers import Int
from symconv.ir import Access, Apply, Power, Scalar, Times
from symconv.stencil import ALIGNED, Read, Stencil, Tap
from symconv.tidy import times

Place: TypeAlias = tuple[int, int, int]     # a sheet, a row of it for the block, a column
_ZERO, _ONE = Fraction(0), Fraction(1)
_REGISTERS = 24         # reads that may be held beside sums and factors

Result: TypeAlias = Callable[[int, int, str, str | None], Iterator[str]]
"""What to do with a value and its place: given the line of the block and the cell of the lane."""


def _factors(taps: Sequence[Tap]) -> tuple[Scalar, ...]:
    """The factors of the first tap, of two or more."""
    return taps[0].body.arguments if taps and isinstance(taps[0].body, Times) else ()


def _without(tap: Tap, divided: tuple[int, Tap, Power] | None) -> Tap:
    """A tap without the divisor that is left to the sum."""
    if divided is None or not isinstance(tap.body, Times):
        return tap
    return replace(tap, body=times(*(f for f in tap.body.arguments if f != divided[2])))


@dataclass(frozen=True, slots=True)
class _Local(Spelling):
    """A spelling in which some reads have been made already, under names. No NaN that an
    `unequal` one is compared with counts: such a read is noticed where it is NaN itself."""

    names: Mapping[Access, str] = field(default_factory=dict)
    unequal: Collection[Access] = ()

    def scalar(self, body: Scalar) -> str:
        match body:
            case Access() if body in self.names:
                return self.names[body]
            case Apply("same", (Access() as read, other), _) if read in self.unequal:
                left, right = self.names[read], self.scalar(other)
                return f"({left} == {right} ? {self.number(_ONE)} : {self.number(_ZERO)})"
        return Spelling.scalar(self, body)


@dataclass(frozen=True, slots=True)
class Taps:
    """One lane of a block of rows. `integers` are stored types by tensor, `whole` is the type of
    a place in a lane; a line of the block is row_step * row + cell."""

    plan: Stencil
    spell: Spelling
    own: StencilNames
    integers: Mapping[str, str]
    whole: str

    def lines(self, result: Result) -> Iterator[str]:
        """Every read once, in front of the first tap that needs it; then the results."""
        plan = self.plan
        yield from self._folded([(line, cell, row, taps) for row in range(plan.block)
                                 for line, cells in enumerate(plan.cells, row * plan.row_step)
                                 for cell, taps in enumerate(cells)], result)

    def _folded(self, folds: Sequence[tuple[int, int, int, tuple[Tap, ...]]],
                result: Result) -> Iterator[str]:
        """Taps by line, cell and row."""
        names: dict[Place, str] = {}
        if self.plan.fold == "sum":
            yield from self._sums(folds, names, result)
            return
        for line, cell, row, taps in folds:
            for tap in taps:
                yield from self._reads(tap, row, names)
            yield from self._extremum(taps, row, line, cell, names, result)

    def products(self, strips: int, result: Result) -> Iterator[str]:
        """As `lines`, for sums of all rows and strips of the block by cell."""
        plan = self.plan
        (cells,) = plan.cells
        yield from self._added([(0, cell, row, self._strip(tap, strip))
                                for row in range(plan.block) for strip in range(strips)
                                for cell, (tap,) in enumerate(cells)], {},
                               {(0, cell) for cell in range(len(cells))}, result)

    def _strip(self, tap: Tap, number: int) -> Tap:
        """The tap for lanes further right."""
        return replace(tap, reads=tuple(
            (access, replace(read, column=read.column + number * ALIGNED * self.plan.sheets[
                read.sheet].step)) for access, read in tap.reads))

    def pointers(self) -> Iterator[str]:
        """Where the operands of the block are that are read in place."""
        plan, own = self.plan, self.own
        for number, sheet in enumerate(plan.sheets):
            if sheet.direct:
                places = list(sheet.places)
                if sheet.axis is not None:
                    places[sheet.axis] = Int.of(own.top) * sheet.row_step
                stored = self.integers.get(sheet.tensor, self.spell.real)
                offset = self.spell.offset(sheet.tensor, tuple(places))
                yield f"const {stored} *const {own.sheet}_{number} = {sheet.tensor} + {offset};"

    def stride(self, tensor: str, axis: int | None) -> int:
        """The distance of neighbours along an axis where the operand lies."""
        if axis is None:
            return 0
        stride = 1
        for extent in self.spell.extents[tensor][axis + 1 - self.spell.dropped.get(tensor, 0):]:
            stride *= extent.constant or 1
        return stride

    def _place(self, read: Read, row: int) -> Place:
        step = self.plan.sheets[read.sheet].row_step
        return read.sheet, read.row + step * row, read.column

    def _reads(self, tap: Tap, row: int, names: dict[Place, str]) -> Iterator[str]:
        for read in (*(read for _, read in tap.reads), *(read for read, _ in tap.marks)):
            place = self._place(read, row)
            if place in names:
                continue
            sheet = self.plan.sheets[read.sheet]
            names[place] = f"{self.own.value}_{len(names)}"
            kind = element_type(sheet, self.spell, self.whole)
            stored = self.integers.get(sheet.tensor, kind)
            cast = f"({kind})" if sheet.direct and stored != kind else ""
            yield f"const {kind} {names[place]} = {cast}{self._element(*place)};"

    def _element(self, number: int, row: int, column: int) -> str:
        """A read, where it lies or in its sheet."""
        plan, own = self.plan, self.own
        sheet = plan.sheets[number]
        if sheet.direct:
            place = (Int.of(own.lane) * sheet.step + column
                     + row * self.stride(sheet.tensor, sheet.axis))
            return f"{own.sheet}_{number}[{self.spell.integer(place)}]"
        pitch = sheet.pitch(plan.lanes)
        apart = column % sheet.step * pitch + column // sheet.step + sheet.origin()
        size = sheet.step * pitch
        place = Int.of(own.lane) + ((row - sheet.rows[0]) * size + apart)
        if plan.band > plan.block:
            place = place + (Int.of(own.top) - Int.of(own.band)) * (sheet.row_step * size)
        return f"{own.sheet}_{number}[{self.spell.integer(place)}]"

    def _local(self, tap: Tap, row: int, names: Mapping[Place, str]) -> _Local:
        plan, spell = self.plan, self.spell
        own = {scalar: self._factor(number) for number, scalar in enumerate(plan.scalars)}
        own |= {access: names[self._place(read, row)] for access, read in tap.reads}
        unequal = [access for access, read in tap.reads
                   if plan.sheets[read.sheet].pad == "unequal"]
        return _Local(spell.prefix, spell.dtype, spell.extents, spell.dropped, own, unequal)

    def _factor(self, number: int) -> str:
        """A scalar, as it is set before all lanes."""
        return f"{self.own.factor}_{number}"

    def _sums(self, folds: Sequence[tuple[int, int, int, tuple[Tap, ...]]],
              names: dict[Place, str], result: Result) -> Iterator[str]:
        for line, cell, _, taps in folds:
            if not taps:
                yield f"const {self.spell.real} {self._total(line, cell)} = 0;"
                yield from result(line, cell, self._total(line, cell), None)
        divisors = {(line, cell): (row, taps[0], divisor) for line, cell, row, taps in folds
                    if (divisor := self._divisor(taps))}

        def divided(line: int, cell: int, value: str, place: str | None) -> Iterator[str]:
            if (line, cell) in divisors:
                row, tap, divisor = divisors[line, cell]
                yield f"{value} /= {self._local(tap, row, names).scalar(divisor.base)};"
            yield from result(line, cell, value, place)

        yield from self._added(
            [(line, cell, row, _without(tap, divisors.get((line, cell))))
             for line, cell, row, taps in folds for tap in taps], names,
            {(line, cell) for line, cell, _, _ in folds}, divided)

    def _divisor(self, taps: Sequence[Tap]) -> Power | None:
        """What all taps of a lane are divided by: so is their sum, instead. It may overflow where
        they would not, therefore only if a sum that is not finite is computed once more."""
        return next((factor for factor in _factors(taps) if self.plan.missing and (
            isinstance(factor, Power) and factor.exponent == -1)
            and all(factor in _factors([tap]) for tap in taps)), None)

    def _added(self, some: Sequence[tuple[int, int, int, Tap]], names: dict[Place, str],
               fresh: set[tuple[int, int]], result: Result) -> Iterator[str]:
        """Taps into their sums, of which `fresh` ones have no value yet. Where not all reads fit
        into registers, taps with the same read follow each other."""
        spell = self.spell
        shared = max(range(len(self.plan.sheets)), default=0, key=lambda number: len({
            read for _, _, _, tap in some for _, read in tap.reads if read.sheet == number}))

        def order(item: tuple[int, int, int, Tap]) -> tuple[int, ...]:
            _, _, row, tap = item
            places = [self._place(read, row)[1:] for _, read in tap.reads if read.sheet == shared]
            return max(places, default=(-1 << 31,))     # without such a read: before all others

        left = Counter((line, cell) for line, cell, _, _ in some)
        reads = {self._place(read, row) for _, _, row, tap in some for _, read in tap.reads}
        if len(reads) <= _REGISTERS:
            for _, _, row, tap in some:
                yield from self._reads(tap, row, names)
        for line, cell, row, tap in some if len(reads) <= _REGISTERS else sorted(some, key=order):
            yield from self._reads(tap, row, names)
            value, total = self._local(tap, row, names).top(tap.body), self._total(line, cell)
            if tap.marks:
                tests = [f"{names[self._place(read, row)]} == {wanted}"
                         for read, wanted in tap.marks]
                test = tests[0] if len(tests) == 1 else " & ".join(f"({each})" for each in tests)
                value = f"{spell.prefix}_where({test}, {value})"
            if (line, cell) in fresh:
                fresh.remove((line, cell))
                yield f"{spell.real} {total} = {value};"
            else:
                yield f"{total} += {value};"
            left[line, cell] -= 1
            if not left[line, cell]:
                yield from result(line, cell, total, None)

    def _total(self, line: int, cell: int) -> str:
        return f"{self.own.total}_{line}_{cell}"

    def _extremum(self, taps: tuple[Tap, ...], row: int, line: int, cell: int,
                  names: Mapping[Place, str], result: Result) -> Iterator[str]:
        """Where a place is kept, whether a value wins is a number: compilers would make a branch
        of a test with two results."""
        plan, own, spell = self.plan, self.own, self.spell
        best, place = f"{own.best}_{line}_{cell}", f"{own.place}_{line}_{cell}"
        last, beats = plan.ties == "last", ">" if plan.fold == "max" else "<"
        for number, tap in enumerate(taps):
            value = self._local(tap, row, names).top(tap.body)
            if not number:
                yield f"{spell.real} {best} = {value};"
                if plan.places is not None:
                    yield f"{self.whole} {place} = {tap.place};"
                continue
            if plan.places is not None:
                wins = f"{value} {beats}{'=' if last else ''} {best}"
                yield f"{place} = {spell.prefix}_choose({wins}, {tap.place}, {place});"
            left, right = (best, value) if last else (value, best)
            yield f"{best} = {left} {beats} {right} ? {left} : {right};"
        yield from result(line, cell, best, place if plan.places is not None else None)
