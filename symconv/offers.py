"""Every plan for a contraction with its time, the cheapest first.

What a search finds depends on subscripts, ranges and strides: not on what operands are called, nor
on which of them comes first. The passes of a program have few contractions that differ in more: a
tangent stands in one of them where the operand itself stands in another. So a search is made once
for all of these, for operands without names; plans get names when they are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Generic, TypeAlias, TypeVar

from symconv.blocking import plans
from symconv.contraction import Contraction, Operand
from symconv.dotting import dot_plans
from symconv.effort import effort
from symconv.tiles import Tiles
from symconv.winograd import Winograd
from symconv.winograd_effort import winograd_effort
from symconv.winograd_plans import winograd_plans

Plan = TypeVar("Plan", Tiles, Winograd)
Steps: TypeAlias = tuple[int, ...]
Timed: TypeAlias = tuple[tuple[float, Plan], ...]

_KEPT = 32      # searches, each a quarter of a megabyte: a strided volume asks for 16 at once


@dataclass(frozen=True, slots=True)
class Offer(Generic[Plan]):
    """A plan with its time, as the search has made it: for operands without names, of which the
    one with the number `first` was in front."""

    time: float
    bare: Plan
    contraction: Contraction
    first: int

    @property
    def plan(self) -> Plan:
        """The plan for the operands of the contraction."""
        front, back = _turned(self.contraction.operands, self.first)
        if isinstance(self.bare, Winograd):
            vector, scalar = (replace(side, tensor=(front if side.is_patch else back).tensor)
                              for side in (self.bare.vector, self.bare.scalar))
            return replace(self.bare, vector=vector, scalar=scalar, contraction=self.contraction)
        packing, dots = self.bare.packing, self.bare.dots
        return replace(
            self.bare, contraction=self.contraction,
            vector=replace(self.bare.vector, tensor=front.tensor),
            scalar=replace(self.bare.scalar, tensor=back.tensor),
            packing=packing and replace(packing, tensor=front.tensor),
            dots=dots and replace(dots, packing=dots.packing and replace(
                dots.packing, tensor=back.tensor)))


def tile_offers(contraction: Contraction, strides: Mapping[str, Steps], target: Steps,
                names: tuple[str, str, str], fixed: frozenset[str], numbers: Mapping[str, str],
                beside: Sequence[Contraction] = (),
                sides: Sequence[int] = (0, 1)) -> list[Offer[Tiles]]:
    """Those of tiles and of dot products; the arguments are those of `blocking.plans`. The
    contractions `beside` this one have the same operands, of which those with the numbers `sides`
    may come first."""
    return _ordered(
        Offer(time, plan, contraction, first) for first in sides for time, plan in _tiles(
            _bare(contraction, first), _strides(contraction, strides, first), target, names, fixed,
            tuple(numbers.items()), tuple(_bare(other, first) for other in beside)))


def winograd_offers(contraction: Contraction, strides: Mapping[str, Steps],
                    target: Steps) -> list[Offer[Winograd]]:
    """Those of Winograd plans; the arguments are those of `winograd_plans`."""
    return _ordered(
        Offer(time, plan, contraction, first) for first in (0, 1) for time, plan in _transforms(
            _bare(contraction, first), _strides(contraction, strides, first), target))


@lru_cache(_KEPT)
def _tiles(contraction: Contraction, strides: tuple[Steps, Steps], target: Steps,
           names: tuple[str, str, str], fixed: frozenset[str],
           numbers: tuple[tuple[str, str], ...],
           beside: tuple[Contraction, ...]) -> Timed[Tiles]:
    known = strides, target, names, fixed, dict(numbers)
    dots = () if beside else dot_plans(contraction, *known)
    return tuple((effort(plan), plan) for plan in (*plans(contraction, *known, beside), *dots))


@lru_cache(_KEPT)
def _transforms(contraction: Contraction, strides: tuple[Steps, Steps],
                target: Steps) -> Timed[Winograd]:
    return tuple((winograd_effort(plan), plan)
                 for plan in winograd_plans(contraction, strides, target))


def _bare(contraction: Contraction, first: int) -> Contraction:
    """The contraction without the names of its operands, one of which comes first."""
    one, other = (replace(operand, tensor="") for operand in _turned(contraction.operands, first))
    return replace(contraction, operands=(one, other))


def _strides(contraction: Contraction, strides: Mapping[str, Steps],
             first: int) -> tuple[Steps, Steps]:
    one, other = _turned(contraction.operands, first)
    return strides[one.tensor], strides[other.tensor]


def _turned(both: tuple[Operand, Operand], first: int) -> tuple[Operand, Operand]:
    return (both[1], both[0]) if first else both


def _ordered(offers: Iterable[Offer[Plan]]) -> list[Offer[Plan]]:
    return sorted(offers, key=lambda offer: offer.time)
