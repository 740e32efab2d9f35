"""What is offered to a schedule: every plan for the contractions of a term, and those to take.

The contractions of a term are its residue classes, or parts of them. Each has plans of its own, and
the model (`effort`) tells which are fast; but the tasks of a routine are shares of all of them, so
that plans which share alike are worth a little time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from symconv.blocking import plans
from symconv.contraction import Contraction
from symconv.dotting import dot_plans
from symconv.effort import effort
from symconv.names import fresh
from symconv.tiles import Tiles
from symconv.weaving import share

_ALIKE = 1.1            # of the time of the fastest plans: what weaving and even tasks are worth
_SLOWEST = 4.0          # units per multiply-add: slower plans are no better than plain loops


@dataclass(frozen=True, slots=True)
class Offer:
    """For a term: every plan of each class with its time, the ones that the model takes together,
    and the classes without points."""

    plans: Sequence[Sequence[tuple[float, Tiles]]]
    made: Sequence[tuple[float, Tiles]]
    empty: Sequence[Contraction]

    @property
    def time(self) -> float:
        """Of all plans that are taken, in the unit of `effort`."""
        return _time(self.made)


def offered(found: tuple[Contraction, ...] | None, strides: Mapping[str, Sequence[int]],
            target: Sequence[int], names: tuple[str, str, str], fixed: frozenset[str],
            used: set[str]) -> Offer:
    """What there is for the contractions of a term, None where it has none. `strides` are those of
    the arrays, `target` those of the target; `names` are free for the band, the group and a row
    that does not exist, others are `used`; `fixed` variables are set outside."""
    classes = [c for c in found or () if not c.is_empty]
    every = [_plans(c, strides, target, names, fixed, used) for c in classes]
    return Offer(every, _together(every, _SLOWEST * sum(_points(c, fixed) for c in classes)),
                 [c for c in found or () if c.is_empty])


def _plans(contraction: Contraction, strides: Mapping[str, Sequence[int]],
           target: Sequence[int], names: tuple[str, str, str], fixed: frozenset[str],
           used: set[str]) -> list[tuple[float, Tiles]]:
    """Every plan for a contraction with its time, the cheapest first."""
    taken = set(used)
    numbers = {span.name: fresh("part", taken) for span in contraction.inner}
    found = [*plans(contraction, strides, target, names, fixed, numbers),
             *dot_plans(contraction, strides, target, names, fixed, numbers)]
    return sorted(((effort(plan), plan) for plan in found), key=lambda each: each[0])


def _together(found: Sequence[Sequence[tuple[float, Tiles]]],
              slowest: float) -> list[tuple[float, Tiles]]:
    """One plan for each class of a term; none where a class has no plan, or where all of them
    take longer than `slowest`.

    Classes of which a task has like shares may be woven into each other, and fill its time
    alike; tasks with blocks alike can be done at once. Such plans are taken unless others are much
    faster.
    """
    if not found or not all(found):
        return []
    best = [plans[0] for plans in found]
    if _time(best) > slowest:
        return []
    for key in (share, block):
        alike = [_first_by(key, plans) for plans in found]
        joint = min(([one[value] for one in alike] for value in alike[0]
                     if all(value in one for one in alike)), key=_time, default=None)
        if joint is not None and _time(joint) < _ALIKE * _time(best):
            return joint
    return best


def _time(plans: Sequence[tuple[float, Tiles]]) -> float:
    return sum(time for time, _ in plans)


def _first_by(key: Callable[[Tiles], object], plans: Sequence[tuple[float, Tiles]],
              ) -> dict[object, tuple[float, Tiles]]:
    """The fastest plan for each value of a key."""
    found: dict[object, tuple[float, Tiles]] = {}
    for item in plans:
        found.setdefault(key(item[1]), item)
    return found


def _points(contraction: Contraction, fixed: frozenset[str]) -> int:
    return math.prod(span.extent for span in (*contraction.outer, *contraction.inner)
                     if span.name not in fixed)


def block(plan: Tiles) -> tuple[int, ...]:
    """The tasks of a block of rows, or of a band."""
    return ((plan.lanes[0].extent, plan.band, plan.strip, plan.bands) if plan.strip
            else (plan.row.extent, plan.group, plan.grain))
