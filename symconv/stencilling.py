"""From definitions to stencil plans (`stencil`): windows that are small, read by affine subscripts.

A term is eliminated, its residues and bound variables become numbers, and what is left speaks of
the row, the lane and variables that are set outside. A range of a subscript that a tap can leave
is kept by what stands around the copied rows: the zero of a product whose other factors are
finite, a divisor 1 below it, an infinity that wins no extremum, a place that is nowhere. Where
none of these can stand for a range, there is no plan.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from symconv.contraction import Span, bounds, is_affine
from symconv.integers import Int, evaluate
from symconv.ir import Access, Definition, Row, Tensor, Term
from symconv.names import fresh
from symconv.rewrite import accesses, row_expressions, substitute_row, substitute_scalar
from symconv.stencil import Stencil, Tap
from symconv.stencil_bands import banded, is_far
from symconv.stencil_guards import conditions, values
from symconv.stencil_sheets import Draft, Drafts, arithmetic
from symconv.unknowns import Eliminated

_MOST_TAPS = 64         # points of a window that are unrolled

Eliminate = Callable[[Term], Eliminated]


def paired(first: Definition, second: Definition) -> bool:
    """Whether the second definition is the place of the maximum that the first one is."""
    return (first.reduction in ("max", "min") and second.reduction == f"arg{first.reduction}"
            and (first.ties == "last") == (second.ties == "last") and first.free == second.free
            and [replace(term, witness=None) for term in second.terms] == list(first.terms))


def stencil(definitions: Sequence[Definition], tensors: Mapping[str, Tensor],
            fixed: frozenset[str], used: set[str], eliminate: Eliminate) -> Stencil | None:
    """The plan of one definition, or of a maximum and its place (`paired`); None without one.

    `fixed` are the free indices that are set outside, `used` the names that are taken.
    """
    head = definitions[-1]
    which = head.reduction.removeprefix("arg")
    if (which == "sum") != (head.target.kind == "real" and head.reduction == "sum"):
        return None
    extents = [index.extent.constant for index in head.free]
    if not extents or any(not extent for extent in extents):
        return None
    names = [index.name for index in head.free]
    if names[-1] in fixed:                  # a task has one lane of it
        return None
    axis = len(names) - 2 if len(names) > 1 and names[-2] not in fixed else None
    fold: Literal["sum", "max", "min"] = (
        "sum" if which == "sum" else "max" if which == "max" else "min")
    state = _Windows(head, axis, tensors, fold, fresh("row", used), fresh("lane", used),
                     Drafts(tensors, fold))
    for number, term in enumerate(head.terms):
        if not state.take(term, _apart(term, eliminate), number):
            return None
    return _plan(state, definitions, fixed)


def _apart(term: Term, eliminate: Eliminate) -> Eliminated:
    """A term with its rows that read integers set aside: they become marks of taps, not values
    of variables."""
    reading = [row for row in term.rows if any(e.elements() for e in row_expressions(row))]
    parts = eliminate(replace(term, rows=tuple(row for row in term.rows if row not in reading)))
    return replace(parts, rows=(*parts.rows, *(
        substitute_row(row, parts.values) for row in reading)))


@dataclass(slots=True)
class _Windows:
    """The taps of all cells, term by term. `axis` is the place of the row among the free
    indices."""

    definition: Definition
    axis: int | None
    tensors: Mapping[str, Tensor]
    fold: Literal["sum", "max", "min"]
    row: str
    lane: str
    drafts: Drafts
    steps: tuple[int, int] = (1, 1)
    cells: dict[tuple[int, int], list[Draft]] = field(default_factory=dict)

    def take(self, term: Term, parts: Eliminated, number: int) -> bool:
        """Add the taps of a term; False where it is no window."""
        plain = [v.name for v in parts.inner] == [index.name for index in term.bound]
        if not parts.covers or (self.fold != "sum" and not plain):
            return False
        if not arithmetic(term.body, self.fold):
            return False
        named = {index.name for index in self.definition.free}
        residues = [v for v in parts.outer if v.name not in named and v.extent is not None]
        ranges = [range(v.extent.constant or 0) for v in residues if v.extent is not None]
        seen: set[tuple[int, int]] = set()
        for point in itertools.product(*ranges):
            numbers = {v.name: Int.of(value) for v, value in zip(residues, point, strict=True)}
            place = self._cell(term, parts, numbers, number)
            if place is None or place in seen:
                return False
            seen.add(place)
        return len(seen) == self.steps[0] * self.steps[1] and seen == set(self.cells)

    def _cell(self, term: Term, parts: Eliminated, numbers: dict[str, Int],
              number: int) -> tuple[int, int] | None:
        """Add the taps of one residue class and tell which cell it is."""
        for name, value in parts.lets:
            numbers[name] = value.substitute(numbers)
            if not is_affine(numbers[name]):
                return None
        rows = [substitute_row(row, numbers) for row in parts.rows]
        moved = self._moved(parts, numbers, rows)
        if moved is None:
            return None
        place, steps, spans, canonical = moved
        if (number or self.cells) and steps != self.steps:
            return None
        self.steps = steps
        inner = [v.name for v in parts.inner]
        windows = [values(name, v.extent, rows) for name, v in zip(inner, parts.inner, strict=True)]
        taps = self.cells.setdefault(place, [])
        total = 1
        for window in windows:
            if window is None:
                return None
            total *= len(window)
        if total > _MOST_TAPS:
            return None
        witness = None if term.witness is None else term.witness.substitute(
            parts.values).substitute(numbers)
        for point in itertools.product(*(window for window in windows if window is not None)):
            here = {name: Int.of(value) for name, value in zip(inner, point, strict=True)}

            held = conditions([substitute_row(substitute_row(row, here), canonical)
                               for row in rows], spans)
            if held is None:
                return None
            if not held.holds:
                continue
            body = term.body
            for mapping in (parts.values, numbers, here, canonical):
                body = substitute_scalar(body, mapping)
            spot = None if witness is None else witness.substitute(here).substitute(canonical)
            tap = self.drafts.tap(body, held.guards, held.marks, spans, (self.row, self.lane),
                                  spot)
            if tap is None:
                return None
            taps.append(tap)
        return place

    def _moved(self, parts: Eliminated, numbers: Mapping[str, Int], rows: Sequence[Row],
               ) -> tuple[tuple[int, int], tuple[int, int], dict[str, Span],
                          dict[str, Int]] | None:
        """The cell of a class, the steps of row and lane in the target, the ranges of all
        variables, and row and lane instead of the variables of the class."""
        extents = {v.name: v.extent for v in parts.outer}
        spans: dict[str, Span] = {}
        canonical: dict[str, Int] = {}
        place, steps = [0, 0], [1, 1]
        for number, index in enumerate(self.definition.free):
            value = Int.of(index.name).substitute(parts.values).substitute(numbers)
            extent = index.extent.constant or 0
            turn = (1 if number == len(self.definition.free) - 1
                    else 0 if number == self.axis else None)
            if turn is None:
                if value.name != index.name:
                    return None
                spans[index.name] = Span(index.name, 0, extent)
                continue
            own = next(iter(value.names()), None)
            if own is None or len(value.names()) != 1 or not is_affine(value):
                return None
            step = value.coefficient(own).constant or 0
            span = values(own, extents.get(own), rows)
            if step < 1 or span is None:
                return None
            offset = value.without((own,)).constant or 0
            cell = offset % step
            shift = (offset - cell) // step
            count = -(-(extent - cell) // step)
            if (span.start + shift, span.stop + shift) != (0, count) or not count:
                return None
            name = (self.row, self.lane)[turn]
            place[turn], steps[turn] = cell, step
            spans[name] = Span(name, 0, count)
            canonical[own] = Int.of(name) - shift
        return (place[0], place[1]), (steps[0], steps[1]), spans, canonical


def _plan(state: _Windows, definitions: Sequence[Definition],
          fixed: frozenset[str]) -> Stencil | None:
    """The plan of all taps, where it pays: a window, or cells that share their reads."""
    head, drafts = state.definition, state.drafts
    every = [tap for taps in state.cells.values() for tap in taps]
    if max(map(len, state.cells.values()), default=0) < 2 and len(state.cells) < 2:
        return None
    leads = [index for place, index in enumerate(head.free[:-1]) if place != state.axis]
    wide = {index.name for index in leads if index.extent.constant != 1}
    if any(tap.reads and not any(wide <= draft.names() for _, draft in tap.reads)
           for tap in every):
        return None                 # an element has other factors of its own: tiles share more
    base = every[0].place if every else Int.of(0)
    if any((tap.place - base).constant is None for tap in every):
        return None
    rows = head.free[state.axis].extent.constant if state.axis is not None else 1
    extent = (rows or 1, head.free[-1].extent.constant or 1)
    guarded = any(tap.guarded for tap in every)
    sheets = drafts.sheets(state.steps, extent, guarded)
    if not sheets.every:
        return None                 # no read moves along the lanes
    cells = tuple(tuple(tuple(Tap(tap.body, tuple((access, sheets.find(draft))
                                                  for access, draft in tap.reads),
                                  tuple((sheets.find(draft), value) for draft, value in tap.marks),
                                  (tap.place - base).constant or 0)
                              for tap in state.cells[row, lane])
                        for lane in range(state.steps[1])) for row in range(state.steps[0]))
    scalars = dict.fromkeys(s for tap in every for s in accesses(tap.body)
                            if s not in dict(tap.reads))
    watched = dict.fromkeys(s for tap in every for s in accesses(tap.body)
                            if s in scalars and tap.guarded and not tap.marks)
    if not all(_is_inside(scalar, state.tensors, head) for scalar in scalars):
        return None                 # they are read before a tap is known to be there
    arg = head.reduction.startswith("arg")
    value = definitions[0].target.name if len(definitions) > 1 or not arg else None
    plan = Stencil(
        value, head.target.name if arg else None, state.fold, head.ties,
        tuple(Int.of(index.name) for index in leads), state.axis,
        tuple(Span(index.name, 0, index.extent.constant or 0) for index in leads
              if index.name not in fixed),
        extent, *state.steps, cells, sheets.every, base, state.row, state.lane, tuple(scalars),
        tuple(watched), (arg and guarded) or drafts.doubted, 1, 1)
    return banded(plan, len(every), is_far(plan, state.tensors))


def _is_inside(scalar: Access, tensors: Mapping[str, Tensor], head: Definition) -> bool:
    """Whether a read is one of an element, whatever the values of the free indices."""
    spans = {index.name: Span(index.name, 0, index.extent.constant or 0) for index in head.free}
    for place, extent in zip(scalar.subscripts, tensors[scalar.tensor].logical, strict=True):
        ends = bounds(place, spans)
        if ends is None:
            box = itertools.product(*(range(spans[name].stop) for name in sorted(place.names())))
            found = [evaluate(place, dict(zip(sorted(place.names()), point, strict=True)))
                     for point in box]
            ends = min(found), max(found)
        if ends[0] < 0 or ends[1] >= (extent.constant or 0):
            return False
    return True
