"""What a proof says: statements, each proved or not, with the means."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement about all sizes.

    `proved` is True where a judge proved it; a refutation, an unknown and a time-out all leave
    it False. `how` names the judge, or tells why there is no proof.
    """

    text: str
    proved: bool
    how: str
    seconds: float

    def __bool__(self) -> bool:
        return self.proved


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's answer, with its name or the reason that it has none."""

    holds: bool
    how: str

    def __bool__(self) -> bool:
        return self.holds


class Undecided(Exception):
    """A judge cannot take a claim on; the text tells why."""


class NotLinear(Undecided):
    """The claim multiplies or divides by names, which isl does not take."""


def stated(text: str, judge: Callable[[], Judgement]) -> Statement:
    """Ask the judge, and note how long it took."""
    start = time.perf_counter()
    try:
        found = judge()
    except Undecided as reason:
        found = Judgement(False, f"not proved: {reason}")
    return Statement(text, found.holds, found.how, time.perf_counter() - start)


def every(answers: Iterable[Judgement]) -> Judgement:
    """All of them, judged one after the other until one fails, which then tells the reason."""
    judges: dict[str, None] = {}
    for answer in answers:
        if not answer:
            return answer
        judges[answer.how] = None
    return Judgement(True, " and ".join(judges) or "nothing to decide")
