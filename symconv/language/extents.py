"""Extents: of declared operands, of derived sizes, of indices and of undeclared operands."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from symconv.integers import Int, floor_div, product
from symconv.ir import Axis, Kind, Size
from symconv.language.environment import OUTSIDE, Environment, Shape
from symconv.language.names import fresh
from symconv.language.subscripts import integer
from symconv.language.syntax import Declaration, ExtentStatement, SizeStatement, elements
from symconv.ranges import Read


class Extents:
    """The sizes of a program and what runs over them; filled in the order of the text."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.values: dict[str, Int] = {}              # derived sizes, in order
        self.base: dict[str, None] = {}               # sizes on axes of operands, in order
        self.declared: dict[str, list[tuple[int, Int]]] = {}   # index -> (position, extent)

    # --- statements -------------------------------------------------------------------------

    def declare(self, statement: Declaration, kind: Kind) -> Shape:
        """The tensor of x: [N, C == (g, Cg)]. A new name in a split is a quotient."""
        axes = [self._axis(node) for node in statement.axes]
        logical: list[Int | None] = [extent for axis in axes for extent in axis.logical]
        return Shape(statement.name, kind, tuple(len(axis.logical) for axis in axes), logical,
                     [axis.stored for axis in axes], statement.node)

    def _axis(self, node: ast.expr) -> Axis:
        match node:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Tuple(elts=parts)]):
                stored = self._extent(left)
                known = self.base.keys() | self.values.keys() | self.env.size_nodes.keys()
                logical = tuple(self._extent(part) for part in parts)
                new = [part.name for part in logical if part.name is not None
                       and part.name not in known and part.name[0].isupper()]
                self._note(stored)
                if len(new) == 1:
                    others = product(part for part in logical if part.name != new[0])
                    if others.constant == 0:
                        raise self.env.error(node, f"{new[0]} is {stored} divided by 0",
                                             "a new name in a split is the stored extent divided "
                                             "by the others", "split by at least 1")
                    self.values[new[0]] = floor_div(stored, others)
                return self._noted(Axis(stored, logical))
            case ast.Tuple():
                logical = tuple(self._extent(part) for part in elements(node))
                return self._noted(Axis(product(logical), logical))
        extent = self._extent(node)
        return self._noted(Axis(extent, (extent,)))

    def _extent(self, node: ast.expr) -> Int:
        if isinstance(node, ast.Name) and node.id in self.env.indices \
                and node.id not in self.env.given:
            raise self.env.error(node, f"the extent {node.id} is also an index", "extents are "
                                 "upper-case; lower-case names are indices and parameters",
                                 f"write {node.id.upper()}")
        extent = integer(self.env, node, OUTSIDE)
        self.refuse_negative(node, extent)
        return extent

    def refuse_negative(self, node: ast.AST, extent: Int) -> None:
        if extent.constant is not None and extent.constant < 0:
            raise self.env.error(node, f"the extent is {extent}", "an extent is at least 0",
                                 "write another extent")

    def _noted(self, axis: Axis) -> Axis:
        for extent in (axis.stored, *axis.logical):
            self._note(extent)
        return axis

    def _note(self, extent: Int) -> None:
        for name in sorted(extent.names()):
            if name in self.env.used_sizes and name not in self.values \
                    and name not in self.env.size_nodes:
                self.base[name] = None

    def define(self, statement: SizeStatement) -> None:
        """Ho = ..."""
        name = statement.name
        if name in self.values or name in self.base or name in self.env.tensors:
            raise self.env.error(statement.node, f"{name} has a value already",
                                 "every size is defined once: by an axis, a split or a statement",
                                 "remove one definition or rename it")
        self.values[name] = integer(self.env, statement.value, OUTSIDE)

    def range(self, statement: ExtentStatement, position: int, last: int) -> None:
        """i < Ho, for the statements below; the first one also for those above.

        `last` is the position of the definition before this statement.
        """
        value = integer(self.env, statement.value, OUTSIDE)
        self.refuse_negative(statement.value, value)
        known = self.declared.setdefault(statement.index, [])
        extent = self.named(statement.index, value)
        if known and known[-1][0] > last and known[-1][1] != extent:
            raise self.env.error(statement.node, f"index {statement.index} has two extents: "
                                 f"{known[-1][1]} and {extent}", "an extent holds wherever the "
                                 "name occurs, until a later line changes it",
                                 "remove one line, or use another index name")
        known.append((position, extent))

    # --- indices ----------------------------------------------------------------------------

    def extent_at(self, index: str, position: int) -> Int | None:
        """The declared extent of an index in the statement at a position."""
        known = self.declared.get(index)
        if known is None:
            return None
        return next((extent for place, extent in reversed(known) if place < position),
                    known[0][1])

    def named(self, index: str, value: Int) -> Int:
        """The extent as a name: a size of that value, or a new one named after the index."""
        if value.constant is not None or value.name is not None:
            return value
        for name, known in self.values.items():
            if known == value:
                return Int.of(name)
        name = fresh(capitalised(index), self._taken() | self.env.source.identifiers)
        self.values[name] = value
        return Int.of(name)

    def _taken(self) -> set[str]:
        return {*self.values, *self.base, *self.env.tensors, *self.env.symbols,
                *self.env.size_nodes, *self.env.targets}

    def new_base(self, stem: str, node: ast.AST) -> Int:
        """A new size, read off an axis."""
        name = fresh(stem, self._taken())
        self.base[name] = None
        self.env.used_sizes.setdefault(name, node)
        return Int.of(name)

    # --- the end ----------------------------------------------------------------------------

    def sizes(self, inputs: Iterable[Shape]) -> tuple[Size, ...]:
        """All sizes in an order in which each is computed from those before it."""
        env = self.env
        for name, node in env.used_sizes.items():
            if name not in self.base and name not in self.values:
                raise env.error(node, f"{name} is the extent of no operand", "sizes are extents "
                                "of operands or defined by a statement",
                                f"declare an operand with it, x: [{name}], define {name} = ..., "
                                f"or give {name} a value as a parameter")
        known = {*env.symbols}
        axes = [axis for shape in inputs for axis in axes_of(shape)]
        equations = [axis.stored for axis in axes]
        free = dict.fromkeys(name for axis in axes for extent in (axis.stored, *axis.logical)
                             for name in sorted(extent.names()) if name in self.base)
        order = [Size(name) for name in free]
        waiting = dict(self.values)
        while True:
            solved = {next(iter(extent.names() - known)) for extent in equations
                      if len(extent.names() - known) == 1} & free.keys()
            ready = [name for name, value in waiting.items() if value.names() <= known]
            if not solved and not ready:
                break
            known |= solved
            free = {name: None for name in free if name not in solved}
            for name in ready[:1]:
                order.append(Size(name, waiting.pop(name)))
                known.add(name)
        nodes = {**env.used_sizes, **env.size_nodes}
        for name in [name for name in (*free, *waiting) if name in nodes]:
            raise env.error(nodes[name], f"the size {name} does not follow from the shapes",
                            "every size is an axis of an operand, or computed from such without "
                            "a circle",
                            f"declare an operand with the axis {name}, or define {name} = ...")
        return tuple(order)


def axes_of(shape: Shape) -> tuple[Axis, ...]:
    """The axes of a shape that is known by now."""
    found: list[Axis] = []
    start = 0
    for size, extent in zip(shape.groups, shape.stored, strict=True):
        logical = tuple(e for e in shape.logical[start:start + size] if e is not None)
        found.append(Axis(product(logical) if extent is None else extent, logical))
        start += size
    return tuple(found)


def lone_axes(reads: Iterable[Read]) -> Iterable[tuple[str, int, str]]:
    """(index, axis, tensor) for every subscript that is a single name."""
    for tensor, subscripts in reads:
        for place, subscript in enumerate(subscripts):
            if subscript.name is not None:
                yield subscript.name, place, tensor


def capitalised(index: str) -> str:
    """The size named after an index: i gives I, out gives Out."""
    return index[0].upper() + index[1:]
