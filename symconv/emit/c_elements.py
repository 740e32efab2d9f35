"""What a tiled definition does element by element: empty classes, other terms, NaNs once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from symconv.contraction import Contraction
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import TileNames, indented, loop, loops
from symconv.ir import Number
from symconv.loops import Node, Tiled
from symconv.tiles import Tiles

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
        """The elements of a class without points; the first task of its slices has them."""
        node = self.node
        element = self.spelling.element(node.target.tensor, node.target.subscripts)
        value = node.initial if node.initial is not None else Number(Fraction(0))
        body = self.lines(node.start) if node.start else [
            f"{element} = {self.spelling.top(value)};"]
        counts = (max(plan.bands for plan in node.plans[0]),
                  max(plan.shares for plan in node.plans[0]))
        tests = [f"{name} == 0" for name, count in zip(node.names, counts, strict=False)
                 if node.split and count > 1]
        spans = [span for span in contraction.outer if span.name not in node.fixed]
        return loops(spans, [*self._places(contraction), *body], " && ".join(tests))

    def _region(self, plan: Tiles, inside: Iterable[str]) -> list[str]:
        """Lines for every element that the plan computes in a band and a group of rows."""
        own = self.own
        lines = [*self._places(plan.contraction), *inside]
        for number, lane in reversed(list(enumerate(plan.lanes))):
            low, stop = str(lane.low), str(lane.low + lane.extent)
            if plan.bands > 1 and not number:
                low = f"{own.first} + {lane.low}" if lane.low else own.first
                stop = f"{low} + {own.many}"
            if plan.strip and not number:
                first = low
                low, stop = f"{first} + {own.begin}", f"{first} + {own.end}"
            lines = loop(lane.name, low, stop, lines)
        low, stop = ((own.begin, own.end) if plan.splits_rows
                     else (str(plan.row.low), str(plan.row.stop)))
        return loops(plan.loops, loop(plan.row.name, low, stop, lines))

    def _places(self, contraction: Contraction) -> list[str]:
        """The free indices of the element that the variables of a contraction stand for."""
        return [f"const ptrdiff_t {index.name} = {self.spelling.integer(place)};"
                for index, place in zip(self.node.free, contraction.target, strict=True)
                if place.name != index.name and index.name not in self.node.fixed]
