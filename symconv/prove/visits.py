"""What the loops of a pass do, against what its definitions say, for all sizes.

Two statements for every definition:

* writes    plain assignments reach every element exactly once, before anything is added to it;
            a task touches its own slice alone, and reads intermediates after they are written.
* points    the loops take in every point of every term's relation exactly once, at the same
            places of the arrays and with the same body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symconv.integers import Int
from symconv.ir import Definition, Row, Term
from symconv.loops import Routine
from symconv.prove.by_isl import each_once
from symconv.prove.leaves import Leaf, leaf_piece, leaves
from symconv.prove.matching import compared
from symconv.prove.pieces import Piece, body_coordinates, box, facts, skeleton, term_piece
from symconv.prove.statement import Judgement, Undecided, every
from symconv.rewrite import accesses, row_expressions, scalar_integers


def written_once(routine: Routine) -> Judgement:
    """Every element of every target is assigned exactly once, and first."""
    program, found = routine.program, leaves(routine)
    known = facts(program)
    _in_order(routine, found)
    answers = []
    for definition in program.definitions:
        own = [leaf for leaf in found if leaf.target.tensor == definition.target.name]
        pieces = [leaf_piece(leaf, leaf.target.subscripts) for leaf in own if leaf.kind == "set"]
        if not pieces:
            raise Undecided(f"{definition.target.name} is never assigned")
        whole = Piece(tuple(i.name for i in definition.free), box(definition.free),
                      tuple(Int.of(i.name) for i in definition.free))
        answers.append(each_once(pieces, whole, known))
    return every(answers)


def points_once(routine: Routine) -> Judgement:
    """The loops take in each point of each relation exactly once."""
    program, found = routine.program, leaves(routine)
    known = facts(program)
    answers = []
    for definition in program.definitions:
        own = [leaf for leaf in found
               if leaf.target.tensor == definition.target.name and leaf.contributes]
        if len(own) != len(definition.terms):
            raise Undecided(f"{definition.target.name}: {len(definition.terms)} terms have "
                            f"{len(own)} loop nests")
        answers += [_same(definition, term, leaf, known)
                    for term, leaf in zip(definition.terms, own, strict=True)]
    return every(answers)


def _same(definition: Definition, term: Term, leaf: Leaf, known: Sequence[Row]) -> Judgement:
    name = definition.target.name
    if leaf.value is None or skeleton(leaf.value) != skeleton(term.body):
        raise Undecided(f"{name}: the loops compute another body")
    bound = [index.name for index in term.bound]
    if definition.reduction != "sum" and [v for v in leaf.variables if v in bound] != bound:
        raise Undecided(f"{name}: the order of the points of a {definition.reduction} differs")
    if (leaf.witness is None) != (term.witness is None):
        raise Undecided(f"{name}: the loops remember another witness")
    free = tuple(Int.of(index.name) for index in definition.free)
    reference = term_piece(definition, term, body_coordinates(free, term.body, term.witness))
    piece = leaf_piece(leaf, body_coordinates(leaf.target.subscripts, leaf.value, leaf.witness))
    if len(reference.coordinates) != len(piece.coordinates):
        raise Undecided(f"{name}: the loops compute another body")
    inside = {*reference.variables, *piece.variables}
    differing = [pair for pair in zip(reference.coordinates, piece.coordinates, strict=True)
                 if pair[0] != pair[1] or pair[0].names() & inside]    # not counts of sizes
    return compared((replace(reference, coordinates=tuple(mine for mine, _ in differing)),),
                    (replace(piece, coordinates=tuple(theirs for _, theirs in differing)),),
                    known)


def _in_order(routine: Routine, found: Sequence[Leaf]) -> None:
    """Assignments before additions, writes before reads, and each task in its own slice."""
    program = routine.program
    tasks = tuple(Int.of(name) for name, _ in routine.tasks)
    made = {definition.target.name for definition in program.definitions}
    for leaf in found:
        name = leaf.target.tensor
        if leaf.target.subscripts[:len(tasks)] != tasks:
            raise Undecided(f"{name}: tasks may write the same element")
        if leaf.kind == "add" and any(
                other.kind == "set" and other.place >= leaf.place
                for other in found if other.target.tensor == name):
            raise Undecided(f"{name}: something is added before the element is assigned")
        for tensor, subscripts in _reads(leaf):
            if tensor not in made:
                continue
            if subscripts[:len(tasks)] != tasks:
                raise Undecided(f"{tensor}: a task reads what another one writes")
            if any(other.place >= leaf.place for other in found
                   if other.target.tensor == tensor):
                raise Undecided(f"{tensor}: read before it is complete")


def _reads(leaf: Leaf) -> list[tuple[str, tuple[Int, ...]]]:
    integers = [e for row in leaf.path for e in row_expressions(row)]
    integers += [] if leaf.witness is None else [leaf.witness]
    found: list[tuple[str, tuple[Int, ...]]] = []
    if leaf.value is not None:
        integers += scalar_integers(leaf.value)
        found += [(access.tensor, access.subscripts) for access in accesses(leaf.value)]
    return found + [(element.tensor, element.subscripts) for expression in integers
                    for element in expression.elements()]
