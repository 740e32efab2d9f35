"""How many terms the loops around a sum have, as far as their bounds tell, and what they call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from symconv.integers import Atom, Extremum, Floor, Int
from symconv.ir import Apply, Power, Scalar
from symconv.loops import Fold, Loop, Node, Store, When
from symconv.rewrite import scalar_children

_SLOW = frozenset(("exp", "log", "tanh", "sigmoid"))

Box: TypeAlias = Mapping[str, tuple[int | None, int | None]]
"""The least and the greatest value of names, as far as they are known."""


def longest(loop: Loop, box: Box) -> int | None:
    """How many values the loop has at most, in numbers; None where its bounds do not tell."""
    found = [reach(stop - low, box)[1] for stop in options(loop.stop, "min")
             for low in options(loop.low, "max")]
    known = [count for count in found if count is not None]
    return max(0, min(known)) if known else None


def within(loop: Loop, box: Box) -> Box:
    """The box inside of the loop."""
    return {**box, loop.name: (reach(loop.low, box)[0], reach(loop.stop - 1, box)[1])}


def reach(expression: Int, box: Box) -> tuple[int | None, int | None]:
    """Bounds of an expression; each is None where it is not known."""
    low: int | None = 0
    high: int | None = 0
    for monomial, factor in expression.terms:
        match monomial:
            case ():
                ends: tuple[int | None, int | None] = (1, 1)
            case (atom,):
                ends = _atom_reach(atom, box)
            case _:
                return None, None
        least, most = ends if factor > 0 else ends[::-1]
        low = None if low is None or least is None else low + factor * least
        high = None if high is None or most is None else high + factor * most
    return low, high


def _atom_reach(atom: Atom, box: Box) -> tuple[int | None, int | None]:
    match atom:
        case str():
            return box.get(atom, (None, None))
        case Floor(numerator, denominator) if (divisor := denominator.constant) is not None:
            low, high = reach(numerator, box)
            return (None if low is None else low // divisor,
                    None if high is None else high // divisor)
        case Extremum(kind, arguments):
            choose = max if kind == "max" else min
            ends = [reach(argument, box) for argument in arguments]
            lows = [low for low, _ in ends if low is not None]
            highs = [high for _, high in ends if high is not None]
            known = (lows, highs) if kind == "max" else (highs, lows)
            sure = choose(known[0], default=None)           # any argument bounds this side
            both = choose(known[1]) if len(known[1]) == len(ends) else None
            return (sure, both) if kind == "max" else (both, sure)
    return None, None


def terms(nodes: Sequence[Node], box: Box, row: Loop | None = None) -> int | None:
    """How many points the nodes take in at most, where the loop `row` counts as one point; None
    where their bounds do not tell."""
    total = 0
    for node in nodes:
        match node:
            case Loop() if node is row:
                total += 1
            case Loop(_, _, _, body):
                count, inside = longest(node, box), terms(body, within(node, box), row)
                if count == 0 or inside == 0:
                    continue
                if count is None or inside is None:
                    return None
                total += count * inside
            case When(_, body):
                inside = terms(body, box, row)
                if inside is None:
                    return None
                total += inside
            case Fold() | Store():
                total += 1
            case _:
                pass
    return total


def is_innermost(loop: Loop) -> bool:
    """Whether no loop stands inside."""
    return not any(isinstance(node, Loop) or (isinstance(node, When) and _has_loop(node.body))
                   for node in loop.body)


def calls(nodes: Sequence[Node]) -> bool:
    """Whether the points that are taken in call functions of the library."""
    return any(_calls(node.value) if isinstance(node, Fold) else calls(node.body)
               for node in nodes if isinstance(node, Fold | When))


def _calls(value: Scalar) -> bool:
    match value:
        case Apply(function):
            return function in _SLOW or any(map(_calls, scalar_children(value)))
        case Power(base, exponent):
            return exponent.denominator > 2 or _calls(base)
    return any(map(_calls, scalar_children(value)))


def options(bound: Int, kind: str) -> tuple[Int, ...]:
    """The arguments of a minimum or maximum; the bound itself where it is none of the kind."""
    match bound.terms:
        case (((Extremum(found, arguments),), 1),) if found == kind:
            return arguments
    return (bound,)


def _has_loop(nodes: Sequence[Node]) -> bool:
    return any(isinstance(node, Loop) or (isinstance(node, When) and _has_loop(node.body))
               for node in nodes)
