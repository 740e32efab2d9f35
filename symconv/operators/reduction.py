"""Reductions over whole axes, for arrays of any rank."""

from __future__ import annotations

from collections.abc import Sequence

from symconv.integers import Int
from symconv.ir import AtLeast, Program, Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.pooling import TIES
from symconv.operators.text import cube, defined, ranked

Axes = int | Sequence[int] | None


def reduce_sum(ndim: int | None = None, axes: Axes = None, keepdims: bool = False,
               name: str | None = None) -> Operator:
    """The sum of x over some axes, or all."""
    return _reduce("sum", ndim, axes, keepdims, "first", name)


def reduce_mean(ndim: int | None = None, axes: Axes = None, keepdims: bool = False,
                name: str | None = None) -> Operator:
    """The mean of x over some axes, or all."""
    return _reduce("mean", ndim, axes, keepdims, "first", name)


def reduce_max(ndim: int | None = None, axes: Axes = None, keepdims: bool = False,
               ties: str = "even", name: str | None = None) -> Operator:
    """The maximum of x over some axes, or all; equal maxima share the gradient."""
    return _reduce("max", ndim, axes, keepdims, ties, name)


def reduce_min(ndim: int | None = None, axes: Axes = None, keepdims: bool = False,
               ties: str = "even", name: str | None = None) -> Operator:
    """The minimum of x over some axes, or all; equal minima share the gradient."""
    return _reduce("min", ndim, axes, keepdims, ties, name)


def _reduce(which: str, ndim: int | None, axes: Axes, keepdims: bool, ties: str,
            name: str | None) -> Operator:
    kind = f"reduce_{which}"
    rule = arguments.choice(kind, "ties", ties, TIES)
    kept = arguments.flag(kind, "keepdims", keepdims)
    reduction = which if rule == "first" else f"{which}_{rule}"

    def make(rank: int) -> Program:
        gone = arguments.axis_numbers(kind, axes, rank)
        indices, sizes = cube(rank)
        ones = {place: f"u{place}" for place in gone} if kept else {}
        target = [ones.get(place, index) for place, index in enumerate(indices)
                  if kept or place not in gone]
        left = f"y[{','.join(target)}]" if target else "y"
        read = f"x[{','.join(indices)}]" if indices else "x"
        bound = ",".join(indices[place] for place in gone)
        lines = [f"x: [{', '.join(sizes)}]", *(f"{one} < 1" for one in ones.values()),
                 f"{left} = {reduction}[{bound}]({read})" if bound else f"{left} = {read}"]
        needed = [] if which == "sum" else [
            Requirement(AtLeast(Int.of(sizes[place]) - 1), f"{kind}: axis {place} of x is empty "
                        f"and has no {which}; give at least one element or leave the axis out")
            for place in gone]
        return defined(lines, needed)

    return ranked(kind, ndim, name, make)
