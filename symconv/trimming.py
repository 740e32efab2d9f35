"""Trimming: the few lanes that fill no vector become a contraction of their own.

    y[o, l],  l < 49     =     y[o, l],  l < 48,     and     y[o, l],  l = 48

A vector of which one lane is needed costs as much as a whole one. A single column is a product of
a matrix by a vector, which has vectors along its sum (`dotting`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from symconv.contraction import Contraction
from symconv.places import stride

_FEW = 4        # of a vector, the part that lanes behind the last whole one fill at most
_WORTH = 20     # there may be so many lanes for each one that a vector would have too many


def trimmed(contraction: Contraction, target: Sequence[int],
            fixed: Collection[str]) -> tuple[Contraction, ...]:
    """The same sums for whole vectors of neighbours in the target, then for what is behind them;
    the contraction alone where nothing is, or more than a few. `target` are the strides of the
    target; `fixed` variables are left as they are."""
    line = contraction.element.line
    for span in contraction.outer:
        over = span.extent % line
        if (0 < over <= line // _FEW and line < span.extent <= _WORTH * (line - over)
                and span.name not in fixed
                and stride(contraction.target, target, span.name) == 1):
            cut = span.stop - over
            return tuple(
                replace(contraction, outer=tuple(part if other == span else other
                                                 for other in contraction.outer))
                for part in (replace(span, stop=cut), replace(span, low=cut)))
    return (contraction,)
