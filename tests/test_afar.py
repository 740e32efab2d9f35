"""Large arrays: plans that go along their runs cost less than plans that go from row to row."""

from __future__ import annotations

from dataclasses import replace

import pytest

import symconv as sc
from symconv import afar, blocking, effort, joining, offers
from symconv.element import FLOAT32
from symconv.loops import Tiled
from symconv.lower import lower
from symconv.passes import Pass, all_passes
from symconv.shapes import bind, specialise

FRAMES = sc.ops.conv1d(stride=5, bias=False), {"x": (1, 1, 80000), "w": (256, 1, 10)}
POINTS = sc.ops.conv2d(bias=False), {"x": (4, 256, 40, 40), "w": (64, 256, 1, 1)}


def item(case, name):
    op, shapes = case
    op = op.for_shapes(shapes)
    (found,) = (one for one in all_passes(op.definition) if one.name == name)
    return Pass(name, specialise(found.program, bind(op.definition, shapes)))


def plan(case, name):
    (node,) = lower(item(case, name)).body
    assert isinstance(node, Tiled)
    return node.plans[0][0]


@pytest.mark.parametrize(("moves", "count"), [
    ([(1, 112), (3136, 256)], 256),         # a stretch of each of many rows
    ([(1, 3136), (3136, 256)], 1),          # whole rows that follow each other
    ([(2, 16), (1, 7)], 1),                 # every other place, and what lies between
    ([(448, 112)], 112),
    ([(0, 9), (100_000, 3), (1, 4)], 3),
    ([], 1)])
def test_runs_are_counted(moves, count):
    assert afar._runs(moves, FLOAT32) == pytest.approx(count)


def test_a_large_target_is_written_row_by_row(monkeypatch):
    """The order in which panels pass all rows loses by what it costs to begin a row."""
    made = plan(FRAMES, "forward")
    assert blocking.may_be_by_lanes(made)
    assert not made.by_lanes
    known = effort.effort(replace(made, by_lanes=True)) / effort.effort(made)
    monkeypatch.setattr(afar, "leaving", lambda plan: (0.0, 0.0))
    assert known > 1.5
    assert effort.effort(replace(made, by_lanes=True)) / effort.effort(made) < 1.1


def test_the_rows_of_a_few_go_on_from_tile_to_tile():
    """Each of few rows begins once, and each of many in every tile that all rows pass."""
    made = replace(plan(FRAMES, "forward"), by_lanes=True)
    tiles = made.bands * -(-made.width // made.wide)
    assert tiles > 1
    begun = {rows: afar.leaving(replace(made, group=rows))[1] for rows in (8, 30, 64)}
    assert begun[8] == pytest.approx(begun[64] / tiles)
    assert begun[8] < begun[30] < begun[64]


def test_lanes_of_a_volume_are_neighbours_in_a_large_target(monkeypatch):
    """Rows of one plane after the other are one stretch; rows of many planes are none."""
    volume = sc.ops.conv3d(padding=1, bias=False), {
        "x": (1, 1, 64, 64, 64), "w": (16, 1, 3, 3, 3)}
    cost = {tuple(lane.name for lane in one.lanes): afar.leaving(one)[0]
            for _, one in offered(monkeypatch, volume, "forward") if not one.low}
    assert cost["i", "k"] > 3 * cost["j", "k"] == 3 * cost["i", "j", "k"]
    assert [lane.name for lane in plan(volume, "forward").lanes] != ["i", "k"]


def test_small_arrays_cost_nothing_more():
    small = sc.ops.conv2d(padding=1, bias=False), {"x": (1, 64, 28, 28), "w": (64, 64, 3, 3)}
    for name in ("forward", "vjp_x", "vjp_w"):
        made = plan(small, name)
        assert afar.leaving(made) == (0.0, 0.0)
        assert afar.numbers(made) == 0.0
        assert afar.vectors(made) == 0.0
        assert made.packing is None or afar.copying(made.packing, made.element) == 0.0


def offered(monkeypatch, case, name):
    """All plans for a pass, with what they cost."""
    return offered_to(monkeypatch, lambda: plan(case, name))


def offered_to(monkeypatch, search):
    """All plans that a search is offered, with what they cost."""
    found = []

    def spy(*arguments):
        found.extend(offers.tile_offers(*arguments))
        return offers.tile_offers(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(offers, "_tiles", offers._tiles.__wrapped__)      # what is patched is asked
        patch.setattr(joining, "tile_offers", spy)
        search()
    return [(offer.time, offer.plan) for offer in found]


def test_a_large_operand_is_copied_in_long_rows_rather_than_read_in_short_ones(monkeypatch):
    case = sc.ops.conv2d(bias=False), {"x": (8, 256, 56, 56), "w": (64, 256, 1, 1)}

    def cheapest(is_packed):
        return min(cost for cost, one in offered(monkeypatch, case, "forward")
                   if not one.low and (one.packing is not None) == is_packed)

    assert cheapest(True) < cheapest(False)
    monkeypatch.setattr(afar, "vectors", lambda plan: 0.0)
    assert cheapest(True) > cheapest(False)


def test_long_stretches_of_numbers_are_preferred(monkeypatch):
    """The gradient of the weights reads the numbers of a row in parts: long ones."""
    parts = {one.run: afar.numbers(one) for _, one in offered(monkeypatch, POINTS, "vjp_w")
             if one.row.name == "c" and one.bands == 2 and one.groups == 1}
    assert len(parts) > 1
    assert [parts[run] for run in sorted(parts)] == sorted(parts.values(), reverse=True)


def test_kept_numbers_are_read_once():
    gathered = replace(plan(POINTS, "vjp_x"), gathered=True)
    assert gathered.bands * gathered.slices[0].extent > 1
    known = {True: afar.numbers(replace(gathered, group=gathered.grain)),
             False: afar.numbers(replace(gathered, gathered=False))}
    assert known[True] <= known[False]


def test_a_large_operand_is_read_in_place_by_wide_tiles():
    """Its rows are far from each other: tiles twice as wide begin half as many runs there."""
    case = sc.ops.conv2d(bias=False), {"x": (1, 256, 56, 56), "w": (64, 256, 1, 1)}
    made = plan(case, "forward")
    assert made.low
    assert made.packing is None
    assert afar.vectors(made) == pytest.approx(afar.vectors(replace(made, low=False)) / 2, rel=0.1)
    small = sc.ops.conv2d(bias=False), {"x": (1, 64, 28, 28), "w": (64, 64, 1, 1)}
    assert not plan(small, "forward").low
