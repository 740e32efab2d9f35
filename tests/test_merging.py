"""Merged residue classes: fewer contractions that read and write the same elements."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

import symconv as sc
from symconv import merging, schedule
from symconv.integers import evaluate
from symconv.lower import lower
from symconv.merging import merged
from symconv.passes import Pass, all_passes
from symconv.shapes import bind, specialise


def classes(monkeypatch, op, shapes):
    """The classes of the gradient of x, before and after."""
    found = []

    def spy(before, fixed, name):
        after = merged(before, fixed, name)
        found.append((before, after))
        return after

    monkeypatch.setattr(schedule, "merged", spy)
    op = op.for_shapes(shapes)
    (item,) = (item for item in all_passes(op.definition) if item.name == "vjp_x")
    lower(Pass(item.name, specialise(item.program, bind(op.definition, shapes))))
    return found[0]


def touched(contraction):
    """The subscripts in the target and in both operands, of every point in the valid ranges."""
    spans = (*contraction.outer, *contraction.inner)
    found = Counter()
    for values in itertools.product(*(range(s.low, s.stop) for s in spans)):
        known = dict(zip((s.name for s in spans), values, strict=True))
        reads = [tuple(evaluate(place, known) for place in read.subscripts)
                 for read in contraction.operands]
        if all(low <= place < stop for read, places in zip(contraction.operands, reads, strict=True)
               for place, (low, stop) in zip(places, read.valid, strict=True)):
            found[tuple(evaluate(place, known) for place in contraction.target), *reads] += 1
    return found


def every_point(contractions):
    return sum((touched(one) for one in contractions if not one.is_empty), Counter())


CASES = {
    "frames": (sc.ops.conv1d(stride=5, bias=False), {"x": (2, 2, 60), "w": (13, 2, 10)}, 5, 1),
    "patches": (sc.ops.conv2d(stride=(2, 3), bias=False),
                {"x": (1, 2, 6, 9), "w": (13, 2, 2, 3)}, 6, 1),
    "padded": (sc.ops.conv1d(stride=2, padding=1, bias=False),
               {"x": (2, 2, 12), "w": (13, 2, 4)}, 2, 1),
    "ragged": (sc.ops.conv1d(stride=4, padding=1, bias=False),
               {"x": (1, 9, 64), "w": (13, 9, 8)}, 4, 2),
    "uneven": (sc.ops.conv1d(stride=2, padding=1, bias=False),
               {"x": (1, 9, 12), "w": (13, 9, 3)}, 2, 2),
    "gaps": (sc.ops.conv1d(stride=4, bias=False), {"x": (1, 9, 16), "w": (13, 9, 2)}, 4, 2)}


@pytest.mark.parametrize("name", CASES)
def test_merged_classes_visit_the_same_elements(monkeypatch, name):
    op, shapes, many, few = CASES[name]
    before, after = classes(monkeypatch, op, shapes)
    assert (len(before), len(after)) == (many, few)
    assert every_point(before) == every_point(after)
    assert every_point(before)


def test_classes_that_grow_unevenly_stay_apart(monkeypatch):
    before, _ = classes(monkeypatch, *CASES["frames"][:2])
    again = merged([before[0], before[1], before[3]], (), lambda axis, level: f"r{axis}{level}")
    assert len(again) == 2
    assert every_point(again) == every_point([before[0], before[1], before[3]])


def test_fixed_variables_keep_their_ranges(monkeypatch):
    op, shapes, *_ = CASES["padded"]
    before, _ = classes(monkeypatch, op, shapes)
    names = {span.name for one in before for span in one.outer if span.low}
    assert names
    after = merged(before, names, lambda axis, level: f"r{axis}{level}")
    assert after == before


def test_a_wrong_distance_is_seen(monkeypatch):
    """The comparison of elements objects where the constants of an operand are not moved."""
    real = merging._moves

    def wrong(first, second, fixed):
        moves = real(first, second, fixed)
        return moves and (*moves[:-1], 0)

    monkeypatch.setattr(merging, "_moves", wrong)
    before, after = classes(monkeypatch, *CASES["frames"][:2])
    assert every_point(before) != every_point(after)
