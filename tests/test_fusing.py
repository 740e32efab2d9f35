"""Fused variables: a contraction over fewer of them reads and writes the same elements."""

from __future__ import annotations

import itertools

import pytest

import symconv as sc
from symconv import schedule
from symconv.fusing import fused
from symconv.integers import evaluate
from symconv.lower import lower
from symconv.passes import Pass, all_passes
from symconv.places import flat
from symconv.shapes import bind, specialise

POINTWISE = sc.ops.conv2d(bias=False), {"x": (2, 3, 4, 5), "w": (4, 3, 1, 1)}
VOLUME = sc.ops.conv3d(bias=False), {"x": (1, 2, 3, 2, 5), "w": (3, 2, 1, 1, 1)}
STRIDED = sc.ops.conv2d(bias=False, stride=2), {"x": (1, 2, 6, 7), "w": (3, 2, 1, 1)}
PADDED = sc.ops.conv2d(bias=False, padding=1), {"x": (1, 2, 4, 5), "w": (3, 2, 1, 1)}
ROWS = sc.ops.conv2d(bias=False), {"x": (1, 2, 5, 4), "w": (3, 2, 3, 1)}


def pairs(monkeypatch, op, shapes):
    """Every contraction before and after, with the strides of the arrays and of the target."""
    found = []

    def spy(contraction, strides, target, fixed, name):
        made = fused(contraction, strides, target, fixed, name)
        found.append((contraction, made, strides, target))
        return made

    monkeypatch.setattr(schedule, "fused", spy)
    op = op.for_shapes(shapes)
    for item in all_passes(op.definition):
        lower(Pass(item.name, specialise(item.program, bind(op.definition, shapes))))
    return found


def touched(contraction, strides, target):
    """The positions in the target and in both operands, of every point."""
    spans = (*contraction.outer, *contraction.inner)
    places = (flat(contraction.target, target),
              *(flat(read.subscripts, strides[read.tensor]) for read in contraction.operands))
    return sorted(
        tuple(evaluate(place, dict(zip((s.name for s in spans), values, strict=True)))
              for place in places)
        for values in itertools.product(*(range(s.low, s.stop) for s in spans)))


@pytest.mark.parametrize(("case", "fewer"), [
    (POINTWISE, 1), (VOLUME, 2), (STRIDED, 0), (PADDED, 0), (ROWS, 0)])
def test_fused_variables_visit_the_same_elements(monkeypatch, case, fewer):
    counts = set()
    for before, after, strides, target in pairs(monkeypatch, *case):
        assert touched(before, strides, target) == touched(after, strides, target)
        counts.add(len(before.outer + before.inner) - len(after.outer + after.inner))
    assert counts == {fewer}
