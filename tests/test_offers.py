"""Searches for operands without names: they find what a search for these very operands finds, and
serve all contractions that differ in names alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

import symconv as sc
from symconv import joining, offers, transforming
from symconv.blocking import plans
from symconv.dotting import dot_plans
from symconv.effort import effort
from symconv.emission import specialised
from symconv.lower import lower
from symconv.passes import all_passes
from symconv.shapes import bind
from symconv.winograd_effort import winograd_effort
from symconv.winograd_plans import winograd_plans

CASES = {
    "windows": (sc.ops.conv2d(padding=1, bias=False), {"x": (1, 24, 20, 22), "w": (40, 24, 3, 3)}),
    "strides": (sc.ops.conv2d(stride=2, padding=1, bias=False),
                {"x": (1, 20, 14, 14), "w": (12, 20, 3, 3)}),
    "few sums": (sc.ops.conv2d(padding=2, bias=False), {"x": (4, 1, 27, 26), "w": (3, 1, 5, 5)}),
    "squares": (sc.parse("x: [N, K]; y[i] = sum[k](x[i,k] * x[i,k])"), {"x": (19, 40)}),
    "with itself": (sc.parse("x: [N, K]; y[i,j] = sum[k](x[i,k] * x[j,k])"), {"x": (19, 40)}),
}


def passes(name):
    op, shapes = CASES[name]
    return specialised(all_passes(op.definition), bind(op.definition, shapes))


def asked(monkeypatch, name, module, function):
    """What the passes ask for, and what they are offered."""
    found = []
    real = getattr(offers, function)

    def spy(*arguments):
        found.append((arguments, real(*arguments)))
        return found[-1][1]

    monkeypatch.setattr(module, function, spy)
    for item in passes(name):
        lower(item, "auto", True)
    return found


def turned(contraction, strides, beside=(), sides=(0, 1)):
    """The contraction and those beside it with either operand in front, and the strides of both."""
    for turn in ((tuple, lambda both: (both[1], both[0]))[side] for side in sides):
        one, *others = (replace(each, operands=turn(each.operands))
                        for each in (contraction, *beside))
        yield one, tuple(strides[operand.tensor] for operand in one.operands), tuple(others)


def assert_same(found, wanted, contraction):
    """`wanted` in the order of the search, with times."""
    wanted = sorted(wanted, key=lambda each: each[0])
    assert [offer.time for offer in found] == [time for time, _ in wanted]
    assert [offer.plan for offer in found] == [
        replace(plan, contraction=contraction) for _, plan in wanted]


@pytest.mark.parametrize("name", list(CASES))
def test_tiles_are_those_of_a_search_with_names(monkeypatch, name):
    seen = asked(monkeypatch, name, joining, "tile_offers")
    assert any(found for _, found in seen)
    for (contraction, strides, *rest, beside, sides), found in seen:
        assert_same(found, [
            (effort(plan), plan)
            for one, both, others in turned(contraction, strides, beside, sides)
            for plan in (*plans(one, both, *rest, others),
                         *(() if beside else dot_plans(one, both, *rest)))], contraction)


@pytest.mark.parametrize("name", ["windows", "strides"])
def test_transforms_are_those_of_a_search_with_names(monkeypatch, name):
    seen = asked(monkeypatch, name, transforming, "winograd_offers")
    assert any(found for _, found in seen)
    for (contraction, strides, target), found in seen:
        assert_same(found, [
            (winograd_effort(plan), plan) for one, both, _ in turned(contraction, strides)
            for plan in winograd_plans(one, both, target)], contraction)


def test_a_convolution_and_its_derivatives_have_three_contractions():
    """x w, dy w and dy x; of each, either operand may give the vectors."""
    made = passes("windows")
    offers._tiles.cache_clear()
    offers._transforms.cache_clear()
    for item in made:
        lower(item, "auto", True)
    assert len(made) == 7
    assert offers._tiles.cache_info().misses == 6
    assert offers._transforms.cache_info().misses == 6
