"""Syntax to terms. A reduction inside an expression becomes a statement of its own."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from fractions import Fraction

from symconv.integers import Element, Int
from symconv.ir import Access, Kind, Number, Reduction, Row, Scalar, Ties, Whole
from symconv.language import normal
from symconv.language.environment import Environment, Scope, Shape
from symconv.language.indices import Indices
from symconv.language.names import REDUCTIONS
from symconv.language.scalars import Scalars, called, factors, is_reduction
from symconv.language.subscripts import addends, integer, rows
from symconv.language.syntax import elements
from symconv.rewrite import row_names, scalar_names

_ONE = Number(Fraction(1))
_ZERO = Number(Fraction(0))


@dataclass(slots=True)
class RawTerm:
    """A term before extents are known. Where `reduced`, a read out of range removes it."""

    bound: tuple[str, ...]
    rows: tuple[Row, ...]
    body: Scalar
    reduced: bool = False
    mean: bool = False
    witness: Int | None = None

    def names(self) -> frozenset[str]:
        found = scalar_names(self.body).union(*(row_names(row) for row in self.rows))
        return found if self.witness is None else found | self.witness.names()


@dataclass(slots=True)
class RawDefinition:
    """A definition before extents are known; indices are variables of the statement."""

    name: str
    free: tuple[str, ...]
    terms: list[RawTerm]
    kind: Kind
    reduction: Reduction
    ties: Ties
    frozen: bool
    node: ast.AST


class Statement:
    """One statement: its indices, and its definitions in order: those of inner reductions, then the
    one that was written. `where` tells the place of each read in the text."""

    def __init__(self, env: Environment, taken: set[str], names: frozenset[str]) -> None:
        self.env = env
        self.where = env.where = {}
        self.taken = taken                     # names that no statement made here may take
        self.scope = Scope({}, names)
        self.scalars = Scalars(env, self._lift)
        self.indices = Indices(env)
        self.definitions: list[RawDefinition] = []

    def free(self, places: tuple[tuple[ast.expr, ...], ...]) -> tuple[str, ...]:
        """The indices on the left; they are known in the whole statement."""
        keys, self.scope = self.indices.bind(
            [part for place in places for part in place], self.scope)
        return keys

    def define(self, name: str, free: tuple[str, ...], value: ast.expr, scope: Scope,
               node: ast.AST, kind: Kind = "real") -> RawDefinition:
        """target[free] = value."""
        frozen = isinstance(value, ast.Call) and called(value) == "frozen"
        if isinstance(value, ast.Call) and frozen:
            if len(value.args) != 1 or value.keywords:
                raise self.env.error(value, "frozen takes one expression", "frozen(...) stands "
                                     "around what is not differentiated", "write frozen(...)")
            value = value.args[0]
        reduction: Reduction = "sum"
        ties: Ties = "first"
        if isinstance(value, ast.Call) and is_reduction(value):
            reduction, ties = REDUCTIONS[called(value)]
        if isinstance(value, ast.Call) and reduction != "sum":
            terms = [self._reduction(value, scope)]
        else:
            terms = self._sum(value, scope)
        if reduction.startswith("arg"):
            kind = "integer"
        elif kind == "integer" and not (
                reduction == "sum" and all(normal.is_integral(term.body) for term in terms)):
            raise self.env.error(value, f"{name} is declared int and gets real values", "an "
                                 "integer statement is an argmax or argmin, or computes with "
                                 "integers alone", f"declare {name}: [...]")
        if reduction == "sum":
            terms = [term for term in terms if term.body != _ZERO]
        definition = RawDefinition(name, free, terms, kind, reduction, ties, frozen, node)
        self.definitions.append(definition)
        return definition

    def _sum(self, value: ast.expr, scope: Scope) -> list[RawTerm]:
        """The terms of a sum: split where a part has a relation, or after a leading +."""
        parts = addends(value)
        if len(parts) > 1 and not _starts_with_plus(parts[0][1]) and not any(
                _is_relation(part, inverse)
                for _, addend in parts for part, inverse in factors(addend)[1]):
            return [RawTerm((), (), self.scalars.scalar(value, scope))]
        return [self._addend(sign, part, scope) for sign, part in parts]

    def _addend(self, sign: int, node: ast.expr, scope: Scope) -> RawTerm:
        """One term: rows from brackets, and constants folded into the body of its one sum."""
        negative, parts = factors(node)
        sums = [part for part, inverse in parts
                if isinstance(part, ast.Call) and _is_sum(part) and not inverse]
        term = RawTerm((), (), _ONE)
        done: dict[ast.expr, Scalar] = {}
        if len(sums) == 1 and all(
                part is sums[0] or (isinstance(part, ast.List) and not inverse)
                or self._is_constant(part, scope) for part, inverse in parts):
            term = self._reduction(sums[0], scope)
            done = {sums[0]: term.body}
        guards, term.body = self._guarded(node, negative ^ (sign < 0), parts, scope, done)
        term.rows = guards + term.rows
        return term

    def _guarded(self, node: ast.expr, negative: bool, parts: list[tuple[ast.expr, bool]],
                 scope: Scope, done: dict[ast.expr, Scalar]) -> tuple[tuple[Row, ...], Scalar]:
        """Rows of the brackets among the factors, and the product of the others."""
        found: list[Row] = []
        bodies: list[Scalar] = []
        for part, inverse in parts:
            if isinstance(part, ast.List) and not inverse:
                found += rows(self.env, part, scope)
            elif part in done:
                bodies.append(done[part])
            else:
                bodies.append(self.scalars.inverse(part, scope) if inverse
                              else self.scalars.scalar(part, scope))
        return tuple(found), self.scalars.product(node, negative, bodies)

    def _is_constant(self, node: ast.expr, scope: Scope) -> bool:
        """Numbers, sizes and parameters: nothing that depends on an index or an array."""
        for part in ast.walk(node):
            match part:
                case ast.Name(id=name):
                    if name in scope.statement or name in self.env.tensors \
                            or name in self.env.targets:
                        return False
                case ast.Subscript() | ast.Call() | ast.List():
                    return False
        return True

    def _reduction(self, node: ast.Call, scope: Scope) -> RawTerm:
        """The term inside sum[a](body) or argmax[a](body, witness)."""
        name = called(node)
        most = 2 if name.startswith("arg") else 1
        if node.keywords or not 1 <= len(node.args) <= most:
            raise self.env.error(node, f"{name} takes one expression"
                                 + (" and its witness" if most == 2 else ""),
                                 "reductions are sum[a](body) and argmax[a](body, witness)",
                                 f"write {name}[a](...)")
        if isinstance(node.func, ast.Subscript):
            binders: list[ast.expr] = list(elements(node.func.slice))
        else:
            binders = list(self.indices.unbound(node.args[0], scope))
            scope = Scope(scope.indices, scope.statement
                          | {part.id for part in binders if isinstance(part, ast.Name)})
        if not binders:
            raise self.env.error(node, f"{name} has nothing to run over", "a reduction binds at "
                                 "least one index", f"write {name}[a](...) with the indices to "
                                 "run over")
        bound, scope = self.indices.bind(binders, scope)
        negative, parts = factors(node.args[0])
        guards, body = self._guarded(node.args[0], negative, parts, scope, {})
        witness = None
        if most == 2:
            if len(node.args) == 1 and len(bound) > 1:
                raise self.env.error(node, f"{name} over several indices needs its witness",
                                     "the witness is the integer that is returned",
                                     f"write {name}[a,e](..., W*a + e)")
            witness = (Int.of(bound[0]) if len(node.args) == 1
                       else integer(self.env, node.args[1], scope))
        return RawTerm(bound, guards, body, True, name == "mean", witness)

    def _lift(self, node: ast.Call, scope: Scope) -> Scalar:
        """A statement of its own, over the indices in scope that it depends on."""
        number = 1
        while f"t{number}" in self.taken:
            number += 1
        name = f"t{number}"
        self.taken.add(name)
        raw = self.define(name, (), node, scope, node)
        used = frozenset[str]().union(*(term.names() for term in raw.terms))
        raw.free = tuple(key for key in scope.indices.values() if key in used)
        rank = len(raw.free)
        self.env.tensors[name] = Shape(name, raw.kind, (1,) * rank, [None] * rank, [None] * rank,
                                       node)
        subscripts = tuple(map(Int.of, raw.free))
        self.where[name, subscripts] = node
        if raw.kind == "integer":
            return Whole(Int.atom(Element(name, subscripts)))
        return Access(name, subscripts)


def _starts_with_plus(node: ast.expr) -> bool:
    """+a*b + c: Python reads (+a)*b, so the sign is at the left end."""
    while isinstance(node, ast.BinOp):
        node = node.left
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd)


def _is_sum(node: ast.expr) -> bool:
    return called(node) in ("sum", "mean")


def _is_relation(part: ast.expr, inverse: bool) -> bool:
    return not inverse and (isinstance(part, ast.List) or _is_sum(part))
