"""Syntax to integer expressions, rows of relations and accesses."""

from __future__ import annotations

import ast
from fractions import Fraction

from symconv.errors import ParameterError
from symconv.integers import Element, Int, floor_div, largest, smallest
from symconv.ir import AtLeast, Divides, Equal, Row
from symconv.language import normal
from symconv.language.environment import Environment, Scope, Shape
from symconv.language.names import REDUCTIONS, RESERVED
from symconv.language.syntax import elements, subscripts

_LARGEST_POWER = 8


def integer(env: Environment, node: ast.expr, scope: Scope) -> Int:
    """The integer expression of a subscript, an extent or one side of a comparison."""
    try:
        return normal.checked(_integer(env, node, scope))
    except ParameterError as fault:
        raise env.error(node, str(fault), "subscripts and extents are polynomials over indices, "
                        "sizes and parameters with 64-bit coefficients; divisors are at least 1",
                        "write a smaller expression, or name a part: Ho = ...") from None


def _integer(env: Environment, node: ast.expr, scope: Scope) -> Int:
    match node:
        case ast.Constant():
            value = env.source.number(node)
            if value.denominator != 1 or not isinstance(node.value, int):
                raise _not_integer(env, node, f"{env.source.numbers[node.lineno, node.col_offset]}"
                                              " is no integer")
            return Int.of(value.numerator)
        case ast.Name():
            return _name(env, node, scope)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _integer(env, operand, scope)
        case ast.UnaryOp(operand=operand):
            return -_integer(env, operand, scope)
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            total = Int.of(0)
            for sign, part in addends(node):
                total = total + sign * _integer(env, part, scope)
            return total
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            parts = [right]
            while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):
                parts.append(left.right)
                left = left.left
            result = _integer(env, left, scope)
            for part in reversed(parts):
                result = normal.product(result, _integer(env, part, scope))
            return result
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
            return floor_div(_integer(env, left, scope), _integer(env, right, scope))
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            top, bottom = _integer(env, left, scope), _integer(env, right, scope)
            return top - normal.product(bottom, floor_div(top, bottom))
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(count))) \
                if 0 <= count <= _LARGEST_POWER:
            base, result = _integer(env, left, scope), Int.of(1)
            for _ in range(count):
                result = normal.product(result, base)
            return result
        case ast.BinOp(op=ast.Pow()):
            raise _not_integer(env, node, f"an integer power has a constant exponent from 0 to "
                                          f"{_LARGEST_POWER}")
        case ast.BinOp(op=ast.Div()):
            raise _not_integer(env, node, "'/' divides real numbers",
                               "write // for the quotient rounded down")
        case ast.Call(func=ast.Name(id="min" | "max" as kind), args=arguments, keywords=[]) \
                if arguments:
            values = [_integer(env, argument, scope) for argument in arguments]
            return smallest(*values) if kind == "min" else largest(*values)
        case ast.Subscript(value=ast.Name(id=name)) if name not in REDUCTIONS:
            shape, places = access(env, node, scope)
            _need_integer(env, node, shape)
            return Int.atom(Element(shape.name, places))
    raise _not_integer(env, node, "this is no integer expression")


def _name(env: Environment, node: ast.Name, scope: Scope) -> Int:
    meaning = env.lookup(node, scope)
    if isinstance(meaning, Int):
        return meaning
    if isinstance(meaning, Fraction):
        raise _not_integer(env, node, f"{node.id} = {meaning} is no integer",
                           f"give an integer for {node.id}")
    if meaning.groups:
        raise env.error(node, f"{node.id} is an array and needs its subscripts",
                        f"an access gives one subscript per axis, {len(meaning.groups)} for "
                        f"{node.id}", f"write {node.id}[...], or rename the index")
    _need_integer(env, node, meaning)
    return Int.atom(Element(node.id, ()))


def _need_integer(env: Environment, node: ast.AST, shape: Shape) -> None:
    if shape.kind != "integer":
        raise env.error(node, f"{shape.name} holds real numbers, and an integer is needed here",
                        "subscripts, extents and brackets are integer expressions; only integer "
                        "operands are read in them",
                        f"declare {shape.name}: int[...] if it holds integers; a comparison of "
                        "reals is written with relu, sign, maximum or minimum")


def _not_integer(env: Environment, node: ast.AST, what: str,
                 remedy: str = "write an integer expression") -> Exception:
    return env.error(node, what, "subscripts, extents and brackets consist of integers, indices, "
                     "sizes, parameters, + - * // %, min, max and reads of integer operands",
                     remedy)


