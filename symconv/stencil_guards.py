"""The rows of a tap, whose window is numbers by now: where it is, and for which integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from symconv.contraction import Span, bounds, is_affine
from symconv.integers import Element, Int
from symconv.ir import AtLeast, Divides, Equal, Row

Mark: TypeAlias = tuple[Element, int]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Whether a tap is ever there; expressions >= 0 that some lanes break; integers to equal."""

    holds: bool
    guards: tuple[Int, ...] = ()
    marks: tuple[Mark, ...] = ()


def conditions(rows: Sequence[Row], spans: Mapping[str, Span]) -> Conditions | None:
    guards: list[Int] = []
    marks: list[Mark] = []
    for row in rows:
        match row:
            case AtLeast(expression) if not expression.elements():
                ends = bounds(expression, spans)
                if ends is None:
                    return None
                if ends[1] < 0:
                    return Conditions(False)
                if ends[0] < 0:
                    guards.append(expression)
            case Equal(expression) if expression.constant is not None:
                if expression.constant:
                    return Conditions(False)
            case Equal(expression) if len(expression.elements()) == 1:
                (element,) = expression.elements()
                sign = expression - Int.atom(element)
                wanted = -sign.constant if sign.constant is not None else (
                    (expression + Int.atom(element)).constant)
                if wanted is None or wanted < 0:
                    return None
                marks.append((element, wanted))
            case Divides(modulus, expression) if (
                    modulus.constant and expression.constant is not None):
                if expression.constant % modulus.constant:
                    return Conditions(False)
            case _:
                return None
    return Conditions(True, tuple(guards), tuple(marks))


def values(name: str, extent: Int | None, rows: Sequence[Row]) -> range | None:
    """The values of a variable, by its extent and the rows in it alone."""
    lows, stops = ([], []) if extent is None else ([0], [extent.constant])
    for row in rows:
        if isinstance(row, AtLeast) and row.expression.names() == {name} and is_affine(
                row.expression):
            factor = row.expression.coefficient(name).constant or 0
            rest = row.expression.without((name,)).constant or 0
            if factor > 0:
                lows.append(-(rest // factor))
            else:
                stops.append(rest // -factor + 1)
    known = [stop for stop in stops if stop is not None]
    if not lows or not known or len(known) < len(stops):
        return None
    return range(max(lows), max(max(lows), min(known)))
