"""The gradient as the steepest direction, and why frameworks want a scalar."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from functools import partial
from typing import Any

from symconv.notes import checking as ch
from symconv.notes.chapters.ch01_rules import MIXED, limit
from symconv.notes.model import (
    Block,
    Example,
    Formula,
    Heading,
    Items,
    Prose,
    Words,
)

_CUBIC = "x: [2]; y = x[0]*x[0]*x[1]"
_SQUARES = "x: [N]; y[i] = x[i]*x[i]"


def blocks() -> tuple[Block, ...]:
    """Steepest ascent, and sums of rows."""
    return (*_steepest(), *_scalars())


def _steepest() -> tuple[Block, ...]:
    return (
        Heading(Words("The gradient points uphill", "梯度指向上升最快的方向")),
        Prose(Words(
            "Let $f$ be a scalar function with gradient $g$ at $x$. A step $h$ changes it by "
            r"$\langle g,h\rangle$ to first order. Which unit step changes it most? Lagrange's "
            "identity answers without an angle:",
            r"设标量函数 $f$ 在 $x$ 处的梯度为 $g$。增量 $h$ 使它一阶地改变 $\langle g,h\rangle$。"
            "哪个单位增量使它改变最多？拉格朗日恒等式无须角度便给出答案：")),
        Formula(r"\lVert g\rVert^2 \lVert h\rVert^2 - \langle g,h\rangle^2 = "
                r"\sum_{i<j} \left(g_i h_j - g_j h_i\right)^2 \ge 0", _lagrange, key="lagrange"),
        Prose(Words(
            r"So $\langle g,h\rangle \le \lVert g\rVert$ for every unit step, with equality "
            r"exactly when $h$ is a non-negative multiple of $g$: the gradient is the direction of "
            r"steepest ascent, its length the slope there, and $-g$ the direction of steepest "
            r"descent. A "
            "step along a level set has "
            r"$\langle g,h\rangle = 0$: the gradient is perpendicular to it.",
            r"于是对每个单位增量有 $\langle g,h\rangle \le \lVert g\rVert$，等号当且仅当 $h$ 是 "
            r"$g$ "
            "的非负倍数时成立：梯度是上升最快的方向，其长度是该方向的斜率，而 $-g$ 是下降最快的方"
            "向。"
            r"沿等值集的增量满足 $\langle g,h\rangle = 0$：梯度与等值集垂直。")),
        Example(Words(
            "For $f(x) = x_0^2 x_1$ at $(1,2)$ the gradient is $<<g>>$, with "
            r"$\lVert g\rVert = \sqrt{<<square>>} \approx <<length>>$. The slopes in the unit "
            r"directions $(1,0)$, $(0,1)$, $(\tfrac35,\tfrac45)$ and $(\tfrac45,\tfrac35)$ are "
            "$<<slopes>>$; none reaches the length of $g$.",
            "对 $f(x) = x_0^2 x_1$，在 $(1,2)$ 处梯度为 $<<g>>$，"
            r"$\lVert g\rVert = \sqrt{<<square>>} \approx <<length>>$。沿单位方向 $(1,0)$、"
            r"$(0,1)$、$(\tfrac35,\tfrac45)$、$(\tfrac45,\tfrac35)$ 的斜率为 $<<slopes>>$，"
            "都达不到 $g$ 的长度。"), _slopes_at_a_point,
            {"g": [4, 1], "square": 17, "length": "4.123",
             "slopes": [4, 1, Fraction(16, 5), Fraction(19, 5)]}),
    )


def _scalars() -> tuple[Block, ...]:
    return (
        Heading(Words("Why frameworks ask for a scalar and call sum()",
                      "框架为何要求标量并调用 sum()")),
        Prose(Words(
            "One backward pass computes one row combination $v^{\\top}J$, never the matrix $J$ "
            "itself; [[3]] counts the cost. For a scalar output there is only $v = 1$. For a "
            "vector output the caller must say which combination is wanted, and a library that "
            "is not told refuses. Calling `y.sum().backward()` chooses $v = (1,\\dots,1)$: the "
            "sum is linear, its derivative by every element is $1$, and what results are the "
            "column sums of $J$.",
            "一次反向传播只计算一个行组合 $v^{\\top}J$，而不是矩阵 $J$ 本身；[[3]]计算其代价。标量"
            "输出只有 $v = 1$ 一种选择。对向量输出，调用者必须说明要哪个组合，否则框架拒绝执行。调"
            "用 `y.sum().backward()` 就是选取 $v = (1,\\dots,1)$：求和是线性的，对每个元素的导数都"
            "是 $1$，所得结果是 $J$ 的各列之和。")),
        Formula(r"\frac{\partial}{\partial x_j} \sum_{i} y_i = "
                r"\sum_{i} \frac{\partial y_i}{\partial x_j} = "
                r"\left(\mathbf{1}^{\top} J\right)_j", _column_sums, key="column-sums"),
        Example(Words(
            "For $y_i = x_i^2$ at $x = (0,1,2,3)$ this gives $<<squares>>$: $J$ is diagonal, so no "
            "derivative is lost in the sum. For $y_i = x_i x_{i+1}$ at the same point $J = "
            "<<jacobian>>$, and its column sums $<<sums>>$ no longer tell the entries apart.",
            "对 $y_i = x_i^2$，在 $x = (0,1,2,3)$ 处得 $<<squares>>$：$J$ 是对角矩阵，求和没有丢失"
            "任何导数。对 $y_i = x_i x_{i+1}$，在同一点 $J = <<jacobian>>$，其各列之和 $<<sums>>$ "
            "已无法区分各个元素。"),
            lambda: {"squares": ch.gradient(_SQUARES, "x", [1] * 4, x=[0, 1, 2, 3]),
                     "jacobian": ch.jacobian(MIXED, "x", x=[0, 1, 2, 3]),
                     "sums": ch.gradient(MIXED, "x", [1] * 3, x=[0, 1, 2, 3])},
            {"squares": [0, 2, 4, 6], "jacobian": [[1, 0, 0, 0], [0, 2, 1, 0], [0, 0, 3, 2]],
             "sums": [1, 2, 4, 2]}),
        Items((
            Words("A loss is a scalar, so training never meets the question.",
                  "损失是标量，所以训练时不会遇到这个问题。"),
            Words("The loss of a batch is a sum or a mean over independent examples, hence "
                  "$v = (1,\\dots,1)$ or $v = (\\tfrac1n,\\dots,\\tfrac1n)$: the gradients of the "
                  "examples are added or averaged.",
                  "一个批量的损失是独立样本上的和或平均，即 $v = (1,\\dots,1)$ 或 "
                  "$v = (\\tfrac1n,\\dots,\\tfrac1n)$：各样本的梯度被相加或取平均。"),
            Words("Whoever wants all of $J$ needs one backward pass for each row, or one forward "
                  "accumulation for each column.",
                  "若要得到整个 $J$，则每一行需要一次反向传播，或每一列需要一次前向累积。"))),
    )


def _neighbours(x: list[int], place: int, value: Any) -> Any:
    """The sum of the products of neighbours, with one element replaced."""
    z: list[Any] = [*x[:place], value, *x[place + 1:]]
    return sum(a * b for a, b in itertools.pairwise(z))


def _lagrange() -> bool:
    import sympy

    g, h = sympy.symbols("g:4"), sympy.symbols("h:4")
    inner = sum(a * b for a, b in zip(g, h, strict=True))
    squares = sum((g[i] * h[j] - g[j] * h[i]) ** 2 for j in range(4) for i in range(j))
    return ch.identity(sum(a * a for a in g) * sum(b * b for b in h) - inner ** 2, squares)


def _slopes_at_a_point() -> dict[str, object]:
    import sympy

    g = ch.gradient(_CUBIC, "x", 1, x=[1, 2])
    third = Fraction(1, 5)
    unit = [(1, 0), (0, 1), (3 * third, 4 * third), (4 * third, 3 * third)]
    square = sum(a * a for a in g)
    return {"g": g, "square": square, "length": str(sympy.N(sympy.sqrt(square), 4)),
            "slopes": [g[0] * a + g[1] * b for a, b in unit]}


def _column_sums() -> bool:
    import numpy as np

    total = "x: [N]; i < N - 1; y = sum[i](x[i]*x[i+1])"
    draw = random.Random("column sums")
    for _ in range(ch.TRIALS):
        x = [draw.randint(-9, 9) for _ in range(5)]
        columns = np.array(ch.jacobian(MIXED, "x", x=x), dtype=object).sum(axis=0)
        by_hand = [limit(partial(_neighbours, x, k), x[k]) for k in range(5)]
        if not (ch.same(columns, by_hand) and ch.same(ch.gradient(total, "x", 1, x=x), columns)):
            return False
    return True
