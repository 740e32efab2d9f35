"""Stencil plans for the gradient of a window: each tap is an element, summed over rows and lanes.

    dw[g,a,e] = sum over (n,i,j) of dy[n,g,i,j] * x[n,g, s*i+a, s*j+e]

The free indices that shift a subscript which a summed index moves are those of the window; the
last summed index is the lane, the one before it the row, the others are turns. A tap has as many
partial sums as a vector has lanes, and they are added at the end, half to half. Rows end in lanes
of zeros where they are no whole (or half) vectors.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from symconv.contracting import factors
from symconv.contraction import Span
from symconv.integers import Int
from symconv.ir import Access, Definition, Index, Tensor
from symconv.rewrite import accesses, substitute_row, substitute_scalar
from symconv.stencil import ALIGNED, Sheet, Stencil, Tap
from symconv.stencil_bands import banded, is_far
from symconv.stencil_guards import conditions
from symconv.stencil_sheets import Draft, Drafts
from symconv.stencilling import Eliminate

_MOST_TAPS = 49
_LEAST_LANES = 8        # with fewer of them the sums of the taps are most of the work
_AT_ONCE = 8            # vectors of lanes whose products a tap adds up before they are kept


def sums(definition: Definition, tensors: Mapping[str, Tensor], fixed: frozenset[str],
         eliminate: Eliminate, vectors: bool = True) -> Stencil | None:
    """The plan of a sum of products of two reads that a window shifts; None without one. With
    `vectors` rows are filled up to whole ones."""
    if definition.reduction != "sum" or definition.target.kind != "real" or (
            len(definition.terms) != 1):
        return None
    (term,) = definition.terms
    split = factors(term.body)
    parts = eliminate(term)
    names = [index.name for index in term.bound]
    indices = (*definition.free, *term.bound)
    if split is None or not parts.covers or parts.lets or parts.values or len(names) < 1 or (
            any(not index.extent.constant for index in indices)):
        return None
    if not all(access.subscripts for access in split[1:]):
        return None
    spans = {i.name: Span(i.name, 0, i.extent.constant or 0) for i in indices}
    roles = _roles(definition, split[1:], fixed)
    if roles is None:
        return None
    moving, window, leads = roles
    if vectors and spans[moving[1]].extent < _LEAST_LANES:
        return None
    if not 2 <= math.prod(spans[name].extent for name in window) <= _MOST_TAPS:
        return None
    drafts = Drafts(tensors, "sum")
    taps: list[Draft] = []
    targets: list[tuple[Int, ...]] = []
    for point in itertools.product(*(range(spans[name].extent) for name in window)):
        here = {name: Int.of(value) for name, value in zip(window, point, strict=True)}
        found = conditions([substitute_row(row, here) for row in parts.rows], spans)
        if found is None or not found.holds:
            return None
        tap = drafts.tap(substitute_scalar(term.body, here), found.guards, found.marks, spans,
                         moving, None)
        if tap is None or len(tap.reads) != len(accesses(tap.body)):
            return None
        taps.append(tap)
        targets.append(tuple(Int.of(index.name).substitute(here) for index in definition.free))
    rows, columns = spans[moving[0]].extent if moving[0] else 1, spans[moving[1]].extent
    strips = min(-(-columns // ALIGNED), max(1, _AT_ONCE // rows))
    whole = ALIGNED * strips if vectors and columns % (ALIGNED // 2) else 1
    over = (rows, -(-columns // whole) * whole)
    guarded = any(tap.guarded for tap in taps) or over[1] > columns
    sheets = drafts.sheets((1, 1), over, guarded)
    cells = tuple((Tap(tap.body, tuple((access, sheets.find(read)) for access, read in tap.reads)),)
                  for tap in taps)
    plan = Stencil(
        definition.target.name, None, "sum", "first", (), None,
        tuple(Span(index.name, 0, index.extent.constant or 0) for index in leads
              if index.name not in fixed),
        over, 1, 1, (cells,), sheets.every, Int.of(0), *moving, (), (), guarded, 1, 1,
        tuple(targets), tuple(spans[name] for name in names if name not in moving), strips)
    made = banded(plan, len(taps), is_far(plan, tensors)) if vectors else plan
    if not vectors or made is None or _is_in_one_piece(made.sheets) or made.rows % made.block == 0:
        return made
    return replace(made, missing=True)      # rows that are not there meet what may be infinite


def _roles(definition: Definition, reads: Sequence[Access], fixed: frozenset[str],
           ) -> tuple[tuple[str, str], list[str], list[Index]] | None:
    """The row ("" if there is none) and the lane, the indices of the window, and the other free
    ones; None where two reads have no lane in common, or are multiplied all with all."""
    one, two = reads
    bound = {index.name for index in definition.terms[0].bound}
    lane = one.subscripts[-1].names() & two.subscripts[-1].names() & bound
    high = bound if min(len(one.subscripts), len(two.subscripts)) < 2 else (
        one.subscripts[-2].names() & two.subscripts[-2].names() & bound)
    if len(lane) != 1:
        return None
    moving = (min(high - lane, default=""), min(lane))
    shifted = {name for access in reads for place in access.subscripts
               if place.names() & set(moving) for name in place.names()} - {*moving, *fixed}
    window = [index.name for index in definition.free if index.name in shifted]
    if len(shifted) > len(window):
        return None
    leads = [index for index in definition.free if index.name not in window]
    both = [{name for place in access.subscripts for name in place.names()} for access in reads]
    if any(index.extent.constant != 1 and index.name not in both[0] & both[1] for index in leads):
        return None                 # tiles share more reads
    return moving, window, leads


def _is_in_one_piece(sheets: tuple[Sheet, ...]) -> bool:
    return all(sheet.direct for sheet in sheets)
