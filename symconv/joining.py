"""Joining: which plans are taken for the contractions of a term, of all that are offered.

The contractions of a term are its residue classes, or parts of them. Each has plans of its own, and
the model (`effort`) tells which are fast; but the tasks of a routine are shares of all of them, so
that plans which share alike are worth a little time. And what they read of an operand overlaps:
of windows with a stride every class reads other taps. Where copies take long, plans that read one
copy in common may be faster than the fastest of each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from symconv.contraction import Contraction
from symconv.effort import copying
from symconv.names import fresh
from symconv.offers import Offer, Steps, tile_offers
from symconv.tiles import Tiles
from symconv.weaving import share

_ALIKE = 1.1            # of the time of the fastest plans: what weaving and even tasks are worth
_COPYING = 0.05         # of all time, what plans in common must be able to save
_SLOWEST = 6.0          # units per multiply-add: slower plans are no better than plain loops


@dataclass(frozen=True, slots=True)
class Offered:
    """For a term: every plan of each contraction, the ones that the model takes together with their
    `time` in the unit of `effort`, and the contractions without points."""

    every: Sequence[Sequence[Offer[Tiles]]]
    taken: Sequence[Offer[Tiles]]
    empty: Sequence[Contraction]
    time: float

    @property
    def is_joint(self) -> bool:
        """Whether the tasks of these plans have blocks alike, and can be done at once."""
        return len({block(offer.bare) for offer in self.taken}) <= 1


def offered(found: tuple[Contraction, ...] | None, strides: Mapping[str, Steps], target: Steps,
            names: tuple[str, str, str], fixed: frozenset[str], used: set[str]) -> Offered:
    """What there is for the contractions of a term, None where it has none. `strides` are those of
    the arrays, `target` those of the target; `names` are free for the band, the group and a row
    that does not exist, others are `used`; `fixed` variables are set outside."""
    classes = [c for c in found or () if not c.is_empty]
    empty = [c for c in found or () if c.is_empty]

    def offers(contraction: Contraction, beside: Sequence[Contraction] = (),
               sides: Sequence[int] = (0, 1)) -> list[Offer[Tiles]]:
        taken = set(used)
        numbers = {span.name: fresh("part", taken) for span in contraction.inner}
        return tile_offers(contraction, strides, target, names, fixed, numbers, beside, sides)

    every = [offers(c) for c in classes]
    taken = _together(every, _SLOWEST * sum(_points(c, fixed) for c in classes))
    if not _may_have_common(classes, taken):
        return Offered(every, taken, empty, _time(taken))
    side = max((0, 1), key=lambda side: sum(
        copying(offer.bare) for offer in taken if offer.first == side))
    common = [offers(c, [other for other in classes if other is not c], (side,)) for c in classes]
    both = [[*own, *more] for own, more in zip(every, common, strict=True)]
    alike = _alike(lambda plan: (plan.common, share(plan)), common) or _alike(
        lambda plan: (plan.common, block(plan)), common)
    if alike and _common_time(alike) < _time(taken):
        return Offered(both, alike, empty, _common_time(alike))
    return Offered(both, taken, empty, _time(taken))


def block(plan: Tiles) -> tuple[int, ...]:
    """The tasks of a block of rows, or of a band."""
    return ((plan.lanes[0].extent, plan.band, plan.strip, plan.bands) if plan.strip
            else (plan.row.extent, plan.group, plan.grain))


def _together(found: Sequence[Sequence[Offer[Tiles]]], slowest: float) -> list[Offer[Tiles]]:
    """One plan for each contraction of a term; none where one has no plan, or where all of them
    take longer than `slowest`.

    Those of which a task has like shares may be woven into each other, and fill its time alike;
    tasks with blocks alike can be done at once. Such plans are taken unless others are much
    faster.
    """
    if not found or not all(found):
        return []
    best = [offers[0] for offers in found]
    if _time(best) > slowest:
        return []
    for key in (share, block):
        joint = _alike(key, found)
        if joint and _time(joint) < _ALIKE * _time(best):
            return joint
    return best


def _may_have_common(classes: Sequence[Contraction], taken: Sequence[Offer[Tiles]]) -> bool:
    """Whether one copy in place of all that the plans make could save much."""
    times = [copying(offer.bare) for offer in taken]
    tensors = {tuple(operand.tensor for operand in c.operands) for c in classes}
    return (len(times) > 1 and len(tensors) == 1
            and sum(times) - max(times) > _COPYING * _time(taken))


def _common_time(offers: Sequence[Offer[Tiles]]) -> float:
    """That of plans of which the first one makes the copy for all."""
    return _time(offers) - sum(copying(offer.bare) for offer in offers[1:])


def _alike(key: Callable[[Tiles], object],
           found: Sequence[Sequence[Offer[Tiles]]]) -> list[Offer[Tiles]]:
    """The fastest plans, one of each contraction, that agree in a key; none where no plans do."""
    alike = [_first_by(key, offers) for offers in found]
    return min(([one[value] for one in alike] for value in alike[0]
                if all(value in one for one in alike)), key=_time, default=[])


def _time(offers: Sequence[Offer[Tiles]]) -> float:
    return sum(offer.time for offer in offers)


def _first_by(key: Callable[[Tiles], object],
              offers: Sequence[Offer[Tiles]]) -> dict[object, Offer[Tiles]]:
    """The fastest plan for each value of a key."""
    found: dict[object, Offer[Tiles]] = {}
    for offer in offers:
        found.setdefault(key(offer.bare), offer)
    return found


def _points(contraction: Contraction, fixed: frozenset[str]) -> int:
    return math.prod(span.extent for span in (*contraction.outer, *contraction.inner)
                     if span.name not in fixed)
