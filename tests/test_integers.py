"""Integer expressions: sums, products and substitutions are canonical, and mean what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symconv.integers import Int, evaluate, floor_div, smallest

NAMES = ("a", "b", "i")
VALUES = st.fixed_dictionaries({name: st.integers(-9, 9) for name in NAMES})
EXPRESSIONS = st.recursive(
    st.one_of(st.integers(-3, 3).map(Int.of), st.sampled_from(NAMES).map(Int.of)),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        st.tuples(inner, inner).map(lambda pair: smallest(*pair)),
        st.tuples(inner, st.integers(1, 4)).map(lambda pair: floor_div(*pair))), max_leaves=6)


@given(EXPRESSIONS, EXPRESSIONS, VALUES)
def test_sums_and_products_mean_what_they_say(one, other, values):
    left, right = evaluate(one, values), evaluate(other, values)
    assert evaluate(one + other, values) == left + right
    assert evaluate(one - other, values) == left - right
    assert evaluate(one * other, values) == left * right
    assert one * other == other * one
    assert one + other - other == one
    assert one * 1 == one == 1 * one
    assert one * 0 == Int.of(0)
    assert all(coefficient for _, coefficient in (one * other).terms)


@given(EXPRESSIONS, st.fixed_dictionaries(dict.fromkeys(NAMES, EXPRESSIONS)), VALUES)
def test_names_are_replaced_at_once(expression, replaced, values):
    inside = {name: evaluate(value, values) for name, value in replaced.items()}
    assert evaluate(expression.substitute(replaced), values) == evaluate(expression, inside)
    assert expression.substitute({name: Int.of(name) for name in NAMES}) == expression
    numbers = {name: Int.of(value) for name, value in values.items()}
    assert expression.substitute(numbers).constant == evaluate(expression, values)


@pytest.mark.parametrize(("expression", "factor"), [
    (3 * Int.of("i") + Int.of("a") - 1, 3), (Int.of("a"), 0), (Int.of(7), 0), (-Int.of("i"), -1),
    (Int.of("i") * Int.of("a"), 0), (Int.of("i") * Int.of("a") + 2 * Int.of("i"), 0),
    (floor_div(Int.of("i"), 2) + 5 * Int.of("i"), 5)])
def test_the_factor_of_a_name_is_a_number(expression, factor):
    assert expression.factor("i") == factor
    assert (expression.coefficient("i").constant or 0) == factor
