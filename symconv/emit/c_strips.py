"""Sums of neighbouring elements in C, a strip of them at a time.

    for every strip of STRIP elements:
        lanes[..] = 0
        for every round, which is one value of the loops around:
            lanes[place - strip] += term        for every place of the strip that has one
        elements of the strip += lanes, joined by pairs (`c_cascade`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from symconv.alongside import Rows
from symconv.emit.c_cascade import STRIP, Cascade, CascadeNames
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.integers import Int


@dataclass(frozen=True, slots=True)
class Strips:
    """The strips of the sums `found`; `term` is what a round adds to one of them."""

    found: Rows
    spelling: Spelling
    own: CascadeNames
    term: str

    def lines(self, rounds: Callable[[Strips], Iterator[str]]) -> Iterator[str]:
        """All strips; `rounds` are the loops around their elements, the innermost of which is
        `round`."""
        spell, own, found, sums = self.spelling, self.own, self.found, self._sums
        width = f"{own.edge} - {own.strip}"
        yield (f"for (ptrdiff_t {own.strip} = {spell.integer(found.low)}; "
               f"{own.strip} < {spell.integer(found.stop)}; {own.strip} += {STRIP}) {{")
        inside = [f"const ptrdiff_t {own.edge} = {spell.prefix}_min({own.strip} + {STRIP}, "
                  f"{spell.integer(found.stop)});", *sums.begin(width)]
        first, stop = own.strip, own.edge
        if not found.is_steady:
            inside.append(f"ptrdiff_t {own.least} = {own.edge}, {own.most} = {own.strip};")
            first, stop = own.least, own.most
        inside += rounds(self)
        target = found.store.target
        inside += [sums.gathered(width), *loop(found.last.name, first, stop, [
            f"{spell.element(target.tensor, target.subscripts)} += {own.lanes}[{self._place}];"])]
        yield from indented(inside)
        yield "}"

    def round(self) -> Iterator[str]:
        """A term for each element of a strip that has one, from `since` to `until`."""
        spell, own, last = self.spelling, self.own, self.found.last
        prefix = spell.prefix
        term = self._sums.add(self._place, self.term)
        taken = list(self._sums.join("1", f"{own.edge} - {own.strip}"))
        if self.found.is_steady:
            yield from loop(last.name, own.strip, own.edge, [term])
            yield from taken
            return
        yield "{"
        yield from indented([
            f"const ptrdiff_t {own.since} = {prefix}_max({spell.integer(last.low)}, {own.strip});",
            f"const ptrdiff_t {own.until} = {prefix}_min({spell.integer(last.stop)}, {own.edge});",
            f"if ({own.since} < {own.until}) {{",
            *indented([
                f"{own.least} = {prefix}_min({own.least}, {own.since});",
                f"{own.most} = {prefix}_max({own.most}, {own.until});",
                *loop(last.name, own.since, own.until, [term]), *taken]),
            "}"])
        yield "}"

    @property
    def _sums(self) -> Cascade:
        return Cascade(self.spelling, self.own, STRIP)

    @property
    def _place(self) -> str:
        """The lane of an element."""
        return self.spelling.integer(Int.of(self.found.last.name) - self.own.strip)
