"""Rows of a relation in LaTeX, as conditions that stand in a bracket or below an operator."""

from __future__ import annotations

from collections.abc import Sequence

from symconv.integers import Int
from symconv.ir import AtLeast, Divides, Equal, Row
from symconv.report.symbols import Scope, integer_tex


def conditions(rows: Sequence[Row], scope: Scope) -> list[str]:
    """One condition per row, two rows that bound one expression joined to a chain."""
    shown: list[str] = []
    joined: set[int] = set()
    for place, row in enumerate(rows):
        if place in joined:
            continue
        match row:
            case Equal(expression):
                shown.append(_equality(expression, scope))
            case Divides(modulus, expression):
                shown.append(rf"{integer_tex(modulus, scope)} \mid "
                             rf"{integer_tex(expression, scope)}")
            case AtLeast(expression):
                partner = _partner(expression, rows, place + 1, joined, scope)
                if partner is None:
                    shown.append(_inequality(expression, scope))
                else:
                    joined.add(partner[0])
                    shown.append(_chain(expression, partner[1], scope))
    return shown


def _partner(expression: Int, rows: Sequence[Row], start: int, joined: set[int],
             scope: Scope) -> tuple[int, Int] | None:
    """A later row m - e >= 0 for e >= 0, with m free of indices."""
    for place in range(start, len(rows)):
        row = rows[place]
        if isinstance(row, AtLeast) and place not in joined:
            total = expression + row.expression
            if not total.names().intersection(scope.order) and not total.elements():
                return place, row.expression
    return None


def _chain(low: Int, high: Int, scope: Scope) -> str:
    """0 <= e <= low + high, where e is whichever of the two does not start with a minus."""
    shown = integer_tex(low, scope)
    if shown.startswith("-"):
        shown = integer_tex(high, scope)
    return rf"0 \le {shown} {_below(low + high, scope)}"


def _below(limit: Int, scope: Scope) -> str:
    if dict(limit.terms).get((), 0) == -1:
        return f"< {integer_tex(limit + 1, scope)}"
    return rf"\le {integer_tex(limit, scope)}"


def _inequality(expression: Int, scope: Scope) -> str:
    """The positive part against the negative part."""
    strict = dict(expression.terms).get((), 0) == -1
    if strict:
        expression = expression + 1
    positive, negative = _parts(expression)
    relation = ">" if strict else r"\ge"
    return f"{integer_tex(positive, scope)} {relation} {integer_tex(negative, scope)}"


def _equality(expression: Int, scope: Scope) -> str:
    """Solved for the first index with coefficient 1 or -1; otherwise part against part."""
    if not expression.elements():
        for name in scope.order:
            if name not in expression.names() or not expression.is_affine((name,)):
                continue
            coefficient = expression.coefficient(name).constant
            if coefficient in (1, -1):
                value = expression.without((name,)) * -coefficient
                return f"{integer_tex(Int.of(name), scope)} = {integer_tex(value, scope)}"
    positive, negative = _parts(expression)
    return f"{integer_tex(positive, scope)} = {integer_tex(negative, scope)}"


def _parts(expression: Int) -> tuple[Int, Int]:
    """p and n, both with positive coefficients, with expression = p - n."""
    positive = Int(tuple(term for term in expression.terms if term[1] > 0))
    return positive, positive - expression
