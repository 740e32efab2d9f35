"""What a tiled definition does element by element: empty classes, other terms, NaNs once more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from symconv.contraction import Contraction, Span
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import TileNames, indented, loop, loops
from symconv.integers import Int
from symconv.ir import Number
from symconv.loops import Node, Tiled
from symconv.tiles import Tiles
from symconv.weaving import is_in_step, is_shared_out

Lines = Callable[[Sequence[Node]], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Elements:
    """Loops over the elements of the target; `lines` spells the nodes of one element."""

    node: Tiled
    spelling: Spelling
    own: TileNames
    lines: Lines

    def start(self, plan: Tiles) -> list[str]:
        """What the sums are added to."""
        return self._region(plan, self.lines(self.node.start))

    def repair(self, plan: Tiles) -> list[str]:
        """Elements that are NaN, once more: guards are tested there, not padded with zeros."""
        element = self.spelling.element(self.node.target.tensor, self.node.target.subscripts)
        return self._region(plan, [f"if ({element} != {element}) {{",
                                   *indented(self.lines(self.node.repair)), "}"])

    def empty(self, contraction: Contraction) -> list[str]:
        """The elements of a class without points, in the share of a task; or all of them, for the
        first task of their slices, where the tasks of the plans have others.

        Zeros are written in rows, over what lies in between: that is the task's own, and follows.
        """
        node, plans = self.node, self.node.plans[0]
        element = self.spelling.element(node.target.tensor, node.target.subscripts)
        value = node.initial if node.initial is not None else Number(Fraction(0))
        shared = node.split and is_shared_out(contraction, plans)
        ends = self._ends(plans[0]) if shared else {}
        spans = [span for span in contraction.outer if span.name not in node.fixed]
        along = contraction.target[-1]
        run = [span for span in spans if along.factor(span.name) > 0 and span.name not in ends]
        alone = along.names() == {span.name for span in run} and (
            not node.split or is_in_step(contraction, plans))
        count = 1 + sum(along.factor(span.name) * (span.extent - 1) for span in run)
        first = {span.name: Int.of(span.low) for span in run}
        if node.start:
            body = [*self._places(contraction), *self.lines(node.start)]
        elif value == Number(Fraction(0)) and run and (
                alone or count == math.prod(span.extent for span in run)):
            place = self.spelling.offset(node.target.tensor, node.target.subscripts)
            body = [*self._places(contraction, first),
                    f"{self.spelling.prefix}_zero({node.target.tensor} + {place}, {count});"]
            spans = [span for span in spans if span not in run]
        else:
            body = [*self._places(contraction), f"{element} = {self.spelling.top(value)};"]
        body = _within(spans, ends, body)
        counts = (max(plan.bands for plan in plans), max(plan.shares for plan in plans))
        tests = [f"{name} == 0" for name, most in zip(node.names, counts, strict=False)
                 if node.split and not shared and most > 1]
        return loops([], body, " && ".join(tests)) if tests or not spans else body

    def _ends(self, plan: Tiles) -> dict[str, tuple[str, str]]:
        """The rows, and the values of the first lane, that the task has of a plan."""
        own, lane = self.own, plan.lanes[0]
        ends = {plan.row.name: (own.begin, own.end)} if plan.splits_rows else {}
        if plan.strip or plan.bands > 1:
            low = Int.of(lane.low) + (Int.of(own.first) if plan.bands > 1 else 0)
            begin, end = (own.begin, own.end) if plan.strip else (0, own.many)
            ends[lane.name] = (self.spelling.integer(low + Int.of(begin)),
                               self.spelling.integer(low + Int.of(end)))
        return ends

    def _region(self, plan: Tiles, inside: Iterable[str]) -> list[str]:
        """Lines for every element that the plan computes in a band and a group of rows."""
        spans = [plan.row, *(Span(lane.name, lane.low, lane.low + lane.extent)
                             for lane in plan.lanes)]
        return loops(plan.loops, _within(
            spans, self._ends(plan), [*self._places(plan.contraction), *inside]))

    def _places(self, contraction: Contraction,
                known: Mapping[str, Int] | None = None) -> list[str]:
        """The free indices of the element that the variables of a contraction stand for, of which
        some are `known`."""
        places = [place.substitute(known or {}) for place in contraction.target]
        return [f"const ptrdiff_t {index.name} = {self.spelling.integer(place)};"
                for index, place in zip(self.node.free, places, strict=True)
                if place.name != index.name and index.name not in self.node.fixed]


def _within(spans: Sequence[Span], ends: Mapping[str, tuple[str, str]],
            lines: list[str]) -> list[str]:
    """Loops over spans around lines, some of them from one of the `ends` to the other."""
    for span in reversed(spans):
        low, stop = ends.get(span.name, (span.low, span.stop))
        lines = loop(span.name, low, stop, lines)
    return lines
