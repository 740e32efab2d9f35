"""From text to statements: Python's `ast` behind a whitelist. Nothing is ever executed."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeAlias

from symconv.language.source import Source, scan

DEEPEST_TREE = 60
_EXPRESSIONS = (ast.BinOp, ast.UnaryOp, ast.Call, ast.keyword, ast.Subscript, ast.Tuple, ast.List,
                ast.Name, ast.Constant, ast.Compare)
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.USub,
              ast.UAdd, ast.Eq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Load, ast.Store)


@dataclass(frozen=True, slots=True)
class Declaration:
    """x: [N, C] or k: int[N]."""

    node: ast.AST
    name: str
    integer: bool
    axes: tuple[ast.expr, ...]


@dataclass(frozen=True, slots=True)
class SizeStatement:
    """Ho = (H - K)//s + 1."""

    node: ast.AST
    name: str
    value: ast.expr


@dataclass(frozen=True, slots=True)
class ExtentStatement:
    """i < Ho."""

    node: ast.AST
    index: str
    value: ast.expr


@dataclass(frozen=True, slots=True)
class RequirementStatement:
    """H >= K."""

    node: ast.Compare


@dataclass(frozen=True, slots=True)
class Assignment:
    """y[i] = ...; a target without subscripts has rank 0."""

    node: ast.AST
    name: str
    subscripts: tuple[ast.expr, ...]
    value: ast.expr


@dataclass(frozen=True, slots=True)
class ReturnStatement:
    """return y, z."""

    node: ast.AST
    names: tuple[ast.Name, ...]


Statement: TypeAlias = (Declaration | SizeStatement | ExtentStatement | RequirementStatement
                        | Assignment | ReturnStatement)


def read(text: str, derived: bool = False) -> tuple[Source, tuple[Statement, ...]]:
    """The statements of a text; `derived` lets names of derivatives be keywords.

    Raises ParseError for anything outside the language.
    """
    source = scan(text, derived)
    try:
        module = source.tree()
    except SyntaxError as fault:
        line, column = fault.lineno or 1, (fault.offset or 1) - 1
        raise source.error_at(line, column, f"cannot be read: {fault.msg}",
                              "statements have the syntax of Python",
                              "close brackets, put operators between operands; an expression "
                              "that goes on in the next line stands in parentheses") from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        raise source.error_at(1, 0, "too deeply nested to be read", "expressions are of "
                              "moderate depth", "split it into several statements") from None
    for statement in module.body:
        _check(source, statement)
    return source, tuple(_statement(source, statement) for statement in module.body)


def elements(node: ast.expr) -> tuple[ast.expr, ...]:
    """The parts of a tuple, or the node alone."""
    return tuple(node.elts) if isinstance(node, ast.Tuple) else (node,)


def subscripts(source: Source, inside: ast.expr) -> tuple[ast.expr, ...]:
    """The subscripts between [ ]. x[(g,c)] has one, a split axis; x[g,c] has two.

    Python's tree is the same for both; the text tells whether one pair of parentheses spans it.
    """
    if not isinstance(inside, ast.Tuple) or not inside.elts:
        return elements(inside)
    depth = 0
    for line in range(inside.lineno, (inside.end_lineno or inside.lineno) + 1):
        shown = source.lines[line - 1]
        end = inside.end_col_offset if line == inside.end_lineno else len(shown)
        start = inside.col_offset if line == inside.lineno else 0
        for column in range(start, end or 0):
            depth += (shown[column] in "([") - (shown[column] in ")]")
            if depth == 0 and (line, column + 1) != (inside.end_lineno, end):
                return tuple(inside.elts)
    return (inside,)


