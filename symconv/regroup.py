"""Regrouping of axes: the same stored axis, split into other logical axes.

Where one program writes an axis as a whole and the next reads it in groups (or the reverse, after
a flatten), the index of that axis is split everywhere into one index per group:

    y[n,o] = sum[i](x[n,i] * w[o,i])        with the axis of i read as (c,h) becomes
    y[n,o] = sum[c,h](x[n,(c,h)] * w[o,(c,h)])

This needs the index to stand alone on every axis that it indexes. Where it does not (an axis that
is both grouped and shifted), `copied` gives a statement that copies the elements instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from symconv.integers import Element, Int
from symconv.ir import (
    Access,
    Apply,
    Axis,
    Bracket,
    Definition,
    Equal,
    Index,
    Plus,
    Power,
    Scalar,
    Tensor,
    Term,
    Times,
    Whole,
)
from symconv.names import fresh
from symconv.rewrite import (
    accesses,
    map_row,
    map_scalar,
    row_expressions,
    scalar_children,
    scalar_integers,
)

Spot = tuple[str, int]                  # a tensor and one of its logical axes
Bound = tuple[int, str]                 # the number of a definition and an index in it


def refined(inputs: Sequence[Tensor], definitions: Sequence[Definition], spot: Spot,
            parts: tuple[Int, ...]) -> tuple[list[Tensor], list[Definition]] | None:
    """Inputs and definitions with one logical axis, and all that its index runs over, split.

    None where an index of that axis does not stand alone everywhere.
    """
    walk = _Walk(tuple(definitions), {spot: None})
    if not walk.closed():
        return None
    names = {name for name, _ in walk.spots}
    return ([_split_tensor(tensor, walk.spots, parts) if tensor.name in names else tensor
             for tensor in inputs],
            [_split(number, definition, walk, parts)
             for number, definition in enumerate(definitions)])


def copied(name: str, source: Tensor, axes: tuple[Axis, ...], used: set[str]) -> Definition:
    """name[...] = source[...] with the stored axes split as in `axes`."""
    free: list[Index] = []
    bound: list[Index] = []
    rows: list[Equal] = []
    places: list[Int] = []
    for old, new in zip(source.axes, axes, strict=True):
        own = tuple(Index(fresh("g", used), extent) for extent in new.logical)
        free += own
        if old.logical == new.logical:
            places += [Int.of(index.name) for index in own]
        elif len(old.logical) == 1:
            places.append(_flat(own))
        else:
            inner = tuple(Index(fresh("g", used), extent) for extent in old.logical)
            bound += inner
            places += [Int.of(index.name) for index in inner]
            rows.append(Equal(_flat(own) - _flat(inner)))
    term = Term(tuple(bound), tuple(rows), Access(source.name, tuple(places)))
    return Definition(Tensor(name, axes, source.kind), tuple(free), (term,))


def _flat(indices: Sequence[Index]) -> Int:
    number = Int.of(0)
    for index in indices:
        number = number * index.extent + Int.of(index.name)
    return number


@dataclass(slots=True)
class _Walk:
    """Which logical axes and which indices have to be split together."""

    definitions: tuple[Definition, ...]
    spots: dict[Spot, None]
    bound: dict[Bound, None] = field(default_factory=dict)

    def closed(self) -> bool:
        """Follow axes to indices and back until nothing is added; False where that fails."""
        before = -1
        while before != len(self.spots) + len(self.bound):
            before = len(self.spots) + len(self.bound)
            for number, definition in enumerate(self.definitions):
                if not self._visit(number, definition):
                    return False
        return True

    def _visit(self, number: int, definition: Definition) -> bool:
        target = tuple(Int.of(index.name) for index in definition.free)
        reads = [(definition.target.name, target), *_reads(definition)]
        for name, subscripts in reads:
            for place, subscript in enumerate(subscripts):
                known = (name, place) in self.spots
                if known and subscript.name is None:
                    return False
                if subscript.name is not None and (
                        known or (number, subscript.name) in self.bound):
                    self.spots[name, place] = None
                    self.bound[number, subscript.name] = None
        split = {name for where, name in self.bound if where == number}
        return not any(split & expression.names() for expression in _others(definition))


def _reads(definition: Definition) -> Iterator[tuple[str, tuple[Int, ...]]]:
    """Every access of the bodies, and every read of an integer tensor."""
    for term in definition.terms:
        for access in accesses(term.body):
            yield access.tensor, access.subscripts
        integers = [*scalar_integers(term.body),
                    *(e for row in term.rows for e in row_expressions(row)),
                    *((term.witness,) if term.witness is not None else ())]
        for expression in integers:
            for element in expression.elements():
                yield element.tensor, element.subscripts


def _others(definition: Definition) -> Iterator[Int]:
    """What an index that is split must not occur in: compound subscripts, rows, witnesses."""
    for _, subscripts in _reads(definition):
        yield from (subscript for subscript in subscripts if subscript.name is None)
    for term in definition.terms:
        yield from (_outside(e) for row in term.rows for e in row_expressions(row))
        yield from (_outside(e) for e in _counts(term.body))
        if term.witness is not None:
            yield _outside(term.witness)


def _outside(expression: Int) -> Int:
    """The expression without the names that stand only inside reads of integer tensors."""
    return expression.rebuild(lambda atom: Int.of(0) if isinstance(atom, Element)
                              else Int.atom(atom))


def _counts(body: Scalar) -> Iterator[Int]:
    """The integer expressions of a body that are no subscripts."""
    match body:
        case Whole(value):
            yield value
        case Bracket(rows):
            yield from (e for row in rows for e in row_expressions(row))
        case Plus() | Times() | Power() | Apply():
            for child in scalar_children(body):
                yield from _counts(child)


def _split(number: int, definition: Definition, walk: _Walk,
           parts: tuple[Int, ...]) -> Definition:
    names = [name for where, name in walk.bound if where == number]
    if not names:
        return definition
    used = {index.name for index in definition.free} | {
        index.name for term in definition.terms for index in term.bound}
    pieces = {name: tuple(Index(fresh(f"{name}{place}", used), extent)
                          for place, extent in enumerate(parts, 1)) for name in names}

    def indices(old: Sequence[Index]) -> tuple[Index, ...]:
        return tuple(piece for index in old for piece in pieces.get(index.name, (index,)))

    def subscripts(name: str, old: Sequence[Int]) -> tuple[Int, ...]:
        return tuple(new for place, subscript in enumerate(old) for new in (
            tuple(Int.of(piece.name) for piece in pieces[str(subscript.name)])
            if (name, place) in walk.spots else (integer(subscript),)))

    def integer(expression: Int) -> Int:
        if not expression.elements():
            return expression
        return expression.rebuild(lambda atom: Int.atom(
            Element(atom.tensor, subscripts(atom.tensor, atom.subscripts))
            if isinstance(atom, Element) else atom))

    def leaf(body: Scalar) -> Scalar | None:
        match body:
            case Access(tensor, old):
                return Access(tensor, subscripts(tensor, old))
            case Whole(value):
                return Whole(integer(value))
            case Bracket(rows):
                return Bracket(tuple(map_row(row, integer) for row in rows))
        return None

    return replace(
        definition, target=_split_tensor(definition.target, walk.spots, parts),
        free=indices(definition.free), terms=tuple(
            Term(indices(term.bound), tuple(map_row(row, integer) for row in term.rows),
                 map_scalar(term.body, leaf),
                 None if term.witness is None else integer(term.witness))
            for term in definition.terms))


def _split_tensor(tensor: Tensor, spots: dict[Spot, None], parts: tuple[Int, ...]) -> Tensor:
    axes: list[Axis] = []
    place = 0
    for axis in tensor.axes:
        logical: list[Int] = []
        for extent in axis.logical:
            logical += parts if (tensor.name, place) in spots else (extent,)
            place += 1
        axes.append(Axis(axis.stored, tuple(logical)))
    return replace(tensor, axes=tuple(axes))
