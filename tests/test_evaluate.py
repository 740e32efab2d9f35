"""What the reference interpreter promises: order, guards, ties, refusal, and its independence."""

from __future__ import annotations

import ast
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy
from acceptance import (
    ACCEPTANCE,
    Case,
    at,
    bracketed_diagonal,
    element,
    indices,
    max_pooling,
    neighbours,
    sizes,
    tensor,
    term,
    times,
    within,
)

import symconv.evaluate
from symconv.arithmetic import SYMBOLIC
from symconv.bounded import bounded
from symconv.errors import ParameterError, ShapeError
from symconv.evaluate import evaluate
from symconv.integers import Int, floor_div, smallest
from symconv.ir import (
    Apply,
    AtLeast,
    Definition,
    Divides,
    Equal,
    Number,
    Power,
    Program,
    Term,
    Whole,
)
from symconv.shapes import bind, specialise

H, i, a, b, u = map(Int.of, "Hiabu")
FLOAT32 = bounded("float32")


def over(definition: Definition, *inputs: str) -> Program:
    """A program of one definition over vectors of length H (integer ones have the name k)."""
    return Program(tuple(tensor(name, "H", kind="integer" if name == "k" else "real")
                         for name in inputs), (definition,), (definition.target.name,),
                   sizes("H"))


def scalar(body: Term, reduction: str = "sum", ties: str = "first", kind: str = "real") -> Program:
    target = tensor("y", kind=kind)
    return over(Definition(target, (), (body,), reduction, ties), "x", "k")


ALL = indices(a="H")


def value(program: Program, *, x: object, k: object = (0,), arithmetic: object = None) -> object:
    size = len(x)
    given = {"x": x, "k": list(k) * (size if len(k) == 1 else 1)}
    result = evaluate(program, given, {"H": size}, *([arithmetic] if arithmetic else []))
    return result["y"].item()


@pytest.mark.parametrize("case", ACCEPTANCE, ids=lambda case: case.name)
def test_fixed_sizes_change_no_value(case: Case) -> None:
    values, inputs = bind(case.program, case.shapes), case.sample()
    free = evaluate(case.program, inputs, values, FLOAT32)
    fixed = evaluate(specialise(case.program, values), inputs, None, FLOAT32)
    assert free["y"].tolist() == fixed["y"].tolist()


def test_reading_outside_is_an_error_unless_a_row_forbids_the_point() -> None:
    inside = scalar(term(at("x", a + 1), ALL, *within(a + 1, H)))
    assert value(inside, x=[1, 2, 4]) == 6
    with pytest.raises(ShapeError, match=r"x\[a \+ 1\] reads outside: place \[3\] of extents"):
        value(scalar(term(at("x", a + 1), ALL)), x=[1, 2, 4])
    with pytest.raises(ShapeError, match="reads outside"):
        value(scalar(term(at("x", a - 1), ALL)), x=[1, 2, 4])     # -1 is no last element


def test_rows_that_read_integers_wait_for_the_rows_before_them() -> None:
    chosen = element("k", a + 1)
    rows = (*within(a + 1, H), Equal(chosen - 2))
    assert value(scalar(term(at("x", a), ALL, *rows)), x=[1, 2, 4], k=[0, 2, 1]) == 1
    with pytest.raises(ShapeError, match=r"k\[a \+ 1\] reads outside"):
        value(scalar(term(at("x", a), ALL, rows[2], *rows[:2])), x=[1, 2, 4], k=[0, 2, 1])


def test_equalities_divisibility_floors_and_minima_follow_python() -> None:
    halves = term(at("x", a), ALL, Divides(Int.of(2), a + 1))
    assert value(scalar(halves), x=[1, 2, 4, 8]) == 10
    below = term(times(Whole(floor_div(-a - 1, 2)), at("x", 0)), ALL)
    assert value(scalar(below), x=[1, 1, 1]) == -1 - 1 - 2
    least = term(Whole(smallest(2 * a, H - a)), ALL)
    assert value(scalar(least), x=[0, 0, 0, 0]) == 0 + 2 + 2 + 1


