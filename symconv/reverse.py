"""The backward walk: adjoint definitions of a program, every delta still written out.

The adjoint of a tensor is one definition; each read of the tensor adds one term to it. For

    h[F] = sum over (B, rows) of body          with   body reading x[f]

the cotangent dh of h reaches x by

    dx[q] += sum over (F, B, rows, [q = f]) of dh[F] * d body / d x[f]

and a Jacobian is the same walk started from [F = r] instead of dh[F], with the row indices r
carried along as leading axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from symconv.calculus import derivative
from symconv.integers import Int
from symconv.ir import (
    Access,
    Axis,
    Definition,
    Equal,
    Index,
    Number,
    Program,
    Scalar,
    Tensor,
    Term,
)
from symconv.names import fresh, fresh_letter, global_names, names_of
from symconv.rewrite import accesses
from symconv.tidy import times


@dataclass(frozen=True, slots=True)
class Adjoints:
    """The walk's result: all definitions, the names of the gradients in the order of `wrt`, and
    for each adjoint the index names that a reader would expect."""

    definitions: tuple[Definition, ...]
    gradients: tuple[str, ...]
    wishes: Mapping[str, tuple[str, ...]]


def backward(program: Program, wrt: tuple[str, ...], seeds: Mapping[str, str],
             gradients: Mapping[str, str]) -> Adjoints:
    """Adjoints for cotangents `seeds` (output -> name); operand -> gradient name in `gradients`."""
    walk = _Walk(program, _active(program, wrt), dict(seeds), names_of(program) | {*seeds.values()})
    return walk.run(wrt, gradients)


def backward_rows(program: Program, wrt: str, output: str, name: str) -> Adjoints:
    """The Jacobian of one output, as the adjoint `name` with the output's axes in front."""
    head = program.definition(output)
    used = names_of(program)
    rows = tuple(Index(fresh(index.name, used), index.extent) for index in head.free)
    walk = _Walk(program, _active(program, (wrt,)), {output: None}, used, rows,
                 head.target.axes, tuple(index.name for index in head.free))
    return walk.run((wrt,), {wrt: name})


@dataclass(slots=True)
class _Walk:
    """`rows`, `row_axes` and `row_wishes` are the leading axes of a Jacobian, else empty; the
    seed of an output is None there, for [F = rows]."""

    program: Program
    active: frozenset[str]
    seeds: dict[str, str | None]
    used: set[str]
    rows: tuple[Index, ...] = ()
    row_axes: tuple[Axis, ...] = ()
    row_wishes: tuple[str, ...] = ()
    reached: dict[str, list[Term]] = field(default_factory=dict)
    places: dict[str, tuple[Index, ...]] = field(default_factory=dict)
    wishes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made: list[Definition] = field(default_factory=list)

    def run(self, wrt: tuple[str, ...], gradients: Mapping[str, str]) -> Adjoints:
        for definition in reversed(self.program.definitions):
            name = definition.target.name
            if name in self.active and name in self.reached:
                total = fresh(f"d{name}", self.used)
                self._define(definition.target, total)
                self._spread(definition, total)
            elif name in self.active and name in self.seeds:
                self._spread(definition, self.seeds[name])
        results = []
        for name in wrt:
            results.append(fresh(gradients[name], self.used))
            self._define(self.program.tensor(name), results[-1])
        return Adjoints(self.program.definitions + tuple(self.made), tuple(results), self.wishes)

    def _spread(self, definition: Definition, upstream: str | None) -> None:
        """Carry the cotangent of a definition to everything that it reads."""
        deltas, factor = self._cotangent(definition.free, upstream)
        for term in definition.terms:
            for access in accesses(term.body):
                slope = derivative(term.body, access) if access.tensor in self.active else None
                if slope is None:
                    continue
                rows = tuple(Equal(Int.of(place.name) - subscript) for place, subscript
                             in zip(self._places(access), access.subscripts, strict=True))
                self.reached.setdefault(access.tensor, []).append(Term(
                    definition.free + term.bound, term.rows + deltas + rows,
                    times(factor, slope)))

    def _cotangent(self, free: tuple[Index, ...],
                   upstream: str | None) -> tuple[tuple[Equal, ...], Scalar]:
        if upstream is None:
            return tuple(Equal(Int.of(row.name) - Int.of(index.name))
                         for row, index in zip(self.rows, free, strict=True)), Number(Fraction(1))
        return (), Access(upstream, tuple(Int.of(i.name) for i in (*self.rows, *free)))

    def _define(self, tensor: Tensor, name: str) -> None:
        """The adjoint of a tensor: its own seed, if it is an output, plus all that reached it."""
        if tensor.name not in self.places:
            self._places(Access(tensor.name, tuple(Int.of(0) for _ in tensor.logical)))
        free = self.rows + self.places[tensor.name]
        terms = self.reached.get(tensor.name, [])
        if tensor.name in self.seeds:
            deltas, factor = self._cotangent(self.places[tensor.name], self.seeds[tensor.name])
            terms = [Term((), deltas, factor), *terms]
        self.made.append(Definition(Tensor(name, self.row_axes + tensor.axes), free, tuple(terms)))
        self.wishes[name] = self.row_wishes + self.wishes[tensor.name]

    def _places(self, access: Access) -> tuple[Index, ...]:
        """The adjoint's free indices; they would like the names at which x is read first."""
        if access.tensor not in self.places:
            extents = self.program.tensor(access.tensor).logical
            wishes: list[str] = []
            letters = global_names(self.program) | {subscript.name or ""
                                                    for subscript in access.subscripts}
            for subscript in access.subscripts:
                plain = subscript.name
                wishes.append(plain if plain is not None and plain not in wishes
                              else fresh_letter(letters))
            self.wishes[access.tensor] = tuple(wishes)
            self.places[access.tensor] = tuple(
                Index(fresh(wish, self.used), extent)
                for wish, extent in zip(wishes, extents, strict=True))
        return self.places[access.tensor]


def _active(program: Program, wrt: tuple[str, ...]) -> frozenset[str]:
    """The tensors through which a derivative with respect to `wrt` flows."""
    active = set(wrt)
    for definition in program.definitions:
        if not definition.frozen and definition.target.kind == "real" and any(
                access.tensor in active for term in definition.terms
                for access in accesses(term.body)):
            active.add(definition.target.name)
    return frozenset(active)

