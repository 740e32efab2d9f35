"""Random programs of every kind that the language admits.

`programs` is a strategy that writes definition *text*: several statements, equalities between
indices, skewed and negative coefficients, nested reductions, integer reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from symconv.integers import evaluate as integer
from symconv.ir import Program
from symconv.shapes import bind


@dataclass(frozen=True)
class Written:
    """A definition as text, with a value for every size that it leaves open."""

    text: str
    sizes: tuple[tuple[str, int], ...]

    def values(self, program: Program) -> dict[str, int]:
        """All sizes. Raises ShapeError where they do not fit the program."""
        given = dict(self.sizes)
        shapes = {tensor.name: tuple(integer(axis.stored, given) for axis in tensor.axes)
                  for tensor in program.inputs}
        return bind(program, shapes)


SIZES = (3, 2, 4, 1)
EXTENTS = ("N", "M", "K", "2", "3", "4", "N+1", "2*N-1", "M-1", "N+M-1")
REDUCTIONS = ("sum",) * 6 + ("max", "min", "max_last", "min_last", "mean", "max_even")


class _Writer:
    """Draws one program, statement by statement."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        names = ("i", "j", "l", "a", "b", "e")
        self.extents = {name: self.pick(EXTENTS) for name in names}
        self.tensors = {"x": self.some(("N", "M", "3", "N"), 1, 2)}
        if self.chance(2):
            self.tensors["w"] = self.some(("K", "M", "2", "N"), 0, 2)
        self.labels = self.some(("N", "K", "M"), 1, 1) if self.chance(3) else []
        self.lines: list[str] = []

    def pick(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def chance(self, out_of: int) -> bool:
        return bool(self.draw(st.integers(0, out_of - 1)) == 0)

    def some(self, options: Sequence[Any], least: int, most: int) -> list[Any]:
        return self.draw(st.lists(st.sampled_from(options), min_size=least, max_size=most))

    def different(self, options: Sequence[Any], least: int, most: int) -> list[Any]:
        return self.draw(st.lists(st.sampled_from(options), min_size=least,
                                  max_size=min(most, len(options)), unique=True))

    def program(self) -> Written:
        count = self.pick((1, 1, 1, 2, 2, 3, 4, 5))
        targets = [f"y{number}" for number in range(1, count)] + ["y"]
        for target in targets:
            self.statement(target)
        head = [f"{name}: [{', '.join(axes)}]" for name, axes in self.tensors.items()
                if name[0] != "y"]
        head += [f"k: int[{', '.join(self.labels)}]"] if self.labels else []
        used = " ".join(self.lines)
        ranges = [f"{name} < {extent}" for name, extent in self.extents.items()
                  if f"{name}," in used or f"{name}]" in used]
        ending = [f"return {', '.join(targets[-2:])}"] if count > 1 and self.chance(4) else []
        text = "; ".join((*head, *ranges, *self.lines, *ending))
        sizes = tuple((name, self.pick(SIZES)) for name in ("N", "M", "K"))
        for name, number in sizes:                      # the extent of no operand
            if not re.search(rf"\b{name}\b", "; ".join(head)):
                text = re.sub(rf"\b{name}\b", str(number), text)
        return Written(text, sizes)

    def statement(self, target: str) -> None:
        free = self.different(("i", "j", "l"), 0, 2)
        body = self.expression(free, 2)
        self.lines.append(f"{target}{'[' + ','.join(free) + ']' if free else ''} = {body}")
        self.tensors[target] = [self.extents[name] for name in free]

    def expression(self, scope: list[str], depth: int) -> str:
        """A sum of reductions; where nothing is reduced, every read must be in range."""
        first = self.reduction(scope, depth)
        form = self.draw(st.integers(0, 9))
        if form == 0:
            return f"{first} + {self.reduction(scope, depth)}"
        if form == 1:
            return f"{first} * {self.reduction(scope, depth)}"
        if form == 2:
            return f"relu({first})"
        if form == 3:
            return f"maximum({first}, {self.reduction(scope, depth)})"
        if form == 4:
            return f"{self.pick(('2', '-1', '-3'))}*{first}"
        return first

    def reduction(self, scope: list[str], depth: int) -> str:
        rest = [name for name in self.extents if name not in scope]
        bound = self.different(rest, 1, 3 if depth == 2 else 1)
        inside = [*scope, *bound]
        kind = self.pick(REDUCTIONS)
        inside_range = kind != "sum" and not self.chance(6)     # an empty window has no value
        factors = [self.read(inside, inside_range) for _ in range(self.pick((1, 1, 2, 2, 3)))]
        if depth > 1 and self.chance(5):
            factors.append(self.reduction(inside, 1))
        if self.chance(6):
            factors.append(f"({self.affine(inside)})")
        if self.chance(10):
            factors[0] += "**2"
        rows = 0 if inside_range else self.pick((0, 0, 0, 1, 1, 2))
        factors += [f"[{self.row(inside)}]" for _ in range(rows)]
        if kind != "sum" and self.labels and self.chance(3):    # data may leave no point
            factors.append(f"[{self.label(inside)} {self.pick(('<', '>=', '=='))} "
                           f"{self.pick(('0', '1', '2', *inside))}]")
        return f"{kind}[{','.join(bound)}]({' * '.join(factors)})"

    def read(self, scope: list[str], inside: bool) -> str:
        name = self.pick(sorted(self.tensors))
        if not self.tensors[name]:
            return str(name)
        subscript = self.clamped if inside else self.subscript
        return f"{name}[{', '.join(subscript(scope, axis) for axis in self.tensors[name])}]"

    def clamped(self, scope: list[str], axis: str) -> str:
        fitting = [name for name in scope if self.extents[name] == axis]
        if fitting and not self.chance(3):
            return self.pick((f"{fitting[-1]}", f"{axis}-1-{fitting[-1]}"))
        return f"min(max({self.affine(scope)}, 0), {axis}-1)"

    def subscript(self, scope: list[str], axis: str) -> str:
        form = self.draw(st.integers(0, 11))
        if form < 3 and scope:
            return str(self.pick(scope))
        if form == 3:
            return f"{axis}-1-{self.pick(scope)}"
        if form == 4 and self.labels:
            return self.label(scope)
        if form == 5:
            return f"({self.affine(scope)})//{self.pick((2, 3))}"
        if form == 6:
            return f"{self.pick(('min', 'max'))}({self.affine(scope)}, {self.pick(('1', '2'))})"
        return self.affine(scope)

    def label(self, scope: list[str]) -> str:
        return f"k[{self.pick(scope)}]"

    def affine(self, scope: list[str]) -> str:
        names = self.different(scope, 1, 3)
        terms = [f"{self.pick((1, 1, 1, 2, 2, 3, -1, -1, -2, -3, 4, 6))}*{name}"
                 for name in names]
        constant = self.pick((0, 0, 1, 2, -1, -2, 3))
        return " + ".join((*terms, *([str(constant)] if constant else [])))

    def row(self, scope: list[str]) -> str:
        form = self.draw(st.integers(0, 7))
        if form < 4:
            return f"{self.affine(scope)} == {self.affine(scope) if self.chance(2) else '1'}"
        if form == 4 and self.labels:
            return f"{self.label(scope)} {self.pick(('==', '<', '>='))} {self.pick(scope)}"
        if form == 5:
            return f"({self.affine(scope)}) % {self.pick((2, 3, 4))} == 0"
        return f"{self.affine(scope)} {self.pick(('<', '<=', '>', '>='))} {self.pick(scope)}"


@st.composite
def programs(draw: Callable[[Any], Any]) -> Written:
    """A program as text, with sizes between 2 and 4."""
    return _Writer(draw).program()
