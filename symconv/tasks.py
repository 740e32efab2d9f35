"""Tasks: over which leading axes the work of a pass may be split.

A pass is split over the first logical axes of its outputs. With several definitions, an axis
counts only if every definition has it in front and every intermediate is read at that very
index, so that a task computes its own slice of each intermediate and nothing twice. For fixed
shapes a task also keeps what a sum of products needs to be fast: rows and lanes.
"""

from __future__ import annotations

from symconv.contracting import factors
from symconv.integers import Int
from symconv.ir import Definition, Program, Term
from symconv.relation import solution
from symconv.rewrite import accesses, row_expressions, scalar_integers


def task_axes(program: Program) -> int:
    """How many leading free indices of every definition number the tasks; 0: one task."""
    definitions = program.definitions
    if not definitions:
        return 0
    count = min(min(_wanted(definition), _gathered(definition)) for definition in definitions)
    extents = [index.extent for index in definitions[-1].free]
    made = {definition.target.name for definition in definitions}
    for definition in definitions:
        shared = 0
        while shared < count and definition.free[shared].extent == extents[shared]:
            shared += 1
        count = shared
        for subscripts in _reads(definition, made):
            aligned = 0
            while (aligned < min(count, len(subscripts))
                   and subscripts[aligned].name == definition.free[aligned].name):
                aligned += 1
            count = aligned
    return count


def roomy_axes(program: Program, count: int) -> int:
    """At most `count`: fewer where only then a product of two reads has rows and lanes in a task.

    A task that is given one channel of a convolution multiplies a matrix by a vector, and loads an
    element for every product; one that has all channels loads it once for several of them.
    """
    return min((next((most for most in range(count, -1, -1) if _is_roomy(definition, term, most)),
                     count) for definition in program.definitions for term in definition.terms),
               default=count)


def _is_roomy(definition: Definition, term: Term, count: int) -> bool:
    """Whether, with `count` indices set, each of two factors is read along a free index that the
    other one lacks."""
    split = factors(term.body) if definition.reduction == "sum" and term.bound else None
    if split is None:
        return False
    inside = {index.name for index in definition.free[count:] if index.extent.constant != 1}
    first, second = ({name for subscript in read.subscripts for name in subscript.names()} & inside
                     for read in split[1:])
    return bool(first - second) and bool(second - first)


def _wanted(definition: Definition) -> int:
    """All axes but the last, at most those of two stored axes; the last too if it is reduced
    into and alone."""
    axes = definition.target.axes
    logical = len(definition.free)
    if len(axes) == 1 and len(axes[0].logical) == 1:
        return 1 if any(term.bound for term in definition.terms) else 0
    return min(logical - 1, sum(len(axis.logical) for axis in axes[:2])) if logical else 0


def _gathered(definition: Definition) -> int:
    """How many leading axes no term scatters along: u = k[i] or u = i//2 gives the place u for
    an i, but an i for u only by a search."""
    if definition.reduction != "sum":
        return len(definition.free)
    return next((place for place, index in enumerate(definition.free)
                 if any(_is_scattered(term, index.name) for term in definition.terms)),
                len(definition.free))


def _is_scattered(term: Term, name: str) -> bool:
    bound = {index.name for index in term.bound}
    places = [value for row in term.rows if (value := solution(row, name)) is not None]
    return any(place.names() & bound and not _is_solvable(place, bound) for place in places)


def _is_solvable(place: Int, bound: set[str]) -> bool:
    """Whether the bound indices are factors of their own, one of them with a number."""
    inside = sorted(place.names() & bound)
    return place.is_affine(inside) and any(
        place.coefficient(name).constant is not None for name in inside)


def _reads(definition: Definition, made: set[str]) -> list[tuple[Int, ...]]:
    """The subscripts at which a definition reads the targets of others."""
    found = []
    for term in definition.terms:
        integers = [e for row in term.rows for e in row_expressions(row)]
        integers += [*scalar_integers(term.body), *([term.witness] if term.witness else [])]
        found += [access.subscripts for access in accesses(term.body) if access.tensor in made]
        found += [element.subscripts for expression in integers
                  for element in expression.elements() if element.tensor in made]
    return found
