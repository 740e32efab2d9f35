"""Small exact rewrites that keep derived programs short: products, and dead definitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from symconv.integers import Int
from symconv.ir import Definition, Number, Program, Scalar, Times
from symconv.rewrite import accesses, row_expressions, scalar_integers


def times(*factors: Scalar) -> Scalar:
    """The product, flattened, with one leading number unless that is 1."""
    number, rest = Fraction(1), list[Scalar]()
    for factor in _flat(factors):
        if isinstance(factor, Number):
            number *= factor.value
        else:
            rest.append(factor)
    if number != 1 or not rest:
        rest.insert(0, Number(number))
    return rest[0] if len(rest) == 1 else Times(tuple(rest))


def live(program: Program) -> Program:
    """The program without definitions that no output needs."""
    needed = set(program.outputs)
    kept: list[Definition] = []
    for definition in reversed(program.definitions):
        if definition.target.name in needed:
            kept.append(definition)
            needed.update(tensors_read(definition))
    return replace(program, definitions=tuple(reversed(kept)))


def tensors_read(definition: Definition) -> tuple[str, ...]:
    """The tensors that a definition reads, real and integer, each once, in order."""
    found: dict[str, None] = {}
    for term in definition.terms:
        integers: list[Int] = [e for row in term.rows for e in row_expressions(row)]
        integers += scalar_integers(term.body)
        if term.witness is not None:
            integers.append(term.witness)
        for access in accesses(term.body):
            found[access.tensor] = None
        for expression in integers:
            found.update(dict.fromkeys(element.tensor for element in expression.elements()))
    return tuple(found)


def _flat(factors: tuple[Scalar, ...]) -> Iterator[Scalar]:
    for factor in factors:
        if isinstance(factor, Times):
            yield from _flat(factor.arguments)
        else:
            yield factor
