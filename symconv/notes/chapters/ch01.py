"""Chapter 1: derivatives as linear maps, shapes and layouts, rules, gradients."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from typing import Any

from symconv.notes import checking as ch
from symconv.notes.chapters import ch01_gradient, ch01_rules, ch01_shapes
from symconv.notes.model import Block, Chapter, Example, Formula, Heading, Prose, Words

_PRODUCTS = "x: [H]; i < H - 1; y[i] = x[i]*x[i+1]"
_TWICE = "x: [H]; i < H - 1; u[i] = x[i]*x[i+1]; j < H - 2; y[j] = u[j]*u[j+1]"


def chapter() -> Chapter:
    """Derivatives as linear maps; shapes and layouts."""
    return Chapter(1, Words("Derivatives as linear maps; shapes and layouts",
                            "作为线性映射的导数；形状与布局"),
                   (*_maps(), *_areas(), *ch01_shapes.blocks(), *ch01_rules.blocks(),
                    *ch01_gradient.blocks()))


def _maps() -> tuple[Block, ...]:
    return (
        Heading(Words("The best linear approximation", "最佳线性近似")),
        Prose(Words(
            "For a function of one variable the derivative is a number, the slope. For a function "
            r"$f$ from $\mathbb{R}^n$ to $\mathbb{R}^m$ a single slope does not suffice: it "
            "depends on the direction of the step $h$. What survives is that, close to a point, "
            "$f$ moves *linearly* with the step. The matrix of this linear map is the Jacobian "
            r"matrix $J$, whose entry in row $i$ and column $j$ is $\partial f_i/\partial x_j$:",
            r"一元函数的导数是一个数，即斜率。对从 $\mathbb{R}^n$ 到 $\mathbb{R}^m$ 的函数 $f$，"
            "单个斜率是不够的：它取决于增量 $h$ 的方向。保留下来的事实是：在一点附近，$f$ 随增量"
            "*线性地*变化。这个线性映射的矩阵就是雅可比矩阵 $J$，其第 $i$ 行第 $j$ 列的元素为 "
            r"$\partial f_i/\partial x_j$：")),
        Formula(r"f(x+h) = f(x) + J(x)\,h + r(h), \qquad "
                r"\frac{\lVert r(h)\rVert}{\lVert h\rVert} \to 0 \quad (h \to 0)",
                _remainder_is_quadratic, key="linear-map"),
        Prose(Words(
            "Column $j$ of $J$ is what a unit step along axis $j$ does; row $i$ tells what output "
            "$i$ listens to. Take $f(x)_i = x_i x_{i+1}$. The product of two increments is all "
            "that the linear map misses, so the remainder shrinks with the square of the step.",
            "$J$ 的第 $j$ 列说明沿第 $j$ 轴的单位增量有何作用；第 $i$ 行说明第 $i$ 个输出依赖于"
            "什么。取 $f(x)_i = x_i x_{i+1}$。线性映射遗漏的只是两个增量之积，所以余项按增量的平方"
            "缩小。")),
        Example(Words(
            "At $x = (2,3,5)$ we have $f(x) = <<y>>$ and $J = <<jacobian>>$. For the step $h = "
            "(1,1,-1)$ the linear prediction is $f(x) + Jh = <<predicted>>$; the true value is "
            "$f(x+h) = <<true>>$, so $r(h) = <<rest>>$. For a tenth of the step the remainder is "
            "$<<small>>$, a hundredth of the former.",
            "在 $x = (2,3,5)$ 处，$f(x) = <<y>>$，$J = <<jacobian>>$。对增量 $h = (1,1,-1)$，线性"
            "预测为 $f(x) + Jh = <<predicted>>$；真值为 $f(x+h) = <<true>>$，因此 "
            "$r(h) = <<rest>>$。把增量缩小到十分之一，余项为 $<<small>>$，是原来的百分之一。"),
            _products_at_a_point,
            {"y": [6, 15], "jacobian": [[3, 2, 0], [0, 5, 3]], "predicted": [11, 17],
             "true": [12, 16], "rest": [1, -1],
             "small": [Fraction(1, 100), Fraction(-1, 100)]}),
        Prose(Words(
            "Seen in this way the chain rule needs no proof by cases: the linear approximation of "
            "a composition is the composition of the linear approximations, and composed linear "
            "maps multiply their matrices.",
            "由此看来，链式法则无须分情形证明：复合函数的线性近似就是线性近似的复合，而线性映射的"
            "复合对应矩阵的乘积。")),
        Formula(r"J_{g \circ f}(x) = J_g\bigl(f(x)\bigr)\, J_f(x)", _chain_is_a_product,
                key="chain-rule"),
    )


def _areas() -> tuple[Block, ...]:
    return (
        Heading(Words("The determinant as oriented area", "行列式是有向面积")),
        Prose(Words(
            "A linear map of the plane sends the unit square to the parallelogram spanned by its "
            r"columns $(a,c)^{\top}$ and $(b,d)^{\top}$. With the corners "
            r"$p_0 = (0,0)$, $p_1 = (a,c)$, $p_2 = (a+b,c+d)$, $p_3 = (b,d)$ in this order, "
            "$p_4 = p_0$ and $p_k = (u_k, v_k)$, the surveyor's formula gives its area, positive "
            "if the corners run counter-clockwise:",
            "平面上的线性映射把单位正方形变为由两列 "
            r"$(a,c)^{\top}$ 与 $(b,d)^{\top}$ 张成的平行四边形。依次记顶点 "
            r"$p_0 = (0,0)$，$p_1 = (a,c)$，$p_2 = (a+b,c+d)$，$p_3 = (b,d)$，并令 "
            "$p_4 = p_0$，$p_k = (u_k, v_k)$。测量公式给出其面积，顶点按逆时针排列时为正：")),
        Formula(r"\tfrac12 \sum_{k=0}^{3} \left(u_k v_{k+1} - u_{k+1} v_k\right) = ad - bc "
                r"= \det \begin{bmatrix} a & b \\ c & d \end{bmatrix}",
                lambda: ch.identity(*_three_areas()), key="oriented-area"),
        Example(Words(
            "The columns $(3,1)$ and $(1,2)$ span the area $<<area>>$. Exchanging the two columns "
            "turns the orientation round: $<<turned>>$. Columns $(2,4)$ and $(1,2)$ lie on one "
            "line: $<<flat>>$, and the map cannot be inverted.",
            "列 $(3,1)$ 与 $(1,2)$ 张成的面积为 $<<area>>$。交换两列则定向相反：$<<turned>>$。列 "
            "$(2,4)$ 与 $(1,2)$ 共线：$<<flat>>$，该映射不可逆。"),
            lambda: {"area": _shoelace(3, 1, 1, 2), "turned": _shoelace(1, 3, 2, 1),
                     "flat": _shoelace(2, 1, 4, 2)},
            {"area": 5, "turned": -5, "flat": 0}),
        Prose(Words(
            r"If $f$ is differentiable, $|\det J(x)|$ is therefore the factor by which $f$ scales "
            r"small areas near $x$. Polar coordinates $(r,\varphi) \mapsto (r\cos\varphi, "
            r"r\sin\varphi)$ scale them by $r$, which is why an integral in polar coordinates "
            "carries that factor. Areas scaled twice are scaled by the product:",
            r"因此，若 $f$ 可微，$|\det J(x)|$ 就是 $f$ 在 $x$ 附近对小面积的缩放倍数。极坐标 "
            r"$(r,\varphi) \mapsto (r\cos\varphi, r\sin\varphi)$ 的倍数为 $r$，所以极坐标下的积分"
            "带有这个因子。面积先后缩放两次，总倍数是两者之积：")),
        Formula(r"\det\frac{\partial(r\cos\varphi,\, r\sin\varphi)}{\partial(r,\varphi)} = r, "
                r"\qquad \det(AB) = \det A\,\det B",
                lambda: _polar_cell() and ch.identity(*_product_of_areas())),
    )


def _remainder_is_quadratic() -> bool:
    """f(x + t h) - f(x) - t J h = t^2 r(h), for random exact x and h: it is o(t)."""
    draw = random.Random("linear map")
    for _ in range(ch.TRIALS):
        x, h = ([draw.randint(-9, 9) for _ in range(5)] for _ in range(2))
        jacobian = ch.jacobian(_PRODUCTS, "x", x=x)
        rests = [_rest(x, h, t, jacobian) for t in (Fraction(1), Fraction(1, 10), Fraction(1, 99))]
        if not any(rests[0]):
            return False
        for t, rest in zip((Fraction(1, 10), Fraction(1, 99)), rests[1:], strict=True):
            if not ch.same(rest, [t * t * value for value in rests[0]]):
                return False
    return True


def _rest(x: list[int], h: list[int], t: Fraction, jacobian: list[list[Any]]) -> list[Any]:
    moved = [a + t * b for a, b in zip(x, h, strict=True)]
    before, after = ch.run(_PRODUCTS, x=x), ch.run(_PRODUCTS, x=moved)
    return [new - old - t * sum(a * b for a, b in zip(row, h, strict=True))
            for new, old, row in zip(after, before, jacobian, strict=True)]


def _products_at_a_point() -> dict[str, object]:
    x, h = [2, 3, 5], [1, 1, -1]
    y, jacobian = ch.run(_PRODUCTS, x=x), ch.jacobian(_PRODUCTS, "x", x=x)
    rest = _rest(x, h, Fraction(1), jacobian)
    true = ch.run(_PRODUCTS, x=[a + b for a, b in zip(x, h, strict=True)])
    return {"y": y, "jacobian": jacobian, "true": true, "rest": rest,
            "predicted": [a - b for a, b in zip(true, rest, strict=True)],
            "small": _rest(x, h, Fraction(1, 10), jacobian)}


def _chain_is_a_product() -> bool:
    draw = random.Random("chain rule")
    for _ in range(ch.TRIALS):
        x = [draw.randint(-9, 9) for _ in range(5)]
        inner, outer = (ch.jacobian(_PRODUCTS, "x", x=point)
                        for point in (x, ch.run(_PRODUCTS, x=x)))
        product = [[sum(row[k] * inner[k][j] for k in range(len(inner)))
                    for j in range(len(x))] for row in outer]
        if not ch.same(ch.jacobian(_TWICE, "x", x=x), product):
            return False
    return True


def _shoelace(a: Any, b: Any, c: Any, d: Any) -> Any:
    corners = [(0, 0), (a, c), (a + b, c + d), (b, d), (0, 0)]
    twice = sum(u * w - z * v for (u, v), (z, w) in itertools.pairwise(corners))
    return twice / 2 if hasattr(twice, "free_symbols") else Fraction(twice, 2)


def _three_areas() -> tuple[Any, ...]:
    import sympy

    a, b, c, d = sympy.symbols("a b c d")
    return _shoelace(a, b, c, d), a * d - b * c, sympy.Matrix([[a, b], [c, d]]).det()


def _product_of_areas() -> tuple[Any, ...]:
    import sympy

    a, b, c, d, p, q, r, s = sympy.symbols("a b c d p q r s")
    composed = sympy.Matrix([[a, b], [c, d]]) * sympy.Matrix([[p, q], [r, s]])
    return (_shoelace(*composed), _shoelace(a, b, c, d) * _shoelace(p, q, r, s))


def _polar_cell() -> bool:
    """The determinant is r, and so is the limit of the area of a polar cell over its sides."""
    import sympy

    r, phi, step, turn = sympy.symbols("r phi epsilon theta", positive=True)
    place = sympy.Matrix([r * sympy.cos(phi), r * sympy.sin(phi)])
    cell = turn * ((r + step) ** 2 - r ** 2) / 2
    return ch.identity(place.jacobian([r, phi]).det(), r,
                       sympy.cancel(cell / (step * turn)).subs(step, 0))
