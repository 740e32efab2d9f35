"""Weaving: sums whose elements lie a few places apart in the target leave as whole vectors.

    target:   a0 b0 a1 b1 a2 b2 ...     old vector, sums a  ->  the same vector with new a

The elements in between are written back as they were. So they must belong to the same task, or
another thread could lose what it writes there. They are the other residues of a strided gradient,
those without a sum among them, or other values of the loops.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from symconv.contraction import Contraction, Span
from symconv.integers import Int
from symconv.tiles import COMBED, Tiles


def is_woven(plan: Tiles, every: Sequence[Tiles], empty: Sequence[Contraction],
             fixed: Collection[str], split: bool) -> bool:
    """Whether the gaps between the sums of a run are few, and the task's own. `every` plan of the
    definition is considered, and classes that are `empty`; `fixed` indices are those of the task,
    and with `split` the bands and groups are tasks too."""
    apart = plan.lanes[-1].target
    reach = apart * (plan.lanes[-1].extent - 1)
    if not 1 < apart <= COMBED or any(
            0 < abs(plan.target.factor(name)) <= reach for name in fixed):
        return False
    if not split:
        return True
    if (len(plan.lanes) > 1 and (plan.bands > 1 or plan.strip)
            and 0 < abs(plan.lanes[0].target) <= reach):
        return False
    if plan.splits_rows and abs(plan.target_row) <= reach:
        return False
    return all(_is_clear(plan, other, apart) for other in every) and all(
        _is_apart(plan.contraction, one, _before(plan))
        or (_before(plan) == len(one.target) - 1 and is_in_step(one, every)) for one in empty)


def _is_clear(plan: Tiles, other: Tiles, apart: int) -> bool:
    """Whether another plan either writes elsewhere, or has the same share in each task."""
    if _is_apart(plan.contraction, other.contraction, _before(plan)):
        return True
    ahead = (other.target - plan.target).substitute(
        dict.fromkeys((other.target - plan.target).names(), plan.target * 0)).constant or 0
    runs = abs(plan.lanes[0].target) if len(plan.lanes) > 1 else 0
    cut = runs > 0 and (plan.bands > 1 or plan.strip > 0)
    if runs and not cut:        # of the other plan's runs those next to the one of this plan
        ahead = min(ahead % runs, -ahead % runs)
    return abs(ahead) <= apart and share(plan) == share(other) and (
        not cut or plan.lanes[0].low == other.lanes[0].low)


def is_shared_out(empty: Contraction, plans: Sequence[Tiles]) -> bool:
    """Whether every task that has a share of plans may have one of a class without sums, too: it
    has all of the rows and lanes that tell tasks apart."""
    return len({share(plan) for plan in plans}) == 1 and all(
        span in empty.outer for plan in plans for span in _telling(plan))


def is_in_step(empty: Contraction, plans: Sequence[Tiles]) -> bool:
    """Whether a task then has what lies between the elements of such a class: rows and lanes are
    those of the sums there, at the same places."""
    return is_shared_out(empty, plans) and all(
        _is_apart(plan.contraction, empty, len(empty.target) - 1) or _tells_alike(plan, empty)
        for plan in plans)


def _telling(plan: Tiles) -> list[Span]:
    """The rows and the lanes of which a task has some."""
    lane = plan.lanes[0]
    return [*([plan.row] if plan.splits_rows else []),
            *([Span(lane.name, lane.low, lane.low + lane.extent)]
              if plan.bands > 1 or plan.strip else [])]


def _tells_alike(plan: Tiles, empty: Contraction) -> bool:
    names = {span.name for span in _telling(plan)}
    return all(ours == theirs for ours, theirs in zip(
        plan.contraction.target, empty.target, strict=True)
        if names & (ours.names() | theirs.names()))


def _before(plan: Tiles) -> int:
    """How many axes of the target stand before the one along which sums are woven."""
    name = plan.lanes[-1].name
    return next(number for number, place in enumerate(plan.contraction.target)
                if name in place.names())


def _is_apart(one: Contraction, other: Contraction, axes: int) -> bool:
    """Whether two classes have other residues of one of the first `axes` axes of the target.

    What their variables begin at, and the constants beside them, tell nothing: for v >= 1 the
    places 3*v - 1 are those that 3*v + 2 has for v >= 0."""
    for ours, theirs in zip(one.target[:axes], other.target[:axes], strict=True):
        step = max((abs(place.factor(name)) for place in (ours, theirs) for name in place.names()),
                   default=0)
        if step > 1 and _residues(ours, one, step).isdisjoint(_residues(theirs, other, step)):
            return True
    return False


def _residues(place: Int, contraction: Contraction, step: int) -> set[int]:
    """The remainders by `step` that a subscript may have; all of them where it is not affine."""
    spans = [span for span in contraction.outer if span.name in place.names()]
    if {span.name for span in spans} != place.names() or not place.is_affine(place.names()):
        return {*range(step)}
    found = {place.substitute({span.name: Int.of(0) for span in spans}).constant or 0}
    for span in spans:
        moves = {place.factor(span.name) * value
                 for value in range(span.low, min(span.stop, span.low + step))}
        found = {(start + move) % step for start in found for move in moves}
    return {start % step for start in found}


def share(plan: Tiles) -> tuple[object, ...]:
    """What a task has of a plan: slices, bands of lanes, groups of rows."""
    lanes = tuple((lane.name, lane.target) for lane in plan.lanes)
    rows = (plan.group, plan.grain, plan.row) if plan.splits_rows else ()
    return (plan.slices, lanes, plan.bands, plan.band if plan.bands > 1 or plan.strip else 0,
            plan.strip, plan.shares, rows, plan.target_row)
