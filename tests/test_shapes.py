"""Sizes come from shapes, and every contradiction is refused with operand, axis and remedy."""

from __future__ import annotations

import pytest
from acceptance import (
    ACCEPTANCE,
    Case,
    at,
    grouped_convolution,
    indices,
    max_pooling,
    sizes,
    tensor,
    term,
    transposed_convolution,
    within,
)

from symconv.errors import ParameterError, ShapeError, SymconvError
from symconv.integers import Int, floor_div
from symconv.ir import AtLeast, Definition, Program, Requirement
from symconv.shapes import bind, logical_shape, output_shapes, specialise, stored_shape

H, i, a = map(Int.of, "Hia")


def window(kernel: int, stride: int, padding: int, dilation: int = 1,
           reduction: str = "max") -> Program:
    place = stride * i + dilation * a - padding
    extent = floor_div(H + 2 * padding - dilation * (kernel - 1) - 1, stride) + 1
    y = Definition(tensor("y", "N", "Ho"), indices(n="N", i="Ho"),
                   (term(at("x", "n", place), indices(a=kernel), *within(place, H)),), reduction)
    return Program((tensor("x", "N", "H"),), (y,), ("y",), sizes("N H", Ho=extent))


def test_free_sizes_are_read_and_derived_ones_computed_in_order() -> None:
    case = grouped_convolution()
    assert bind(case.program, case.shapes) == {
        "N": 2, "C": 4, "H": 9, "O": 6, "K": 3, "Cg": 2, "Og": 3, "Ho": 4}


def test_stored_and_logical_shapes_differ_by_the_split() -> None:
    case = grouped_convolution()
    values = bind(case.program, case.shapes)
    x = case.program.tensor("x")
    assert stored_shape(x, values) == (2, 4, 9)
    assert logical_shape(x, values) == (2, 2, 2, 9)
    assert output_shapes(case.program, values) == {"y": (2, 6, 4)}


@pytest.mark.parametrize("case", ACCEPTANCE, ids=lambda case: case.name)
def test_specialised_programs_name_no_size(case: Case) -> None:
    values = bind(case.program, case.shapes)
    fixed = specialise(case.program, values)
    assert fixed.sizes == ()
    assert fixed.requirements == ()
    assert output_shapes(fixed, {}) == output_shapes(case.program, values)
    assert bind(fixed, case.shapes) == {}


def test_a_shape_that_follows_from_the_others_may_be_left_out() -> None:
    case = transposed_convolution()
    assert bind(case.program, {"x": (1, 2, 4), "w": (2, 5, 3)})["O"] == 5
    with pytest.raises(ShapeError, match=r"do not determine O, K.*give the shape of w or b"):
        bind(case.program, {"x": (1, 2, 4)})


def test_an_affine_extent_is_solved_for_its_only_unknown() -> None:
    program = Program((tensor("x", 2 * H + 1),),
                      (Definition(tensor("y", "H"), indices(i="H"), (term(at("x", i)),)),),
                      ("y",), sizes("H"))
    assert bind(program, {"x": (9,)}) == {"H": 4}
    with pytest.raises(ShapeError, match=r"x, axis 0: extent 8 given, needed is 2\*H \+ 1"):
        bind(program, {"x": (8,)})


def test_a_free_factor_of_a_split_axis_is_solved() -> None:
    y = Definition(tensor("y", "F"), indices(i="F"), (term(at("x", 0, i)),))
    program = Program((tensor("x", ("C", (2, "F"))),), (y,), ("y",), sizes("C F"))
    assert bind(program, {"x": (6,)}) == {"C": 6, "F": 3}


def test_parameters_must_have_values_and_no_others() -> None:
    program = Program((tensor("x", "H"),), (Definition(
        tensor("y", "H"), indices(i="H"), (term(at("x", i)),)),), ("y",), sizes("H"), ("s",))
    assert bind(program, {"x": (3,)}, {"s": 2}) == {"H": 3, "s": 2}
    with pytest.raises(ParameterError, match="parameter s has no value"):
        bind(program, {"x": (3,)})
    with pytest.raises(ParameterError, match="q is no symbolic parameter"):
        bind(program, {"x": (3,)}, {"s": 2, "q": 1})


