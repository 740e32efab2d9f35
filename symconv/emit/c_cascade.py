"""Long sums in C: partial sums side by side, added up by pairs.

    lanes[0 .. L) += a run of the sum, L terms at a time
    every STEPS runs: join: the lanes become a partial sum; two of one level make one of the next

Rounding errors then grow with the logarithm of the number of terms, not with the number, and L
additions are under way at once instead of one that waits for the last. The order of the additions
is the same in every task that has the element. Sums of few terms stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.loops import Loop
from symconv.names import fresh

LANES = 32          # partial sums along the sum itself: two vectors where they are widest
STRIP = 128         # neighbouring elements whose sums go side by side
STEPS = 64          # terms that a lane adds up before it is joined, up to twice as many
FEW = 64            # terms of a sum that is left as it is
_SOME = 8           # lanes that take what is left of a run, where fewer than all have a term
_LEVELS = 40        # of pairs: 2^40 partial sums are more than any loop makes


@dataclass(frozen=True, slots=True)
class CascadeNames:
    """Locals of a sum.

    `lanes` are its partial sums and `lane` the number of one, `levels` those that were joined,
    `joined` times in all, and `taken` counts the terms of a lane since then. A run of the loop
    goes from `here` to `until`; a piece of it, between two joins, from `since` to `upto`. `some`
    adds up what is left of the runs. Neighbouring sums are those from `strip` to `edge`, of which
    `least` to `most` have terms; a round has terms from `since` to `until`.
    """

    lanes: str
    lane: str
    levels: str
    joined: str
    taken: str
    since: str
    until: str
    here: str
    upto: str
    some: str
    strip: str
    edge: str
    least: str
    most: str

    @staticmethod
    def beside(used: set[str]) -> CascadeNames:
        return CascadeNames(*(fresh(name, used) for name in (
            "lanes", "piece", "levels", "joined", "taken", "since", "until", "here", "upto", "some",
            "strip", "edge", "least", "most")))


@dataclass(frozen=True, slots=True)
class Cascade:
    """The lines of one sum, or of a strip of neighbouring ones."""

    spelling: Spelling
    own: CascadeNames
    width: int

    @property
    def along(self) -> bool:
        """Whether the lanes lie along the sum."""
        return self.width == LANES

    def begin(self, width: str = "") -> Iterator[str]:
        """Sums without terms: of all lanes, or of so many as `width` tells at run time."""
        own, real = self.own, self.spelling.real
        zero = "" if width else " = {0}"
        yield f"{real} {own.lanes}[{self.width}]{zero}, {own.levels}[{_LEVELS * self.width}];"
        yield f"size_t {own.joined} = 0;"
        yield f"ptrdiff_t {own.taken} = 0;"
        if not width:
            yield f"{real} {own.some} = 0;"
        else:
            yield from loop(own.lane, 0, width, [f"{own.lanes}[{own.lane}] = 0;"])

    def add(self, lane: str, value: str) -> str:
        """A term for a lane, or for the sum of those that have none."""
        return f"{f'{self.own.lanes}[{lane}]' if lane else self.own.some} += {value};"

    def join(self, count: str, width: str) -> Iterator[str]:
        """So many more terms have been taken by the lanes."""
        own, prefix = self.own, self.spelling.prefix
        yield f"{own.taken} += {count};"
        yield f"if ({own.taken} >= {STEPS}) {{"
        if self.along:
            yield f"    {own.lanes}[0] += {own.some};"
            yield f"    {own.some} = 0;"
        yield f"    {prefix}_join({own.lanes}, {own.levels}, {own.joined}++, {width});"
        yield f"    {own.taken} = 0;"
        yield "}"

    def gathered(self, width: str) -> str:
        """All levels in the lanes."""
        own = self.own
        return (f"{self.spelling.prefix}_gathered({own.lanes}, {own.levels}, {own.joined}, "
                f"{width});")

    def total(self) -> str:
        """The sum of all lanes, half to half."""
        own = self.own
        return f"{self.spelling.prefix}_total({own.lanes}, {own.levels}, {own.joined}, {own.some})"

    def run(self, node: Loop, longer: int | None, body: Callable[[str], Iterable[str]],
            calls: bool) -> Iterator[str]:
        """A loop without loops inside, of at most `longer` values: so many at a time as there are
        lanes, then eight, then one. `body` takes in the point `node.name` at a lane; where it
        `calls` functions, there is one lane."""
        own, spell, name = self.own, self.spelling, node.name
        width = self.width
        sizes = [size for size in dict.fromkeys((width, _SOME))
                 if not calls and (longer is None or longer >= size)]
        yield "{"
        yield f"    ptrdiff_t {own.here} = {spell.integer(node.low)};"
        yield f"    const ptrdiff_t {own.until} = {spell.integer(node.stop)};"
        if calls or sizes:
            most, least = STEPS * (1 if calls else width), STEPS if calls else sizes[-1]
            yield f"    while ({own.until} - {own.here} >= {least}) {{"
            yield (f"        const ptrdiff_t {own.since} = {own.here}, {own.upto} = "
                   f"{spell.prefix}_min({own.here} + {most}, {own.until});")
            yield from indented(self._pieces(name, sizes, body), 2)
            yield from indented(self.join(str(STEPS) if calls else self._most(sizes),
                                          str(self.width)), 2)
            yield "    }"
        yield f"    if ({own.here} < {own.until}) {{"
        yield from indented(loop(name, own.here, own.until, body("")), 2)
        yield from indented(self.join(f"{own.until} - {own.here}", str(self.width)), 2)
        yield "    }"
        yield "}"

    def _most(self, sizes: Sequence[int]) -> str:
        """How many terms the lane with most of them takes in a piece from `since` `upto`: the
        first one has one of each run."""
        left, counts = f"({self.own.upto} - {self.own.since})", []
        for size in sizes:
            counts.append(f"{left} / {size}")
            left = f"{left} % {size}"
        return " + ".join(counts)

    def _pieces(self, name: str, sizes: Sequence[int],
                body: Callable[[str], Iterable[str]]) -> Iterator[str]:
        """The values of the loop from `here` `upto`, but for less than the last of the sizes."""
        own = self.own
        for size in sizes:
            yield f"for (; {own.upto} - {own.here} >= {size}; {own.here} += {size}) {{"
            lines = list(body(own.lane))
            if any(re.search(rf"\b{name}\b", line) for line in lines):    # a count needs no place
                lines.insert(0, f"const ptrdiff_t {name} = {own.here} + {own.lane};")
            yield from indented(loop(own.lane, 0, size, lines))
            yield "}"
        if not sizes:
            yield from loop(name, own.since, own.upto, body(""))
            yield f"{own.here} = {own.upto};"
