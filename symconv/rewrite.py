"""Walks over bodies, rows and definitions: children, accesses, names, substitution.

Every function returns new objects. Substitution is simultaneous. All names of a program are
distinct, so sizes and parameters can be replaced without capturing an index; who replaces indices
chooses the new names, and may mean bound ones (`substitute_term`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from symconv.errors import ParameterError
from symconv.integers import Int
from symconv.ir import (
    Access,
    Apply,
    AtLeast,
    Axis,
    Bracket,
    Definition,
    Divides,
    Equal,
    Index,
    Number,
    Plus,
    Power,
    Program,
    Requirement,
    Row,
    Scalar,
    Size,
    Tensor,
    Term,
    Times,
    ValueRange,
    Whole,
)

Mapped: TypeAlias = Mapping[str, Int]


def scalar_children(scalar: Scalar) -> tuple[Scalar, ...]:
    """The bodies directly inside a body, in order; none for a leaf."""
    match scalar:
        case Plus(arguments) | Times(arguments):
            return arguments
        case Apply(arguments=arguments):
            return arguments
        case Power(base, _):
            return (base,)
    return ()


def map_scalar(scalar: Scalar, leaf: Callable[[Scalar], Scalar | None]) -> Scalar:
    """Top down: `leaf(part)` where that is not None, otherwise the part with mapped children."""
    replaced = leaf(scalar)
    if replaced is not None:
        return replaced
    match scalar:
        case Plus(arguments):
            return Plus(tuple(map_scalar(argument, leaf) for argument in arguments))
        case Times(arguments):
            return Times(tuple(map_scalar(argument, leaf) for argument in arguments))
        case Power(base, exponent):
            return Power(map_scalar(base, leaf), exponent)
        case Apply(function, arguments, constants):
            return Apply(function, tuple(map_scalar(a, leaf) for a in arguments), constants)
    return scalar


def map_integers(scalar: Scalar, change: Callable[[Int], Int]) -> Scalar:
    """The same body with `change` applied to every integer expression: subscripts, wholes, rows."""
    def leaf(part: Scalar) -> Scalar | None:
        match part:
            case Access(tensor, subscripts):
                return Access(tensor, tuple(change(subscript) for subscript in subscripts))
            case Whole(value):
                return Whole(change(value))
            case Bracket(rows):
                return Bracket(tuple(map_row(row, change) for row in rows))
        return None
    return map_scalar(scalar, leaf)


def accesses(scalar: Scalar) -> tuple[Access, ...]:
    """The reads of real tensors, in order of appearance, each once."""
    found: dict[Access, None] = {}

    def visit(part: Scalar) -> None:
        if isinstance(part, Access):
            found[part] = None
        for child in scalar_children(part):
            visit(child)

    visit(scalar)
    return tuple(found)


def scalar_integers(scalar: Scalar) -> tuple[Int, ...]:
    """Every integer expression of a body: subscripts, wholes and rows of brackets, in order."""
    match scalar:
        case Access(_, subscripts):
            return subscripts
        case Whole(value):
            return (value,)
        case Bracket(rows):
            return tuple(e for row in rows for e in row_expressions(row))
        case Number():
            return ()
    return tuple(e for child in scalar_children(scalar) for e in scalar_integers(child))


def scalar_names(scalar: Scalar) -> frozenset[str]:
    """The names in subscripts, wholes and brackets (indices, sizes and parameters)."""
    return frozenset[str]().union(*(e.names() for e in scalar_integers(scalar)))


def row_expressions(row: Row) -> tuple[Int, ...]:
    """The integer expressions of a row; the modulus comes first."""
    match row:
        case Equal(expression) | AtLeast(expression):
            return (expression,)
        case Divides(modulus, expression):
            return (modulus, expression)


def map_row(row: Row, change: Callable[[Int], Int]) -> Row:
    """The same row with `change` applied to its integer expressions."""
    match row:
        case Equal(expression):
            return Equal(change(expression))
        case AtLeast(expression):
            return AtLeast(change(expression))
        case Divides(modulus, expression):
            return Divides(change(modulus), change(expression))


def row_names(row: Row) -> frozenset[str]:
    """The names that occur in a row."""
    return frozenset[str]().union(*(e.names() for e in row_expressions(row)))


def substitute_scalar(scalar: Scalar, mapping: Mapped) -> Scalar:
    """Replace names inside subscripts, wholes and brackets."""
    return map_integers(scalar, lambda expression: expression.substitute(mapping))


def substitute_row(row: Row, mapping: Mapped) -> Row:
    """Replace names inside a row."""
    return map_row(row, lambda expression: expression.substitute(mapping))


def substitute_index(index: Index, mapping: Mapped) -> Index:
    """Replace names in the extent of an index."""
    return Index(index.name, index.extent.substitute(mapping))


def substitute_term(term: Term, mapping: Mapped) -> Term:
    """Replace names everywhere in a term, the extents of its bound indices included.

    The new expressions may name bound indices of the term, and then mean those. Raises
    ParameterError where the mapping replaces a bound index: remove it from `bound` first.
    """
    clash = sorted(mapping.keys() & {index.name for index in term.bound})
    if clash:
        raise ParameterError(f"a substitution replaces the bound index {clash[0]}: "
                             "remove it from the bound indices of the term first")
    witness = None if term.witness is None else term.witness.substitute(mapping)
    return Term(tuple(substitute_index(index, mapping) for index in term.bound),
                tuple(substitute_row(row, mapping) for row in term.rows),
                substitute_scalar(term.body, mapping), witness)


def substitute_tensor(tensor: Tensor, mapping: Mapped) -> Tensor:
    """Replace names in the extents of a tensor."""
    return replace(tensor, axes=tuple(
        Axis(axis.stored.substitute(mapping),
             tuple(extent.substitute(mapping) for extent in axis.logical))
        for axis in tensor.axes))


def substitute_definition(definition: Definition, mapping: Mapped) -> Definition:
    """Replace sizes and parameters (no free index) throughout a definition."""
    return replace(
        definition, target=substitute_tensor(definition.target, mapping),
        free=tuple(substitute_index(index, mapping) for index in definition.free),
        terms=tuple(substitute_term(term, mapping) for term in definition.terms))


def substitute_program(program: Program, mapping: Mapped) -> Program:
    """Replace sizes and parameters throughout; the replaced ones are no longer declared."""
    return replace(
        program,
        inputs=tuple(substitute_tensor(tensor, mapping) for tensor in program.inputs),
        definitions=tuple(substitute_definition(d, mapping) for d in program.definitions),
        sizes=tuple(Size(size.name, None if size.value is None else size.value.substitute(mapping))
                    for size in program.sizes if size.name not in mapping),
        parameters=tuple(name for name in program.parameters if name not in mapping),
        requirements=tuple(Requirement(substitute_row(r.row, mapping), r.message)
                           for r in program.requirements),
        value_ranges=tuple(ValueRange(item.tensor, item.stop.substitute(mapping))
                           for item in program.value_ranges))


def held(program: Program) -> Program:
    """The program with its frozen statements as operands: a derivative holds them fixed."""
    frozen = tuple(d.target for d in program.definitions if d.frozen)
    if not frozen:
        return program
    names = {tensor.name for tensor in frozen}
    return Program((*program.inputs, *frozen),
                   tuple(d for d in program.definitions if not d.frozen),
                   tuple(name for name in program.outputs if name not in names),
                   program.sizes, program.parameters, program.requirements)
