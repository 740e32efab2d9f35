"""Long sums in C: partial sums side by side, added up by pairs.

    lanes[0 .. L) += a run of the sum, L terms at a time
    every STEPS runs: join: the lanes become a partial sum; two of one level make one of the next

Rounding errors then grow with the logarithm of the number of terms, not with the number, and L
additions are under way at once instead of one that waits for the last. The order of the additions
is the same in every task that has the element. Sums of few terms stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.integers import Int
from symconv.lengths import longest
from symconv.loops import Loop
from symconv.names import fresh

LANES = 32          # partial sums along the sum itself: two vectors where they are widest
STRIP = 128         # neighbouring elements whose sums go side by side
STEPS = 64          # terms that a lane adds up one after the other, up to twice as many
FEW = 64            # terms of a sum that is left as it is
_LEVELS = 40        # of pairs: more than any loop will fill


@dataclass(frozen=True, slots=True)
class CascadeNames:
    """Locals of a sum: its `lanes`, number `lane`, the `levels` of which `joined` tells what they
    hold, the terms `taken` since then; a run goes from `start` to `stop`, a piece of it from
    `at` to `end`. Sums of neighbours are those of a `strip` up to its `edge`, of which `first` to
    `last` have terms."""

    lanes: str
    lane: str
    levels: str
    joined: str
    taken: str
    start: str
    stop: str
    at: str
    end: str
    strip: str
    edge: str
    first: str
    last: str

    @staticmethod
    def beside(used: set[str]) -> CascadeNames:
        return CascadeNames(*(fresh(name, used) for name in (
            "lanes", "piece", "levels", "joined", "taken", "since", "until", "here", "upto", "strip",
            "edge", "least", "most")))


@dataclass(frozen=True, slots=True)
class Cascade:
    """The lines of one sum, or of a strip of neighbouring ones."""

    spelling: Spelling
    own: CascadeNames
    width: int

    def begin(self) -> Iterator[str]:
        own, real = self.own, self.spelling.real
        self.spelling.helpers.add("cascade")
        yield f"{real} {own.lanes}[{self.width}] = {{0}}, {own.levels}[{_LEVELS * self.width}];"
        yield f"size_t {own.joined} = 0;"
        yield f"ptrdiff_t {own.taken} = 0;"

    def add(self, lane: str, value: str) -> str:
        return f"{self.own.lanes}[{lane}] += {value};"

    def join(self, count: str, width: str) -> Iterator[str]:
        """So many more terms have been taken by the lanes."""
        own, prefix = self.own, self.spelling.prefix
        yield f"{own.taken} += {count};"
        yield f"if ({own.taken} >= {STEPS}) {{"
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
        return f"{self.spelling.prefix}_total({own.lanes}, {own.levels}, {own.joined})"

    def run(self, node: Loop, body: Iterable[str]) -> Iterator[str]:
        """A loop without loops inside, `LANES` values at a time; `body` takes in the point
        `node.name` at the lane `lane`."""
        own, spell = self.own, self.spelling
        width, longer = self.width, longest(node)
        inside = [f"const ptrdiff_t {node.name} = {own.at} + {own.lane};", *body]
        low, stop = spell.integer(node.low), spell.integer(node.stop)
        if longer is not None and longer <= width:
            yield "{"
            yield f"    const ptrdiff_t {own.at} = {low}, {own.stop} = {stop} - {own.at};"
            yield from indented(loop(own.lane, 0, own.stop, inside))
            yield from indented(self.join("1", str(width)))
            yield "}"
            return
        spell.helpers.add("min")
        whole = spell.integer(Int.of(own.end) - Int.of(own.at))
        yield "{"
        yield f"    const ptrdiff_t {own.stop} = {stop};"
        yield (f"    for (ptrdiff_t {own.start} = {low}; {own.start} < {own.stop}; "
               f"{own.start} += {STEPS * width}) {{")
        yield f"        const ptrdiff_t {own.end} = {spell.prefix}_min({own.start} + " \
              f"{STEPS * width}, {own.stop});"
        yield f"        ptrdiff_t {own.at} = {own.start};"
        yield f"        for (; {own.end} - {own.at} >= {width}; {own.at} += {width}) {{"
        yield from indented(loop(own.lane, 0, width, inside), 3)
        yield "        }"
        yield from indented(loop(own.lane, 0, whole, inside), 2)
        yield from indented(self.join(
            f"({own.end} - {own.start} + {width - 1}) / {width}", str(width)), 2)
        yield "    }"
        yield "}"
