"""When a definition is computed by Winograd plans (`winograd`) rather than in tiles of sums.

A transform is exact for exact numbers alone: in floats its error is that of a direct sum times
the noise of its matrices (`toom`), and its bound is another one. So it is taken in float32 only,
where the accuracy asked for is the default one, and where the model says that it saves time.
"""

from __future__ import annotations

from collections.abc import Callable

from symconv.choice import Choice, plan_taken
from symconv.contracting import contractions
from symconv.effort import effort
from symconv.element import Element
from symconv.integers import Int
from symconv.ir import Access, Definition, Program, Scalar, Tensor, Term
from symconv.loops import Joined, Node, Tiled, Transformed
from symconv.names import fresh
from symconv.offers import Offer, winograd_offers
from symconv.rewrite import scalar_names
from symconv.unknowns import Eliminated
from symconv.winograd import Winograd, winograd_text

ACCURACIES = ("default", "strict")
"""What a caller may ask for: "strict" keeps to direct sums."""

_GAIN = 0.87            # of the time of tiles: a transform must save more than the model errs
_WORTH = 100_000        # units of `effort` to save: for less, sums of integers stay exact
_MOST = 2**31 - 1       # elements: positions are 32-bit integers


def transformed(definition: Definition, program: Program, tiles: Tiled | None, used: set[str],
                eliminate: Callable[[Term], Eliminated],
                point: Callable[[Definition], tuple[Node, ...]],
                always: bool, element: Element,
                choice: Choice | None = None) -> Transformed | None:
    """A definition, alone in its routine, by a Winograd plan where that is faster than `tiles`,
    or wherever it can be with `always`; None otherwise. A `choice` may take another plan, or
    none. All arrays have the same `element`."""
    if definition.reduction != "sum" or definition.target.kind != "real":
        return None
    tensors = {t.name: t for t in (*program.inputs, definition.target)}
    strides = {name: _strides(tensor) for name, tensor in tensors.items()}
    if any(stride is None for stride in strides.values()):
        return None
    known = {name: stride for name, stride in strides.items() if stride is not None}
    offered: list[Offer[Winograd]] = []
    others: list[Term] = []
    for term in definition.terms:
        found = contractions(definition.free, term, eliminate(term), tensors, element)
        made = winograd_offers(found[0], known, known[definition.target.name]) if (
            found is not None and len(found) == 1 and not found[0].is_empty) else []
        if made and not offered:
            offered = made
        else:
            others.append(term)
    if not offered or len(others) > 1:
        return None
    pays = always or (tiles is not None and _pays(offered[0].time, sum(
        effort(other) for term in tiles.plans for other in term)))
    usual = offered[0].plan if pays else None
    plan = usual if choice is None else plan_taken(
        choice, definition.target.name, "winograd", 0,
        [(offer.time, offer.plan) for offer in offered], winograd_text, usual)
    if plan is None:
        return None
    initial = _initial(definition, others[0], plan) if others else None
    if others and initial is None:
        return None
    target = Access(definition.target.name,
                    tuple(Int.of(index.name) for index in definition.free))
    names = fresh("group", used), fresh("band", used)
    joined = Joined(fresh("joined", used), plan.joint) if plan.joint > 1 else None
    return Transformed(target, definition.free, plan, names, initial, point(definition), joined)


def _pays(transforms: float, sums: float) -> bool:
    """Whether the time saved is a sure part of all, and no little."""
    return transforms <= min(_GAIN * sums, sums - _WORTH)


def transform_tasks(node: Transformed) -> tuple[tuple[str, Int], ...]:
    """Slices of the vector operand, groups of lanes, other slices, bands, strips of lanes:
    successive tasks share what has been transformed."""
    plan = node.plan
    ours = plan.vector.base.names()
    shared = [(s.name, Int.of(s.extent)) for s in plan.slices if s.name in ours]
    rest = [(s.name, Int.of(s.extent)) for s in plan.slices if s.name not in ours]
    group, band, strip = ([(name, Int.of(count))] if count > 1 else [] for name, count in zip(
        (*node.names, node.names[0]), (plan.groups, plan.shares, plan.strips), strict=True))
    return (*shared, *group, *rest, *band, *strip)


def _strides(tensor: Tensor) -> tuple[int, ...] | None:
    """Elements between neighbours along each logical axis."""
    made: list[int] = []
    stride = 1
    for extent in reversed(tensor.logical):
        if extent.constant is None:
            return None
        made.insert(0, stride)
        stride *= extent.constant
    return tuple(made) if stride <= _MOST else None


def _initial(definition: Definition, term: Term, plan: Winograd) -> Scalar | None:
    """A term that all pixels of a lane have in common."""
    names = scalar_names(term.body)
    known = {plan.vector.across.name, *(span.name for span in plan.slices)}
    alike = all(place.name == index.name for place, index in zip(
        plan.contraction.target, definition.free, strict=True) if index.name in names)
    return term.body if not term.bound and not term.rows and names <= known and alike else None
