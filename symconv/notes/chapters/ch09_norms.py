"""Average and norm pooling."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    DerivationBlock,
    Example,
    Formula,
    Heading,
    Items,
    Prose,
    Words,
)

if TYPE_CHECKING:
    from symconv.operators.arguments import Real


def blocks() -> tuple[Block, ...]:
    """Linear pooling, and norms."""
    return (*_average(), *_norms())


def _average() -> tuple[Block, ...]:
    return (
        Heading(Words("Average: a fixed convolution", "平均：一个固定的卷积")),
        Prose(Words(
            "The mean *is* a convolution: depthwise, one group per channel, with all weights "
            "$1/k$ (in two dimensions $1/(k_h k_w)$) and nothing to learn.",
            "平均*是*卷积：逐通道卷积，每个通道一个分组，全部权重为 $1/k$（二维时为 $1/(k_h k_w)$），没有"
            "可学习的东西。")),
        Formula(r"\frac1{k_h k_w} \sum_{a,e} x_{c,\,si+a,\,sj+e} = "
                r"\sum_{a,e} x_{c,\,si+a,\,sj+e}\, w_{cae}, \qquad "
                r"w_{cae} = \frac1{k_h k_w}", _average_is_convolution, key="average-conv"),
        Prose(Words(
            "It is linear, so its derivative is itself transposed: every output spreads "
            "$\\mathrm{d}y_i / k$ over its window, and overlaps add.",
            "它是线性的，所以其导数就是自身的转置：每个输出把 $\\mathrm{d}y_i / k$ 均匀分给它的窗口，重叠"
            "处累加。")),
        DerivationBlock(lambda: ops.avg_pool1d(3, stride=2), {"x": (1, 2, 7)}, depth="result",
                        key="avg-pool-vjp"),
        Example(Words(
            "With windows of $3$, stride $1$ and $\\mathrm{d}y = (3,3,3)$ the gradient is "
            "$<<dx>>$: each place receives $1$ from every window that covers it.",
            "窗口 $3$，步幅 $1$，$\\mathrm{d}y = (3,3,3)$ 时，梯度为 $<<dx>>$：每个位置从覆盖它的每个窗口"
            "得到 $1$。"),
            lambda: {"dx": ch.gradient(ops.avg_pool1d(3, stride=1), "x", [[[3, 3, 3]]],
                                       x=[[[4, 0, -2, 7, 1]]])[0][0]},
            {"dx": [1, 2, 3, 2, 1]}),
    )


def _norms() -> tuple[Block, ...]:
    return (
        Heading(Words("Norms in between", "介于其间的范数")),
        Prose(Words(
            "$L_p$ pooling takes the norm of a window. It leads from the sum of absolute values "
            "($p = 1$) to their maximum ($p \\to \\infty$), and never increases with $p$:",
            "$L_p$ 池化取窗口的范数。它从绝对值之和（$p = 1$）过渡到绝对值的最大值（$p \\to \\infty$），"
            "并且随 $p$ 单调不增：")),
        Formula(r"y_i = \left( \sum_a |x_{si+a}|^p \right)^{1/p}, \qquad "
                r"\max_a |x_{si+a}| \;\le\; y_i \;\le\; k^{1/p} \max_a |x_{si+a}|", _norm_bounds,
                key="lp-bounds"),
        Example(Words(
            "The window $(3,-4)$ has for $p = 1, 2, \\infty$ the values $<<values>>$. Its gradient "
            "for $p = 2$ is $<<slope>>$, the unit vector.",
            "窗口 $(3,-4)$ 对 $p = 1, 2, \\infty$ 的值为 $<<values>>$。$p = 2$ 时其梯度为 $<<slope>>$，"
            "即单位向量。"), _norm_values,
            {"values": [7, 5, 4], "slope": [Fraction(3, 5), Fraction(-4, 5)]}),
        Formula(r"\mathrm{d}x_u = \sum_{i,a:\ u = si+a} \mathrm{d}y_i\; "
                r"\operatorname{sgn}(x_u) \left( \frac{|x_u|}{y_i} \right)^{p-1}", _norm_gradient,
                key="lp-gradient"),
        Items((
            Words("The quotient never exceeds $1$. For $p \\ge 1$ a norm therefore passes on at "
                  "most the gradient that it receives, and for $p > 1$ it sends most of it to the "
                  "large inputs.",
                  "商不超过 $1$。因此当 $p \\ge 1$ 时范数传下去的梯度不超过它收到的，而当 $p > 1$ 时大部分给予大的输入。"),
            Words("Where the whole window is zero there is a kink; the engine returns $0$, which "
                  "is a subgradient for $p \\ge 1$.",
                  "若整个窗口为零，则有折点；引擎返回 $0$，当 $p \\ge 1$ 时它是次梯度。")),
            check=_zero_at_zero),
    )


def _average_is_convolution() -> bool:
    import numpy as np

    draw = random.Random("average")
    x = np.empty((2, 3, 5, 6), dtype=object)
    for place in np.ndindex(*x.shape):
        x[place] = draw.randint(-9, 9)
    w = np.full((3, 1, 2, 3), Fraction(1, 6), dtype=object)
    pool, layer = ops.avg_pool2d((2, 3), stride=2), ops.conv2d(stride=2, groups=3, bias=False)
    dy = np.array(ch.run(pool, x=x), dtype=object)
    return (ch.same(ch.run(pool, x=x), ch.run(layer, x=x, w=w))
            and ch.same(ch.gradient(pool, "x", dy, x=x), ch.gradient(layer, "x", dy, x=x, w=w)))


def _norm(p: Real, window: list[int]) -> Any:
    from symconv.notes import surds

    pool = ops.lp_pool1d(len(window), norm_type=p)
    return surds.run(pool, x=[[window]])[0][0][0]


def _norm_bounds() -> bool:
    """The inequality in exact surds for p = 1, 2, 3, and the order in p."""
    import sympy

    draw = random.Random("norms")
    for _ in range(ch.TRIALS):
        window = [draw.choice([n for n in range(-9, 10) if n]) for _ in range(3)]
        top = max(map(abs, window))
        found = [_norm(p, window) for p in (1, 2, 3)]
        by_hand = [sympy.root(sum(abs(value) ** p for value in window), p) for p in (1, 2, 3)]
        if not all(sympy.simplify(a - b) == 0 for a, b in zip(found, by_hand, strict=True)):
            return False
        if not all(top <= value <= sympy.root(3, p) * top for p, value in enumerate(found, 1)):
            return False
        if not found[0] >= found[1] >= found[2]:
            return False
    return True


def _zero_at_zero() -> bool:
    """A window of zeros has the gradient zero, and a window (3, 1) gives the larger input more."""
    import sympy

    from symconv.notes import surds

    for p in (1, 2, 3):
        pool = ops.lp_pool1d(2, norm_type=p)
        if surds.gradient(pool, "x", [[[1]]], x=[[[0, 0]]]) != [[[0, 0]]]:
            return False
        large, small = (sympy.sympify(entry) for entry in
                        surds.gradient(pool, "x", [[[1]]], x=[[[3, 1]]])[0][0])
        if not (small == large == 1 if p == 1 else small < large <= 1):
            return False
    return True


def _norm_values() -> dict[str, object]:
    import math

    from symconv.notes import surds

    slope = surds.gradient(ops.lp_pool1d(2), "x", [[[1]]], x=[[[3, -4]]])[0][0]
    values = [_norm(p, [3, -4]) for p in (1, 2, math.inf)]
    return {"values": [int(value) for value in values],
            "slope": [Fraction(int(part.p), int(part.q)) for part in slope]}


def _norm_gradient() -> bool:
    """The derived gradient against the display, for p = 2 and 3 with overlapping windows."""
    import sympy

    from symconv.notes import surds

    x, dy = [2, -3, 1, 5, -4, 2, 7], [1, -2, 3]
    for p in (2, 3):
        pool = ops.lp_pool1d(3, stride=2, norm_type=p)
        y = surds.run(pool, x=[[x]])[0][0]
        found = surds.gradient(pool, "x", [[dy]], x=[[x]])[0][0]
        for u, value in enumerate(x):
            by_hand = sum(dy[i] * sympy.sign(value) * (abs(value) / y[i]) ** (p - 1)
                          for i in range(3) if 0 <= u - 2 * i < 3)
            if sympy.simplify(found[u] - by_hand) != 0:
                return False
    return True
