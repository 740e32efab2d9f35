"""Positions in arrays: subscripts and strides, as one affine expression or as distances."""

from __future__ import annotations

from collections.abc import Sequence

from symconv.contraction import Span
from symconv.integers import Int

_BLOCKS = 8     # into how many blocks the rows of a kernel are split, if there are enough


def flat(places: Sequence[Int], strides: Sequence[int]) -> Int:
    """The position of an element."""
    total = Int.of(0)
    for place, one in zip(places, strides, strict=True):
        total = total + place * one
    return total


def names_in(places: Sequence[Int]) -> set[str]:
    return {name for place in places for name in place.names()}


def stride(places: Sequence[Int], strides: Sequence[int], name: str) -> int:
    """How far an affine position moves with a variable."""
    return sum(place.factor(name) * one for place, one in zip(places, strides, strict=True))


def moved(step: Int, steps: Sequence[Span], period: int) -> int:
    """How much a step grows with so many values of the first variable of a run, which move it
    evenly."""
    if not steps:
        return 0
    zero = {s.name: Int.of(0) for s in steps}
    difference = (step.substitute(zero | {steps[0].name: Int.of(period)})
                  - step.substitute(zero))
    return difference.constant or 0


def regular(read: Int, steps: Sequence[Span]) -> int | None:
    """The distance of successive reads where it is the same from the first step to the last."""
    distances = [read.factor(s.name) for s in steps]
    for outer, inner, span in zip(distances, distances[1:], steps[1:], strict=False):
        if outer != inner * span.extent:
            return None
    return distances[-1] if distances else 0


def group(rows: int, tasks: int, divided: bool) -> int:
    """Rows of a block: a multiple of 8, or all. Blocks share no part of a packed operand, so that
    there is one block where the operand comes in parts."""
    wanted = 1 if divided else max(1, min(rows // 24, -(-_BLOCKS // tasks)))
    return min(rows, -(-rows // (8 * wanted)) * 8)
