"""Elements of another size: vectors have other lanes, caches room for fewer of them, and searches
that differ in nothing else are kept apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_afar import offered_to
from test_tuning import passes

import symconv as sc
from symconv import afar, effort, offers
from symconv.element import BEYOND, FLOAT32, FLOAT64, PANEL, Element, element_of, most_copied
from symconv.emit.c import emit_c
from symconv.loops import Tiled
from symconv.lower import lower

BOTH = pytest.mark.parametrize("element", [FLOAT32, FLOAT64])
WINDOWS = sc.ops.conv2d(padding=1, bias=False), {"x": (1, 96, 40, 40), "w": (64, 96, 3, 3)}
POINTS = sc.ops.conv2d(bias=False), {"x": (1, 256, 56, 56), "w": (64, 256, 1, 1)}
NARROW = sc.ops.conv2d(bias=False), {"x": (1, 64, 3, 4), "w": (64, 64, 1, 1)}


def offered(monkeypatch, case, element):
    """All plans of a forward pass, with their times."""
    return offered_to(monkeypatch, lambda: lower(passes(*case)[0], element=element))


def plan(case, element):
    (node,) = lower(passes(*case)[0], element=element).body
    assert isinstance(node, Tiled)
    return node.plans[0][0]


def test_a_vector_fills_a_cache_line():
    assert (element_of("float32"), element_of("float64")) == (FLOAT32, FLOAT64)
    assert (FLOAT32.line, FLOAT64.line) == (16, 8)
    assert Element(2).within(100) == 50


@BOTH
def test_copies_are_counted_in_bytes(monkeypatch, element):
    """Those of one part fit into the cache and fill most of it; their planes are whole lines."""
    plans = [one for _, one in offered(monkeypatch, WINDOWS, element) if one.dots is None]
    packed = [one for one in plans if one.packing is not None]
    assert 300_000 < element.size * most_copied(element) < 450_000
    sizes = [one.packing.size for one in packed]
    assert most_copied(element) / 2 < max(sizes) <= most_copied(element)
    assert all(one.packing.plane % element.line == 0 for one in packed)
    assert any(one.packing.plane % FLOAT32.line for one in packed) == (element != FLOAT32)
    panels = [one.panel * element.size for one in plans if one.by_lanes]
    assert PANEL / 2 < max(panels) <= PANEL


@BOTH
def test_an_operand_may_be_read_in_place_that_has_lanes_for_a_vector(monkeypatch, element):
    """Here are 12 of them."""
    plans = [one for _, one in offered(monkeypatch, NARROW, element)
             if one.dots is None and one.lanes[0].name != "o"]
    assert plans
    assert any(one.packing is None for one in plans) == (element == FLOAT64)


def test_searches_for_elements_of_each_size_are_kept_apart():
    item = passes(*WINDOWS)[0]
    offers._tiles.cache_clear()
    first = [lower(item, element=element) for element in (FLOAT32, FLOAT64, FLOAT32, FLOAT64)]
    assert first[0] == first[2] != first[1] == first[3]
    assert offers._tiles.cache_info().misses == 4
    offers._tiles.cache_clear()
    assert [lower(item, element=element) for element in (FLOAT64, FLOAT32)] == first[1:3]


def test_a_file_has_the_plans_for_its_element_type():
    item = passes(*POINTS)[0]
    wanted = {element: str(plan(POINTS, element).band) for element in (FLOAT32, FLOAT64)}
    assert len(set(wanted.values())) == 2
    for dtype in ("float32", "float64"):
        text = emit_c("k", item.program, [item], dtype, accuracy="strict")["k.c"]
        for element, band in wanted.items():
            assert (f"* {band}" in text) == (element == element_of(dtype))


def as_doubles(made):
    """The same plan for elements twice as large."""
    return replace(made, contraction=replace(made.contraction, element=FLOAT64))


def test_what_takes_bytes_takes_twice_as_much_of_larger_elements():
    """Arrays are out of reach sooner, and runs of the same length are more lines."""
    made = plan(POINTS, FLOAT32)
    assert afar.vectors(as_doubles(made)) > 1.5 * afar.vectors(made) > 0
    reach = afar._target_reach(made)
    assert afar._missed(reach // 2, afar._TARGETS, FLOAT64) == pytest.approx(
        afar._missed(reach, afar._TARGETS, FLOAT32), rel=1e-3)
    packing = next(one for one in (plan(WINDOWS, FLOAT32).packing,) if one is not None)
    lines = packing.size / packing.lanes[-1].count
    small, large = (effort._copying(packing, element) - 8 * lines for element in (FLOAT32, FLOAT64))
    assert large == pytest.approx(2 * small)


def test_what_takes_instructions_takes_as_many_for_each_vector_and_number():
    """A plan has twice as many vectors of larger elements: so many more products, and as much for
    each of them."""
    made = replace(plan(WINDOWS, FLOAT32), packing=None, gathered=False, by_lanes=False)
    assert made.width % FLOAT32.line == 0 or made.width > 10 * FLOAT32.line
    known = effort.effort(as_doubles(made)) / effort.effort(made)
    assert 1.8 < known < 2.4
    rows = effort._gathering(made)(8), effort._gathering(as_doubles(made))(8)
    assert rows[0] <= rows[1] < 1.5 * rows[0]


@BOTH
def test_low_tiles_are_for_operands_that_no_cache_holds(monkeypatch, element):
    room = element.within(BEYOND)
    for channels in (room // 3136 - 1, room // 3136 + 2):
        case = sc.ops.conv2d(bias=False), {"x": (1, channels, 56, 56), "w": (64, channels, 1, 1)}
        low = [one for _, one in offered(monkeypatch, case, element) if one.low]
        assert bool(low) == (channels * 3136 > room)