@pytest.mark.parametrize(("shapes", "message"), [
    ({"x": (2, 4), "w": (6, 2, 3), "b": (6,)}, r"x: .*\(2, 4\) has 2 axes, needed are 3 axes"),
    ({"x": (2, 4, 9), "w": (6, 3, 3), "b": (6,)}, r"w, axis 1: extent 3 given, needed is Cg = 2"),
    ({"x": (2, 4, 9), "w": (6, 2, 3), "b": (5,)},
     r"b, axis 0: extent 5 given, needed is O = 6 \(O = 6 from w, axis 0\)"),
    ({"x": (2, 5, 9), "w": (6, 2, 3), "b": (6,)}, r"x, axis 1: extent 5 does not split into"),
    ({"x": (2, 4, 2), "w": (6, 2, 3), "b": (6,)},
     r"output y, axis 2: its extent Ho = .* is 0, needed is at least 1 \(H = 2, K = 3\)"),
    ({"x": (2, 4, -1), "w": (6, 2, 3), "b": (6,)}, r"x, axis 2: extent -1 given"),
    ({"x": (2, 4, 9), "w": (6, 2, 3), "b": (6,), "z": (1,)}, r"z: no operand has this name"),
], ids=["rank", "derived", "repeated", "split", "output", "negative", "unknown"])
def test_contradictions_name_operand_axis_and_need(shapes: dict[str, tuple[int, ...]],
                                                   message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        bind(grouped_convolution().program, shapes)


def test_a_broken_requirement_shows_its_message_and_the_values() -> None:
    program = window(3, 1, 2, reduction="sum")
    program = Program(program.inputs, program.definitions, program.outputs, program.sizes, (),
                      (Requirement(AtLeast(H - 3), "reflect needs a padding below H"),))
    assert bind(program, {"x": (1, 3)})["Ho"] == 5
    with pytest.raises(ShapeError, match=r"reflect needs a padding below H \(H = 2\)"):
        bind(program, {"x": (1, 2)})


def test_an_empty_batch_is_fine_and_any_other_empty_output_is_not() -> None:
    assert output_shapes(max_pooling().program,
                         bind(max_pooling().program, {"x": (0, 2, 5, 4)})) == {"y": (0, 2, 3, 3)}
    with pytest.raises(ShapeError, match="output y, axis 1"):
        bind(window(3, 1, 0), {"x": (1, 2)})


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "extent", "empty"), [
    (3, 2, 1, 1, 5, False), (2, 1, 1, 2, 1, True), (2, 1, 1, 2, 2, False), (1, 1, 1, 1, 3, True),
    (2, 3, 2, 1, 4, True), (3, 1, 1, 3, 5, False),
])
def test_windows_without_a_value_are_refused_for_max_only(
        kernel: int, stride: int, padding: int, dilation: int, extent: int, empty: bool) -> None:
    found = [[tap for tap in range(kernel)
              if 0 <= stride * start + dilation * tap - padding < extent]
             for start in range((extent + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)]
    assert (not all(found)) == empty, "the table of this test is wrong"
    bind(window(kernel, stride, padding, dilation, "sum"), {"x": (1, extent)})
    if empty:
        with pytest.raises(ShapeError, match=rf"the max at .*i = {found.index([])}.* has no value"):
            bind(window(kernel, stride, padding, dilation), {"x": (1, extent)})
    else:
        bind(window(kernel, stride, padding, dilation), {"x": (1, extent)})


def test_an_extremum_over_nothing_is_refused() -> None:
    y = Definition(tensor("y", "N"), indices(n="N"),
                   (term(at("x", "n", a), indices(a="H")),), "max")
    program = Program((tensor("x", "N", "H"),), (y,), ("y",), sizes("N H"))
    assert bind(program, {"x": (2, 1)}) == {"N": 2, "H": 1}
    assert bind(program, {"x": (0, 1)}) == {"N": 0, "H": 1}
    for batch in (2, 0):                    # what is wrong for every batch is wrong for none
        with pytest.raises(ShapeError, match="runs over a of extent 0"):
            bind(program, {"x": (batch, 0)})


def test_a_division_by_an_empty_size_is_a_shape_error() -> None:
    y = Definition(tensor("y", "Q"), indices(i="Q"), (term(at("x", i)),))
    program = Program((tensor("x", "H"), tensor("k", "K")), (y,), ("y",),
                      sizes("H K", Q=floor_div(H, Int.of("K"))))
    with pytest.raises(SymconvError, match="divides by 0"):
        bind(program, {"x": (4,), "k": (0,)})
