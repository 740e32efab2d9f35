"""The gradient of batch normalisation."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from symconv import ops
from symconv.notes.model import (
    Block,
    DerivationBlock,
    Example,
    Formula,
    Heading,
    Prose,
    Words,
)


def blocks() -> tuple[Block, ...]:
    """What the derivation gives, and its closed form."""
    return (
        Heading(Words("The gradient of batch normalisation", "批量归一化的梯度")),
        Prose(Words(
            "Batch normalisation subtracts the mean of a channel over the batch, divides by the "
            "standard deviation, and applies a learned scale $\\gamma$ and shift $\\beta$. Mean "
            "and variance depend on *every* $x$, so the gradient couples the whole batch. Many "
            "courses do this on two pages by hand; the engine treats the statements as a "
            "graph (here with $\\varepsilon = 3$):",
            "批量归一化对每个通道减去整批的均值，除以标准差，再施以可学习的缩放 $\\gamma$ 与平移 "
            "$\\beta$。均值与方差依赖于*每一个* $x$，所以梯度把整批耦合在一起。许多课程用两页手算；引擎则把"
            "这几条语句当作一个计算图（此处 $\\varepsilon = 3$）：")),
        DerivationBlock(lambda: ops.batch_norm(eps=3), {"x": (3, 2), "gamma": (2,), "beta": (2,)},
                        wrt=("x",), key="batch-norm-vjp"),
        Prose(Words(
            r"Put together, with $\hat x = (x-\mu)/\sqrt{v+\varepsilon}$ and $m$ elements per "
            "channel, this is the closed form",
            r"合并起来，记 $\hat x = (x-\mu)/\sqrt{v+\varepsilon}$，每个通道有 $m$ 个元素，就是闭式")),
        Formula(r"\mathrm{d}x_k = \frac{\gamma}{m\sqrt{v+\varepsilon}} \Big( m\, \mathrm{d}y_k - "
                r"\sum_l \mathrm{d}y_l - \hat x_k \sum_l \mathrm{d}y_l\, \hat x_l \Big)",
                _closed_form, key="batch-norm-closed"),
        Formula(r"\mathrm{d}\gamma = \sum_l \mathrm{d}y_l\, \hat x_l, \qquad "
                r"\mathrm{d}\beta = \sum_l \mathrm{d}y_l, \qquad \sum_k \mathrm{d}x_k = 0",
                _other_gradients, key="batch-norm-parameters"),
        Prose(Words(
            "The last equation says that a shift of all inputs changes nothing, so the gradient "
            "has no component along it; a bias in the layer before is therefore useless. The "
            r"check is exact, in square roots.",
            "最后一个等式说明：所有输入同时平移不改变任何东西，因此梯度在该方向上没有分量；所以前一层的"
            "偏置是多余的。检验是精确的，在含平方根的数中进行。")),
        Example(Words(
            "For $x = (1,3)$, $\\gamma = 1$ and $\\varepsilon = 3$ the mean is $2$, the variance "
            "$1$, and $\\hat x = <<y>>$. With $\\mathrm{d}y = (1,0)$ the gradient is $<<dx>>$.",
            "对 $x = (1,3)$、$\\gamma = 1$、$\\varepsilon = 3$，均值为 $2$，方差为 $1$，$\\hat x = <<y>>$。"
            "当 $\\mathrm{d}y = (1,0)$ 时梯度为 $<<dx>>$。"), _pair,
            {"y": [Fraction(-1, 2), Fraction(1, 2)],
             "dx": [Fraction(3, 16), Fraction(-3, 16)]}),
    )


def _closed_form() -> bool:
    """The derived gradient against the display, in surds, for two channels."""
    import sympy

    from symconv.notes import surds

    draw = random.Random("closed")
    x = [[draw.randint(-5, 5) for _ in range(2)] for _ in range(4)]
    dy = [[draw.randint(-5, 5) for _ in range(2)] for _ in range(4)]
    gamma, eps = [2, -3], Fraction(1, 2)
    found = surds.gradient(ops.batch_norm(eps=eps), "x", dy, x=x, gamma=gamma, beta=[1, 4])
    for c in range(2):
        values, slopes = [row[c] for row in x], [row[c] for row in dy]
        normal, root = _normal(values, eps)
        along = sum(a * b for a, b in zip(slopes, normal, strict=True))
        for k in range(4):
            by_hand = gamma[c] / (4 * root) * (4 * slopes[k] - sum(slopes) - normal[k] * along)
            if sympy.simplify(found[k][c] - by_hand) != 0:
                return False
    return True


def _normal(values: Sequence[int], eps: Fraction) -> tuple[list[Any], Any]:
    """The normalised values and the root of variance plus eps."""
    import sympy

    mean = sympy.Rational(sum(values), len(values))
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    root = sympy.sqrt(variance + sympy.Rational(eps.numerator, eps.denominator))
    return [(value - mean) / root for value in values], root


def _other_gradients() -> bool:
    import sympy

    from symconv.notes import surds

    x, dy, eps = [4, -1, 2, 0], [1, -3, 2, 5], Fraction(1, 3)
    given = {"x": [[value] for value in x], "gamma": [3], "beta": [2]}
    layer, slopes = ops.batch_norm(eps=eps), [[value] for value in dy]
    normal, _ = _normal(x, eps)
    along = sum(a * b for a, b in zip(dy, normal, strict=True))
    dx = surds.gradient(layer, "x", slopes, **given)
    differences = [surds.gradient(layer, "gamma", slopes, **given)[0] - along,
                   surds.gradient(layer, "beta", slopes, **given)[0] - sum(dy),
                   sum(row[0] for row in dx)]
    return all(sympy.simplify(difference) == 0 for difference in differences)


def _pair() -> Mapping[str, object]:
    from symconv.notes import surds

    given = {"x": [[1], [3]], "gamma": [1], "beta": [0]}
    layer = ops.batch_norm(eps=3)
    found = {"y": surds.run(layer, **given),
             "dx": surds.gradient(layer, "x", [[1], [0]], **given)}
    return {name: [Fraction(int(row[0].p), int(row[0].q)) for row in rows]
            for name, rows in found.items()}
