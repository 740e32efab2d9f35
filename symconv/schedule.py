"""Schedules: which way of computing a definition suits its relation and shape.

* reference   loops with exact bounds (`lower`): any relation, any size.
* tiles       blocks of sums in vector registers (`tiles`): sums with products of two affine
              reads among their terms, for fixed shapes.
* stencils    whole rows at once (`stencil`): small windows over one plane of an operand, and
              the gradients of such windows.
* winograd    fewer products by interpolation (`winograd`): windows that slide (`sliding`).

A schedule sees relations alone. A forward pass, its gradients (a strided one class by class)
and a definition that somebody typed a minute ago are all treated alike. Of all plans for a
contraction the cheapest one is taken, by a model of the time that each one takes (`effort`),
unless a `choice` names another one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from symconv.choice import Choice, plan_taken
from symconv.contracting import contractions
from symconv.contraction import Contraction, Span
from symconv.fusing import fused
from symconv.integers import Int
from symconv.ir import Access, Definition, Program, Scalar, Tensor, Term
from symconv.loops import Joined, Node, Tiled
from symconv.merging import merged
from symconv.names import fresh
from symconv.offers import Offer, tile_offers
from symconv.rewrite import scalar_names
from symconv.tiles import Tiles, tiles_text
from symconv.unknowns import Eliminated
from symconv.weaving import share

SCHEDULES = ("auto", "reference", "winograd")
"""What a caller may ask for: "auto" takes the fastest known, "reference" the plain loops,
"winograd" transforms wherever there are windows that slide (`winograd`), in any precision."""

_MOST = 2**31 - 1       # elements: tables hold positions as 32-bit integers
_ALIKE = 1.1            # of the time of the fastest plans: what weaving and even tasks are worth
_SLOWEST = 4.0          # units per multiply-add: slower plans are no better than plain loops

Eliminate = Callable[[Term], Eliminated]
Point = Callable[[Definition], tuple[Node, ...]]


def tiled(definition: Definition, program: Program, fixed: frozenset[str], dropped: int,
          used: set[str], eliminate: Eliminate, point: Point, alone: bool,
          choice: Choice | None = None) -> Tiled | None:
    """A definition in tiles; None where the reference schedule is the only one.

    A definition that is `alone` in its routine makes its own tasks. `fixed` are free indices that
    are set outside; intermediates of the program have lost their
    first `dropped` axes. `eliminate` solves a term of the definition, `point` lowers a
    definition for one element of its target.
    """
    if definition.reduction != "sum" or definition.target.kind != "real":
        return None
    tensors = {t.name: t for t in (*program.inputs, *(d.target for d in program.definitions))}
    strides = {name: _strides(tensor, 0 if tensor in program.inputs or name in program.outputs
                              else dropped) for name, tensor in tensors.items()}
    if any(stride is None for stride in strides.values()):
        return None
    known = {name: stride for name, stride in strides.items() if stride is not None}
    names = (fresh("band", used), fresh("group", used), fresh("row", used))
    chosen: list[list[Tiles]] = []
    empty: list[Contraction] = []
    others: list[Term] = []
    number = 0
    every = [contractions(definition.free, term, eliminate(term), tensors)
             for term in definition.terms]
    every = _merged(every, fixed, used)
    every = _fused(every, known, known[definition.target.name], fixed, used)
    for term, found in zip(definition.terms, every, strict=True):
        classes = [c for c in found or () if not c.is_empty]
        offered = [_offered(c, known, known[definition.target.name], names, fixed, used)
                   for c in classes]
        made = _together(offered, _SLOWEST * sum(_points(c, fixed) for c in classes))
        if choice is not None and all(offered):
            made = _taken(choice, definition.target.name, number, offered, made)
            number += len(offered)
        if found is None or not made:
            others.append(term)
            continue
        if not chosen:
            empty = [c for c in found if c.is_empty]
        chosen.append(made)
    if not chosen:
        return None
    initial, others = _initial(definition, others, chosen[0], fixed)
    start = point(replace(definition, terms=tuple(others))) if others else ()
    guarded = any(plan.guarded for term in chosen for plan in term)
    repair = point(definition) if guarded else ()
    target = Access(definition.target.name,
                    tuple(Int.of(index.name) for index in definition.free))
    split = alone and _agree(chosen)
    joined = _joined(chosen, used) if split else None
    if not split:               # a block of rows is done in one task
        chosen = [[replace(plan, grain=plan.group, strip=0) for plan in term] for term in chosen]
    return Tiled(target, definition.free, tuple(tuple(term) for term in chosen), tuple(empty),
                 names, initial, start, repair,
                 frozenset(span.name for span in _shared(chosen, empty)) if alone else fixed,
                 split, joined)


def tasks(node: Tiled) -> tuple[tuple[str, Int], ...]:
    """The tasks of a routine that consists of one tiled definition."""
    every = [plan for term in node.plans for plan in term]
    found = [(span.name, Int.of(span.extent)) for span in _shared([every], node.empty)]
    if node.split:
        bands, groups = (max(plan.bands for plan in every), max(plan.shares for plan in every))
        found += [(name, Int.of(count)) for name, count in zip(node.names, (bands, groups),
                                                               strict=False) if count > 1]
    return tuple(found)


def _merged(every: Sequence[tuple[Contraction, ...] | None], fixed: frozenset[str],
            used: set[str]) -> list[tuple[Contraction, ...] | None]:
    """The contractions of all terms with fewer classes, if they still have the same targets."""
    @cache                      # the same name in all terms
    def name(axis: int, level: int) -> str:
        return fresh("residue", used)

    found = [None if classes is None else merged(classes, fixed, name) for classes in every]
    return found if _alike(found) else list(every)


def _alike(every: Sequence[tuple[Contraction, ...] | None]) -> bool:
    """Whether the contractions of all terms have the same targets."""
    targets = [{c.target for c in classes} for classes in every if classes]
    return all(one == targets[0] for one in targets)


def _fused(every: Sequence[tuple[Contraction, ...] | None], strides: Mapping[str, Sequence[int]],
           target: Sequence[int], fixed: frozenset[str], used: set[str],
           ) -> list[tuple[Contraction, ...] | None]:
    """The contractions of all terms with fewer variables, if they still have the same targets."""
    @cache
    def name(slow: str, fast: str) -> str:
        return fresh(f"{slow}{fast}", used)

    found = [None if classes is None else tuple(
        c if c.is_empty else fused(c, strides, target, fixed, name) for c in classes)
        for classes in every]
    return found if _alike(found) else list(every)


def _offered(contraction: Contraction, strides: Mapping[str, tuple[int, ...]],
             target: tuple[int, ...], names: tuple[str, str, str], fixed: frozenset[str],
             used: set[str]) -> list[Offer[Tiles]]:
    """Every plan for a contraction with its time, the cheapest first."""
    taken = set(used)
    numbers = {span.name: fresh("part", taken) for span in contraction.inner}
    return tile_offers(contraction, strides, target, names, fixed, numbers)


def _together(found: Sequence[Sequence[Offer[Tiles]]], slowest: float) -> list[Tiles]:
    """One plan for each class of a term; none where a class has no plan, or where all of them
    take longer than `slowest`.

    Classes of which a task has like shares may be woven into each other, and fill its time
    alike: such plans are taken unless others are much faster.
    """
    if not found or not all(found):
        return []
    best = [offers[0] for offers in found]
    if _time(best) > slowest:
        return []
    alike = [_first_by_share(offers) for offers in found]
    joint = min(([one[key] for one in alike] for key in alike[0]
                 if all(key in one for one in alike)), key=_time, default=best)
    return [offer.plan for offer in (joint if _time(joint) < _ALIKE * _time(best) else best)]


def _time(offers: Sequence[Offer[Tiles]]) -> float:
    return sum(offer.time for offer in offers)


def _first_by_share(offers: Sequence[Offer[Tiles]]) -> dict[object, Offer[Tiles]]:
    """The fastest plan for each share that a task may have."""
    found: dict[object, Offer[Tiles]] = {}
    for offer in offers:
        found.setdefault(share(offer.bare), offer)
    return found


def _points(contraction: Contraction, fixed: frozenset[str]) -> int:
    return math.prod(span.extent for span in (*contraction.outer, *contraction.inner)
                     if span.name not in fixed)


def _taken(choice: Choice, target: str, number: int,
           offered: Sequence[Sequence[Offer[Tiles]]], usual: list[Tiles]) -> list[Tiles]:
    """The plan for each contraction of a term that a choice takes; none where it takes none for
    one of them. Their numbers begin at `number`."""
    made = [plan_taken(choice, target, "tiles", number + place,
                       [(offer.time, offer.plan) for offer in found], tiles_text,
                       usual[place] if usual else None) for place, found in enumerate(offered)]
    taken = [plan for plan in made if plan is not None]
    return taken if len(taken) == len(offered) else []


def _strides(tensor: Tensor, dropped: int) -> tuple[int, ...] | None:
    """Elements between neighbours along each logical axis; 0 along dropped ones."""
    made: list[int] = []
    stride = 1
    for extent in reversed(tensor.logical[dropped:]):
        if extent.constant is None:
            return None
        made.insert(0, stride)
        stride *= extent.constant
    if stride > _MOST:
        return None
    return (*(0 for _ in tensor.logical[:dropped]), *made)


def _initial(definition: Definition, others: Sequence[Term], first: Sequence[Tiles],
             fixed: frozenset[str]) -> tuple[Scalar | None, list[Term]]:
    """A term that is the same for all lanes, to start the sums with, and the remaining terms."""
    for term in others:
        if term.bound or term.rows:
            continue
        names = scalar_names(term.body)
        if all(names <= {*fixed, *(s.name for s in (*plan.slices, *plan.loops, plan.row))}
               and all(place.name == index.name for place, index in zip(
                   plan.contraction.target, definition.free, strict=True)
                   if index.name in names) for plan in first):
            return (term.body, []) if len(others) == 1 else (None, list(others))
    return None, list(others)


def _shared(chosen: Sequence[Sequence[Tiles]], empty: Sequence[Contraction]) -> tuple[Span, ...]:
    """The slices that all plans have, counted from 0; and classes without points, which may have
    more or fewer values of a variable."""
    every = [plan for term in chosen for plan in term]
    return tuple(span for span in every[0].slices
                 if span.low == 0 and all(span in plan.slices for plan in every)
                 and all(span in contraction.outer for contraction in empty))


def _agree(chosen: Sequence[Sequence[Tiles]]) -> bool:
    """Whether every task has the same part of the target in all terms."""
    parts = [[(plan.contraction.target, plan.lanes[0].name, plan.lanes[0].low, plan.band,
               plan.row, plan.group, plan.grain, plan.strip, plan.slices) for plan in term]
             for term in chosen]
    return all(part == parts[0] for part in parts)


def _joined(chosen: Sequence[Sequence[Tiles]], used: set[str]) -> Joined | None:
    """The tasks that are done at once, where all plans have the same blocks of them."""
    every = [plan for term in chosen for plan in term]
    plan = every[0]
    most = plan.shares if plan.strip else -(-plan.group // plan.grain)
    return Joined(fresh("joined", used), most) if most > 1 and all(
        _block(other) == _block(plan) for other in every) else None


def _block(plan: Tiles) -> tuple[int, ...]:
    """The tasks of a block of rows, or of a band."""
    return ((plan.lanes[0].extent, plan.band, plan.strip, plan.bands) if plan.strip
            else (plan.row.extent, plan.group, plan.grain))
