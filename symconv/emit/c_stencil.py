"""Stencil plans in C: bands of rows, and loops over the lanes of a row without a test in them.

The loops are of the kind that compilers turn into vector code by themselves: fixed numbers of
turns, reads at fixed distances, selections instead of branches. A NaN in an operand of an
extremum, an infinity among factors of zeros, and an extremum that may be what stands outside of
an operand are noticed (`bad`); then the element loops of the definition have the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop, loops
from symconv.emit.c_stencil_abreast import abreast_lines
from symconv.emit.c_stencil_chain import Chain
from symconv.emit.c_stencil_rows import Rows
from symconv.emit.c_stencil_sheets import StencilNames, staging
from symconv.emit.c_stencil_sums import Sums
from symconv.emit.c_stencil_taps import Taps
from symconv.loops import Let, Loop, Node, Stenciled, When
from symconv.names import fresh
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
        plan, spell = node.plan, self.spelling
        taken = {*self.used, *_declared(node.plain),
                 *(span.name for span in (*plan.loops, *plan.turns)),
                 *([plan.abreast.index, plan.abreast.group] if plan.abreast else [])}
        own = StencilNames(*(_apart(field.name, taken) for field in fields(StencilNames)))
        body = list(self._body(node, plan, own))
        for span in reversed(plan.loops):
            body = loop(span.name, span.low, span.stop, body)
        yield "{"
        yield from indented(body)
        yield "}"
        spell.helpers.add("min")

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
            zero = " + ".join(f"({own.factor}_{n} - {own.factor}_{n})" for n in numbers)
            yield f"{'' if plan.doubts else 'const '}int {own.bad} = !({zero} == 0);"
        if plan.doubts:
            yield f"_Alignas(64) {whole} {own.odd}[{plan.columns}] = {{0}};"
        for number, sheet in enumerate(plan.sheets):
            if not sheet.direct:
                kind = whole if sheet.pad == "never" else real
                size = sheet.height(plan.band) * sheet.step * sheet.pitch(plan.lanes)
                yield f"_Alignas(64) {kind} {own.sheet}_{number}[{size}];"
        yield from rows.buffers()
        bands = [*self._bands(plan, own, rows, stored, whole),
                 *(rows.turn() if isinstance(rows, Sums) else ())]
        yield from loops(plan.turns, bands) if plan.turns else bands
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
        taken = {*self.used, *_declared(node.plain),
                 *(getattr(own, field.name) for field in fields(StencilNames))}
        inner = StencilNames(*(_apart(field.name, taken) for field in fields(StencilNames)))
        yield from Chain(first, node.plan, self.spelling, own, inner, stored, whole).lines()
        if first.doubts:
            yield f"if ({inner.bad}) {{"
            yield from indented(self.lines(node.plain))
            yield "}"

    def _bands(self, plan: Stencil, own: StencilNames, rows: Rows | Sums,
               stored: dict[str, str], whole: str) -> Iterator[str]:
        """All rows, band by band."""
        spell = self.spelling
        test = f" && !{own.bad}" if plan.watched else ""
        yield (f"for (ptrdiff_t {own.band} = 0; {own.band} < {plan.rows}{test}; "
               f"{own.band} += {plan.band}) {{")
        for number, sheet in enumerate(plan.sheets):
            if not sheet.direct:
                yield from indented(staging(plan, number, spell, own, stored, whole))
        stop = (f"{spell.prefix}_min({own.band} + {plan.band}, {plan.rows})"
                if plan.rows % plan.band else f"{own.band} + {plan.band}")
        yield (f"    for (ptrdiff_t {own.top} = {own.band}; {own.top} < {stop}; "
               f"{own.top} += {plan.block}) {{")
        yield from indented(rows.block(), 2)
        yield "    }"
        yield "}"


def _apart(stem: str, used: set[str]) -> str:
    """A name that is free, with numbers behind it too."""
    while any(name.startswith(f"{stem}_") for name in used):
        stem += "s"
    return fresh(stem, used)


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
    return found
