"""Initialisation: how large the first weights should be, by variances."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Example,
    Formula,
    Heading,
    Identity,
    Items,
    Prose,
    Table,
    Words,
)


def blocks() -> tuple[Block, ...]:
    """Xavier's rule and what it is for."""
    return (
        Heading(Words("Initialisation as a variance computation", "作为方差计算的初始化")),
        Prose(Words(
            "How large should the first weights be? Take $y = \\sum_{i=1}^n w_i x_i$ with "
            "independent $w_i$ and $x_i$ of mean $0$ and variances $\\sigma_w^2$, $\\sigma_x^2$. "
            "Products of independent variables of mean $0$ are uncorrelated, so variances add:",
            "最初的权重应取多大？设 $y = \\sum_{i=1}^n w_i x_i$，其中 $w_i$ 与 $x_i$ 相互独立，均值为 $0$，"
            "方差为 $\\sigma_w^2$、$\\sigma_x^2$。均值为 $0$ 的独立变量之积互不相关，因此方差相加：")),
        Formula(r"\operatorname{Var}(y) = \sum_{i=1}^{n} \operatorname{Var}(w_i x_i) = "
                r"n\, \sigma_w^2\, \sigma_x^2", _variance_adds, key="forward-variance"),
        Prose(Words(
            "The signal keeps its size through a layer if $n_{\\text{in}}\\, \\sigma_w^2 = 1$. "
            "Backwards the transposed matrix is applied, whose rows have $n_{\\text{out}}$ "
            "entries, so the gradient keeps its size if $n_{\\text{out}}\\, \\sigma_w^2 = 1$. Both "
            "cannot hold unless the widths agree; Xavier initialisation takes the mean of the two "
            "widths,",
            "若 $n_{\\text{in}}\\, \\sigma_w^2 = 1$，信号经过一层大小不变。反向时用的是转置矩阵，每行有 "
            "$n_{\\text{out}}$ 个元素，因此若 $n_{\\text{out}}\\, \\sigma_w^2 = 1$，梯度大小不变。除非宽度"
            "相等，二者不能同时成立；Xavier 初始化取两个宽度的平均，")),
        Formula(r"\frac{n_{\text{in}} + n_{\text{out}}}{2}\, \sigma_w^2 = 1, \qquad "
                r"w \sim U(-a, a),\quad "
                r"a = \sqrt{\frac{6}{n_{\text{in}} + n_{\text{out}}}},", _xavier, key="xavier"),
        Prose(Words("because the variance of the uniform distribution is",
                    "因为均匀分布的方差为")),
        Identity(lambda: _uniform(), left=r"\operatorname{Var}(U(-a,a))", key="uniform-variance"),
        Prose(Words(
            "A relu sets half of a symmetric distribution to zero and halves its second moment, "
            "which calls for twice the variance, $\\sigma_w^2 = 2 / n_{\\text{in}}$. For a "
            "normal variable $z$ of variance $\\sigma^2$:",
            "relu 把对称分布的一半置为零，使其二阶矩减半，因此需要两倍的方差，"
            "$\\sigma_w^2 = 2 / n_{\\text{in}}$。对方差为 $\\sigma^2$ 的正态变量 $z$：")),
        Identity(lambda: _halved(), left=r"\operatorname{E}\big[\max(z,0)^2\big]",
                 key="relu-moment"),
        Example(Words(
            "Why it matters: ten layers of width $100$ with $\\sigma_w = 0.01$ multiply the "
            "variance by $<<small>>$; with $\\sigma_w = 1$ by $<<large>>$; with $\\sigma_w = 0.1$ "
            "by $<<right>>$.",
            "为何重要：十层、宽度 $100$，取 $\\sigma_w = 0.01$ 时方差乘以 $<<small>>$；取 $\\sigma_w = 1$ "
            "时乘以 $<<large>>$；取 $\\sigma_w = 0.1$ 时乘以 $<<right>>$。"), _ten_layers,
            {"small": "10^{-20}", "large": "10^{20}", "right": "1"}),
        Prose(Words(
            "For a convolution, $n_{\\text{in}} = c_i k_h k_w$ is the number of terms of an output "
            "and $n_{\\text{out}} = c_o k_h k_w$ the number of outputs that an inner input feeds "
            "at stride $1$. [[xavier-table]] is LeNet's.",
            "对卷积，$n_{\\text{in}} = c_i k_h k_w$ 是一个输出的项数，$n_{\\text{out}} = c_o k_h k_w$ 是步幅为 "
            "$1$ 时内部的一个输入所供给的输出个数。[[xavier-table]]是 LeNet 的情形。")),
        Table((Words("layer", "层"), r"$n_{\text{in}}$", r"$n_{\text{out}}$", r"$\sigma_w^2$",
               "$a$"), _xavier_rows, _xavier_holds,
              Words("Xavier initialisation of LeNet.", "LeNet 的 Xavier 初始化。"),
              key="xavier-table"),
        Items((
            Words("The computation is about the first step alone. Once weights and inputs are "
                  "trained they are not independent.",
                  "这一计算只关乎第一步。训练之后权重与输入不再独立。"),
            Words("If all weights of a layer start equal, all its channels stay equal: their "
                  "gradients are the same. Random values break the symmetry.",
                  "若一层的权重初值全相等，它的各通道就始终相等：它们的梯度相同。随机值打破对称。"))),
    )