def test_two_bound_indices_and_products_of_indices() -> None:
    body = term(times(Whole(a * b), at("x", a)), indices(a="H", b="H"), AtLeast(a - b))
    assert value(scalar(body), x=[1, 10, 100]) == 10 * 1 + 100 * (2 + 4)


@pytest.mark.parametrize(("reduction", "ties", "expected"), [
    ("argmax", "first", 1), ("argmax", "last", 3), ("argmin", "first", 0), ("argmin", "last", 4)])
def test_ties_choose_the_first_or_the_last_point(reduction: str, ties: str, expected: int) -> None:
    program = scalar(Term(ALL, (), at("x", a), witness=a), reduction, ties, "integer")
    x = [1, 3, 2, 3, 1]
    assert value(program, x=x) == expected
    assert value(program, x=x, arithmetic=FLOAT32) == expected
    assert value(program, x=x, arithmetic=SYMBOLIC) == expected


def test_the_first_nan_is_the_extremum() -> None:
    x = [1.0, float("nan"), 7.0, float("nan")]
    program = scalar(Term(ALL, (), at("x", a), witness=10 * a), "argmax", "last", "integer")
    assert value(program, x=x, arithmetic=FLOAT32) == 10
    found = value(scalar(term(at("x", a), ALL), "min"), x=x, arithmetic=FLOAT32)
    assert found.value.is_nan()
    assert found.error == 0


def test_an_excluded_point_adds_nothing_even_where_it_would_be_infinite() -> None:
    reciprocal = Power(at("x", a), Fraction(-1))
    guarded = scalar(term(reciprocal, ALL, AtLeast(a - 1)))
    assert value(guarded, x=[0, 2, 4]) == Fraction(3, 4)
    assert float(value(guarded, x=[0.0, 2.0, 4.0], arithmetic=FLOAT32).value) == 0.75
    with pytest.raises(ParameterError, match="no rational value"):
        value(scalar(term(reciprocal, ALL)), x=[0, 2, 4])


def test_an_empty_sum_is_zero_and_an_empty_maximum_is_refused() -> None:
    never = AtLeast(Int.of(-1))
    assert value(scalar(term(at("x", a), ALL, never)), x=[1, 2]) == 0
    assert value(scalar(term(at("x", a), ALL, never)), x=[1, 2], arithmetic=FLOAT32) == (0, 0)
    with pytest.raises(ShapeError, match=r"y: the max at .* has no point"):
        value(scalar(term(at("x", a), ALL, never), "max"), x=[1, 2])


def test_exact_arithmetic_refuses_what_is_not_rational() -> None:
    for body in (Apply("exp", (at("x", a),)), Power(at("x", a), Fraction(1, 2))):
        with pytest.raises(ParameterError, match="no rational function"):
            value(scalar(term(body, ALL)), x=[1])
    with pytest.raises(ParameterError, match="give finite inputs"):
        value(scalar(term(at("x", a), ALL)), x=[float("inf")])


@pytest.mark.parametrize(("function", "arguments", "constants", "expected"), [
    ("sign", (-3,), (), -1), ("sign", (0,), (), 0), ("abs", (-3,), (Fraction(1, 3),), 3),
    ("abs_slope", (-3,), (Fraction(1, 3),), -1), ("abs_slope", (0,), (Fraction(1, 3),),
                                                   Fraction(1, 3)),
    ("relu", (-3,), (Fraction(1),), 0), ("relu", (2,), (Fraction(1),), 2),
    ("relu_slope", (0,), (Fraction(1, 4),), Fraction(1, 4)),
    ("relu_slope", (2,), (Fraction(1, 4),), 1),
    ("maximum", (2, 5), (Fraction(1, 2),), 5), ("minimum", (2, 5), (Fraction(1, 2),), 2),
    ("maximum_share", (2, 5), (Fraction(1, 2),), 0),
    ("maximum_share", (5, 5), (Fraction(1, 4),), Fraction(1, 4)),
    ("minimum_share", (2, 5), (Fraction(1, 2),), 1), ("same", (2, 2), (), 1),
    ("same", (2, 5), (), 0)])
