"""Trimmed contractions: whole vectors of lanes, and what is behind them."""

from __future__ import annotations

import itertools

import pytest

import symconv as sc
from symconv import schedule
from symconv.lower import lower
from symconv.passes import Pass, all_passes
from symconv.shapes import bind, specialise
from symconv.trimming import trimmed


def pieces(monkeypatch, op, shapes):
    """Every contraction with what becomes of it."""
    found = []

    def spy(contraction, target, fixed):
        made = trimmed(contraction, target, fixed)
        found.append((contraction, made))
        return made

    monkeypatch.setattr(schedule, "trimmed", spy)
    op = op.for_shapes(shapes)
    item = all_passes(op.definition)[0]
    lower(Pass(item.name, specialise(item.program, bind(op.definition, shapes))))
    return found


def values(contraction):
    """The values of the outer variables."""
    return list(itertools.product(*(range(s.low, s.stop) for s in contraction.outer)))


@pytest.mark.parametrize(("rows", "columns", "sizes"), [
    (7, 7, [48, 1]), (4, 9, [32, 4]), (3, 7, [21]), (6, 8, [48]), (3, 5, [15]), (1, 500, [500])])
def test_vectors_and_what_is_behind_them_are_all_lanes_once(monkeypatch, rows, columns, sizes):
    op, shapes = sc.ops.conv2d(bias=False), {"x": (1, 3, rows, columns), "w": (5, 3, 1, 1)}
    ((whole, made),) = pieces(monkeypatch, op, shapes)
    assert [one.outer[-1].extent for one in made] == sizes
    assert sorted(value for one in made for value in values(one)) == values(whole)
    assert {(one.target, one.operands, one.inner) for one in made} == {
        (whole.target, whole.operands, whole.inner)}


def test_lanes_that_a_caller_sets_are_left_alone(monkeypatch):
    op, shapes = sc.ops.conv2d(bias=False), {"x": (1, 3, 7, 7), "w": (5, 3, 1, 1)}
    ((whole, made),) = pieces(monkeypatch, op, shapes)
    lane = whole.outer[-1].name
    assert len(made) == 2
    assert trimmed(whole, (245, 49, 7, 1), {lane}) == (whole,)
