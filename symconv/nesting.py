"""Nesting: loops over variables in a given order, with exact bounds.

Every inequality becomes a bound of the innermost variable in it; what has no such variable becomes
a test, placed as far out as its names allow, and so does what reads an integer tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symconv.integers import Int, ceil_div, floor_div, largest, smallest
from symconv.ir import AtLeast, Divides, Equal, Row
from symconv.loops import Begin, Let, Loop, Node, When
from symconv.rewrite import row_expressions, row_names
from symconv.unknowns import Eliminated, Variable


def nest(parts: Eliminated, order: Sequence[Variable], boundary: int, before: tuple[Node, ...],
         body: tuple[Node, ...], after: tuple[Node, ...], every: bool = True) -> list[Node]:
    """Loops over `order`; `before` and `after` stand around those from `boundary` on, `body`
    innermost. Rows become bounds of the innermost variable in them, or tests; tests and lets
    stand as far out as their names allow. With `every`, `before` and `after` run for all values
    of the variables in front of the boundary, so that every element is written; without, the
    tests come first, and a place that is out of range is not touched."""
    local = {v.name for v in order} | {name for name, _ in parts.lets}
    nodes = _Nest(order, boundary, before, body, after, every).level(
        0, local, list(parts.lets), list(parts.rows))
    if any(isinstance(node, Begin | Let) for node in nodes):
        return [When((), tuple(nodes))]           # a block of its own for its names
    return nodes


@dataclass(frozen=True, slots=True)
class _Nest:
    order: Sequence[Variable]
    boundary: int
    before: tuple[Node, ...]
    body: tuple[Node, ...]
    after: tuple[Node, ...]
    every: bool

    def level(self, depth: int, unset: set[str], lets: list[tuple[str, Int]],
               rows: list[Row]) -> list[Node]:
        """The nodes from this depth on; `unset` are the local names not yet known here."""
        nodes: list[Node] = []
        for let in list(lets):
            if not let[1].names() & unset:
                nodes.append(Let(*let))
                lets.remove(let)
                unset = unset - {let[0]}
        last = depth == len(self.order)
        held = self.every and bool(self.before) and depth < self.boundary
        tests = tuple(row for row in rows if not held and not row_names(row) & unset
                      and (last or not reads(row)))
        rows = [row for row in rows if row not in tests]
        inside = list(self.body) if last else self._loop(depth, unset, lets, rows)
        around = depth == self.boundary and bool(self.before)
        if around and not self.every:
            inside = [*self.before, *inside, *self.after]
        if tests:
            ordered = sorted(tests, key=reads)
            inside = [When(tuple(ordered), tuple(inside))]
        if around and self.every:
            inside = [*self.before, *inside, *self.after]
        return nodes + inside

    def _loop(self, depth: int, unset: set[str], lets: list[tuple[str, Int]],
              rows: list[Row]) -> list[Node]:
        variable = self.order[depth]
        unset = unset - {variable.name}
        lows = [] if variable.extent is None else [Int.of(0)]
        stops = [] if variable.extent is None else [variable.extent]
        kept: list[Row] = []
        for row in rows:
            if isinstance(row, AtLeast) and not row_names(row) & unset and not reads(row):
                bound = _bound(row.expression, variable.name)
                if bound is not None:
                    (lows if bound[0] else stops).append(bound[1])
                    continue
            kept.append(row)
        body = self.level(depth + 1, unset, lets, kept)
        return [Loop(variable.name, largest(*lows), smallest(*stops), tuple(body))]


def _bound(expression: Int, name: str) -> tuple[bool, Int] | None:
    """expression >= 0 as (True, low) or (False, stop); None where the coefficient is unknown."""
    if name not in expression.names() or not expression.is_affine((name,)):
        return None
    coefficient = expression.coefficient(name).constant
    rest = expression.without((name,))
    if coefficient is None:
        return None
    if coefficient > 0:
        return True, ceil_div(-rest, coefficient)
    return False, floor_div(rest, -coefficient) + 1


def is_test(row: Row) -> bool:
    """Whether a row can never be a loop bound."""
    return isinstance(row, Equal | Divides) or reads(row)


def reads(row: Row) -> bool:
    """Whether a row reads an integer tensor."""
    return any(expression.elements() for expression in row_expressions(row))
