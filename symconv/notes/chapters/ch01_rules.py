"""Derivatives of common functions, and the rules."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    DerivationBlock,
    Example,
    Formula,
    Heading,
    Prose,
    Table,
    Words,
)
from symconv.operator import parse

_LOSS = ("X: [N, M]; w: [M]; y: [N]; r[n] = sum[m](X[n,m]*w[m]) - y[n]; "
         "z = sum[n](r[n]*r[n])")
MIXED = "x: [N]; i < N - 1; y[i] = x[i]*x[i+1]"


def blocks() -> tuple[Block, ...]:
    """The table, the rules, and linear regression."""
    return _rules()


def _rules() -> tuple[Block, ...]:
    return (
        Heading(Words("Common functions and the rules", "常见函数与求导法则")),
        Table(("$f(x)$", "$f'(x)$", Words("where", "定义域")), _functions, _functions_hold,
              Words(r"Derivatives of common functions; $\sigma(x) = 1/(1+e^{-x})$. Each entry is "
                    "compared with a difference quotient of $60$ digits.",
                    r"常见函数的导数；$\sigma(x) = 1/(1+e^{-x})$。每一项都与 $60$ 位精度的差商作过"
                    "比较。"), key="functions"),
        Prose(Words(
            "Few functions need such an entry, because four rules build all others. For sums, "
            "products and quotients of functions of one variable, and for compositions:",
            "只有少数函数需要列在表中，因为其余函数都由四条法则得到。对一元函数的和、积、商与复"
            "合：")),
        Formula(r"\begin{aligned} (u+v)' &= u' + v', & (uv)' &= u'v + uv', \\ "
                r"\left(\frac{u}{v}\right)' &= \frac{u'v - uv'}{v^2}, & "
                r"(u \circ v)'(x) &= u'(v(x))\, v'(x) \end{aligned}", _rules_hold, key="rules"),
        Prose(Words(
            r"The same for vectors $u(x)$, $v(x)$ of one length, in numerator layout, where "
            r"$\partial u/\partial x$ is the Jacobian matrix:",
            r"对长度相同的向量 $u(x)$、$v(x)$ 亦然；采用分子布局，$\partial u/\partial x$ 为雅可比"
            "矩阵：")),
        Formula(r"\frac{\partial \langle u,v\rangle}{\partial x} = "
                r"u^{\top}\frac{\partial v}{\partial x} + "
                r"v^{\top}\frac{\partial u}{\partial x}, \qquad "
                r"\frac{\partial (Ax)}{\partial x} = A, \qquad "
                r"\frac{\partial (x^{\top}A)}{\partial x} = A^{\top}", _vector_rules_hold),
        Prose(Words(
            "A worked case is the loss of linear regression, $z = \\lVert Xw-y\\rVert^2$. The "
            "rules give $\\mathrm{d}w = 2X^{\\top}(Xw-y)$. The engine finds it element by element, "
            "with $r = Xw-y$ as a statement of its own:",
            "线性回归的损失 $z = \\lVert Xw-y\\rVert^2$ 是一个完整的例子。由法则得 $\\mathrm{d}w = "
            "2X^{\\top}(Xw-y)$。引擎逐元素推导如下，其中 $r = Xw-y$ 单独作为一步：")),
        DerivationBlock(lambda: parse(_LOSS), {"X": (3, 2), "w": (2,), "y": (3,)}, wrt=("w",),
                        key="regression"),
        Example(Words(
            "With $X = <<x>>$, $w = (1,2)$ and $y = (4,11)$ the residual is $r = <<r>>$, the loss "
            "$z = <<z>>$ and the gradient $\\mathrm{d}w = <<dw>>$.",
            "取 $X = <<x>>$，$w = (1,2)$，$y = (4,11)$，则残差 $r = <<r>>$，损失 $z = <<z>>$，梯度 "
            "$\\mathrm{d}w = <<dw>>$。"), _regression,
            {"r": [1, 0], "z": 1, "dw": [2, 4]}),
    )


def _table() -> list[tuple[Any, Any, str]]:
    """Functions in sympy, each with its derivative as SymPy finds it, and where it holds."""
    import sympy

    x = sympy.Symbol("x")
    sigma = 1 / (1 + sympy.exp(-x))
    functions = [(x ** 3, "x"), (1 / x, r"x \ne 0"), (sympy.sqrt(x), "x > 0"),
                 (sympy.exp(x), "x"), (sympy.log(x), "x > 0"), (sympy.sin(x), "x"),
                 (sympy.cos(x), "x"), (sympy.tanh(x), "x"), (sigma, "x")]
    return [(function, function.diff(x), where) for function, where in functions]


def _functions() -> Sequence[Sequence[Words | str]]:
    import sympy

    rows: list[Sequence[Words | str]] = []
    for function, slope, where in _table():
        left, right = sympy.latex(function, ln_notation=True), sympy.latex(slope)
        if function.has(sympy.exp) and function != sympy.exp(sympy.Symbol("x")):
            left, right = r"\sigma(x)", r"\sigma(x)\,(1-\sigma(x))"
        domain = Words("all $x$", "一切 $x$") if where == "x" else f"${where}$"
        rows.append((f"${left}$", f"${right}$", domain))
    return rows


def _functions_hold() -> bool:
    """Each derivative against a central difference, at rational points, to 60 digits."""
    import sympy

    x = sympy.Symbol("x")
    step = sympy.Rational(1, 10 ** 20)
    for function, slope, _ in _table():
        for point in (sympy.Rational(2, 7), sympy.Rational(5, 3)):
            above, below = (function.subs(x, point + sign * step) for sign in (1, -1))
            quotient = (above - below) / (2 * step)
            if abs(sympy.N(quotient - slope.subs(x, point), 60, maxn=200)) > sympy.Float("1e-30"):
                return False
    sigma = _table()[-1][0]
    return ch.identity(sigma.diff(x), sigma * (1 - sigma))     # the form that is printed


def limit(function: Callable[[Any], Any], x: Any) -> Any:
    """The derivative by its definition: (f(x+e) - f(x))/e without its common factor, at e = 0."""
    import sympy

    e = sympy.Symbol("e")
    return sympy.cancel((function(x + e) - function(x)) / e).subs(e, 0)


def _rules_hold() -> bool:
    draw = random.Random("rules")
    for _ in range(ch.TRIALS):
        p, q = ([draw.randint(1, 9) for _ in range(3)] for _ in range(2))

        def u(x: Any, c: list[int] = p) -> Any:
            return c[0] + c[1] * x - c[2] * x ** 3

        def v(x: Any, c: list[int] = q) -> Any:
            return c[0] + c[1] * x + c[2] * x ** 2

        import sympy

        at = sympy.Rational(draw.randint(1, 9), 7)
        du, dv = limit(u, at), limit(v, at)
        if not (limit(lambda x: u(x) + v(x), at) == du + dv
                and limit(lambda x: u(x) * v(x), at) == du * v(at) + u(at) * dv
                and limit(lambda x: u(x) / v(x), at) == (du * v(at) - u(at) * dv) / v(at) ** 2
                and limit(lambda x: u(v(x)), at) == limit(u, v(at)) * dv):
            return False
    return True


def _vector_rules_hold() -> bool:
    """With u = x_i x_{i+1} and v = x_i^2 x_{i+1}: differences against the printed sides."""
    import numpy as np

    u, v = MIXED, "x: [N]; i < N - 1; y[i] = x[i]*x[i]*x[i+1]"
    both = "x: [N]; i < N - 1; y = sum[i](x[i]*x[i+1] * x[i]*x[i]*x[i+1])"
    draw = random.Random("vector rules")
    x = [draw.randint(1, 9) for _ in range(4)]
    at_u, at_v = (np.array(ch.run(text, x=x), dtype=object) for text in (u, v))
    slope_u, slope_v = (np.array(ch.jacobian(text, "x", x=x), dtype=object) for text in (u, v))
    product = at_u.dot(slope_v) + at_v.dot(slope_u)
    limits = [limit(partial(_inner, x, k), x[k]) for k in range(4)]
    linear = "a: [M, N]; x: [N]; y[i] = sum[j](a[i,j]*x[j])"
    turned = "a: [N, M]; x: [N]; y[i] = sum[j](x[j]*a[j,i])"
    a = np.array([[draw.randint(-9, 9) for _ in range(4)] for _ in range(3)], dtype=object)
    return (ch.same(product, ch.gradient(both, "x", 1, x=x)) and ch.same(product, limits)
            and ch.same(ch.jacobian(linear, "x", a=a, x=x), a)
            and ch.same(ch.jacobian(turned, "x", a=a.T, x=x), a))


def _inner(x: list[int], place: int, value: Any) -> Any:
    """<u, v> with one element of x replaced by an expression."""
    z: list[Any] = [*x[:place], value, *x[place + 1:]]
    return sum(a * b * a * a * b for a, b in itertools.pairwise(z))


def _regression() -> dict[str, object]:
    x, w, y = [[1, 2], [3, 4]], [1, 2], [4, 11]
    r = ch.run("X: [N, M]; w: [M]; y: [N]; r[n] = sum[m](X[n,m]*w[m]) - y[n]", X=x, w=w, y=y)
    return {"x": x, "r": r, "z": ch.run(_LOSS, X=x, w=w, y=y),
            "dw": ch.gradient(_LOSS, "w", 1, X=x, w=w, y=y)}
