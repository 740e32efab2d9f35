"""Copies in common: what several contractions read of one operand.

The residue classes of a strided gradient read other taps each, and maps that begin elsewhere:

    w[o,c,2*t]     w[o,c,1]     ->     a copy of w[o,c,a] for 0 <= a < 3 serves both

A copy for all of them reaches along every axis from the least subscript to the largest one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from symconv.contraction import Contraction, Span, bounds
from symconv.places import names_in


def common(every: Sequence[Contraction], lanes: Sequence[Span],
           held: Collection[str]) -> dict[int, tuple[int, int]] | None:
    """How far the subscripts of the first operand of all contractions reach, for the first of the
    lanes, by axis: the least and the largest one, where the contractions differ.

    None where they differ in the number of lanes, in the range that is valid, or in a subscript
    with variables that are `held`: those that are set outside of a copy, or divided."""
    operands = [each.operands[0] for each in every]
    spans = [{span.name: span for span in (*each.outer, *each.inner)} for each in every]
    if any(operand.valid != operands[0].valid for operand in operands) or any(
            lane.name not in known or known[lane.name].extent != lane.extent
            for known in spans for lane in lanes):
        return None
    firsts = [known | {lane.name: Span(lane.name, known[lane.name].low, known[lane.name].low + 1)
                       for lane in lanes} for known in spans]
    found: dict[int, tuple[int, int]] = {}
    for number, own in enumerate(operands[0].subscripts):
        places = [operand.subscripts[number] for operand in operands]
        if not names_in(places).isdisjoint(held):
            if any(place != own for place in places):
                return None
            continue
        ends = [end for place, first in zip(places, firsts, strict=True)
                if (end := bounds(place, first)) is not None]
        if len(ends) < len(places):
            return None
        reach = min(low for low, _ in ends), max(high for _, high in ends)
        if any(end != reach for end in ends):
            found[number] = reach
    return found