_WEIGHTS = (-2, 1, 1)                       # equally likely values, of mean 0
_VALUES = (-1, -1, 0, 2)


def _moment(values: Sequence[int]) -> Fraction:
    return Fraction(sum(value * value for value in values), len(values))


def _variance_adds() -> bool:
    """Every outcome of two weights and two inputs, computed by the engine's product."""
    outcomes = [ch.run(ops.dot(), a=w, b=x)
                for w in itertools.product(_WEIGHTS, repeat=2)
                for x in itertools.product(_VALUES, repeat=2)]
    mean = Fraction(sum(outcomes), len(outcomes))
    return (mean == 0 and _moment(outcomes) == 2 * _moment(_WEIGHTS) * _moment(_VALUES))


def _xavier() -> bool:
    """The condition for sigma, and a from it, with symbols; and the transposed matrix."""
    import sympy

    n_in, n_out, a = sympy.symbols("n_in n_out a", positive=True)
    variance = _uniform()[1].subs(sympy.Symbol("a", positive=True), a)
    (solution,) = sympy.solve((n_in + n_out) / 2 * variance - 1, a)
    x, w, dy = [[1, 2, -3]], [[1, 0, 2], [4, -1, 1]], [[5, 7]]
    back = ch.gradient(ops.linear(bias=False), "x", dy, x=x, w=w)
    columns = [[sum(dy[0][o] * w[o][i] for o in range(2)) for i in range(3)]]
    return bool(sympy.simplify(solution - sympy.sqrt(6 / (n_in + n_out))) == 0
                and back == columns)


def _uniform() -> tuple[Any, Any]:
    import sympy

    t, a = sympy.Symbol("t"), sympy.Symbol("a", positive=True)
    return (sympy.Integral(t ** 2 / (2 * a), (t, -a, a)),
            sympy.integrate(t ** 2 / (2 * a), (t, -a, a)))


def _halved() -> tuple[Any, Any]:
    """For a normal variable of variance sigma squared."""
    import sympy

    z, sigma = sympy.Symbol("z"), sympy.Symbol("sigma", positive=True)
    density = sympy.exp(-z ** 2 / (2 * sigma ** 2)) / (sigma * sympy.sqrt(2 * sympy.pi))
    return (sympy.Integral(z ** 2 * density, (z, 0, sympy.oo)), sigma ** 2 / 2)


def _ten_layers() -> Mapping[str, object]:
    found = {}
    for name, sigma in (("small", Fraction(1, 100)), ("large", Fraction(1)),
                        ("right", Fraction(1, 10))):
        factor = (100 * sigma ** 2) ** 10
        power = len(str(factor.numerator)) - len(str(factor.denominator))
        exact = factor == Fraction(10) ** power
        found[name] = ("1" if not power else f"10^{{{power}}}") if exact else str(factor)
    return found


def _fans() -> list[tuple[str, int, int]]:
    """(layer, fan in, fan out) from the shapes of LeNet's weights."""
    from symconv.notes.networks import LENET, walk

    found: list[tuple[str, int, int]] = []
    shape: tuple[int, ...] = (1, 1, 28, 28)
    for layer, row in zip(LENET, walk(LENET, shape), strict=True):
        if weights := layer.weights(shape):
            taps = layer.kernel ** 2 if layer.kind == "conv" else 1
            found.append((layer.name, weights[1] * taps, weights[0] * taps))
        shape = row.count.shape
    return found


def _xavier_rows() -> Sequence[Sequence[str]]:
    from symconv.notes.numbers import shown

    return [(name, f"${n_in}$", f"${n_out}$", f"${shown(Fraction(2, n_in + n_out))}$",
             f"${(6 / (n_in + n_out)) ** 0.5:.4f}$") for name, n_in, n_out in _fans()]


def _xavier_holds() -> bool:
    """The fans as they are known, and by the relation: the terms of one output, and the outputs
    that one inner input feeds."""
    w = [[[[1] * 3 for _ in range(3)] for _ in range(2)] for _ in range(4)]
    layer, x = ops.conv2d(bias=False), [[[[1] * 5 for _ in range(5)] for _ in range(2)]]
    terms = ch.run(layer, x=x, w=w)[0][0][0][0]
    dy = [[[[1] * 3 for _ in range(3)] for _ in range(4)]]
    fed = ch.gradient(layer, "x", dy, x=x, w=w)[0][0][2][2]
    return _fans() == [("c1", 25, 150), ("c3", 150, 400), ("f5", 400, 120), ("f6", 120, 84),
                       ("f7", 84, 10)] and (terms, fed) == (2 * 9, 4 * 9)
