"""Stencil plans in C: bands of rows, and loops over the lanes of a row without a test in them.

The loops are of the kind that compilers turn into vector code by themselves: fixed numbers of
turns, reads at fixed distances, selections instead of branches. A NaN in an operand of an
extremum, an infinity among factors of zeros, and an extremum that may be what stands outside of
an operand are noticed (`bad`); then the element loops of the definition have the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import astuple, dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop, loops
from symconv.emit.c_stencil_abreast import abreast_lines
from symconv.emit.c_stencil_chain import Chain
from symconv.emit.c_stencil_names import StencilNames
from symconv.emit.c_stencil_rows import Rows
from symconv.emit.c_stencil_sheets import bands, room, staging
from symconv.emit.c_stencil_sums import Sums
from symconv.emit.c_stencil_taps import Taps
from symconv.loops import Node, Stenciled, declared
from symconv.stencil import Stencil

Lines = Callable[[Sequence[Node]], Iterator[str]]


@dataclass(frozen=True, slots=True)
class StencilSpelling:
    """Lines for `Stenciled` nodes. `used` are names that are taken, `integers` tensors of whole
    numbers, of which `narrow` ones hold int32; `lines` spells other nodes."""

    spelling: Spelling
    used: Collection[str]
    integers: frozenset[str]
    narrow: frozenset[str]
    lines: Lines

    def node(self, node: Stenciled) -> Iterator[str]:
        """The lines of a definition, for the task whose indices are set."""
        plan = node.plan
        taken = {*self.used, *declared(node.plain),
                 *(span.name for span in (*plan.loops, *plan.turns)),
                 *([plan.abreast.index, plan.abreast.group] if plan.abreast else [])}
        own = StencilNames.beside(taken)
        body = list(self._body(node, plan, own))
        for span in reversed(plan.loops):
            body = loop(span.name, span.low, span.stop, body)
        yield "{"
        yield from indented(body)
        yield "}"

    def _body(self, node: Stenciled, plan: Stencil, own: StencilNames) -> Iterator[str]:
        spell, real = self.spelling, self.spelling.real
        whole = "int32_t" if real == "float" else "int64_t"
        stored = {name: "int32_t" if name in self.narrow else "int64_t" for name in self.integers}
        if plan.abreast is not None:
            yield from abreast_lines(node, spell, own, stored, whole, self.lines)
            return
        if node.before:
            yield from self._chained(node, own, stored, whole)
            return
        taps = Taps(plan, spell, own, stored, whole)
        rows = Sums(plan, spell, own, taps) if plan.targets else Rows(
            plan, spell, own, stored, whole)
        for number, scalar in enumerate(plan.scalars):
            yield f"const {real} {own.factor}_{number} = {spell.scalar(scalar)};"
        if plan.watched:
            numbers = [plan.scalars.index(scalar) for scalar in plan.watched]
            # x - x is 0 for finite numbers alone
            zero = " + ".join(f"({own.factor}_{n} - {own.factor}_{n})" for n in numbers)
            yield f"{'' if plan.doubts else 'const '}int {own.bad} = !({zero} == 0);"
        if plan.doubts:
            yield f"_Alignas(64) {whole} {own.odd}[{plan.columns}] = {{0}};"
        yield from room(plan, spell, own, whole)
        yield from rows.buffers()
        staged = [line for number, sheet in enumerate(plan.sheets) if not sheet.direct
                  for line in staging(plan, number, spell, own, stored, whole)]
        every = [*bands(plan, spell, own, staged, rows.block(),
                        f" && !{own.bad}" if plan.watched else ""),
                 *(rows.turn() if isinstance(rows, Sums) else ())]
        yield from loops(plan.turns, every) if plan.turns else every
        if isinstance(rows, Sums):
            yield from rows.end()
        elif plan.doubts:
            if not plan.watched:
                yield f"int {own.bad} = 0;"
            yield from loop(own.lane, 0, plan.columns, [
                f"{own.bad} |= {own.odd}[{own.lane}] != 0;"])
        if plan.doubts or plan.watched or plan.missing:
            yield f"if ({own.bad}) {{"
            yield from indented(self.lines(node.plain))
            yield "}"

    def _chained(self, node: Stenciled, own: StencilNames, stored: dict[str, str],
                 whole: str) -> Iterator[str]:
        """Two plans band by band; the element loops compute both definitions."""
        (first,) = node.before
        taken = {*self.used, *declared(node.plain), *astuple(own)}
        inner = StencilNames.beside(taken)
        yield from Chain(first, node.plan, self.spelling, own, inner, stored, whole).lines()
        if first.doubts:
            yield f"if ({inner.bad}) {{"
            yield from indented(self.lines(node.plain))
            yield "}"
