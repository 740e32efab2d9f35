"""Admission: what sizes must satisfy before the passes of a program may run.

Conditions in the order in which they are tested, each with the text of its refusal: extents are
not negative, requirements of the program hold, outputs are not empty, and every window of a
maximum has a point. `shapes.bind` judges the same for Python, in its own way; this is what the
emitted `check` function tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symconv.elimination import eliminate
from symconv.integers import Floor, Int, parts
from symconv.ir import AtLeast, Equal, Number, Program, Row, Term
from symconv.loops import Begin, Fold, Node, Refuse
from symconv.names import global_names
from symconv.nesting import nest, reads
from symconv.rewrite import row_names
from symconv.windows import components, windowed


@dataclass(frozen=True, slots=True)
class Condition:
    """A row that must hold, and what to say where it does not."""

    row: Row
    message: str


def divisors(program: Program) -> tuple[Condition, ...]:
    """What must be positive before any derived size is computed."""
    found: dict[Row, Condition] = {}
    for size in program.sizes:
        for divisor in () if size.value is None else _divisors(size.value):
            row = AtLeast(divisor - 1)
            found[row] = Condition(row, f"{divisor} must be at least 1: {size.name} divides by it")
    return tuple(found.values())


def _divisors(expression: Int) -> list[Int]:
    """The denominators inside that are no numbers, inner ones first."""
    found: list[Int] = []
    for monomial, _ in expression.terms:
        for atom in monomial:
            for part in parts(atom):
                found += _divisors(part)
            if isinstance(atom, Floor) and atom.denominator.constant is None:
                found.append(atom.denominator)
    return found


def conditions(program: Program) -> tuple[Condition, ...]:
    """The inequalities and divisibilities on sizes alone; `shapes.bind` has judged numbers."""
    found = [Condition(AtLeast(Int.of(size.name)), f"{size.name} must not be negative")
             for size in program.sizes if size.value is None]
    found += [Condition(need.row, need.message) for need in program.requirements]
    for tensor in program.inputs:
        for number, axis in enumerate(tensor.axes):
            product = Int.of(1)
            for extent in axis.logical:
                product = product * extent
            if product != axis.stored:
                found.append(Condition(Equal(axis.stored - product), (
                    f"axis {number} of {tensor.name}: {axis.stored} must equal {product}")))
    free = {size.name for size in program.sizes if size.value is None}
    for name in program.outputs:
        for number, axis in enumerate(program.tensor(name).axes):
            least = _least(axis.stored, free)
            if least is not None:
                found.append(Condition(AtLeast(axis.stored - least), (
                    f"axis {number} of the output {name} would be empty: enlarge the input or the "
                    "padding, or reduce the kernel or the dilation")))
    for definition in program.definitions:
        if definition.target.name not in program.outputs:
            for number, axis in enumerate(definition.target.axes):
                if not _is_amount(axis.stored, free) and not any(
                        _implies(other.row, axis.stored) for other in found):
                    found.append(Condition(AtLeast(axis.stored), (
                        f"axis {number} of the intermediate {definition.target.name} would have a "
                        "negative extent: enlarge the input or the padding, or reduce the kernel "
                        "or the dilation")))
    first = {condition.row: condition for condition in reversed(found)}
    return tuple(condition for condition in found
                 if first[condition.row] is condition and row_names(condition.row))


def _least(extent: Int, free: set[str]) -> Int | None:
    """What an extent must reach: 1, unless a factor that is a free size is 0, as an empty batch
    is. None where nothing but such factors can make it smaller."""
    if _is_amount(extent, free) and all(monomial for monomial, _ in extent.terms):
        return None if extent.terms else Int.of(1)
    least = Int.of(1)
    if len(extent.terms) == 1:
        for atom in extent.terms[0][0]:
            least = least * (atom if isinstance(atom, str) and atom in free else 1)
    return least


def _is_amount(extent: Int, free: set[str]) -> bool:
    """Whether an extent is a sum of products of free sizes, so that it cannot be negative."""
    return all(coefficient > 0 and free.issuperset(monomial)
               for monomial, coefficient in extent.terms)


def _implies(row: Row, expression: Int) -> bool:
    """Whether a row says that an expression is at least 0, by a constant at most."""
    if not isinstance(row, AtLeast):
        return False
    more = (expression - row.expression).constant
    return more is not None and more >= 0


def windows(program: Program) -> tuple[tuple[Node, ...], ...]:
    """Loops that reach a `Refuse` where an extremum has no point: one entry per connected part
    of the relation of each extremum and of each count that divides."""
    taken, found = global_names(program), list[tuple[Node, ...]]()
    for definition in windowed(program):
        (term,) = definition.terms
        kind = "mean" if definition.reduction == "sum" else definition.reduction
        known = [row for row in term.rows if not reads(row)]     # others depend on data
        indices = {index.name for index in (*definition.free, *term.bound)}
        sized = tuple(row for row in known if row_names(row) and not row_names(row) & indices)
        for part in ([], *components((*definition.free, *term.bound), known)):
            free = [index for index in part if index in definition.free]
            bound = tuple(index for index in part if index not in definition.free)
            names = {index.name for index in part}
            rows = tuple(row for row in known if row_names(row) & names) if part else sized
            if not bound and (part or not rows):
                continue
            counted = Term(bound, rows, Number(Fraction(1)))
            parts = eliminate(free, counted, frozenset(), frozenset(),
                              taken | {index.name for index in part})
            body = nest(parts, (*parts.outer, *parts.inner), len(parts.outer),
                        (Begin("sum", "integer"),), (Fold("sum", "first", counted.body, None),),
                        (Refuse(f"{definition.target.name}: some window of the {kind} has no "
                                "value inside the input: reduce the padding or the dilation"),))
            found.append(tuple(body))
    return tuple(found)
