"""What is known on the way through an elimination: variables, values, and the rows that are left.

`Unknowns` keeps what the steps of `elimination` change. Every step leaves the points that the rows
admit as they are; it only says the same in fewer indices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from symconv.integers import Element, Int
from symconv.ir import AtLeast, Row
from symconv.names import fresh
from symconv.relation import drop_implied, elements_of
from symconv.rewrite import row_expressions, row_names, substitute_row


@dataclass(frozen=True, slots=True)
class Variable:
    """A loop variable with 0 <= name < extent; None where rows alone give the range."""

    name: str
    extent: Int | None


@dataclass(frozen=True, slots=True)
class Eliminated:
    """A term after elimination.

    `outer` are the variables that stand for free indices, in order, `inner` those for bound
    ones. `values` gives each eliminated index in terms of variables and `lets`. `rows` become
    loop bounds where they can, tests elsewhere. `covers`: the outer variables visit every
    point of the free box, each once.
    """

    outer: tuple[Variable, ...]
    inner: tuple[Variable, ...]
    lets: tuple[tuple[str, Int], ...]
    values: Mapping[str, Int]
    rows: tuple[Row, ...]
    covers: bool


@dataclass(slots=True)
class Unknowns:
    """The state of an elimination (the arguments of `elimination.eliminate`).

    `unknown` are the bound indices that no row gives yet, `outer` the variables that stand for
    each free index, `inner` those of the bound ones, `lets` the values computed once, `ranges`
    the rows of new variables, `values` the indices that are eliminated.
    """

    free: dict[str, Int]
    unknown: dict[str, Int]
    derived: frozenset[str]
    fixed: frozenset[str]
    scatter: bool
    used: set[str]
    certain: frozenset[Element]
    rows: list[Row]
    outer: dict[str, tuple[Variable, ...]] = field(init=False)
    inner: dict[str, Variable] = field(init=False)
    lets: list[tuple[str, Int]] = field(default_factory=list)
    values: dict[str, Int] = field(default_factory=dict)
    ranges: list[Row] = field(default_factory=list)      # of new variables: always kept
    covers: bool = True

    def __post_init__(self) -> None:
        self.outer = {name: (Variable(name, extent),) for name, extent in self.free.items()}
        self.inner = {name: Variable(name, extent) for name, extent in self.unknown.items()}

    def is_whole(self, name: str) -> bool:
        """Whether a free index still is the variable of its loop."""
        return self.outer.get(name) == (Variable(name, self.free[name]),)

    def result(self) -> Eliminated:
        """The term as it stands."""
        outer = tuple(v for variables in self.outer.values() for v in variables)
        inner = self._in_order()
        boxes = {v.name: v.extent for v in (*outer, *inner) if v.extent is not None}
        signed = {v.name for v in (*outer, *inner) if v.extent is None}
        signed |= {name for name, _ in self.lets}
        # what reads integers is tested behind all that does not: no order to keep
        rows = drop_implied(self.rows, boxes, signed, frozenset[Element]().union(
            *(elements_of(row) for row in self.rows)))
        free_only = any(isinstance(row, AtLeast) and not self.reads_inner(row) for row in rows)
        return Eliminated(outer, inner, tuple(self.lets), self.values,
                          (*self.ranges, *rows), self.covers and not free_only)

    def _in_order(self) -> tuple[Variable, ...]:
        """The inner variables, each behind those that its bounds depend on."""
        ordered: list[Variable] = []
        waiting = list(self.inner.values())
        while waiting:
            names = {variable.name for variable in waiting}
            ready = next((v for v in waiting if not self._needs(v) & names - {v.name}), waiting[0])
            ordered.append(ready)
            waiting.remove(ready)
        return tuple(ordered)

    def _needs(self, variable: Variable) -> set[str]:
        """The names that the range of a variable depends on, by way of lets too."""
        return self.reached({name for row in self.ranges if variable.name in row_names(row)
                             for name in row_names(row)})

    def reached(self, names: Iterable[str]) -> set[str]:
        """The names and those that they depend on by way of lets."""
        reached = set(names)
        for name, value in reversed(self.lets):
            if name in reached:
                reached |= value.names()
        return reached

    def reads_inner(self, row: Row) -> bool:
        """Whether a row depends on an inner variable, by way of a let too."""
        return not self.reached(row_names(row)).isdisjoint(self.inner)

    def is_read(self, name: str) -> bool:
        """Whether a let reads an integer tensor at this index."""
        return any(name in subscript.names() for _, value in self.lets
                   for element in value.elements() for subscript in element.subscripts)

    def keep(self, expression: Int) -> None:
        """The unknowns in an expression that others are computed from stay loops."""
        for name in expression.names():
            self.unknown.pop(name, None)

    def bounded(self, name: str) -> list[Row]:
        """The range of a bound index that is about to be eliminated."""
        del self.inner[name]
        return in_range(Int.of(name), self.unknown.pop(name))

    def put(self, row: Row, name: str, *instead: Row) -> None:
        """Replace the row that gives `name` by others.

        They come first, but where they will read integers, behind the rows that may keep these
        reads in range.
        """
        place = self.rows.index(row)
        early = [other for other in self.rows[:place] if name not in row_names(other)] if any(
            expression.elements() for expression in row_expressions(row)) else []
        rest = [other for other in self.rows if other is not row and other not in early]
        self.rows = [*early, *instead, *rest]

    def assign(self, name: str, value: Int) -> None:
        """An index is eliminated: its value stands for it everywhere."""
        mapping = {name: value}
        self.rows = [substitute_row(row, mapping) for row in self.rows]
        self.values = {old: v.substitute(mapping) for old, v in self.values.items()}
        self.lets = [(old, v.substitute(mapping)) for old, v in self.lets]
        self.values[name] = value

    def replace(self, names: Sequence[str], steps: Sequence[str]) -> None:
        """New inner variables, whose ranges stand in rows, in the place of the first of `names`
        in the order of the loops."""
        position = list(self.inner)
        place = min(position.index(name) for name in names)
        before = [name for name in position[:place] if name not in names]
        behind = [name for name in position[place:] if name not in names]
        known = {**self.inner, **{step: Variable(step, None) for step in steps}}
        self.inner = {name: known[name] for name in (*before, *steps, *behind)}

    def let(self, stem: str, value: Int) -> Int:
        """A name for a value that is worth one."""
        if value.constant is not None or value.name is not None:
            return value
        name = fresh(stem, self.used)
        self.lets.append((name, value))
        return Int.of(name)


def in_range(value: Int, extent: Int) -> list[Row]:
    """0 <= value < extent."""
    return [AtLeast(value), AtLeast(extent - 1 - value)]
