"""What the definition language means: programs, values, and errors that point at the place."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest

from symconv.errors import ParameterError, ParseError, ShapeError
from symconv.evaluate import evaluate
from symconv.integers import Element, Int, floor_div
from symconv.ir import (
    Access,
    Apply,
    AtLeast,
    Divides,
    Equal,
    Index,
    Number,
    Plus,
    Power,
    Program,
    Size,
    Tensor,
    Times,
    Whole,
)
from symconv.language.reader import parse
from symconv.shapes import bind

CONV = """
x: [N, C, H]                                  # operands and their extents
w: [O, C, K]
b: [O]
i < (H + 2*p - d*(K-1) - 1)//s + 1            # extent of an index that cannot be inferred
y[n,o,i] = b[o] + sum[c,a](x[n,c, s*i+d*a-p] * w[o,c,a])
"""


def values(text, parameters=None, **operands):
    """The outputs of a definition on integers, exactly; as floats where they are not whole."""
    program = parse(text, parameters)
    arrays = {name: np.asarray(array) for name, array in operands.items()}
    sizes = bind(program, {name: array.shape for name, array in arrays.items()})
    found = evaluate(program, arrays, sizes)
    return [np.asarray(found[name], dtype=float) for name in program.outputs]


def extents(program: Program, name: str) -> list[str]:
    return [str(axis.stored) for axis in program.tensor(name).axes]


def term(text: str, parameters=None):
    return parse(text, parameters).definitions[-1].terms[-1]


def body(text: str, parameters=None):
    return term(text, parameters).body


# --- programs -------------------------------------------------------------------------------


def test_the_example_of_the_interface_with_numbers():
    program = parse(CONV, {"s": 2, "p": 1, "d": 1})
    assert [tensor.name for tensor in program.inputs] == ["x", "w", "b"]
    assert program.parameters == ()
    assert program.sizes == (*map(Size, ("N", "C", "H", "O", "K")),
                             Size("I", floor_div(Int.of("H") - Int.of("K") + 2, 2) + 1))
    bias, product = program.definitions[0].terms
    assert (bias.bound, bias.rows, bias.body) == ((), (), Access("b", (Int.of("o"),)))
    assert product.bound == (Index("c", Int.of("C")), Index("a", Int.of("K")))
    place = 2 * Int.of("i") + Int.of("a") - 1
    assert product.rows == (AtLeast(place), AtLeast(Int.of("H") - 1 - place))


def test_the_example_of_the_interface_has_the_value_of_its_loops():
    random = np.random.default_rng(0)
    x, w, b = (random.integers(-3, 4, shape) for shape in ((2, 3, 7), (2, 3, 3), (2,)))
    [y] = values(CONV, {"s": 2, "p": 1, "d": 2}, x=x, w=w, b=b)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    expected = [[[b[o] + sum(padded[n, c, 2 * i + 2 * a] * w[o, c, a]
                             for c in range(3) for a in range(3))
                  for i in range(3)] for o in range(2)] for n in range(2)]
    np.testing.assert_array_equal(y, expected)


def test_parameters_without_a_value_stay_symbolic():
    program = parse(CONV, {"s": 2})
    assert program.parameters == ("d", "p")
    renamed = parse(CONV, {"s": "stride", "p": 0})
    assert renamed.parameters == ("d", "stride")


def test_grouped_convolution_by_split_axes():
    text = """x: [N, C == (g, Cg), H]
              w: [O == (g, Og), Cg, K]
              y[n,(q,o),i] = sum[c,a](x[n,(q,c), i+a] * w[(q,o),c,a])"""
    program = parse(text, {"g": 2})
    assert [size.name for size in program.sizes] == ["N", "C", "H", "O", "K", "Cg", "Og", "I"]
    assert program.definitions[0].target.axes[1].logical == (Int.of(2), Int.of("Og"))
    assert program.definitions[0].target.axes[1].stored == 2 * Int.of("Og")
    random = np.random.default_rng(1)
    x, w = random.integers(-3, 4, (1, 4, 5)), random.integers(-3, 4, (6, 2, 2))
    [y] = values(text, {"g": 2}, x=x, w=w)
    for o in range(6):
        part = x[0, 2 * (o // 3):2 * (o // 3) + 2]
        assert y[0, o].tolist() == [(part[:, i:i + 2] * w[o]).sum() for i in range(4)]


@pytest.mark.parametrize(("name", "reduction", "ties"), [
    ("max", "max", "first"), ("max_first", "max", "first"), ("max_last", "max", "last"),
    ("min_even", "min", "even"), ("argmin_last", "argmin", "last")])
def test_reductions_carry_their_tie_rule(name, reduction, ties):
    definition = parse(f"a < 2; y[i] = {name}[a](x[2*i + a])").definitions[0]
    assert (definition.reduction, definition.ties) == (reduction, ties)
    assert (definition.target.kind == "integer") == name.startswith("arg")


def test_max_pooling_ignores_what_is_out_of_range():
    text = "x: [N, H]; i < (H + 2 - 3)//2 + 1; a < 3; y[n,i] = max[a](x[n, 2*i + a - 1])"
    [y] = values(text, x=[[-5, -7, -9, -4]])
    assert y.tolist() == [[-5, -4]]


def test_sum_without_brackets_runs_over_what_is_left():
    program = parse("y = 2*sum(x[i]*x[i])")
    assert program.definitions[0].target == Tensor("y", ())
    assert values("y = 2*sum(x[i]*x[i])", x=[0, 1, 2, 3])[0] == 28
    assert values("y[n] = sum(x[n,i])", x=[[1, 2], [3, 4]])[0].tolist() == [3, 7]


def test_a_nested_reduction_becomes_a_statement_of_its_own():
    program = parse("y[i] = x[i]*exp(sum[a](x[a]*w[i,a]))")
    first, second = program.definitions
    assert first.target.name == "t1"
    assert [index.name for index in first.free] == ["i"]
    assert second.terms[0].body == Times((Access("x", (Int.of("i"),)), Apply(
        "exp", (Access("t1", (Int.of("i"),)),))))
    assert [tensor.name for tensor in program.inputs] == ["x", "w"]
    assert "t2" in {d.target.name for d in parse("t1[i] = x[i]; y = exp(sum(t1[i]))").definitions}


def test_mean_divides_by_the_number_of_points():
    assert values("y[n] = mean[i](x[n,i])", x=[[1, 2, 6], [3, 3, 3]])[0].tolist() == [3, 3]
    text = "x: [H]; i < H; a < 3; y[i] = mean[a](x[i + a - 1])"
    assert values(text, x=[2, 4, 9])[0].tolist() == [3, 5, 6.5]


def test_programs_of_several_statements_return_several_outputs():
    text = "m = mean(x[i]); v = mean((x[i] - m)**2); y[i] = (x[i] - m)/(v + 1); return y, m"
    program = parse(text)
    assert program.outputs == ("y", "m")
    y, m = values(text, x=[1, 3])
    assert (y.tolist(), m) == ([-0.5, 0.5], 2)
    assert parse("h[i] = x[i]; y[i] = h[i]").outputs == ("y",)


def test_integer_labels_select():
    text = "x: [N, C]; k: int[N]; y[n] = -sum[c]([c == k[n]]*x[n,c])"
    program = parse(text)
    assert program.inputs[1].kind == "integer"
    assert values(text, x=[[1, 2, 3], [4, 5, 6]], k=[2, 0])[0].tolist() == [-3, -4]
    undeclared = parse("y[n] = sum[c](x[n,c]*[c == k[n]])")
    assert undeclared.inputs[1].kind == "integer"
    gather = term("x: [N]; k: int[M]; y = sum[a](x[k[a]])")
    place = Int.atom(Element("k", (Int.of("a"),)))
    assert gather.rows == (AtLeast(place), AtLeast(Int.of("N") - 1 - place))


def test_argmax_returns_its_witness():
    text = "k[i] = argmax[a](x[i,a]); y[i] = sum[a]([a == k[i]]*x[i,a]); return k, y"
    k, y = values(text, x=[[1, 9, 9], [4, 2, 3]])
    assert (k.tolist(), y.tolist()) == ([1, 0], [9, 4])
    text = "x: [H, W]; y = argmax[i,j](x[i,j], W*i + j)"
    assert values(text, x=[[1, 2], [7, 3]])[0] == 2


# --- extents --------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "shapes"), [
    ("y[i] = x[i,i]", {"x": ["I", "I"], "y": ["I"]}),
    ("y[i] = sum[a](x[i,a]*w[a])", {"x": ["I", "A"], "w": ["A"], "y": ["I"]}),
    ("y[i] = sum[a](x[i+a]*w[a])", {"x": ["X0"], "w": ["A"], "y": ["I"]}),
    ("i < 5; y[i] = x[i]", {"x": ["5"], "y": ["5"]}),
    ("y[n] = sum[i](x[n,i]); z[n] = u[n]*y[n]", {"x": ["N", "I"], "u": ["N"], "z": ["N"]}),
    ("y[n] = x[n]; z[n] = u[n]; return y, z", {"x": ["N"], "u": ["N2"]}),
    ("y = sum(x[n])/N", {"x": ["N"]}),
    ("x: [n]; y[i] = x[i]", {"x": ["n"], "y": ["n"]}),
    ("x: [N]; y: [N]; y[i] = sum[j](x[j]*[j <= i])", {"y": ["N"]}),
])
def test_extents_get_names(text, shapes):
    program = parse(text)
    assert {name: extents(program, name) for name in shapes} == shapes


def test_a_compound_index_gets_the_largest_range_with_all_reads_inside():
    program = parse("x: [H]; y[i] = sum[a](x[2*i + 3*a]*w[a])")
    size = program.sizes[-1]
    for h in range(4, 12):
        for a in (1, 2):
            shapes = {"x": (h,), "w": (a,)}
            found = bind(program, shapes)[size.name]
            assert found == (h - 1 - 3 * (a - 1)) // 2 + 1
    assert program.definitions[0].terms[0].rows == ()          # nothing is out of range


def test_an_extent_by_name_is_reused():
    program = parse("x: [H]; w: [K]; Ho = H - K + 1; y[i] = sum[a](x[i+a]*w[a])")
    assert extents(program, "y") == ["Ho"]
    assert [size.name for size in program.sizes] == ["H", "K", "Ho"]


def test_a_declared_extent_holds_until_it_changes():
    program = parse("x: [H]; i < H - 1; y[i] = x[i]; z[i] = x[i+1]; i < H; u[i] = x[i]; return u")
    assert [extents(program, name) for name in "yzu"] == [["I"], ["I"], ["H"]]


def test_equal_extents_become_a_requirement():
    program = parse("x: [N]; w: [M]; y[i] = x[i]*w[i]")
    assert [requirement.row for requirement in program.requirements] == [
        Equal(Int.of("N") - Int.of("M"))]
    with pytest.raises(ShapeError):
        bind(program, {"x": (3,), "w": (4,)})


def test_reads_outside_a_reduction_become_requirements():
    program = parse("x: [H]; i < 5; y[i] = x[i + q]", {"q": 2})
    assert [requirement.row for requirement in program.requirements] == [
        AtLeast(Int.of("H") - 7)]
    assert parse("x: [N]; i < N; y[i] = x[N-1-i]").requirements == ()
    assert parse("x: [N]; i < N-1; y[i] = x[i]*x[i+1]").requirements == ()


def test_a_written_requirement_is_checked():
    program = parse("x: [H]; H % 2 == 0; y[i] = x[i]")
    assert program.requirements[0].row == Divides(Int.of(2), Int.of("H"))
    with pytest.raises(ShapeError, match="H % 2 == 0"):
        bind(program, {"x": (3,)})


def test_brackets_are_rows_of_the_relation():
    n, a, i = map(Int.of, ("N", "a", "i"))
    assert term("x: [N]; i < N; y[i] = sum[a]([a < i]*x[a])").rows == (AtLeast(i - a - 1),)
    assert term("x: [N]; i < N; y[i] = sum[a](x[a]*[i == a])").rows == (Equal(i - a),)
    assert term("x: [N]; i < N; y[i] = sum[a]([(a-i) % 2 == 0, 1 <= a < N-1]*x[a])").rows == (
        Divides(Int.of(2), a - i), AtLeast(a - 1), AtLeast(n - a - 2))
    guarded = term("x: [N]; i < N; y[i] = [i >= 1]*x[i-1]")
    assert guarded.rows == (AtLeast(i - 1),)
    assert values("x: [N]; i < N; y[i] = sum[a]([a < i]*x[a])", x=[1, 2, 3])[0].tolist() == [
        0, 1, 3]


def test_index_names_that_mean_a_parameter_elsewhere_are_renamed():
    program = parse("x: [N]; y[p] = x[p]; z[i] = p*x[i]")
    assert [index.name for index in program.definitions[0].free] == ["p2"]
    assert program.parameters == ("p",)
    program = parse("x: [N]; y[i] = x[i] + p", {"p": "i"})
    assert program.definitions[0].free[0].name == "i2"


# --- bodies ---------------------------------------------------------------------------------


X = Access("x", (Int.of("i"),))


@pytest.mark.parametrize(("text", "expected"), [
    ("0.01*x[i]", Times((Number(Fraction(1, 100)), X))),
    ("x[i]**2", Power(X, Fraction(2))),
    ("x[i]**-0.5", Power(X, Fraction(-1, 2))),
    ("1/x[i]", Power(X, Fraction(-1))),
    ("x[i]/3", Times((X, Number(Fraction(1, 3))))),
    ("-x[i]", Times((Number(Fraction(-1)), X))),
    ("x[i] - 1", Plus((X, Number(Fraction(-1))))),
    ("2*i*x[i]", Times((Whole(2 * Int.of("i")), X))),
    ("x[i]*(i + 1)", Times((X, Whole(Int.of("i") + 1)))),
    ("I//2*x[i]", Times((Whole(floor_div("I", 2)), X))),
    ("abs(x[i], at_zero=1/2)", Apply("abs", (X,), (Fraction(1, 2),))),
    ("relu(x[i])", Apply("relu", (X,), (Fraction(0),))),
    ("maximum(x[i], 0)", Apply("maximum", (X, Number(Fraction(0))), (Fraction(1, 2),))),
    ("2**10*x[i]", Times((Number(Fraction(1024)), X))),
    ("x[i]*1e-12", Times((X, Number(Fraction(1, 10**12))))),
])
def test_bodies_are_exact(text, expected):
    assert body(f"y[i] = {text}") == expected


def test_parameters_may_be_fractions_in_bodies_and_exponents():
    assert body("y[i] = slope*x[i]**q", {"slope": 0.01, "q": Fraction(3, 2)}) == Times(
        (Number(Fraction(1, 100)), Power(X, Fraction(3, 2))))
    with pytest.raises(ParseError, match="s = 1/2 is no integer"):
        parse("y[i] = sum[a](x[s*i+a])", {"s": 0.5})
    assert body("y[i] = s*x[i]", {"s": np.int64(3)}) == Times((Number(Fraction(3)), X))


def test_factors_of_a_sum_are_folded_into_its_body():
    first, second = parse("y[i] = 3*x[i] - 2*sum[a](x[a]*w[i,a])/N; N = 2").definitions[0].terms
    assert first.bound == ()
    assert second.body.arguments[0] == Number(Fraction(-2))
    assert second.bound == (Index("a", Int.of("I")),)


def test_a_frozen_statement_is_marked():
    program = parse("y[n] = x[n] - frozen(max[k](x[k]))")
    assert [definition.frozen for definition in program.definitions] == [True, False]


# --- errors ---------------------------------------------------------------------------------

ERRORS = [
    # (text, the place of the caret, part of the message)
    ("y[i] = x[i,j]", "j]", "neither on the left nor bound"),
    ("x: [N]; j < N; y[i] = x[i]*j", "j", "neither on the left nor bound"),
    ("y[i] = sum[a](x[i,a]) + a", "a", "outside its reduction"),
    ("y[i,i] = x[i]", "i] =", "stands here twice"),
    ("y[i] = sum[i](x[i])", "i](", "stands here twice"),
    ("y[i] = sum[a](max[a](x[a,i]))", "a](x", "stands here twice"),
    ("x: [N, C]; y[n] = x[n]", "x[n]", "2 axes and gets 1 subscript"),
    ("x: [C == (2, D)]; y[c] = x[c]", "x[c]", "split axes"),
    ("y[i] = h[i]; h[i] = x[i]", "h[i];", "used before it is defined"),
    ("y[i] = y[i] + x[i]", "y[i] + ", "used before it is defined"),
    ("y[i] = x[i]; y[i] = z[i]", "y[i] = z", "defined already"),
    ("y[i] = x[i]*dx[i]", "dx", "name of a derivative of x"),
    ("y[i] = x[i]*dy[i]", "dy", "name of a derivative of y"),
    ("y[i] = x[i]*tx[i]", "tx", "name of a derivative of x"),
    ("vw: [N]; w: [N]; y[i] = w[i]*vw[i]", "vw", "name of a derivative of w"),
    ("y[i] = x[i+1]*x[i]", "x[i+1]", "may be out of range"),
    ("x: [N, C]; k: int[N]; y[n] = x[n, k[n]]", "x[n, k", "may be out of range"),
    ("y[i] = sum[a](x[i+a])", "i]", "extent of index i cannot be inferred"),
    ("y[i] = sum[a](x[i-a]*w[a])", "i]", "add the line i < ..."),
    ("x: [3]; w: [4]; y[i] = x[i]*w[i]", "w[i]", "extent 3"),
    ("y = sum[i](x[i])/N", "N", "N is the extent of no operand"),
    ("A = A + 1; x: [A]; y[i] = x[i]", "A = A", "does not follow|has a value already"),
    ("w: [K]; i < K; y[i] = K[i]*w[i]", "K[i]", "an array and a size"),
    ("x: [C == (0, D)]; y[d] = x[(0,d)]", "C == ", "divided by 0"),
    ("i < 3; i < 4; y[i] = x[i]", "i < 4", "two extents"),
    ("y[i] = x[i]; q < 3", "q < 3", "q is no index"),
    ("x: [N, -3]; y[i] = x[i,0]", "-3", "at least 0"),
    ("x: [n]; y[n] = x[n]", "n]", "write N"),
    ("y[i] = x[i]**p", "p", "exponent must be a constant"),
    ("y[i] = x[i]**5000", "5000", "exponent is too large"),
    ("y[i] = x[i]/(1-1)", "1-1)", "division by 0"),
    ("y[i] = max(x[i], z[i])", "max", "write maximum"),
    ("x: [N]; y[i] = [x[i] > 0]*x[i]", "x[i] >", "holds real numbers"),
    ("y[i] = x[i/2]", "i/2", "write //"),
    ("y[i] = x[1.5]", "1.5", "no integer"),
    ("y[i] = x[i//0]", "i//0", "at least 1"),
    ("y[i] = foo(x[i])", "foo", "no function foo"),
    ("y[i] = relu(x[i], 3)", "relu", "takes 1 argument, 2 given"),
    ("y[i] = relu(x[i], at_zero=3)", "3", "between 0 and 1"),
    ("y[i] = relu(x[i], at_one=1)", "1)", "no constant at_one"),
    ("y[i] = exp*x[i]", "exp", "needs its argument"),
    ("y[2*i] = x[i]", "2*i", "plain name"),
    ("y[I] = x[I]", "I] =", "lower-case"),
    ("y[i] = x[i]; return z", "z", "not defined"),
    ("y[i] = x[i]; return y, y", "y\n", "returned twice"),
    ("return y", "y\n", "define a target first"),
    ("y[i] = x[i]; return y; z[i] = x[i]", "z[i]", "after return"),
    ("k: int[N]; k2: int[N]; k2[n] = 0.5*k[n]", "0.5", "declared int"),
    ("y[i] = x[i:3]", "i:3", "a slice"),
    ("y[i] = x[i] != 2", "x[i] !", "1 - [a == b]"),
    ("y[i] = x[i] == 2", "x[i] =", "in brackets"),
    ("y[i] = 'a'", "'a'", "not part of the language"),
    ("y[i] = x.y[i]", ".y", "no attributes"),
    ("y[i] = lambda: 3", "lambda", "keyword"),
    ("y[i] = double[i]", "double", "keyword"),
    ("y[i] = __import__[i]", "__import__", "double underscore"),
    ("y[i] = x_[i]", "x_", "trailing"),
    ("y[i] = " + "a" * 70 + "[i]", "aaa", "at most 64"),
    ("π[i] = x[i]", "π", "ASCII"),
    ("y[i] = 2x[i]", "x[i]", "write 2*x"),
    ("y[i] = x[i", "[i\n", "never closed"),
    ("y[i] = x[i]]", "]\n", "closes nothing"),
    ("y[i] = x[i]\n + z[i]", "+ z", "put the whole expression in parentheses"),
    ("y[i] += x[i]", "y[i]", "not a statement"),
    ("import os", "import", "keyword"),
    ("x: N; y[i] = x[i]", "N;", "list of its extents"),
    ("y[i] = frozen(x[i], 2)", "frozen", "one expression"),
    ("k[i] = argmax[a,e](x[i,a,e])", "argmax", "needs its witness"),
    ("y[i] = sum(x[i])", "sum", "nothing to run over"),
    ("y[i] = 123456789012345678901234567890*x[i]", "1234", "too long"),
    ("y[i] = 1e999*x[i]", "1e999", "exponent"),
    ("y[i] = x[i] @ w[i]", "@", "not part of the language"),
]


@pytest.mark.parametrize(("text", "place", "message"), ERRORS, ids=[e[0][:40] for e in ERRORS])
def test_errors_show_line_caret_rule_and_remedy(text, place, message):
    with pytest.raises(ParseError, match=r"(?s)rule: .+\nremedy: .+") as caught:
        parse(text)
    shown = str(caught.value)
    first, line, caret, *_ = shown.split("\n")
    assert first.startswith("line ")
    assert line.strip() in [part.strip() for part in text.split("\n")]
    assert (line[caret.index("^"):] + "\n").startswith(place)
    assert any(part.replace("\\", "") in shown for part in message.split("|"))


HOSTILE = {
    "towers of powers": "y[i] = 9**9**9**9*x[i]",
    "signs": "y[i] = " + "-" * 5000 + "x[i]",
    "spaced signs": "y[i] = " + "- " * 5000 + "x[i]",
    "parentheses": "y[i] = " + "(" * 49000 + "x[i]" + ")" * 49000,
    "brackets": "y[i] = x" + "[x" * 30000,
    "length": "x" * 10**6,
    "lines": "\n" * 50000,
    "statements": "y=1;" * 20000,
    "summands": "y[i] = " + " + ".join(["x[i]"] * 10000),
    "powers": "y[i] = x[i]" + "**x[i]" * 10000,
    "digits": "y[i] = x[i]*" + "9" * 90000,
    "decimal exponent": "y[i] = x[i]*1e" + "9" * 9000,
    "polynomial in a body": "y[i] = " + "*".join(f"(a{n} + b{n})" for n in range(90)),
    "polynomial in a subscript": "y[i] = x[" + "*".join(f"(a{n} + b{n})" for n in range(90)) + "]",
    "large product": "y[i] = x[" + "*".join(["999999999999999999"] * 300) + "]",
    "large constant": "y[i] = x[i]*" + "*".join(["1e400"] * 300),
    "nested quotients": "y[i] = x[i]*" + "(1/(2+" * 39 + "x[i]" + "))" * 39,
    "nested functions": "y[i] = " + "exp(-(1+" * 39 + "x[i]" + "))" * 39,
    "null": "y[i] = x[i]\x00",
    "names": "y[i] = " + "a" * 90000,
    "corners": "x: [H]; " + "y[" + ",".join(f"i{n}" for n in range(30)) + "] = x["
               + "+".join(f"p{n}*i{n}" for n in range(30)) + "]; "
               + "; ".join(f"i{n} < 2" for n in range(30)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_at_once(text):
    start = time.process_time()
    with pytest.raises(ParseError, match="remedy") as caught:
        parse(text)
    assert time.process_time() - start < 1
    assert len(str(caught.value)) < 1500


def test_large_honest_text_is_read():
    text = "; ".join("y0[i] = x[i]" if n == 0 else f"y{n}[i] = y{n - 1}[i]*x[i]"
                     for n in range(500))
    assert len(parse(text).definitions) == 500


def test_unknown_parameters_are_named_with_those_there_are():
    with pytest.raises(ParameterError, match=r"q is no parameter .* p, s"):
        parse("y[i] = sum[a](x[s*i + a - p]*w[a]); x: [H]; i < H", {"q": 1, "s": 2, "p": 0})
    with pytest.raises(ParameterError, match="i is no parameter"):
        parse("y[i] = x[i]", {"i": 3})


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), None, "2x", "for", "x y", ()])
def test_parameters_are_numbers_or_names(value):
    with pytest.raises(ParameterError, match="parameter s is"):
        parse("y[i] = s*x[i]", {"s": value})


def test_a_symbol_must_not_be_an_array_or_a_size():
    for name in ("x", "N"):
        with pytest.raises(ParseError, match="name of a size or an array"):
            parse("x: [N]; y[i] = s*x[i]", {"s": name})


def test_derived_programs_may_use_derived_names():
    text = "tx: [N]; x: [N]; ty[i] = 2*x[i]*tx[i]"
    with pytest.raises(ParseError, match="derivative"):
        parse(text)
    assert parse(text, allow_derived_names=True).outputs == ("ty",)
    assert parse("dx[i] = 2*x[i]*dy[i]").outputs == ("dx",)      # a gradient by hand, to be judged


def test_windows_line_ends_indentation_and_comments_do_not_matter():
    plain = parse("x: [N]\ny[i] = x[i]")
    assert parse("   x: [N]   # ü\r\n\r\n  \ty[i] = x[i] ;") == plain
    assert parse("x: [N]; y[i] = (x[i]\n   )") == plain
