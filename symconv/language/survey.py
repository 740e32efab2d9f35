"""What can be told of a program before its statements are read: a survey of its names."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterator
from fractions import Fraction

from symconv.errors import ParameterError, shown
from symconv.language.environment import Environment, Value
from symconv.language.names import REDUCTIONS, is_name
from symconv.language.scalars import called
from symconv.language.source import Source
from symconv.language.syntax import (
    Assignment,
    ExtentStatement,
    SizeStatement,
    Statement,
    elements,
    subscripts,
)


def parameter_value(name: str, value: object) -> Value:
    """The value of a parameter: an exact number or the name of a symbol."""
    if isinstance(value, str):
        if is_name(value):
            return value
        raise ParameterError(f"parameter {name} is {shown(value)}, which is neither a number nor a "
                             "name; give a number, or a name such as \"s\" to keep it symbolic")
    if not isinstance(value, bool):
        try:
            return operator.index(value)      # type: ignore[arg-type]  # refuses what is none
        except TypeError:
            pass
        if isinstance(value, Fraction):
            return int(value) if value.denominator == 1 else value
        if isinstance(value, float):
            try:
                exact = Fraction(repr(float(value)))
            except ValueError:
                exact = None
            if exact is not None:
                return int(exact) if exact.denominator == 1 else exact
    raise ParameterError(f"parameter {name} is {shown(value)}, but must be a finite number or a "
                         "name; give one of these")


def survey(source: Source, statements: tuple[Statement, ...],
                 given: dict[str, Value]) -> Environment:
    """What can be told of names before any statement is read."""
    targets = frozenset(s.name for s in statements if isinstance(s, Assignment))
    indices = {name for s in statements if isinstance(s, Assignment) for name in index_names(s)}
    ranged = frozenset(s.index for s in statements if isinstance(s, ExtentStatement))
    positions: dict[str, set[bool]] = {}
    for statement in statements:
        if isinstance(statement, Assignment):
            for name, integral in _tensor_reads(statement.value, source, False):
                positions.setdefault(name, set()).add(integral)
    integers = frozenset(name for name, found in positions.items() if found == {True})
    nodes = {s.name: s.node for s in statements if isinstance(s, SizeStatement)}
    return Environment(source, given, integers, targets, nodes, indices, ranged)


def index_names(statement: Assignment) -> frozenset[str]:
    """The index names of a statement: on the left, or in the brackets of a reduction."""
    found = [name for part in statement.subscripts for name in elements(part)]
    for node in ast.walk(statement.value):
        if isinstance(node, ast.Call) and called(node) in REDUCTIONS \
                and isinstance(node.func, ast.Subscript):
            found += elements(node.func.slice)
    return frozenset(node.id for node in found if isinstance(node, ast.Name))


def _tensor_reads(node: ast.AST, source: Source, integral: bool) -> Iterator[tuple[str, bool]]:
    """Every subscripted name, and whether it is read where only an integer can stand."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=inside) if name not in REDUCTIONS:
            yield name, integral
            for place in subscripts(source, inside):
                for part in elements(place):
                    yield from _tensor_reads(part, source, True)
            return
        case ast.Compare() | ast.BinOp(op=ast.FloorDiv() | ast.Mod()):
            integral = True
        case ast.Call(args=[first, witness]) if called(node).startswith("arg"):
            yield from _tensor_reads(first, source, integral)
            yield from _tensor_reads(witness, source, True)
            return
    for child in ast.iter_child_nodes(node):
        yield from _tensor_reads(child, source, integral)