def _check(source: Source, statement: ast.stmt) -> None:
    """Only whitelisted nodes, and no tree that is too deep for a recursive walk."""
    stack: list[tuple[ast.AST, int]] = [(child, 0) for child in ast.iter_child_nodes(statement)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, _OPERATORS):
            continue
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.NotEq) for op in node.ops):
            raise source.error(node, "'!=' is not part of the language",
                               "brackets hold equalities, inequalities and divisibility",
                               "write 1 - [a == b]")
        if not isinstance(node, _EXPRESSIONS):
            raise source.error(node, f"{_described(node)} is not part of the language",
                               "expressions consist of names, numbers, + - * / // % **, "
                               "subscripts, comparisons in brackets and calls of the listed "
                               "functions", "rewrite it with these")
        if depth > DEEPEST_TREE:
            raise source.error(node, "the expression is nested too deeply",
                               f"at most {DEEPEST_TREE} levels",
                               "give the inner part a statement of its own")
        for child in ast.iter_child_nodes(node):
            stack.append((child, depth + (not _same_spine(node, child))))


def _same_spine(node: ast.AST, child: ast.AST) -> bool:
    """a + b + c and a * b * c are walked in a loop: they count as one level."""
    if not (isinstance(node, ast.BinOp) and isinstance(child, ast.BinOp) and child is node.left):
        return False
    return any(isinstance(node.op, kind) and isinstance(child.op, kind)
               for kind in ((ast.Add, ast.Sub), (ast.Mult, ast.Div)))


def _described(node: ast.AST) -> str:
    names = {ast.Slice: "a slice", ast.Starred: "a starred expression", ast.NamedExpr: "':='"}
    return names.get(type(node), f"'{type(node).__name__}'")


def _statement(source: Source, node: ast.stmt) -> Statement:
    match node:
        case ast.AnnAssign(target=ast.Name() as target, annotation=annotation, value=None):
            return _declaration(source, target, annotation)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            if name[0].isupper() and _is_integral(value):
                return SizeStatement(node, name, value)
            return Assignment(node, name, (), value)
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=inside)],
                        value=value):
            return Assignment(node, name, subscripts(source, inside), value)
        case ast.Expr(value=ast.Compare(left=ast.Name(id=name), ops=[ast.Lt()],
                                        comparators=[value])) if not name[0].isupper():
            return ExtentStatement(node, name, value)
        case ast.Expr(value=ast.Compare() as comparison):
            return RequirementStatement(comparison)
        case ast.Return(value=ast.expr() as value) if all(
                isinstance(part, ast.Name) for part in elements(value)):
            return ReturnStatement(node, tuple(
                part for part in elements(value) if isinstance(part, ast.Name)))
        case ast.Expr():
            what = "an expression alone has no meaning here"
            remedy = ("assign it: y[i] = ...; or, if it continues the line above, put the whole "
                      "expression in parentheses")
        case ast.Return():
            what, remedy = "'return' lists names", "write return y, z"
        case _:
            what, remedy = "this is not a statement of the language", "see the rule"
    raise source.error(node, what, "statements are x: [N, C] (operand), Ho = ... (size), "
                       "i < Ho (extent), y[i] = ... (definition), H >= K (requirement) and "
                       "return y, z", remedy)


def _declaration(source: Source, target: ast.Name, annotation: ast.expr) -> Declaration:
    match annotation:
        case ast.List(elts=axes):
            return Declaration(target, target.id, False, tuple(axes))
        case ast.Subscript(value=ast.Name(id="int"), slice=inside):
            return Declaration(target, target.id, True, subscripts(source, inside))
        case ast.Name(id="int"):
            return Declaration(target, target.id, True, ())
    raise source.error(annotation, f"cannot read the extents of {target.id}",
                       "an operand is declared with the list of its extents",
                       f"write {target.id}: [N, C], or {target.id}: int[N] for integers")


def _is_integral(value: ast.expr) -> bool:
    """Whether a value is built from numbers, names, + - * // %, min and max alone."""
    for node in ast.walk(value):
        match node:
            case (ast.Subscript() | ast.List() | ast.Div() | ast.Compare()
                  | ast.Constant(value=float())):
                return False
            case ast.Call(func=func) if not (isinstance(func, ast.Name)
                                             and func.id in ("min", "max")
                                             and len(node.args) > 1):
                return False
    return True

