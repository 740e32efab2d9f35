"""The sums of a stencil plan over its rows and lanes in C: one row of partial sums per tap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.emit.c_stencil_names import StencilNames
from symconv.emit.c_stencil_taps import Taps
from symconv.integers import Int
from symconv.stencil import ALIGNED, Stencil


@dataclass(frozen=True, slots=True)
class Sums:
    """The partial sums `out` of all taps of a plan: how a block adds to them, and what they are
    good for in the end."""

    plan: Stencil
    spell: Spelling
    own: StencilNames
    taps: Taps

    def buffers(self) -> Iterator[str]:
        """Room for the sums, with nothing in them."""
        count = len(self.plan.targets) * ALIGNED
        yield f"_Alignas(64) {self.spell.real} {self.own.out}[{count}];"
        yield from loop(self.own.lane, 0, count, [f"{self.own.out}[{self.own.lane}] = 0;"])

    def block(self) -> Iterator[str]:
        """The products of a block of rows."""
        plan, own = self.plan, self.own

        def result(line: int, cell: int, value: str, place: str | None) -> Iterator[str]:
            kept = Int.of(own.lane) - Int.of(own.first) + cell * ALIGNED
            yield f"{own.out}[{self.spell.integer(kept)}] += {value};"

        yield from self.taps.pointers()
        begin = 0
        for strips, wide in ((plan.strips, ALIGNED), (1, ALIGNED), (1, ALIGNED // 2)):
            stop = begin + (plan.lanes - begin) // (strips * wide) * strips * wide
            if stop > begin:
                yield (f"for (ptrdiff_t {own.first} = {begin}; {own.first} < {stop}; "
                       f"{own.first} += {strips * wide}) {{")
                yield from indented(loop(own.lane, own.first, f"{own.first} + {wide}",
                                         self.taps.products(strips, result)))
                yield "}"
            begin = stop

    def end(self) -> Iterator[str]:
        """The lanes of each tap added up, half to half, and written."""
        plan, own = self.plan, self.own
        lines = [f"{self.spell.real} *const {own.to} = {own.out} + {own.at} * {ALIGNED};"]
        left = ALIGNED
        while left > 1:
            half = left // 2
            other = self.spell.integer(Int.of(own.lane) + half)
            lines += loop(own.lane, 0, left - half, [
                f"{own.to}[{own.lane}] += {own.to}[{other}];"])
            left = half
        self.spell.helpers.add("fence")         # compilers would transpose all sums instead
        yield from loop(own.at, 0, len(plan.targets), [*lines, f"{self.spell.prefix}_FENCE;"])
        if plan.missing:
            yield f"int {own.bad} = 0;"
        for cell, target in enumerate(plan.targets):
            kept = f"{own.out}[{cell * ALIGNED}]"
            yield f"{self.spell.element(plan.value or '', target)} = {kept};"
            if plan.missing:
                yield f"{own.bad} |= !({kept} - {kept} == 0);"
