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

from collections.abc import Sequence

from symconv.integers import Element, Int, floor_div
from symconv.ir import AtLeast, Divides, Equal, Index, Row, Term
from symconv.lattice import lattice
from symconv.names import fresh
from symconv.relation import solution as unit_solution
from symconv.rewrite import row_names, substitute_row
from symconv.solve import Classes, Quotient, Solution, System, Unit, coupled, quotient, solve
from symconv.unknowns import Eliminated, Unknowns, Variable, in_range

_RULES = (Unit, Classes, Quotient)      # the cheapest first


def eliminate(free: Sequence[Index], term: Term, derived: frozenset[str],
              fixed: frozenset[str], used: set[str], scatter: bool = False,
              certain: frozenset[Element] = frozenset()) -> Eliminated:
    """Solve the equalities of a term.

    `derived` are the computed sizes (see `solve`), `fixed` the free indices that must stay
    variables, `used` the names that new variables avoid. With `scatter` a free index that no rule
    gives may become a place, u = k[i] or u = i//2: then its value depends on inner variables.
    `certain` are the reads that are in range for all values of the indices.
    """
    state = Unknowns({i.name: i.extent for i in free}, {b.name: b.extent for b in term.bound},
                     derived, fixed, scatter, set(used), certain, list(term.rows))
    while _solve_bound(state) or _solve_free(state):
        pass
    return state.result()


def _solve_bound(state: Unknowns) -> bool:
    """Solve one equality for bound indices; False where no rule applies to any."""
    found = [(row, solution) for row in state.rows if isinstance(row, Equal)
             and (solution := _solution(state, row)) is not None]
    # a row that reads an integer tensor comes last: as a test within bounds it costs less
    found.sort(key=lambda pair: (bool(pair[0].expression.elements()),
                                 _RULES.index(type(pair[1]))))
    if not found or not isinstance(found[0][1], Unit) or found[0][0].expression.elements():
        system = coupled(state.rows, state.unknown, state.derived)
        if system is not None:
            _system(state, system)
            return True
    if not found:
        return False
    row, solved = found[0]
    match solved:
        case Unit(name, value):
            state.put(row, name, *state.bounded(name))
            state.assign(name, value)
        case Quotient(name, divisor, dividend):
            state.keep(dividend)
            state.put(row, name, Divides(divisor, dividend), *state.bounded(name))
            state.rows = [_scaled(other, name, divisor, dividend) for other in state.rows]
            state.assign(name, floor_div(dividend, divisor))
        case Classes():
            state.rows.remove(row)
            state.keep(solved.rest)
            _classes(state, solved)
    return True


def _solve_free(state: Unknowns) -> bool:
    """Solve one equality for a free index; such a term is no cover."""
    for row in [row for row in state.rows if isinstance(row, Equal)]:
        scattered = state.reads_inner(row)
        if scattered and not state.scatter:
            continue
        for name in reversed(state.free):
            value = unit_solution(row, name)
            if value is None or name in state.fixed or not state.is_whole(name):
                continue
            if name in state.reached(value.names()) or state.is_read(name):
                continue                    # a let depends on it, and must not
            if scattered and any(name in state.reached(row_names(r)) for r in state.ranges):
                continue                    # nor may the range of an inner variable
            del state.outer[name]
            state.covers = False
            state.put(row, name, *in_range(Int.of(name), state.free[name]))
            state.assign(name, value)
            return True
    return False


def _solution(state: Unknowns, row: Equal) -> Solution | None:
    """The rule for an equality, where it holds for all sizes and for every point.

    A divisor is a number here: a size may be 0. What reads integers must be computed behind
    the rows that keep the reads in range, so that it bounds a new variable only where they
    are in range anyway. A place that data give is left to `_solve_free`.
    """
    if state.scatter and _is_place(state, row):
        return None
    solution = solve(row, state.unknown, state.derived)
    if isinstance(solution, Classes) and not _is_early(state, row.expression):
        solution = quotient(row, solution.long)
    if isinstance(solution, Quotient) and solution.divisor.constant is None:
        return None
    return solution


def _is_place(state: Unknowns, row: Equal) -> bool:
    """Whether a row gives a free index by what is read at inner variables."""
    return any(not sub.names().isdisjoint(state.inner) for element in row.expression.elements()
               for sub in element.subscripts) and any(
        name not in state.fixed and unit_solution(row, name) is not None
        and state.is_whole(name)
        for name in state.free)


