"""Parts of a reduction: so many values of its variables at a time that what they read stays in
the cache. A divided variable is number * size + (a value of the first part); the numbers are
set around everything that belongs to a part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from symconv.contraction import Span
from symconv.integers import Int
from symconv.tiles import Part


def parts(order: Sequence[Span], numbers: Mapping[str, str], uneven: str | None,
          whole: str | None) -> Iterator[tuple[Part, ...]]:
    """Divisions of the variables in `order`, the coarsest first.

    Variables are divided one after the other, each down to single values before the next one.
    Sizes divide the extent, but for `uneven`, whose last part may be smaller; `whole` keeps two
    values at least.
    """
    yield ()
    done: tuple[Part, ...] = ()
    for span in order:
        for size in _sizes(span.extent, span.name == uneven):
            if size > 1 or span.name != whole:
                yield (*done, _part(span, size, numbers))
        if span.name == whole:
            return
        done = (*done, _part(span, 1, numbers))


def parted(spans: Sequence[Span], divided: Sequence[Part]) -> tuple[Span, ...]:
    """The spans within the first part."""
    sizes = {part.name: part.size for part in divided}
    return tuple(replace(span, stop=span.low + sizes.get(span.name, span.extent))
                 for span in spans)


def single(divided: Sequence[Part]) -> dict[str, Int]:
    """The variables that have one value in the first part, with that value."""
    return {part.name: Int.of(part.low) for part in divided if part.size == 1}


def shift(place: Int, divided: Sequence[Part]) -> tuple[Int, int]:
    """How far the number of the part moves an affine expression, and how far at most; -1 where
    it moves backwards."""
    move, most = Int.of(0), 0
    for part in divided:
        if part.count == 1:
            continue
        factor = place.factor(part.name) * part.size
        move = move + Int.of(part.number) * factor
        most = -1 if factor < 0 or most < 0 else most + factor * (part.count - 1)
    return move, most


def _part(span: Span, size: int, numbers: Mapping[str, str]) -> Part:
    return Part(span.name, numbers[span.name], span.low, size, -(-span.extent // size))


def _sizes(extent: int, uneven: bool) -> Iterator[int]:
    """Sizes of parts below the whole extent, each about 3/4 of the one before it or less."""
    last = extent
    for count in range(2, extent + 1):
        size = -(-extent // count)
        if size * 4 <= last * 3 and (uneven or extent % size == 0):
            last = size
            yield size
