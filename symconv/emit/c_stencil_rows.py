"""The rows of a stencil plan in C: loops over lanes, and how the results reach the target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.emit.c_stencil_names import StencilNames
from symconv.emit.c_stencil_sheets import fetched, pad_text
from symconv.emit.c_stencil_taps import Taps
from symconv.integers import Int
from symconv.stencil import ALIGNED, Stencil


@dataclass(frozen=True, slots=True)
class Rows:
    """The loops over the lanes of a block of rows of a plan. `integers` are stored types by
    tensor, `whole` is the type of a place in a lane."""

    plan: Stencil
    spell: Spelling
    own: StencilNames
    integers: Mapping[str, str]
    whole: str

    @property
    def at_once(self) -> bool:
        """Whether lanes are written as they are computed: no row or lane has too many, and
        nothing becomes wider (which would leave half of a compiler's vectors empty)."""
        plan = self.plan
        return (self.integers.get(plan.places or "", self.whole) == self.whole
                and plan.extent[1] == plan.lanes * plan.lane_step and self.even)

    @property
    def even(self) -> bool:
        """Whether every block has all its rows."""
        plan = self.plan
        return plan.extent[0] % (plan.row_step * plan.block) == 0

    def buffers(self) -> Iterator[str]:
        """Room for the lanes of a block."""
        plan, own = self.plan, self.own
        if self.at_once:
            return
        size = plan.block * plan.row_step * plan.lane_step * plan.lanes
        if plan.value is not None or plan.missing:
            yield f"_Alignas(64) {self.spell.real} {own.out}[{size}];"
        if plan.places is not None:
            yield f"_Alignas(64) {self.whole} {own.spot}[{size}];"

    def block(self) -> Iterator[str]:
        """All rows of the block that is set."""
        plan = self.plan
        taps = Taps(plan, self.spell, self.own, self.integers, self.whole)
        lines = range(plan.block * plan.row_step)
        yield from taps.pointers()
        yield from self._searched(taps)
        if self.at_once:
            for line in lines:
                yield from self._targets(line)
            if plan.ahead and plan.value is not None:
                for line in lines:
                    yield from fetched(f"{self.own.to}_{line}", Int.of(plan.extent[1]), 1,
                                       self.spell)
            yield from self._lanes(taps.lines(self._straight))
            return
        yield from self._lanes(taps.lines(self._aside))
        for line in lines:
            place = self.spell.integer(Int.of(self.own.top) * plan.row_step + line)
            yield "{" if self.even else f"if ({place} < {plan.extent[0]}) {{"
            yield from indented([*self._targets(line), *self._written(line)])
            yield "}"

    def _searched(self, taps: Taps) -> Iterator[str]:
        """The NaNs of operands that are read in place are looked for apart from the taps: where a
        compiler sees both, it makes branches of them."""
        plan, own = self.plan, self.own
        for number in plan.noticed:
            sheet = plan.sheets[number]
            if not sheet.direct:
                continue
            place = Int.of(own.lane) + sheet.columns[0] + (
                Int.of(own.at) + sheet.rows[0]) * taps.stride(sheet.tensor, sheet.axis)
            value = f"{own.sheet}_{number}[{self.spell.integer(place)}]"
            yield from loop(own.at, 0, sheet.height(plan.block), loop(
                own.lane, 0, sheet.width(plan.lanes), [
                    f"{own.odd}[{own.lane}] |= {value} != {value};"]))

    def _lanes(self, inside: Iterable[str]) -> list[str]:
        """A loop over all lanes. Where they fill no whole vectors it goes in runs of one length, of
        which the last one begins early enough; of a long row half a vector may be left."""
        lanes, own = self.plan.lanes, self.own
        run = next((run for run in (ALIGNED, ALIGNED // 2) if run <= lanes), lanes)
        if lanes % run == 0 or (lanes > 2 * ALIGNED and lanes % (ALIGNED // 2) == 0):
            return loop(own.lane, 0, lanes, inside)
        begin = f"{self.spell.prefix}_min({own.run}, {lanes - run})"
        return [f"for (ptrdiff_t {own.run} = 0; {own.run} < {lanes}; {own.run} += {run}) {{",
                f"    const ptrdiff_t {own.first} = {begin};",
                *indented(loop(own.lane, own.first, f"{own.first} + {run}", inside)), "}"]

    def _targets(self, line: int) -> Iterator[str]:
        """Pointers to a row of the targets."""
        plan, own = self.plan, self.own
        subscripts = [*plan.leads, Int.of(0)]
        if plan.axis is not None:
            subscripts.insert(plan.axis, Int.of(own.top) * plan.row_step + line)
        for tensor, name in ((plan.value, own.to), (plan.places, own.there)):
            if tensor is not None:
                kind = self.integers.get(tensor, self.spell.real)
                offset = self.spell.offset(tensor, tuple(subscripts))
                yield f"{kind} *const {name}_{line} = {tensor} + {offset};"

    def _straight(self, line: int, cell: int, value: str, place: str | None) -> Iterator[str]:
        """Results into the target."""
        plan, own = self.plan, self.own
        spot = self.spell.integer(Int.of(own.lane) * plan.lane_step + cell)
        if plan.value is not None:
            yield f"{own.to}_{line}[{spot}] = {value};"
        if place is not None:
            yield f"{own.there}_{line}[{spot}] = {self._shown(place, line)};"
        if plan.missing:
            yield from doubted(plan, self.spell, own, value)

    def _aside(self, line: int, cell: int, value: str, place: str | None) -> Iterator[str]:
        """Results into the buffers."""
        plan, own = self.plan, self.own
        kept = self._kept(line, cell)
        if plan.value is not None or plan.missing:
            yield f"{own.out}[{kept}] = {value};"
        if place is not None:
            yield f"{own.spot}[{kept}] = {place};"

    def _written(self, line: int) -> Iterator[str]:
        """The lanes of a row from the buffers into the target; those of different cells
        alternate, and the first cells may have one more."""
        plan, own = self.plan, self.own
        whole, rest = divmod(plan.extent[1], plan.lane_step)
        lines: list[str] = []
        for cell in range(plan.lane_step):
            spot = self.spell.integer(Int.of(own.lane) * plan.lane_step + cell)
            kept = self._kept(line, cell)
            if plan.value is not None:
                lines.append(f"{own.to}_{line}[{spot}] = {own.out}[{kept}];")
            if plan.places is not None:
                shown = self._shown(f"{own.spot}[{kept}]", line)
                lines.append(f"{own.there}_{line}[{spot}] = {shown};")
            if plan.missing:
                lines += doubted(plan, self.spell, own, f"{own.out}[{kept}]")
        yield from loop(own.lane, 0, whole, lines)
        for cell in range(rest):
            kept = str((line * plan.lane_step + cell) * plan.lanes + whole)
            yield f"{own.to}_{line}[{whole * plan.lane_step + cell}] = {own.out}[{kept}];"
            if plan.missing:
                yield from loop(own.lane, 0, 1, doubted(
                    plan, self.spell, own, f"{own.out}[{kept}]"))

    def _kept(self, line: int, cell: int) -> str:
        plan = self.plan
        return self.spell.integer(
            Int.of(self.own.lane) + (line * plan.lane_step + cell) * plan.lanes)

    def _shown(self, place: str, line: int) -> str:
        """The place as it is stored: with the part that all taps share."""
        base = self.plan.base.substitute({self.plan.row: Int.of(self.own.top) + line,
                                          self.plan.lane: Int.of(self.own.lane)})
        kind = self.integers[self.plan.places or ""]
        if not base:
            return place if kind == self.whole else f"({kind}){place}"
        return f"({kind})({place} + {self.spell.integer(base, factor=True)})"


def doubted(plan: Stencil, spell: Spelling, own: StencilNames, value: str) -> Iterator[str]:
    """An extremum that may be what stands outside of its operand, a sum that is not finite."""
    match plan.fold:
        case "max":
            test = f"{value} == {pad_text('low', spell)}"
        case "min":
            test = f"{value} == {pad_text('high', spell)}"
        case "sum":
            test = f"{value} - {value} != 0"
    yield f"{own.odd}[{own.lane}] |= {test};"
