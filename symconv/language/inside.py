"""Reads that must stay inside their tensors: now, by a requirement on the sizes, or refused."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from symconv.integers import Int
from symconv.integers import text as integer_text
from symconv.ir import AtLeast, Requirement, Row
from symconv.language.environment import Environment
from symconv.ranges import Facts, Read, read_conditions

_MOST_CORNERS = 16


@dataclass(frozen=True, slots=True)
class Inside:
    """What is known of the sizes, and the requirements on them, which it adds to."""

    env: Environment
    facts: Facts
    logical: Callable[[str], Sequence[Int]]
    requirements: dict[Row, Requirement]

    def refuse(self, reads: Sequence[Read], nodes: Mapping[Read, ast.AST], node: ast.AST) -> None:
        """ParseError where a read inside a reduction is out of range at a known place."""
        for read in reads:
            for condition in read_conditions(read, self.logical):
                if condition.constant is not None and condition.constant < 0:
                    raise self._outside(read, nodes.get(read, node))

    def require(self, read: Read, node: ast.AST, ranges: Mapping[str, Int],
                rows: tuple[Row, ...]) -> None:
        """Outside a reduction every read must be in range: now, or as a requirement.

        A condition that is affine in the indices holds everywhere if it does so at the corners
        of their ranges.
        """
        for condition in read_conditions(read, self.logical):
            if self.facts.holds(condition, ranges, rows):
                continue
            inside = [name for name in ranges if name in condition.names()]
            if not condition.is_affine(inside) or condition.elements():
                raise self._outside(read, node)
            corners: list[tuple[Int, ...]] = []
            for name in inside:
                slope, last = condition.coefficient(name), ranges[name] - 1
                corners.append((slope * 0,) if self.facts.nonnegative(slope) else
                               (slope * last,) if self.facts.nonnegative(-slope) else
                               (slope * 0, slope * last))
            if 2 ** sum(len(c) > 1 for c in corners) > _MOST_CORNERS:
                raise self._outside(read, node)
            for corner in itertools.product(*corners):
                least = sum(corner, condition.without(inside))
                if least.constant is not None and least.constant < 0:
                    raise self._outside(read, node)
                if least.constant is None:
                    row = AtLeast(least)
                    self.requirements.setdefault(row, Requirement(
                        row, f"{_shown(read)} must stay inside {read[0]}, so {least} >= 0 is "
                        "needed; give other shapes, or a smaller extent to the index"))

    def _outside(self, read: Read, node: ast.AST) -> Exception:
        return self.env.error(
            node, f"{_shown(read)} may be out of range", "outside a reduction every read is in "
            "range for all values of the indices on the left; inside sum, max, min and mean a "
            "read out of range removes its term", "restrict the index (i < ...), guard the read "
            "with brackets ([i >= 1] * x[i-1]), or select with a sum: "
            "sum[c]([c == k[n]] * x[n,c])")


def _shown(read: Read) -> str:
    return f"{read[0]}[{', '.join(map(integer_text, read[1]))}]"
