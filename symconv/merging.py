"""Merging: residue classes that differ by constants alone become one contraction.

    dx[5*m + 0] = sum over o, t of dy[o, m - t] * w[o, 5*t + 0]
    ...                                                              r = 0 .. 4
    dx[5*m + 4] = sum over o, t of dy[o, m - t] * w[o, 5*t + 4]

Where the window is a multiple of the stride every class has the same taps, and its residue r is
one more outer variable: the classes are the rows of a single product, which reads dy once. Any
classes that follow each other will do, with or without points, if from one to the next they move
evenly: along one axis of the target, and anywhere in the operands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from symconv.contraction import Contraction, Span
from symconv.integers import Int


def merged(classes: Sequence[Contraction], fixed: Collection[str],
           name: Callable[[int, int], str], level: int = 0) -> tuple[Contraction, ...]:
    """The same sums in as few contractions as possible. What is merged along one axis may be merged
    again along another, at the next `level`; `name` of an axis of the target and a level is free
    for the residue. `fixed` variables are left as they are."""
    runs: list[list[Contraction]] = []
    for one in classes:
        if runs and _continues(runs[-1], one, fixed):
            runs[-1].append(one)
        else:
            runs.append([one])
    if len(runs) == len(classes):
        return tuple(classes)
    return merged([_joined(run, fixed, level, name) for run in runs], fixed, name, level + 1)


def _continues(run: Sequence[Contraction], following: Contraction, fixed: Collection[str]) -> bool:
    """Whether a class is as far from the last one of a run as that from the one before."""
    moves = _moves(run[-1], following, fixed)
    return moves is not None and (len(run) == 1 or moves == _moves(run[-2], run[-1], fixed))


def _moves(first: Contraction, second: Contraction,
           fixed: Collection[str]) -> tuple[int, ...] | None:
    """How far every subscript moves from the first class to the second; None where they differ by
    more than constants, or where the target does not move along exactly one axis."""
    first, second = _from_zero(first, fixed), _from_zero(second, fixed)
    if _at(second, _places(first)) != first:
        return None
    moves = [(theirs - ours).constant
             for ours, theirs in zip(_places(first), _places(second), strict=True)]
    known = tuple(move for move in moves if move is not None)
    is_even = len(known) == len(moves) and sum(move != 0 for move in known[:len(first.target)]) == 1
    return known if is_even else None


def _joined(run: Sequence[Contraction], fixed: Collection[str], level: int,
            name: Callable[[int, int], str]) -> Contraction:
    """The classes of a run as one contraction, in the order in which the target grows."""
    moves = _moves(run[0], run[1], fixed) if len(run) > 1 else None
    if moves is None:
        return run[0]
    axis = next(number for number, move in enumerate(moves) if move)
    sign = 1 if moves[axis] > 0 else -1
    first = _from_zero(run[0 if sign > 0 else -1], fixed)
    residue = Span(name(axis, level), 0, len(run))
    made = _at(first, [place + Int.of(residue.name) * (sign * move)
                       for place, move in zip(_places(first), moves, strict=True)])
    return replace(made, outer=(*first.outer, residue))


def _from_zero(contraction: Contraction, fixed: Collection[str]) -> Contraction:
    """The same contraction with outer variables that begin at 0."""
    lows = {span.name: Int.of(span.name) + span.low for span in contraction.outer
            if span.low and span.name not in fixed}
    if not lows:
        return contraction
    outer = tuple(Span(span.name, 0, span.extent) if span.name in lows else span
                  for span in contraction.outer)
    return replace(_at(contraction, [place.substitute(lows) for place in _places(contraction)]),
                   outer=outer)


def _places(contraction: Contraction) -> tuple[Int, ...]:
    """All subscripts, those of the target first."""
    return (*contraction.target, *(place for operand in contraction.operands
                                   for place in operand.subscripts))


def _at(contraction: Contraction, places: Sequence[Int]) -> Contraction:
    """The contraction with other subscripts."""
    axes = len(contraction.target)
    split = axes + len(contraction.operands[0].subscripts)
    left, right = (replace(operand, subscripts=tuple(found)) for operand, found in zip(
        contraction.operands, (places[axes:split], places[split:]), strict=True))
    return replace(contraction, target=tuple(places[:axes]), operands=(left, right))
