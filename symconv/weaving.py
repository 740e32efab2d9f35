"""Weaving: sums whose elements lie a few places apart in the target leave as whole vectors.

    target:   a0 b0 a1 b1 a2 b2 ...     old vector, sums a  ->  the same vector with new a

The elements in between are written back as they were. So they must belong to the same task, or
another thread could lose what it writes there. They are the other residues of a strided gradient,
those without a sum among them, or other values of the loops.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from symconv.contraction import Contraction, Span
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
    return all(_is_clear(plan, other, apart, reach) for other in every) and all(
        _is_elsewhere(plan, one) or is_in_step(one, every) for one in empty)


def _is_clear(plan: Tiles, other: Tiles, apart: int, reach: int) -> bool:
    """Whether another plan either writes elsewhere, or has the same share in each task."""
    ahead = (other.target - plan.target).substitute(
        dict.fromkeys((other.target - plan.target).names(), plan.target * 0)).constant or 0
    runs = abs(plan.lanes[0].target) if len(plan.lanes) > 1 else 0
    if runs:                    # of the other plan's runs those next to the one of this plan
        ahead %= runs
    ends = abs(other.lanes[-1].target) * (other.lanes[-1].extent - 1)
    if all(start > reach or start + ends < 0 for start in (ahead, ahead - runs)):
        return True
    between = min(ahead, abs(ahead - runs))
    return between <= apart and share(plan) == share(other) and (
        len(plan.lanes) == 1 or (plan.bands == 1 and not plan.strip)
        or plan.lanes[0].low == other.lanes[0].low)


def is_shared_out(empty: Contraction, plans: Sequence[Tiles]) -> bool:
    """Whether every task that has a share of plans may have one of a class without sums, too: it
    has all of the rows and lanes that tell tasks apart."""
    return len({share(plan) for plan in plans}) == 1 and all(
        span in empty.outer for plan in plans for span in _telling(plan))


def is_in_step(empty: Contraction, plans: Sequence[Tiles]) -> bool:
    """Whether a task then has what lies between the elements of such a class: rows and lanes are
    those of the sums there, at the same places."""
    return is_shared_out(empty, plans) and all(
        _is_elsewhere(plan, empty) or _tells_alike(plan, empty) for plan in plans)


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


def _is_elsewhere(plan: Tiles, empty: Contraction) -> bool:
    """Whether the class has other rows of the target: residues of an axis before the last one."""
    for ours, theirs in zip(plan.contraction.target[:-1], empty.target[:-1], strict=True):
        apart = (ours - theirs).constant
        steps = [abs(ours.factor(name)) for name in ours.names()]
        if apart is not None and steps and apart % math.gcd(*steps):
            return True
    return False


def share(plan: Tiles) -> tuple[object, ...]:
    """What a task has of a plan: slices, bands of lanes, groups of rows."""
    lanes = tuple((lane.name, lane.target) for lane in plan.lanes)
    rows = (plan.group, plan.grain, plan.row) if plan.splits_rows else ()
    return (plan.slices, lanes, plan.bands, plan.band if plan.bands > 1 or plan.strip else 0,
            plan.strip, plan.shares, rows, plan.target_row)
