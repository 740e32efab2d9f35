"""Programs as text: golden lines, and text that reads back as the same program."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symconv import passes
from symconv.errors import ParseError
from symconv.integers import Int, floor_div
from symconv.ir import (
    Access,
    AtLeast,
    Bracket,
    Definition,
    Divides,
    Equal,
    Number,
    Plus,
    Power,
    Tensor,
    Term,
    Times,
    Whole,
)
from symconv.language.reader import parse
from symconv.text import definition_text, program_text, row_text, scalar_text

CONV = """\
x: [N, C, H]
w: [O, C, K]
b: [O]
I = ((H - K*d + d + 2*p - 1)//s) + 1
i < I
y[n,o,i] = b[o] + sum[c,a](x[n,c, s*i + d*a - p] * w[o,c,a])
"""

GROUPED = """\
x: [N, C == (2, Cg), H]
w: [O == (2, Og), Cg, K]
b: [O == (2, Og)]
I = H - K + 1
y[n,(g,o),i] = b[(g,o)] + sum[c,a](x[n,(g,c), i + a] * w[(g,o),c,a])
"""

NORMAL = [CONV, GROUPED, """\
x: [N, C, H]
Ho = ((H + 1)//2)
i < Ho
a < 3
y[n,c,i] = max_even[a](x[n,c, 2*i + a - 1])
""", """\
x: [N, C]
k: int[N]
t1[n] = frozen(max[c](x[n,c]))
t2[n] = sum[c](exp(x[n,c] - t1[n]))
y[n] = log(t2[n]) + t1[n] - sum[c]([c == k[n]] * x[n,c])
""", """\
x: [I]
m = sum[i](x[i]/I)
v = sum[i]((x[i] - m)**2/I)
y[i] = (x[i] - m)/sqrt(v + 0.001)
return y, m
""", """\
x: [N, I]
u < 4
y[n,u] = sum[i]([4*u >= 3*i] * [i % 2 == 0] * [u + i < 7] * x[n,i]**(1/2))
""", """\
x: [C == (2, D), H]
y: [C == (2, D), H]
k: int
y[(g,c),i] = abs(x[(g,c),i], at_zero=1/2) - 3 * (x[(g,c),i] + k)
z[g,(c,i)] = x[(g,c),i]
return y, z
""", """\
x: [H]
H >= 3
i < H
y[i] = sum[h]([h == i] * x[h]) + sum[h]([i + h == 0] * [h >= 1] * x[h])
""", """\
x: [N]
w: [M]
y[i] = -x[i]*w[i]/(1 + x[i]**2)
""", """\
x: [H, W]
k[i] = argmax_last[j](x[i,j])
l = argmin[i,j](x[i,j], W*i + j)
y[i] = sum[j]([j == k[i]] * x[i,j])
return y, k, l
""", """\
x: [H]
I = H - 1
i < I
z[i] = x[i]*x[i + 1]
i < H
y[i] = -x[i] + (x[i] - 1) + sum[a]([a < i] * 2*x[a])
return y, z
""", """\
x: [N]
i < 5
y[i] = 0
z[i] = i*p + 2/3 + p*sigmoid(1e-12*x[p])
"""]


@pytest.mark.parametrize("text", NORMAL[:-1])
def test_normal_text_is_printed_as_it_was_read(text):
    program = parse(text)
    printed = program_text(program)
    assert parse(printed) == program
    if " x[i]*w[i]" not in text and "k: int\n" not in text and "x[i + 1]" not in text:
        assert printed == text


CORPUS = [
    "y[i] = x[i,i]", "x: [N]; i < N; y[i] = x[N-1-i]", "y = 2*sum(x[i]*x[i])",
    "y[i] = mean(x[i,j])", "x: [H]; i < H; a < 3; y[i] = mean[a](x[i+a-1]*2)",
    "y[i] = exp(sum[a](x[i+a]*w[a]))", "y[i] = x[i]*(1 - x[i])/(2*x[i] - 3)/x[i]**2",
    "x: [N]; y[i] = -(x[i] + 1)*(x[i] - 2) - -3", "y[i] = 2/3*i*x[i]/I",
    "y[i] = x[i]*(i+1)*I//2 + (I - i)*0.25", "y[i] = +x[i] + z[i]", "y[i] = +(x[i] + 1)",
    "y[i] = -(x[i] + z[i]) + sum[a](x[a])", "y[i] = +(x[i] + z[i]) - 2*sum[a](x[a]/3)",
    "y[i] = (x[i] + z[i]) - (z[i] - 1) - sum[a]((x[a] + 1))",
    "x: [N]; i < N; y[i] = [i >= 1]*x[i-1] - [i < 1]", "y[i] = [i < 3]*(-2)*x[i]",
    "x: [N]; y[i] = x[+p]*x[i]", "x: [S == (A, B)]; A = 2; y[(b,a)] = x[(a,b)]",
    "x: [(2, B)]; y[(b,a)] = x[(a,b)]", "k: int[(2, D)]; y[d] = sum[i](d*[k[(i,d)] == d])",
    "y[i] = maximum(x[i], -x[i], share=1)*minimum(x[i], 0.5)*same(x[i], 1)",
    "y[i] = (-2)**0.5*x[i]**(-2)*(x[i]**2)**0.5*(1/x[i])**3", "y[i] = 1/(1/x[i])",
    "x: [H]; y: int[H]; y[i] = 2*i - [i < 3]", "x: [N]; w: [M]; y[i] = x[i]*w[i]",
    "x: [N]; w: [M]; y = sum[i](x[i]*w[i])", "x: [N]; w: [M]; i < N; y = sum[i](x[i]*w[i])",
    "x: [H]; w: [K]; i < (H-K)//2 + 1; y[i] = sum[a](x[2*i + K - 1 - a]*w[a])",
    "x: [H]; i < min(H, 7); y[i] = x[i]*max(i, H - i)", "x: [N, 3]; y[n] = x[n,0] - x[n,2]",
    "y[n] = sum[i](x[n,i]); z[n] = sum[i](u[n,i]*y[n]); return z, y",
    "x: [H]; h[i] = sum[a](x[i+a]*w[a]); y[i] = sum[a](h[i+a]*w[a])",
    "x: [N]; b < N; i < N; y[i] = sum[b](x[b]) + sum[b](x[b-1])", "x: [N]; y[i] = x[i] + p - p",
    "x: [N]; y[i] = x[i]**2/-3", "k: int[N]; x: [N]; y[i] = x[i]*(-x[i]*[i < k[i]])",
    "x: [N]; k: int[N]; y[i] = sum[a]([a == k[i]]*w[i,a])*x[i] - k[i]",
    "x: [N]; y[p] = x[p]; z[i] = p*x[i] + 1000000000000000000000000.0",
    "x: [N]; i < N; y[i] = 1/2*(N + N)", "x: [N]; y[i] = x[i]*(1/2*(N + N))",
    "x: [N]; i < N; y[i] = N*0.375",
    "x: [N]; i < N; y[i] = N*(1/2 + 1/6)", "x: [N]; y[i] = (i - 3*i)*(2/3 - 1)*x[i]*(N + N)/3",
    "x: [N]; i < N; y[i] = N*0.04*(5*i + 5*i)*0.125*(i + N)*0.625",
]


@pytest.mark.parametrize("text", CORPUS)
def test_text_reads_back_as_the_same_program(text):
    program = parse(text)
    printed = program_text(program)
    assert parse(printed) == program, printed
    assert program_text(parse(printed)) == printed


@pytest.mark.parametrize("text", [
    "y[i] = sum[a](x[i+a]*w[a])", "y[i] = max[a](x[2*i+a]); a < 2", "y[i] = x[i]*exp(x[i])",
    "x: [N, C == (2, D)]; y[n,d] = sum[g](x[n,(g,d)]*w[(g,d)])", "y = sum(x[i]*x[i])",
    "m = mean(x[i]); y[i] = relu(x[i] - m)"])
def test_derived_programs_read_back_but_for_the_order_of_sizes(text):
    for made in passes.all_passes(parse(text)):
        again = parse(program_text(made.program), allow_derived_names=True)
        assert again.inputs == made.program.inputs
        assert again.definitions == made.program.definitions, program_text(made.program)
        assert again.outputs == made.program.outputs
        assert {size.name for size in again.sizes} <= {s.name for s in made.program.sizes}


NAMES = ("o", "ry", "el", "ef", "oid", "rue", "oto", "lobal", "efault", "anh", "a" * 64)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_with_the_name_of_a_keyword_or_a_function_read_back(name):
    for made in passes.all_passes(parse(f"{name}: [N]; y[i] = exp({name}[i])*z[i]*{name}[i]")):
        printed = program_text(made.program)
        again = parse(printed, allow_derived_names=True)
        assert again.definitions == made.program.definitions, printed
        assert again.inputs == made.program.inputs


@pytest.mark.parametrize("text", [
    "y[del] = x[del]", "def: [N]; y[i] = def[i]", "tanh: [N]; y[i] = x[i]",
    "y[i] = x[i]*try[i]", "y[i] = " + "d" * 65 + "[i]"])
def test_such_names_are_refused_in_a_definition(text):
    with pytest.raises(ParseError):
        parse(text)


@pytest.mark.parametrize("text", ["return = 3", "y[i] = x[i] if a else b", "for: [N]; y = 1"])
def test_other_keywords_are_refused_in_a_derived_program(text):
    with pytest.raises(ParseError):
        parse(text, allow_derived_names=True)


# --- parts ----------------------------------------------------------------------------------

A, E, S = map(Int.of, ("a", "i", "s"))
X = Access("x", (S * E + A - 1,))


@pytest.mark.parametrize(("row", "text"), [
    (Equal(A - E), "a == i"), (Equal(-A - 2), "0 == a + 2"), (AtLeast(E - A - 1), "a < i"),
    (AtLeast(E - A), "i >= a"), (AtLeast(E - 1), "i >= 1"), (AtLeast(2 - E), "i < 3"),
    (AtLeast(S - E), "i <= s"), (Divides(S, E + A), "(i + a) % s == 0"),
    (Divides(Int.of(2), E), "i % 2 == 0"), (AtLeast(-E - 1), "i < 0")])
def test_rows_read_like_comparisons(row, text):
    assert row_text(row, ("i", "a")) == text


@pytest.mark.parametrize(("body", "text"), [
    (X, "x[s*i + a - 1]"),
    (Times((Number(Fraction(-2)), X)), "-2 * x[s*i + a - 1]"),
    (Plus((Number(Fraction(1)), Times((Number(Fraction(-1)), Whole(S), Whole(E))))), "1 - s*i"),
    (Power(Plus((X, Whole(E))), Fraction(-1)), "1/(x[s*i + a - 1] + i)"),
    (Times((Whole(E + 1), Power(Whole(S * E), Fraction(-1)))), "(i + 1)/(s*i)"),
    (Bracket((AtLeast(E - A - 1), Equal(S - A))), "[a < i, s == a]"),
    (Number(Fraction(1, 100)), "0.01"), (Number(Fraction(-1, 3)), "-1/3"),
    (Number(Fraction(10**30)), "1e30"), (Number(Fraction(1, 10**12)), "1e-12"),
    (Whole(floor_div(E, 2) + 1), "(i//2) + 1")])
def test_bodies_have_the_fewest_parentheses(body, text):
    assert scalar_text(body, ("i", "a")) == text


def test_a_definition_alone_shows_all_its_rows():
    program = parse("x: [H]; i < H; a < 3; y[i] = sum[a](x[i + a - 1])")
    definition = program.definitions[0]
    assert definition_text(definition, program) == "y[i] = sum[a](x[i + a - 1])"
    assert definition_text(definition) == ("y[i] = sum[a]([i + a >= 1] * [i + a <= H] * "
                                           "x[i + a - 1])")


def test_a_sum_without_terms_is_zero():
    assert definition_text(Definition(Tensor("y", ()), (), ())) == "y = 0"
    assert definition_text(Definition(Tensor("y", ()), (), (Term((), (), Number(Fraction(1))),),
                                      frozen=True)) == "y = frozen(1)"


# --- generated definitions ------------------------------------------------------------------


@st.composite
def expressions(draw, indices=("i",), depth=3):
    """Right-hand sides over x: [N], w: [N, N], k: int[N], with an index in range N each."""
    one = st.sampled_from(indices)
    choice = draw(st.integers(0, 5 if depth <= 0 else 15))
    inner = expressions(indices, depth - 1)
    match choice:
        case 0 | 1:
            return f"x[{draw(one)}]"
        case 2:
            return f"w[{draw(one)}, N-1-{draw(one)}]"
        case 3:
            return draw(st.sampled_from(["2", "0.5", "3/7", "1e-3", "N", "p", "i", "k[i]", "7"]))
        case 4:
            return f"{draw(st.integers(1, 3))}*{draw(one)}"
        case 5:
            return f"[{draw(one)} {draw(st.sampled_from(['<', '>=', '==', '<=']))} k[{draw(one)}]]"
        case 6 | 7:
            return f"{draw(inner)} {draw(st.sampled_from('+-'))} {draw(inner)}"
        case 8:
            return f"({draw(inner)})*({draw(inner)})"
        case 9:
            return f"{draw(inner)} * {draw(inner)}"
        case 10:
            return f"-({draw(inner)})"
        case 11:
            return f"({draw(inner)})/(3 + x[{draw(one)}])"
        case 12:
            return f"({draw(inner)})**{draw(st.sampled_from(['2', '(1/2)', '3']))}"
        case 13:
            name = draw(st.sampled_from(["exp", "relu", "tanh", "abs"]))
            return f"{name}({draw(inner)})"
        case _:
            fresh = "abcdefgh"[len(indices)]
            name = draw(st.sampled_from(["sum", "sum", "mean", "max", "min_last"]))
            body = draw(expressions((*indices, fresh), depth - 1))
            offset = draw(st.sampled_from(["", " + 1", " - 1", " + i - 1"]))
            return f"{name}[{fresh}](x[{fresh}{offset}]*({body}))"


FACTORS = ("i", "N", "(i + i)", "(3*N + 3)", "(i - 3*i)", "2", "9", "1/2", "2/3", "0.375", "0.06",
           "(1/6 + 1/2)", "(1/3 - 1)", "1e-2", "q", "k[i]", "x[i]", "[i < 3]", "(i//2)")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("*/"), st.sampled_from(FACTORS)), min_size=2,
                max_size=7), st.sampled_from(FACTORS[:-2]))
def test_products_of_numbers_and_integers_read_back(factors, last):
    text = "x: [N]; k: int[N]; i < N; y[i] = q" + "".join(
        f" {'*' if factor.startswith('[') else sign} {factor}" for sign, factor in factors)
    program = parse(f"{text} * ({last} + {last})", {"q": Fraction(-14, 9)})
    printed = program_text(program)
    assert parse(printed) == program, printed


@settings(max_examples=150, deadline=None)
@given(expressions())
def test_generated_definitions_read_back(value):
    text = "x: [N]; w: [N, N]; k: int[N]\n" + "".join(f"{n} < N;" for n in "i") + (
        f"\ny[i] = {value}")
    for index in "bcdefgh":
        if f"[{index}]" in text:
            text = f"{index} < N\n{text}"
    program = parse(text)
    printed = program_text(program)
    assert parse(printed) == program, printed
