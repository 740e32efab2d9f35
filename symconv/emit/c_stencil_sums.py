"""The sums of a stencil plan over its rows and lanes in C: one row of partial sums per tap."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.emit.c_stencil_names import StencilNames
from symconv.emit.c_stencil_taps import Taps
from symconv.integers import Int
from symconv.stencil import ALIGNED, Stencil

_MANY = 16      # terms of a lane in a turn: fewer of them are added to those of other turns


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
        for name in self._arrays:
            yield f"_Alignas(64) {self.spell.real} {name}[{self._count}];"
        yield from loop(self.own.lane, 0, self._count, [
            f"{name}[{self.own.lane}] = 0;" for name in self._arrays])

    def turn(self) -> Iterator[str]:
        """The sums of a turn join those of the turns before, if it has many terms."""
        out, kept = self._arrays[0], self._arrays[-1]
        if out != kept:
            lane = self.own.lane
            yield from loop(lane, 0, self._count, [
                f"{kept}[{lane}] += {out}[{lane}];", f"{out}[{lane}] = 0;"])

    @property
    def _count(self) -> int:
        return len(self.plan.targets) * ALIGNED

    @property
    def _arrays(self) -> tuple[str, ...]:
        """The sums of a turn, and those of all of them where that is worth its time."""
        plan, turns = self.plan, math.prod(span.extent for span in self.plan.turns)
        terms = -(-plan.rows // plan.block) * -(-plan.lanes // (plan.strips * ALIGNED))
        return (self.own.out, self.own.kept) if turns > 1 and terms >= _MANY else (self.own.out,)

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
        out = self._arrays[-1]
        lines = [f"{self.spell.real} *const {own.to} = {out} + {own.at} * {ALIGNED};"]
        left = ALIGNED
        while left > 1:
            half = left // 2
            other = self.spell.integer(Int.of(own.lane) + half)
            lines += loop(own.lane, 0, left - half, [
                f"{own.to}[{own.lane}] += {own.to}[{other}];"])
            left = half
        # without a fence compilers would transpose all sums instead
        yield from loop(own.at, 0, len(plan.targets), [*lines, f"{self.spell.prefix}_FENCE;"])
        if plan.missing:
            yield f"int {own.bad} = 0;"
        for cell, target in enumerate(plan.targets):
            kept = f"{out}[{cell * ALIGNED}]"
            yield f"{self.spell.element(plan.value or '', target)} = {kept};"
            if plan.missing:
                yield f"{own.bad} |= !({kept} - {kept} == 0);"
