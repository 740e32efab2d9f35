"""Lines of C shared by the files that spell tile plans: loops, indentation, names of locals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from symconv.contraction import Span
from symconv.names import fresh


@dataclass(frozen=True, slots=True)
class TileNames:
    """Locals of the emitted blocks, apart from the names of the program.

    `first` and `many`: the band, which begins `shift` lanes early because the array is `over` lanes
    behind a cache line; `begin` and `end`: the rows of a task; `rows` of a tile that
    stands at `lane` and has `vectors`, of which `filled` lanes are new and `back` are not;
    `done` lanes have left the tile, the next `run` of them, number `at`, at once; `item` is a
    row of the tile. The rows of `sum` are `pitch` apart; they lie in the target already if the
    tile is `whole`, otherwise in `buffer`. A run of the reduction goes from `head` to `tail`,
    `chunk` at a time, for the rows `low` .. `high` - 1 of the tile. `wild` marks sums that are
    not finite; `waiting` are the sums between two parts of the reduction, from `place` on those of
    the loops.
    """

    first: str
    many: str
    shift: str
    over: str
    begin: str
    end: str
    rows: str
    lane: str
    back: str
    vectors: str
    filled: str
    sum: str
    pitch: str
    whole: str
    buffer: str
    wild: str
    head: str
    tail: str
    chunk: str
    low: str
    high: str
    waiting: str
    place: str
    done: str
    at: str
    run: str
    step: str
    item: str

    @staticmethod
    def beside(used: set[str]) -> TileNames:
        return TileNames(*(fresh(field.name, used) for field in fields(TileNames)))


def indented(lines: Iterable[str], depth: int = 1) -> Iterator[str]:
    return (f"{'    ' * depth}{line}" for line in lines)


def loop(name: str, low: object, stop: object, inside: Iterable[str]) -> list[str]:
    """for (name = low; name < stop; name++)."""
    return [f"for (ptrdiff_t {name} = {low}; {name} < {stop}; {name}++) {{", *indented(inside), "}"]


def loops(spans: Sequence[Span], inside: Iterable[str], test: str = "") -> list[str]:
    """Loops over spans around lines, in a block where there are none; `test` outermost."""
    lines = list(inside)
    for span in reversed(spans):
        lines = loop(span.name, span.low, span.stop, lines)
    if test or not spans:
        lines = [f"if ({test}) {{" if test else "{", *indented(lines), "}"]
    return lines


def with_needed(constants: Sequence[str], lines: Sequence[str]) -> list[str]:
    """The lines behind those of the successive constants `const ptrdiff_t name = ...;` that they
    use."""
    used, kept = words(lines), list[str]()
    for line in reversed(constants):
        if line.removeprefix("const ptrdiff_t ").partition(" = ")[0] in used:
            kept.insert(0, line)
            used |= words([line])
    return [*kept, *lines]


def words(lines: Iterable[str]) -> set[str]:
    """All names and keywords in lines."""
    return {word for line in lines for word in re.findall(r"[A-Za-z_]\w*", line)}
