"""Gather form: the equalities of a derivative solved, so that every subscript is explicit.

A derivative holds rows such as [u = s*i + d*a - p] between the element u that is asked for and
the bound indices i and a. Here each is solved, exactly over the integers, by the rules of
`solve`; what follows is read, and evaluated, but not differentiated again:

    Unit        sum over i of [u = i + a] f(i)    =  f(u - a), with u - a in the range of i
    Classes     for each residue rho of r modulo s: a = a0 + (s/g)*t, i = (r - rho)/s + c - (d/g)*t
    Quotient    sum over i of [s*i = r] f(i)      =  [s divides r] f(r/s), with r/s in the range

The value of a program never changes. Rows that read integer tensors (selectors) are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from symconv.differentiate import Derived, Step
from symconv.integers import Atom, Floor, Int, Monomial, ceil_div, floor_div
from symconv.ir import AtLeast, Definition, Divides, Equal, Index, Program, Row, Term
from symconv.names import fresh, global_names
from symconv.relation import drop_implied, ranges
from symconv.rewrite import map_integers, map_row, row_expressions, substitute_term
from symconv.solve import Classes, Quotient, Solution, Unit, quotient, solve

MOST_CLASSES = 16
_CLASS_INDICES = ("t", "r", "l", "m")


def gather(program: Program, names: Iterable[str]) -> Program:
    """The same program, with the equalities in the definitions of `names` solved.

    A term falls into at most `MOST_CLASSES` terms, one per residue class; where more would be
    needed, and for symbolic strides, the divisibility stays as a row.
    """
    wanted = frozenset(names)
    derived = frozenset(size.name for size in program.sizes if size.value is not None)
    taken = global_names(program)
    return replace(program, definitions=tuple(
        _gathered(definition, derived, taken) if definition.target.name in wanted else definition
        for definition in program.definitions))


def solved(derivation: Derived) -> Derived:
    """The derivation with a last step "gather" where something was left to solve.

    The result stays the unsolved relation, which can be derived again.
    """
    last = derivation.steps[-1].program
    names = derivation.steps[-1].changed
    program = gather(last, names)
    changed = tuple(name for name in names if program.definition(name) != last.definition(name))
    if not changed:
        return derivation
    return replace(derivation, steps=(*derivation.steps, Step("gather", program, changed)))


def _gathered(definition: Definition, derived: frozenset[str], taken: set[str]) -> Definition:
    if definition.reduction != "sum":
        return definition
    return replace(definition, terms=tuple(
        piece for term in definition.terms
        for piece in _solve(term, definition.free, derived, taken, 1)))


def _solve(term: Term, free: tuple[Index, ...], derived: frozenset[str], taken: set[str],
           classes: int) -> list[Term]:
    """The terms that remain once every equality is solved; `classes` counts the splits so far."""
    unknown = {index.name: index.extent for index in term.bound}
    for row in term.rows:
        if not isinstance(row, Equal) or row.expression.elements():
            continue
        solution = solve(row, unknown, derived)
        if isinstance(solution, Classes) and classes * solution.step > MOST_CLASSES:
            solution = quotient(row, solution.long)
        if solution is None:
            continue
        rest = replace(term, rows=tuple(other for other in term.rows if other is not row))
        pieces = _pieces(rest, solution, free, taken)
        factor = solution.step if isinstance(solution, Classes) else 1
        return [done for piece in pieces
                for done in _solve(piece, free, derived, taken, classes * factor)]
    term = _cancelled(replace(term, rows=_guards_first(term.rows)))
    return [replace(term, rows=drop_implied(term.rows, ranges(free, term.bound)))]


def is_exact(quotient: Floor, rows: Iterable[Row]) -> bool:
    """Whether a divisibility among the rows says that the quotient leaves no remainder."""
    divisor = quotient.denominator.constant
    for row in rows:
        if isinstance(row, Divides) and row.modulus == quotient.denominator:
            rest = row.expression - quotient.numerator
            if not rest or (divisor is not None and all(c % divisor == 0 for _, c in rest.terms)):
                return True
    return False


def _pieces(term: Term, solution: Solution, free: tuple[Index, ...],
            taken: set[str]) -> list[Term]:
    match solution:
        case Unit(name, value):
            return [_with_value(term, name, value)]
        case Quotient(name, divisor, dividend):
            return [_with_value(term, name, floor_div(dividend, divisor),
                                Divides(divisor, dividend))]
        case Classes() as classes:
            used = {*taken, *(index.name for index in (*free, *term.bound))}
            t = next((letter for letter in _CLASS_INDICES if letter not in used), None)
            return _by_class(term, classes, t or fresh(_CLASS_INDICES[0], used))


def _by_class(term: Term, classes: Classes, t: str) -> list[Term]:
    """One term for each residue of `rest` modulo s that has solutions; in rising order."""
    found = []
    extent = next(index.extent for index in term.bound if index.name == classes.short)
    for residue in range(0, classes.s, classes.gcd):
        rho = Int.of(residue)
        first = classes.first(rho)
        steps = ceil_div(extent - first, classes.step)
        if steps.constant is not None and steps.constant < 1:
            continue
        over = () if steps.constant == 1 else (Index(t, steps),)
        turn = Int.of(t) if over else Int.of(0)
        multiple = classes.rest - residue
        bound = tuple(new for index in term.bound
                      for new in (over if index.name == classes.short else (index,)))
        split = substitute_term(replace(term, bound=bound),
                                {classes.short: first + classes.step * turn})
        long = (floor_div(multiple, classes.s) + classes.shift(rho, first)
                - classes.back * turn)
        found.append(_with_value(split, classes.long, long, Divides(Int.of(classes.s), multiple)))
    return found


def _with_value(term: Term, name: str, value: Int, *guards: Row) -> Term:
    """The term at name = value: the index is no longer bound, its range becomes two rows."""
    (index,) = (index for index in term.bound if index.name == name)
    within = (*guards, AtLeast(value), AtLeast(index.extent - 1 - value))
    rest = replace(term, bound=tuple(other for other in term.bound if other is not index))
    inside = substitute_term(rest, {name: value})
    return replace(inside, rows=(*inside.rows, *within))


def _cancelled(term: Term) -> Term:
    """s * (r/s) = r where the rows say that s divides r."""
    def leaf(monomial: Monomial, coefficient: int) -> Int:
        for place, atom in enumerate(monomial):
            if not isinstance(atom, Floor) or not is_exact(atom, term.rows):
                continue
            others, divisor = [*monomial[:place], *monomial[place + 1:]], atom.denominator
            if divisor.constant is not None and coefficient % divisor.constant == 0:
                return _product(others, coefficient // divisor.constant) * atom.numerator
            if divisor.name in others:
                others.remove(divisor.name)
                return _product(others, coefficient) * atom.numerator
        return _product(monomial, coefficient)

    def change(expression: Int) -> Int:
        total = Int.of(0)
        for monomial, coefficient in expression.terms:
            total = total + leaf(monomial, coefficient)
        return total

    rows = tuple(row if isinstance(row, Divides) else map_row(row, change) for row in term.rows)
    return replace(term, rows=rows, body=map_integers(term.body, change))


def _product(atoms: Iterable[Atom], coefficient: int) -> Int:
    product = Int.of(coefficient)
    for atom in atoms:
        product = product * Int.atom(atom)
    return product


def _guards_first(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Rows that read integer tensors last: the others keep those reads in range."""
    reading = [row for row in rows if any(e.elements() for e in row_expressions(row))]
    return (*(row for row in rows if row not in reading), *reading)
