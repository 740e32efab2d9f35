"""The stores of a routine, each with the loops, constants and tests around it as constraints.

The loops are taken as they are written; how `lower` came to them plays no part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from symconv.integers import Extremum, Int
from symconv.ir import Access, AtLeast, Equal, Index, Number, Row, Scalar
from symconv.loops import Begin, Fold, Let, Loop, Node, Refuse, Routine, Store, When
from symconv.prove.pieces import Piece, box
from symconv.prove.statement import Undecided
from symconv.rewrite import row_names


@dataclass(frozen=True, slots=True)
class Leaf:
    """One assignment or accumulation inside a loop nest, with everything that encloses it.

    `place` counts the statements of the routine; a leaf of a later place runs later.
    `path` are the rows in the order in which they are established, loops and tests alike.
    """

    place: int
    variables: tuple[str, ...]
    values: tuple[str, ...]
    path: tuple[Row, ...]
    target: Access
    value: Scalar | None
    witness: Int | None
    kind: Literal["set", "add", "fold"]

    @property
    def contributes(self) -> bool:
        """Whether it takes a point of a term in; the others store totals, or 0 to begin with."""
        zero = self.value == Number(Fraction(0)) and self.kind == "set"
        return self.value is not None and not zero


def leaves(routine: Routine) -> tuple[Leaf, ...]:
    """Every store of a routine in order, and every fold with the store that it goes to."""
    tasks = tuple(Index(name, extent) for name, extent in routine.tasks)
    found: list[Leaf] = []
    for place, node in enumerate(routine.body):
        walk = _Walk(place)
        start = _Scope(tuple(i.name for i in tasks), (), box(tasks))
        found += walk.nodes((node,), start)
    return tuple(found)


def leaf_piece(leaf: Leaf, coordinates: Sequence[Int]) -> Piece:
    """The points at which a leaf runs, without the constants that nothing depends on."""
    piece = Piece(leaf.variables, leaf.path, tuple(coordinates), leaf.values)
    for name in reversed(leaf.values):
        using = [row for row in piece.rows if name in row_names(row)]
        if len(using) == 1 and not any(name in c.names() for c in piece.coordinates):
            piece = Piece(tuple(v for v in piece.variables if v != name),
                          tuple(row for row in piece.rows if row not in using),
                          piece.coordinates, tuple(v for v in piece.values if v != name))
    return piece


@dataclass(frozen=True, slots=True)
class _Scope:
    variables: tuple[str, ...]
    values: tuple[str, ...]
    path: tuple[Row, ...]

    def given(self, *rows: Row) -> _Scope:
        return replace(self, path=(*self.path, *rows))

    def over(self, name: str) -> _Scope:
        return replace(self, variables=(*self.variables, name))


@dataclass(slots=True)
class _Walk:
    place: int
    folds: list[tuple[_Scope, Fold]] = field(default_factory=list)

    def nodes(self, nodes: Sequence[Node], scope: _Scope) -> Iterator[Leaf]:
        begun = False
        for node in nodes:
            match node:
                case Loop(name, low, stop, body):
                    variable = Int.of(name)
                    inside = scope.over(name).given(*_at_least(variable, low),
                                                    *_below(variable, stop))
                    yield from self.nodes(body, inside)
                case Let(name, value):
                    scope = replace(scope.over(name).given(Equal(Int.of(name) - value)),
                                    values=(*scope.values, name))
                case When(rows, body):
                    yield from self.nodes(body, scope.given(*rows))
                case Begin():
                    begun = True
                    self.folds.clear()
                case Fold():
                    self.folds.append((scope, node))
                case Store(target, value, add):
                    if value is None:
                        if not begun:
                            raise Undecided(f"{target.tensor}: a total is stored in another "
                                            "block than the one that began it")
                        for inner, fold in self.folds:
                            yield self._leaf(inner, target, fold.value, fold.witness, "fold")
                        begun = False
                        self.folds.clear()
                    yield self._leaf(scope, target, value, None, "add" if add else "set")
                case Refuse():
                    continue

    def _leaf(self, scope: _Scope, target: Access, value: Scalar | None, witness: Int | None,
              kind: Literal["set", "add", "fold"]) -> Leaf:
        return Leaf(self.place, scope.variables, scope.values, scope.path, target, value,
                    witness, kind)


def _at_least(variable: Int, low: Int) -> list[Row]:
    match low.terms:
        case (((Extremum("max", arguments),), 1),):
            return [AtLeast(variable - argument) for argument in arguments]
    return [AtLeast(variable - low)]


def _below(variable: Int, stop: Int) -> list[Row]:
    match stop.terms:
        case (((Extremum("min", arguments),), 1),):
            return [AtLeast(argument - 1 - variable) for argument in arguments]
    return [AtLeast(stop - 1 - variable)]