def addends(node: ast.expr) -> list[tuple[int, ast.expr]]:
    """a - b + c as signed parts, left to right; a parenthesised sum on the right is one part."""
    found: list[tuple[int, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        found.append((1 if isinstance(node.op, ast.Add) else -1, node.right))
        node = node.left
    return [(1, node), *reversed(found)]


# --- accesses -------------------------------------------------------------------------------


def access(env: Environment, node: ast.Subscript, scope: Scope
           ) -> tuple[Shape, tuple[Int, ...]]:
    """The tensor and the logical subscripts; an undeclared operand is created."""
    if not isinstance(node.value, ast.Name):
        raise env.error(node, "only operands and targets have subscripts",
                        "an access is written x[i, j]", "multiply by a bracket with *: "
                        "[a < i] * x[a]")
    name = node.value.id
    places = _places(env, node, scope)
    groups = tuple(len(place) for place in places)
    if name in scope.indices or name in scope.statement:
        raise env.error(node, f"{name} is an index here", "an index has no subscripts",
                        "rename the index or the operand")
    if name not in env.tensors:
        if name in env.targets:
            raise env.undefined(node, name)
        if name in RESERVED:
            raise env.error(node, f"'{name}' is a function", "functions are called with ( )",
                            f"write {name}(...)")
        size = sum(groups)
        env.tensors[name] = Shape(name, "integer" if name in env.integers else "real", groups,
                                  [None] * size, [None] * len(groups), node)
    shape = env.tensors[name]
    flat = tuple(sub for place in places for sub in place)
    if groups != shape.groups and not (set(groups) <= {1} and len(flat) == sum(shape.groups)):
        raise _wrong_rank(env, node, shape, groups)
    env.where.setdefault((name, flat), node)
    return shape, flat


def _places(env: Environment, node: ast.Subscript, scope: Scope) -> tuple[tuple[Int, ...], ...]:
    """The subscripts, grouped by stored axis."""
    return tuple(tuple(_subscript(env, part, scope) for part in elements(place))
                 for place in subscripts(env.source, node.slice))


def _subscript(env: Environment, node: ast.expr, scope: Scope) -> Int:
    if isinstance(node, ast.Name) and not node.id[0].isupper() and node.id not in env.given \
            and node.id not in scope.indices and node.id not in scope.statement \
            and node.id not in env.tensors and node.id not in env.targets \
            and node.id not in RESERVED:
        raise env.unbound(node, node.id)
    return integer(env, node, scope)


def _wrong_rank(env: Environment, node: ast.AST, shape: Shape,
                groups: tuple[int, ...]) -> Exception:
    letters = iter("ijklmn" * len(shape.logical))
    needed = [[next(letters) for _ in range(size)] for size in shape.groups]
    usage = ",".join(part[0] if len(part) == 1 else f"({','.join(part)})" for part in needed)
    count = len(shape.groups)
    what = (f"{shape.name} has {count} {'axis' if count == 1 else 'axes'} and gets "
            f"{len(groups)} {'subscript' if len(groups) == 1 else 'subscripts'}"
            if len(groups) != count else f"the split axes of {shape.name} are read otherwise")
    return env.error(node, what, "an access gives one subscript per axis, and a tuple for a split "
                     "axis", f"write {shape.name}[{usage}] with your subscripts in these places"
                     if usage else f"write {shape.name} alone")


# --- rows -----------------------------------------------------------------------------------


def rows(env: Environment, node: ast.List, scope: Scope) -> tuple[Row, ...]:
    """The rows of an Iverson bracket [a < i], [0 <= u < H], [u % s == 0, a < K]."""
    if not node.elts:
        raise _no_row(env, node, "an empty bracket")
    return tuple(row for part in node.elts for row in comparison(env, part, scope))


def comparison(env: Environment, node: ast.expr, scope: Scope) -> tuple[Row, ...]:
    """The rows of a comparison, one for each sign in it."""
    if not isinstance(node, ast.Compare):
        raise _no_row(env, node, "a bracket without a comparison")
    sides = [node.left, *node.comparators]
    return tuple(_row(env, left, op, right, scope)
                 for left, op, right in zip(sides, node.ops, sides[1:], strict=False))


def _row(env: Environment, left: ast.expr, op: ast.cmpop, right: ast.expr, scope: Scope) -> Row:
    if isinstance(op, ast.Eq):
        match left, right:
            case ast.BinOp(left=top, op=ast.Mod(), right=bottom), ast.Constant(value=0):
                modulus = integer(env, bottom, scope)
                if modulus.constant is not None and modulus.constant < 1:
                    raise env.error(bottom, f"division by {modulus.constant}",
                                    "a modulus is at least 1", "write a positive modulus")
                return Divides(modulus, integer(env, top, scope))
    a, b = integer(env, left, scope), integer(env, right, scope)
    match op:
        case ast.Eq():
            return Equal(a - b)
        case ast.Lt():
            return AtLeast(b - a - 1)
        case ast.LtE():
            return AtLeast(b - a)
        case ast.Gt():
            return AtLeast(a - b - 1)
    return AtLeast(a - b)


def _no_row(env: Environment, node: ast.AST, what: str) -> Exception:
    return env.error(node, f"{what} has no meaning", "an Iverson bracket compares integers and is "
                     "1 where the comparison holds, otherwise 0",
                     "write [i == j], [a < i] or [u % s == 0]")
