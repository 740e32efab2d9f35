"""Steps that are not taken: the ranges of the reduction where an operand is valid.

A guard says that a subscript S of an operand stays in its range low <= S < stop. With one
variable t of the reduction in S = k*t + rest, and rest known before the run begins, the range of
t follows; with the row r in S = k*r + rest(t), t becomes a tap, and each of its values has its
own range of rows:

    ceil((low - rest)/k) <= t < floor((stop - 1 - rest)/k) + 1        (k > 0)

Nothing is padded then, and nothing is multiplied by padding: on small maps a good part of a
convolution with padding is not there at all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symconv.contraction import Contraction, Operand, Span
from symconv.integers import Int, ceil_div, evaluate, floor_div
from symconv.tiles import Clip


@dataclass(frozen=True, slots=True)
class Clipping:
    """What is clipped: `taps` are variables of the reduction whose values are visited one by one,
    `head` is the one that runs, if any. `padded` tells whether a guard is left to zeros of the
    packed vector operand; `taken` is the part of all steps that is left."""

    clips: tuple[Clip, ...]
    taps: tuple[Span, ...]
    head: Span | None
    padded: bool
    taken: float


def clipping(contraction: Contraction, lanes: Sequence[Span], row: Span | None,
             skip: bool) -> Clipping | None:
    """How the guards of a contraction become ranges; None where those of the scalar operand do
    not. With `skip` those of the vector operand do too, as far as they can."""
    along, across = contraction.operands
    inner = {span.name: span for span in contraction.inner}
    bounds: dict[str, list[tuple[Int, Int]]] = {}
    by_row: list[str] = []
    for low, stop, place in _guards(across):
        within = sorted(place.names() & inner.keys())
        if len(within) != 1:
            return None
        if row is not None and row.name in place.names():
            if place.names() != {row.name, within[0]} or not place.factor(row.name) > 0:
                return None
            bounds.setdefault(row.name, []).append(_range(low, stop, place, row.name))
            by_row.append(within[0])
        else:
            bounds.setdefault(within[0], []).append(_range(low, stop, place, within[0]))
    padded = False
    beside = {lane.name for lane in lanes}
    for low, stop, place in _guards(along):
        within = sorted(place.names() & inner.keys())
        if skip and len(within) == 1 and not place.names() & beside:
            bounds.setdefault(within[0], []).append(_range(low, stop, place, within[0]))
        else:
            padded = True
    clips = tuple(Clip(name, *zip(*found, strict=True)) for name, found in bounds.items())
    runs = [span for span in contraction.inner if span.name in bounds and span.name not in by_row]
    head = max(runs, key=lambda span: span.extent, default=None)
    taps = tuple(span for span in contraction.inner
                 if span.name in by_row or (span in runs and span is not head))
    spans = {span.name: span for span in (*contraction.outer, *contraction.inner)}
    return Clipping(clips, taps, head, padded, math.prod(_taken(clip, spans) for clip in clips))


def _guards(operand: Operand) -> Iterator[tuple[int, int, Int]]:
    for place, (low, stop), guarded in zip(operand.subscripts, operand.valid, operand.guarded,
                                           strict=True):
        if guarded:
            yield low, stop, place


def _range(low: int, stop: int, place: Int, name: str) -> tuple[Int, Int]:
    """The least value of a variable for which low <= place < stop, and the first one above."""
    factor, rest = place.factor(name), place.without((name,))
    if factor > 0:
        return ceil_div(low - rest, factor), floor_div(stop - 1 - rest, factor) + 1
    return ceil_div(rest - (stop - 1), -factor), floor_div(rest - low, -factor) + 1


def _taken(clip: Clip, spans: Mapping[str, Span]) -> float:
    """The part of a variable's range that its clip leaves, on average over the others."""
    span = spans[clip.name]
    others = [spans[name] for name in sorted(
        {name for bound in (*clip.lows, *clip.stops) for name in bound.names()}) if name in spans]
    total = count = 0
    for values in itertools.product(*(_samples(other) for other in others)):
        known = {other.name: value for other, value in zip(others, values, strict=True)}
        low = max(span.low, *(evaluate(bound, known) for bound in clip.lows))
        stop = min(span.stop, *(evaluate(bound, known) for bound in clip.stops))
        total, count = total + max(0, stop - low), count + 1
    return total / (count * span.extent)


def _samples(span: Span) -> range:
    return range(span.low, span.stop, -(-span.extent // 64))
