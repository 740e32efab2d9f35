"""Elimination: a term whose equalities are solved, as loop variables with constraints.

`eliminate` applies `solve` to one equality after another, and solves together those that no unit
coefficient separates. What is left is a set of loop variables; every index of the term is an
expression in them; integers such as the residue rho of an output position are computed once
(`lets`); what no rule could solve stays as a test.

The free index u of a strided gradient is split into a residue and a class index,

    r = s*M + rho,  0 <= rho < s,     where r = u + p,

so that for each rho the sum over t is a convolution of stride 1 in M.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from symconv.integers import Element, Int, floor_div
from symconv.ir import AtLeast, Divides, Equal, Index, Row, Term
from symconv.lattice import lattice
from symconv.names import fresh
from symconv.relation import drop_implied, elements_of
from symconv.relation import solution as unit_solution
from symconv.rewrite import row_expressions, row_names, substitute_row
from symconv.solve import Classes, Quotient, Solution, System, Unit, coupled, quotient, solve

_RULES = (Unit, Classes, Quotient)      # the cheapest first


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


def eliminate(free: Sequence[Index], term: Term, derived: frozenset[str],
              fixed: frozenset[str], used: set[str], scatter: bool = False,
              certain: frozenset[Element] = frozenset()) -> Eliminated:
    """Solve the equalities of a term.

    `derived` are the computed sizes (see `solve`), `fixed` the free indices that must stay
    variables, `used` the names that new variables avoid. With `scatter` a free index that no rule
    gives may become a place, u = k[i] or u = i//2: then its value depends on inner variables.
    `certain` are the reads that are in range for all values of the indices.
    """
    state = _State({i.name: i.extent for i in free}, {b.name: b.extent for b in term.bound},
                   derived, fixed, scatter, set(used), certain, list(term.rows))
    while state.solve_bound() or state.solve_free():
        pass
    return state.result()


@dataclass(slots=True)
class _State:
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

    def solve_bound(self) -> bool:
        """Solve one equality for bound indices; False where no rule applies to any."""
        found = [(row, solution) for row in self.rows if isinstance(row, Equal)
                 and (solution := self._solution(row)) is not None]
        # a row that reads an integer tensor comes last: as a test within bounds it costs less
        found.sort(key=lambda pair: (bool(pair[0].expression.elements()),
                                     _RULES.index(type(pair[1]))))
        if not found or not isinstance(found[0][1], Unit) or found[0][0].expression.elements():
            system = coupled(self.rows, self.unknown, self.derived)
            if system is not None:
                self._system(system)
                return True
        if not found:
            return False
        row, solved = found[0]
        match solved:
            case Unit(name, value):
                self._put(row, name, *self._bounded(name))
                self._assign(name, value)
            case Quotient(name, divisor, dividend):
                self._keep(dividend)
                self._put(row, name, Divides(divisor, dividend), *self._bounded(name))
                self.rows = [_scaled(other, name, divisor, dividend) for other in self.rows]
                self._assign(name, floor_div(dividend, divisor))
            case Classes():
                self.rows.remove(row)
                self._keep(solved.rest)
                self._classes(solved)
        return True

    def solve_free(self) -> bool:
        """Solve one equality for a free index; such a term is no cover."""
        for row in [row for row in self.rows if isinstance(row, Equal)]:
            scattered = self._reads_inner(row)
            if scattered and not self.scatter:
                continue
            for name in reversed(self.free):
                value = unit_solution(row, name)
                if value is None or name in self.fixed or name not in self.outer:
                    continue
                if self.outer[name] != (Variable(name, self.free[name]),):
                    continue
                if name in self._reached(value.names()) or self._is_read(name):
                    continue                    # a let depends on it, and must not
                if scattered and any(name in self._reached(row_names(r)) for r in self.ranges):
                    continue                    # nor may the range of an inner variable
                del self.outer[name]
                self.covers = False
                self._put(row, name, *_range(Int.of(name), self.free[name]))
                self._assign(name, value)
                return True
        return False

    def result(self) -> Eliminated:
        outer = tuple(v for variables in self.outer.values() for v in variables)
        inner = self._in_order()
        boxes = {v.name: v.extent for v in (*outer, *inner) if v.extent is not None}
        signed = {v.name for v in (*outer, *inner) if v.extent is None}
        signed |= {name for name, _ in self.lets}
        # what reads integers is tested behind all that does not: no order to keep
        rows = drop_implied(self.rows, boxes, signed, frozenset[Element]().union(
            *(elements_of(row) for row in self.rows)))
        free_only = any(isinstance(row, AtLeast) and not self._reads_inner(row) for row in rows)
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
        return self._reached({name for row in self.ranges if variable.name in row_names(row)
                              for name in row_names(row)})

    def _is_read(self, name: str) -> bool:
        """Whether a let reads an integer tensor at this index."""
        return any(name in subscript.names() for _, value in self.lets
                   for element in value.elements() for subscript in element.subscripts)

    def _reached(self, names: Iterable[str]) -> set[str]:
        """The names and those that they depend on by way of lets."""
        reached = set(names)
        for name, value in reversed(self.lets):
            if name in reached:
                reached |= value.names()
        return reached

    def _reads_inner(self, row: Row) -> bool:
        """Whether a row depends on an inner variable, by way of a let too."""
        return not self._reached(row_names(row)).isdisjoint(self.inner)

    def _solution(self, row: Equal) -> Solution | None:
        """The rule for an equality, where it holds for all sizes and for every point.

        A divisor is a number here: a size may be 0. What reads integers must be computed behind
        the rows that keep the reads in range, so that it bounds a new variable only where they
        are in range anyway. A place that data give is left to `solve_free`.
        """
        if self.scatter and self._is_place(row):
            return None
        solution = solve(row, self.unknown, self.derived)
        if isinstance(solution, Classes) and not self._is_early(row.expression):
            solution = quotient(row, solution.long)
        if isinstance(solution, Quotient) and solution.divisor.constant is None:
            return None
        return solution

    def _is_place(self, row: Equal) -> bool:
        """Whether a row gives a free index by what is read at inner variables."""
        return any(not sub.names().isdisjoint(self.inner) for element in row.expression.elements()
                   for sub in element.subscripts) and any(
            name not in self.fixed and unit_solution(row, name) is not None
            and self.outer.get(name) == (Variable(name, extent),)
            for name, extent in self.free.items())

    def _is_early(self, expression: Int) -> bool:
        """Whether what an expression reads is known once the free indices are."""
        return all(element in self.certain and all(
            self.outer.get(name) == (Variable(name, self.free[name]),)
            for subscript in element.subscripts for name in subscript.names() if name in self.free)
            and not any(name in self.unknown for sub in element.subscripts for name in sub.names())
            for element in expression.elements())

    def _keep(self, expression: Int) -> None:
        """The unknowns in an expression that others are computed from stay loops."""
        for name in expression.names():
            self.unknown.pop(name, None)

    def _bounded(self, name: str) -> list[Row]:
        """The range of a bound index that is about to be eliminated."""
        del self.inner[name]
        return _range(Int.of(name), self.unknown.pop(name))

    def _put(self, row: Row, name: str, *instead: Row) -> None:
        """Replace the row that gives `name` by others.

        They come first, but where they will read integers, behind the rows that may keep these
        reads in range.
        """
        place = self.rows.index(row)
        early = [other for other in self.rows[:place] if name not in row_names(other)] if any(
            expression.elements() for expression in row_expressions(row)) else []
        rest = [other for other in self.rows if other is not row and other not in early]
        self.rows = [*early, *instead, *rest]

    def _assign(self, name: str, value: Int) -> None:
        mapping = {name: value}
        self.rows = [substitute_row(row, mapping) for row in self.rows]
        self.values = {old: v.substitute(mapping) for old, v in self.values.items()}
        self.lets = [(old, v.substitute(mapping)) for old, v in self.lets]
        self.values[name] = value

    def _classes(self, classes: Classes) -> None:
        """s*i + d*a = r: i and a in terms of M, rho and the new variable t."""
        t = fresh("t", self.used)
        m, rho = self._residue(classes)
        if classes.gcd > 1:
            self.rows.insert(0, Divides(Int.of(classes.gcd), rho))
        first = self._let("a0", classes.first(rho))
        shift = self._let("c0", classes.shift(rho, first))
        long_extent, short_extent = self.unknown[classes.long], self.unknown[classes.short]
        short = first + classes.step * Int.of(t)
        # 0 <= first < step, so that short >= 0 says no more than t >= 0
        self.ranges += [AtLeast(Int.of(t)), AtLeast(short_extent - 1 - short)]
        self.rows[:0] = _range(Int.of(classes.long), long_extent)
        for name in (classes.long, classes.short):
            del self.unknown[name]
        self._replace((classes.short, classes.long), (t,))
        self._assign(classes.long, m + shift - classes.back * Int.of(t))
        self._assign(classes.short, short)

    def _system(self, system: System) -> None:
        """A x = r: every x in terms of the free z, which are new variables."""
        solved = lattice(system.matrix)
        for rest in system.rests:
            self._keep(rest)
        self.rows = [row for row in self.rows if row not in system.rows]
        known: list[Int] = []
        tests: list[Row] = []
        for number, rest in enumerate(system.rests):
            inside = sum((z * factor for z, factor in zip(
                known, solved.echelon[number], strict=False)), Int.of(0))
            if number not in solved.pivots:
                tests.append(Equal(rest - inside))
                continue
            divisor = solved.echelon[number][len(known)]
            if divisor > 1:
                tests.append(Divides(Int.of(divisor), rest - inside))
            value = floor_div(rest - inside, divisor)
            known.append(value if divisor == 1 else self._let("q", value))
        steps = tuple(fresh("t", self.used) for _ in solved.ranges)
        columns = (*known, *(Int.of(step) for step in steps))
        values = {name: sum((z * factor for z, factor in zip(columns, row, strict=True)), Int.of(0))
                  for name, row in zip(system.names, solved.transform, strict=True)}
        bounds = {name: _range(value, self.unknown.pop(name)) for name, value in values.items()}
        ends = [system.names[place] for place in solved.ranges]
        self.ranges += [bound for name in ends for bound in bounds[name]]
        self.rows[:0] = [*tests, *(bound for name, value in values.items() if name not in ends
                                   for bound in bounds[name])]
        self._replace(system.names, steps)
        for name, value in values.items():
            self._assign(name, value)

    def _replace(self, names: Sequence[str], steps: Sequence[str]) -> None:
        """New inner variables, whose ranges stand in rows, in the place of the first of `names`
        in the order of the loops."""
        position = list(self.inner)
        place = min(position.index(name) for name in names)
        before = [name for name in position[:place] if name not in names]
        behind = [name for name in position[place:] if name not in names]
        known = {**self.inner, **{step: Variable(step, None) for step in steps}}
        self.inner = {name: known[name] for name in (*before, *steps, *behind)}

    def _residue(self, classes: Classes) -> tuple[Int, Int]:
        """M and rho with r = s*M + rho: by splitting a free index, or computed on the spot."""
        inside = [name for name in classes.rest.names()
                  if name in self.free or name in self.inner]
        if len(inside) == 1 and self._can_split(inside[0], classes.rest):
            (u,) = inside
            sign = classes.rest.coefficient(u)
            rho, m = fresh(f"{u}_rho", self.used), fresh(f"{u}_class", self.used)
            self.outer[u] = (Variable(rho, Int.of(classes.s)), Variable(m, None))
            value = sign * (classes.s * Int.of(m) + Int.of(rho) - classes.rest.without((u,)))
            self.ranges += [substitute_row(row, {u: value})
                            for row in _range(Int.of(u), self.free[u])]
            self._assign(u, value)
            return Int.of(m), Int.of(rho)
        m_value = self._let("m", floor_div(classes.rest, classes.s))
        return m_value, self._let("rho", classes.rest - classes.s * m_value)

    def _can_split(self, name: str, rest: Int) -> bool:
        return (name in self.free and name not in self.fixed
                and self.outer.get(name) == (Variable(name, self.free[name]),)
                and rest.is_affine((name,)) and rest.coefficient(name).constant in (1, -1)
                and not rest.elements())

    def _let(self, stem: str, value: Int) -> Int:
        """A name for a value that is worth one."""
        if value.constant is not None or value.name is not None:
            return value
        name = fresh(stem, self.used)
        self.lets.append((name, value))
        return Int.of(name)


def _range(value: Int, extent: Int) -> list[Row]:
    return [AtLeast(value), AtLeast(extent - 1 - value)]


def _scaled(row: Row, name: str, divisor: Int, dividend: Int) -> Row:
    """The row with name = dividend/divisor, multiplied by the positive divisor: still affine."""
    match row:
        case AtLeast(expression) | Equal(expression) if expression.is_affine((name,)):
            scaled = (expression.without((name,)) * divisor
                      + expression.coefficient(name) * dividend)
            return type(row)(scaled) if name in expression.names() else row
    return row
