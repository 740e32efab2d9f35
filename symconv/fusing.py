"""Fusing: two variables whose elements follow upon each other everywhere become a single one.

    x[c,u,v] of 56 x 56 elements with q = 56*u + v:    x[c,0,q],   u = q // 56,   v = q % 56

The rows of the array are continued by each other: where an operand has u, it has v too, each
alone on an axis and unguarded, and the rows of v are all of that axis. What is left is a plain
matrix product for windows of one element: its lanes need no gaps between rows, and can be cut
anywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from symconv.contraction import Contraction, Operand, Span
from symconv.integers import Int, floor_div
from symconv.places import flat, names_in


def fused(contraction: Contraction, strides: Mapping[str, Sequence[int]], target: Sequence[int],
          fixed: frozenset[str], name: Callable[[str, str], str]) -> Contraction:
    """The same contraction with as few variables as possible; `name` gives the new ones names,
    and `fixed` variables stay."""
    for outer, inner in ((contraction.outer, ()), ((), contraction.inner)):
        for slow, fast in itertools.permutations((*outer, *inner), 2):
            if {slow.name, fast.name} & fixed or slow.low or fast.low or not all(
                    _continues(operand, strides[operand.tensor], slow, fast)
                    for operand in contraction.operands):
                continue
            if outer and not _written_on(flat(contraction.target, target), slow, fast):
                continue
            return fused(_joined(contraction, slow, fast, name(slow.name, fast.name)),
                         strides, target, fixed, name)
    return contraction


def _continues(operand: Operand, strides: Sequence[int], slow: Span, fast: Span) -> bool:
    """Whether the elements of the next value of `slow` follow those of all values of `fast`."""
    if not {slow.name, fast.name} & names_in(operand.subscripts):
        return True
    axes = [[axis for axis, place in enumerate(operand.subscripts) if span.name in place.names()]
            for span in (slow, fast)]
    if any(len(found) != 1 for found in axes):
        return False
    (outer,), (inner,) = axes
    return (operand.subscripts[outer] == Int.of(slow.name)
            and operand.subscripts[inner] == Int.of(fast.name)
            and not operand.guarded[outer] and not operand.guarded[inner]
            and strides[outer] == fast.extent * strides[inner])


def _written_on(place: Int, slow: Span, fast: Span) -> bool:
    """Whether the same holds for the place in the target."""
    low, high = (place.coefficient(span.name) for span in (fast, slow))
    rest = place - low * Int.of(fast.name) - high * Int.of(slow.name)
    return high == low * fast.extent and not {slow.name, fast.name} & rest.names()


def _joined(contraction: Contraction, slow: Span, fast: Span, name: str) -> Contraction:
    both = Span(name, 0, slow.extent * fast.extent)
    whole = floor_div(Int.of(name), fast.extent)
    values = {slow.name: whole, fast.name: Int.of(name) - whole * fast.extent}

    def spans(found: Sequence[Span]) -> tuple[Span, ...]:
        return tuple(both if span == fast else span for span in found if span != slow)

    left, right = (_without(operand, slow, fast, both) for operand in contraction.operands)
    return replace(contraction, outer=spans(contraction.outer), inner=spans(contraction.inner),
                   operands=(left, right),
                   target=tuple(place.substitute(values) for place in contraction.target))


def _without(operand: Operand, slow: Span, fast: Span, both: Span) -> Operand:
    """An operand whose fast axis runs on through the slow one, of which the first value is
    left."""
    places, valid = list(operand.subscripts), list(operand.valid)
    for axis, place in enumerate(operand.subscripts):
        if slow.name in place.names():
            places[axis], valid[axis] = Int.of(0), (0, 1)
        elif fast.name in place.names():
            places[axis], valid[axis] = Int.of(both.name), (0, both.extent)
    return replace(operand, subscripts=tuple(places), valid=tuple(valid))
