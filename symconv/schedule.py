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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from symconv.choice import Choice, plan_taken
from symconv.contracting import contractions
from symconv.contraction import Contraction, Span
from symconv.element import Element
from symconv.fusing import fused
from symconv.integers import Int
from symconv.ir import Access, Definition, Program, Scalar, Tensor, Term
from symconv.joining import block, offered
from symconv.loops import Joined, Node, Tiled
from symconv.merging import merged
from symconv.names import fresh
from symconv.offers import Offer
from symconv.rewrite import scalar_names
from symconv.tiles import Tiles, tiles_text
from symconv.trimming import trimmed
from symconv.unknowns import Eliminated

SCHEDULES = ("auto", "reference", "winograd")
"""What a caller may ask for: "auto" takes the fastest known, "reference" the plain loops,
"winograd" transforms wherever there are windows that slide (`winograd`), in any precision."""

_MOST = 2**31 - 1       # elements: tables hold positions as 32-bit integers

Eliminate = Callable[[Term], Eliminated]
Point = Callable[[Definition], tuple[Node, ...]]


def tiled(definition: Definition, program: Program, fixed: frozenset[str], dropped: int,
          used: set[str], eliminate: Eliminate, point: Point, alone: bool, element: Element,
          choice: Choice | None = None) -> Tiled | None:
    """A definition in tiles; None where the reference schedule is the only one.

    A definition that is `alone` in its routine makes its own tasks. `fixed` are free indices that
    are set outside; intermediates of the program have lost their
    first `dropped` axes. `eliminate` solves a term of the definition, `point` lowers a
    definition for one element of its target; all arrays have the same `element`.
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
    every = [contractions(definition.free, term, eliminate(term), tensors, element)
             for term in definition.terms]
    every = _merged(every, fixed, used)
    every = _fused(every, known, known[definition.target.name], fixed, used)
    whole, *cut = [[offered(classes, known, known[definition.target.name], names, fixed, used)
                    for classes in way]
                   for way in _ways(every, known[definition.target.name], fixed)]
    found = min((whole, *(way for way in cut if all(each.is_joint for each in way))),
                key=lambda way: (-sum(bool(each.taken) for each in way),
                                 sum(each.time for each in way)))
    chosen: list[list[Tiles]] = []
    empty: list[Contraction] = []
    others: list[Term] = []
    number = 0
    for term, offer in zip(definition.terms, found, strict=True):
        made = [one.plan for one in offer.taken]
        if choice is not None and all(offer.every):
            made = _taken(choice, definition.target.name, number, offer.every, made)
            number += len(offer.every)
        if not made:
            others.append(term)
            continue
        if not chosen:
            empty = list(offer.empty)
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


def _ways(every: Sequence[tuple[Contraction, ...] | None], target: Sequence[int],
          fixed: frozenset[str]) -> list[list[tuple[Contraction, ...] | None]]:
    """The contractions of all terms, and the same ones without the lanes that fill no vector, which
    are contractions of their own."""
    cut = [None if classes is None else tuple(
        part for c in classes for part in ((c,) if c.is_empty else trimmed(c, target, fixed)))
        for classes in every]
    return [list(every), *([cut] if cut != list(every) and _alike(cut) else [])]


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
        block(other) == block(plan) for other in every) else None