def test_scalar_functions_that_choose(function: str, arguments: tuple[int, ...],
                                      constants: tuple[Fraction, ...], expected: object) -> None:
    body = Apply(function, tuple(Number(Fraction(n)) for n in arguments), constants)
    program = scalar(term(body))
    assert value(program, x=[0]) == expected
    assert value(program, x=[0], arithmetic=SYMBOLIC) == sympy.Rational(str(expected))
    assert float(value(program, x=[0], arithmetic=FLOAT32).value) == pytest.approx(float(expected))


@pytest.mark.parametrize(("function", "count", "expected"), [
    ("sign", 1, "nan"), ("abs", 1, "nan"), ("abs_slope", 1, 0), ("relu", 1, "nan"),
    ("relu_slope", 1, 1), ("maximum", 2, "nan"), ("maximum_share", 2, 1), ("same", 2, 0)])
def test_scalar_functions_at_nan(function: str, count: int, expected: object) -> None:
    constants = () if function in ("sign", "same") else (Fraction(1, 2),)
    arguments = (at("x", 0), Number(Fraction(5)))[:count]
    found = value(scalar(term(Apply(function, arguments, constants))), x=[float("nan")],
                  arithmetic=FLOAT32)
    assert str(float(found.value)) == str(float(expected))
    assert found.error == 0


def test_brackets_outside_a_relation_are_one_or_zero() -> None:
    found = evaluate(bracketed_diagonal(), {"x": [2, 3]}, {"H": 2})["y"]
    assert found.tolist() == [[2, 0], [0, 3]]


def test_symbols_in_symbols_out() -> None:
    x = sympy.symbols("x:3")
    found = evaluate(neighbours().program, {"x": list(x)}, {"H": 3, "M": 2}, SYMBOLIC)["y"]
    assert found.tolist() == [x[0] * x[1], x[1] * x[2]]
    sigmoid = scalar(term(Apply("sigmoid", (at("x", 0),))))
    assert value(sigmoid, x=[x[0]], arithmetic=SYMBOLIC) == 1 / (1 + sympy.exp(-x[0]))


def test_a_comparison_of_symbols_asks_for_values() -> None:
    for program in (scalar(term(at("x", a), ALL), "max"),
                    scalar(term(Apply("relu", (at("x", 0),), (Fraction(0),))))):
        with pytest.raises(ParameterError, match="give numbers for the inputs"):
            value(program, x=list(sympy.symbols("x:2")), arithmetic=SYMBOLIC)


def test_every_tensor_comes_out_on_request_with_its_kind() -> None:
    case = max_pooling()
    program = scalar(Term(ALL, (), at("x", a), witness=a), "argmax", "first", "integer")
    assert evaluate(program, {"x": [1, 5], "k": [0, 0]}, {"H": 2})["y"].dtype == np.int64
    everything = evaluate(case.program, case.sample(), bind(case.program, case.shapes),
                          all_tensors=True)
    assert list(everything) == ["x", "y"]
    assert everything["y"].dtype == object


def test_wrong_inputs_are_refused_by_name() -> None:
    program, values = neighbours().program, {"H": 3, "M": 2}
    with pytest.raises(ParameterError, match="operand x has no value"):
        evaluate(program, {}, values)
    with pytest.raises(ShapeError, match=r"x: shape \(2,\) given, \(3,\) is needed"):
        evaluate(program, {"x": [1, 2]}, values)
    with pytest.raises(ParameterError, match="'1' of type str given"):
        evaluate(program, {"x": ["1", 2, 3]}, values)
    with pytest.raises(ParameterError, match="an integer is needed"):
        value(scalar(term(at("x", element("k", 0)))), x=[1], k=[0.5])


def test_the_interpreter_uses_nothing_that_derives_or_lowers() -> None:
    """Its imports, followed to the end, are the data, the walks over it, and arithmetic."""
    folder = Path(symconv.evaluate.__file__).parent
    seen, waiting = set[str](), ["evaluate"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("symconv."):
                found = (node.module or "").removeprefix("symconv.")
                waiting += [found] if found not in seen else []
    assert seen == {"evaluate", "arithmetic", "atoms", "closures", "errors", "integers", "ir",
                    "rewrite"}
