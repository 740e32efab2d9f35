"""The forward relation and the gather form of a gradient are the same set of points.

A definition h reads an operand x; the adjoint of x is a sum over the same points, asked for from
the other end. Both sides are read off their programs as points with coordinates

    (place in h, place in x, places of the other operands, indices that both sides name alike)

and compared: the same coordinates, each reached once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symconv.calculus import derivative
from symconv.differentiate import Derived, vjp
from symconv.gather import solved
from symconv.integers import Int
from symconv.ir import Access, Definition, Program, Scalar, Term
from symconv.prove.matching import compared
from symconv.prove.pieces import Piece, facts, term_piece
from symconv.prove.statement import Judgement, Undecided
from symconv.rewrite import scalar_children


@dataclass(frozen=True, slots=True)
class Pair:
    """One way in which `reader` reads `operand`, forwards and as terms of the adjoint."""

    reader: str
    operand: str
    forward: tuple[Piece, ...]
    gather: tuple[Piece, ...]


def gather_program(program: Program, wrt: str) -> tuple[Derived, Program]:
    """The derivation of a gradient, and the program of its last step, where it is solved."""
    derivation = solved(vjp(program, (wrt,)))
    return derivation, derivation.steps[-1].program


def pairs(derivation: Derived, gathered: Program) -> tuple[Pair, ...]:
    """Every read through which the gradient of one operand flows."""
    source = derivation.steps[1 if derivation.steps[1].rule == "selector" else 0].program
    (wrt,) = derivation.wrt
    (result,) = derivation.result.outputs
    known = {t.name for t in gathered.inputs} | {d.target.name for d in gathered.definitions}
    adjoint = {d.target.name: f"d{d.target.name}" for d in source.definitions} | {wrt: result}
    active = _between(source, wrt)
    found = []
    for reader in source.definitions:
        for operand in adjoint:
            if reader.target.name not in active or operand not in active:
                continue
            forward = [(reader, term, access) for term in reader.terms
                       for access in dict.fromkeys(_accesses(term.body))
                       if access.tensor == operand
                       and derivative(term.body, access) is not None]
            if not forward:
                continue
            if adjoint[reader.target.name] in known and adjoint[operand] in known:
                found.append(_pair(reader, operand, forward, gathered, adjoint))
            else:
                found.append(Pair(reader.target.name, operand, (), ()))
    return tuple(found)


def same_relation(pair: Pair, program: Program) -> Judgement:
    """Both forms of a pair reach the same coordinates, and each of them once."""
    known = facts(program)
    if not pair.gather:
        raise Undecided(f"the gradient of {pair.operand} has no term for {pair.reader}")
    return compared(pair.forward, pair.gather, known)


def _between(program: Program, wrt: str) -> set[str]:
    """The tensors through which the outputs depend on `wrt` smoothly, itself included."""
    active, needed = {wrt}, set(program.outputs)
    for definition in program.definitions:
        if not definition.frozen and definition.target.kind == "real" and any(
                access.tensor in active for term in definition.terms
                for access in _accesses(term.body)):
            active.add(definition.target.name)
    for definition in reversed(program.definitions):
        if definition.target.name in needed & active:
            needed |= {access.tensor for term in definition.terms
                       for access in _accesses(term.body)}
    return active & needed


def _pair(reader: Definition, operand: str, forward: Sequence[tuple[Definition, Term, Access]],
          gathered: Program, adjoint: Mapping[str, str]) -> Pair:
    upstream, target = adjoint[reader.target.name], gathered.definition(adjoint[operand])
    backward = [(term, access) for term in target.terms for access in _accesses(term.body)
                if access.tensor == upstream]
    ends = {operand, reader.target.name, upstream, target.target.name}
    bodies = [*(term.body for _, term, _ in forward), *(term.body for term, _ in backward)]
    others = sorted(set.intersection(*({access.tensor for access in _accesses(body)
                                        if _count(body, access.tensor) == 1}
                                       for body in bodies)) - ends)

    def places(body: Scalar) -> tuple[Int, ...]:
        by_name = {access.tensor: access.subscripts for access in _accesses(body)}
        return tuple(subscript for name in others for subscript in by_name[name])

    def free(definition: Definition) -> tuple[Int, ...]:
        return tuple(Int.of(index.name) for index in definition.free)

    return Pair(reader.target.name, operand, tuple(
        term_piece(reader, term, (*free(reader), *access.subscripts, *places(term.body)))
        for _, term, access in forward), tuple(
        term_piece(target, term, (*access.subscripts, *free(target), *places(term.body)))
        for term, access in backward))


def _accesses(body: Scalar) -> Iterator[Access]:
    """Every read of a real array, in order, repetitions included."""
    if isinstance(body, Access):
        yield body
    for child in scalar_children(body):
        yield from _accesses(child)


def _count(body: Scalar, tensor: str) -> int:
    return sum(access.tensor == tensor for access in _accesses(body))
