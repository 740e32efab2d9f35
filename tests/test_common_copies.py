"""Residue classes that read one copy in common: of a strided window every class has other taps."""

from __future__ import annotations

import random

import numpy as np
import pytest

import symconv as sc
from symconv import joining
from symconv.emission import ordered, sources, specialised
from symconv.lower import lower
from symconv.passes import all_passes
from symconv.shapes import bind


def plans_of(op, shapes, name):
    """The plans of a pass, of its only term."""
    items = specialised(all_passes(op.definition), bind(op.definition, shapes))
    (node,) = lower(next(item for item in items if item.name == name), "auto").body
    (plans,) = node.plans
    return plans


def test_weights_of_a_strided_layer_are_copied_once_for_all_classes():
    op = sc.ops.conv2d(stride=2, padding=1, bias=False)
    shapes = {"x": (1, 64, 14, 14), "w": (96, 64, 3, 3)}
    plans = plans_of(op, shapes, "vjp_x")
    assert len(plans) == 4
    assert len({plan.common for plan in plans}) == 1
    assert plans[0].packing.common
    order = ordered(op, "k", "float32", shapes)
    items = specialised(all_passes(order.program), order.fixed)
    text = sources("c", order, [item for item in items if item.name == "vjp_x"])["k.c"]
    assert text.count("k_turn(packed") + text.count("k_line(packed") == 1


def layers():
    """Convolutions with a stride along some axis, drawn at random."""
    draw, found = random.Random(5), []
    for _ in range(24):
        rank = draw.choice((1, 2, 2, 3))
        each = range(rank)
        kernel = tuple(draw.randint(2, 5) for _ in each)
        groups = draw.choice((1, 1, 2))
        channels, outputs = groups * draw.randint(1, 20), groups * draw.randint(1, 20)
        op = getattr(sc.ops, f"conv{rank}d")(
            stride=(2, *(draw.randint(1, 3) for _ in each))[:rank],
            padding=tuple(draw.randint(0, 2) for _ in each),
            dilation=tuple(draw.choice((1, 1, 2)) for _ in each), groups=groups, bias=False)
        size = tuple(draw.randint(*((40, 90), (9, 20), (9, 10))[rank - 1]) for _ in each)
        found.append((op, {"x": (2, channels, *size), "w": (outputs, channels // groups, *kernel)}))
    return found


@pytest.fixture
def always(monkeypatch):
    """Every term takes plans with a common copy, where there are any."""
    monkeypatch.setattr(joining, "_COPYING", -1.0)
    monkeypatch.setattr(joining, "_common_time", lambda offers: -1.0)


@pytest.mark.parametrize(("op", "shapes"), layers())
def test_common_copies_give_the_sums_of_plain_loops(op, shapes, always):
    numbers = np.random.default_rng(0)
    data = {name: numbers.integers(-4, 5, shape).astype(float) for name, shape in shapes.items()}
    dy = numbers.integers(-4, 5, op.output_shape(**shapes)["y"]).astype(float)
    found, wanted = (sc.build(op, "c", "float64", shapes=shapes, schedule=schedule).vjp(dy, **data)
                     for schedule in ("auto", "reference"))
    for name in data:
        np.testing.assert_array_equal(found[name], wanted[name])


def test_some_of_these_layers_have_them(always):
    found = [plan.common for op, shapes in layers()[:10] for plan in plans_of(op, shapes, "vjp_x")]
    assert sum(common is not None for common in found) > 10
