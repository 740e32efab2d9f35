"""Winograd's F(2, 3)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Example,
    Formula,
    Heading,
    Prose,
    Words,
)

if TYPE_CHECKING:
    from symconv.notes.winograd import Scheme


def blocks() -> tuple[Block, ...]:
    """Four products instead of six."""
    return (
        Heading(Words("F(2, 3) from the points 0, 1 and -1", "由点 0、1、-1 得到 F(2, 3)")),
        Prose(Words(
            "$F(m,r)$ denotes the scheme for $m$ outputs and $r$ taps. For $F(2,3)$ three finite "
            "points are needed. SymPy inverts the matrix, and out come",
            "$F(m,r)$ 表示 $m$ 个输出、$r$ 个抽头的方案。$F(2,3)$ 需要三个有限点。SymPy 求出逆矩阵，得到")),
        Formula(r"A^{\mathsf T} = <<a>>, \quad G = <<g>>, \quad B^{\mathsf T} = <<b>>",
                _matrices_hold, key="f23", values=lambda: _matrices()),
        Prose(Words("Written out, with the four products named $m_0, \\dots, m_3$:",
                    "把四个乘积记为 $m_0, \\dots, m_3$，写出来就是：")),
        Formula(r"\begin{aligned} m_0 &= <<m0>>, & m_1 &= <<m1>>, \\ m_2 &= <<m2>>, & "
                r"m_3 &= <<m3>>, \\ y_0 &= <<y0>>, & y_1 &= <<y1>>. \end{aligned}",
                _products_hold, key="f23-products", values=lambda: _products()),
        Prose(Words(
            "The check expands both lines in the symbols $d_0, \\dots, d_3$ and $g_0, g_1, g_2$ "
            "and compares them with the definition; it is an identity of polynomials and not a "
            "test on samples. The same is done for every scheme in [[winograd-table]].",
            "检验把两行按符号 $d_0, \\dots, d_3$ 与 $g_0, g_1, g_2$ 展开，再与定义比较；这是多项式恒等式，"
            "而不是对样本的测试。[[winograd-table]]中的每个方案都经过同样的检验。")),
        Example(Words(
            "With $d = (1,2,3,4)$ and $g = (1,2,3)$ the products are $<<products>>$, and the "
            "outputs $<<y>>$, as the layer gives.",
            "当 $d = (1,2,3,4)$、$g = (1,2,3)$ 时，四个乘积为 $<<products>>$，输出为 $<<y>>$，与层的结果"
            "相同。"), _numbers, {"products": [-2, 15, 1, 6], "y": [14, 20]}),
    )


def _scheme() -> Scheme:
    from symconv.notes.winograd import scheme

    return scheme(2, 3)


def _matrices() -> Mapping[str, object]:
    found = _scheme()
    return {"a": found.a, "g": found.g, "b": found.b}


def _matrices_hold() -> bool:
    """The derived matrices, written down again, and tried on the engine's layer."""
    import sympy

    half = sympy.Rational(1, 2)
    found = _scheme()
    written = bool(found.a == sympy.Matrix([[1, 1, 1, 0], [0, 1, -1, 1]])
               and found.g == sympy.Matrix([[1, 0, 0], [half, half, half], [half, -half, half],
                                            [0, 0, 1]])
               and found.b == sympy.Matrix([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0],
                                            [0, -1, 0, 1]]))
    draw = random.Random("f23")
    for _ in range(ch.TRIALS):
        d, g = ([draw.randint(-9, 9) for _ in range(count)] for count in (4, 3))
        layer = ch.run(ops.conv1d(bias=False), x=[[d]], w=[[g]])[0][0]
        if [int(value) for value in found.apply(d, g)] != layer:
            return False
    return written


def _parts() -> tuple[list[Any], list[Any]]:
    """The products m_k in d and g, and the outputs in m."""
    import sympy

    found, d, g, m = _scheme(), *(sympy.symbols(f"{name}_0:{count}") for name, count
                                  in (("d", 4), ("g", 3), ("m", 4)))
    left, right = found.g * sympy.Matrix(g), found.b * sympy.Matrix(d)
    return ([right[k] * sympy.factor(left[k]) for k in range(4)],
            list(found.a * sympy.Matrix(m)))


def _products() -> Mapping[str, object]:
    products, outputs = _parts()
    return {**{f"m{k}": value for k, value in enumerate(products)},
            **{f"y{k}": value for k, value in enumerate(outputs)}}


def _products_hold() -> bool:
    import sympy

    from symconv.notes.winograd import correlation

    products, outputs = _parts()
    d, g, m = (sympy.symbols(f"{name}_0:{count}") for name, count in
               (("d", 4), ("g", 3), ("m", 4)))
    put = dict(zip(m, products, strict=True))
    return all(sympy.expand(value.subs(put) - wanted) == 0
               for value, wanted in zip(outputs, correlation(d, g), strict=True))


def _numbers() -> Mapping[str, object]:
    import sympy

    products, _ = _parts()
    d, g = sympy.symbols("d_0:4"), sympy.symbols("g_0:3")
    put = dict(zip((*d, *g), (1, 2, 3, 4, 1, 2, 3), strict=True))
    return {"products": [int(value.subs(put)) for value in products],
            "y": [int(value) for value in _scheme().apply([1, 2, 3, 4], [1, 2, 3])]}