def _is_early(state: Unknowns, expression: Int) -> bool:
    """Whether what an expression reads is known once the free indices are."""
    return all(element in state.certain and all(
        state.is_whole(name)
        for subscript in element.subscripts for name in subscript.names() if name in state.free)
        and not any(name in state.unknown for sub in element.subscripts for name in sub.names())
        for element in expression.elements())


def _classes(state: Unknowns, classes: Classes) -> None:
    """s*i + d*a = r: i and a in terms of M, rho and the new variable t."""
    t = fresh("t", state.used)
    m, rho = _residue(state, classes)
    if classes.gcd > 1:
        state.rows.insert(0, Divides(Int.of(classes.gcd), rho))
    first = state.let("a0", classes.first(rho))
    shift = state.let("c0", classes.shift(rho, first))
    long_extent, short_extent = state.unknown[classes.long], state.unknown[classes.short]
    short = first + classes.step * Int.of(t)
    # 0 <= first < step, so that short >= 0 says no more than t >= 0
    state.ranges += [AtLeast(Int.of(t)), AtLeast(short_extent - 1 - short)]
    state.rows[:0] = in_range(Int.of(classes.long), long_extent)
    for name in (classes.long, classes.short):
        del state.unknown[name]
    state.replace((classes.short, classes.long), (t,))
    state.assign(classes.long, m + shift - classes.back * Int.of(t))
    state.assign(classes.short, short)


def _system(state: Unknowns, system: System) -> None:
    """A x = r: every x in terms of the free z, which are new variables."""
    solved = lattice(system.matrix)
    for rest in system.rests:
        state.keep(rest)
    state.rows = [row for row in state.rows if row not in system.rows]
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
        known.append(value if divisor == 1 else state.let("q", value))
    steps = tuple(fresh("t", state.used) for _ in solved.ranges)
    columns = (*known, *(Int.of(step) for step in steps))
    values = {name: sum((z * factor for z, factor in zip(columns, row, strict=True)), Int.of(0))
              for name, row in zip(system.names, solved.transform, strict=True)}
    bounds = {name: in_range(value, state.unknown.pop(name)) for name, value in values.items()}
    ends = [system.names[place] for place in solved.ranges]
    state.ranges += [bound for name in ends for bound in bounds[name]]
    state.rows[:0] = [*tests, *(bound for name, value in values.items() if name not in ends
                               for bound in bounds[name])]
    state.replace(system.names, steps)
    for name, value in values.items():
        state.assign(name, value)


def _residue(state: Unknowns, classes: Classes) -> tuple[Int, Int]:
    """M and rho with r = s*M + rho: by splitting a free index, or computed on the spot."""
    inside = [name for name in classes.rest.names()
              if name in state.free or name in state.inner]
    if len(inside) == 1 and _can_split(state, inside[0], classes.rest):
        (u,) = inside
        sign = classes.rest.coefficient(u)
        rho, m = fresh(f"{u}_rho", state.used), fresh(f"{u}_class", state.used)
        state.outer[u] = (Variable(rho, Int.of(classes.s)), Variable(m, None))
        value = sign * (classes.s * Int.of(m) + Int.of(rho) - classes.rest.without((u,)))
        state.ranges += [substitute_row(row, {u: value})
                        for row in in_range(Int.of(u), state.free[u])]
        state.assign(u, value)
        return Int.of(m), Int.of(rho)
    m_value = state.let("m", floor_div(classes.rest, classes.s))
    return m_value, state.let("rho", classes.rest - classes.s * m_value)


def _can_split(state: Unknowns, name: str, rest: Int) -> bool:
    return (name in state.free and name not in state.fixed and state.is_whole(name)
            and rest.is_affine((name,)) and rest.coefficient(name).constant in (1, -1)
            and not rest.elements())


def _scaled(row: Row, name: str, divisor: Int, dividend: Int) -> Row:
    """The row with name = dividend/divisor, multiplied by the positive divisor: still affine."""
    match row:
        case AtLeast(expression) | Equal(expression) if expression.is_affine((name,)):
            scaled = (expression.without((name,)) * divisor
                      + expression.coefficient(name) * dividend)
            return type(row)(scaled) if name in expression.names() else row
    return row
