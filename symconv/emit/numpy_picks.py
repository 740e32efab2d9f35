"""Terms in which a place of a maximum picks one point of a window, without a loop over its taps.

    dx[2*i + a, 2*j + e] += dy[i,j]   where 3*a + e = y_at[i,j]

adds every element of dy once, at a distance from the window's corner that depends on y_at alone:

    places = (a*W + e).take(y_at) + 2*i*W + 2*j          (a, e: all taps, in their order)
    np.add.at(dx.reshape(-1), places.reshape(-1), dy.reshape(-1))

and ty[i,j] = tx[2*i + a, 2*j + e] is tx.take(places). The place is one of the window's points, so
that what the rows of the maximum say holds there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symconv.emit.numpy_frame import Scope, allocation
from symconv.emit.numpy_integers import ATOM, SUM, Code, plain
from symconv.emit.numpy_scalars import scalar, split
from symconv.emit.numpy_views import SliceReader, align
from symconv.integers import Element, Int
from symconv.ir import Access, AtLeast, Definition, Equal, Index, Program, Row, Scalar, Tensor, Term
from symconv.names import fresh
from symconv.ranges import Facts
from symconv.relation import ranges, solution
from symconv.rewrite import (
    accesses,
    scalar_names,
    substitute_row,
    substitute_scalar,
)
from symconv.selectors import place
from symconv.slicing import Span


@dataclass(frozen=True, slots=True)
class Pick:
    """target[...] += body at all points of `grid`, the taps being those of number `at`[grid]."""

    at: str
    grid: tuple[Index, ...]
    taps: tuple[Index, ...]
    target: tuple[Int, ...]
    body: Scalar


def write_pick(definition: Definition, term: Term, program: Program, scope: Scope,
               first: bool) -> list[str] | None:
    """target += body, or target = body with `first`; None where no place of a maximum picks."""
    if definition.reduction != "sum" or definition.target.kind != "real":
        return None
    for row in term.rows:
        pick = _picked(definition, term, row, program)
        if pick is not None:
            used = {*scope.names, *(index.name for index in (*pick.grid, *pick.taps))}
            return _Writer(definition, pick, scope, used).written(first)
    return None


def _picked(definition: Definition, term: Term, row: Row, program: Program) -> Pick | None:
    """The term with `row` as what picks."""
    if not isinstance(row, Equal) or len(row.expression.elements()) != 1:
        return None
    (element,) = row.expression.elements()
    chooser = next((d for d in program.definitions if d.target.name == element.tensor), None)
    if chooser is None or not chooser.reduction.startswith("arg"):
        return None
    (window,) = chooser.terms
    taps = tuple(index for index in term.bound if index.name in row.expression.names()
                 and index.name not in {name for sub in element.subscripts for name in sub.names()})
    number = place(taps) - Int.atom(element)
    if row.expression not in (number, -number) or window.witness != place(window.bound) or [
            index.extent for index in taps] != [index.extent for index in window.bound]:
        return None
    indices = (*definition.free, *term.bound)
    grid = tuple(index for sub in element.subscripts for index in indices
                 if index.name == sub.name and index not in taps)
    if [index.extent for index in grid] != list(chooser.target.logical) or len(
            {index.name for index in grid}) != len(element.subscripts):
        return None
    known = {index.name: value for index, value in zip(chooser.free, element.subscripts,
                                                       strict=True)}
    known |= {one.name: Int.of(two.name) for one, two in zip(window.bound, taps, strict=True)}
    found = _solved(definition, term, row, {index.name for index in (*grid, *taps)})
    facts = Facts({size.name: size.value for size in program.sizes if size.value is not None})
    given = [substitute_row(one, known) for one in window.rows]
    if found is None or not all(_holds(one, given, facts, ranges(grid, taps))
                                for one in found[0]):
        return None
    pick = Pick(element.tensor, grid, taps, *found[1:])
    return pick if grid and _is_possible(pick) else None


def _solved(definition: Definition, term: Term, chosen: Row,
            kept: set[str]) -> tuple[list[Row], tuple[Int, ...], Scalar] | None:
    """Rows, target and body with the kept indices alone: the rows give all others."""
    rows = [row for row in term.rows if row is not chosen]
    others = {index.name: index.extent for index in (*definition.free, *term.bound)
              if index.name not in kept}
    target, body = [Int.of(index.name) for index in definition.free], term.body
    while others:
        for row in rows:
            values = {name: value for name in others
                      if isinstance(row, Equal) and (value := solution(row, name)) is not None}
            if values:
                break
        else:
            return None
        name, value = next(iter(values.items()))
        extent = others.pop(name)
        rows = [AtLeast(value), AtLeast(extent - 1 - value),
                *(substitute_row(one, {name: value}) for one in rows if one is not row)]
        target = [subscript.substitute({name: value}) for subscript in target]
        body = substitute_scalar(body, {name: value})
    return rows, tuple(target), body


def _holds(row: Row, given: Sequence[Row], facts: Facts, box: Mapping[str, Int]) -> bool:
    """Whether a row holds where the given ones do."""
    return row in given or (isinstance(row, AtLeast) and facts.holds(row.expression, box, given))


def _is_possible(pick: Pick) -> bool:
    """Whether taps move whole reads, or all of the target, and each subscript adds what the taps
    and what the grid give; a target that they do not move has an axis for each index."""
    taps, grid = ({index.name for index in group} for group in (pick.taps, pick.grid))
    moved = [pick.target] if _names(pick.target) & taps else []
    if not moved and ({sub.name for sub in pick.target} != grid or len(pick.target) != len(grid)):
        return False
    _, over, under = split((pick.body,))
    for factor in (*over, *under):
        if scalar_names(factor) & taps:
            if not isinstance(factor, Access):
                return False
            moved.append(factor.subscripts)
        elif any(sub.elements() or (sub.constant is None and sub.name not in grid)
                 for access in accesses(factor) for sub in access.subscripts):
            return False
    return bool(moved) and all(
        taps <= _names(subscripts) and all(isinstance(atom, str) for atom in monomial)
        and len((taps | grid).intersection(monomial)) <= 1
        for subscripts in moved for subscript in subscripts for monomial, _ in subscript.terms)


def _names(subscripts: Sequence[Int]) -> frozenset[str]:
    return frozenset[str]().union(*(subscript.names() for subscript in subscripts))


@dataclass(slots=True)
class _Writer:
    """The statements of a pick. `lines` are those that stand before its value."""

    definition: Definition
    pick: Pick
    scope: Scope
    used: set[str]
    lines: list[str] = field(default_factory=list)
    places: dict[tuple[str, str], str] = field(default_factory=dict)

    def written(self, first: bool) -> list[str]:
        pick, target = self.pick, self.definition.target
        order = tuple(index.name for index in pick.grid)
        spans = {index.name: Span(index.name, index.extent, Int.of(0), index.extent)
                 for index in pick.grid}
        dtype = self.scope.type_of(self.definition)
        plain_reader = SliceReader(self.scope.tensors, spans, order, dtype, self.scope.helpers,
                                   order)
        self.lines += [_indices(pick.grid), _indices(pick.taps)]
        value = scalar(pick.body, _Reader(plain_reader, self))
        if not self.moves(pick.target):
            text = align(value, order, [str(sub.name) for sub in pick.target])
            return [*self.lines, f"{target.name} {'' if first else '+'}= {text}"]
        places = self.place(pick.target, target)
        text = value.at(ATOM)
        if not {*order} <= scalar_names(pick.body):
            text = f"np.broadcast_to({value.text}, {pick.at}.shape)"
        into = target.name if first else self.name("part")
        self.lines += [f"{into} = {allocation(target, dtype)}",
                       f"np.add.at({into}.reshape(-1), {places}.reshape(-1), {text}.reshape(-1))"]
        return [*self.lines, *([] if first else [f"{target.name} += {into}"])]

    def name(self, stem: str) -> str:
        return fresh(stem, self.used)

    def moves(self, subscripts: Sequence[Int]) -> bool:
        """Whether the taps move an access."""
        return bool(_names(subscripts) & {tap.name for tap in self.pick.taps})

    def place(self, subscripts: Sequence[Int], tensor: Tensor) -> str:
        """A name for the places of an access in the array as one axis."""
        taps, grid = ([index.name for index in group] for group in (self.pick.taps, self.pick.grid))
        inside = _row_major([sub - sub.without(taps) for sub in subscripts], tensor, taps)
        corner = _row_major([sub.without(taps) for sub in subscripts], tensor, grid)
        key = (inside.text, corner.text)
        if key not in self.places:
            self.places[key] = self.name("places")
            self.lines.append(f"{self.places[key]} = {inside.at(ATOM)}.take({self.pick.at})"
                              f" + ({corner.text})")
        return self.places[key]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Leaves over the grid; what the taps move is taken from its places."""

    grid: SliceReader
    writer: _Writer

    @property
    def dtype(self) -> str:
        return self.grid.dtype

    @property
    def first(self) -> Sequence[str]:
        return self.grid.first

    @property
    def helpers(self) -> set[str]:
        return self.grid.helpers

    def varies(self, expression: Int) -> bool:
        return self.grid.varies(expression)

    def index(self, name: str) -> str:
        return self.grid.index(name)

    def element(self, element: Element) -> str:
        return self.grid.element(element)

    def access(self, access: Access) -> str:
        if not self.writer.moves(access.subscripts):
            return self.grid.access(access)
        tensor = self.grid.tensors[access.tensor]
        return f"{tensor.name}.take({self.writer.place(access.subscripts, tensor)})"


def _indices(indices: Sequence[Index]) -> str:
    """Every index as an array along an axis of its own."""
    if len(indices) == 1:
        return f"{indices[0].name} = np.arange({plain(indices[0].extent)})"
    ends = ", ".join(f":{plain(index.extent)}" for index in indices)
    return f"{', '.join(index.name for index in indices)} = np.ogrid[{ends}]"


def _row_major(subscripts: Sequence[Int], tensor: Tensor, first: Sequence[str]) -> Code:
    """The place of an element in an array as one axis."""
    code = Code("0")
    for subscript, extent in zip(subscripts, tensor.logical, strict=True):
        shown = plain(subscript, first)
        if code.text == "0":
            code = Code(shown, ATOM if subscript.name else SUM)
            continue
        factor = plain(extent) if extent.name or extent.constant else f"({plain(extent)})"
        code = Code(f"{code.at(ATOM)}*{factor}", SUM)
        if subscript:
            code = Code(f"{code.text} + {shown}".replace("+ -", "- "), SUM)
    return code
