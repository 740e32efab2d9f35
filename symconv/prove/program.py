"""The statements about one program, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from symconv.differentiate import differentiable, real_outputs
from symconv.ir import Equal, Program
from symconv.loops import Routine
from symconv.lower import lower
from symconv.passes import Pass, emitted_passes
from symconv.prove.by_z3 import consistent, horner_step
from symconv.prove.classes import classes_cover
from symconv.prove.forms import gather_program, pairs, same_relation
from symconv.prove.memory import definitions_in_bounds, routine_in_bounds
from symconv.prove.pieces import facts
from symconv.prove.statement import Judgement, Statement, stated
from symconv.prove.status import nonlinear
from symconv.prove.visits import points_once, written_once


def program_statements(program: Program) -> Iterator[Statement]:
    """Relations always; loops where every parameter has a number, or occurs linearly."""
    yield stated("the requirements can be met", lambda: consistent(facts(program)))
    yield stated("row-major offsets of subscripts in range lie below the product of the extents",
                 horner_step)
    names = tuple(definition.target.name for definition in program.definitions)
    yield stated("definition: every access is in range",
                 lambda: definitions_in_bounds(program, names))
    if real_outputs(program):
        for operand in differentiable(program):
            yield from _gradient(program, operand)
    if program.parameters and nonlinear(program) is not None:
        return
    for item in emitted_passes(program):
        yield from pass_statements(item)


def pass_statements(item: Pass) -> Iterator[Statement]:
    """Bounds, writes and points of the loops of one pass."""
    routine = lower(item, "reference")
    checks: tuple[tuple[str, Callable[[Routine], Judgement]], ...] = (
        ("every read and write is in range", routine_in_bounds),
        ("every element is assigned exactly once, before it is added to", written_once),
        ("the loops take each point of the definition exactly once", points_once))
    for text, check in checks:
        yield stated(f"{item.name}: {text}", partial(check, routine))


def _gradient(program: Program, operand: str) -> Iterator[Statement]:
    derivation, gathered = gather_program(program, operand)
    for pair in pairs(derivation, gathered):
        yield stated(f"gradient of {operand}: gather form and definition of {pair.reader} have "
                     f"the same points in {pair.operand}, each once",
                     partial(same_relation, pair, gathered))
    changed = tuple(definition.target.name for definition in gathered.definitions)
    yield stated(f"gradient of {operand}: in gather form every access is in range",
                 lambda: definitions_in_bounds(gathered, changed))
    if nonlinear(derivation.result) is None:
        for definition in derivation.result.definitions:
            if any(isinstance(row, Equal) for term in definition.terms for row in term.rows):
                yield stated(f"gradient of {operand}: the residue classes of "
                             f"{definition.target.name} are disjoint and cover its relation",
                             partial(classes_cover, derivation.result, definition.target.name))
