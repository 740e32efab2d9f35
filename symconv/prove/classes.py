"""The solved equalities of a term, before they become loops: residue classes and quotients.

`eliminate` gives loop variables with rows, and each index of the term as an expression in them.
Shown with isl: those expressions reach every point of the term's relation, each by one choice of
the variables alone; so the classes are disjoint and cover the relation.
"""

from __future__ import annotations

from symconv.elimination import eliminate
from symconv.integers import Int
from symconv.ir import AtLeast, Definition, Equal, Program, Row, Term
from symconv.names import names_of
from symconv.prove.by_isl import same_points
from symconv.prove.pieces import Piece, facts, term_piece
from symconv.prove.statement import Judgement, every
from symconv.unknowns import Eliminated


def classes_cover(program: Program, name: str) -> Judgement:
    """For every term of a definition that has an equality."""
    definition = program.definition(name)
    derived = frozenset(size.name for size in program.sizes if size.value is not None)
    answers = []
    for term in definition.terms:
        if any(isinstance(row, Equal) for row in term.rows):
            parts = eliminate(definition.free, term, derived, frozenset(), names_of(program))
            answers.append(eliminated_exactly(program, definition, term, parts))
    return every(answers)


def eliminated_exactly(program: Program, definition: Definition, term: Term,
                       parts: Eliminated) -> Judgement:
    """The points of `parts` are those of the term, each once."""
    indices = (*definition.free, *term.bound)
    places = tuple(Int.of(index.name) for index in indices)
    lets = dict(parts.lets)
    variables = (*parts.outer, *parts.inner)
    rows: list[Row] = []
    for variable in variables:
        if variable.extent is not None:
            rows += [AtLeast(Int.of(variable.name)),
                     AtLeast(variable.extent - 1 - Int.of(variable.name))]
    rows += [Equal(Int.of(let) - value) for let, value in lets.items()]
    piece = Piece((*(v.name for v in variables), *lets), (*rows, *parts.rows),
                  tuple(place.substitute(parts.values) for place in places), tuple(lets))
    return same_points((term_piece(definition, term, places),), (piece,), facts(program))
