"""A scatter with stride 1 as a gather: dx[i+a] += dy[i] * w[a] is dx[u] = sum of dy[u-a] * w[a].

Where u - a leaves dy, the terms are 0: the caller reads zeros there.
"""

from __future__ import annotations

from dataclasses import replace

from symconv.emit.numpy_frame import Frame
from symconv.integers import Int, largest, smallest
from symconv.rewrite import substitute_scalar
from symconv.slicing import Slices, Span


def turned(frame: Frame) -> tuple[Slices, dict[str, Int]] | None:
    """The plan over whole axes of the target, and what stands there for the old indices; None
    where a place of the target is no sum of an index and taps, or a range is no window's."""
    plan, taps = frame.plan, {loop.name for loop in frame.plan.loops}
    values: dict[str, Int] = {}
    spans, target = {span.name: span for span in plan.spans}, list[Int]()
    for subscript, extent in zip(plan.target, frame.definition.target.logical, strict=True):
        inside = [name for name in spans if name in subscript.names()]
        if not subscript.names() & taps:
            target.append(subscript)
            continue
        if len(inside) != 1 or subscript.coefficient(inside[0]).constant != 1:
            return None
        (name,), rest = inside, subscript.without(inside)
        low, high, span = -rest, extent - rest, spans[name]
        if span.low not in (Int.of(0), low, largest(0, low)) or span.high not in (
                span.extent, high, smallest(span.extent, high)):
            return None
        place = frame.name("u")
        values[name] = Int.of(place) - rest
        target.append(Int.of(place))
        spans[name] = Span(place, extent, Int.of(0), extent)
    if not values:
        return None
    return replace(plan, spans=tuple(spans.values()), target=tuple(target),
                   body=substitute_scalar(plan.body, values)), values


def by_shifts(scattered: tuple[int, int], gathered: tuple[int, int], taps: int,
              turns: bool) -> bool | None:
    """What a scatter becomes: None where it stays one, True for a gather if its taps are shifts
    of rows, False for any gather.

    `scattered` is how many numbers each place of dy adds under a tap, and how many places it has;
    `gathered` how many each place of dx reads under a tap, and how many places that has. Windows
    of all taps are copied where they hold no more than what is scattered. Shifts copy rows once,
    where a scatter adds to them for each of `taps` rows; an addition takes as long as two copies,
    or as one where it `turns` the batch to the end.
    """
    (ours, places), (theirs, wide) = scattered, gathered
    if places < 4 * ours:
        return None
    if theirs <= ours:
        return False
    return True if 0 < theirs * wide <= (1 if turns else 2) * ours * places * taps else None
