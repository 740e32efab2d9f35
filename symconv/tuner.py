"""Tuning: the fastest plans of a pass, found by trying those that the model of time likes best.

The definitions of a pass are settled one after the other, and the contractions of a definition
too (a strided gradient has one for each residue class): candidates differ in one plan from the best
ones so far. The first round tries whatever computes the whole definition, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from symconv.choice import LOOPS, Chosen, Kind, Texts
from symconv.element import element_of
from symconv.ir import Definition
from symconv.loops import plan_texts
from symconv.lower import lower
from symconv.trials import Problem, Trial

_SURE = 0.99            # of the time of the plans so far: what saves less is noise
_FEW = 10_000_000       # points of a definition: for more, loops are not worth a trial

Report = Callable[[str, int, Sequence[Trial], Trial], None]
Progress = Callable[[str, int], Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A choice that writes down what is offered for one target; there it takes the usual tiles,
    so that everything else is offered too. Other targets keep what was chosen for them.

    A definition for which the model prefers loops is offered its plans twice, alone in its routine
    and with the tasks of others: the first ones count.
    """

    chosen: Chosen
    target: str
    offered: dict[Kind, list[Mapping[str, float]]] = field(default_factory=dict)
    usual: list[str] = field(default_factory=list)

    def taken(self, target: str, kind: Kind, number: int, offered: Mapping[str, float],
              usual: str | None) -> str | None:
        if target != self.target:
            return self.chosen.taken(target, kind, number, offered, usual)
        known = self.offered.setdefault(kind, [])
        is_new = number == len(known)
        if is_new:
            known.append(offered)
        if kind != "tiles":
            return None
        if is_new:
            self.usual.append(usual or LOOPS)
        return usual

    def confirm(self, found: Mapping[str, Texts]) -> None:
        """Nothing is wanted."""


def tune(problem: Problem, most: int, seconds: float, report: Report,
         progress: Progress) -> Chosen:
    """The fastest plans found, with at most about `most` candidates a round.

    A round is timed for about `seconds`. `report` gets the target, the number of the contraction,
    the trials of the round and the best of them; `progress` gets the name of the round and the
    number of its candidates, and returns what is called for each.
    """
    chosen, element = Chosen(), element_of(problem.dtype)
    for definition in problem.item.program.definitions:
        target = definition.target.name
        listing = Listing(chosen, target)
        lower(problem.item, "auto", problem.transforms, listing, element)
        if not listing.offered:             # loops, or a place that comes with its maximum
            continue
        best, settled = _usual(problem, listing), chosen
        for number in range(max(1, len(listing.usual))):
            rivals = [best, *(plans for plans in _rivals(definition, listing, best, number, most)
                              if plans != best)]
            trials = problem.trials([chosen.having(target, plans) for plans in rivals], seconds,
                                    progress(f"{problem.item.name} {target}", len(rivals)))
            winner = _winner(trials)
            report(target, number, trials, winner)
            if winner.seconds is None:
                break                       # nothing runs: the model decides, as it did before
            settled, best = winner.chosen, dict(winner.chosen.plans)[target]
            if not best[0].startswith("tiles"):
                break
        chosen = settled
    return chosen


def _usual(problem: Problem, listing: Listing) -> Texts:
    """What the model takes."""
    made = plan_texts(lower(problem.item, "auto", problem.transforms, listing.chosen,
                            element_of(problem.dtype)))
    texts = made.get(listing.target, (LOOPS,))
    return tuple(listing.usual) if texts[0].startswith("tiles") else texts


def _rivals(definition: Definition, listing: Listing, best: Texts, number: int,
            most: int) -> list[Texts]:
    """Candidates with another plan for one contraction; in the first round those for the whole
    definition, as many transforms as tiles."""
    tiles = listing.offered.get("tiles", [])
    base = best if best[0].startswith("tiles") else tuple(next(iter(one)) for one in tiles)
    transforms = [text for one in listing.offered.get("winograd", []) for text in one]
    share = most if number or not transforms else max(1, most // 2)
    found: list[Texts] = []
    if not number:
        found += [(text,) for one in listing.offered.get("stencil", []) for text in one]
        found += [(text,) for text in transforms[:max(1, most - share)]]
        found += [(LOOPS,)] if _points(definition) <= _FEW else []
    if tiles:
        found += [(*base[:number], text, *base[number + 1:])
                  for text in list(tiles[number])[:share]]
    return list(dict.fromkeys(found))


def _points(definition: Definition) -> int:
    """The points of all terms."""
    return sum(math.prod(index.extent.constant or 1 for index in (*definition.free, *term.bound))
               for term in definition.terms)


def _winner(trials: Sequence[Trial]) -> Trial:
    """The fastest one; the first one, which is the best so far, where none is clearly faster."""
    timed = [trial for trial in trials if trial.seconds is not None]
    fastest = min(timed, key=lambda trial: trial.seconds or 0.0, default=trials[0])
    before, after = trials[0].seconds, fastest.seconds
    return trials[0] if before is not None and after is not None and (
        after > _SURE * before) else fastest
