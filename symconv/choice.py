"""Which plan computes a definition, where that is not left to the model of time.

Whoever lowers a pass may bring a choice. Wherever there are plans to choose from, it is told their
texts with the time that the model expects, in its unit (`effort`), the cheapest first, and which
one the model takes:

    stencil    one plan for the whole definition
    tiles      plans for each contraction, numbered through all terms and residue classes
    winograd   plans for the whole definition, alone in its routine

A text says all that tells one plan from another and begins with its kind, so that a person can
choose among them. What takes none of them is computed by LOOPS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, TypeVar

from symconv.errors import ParameterError

Kind: TypeAlias = Literal["stencil", "tiles", "winograd"]
Texts: TypeAlias = tuple[str, ...]
Plan = TypeVar("Plan")

LOOPS = "loops"


class Choice(Protocol):
    """Takes one of the plans that are offered for the target of a definition, or none of them."""

    def taken(self, target: str, kind: Kind, number: int, offered: Mapping[str, float],
              usual: str | None) -> str | None:
        """A text among those `offered`, or None; `usual` is what the model takes."""

    def confirm(self, found: Mapping[str, Texts]) -> None:
        """Told what was made of every target: the texts of its plans."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The plans by target; for other targets the model decides."""

    plans: tuple[tuple[str, Texts], ...] = ()

    def taken(self, target: str, kind: Kind, number: int, offered: Mapping[str, float],
              usual: str | None) -> str | None:
        wanted = dict(self.plans).get(target)
        if wanted is None:
            return usual
        return wanted[number] if number < len(wanted) and wanted[number] in offered else None

    def confirm(self, found: Mapping[str, Texts]) -> None:
        """Raise ParameterError where a definition is computed by other plans than wanted."""
        for target, wanted in self.plans:
            made = found.get(target, ())
            missing = [text for text in wanted if text != LOOPS and text not in made]
            if missing or len(made) != sum(text != LOOPS for text in wanted):
                named = missing[0] if missing else ", ".join(wanted)
                raise ParameterError(f"{target}: the tuning names the plan {named!r}, but no plan "
                                     "for these shapes is called so; run symconv tune again, "
                                     "which prints those that there are")

    def having(self, target: str, wanted: Texts) -> Chosen:
        """The same with other plans for one target."""
        return Chosen((*(one for one in self.plans if one[0] != target), (target, wanted)))


def plan_taken(choice: Choice, target: str, kind: Kind, number: int,
               offered: Sequence[tuple[float, Plan]], described: Callable[[Plan], str],
               usual: Plan | None) -> Plan | None:
    """The plan that a choice takes among those `offered` with their times, the cheapest first;
    `described` tells one from another, and `usual` is what the model takes."""
    named: dict[str, tuple[float, Plan]] = {}
    for time, plan in offered:
        named.setdefault(f"{kind}: {described(plan)}", (time, plan))
    text = choice.taken(target, kind, number, {text: time for text, (time, _) in named.items()},
                        None if usual is None else f"{kind}: {described(usual)}")
    return None if text is None else named[text][1]
