"""Residual blocks, depthwise blocks, and halving with doubling."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters.ch11_classic import amounts, shape
from symconv.notes.model import (
    Block,
    DerivationBlock,
    Example,
    Formula,
    Heading,
    Identity,
    Prose,
    Table,
    Words,
)

_RESIDUAL = """x: [H]; w: [3]
j < H
q[j] = sum[a](x[j+a-1] * w[a])
h[j] = relu(q[j])
y[i] = x[i] + h[i]
"""


def blocks() -> tuple[Block, ...]:
    """Blocks that later networks are made of."""
    return (*_residual(), *_halving(), *_depthwise())


def _residual() -> tuple[Block, ...]:
    return (
        Heading(Words("The residual block", "残差块")),
        Prose(Words(
            "A residual block adds its input to what its layers compute, $y = x + F(x)$. In one "
            "dimension and with one layer, the engine derives for its gradient",
            "残差块把输入加到其各层的计算结果上，$y = x + F(x)$。对一维、一层的情形，引擎推导出其梯度为")),
        DerivationBlock(lambda: ch.operator_of(_RESIDUAL), {"x": (7,), "w": (3,)}, wrt=("x",),
                        depth="result", key="residual-vjp"),
        Prose(Words(
            "with $\\mathrm{d}q_i = \\mathrm{d}y_i$ where the relu is active and $0$ elsewhere. The "
            "first term does not depend on the weights. However "
            "small $F'$ is, $\\mathrm{d}y$ arrives below the block undiminished; through "
            "$L$ blocks the Jacobian is",
            "其中 $\\mathrm{d}q_i$ 在 relu 激活处等于 $\\mathrm{d}y_i$，其余为 $0$。第一项与权重"
            "无关。无论 $F'$ 多小，$\\mathrm{d}y$ 都原样到达块的下方；经过 $L$ 个块，雅可比"
            "矩阵为")),
        Formula(r"\prod_{l=1}^{L} (I + J_l) = I + \sum_l J_l + \sum_{l > m} J_l J_m + \dots",
                _product_expands, key="residual-product"),
        Example(Words(
            "Ten layers that each multiply by $\\tfrac1{10}$ pass on $<<plain>>$ of a gradient. "
            "Ten residual blocks with the same layers pass on $<<residual>>$ times the gradient.",
            "十层，每层乘以 $\\tfrac1{10}$，梯度只剩 $<<plain>>$。用同样的层构成十个残差块，传下的梯度是"
            "原来的 $<<residual>>$ 倍。"), _ten, {"plain": "10^{-10}", "residual": "2.59"}),
        Prose(Words(
            "Shapes must agree for the sum. Where a block halves the size and doubles the "
            "channels, the shortcut is a $1 \\times 1$ convolution of stride $2$.",
            "相加要求形状一致。若一个块把大小减半、通道加倍，捷径就用步幅为 $2$ 的 $1 \\times 1$ "
            "卷积。")),
        Table((Words("block", "块"), Words("input", "输入"), Words("output", "输出"),
               Words("parameters", "参数"), Words("multiply-adds", "乘加次数")),
              _residual_rows, _residual_holds,
              Words("Two $3 \\times 3$ layers without biases: with the plain shortcut, and with "
                    "stride $2$ and a $1 \\times 1$ shortcut.",
                    "两个无偏置的 $3 \\times 3$ 层：恒等捷径；以及步幅 $2$ 与 $1 \\times 1$ 捷径。"),
              key="residual-blocks"),
    )


def _halving() -> tuple[Block, ...]:
    return (
        Heading(Words("Halve the size, double the channels", "大小减半，通道加倍")),
        Prose(Words(
            "Nearly all networks do both together. The reason is arithmetic: a layer between $c$ "
            "channels on $h \\times w$ pixels costs $k^2 c^2 h w$, and",
            "几乎所有网络都同时做这两件事。理由是算术：在 $h \\times w$ 像素上、$c$ 个通道之间的层，代价为 "
            "$k^2 c^2 h w$，而")),
        Identity(lambda: _same_cost(), key="halving-cost"),
        Prose(Words(
            "so each stage does the same work per layer. The values to be stored halve with each "
            "stage, $2c \\cdot \\tfrac h2 \\cdot \\tfrac w2 = \\tfrac12 chw$, and the weights "
            "quadruple. ResNet's four stages, in numbers:",
            "因此各级每层的工作量相同。要保存的数值逐级减半，$2c \\cdot \\tfrac h2 \\cdot \\tfrac w2 = "
            "\\tfrac12 chw$，而权重变为四倍。ResNet 的四级，用数字表示：")),
        Table((Words("stage", "级"), Words("shape", "形状"), Words("values", "数值个数"),
               Words("weights of a layer", "一层的权重"), Words("multiply-adds", "乘加次数")),
              _stage_rows, _stages_hold,
              Words("A $3 \\times 3$ layer without bias in each stage.",
                    "每一级中一个无偏置的 $3 \\times 3$ 层。"), key="stages"),
    )


def _depthwise() -> tuple[Block, ...]:
    return (
        Heading(Words("MobileNet's depthwise block", "MobileNet 的逐通道块")),
        Prose(Words(
            "A convolution mixes pixels and channels at the same time. MobileNet does one after "
            "the other: a depthwise convolution ([[6]], as many groups as channels) and then a "
            "$1 \\times 1$ convolution. For $C$ inputs, $O$ outputs and kernel size $k$ the ratio "
            "of the costs is",
            "卷积同时混合像素与通道。MobileNet 先后进行：先是逐通道卷积（[[6]]，分组数等于通道数），再是 "
            "$1 \\times 1$ 卷积。设 $C$ 个输入、$O$ 个输出、卷积核大小 $k$，代价之比为")),
        Identity(lambda: _ratio(), key="depthwise-ratio", check=lambda: _ratio_holds()),
        Table((Words("layers", "层"), Words("parameters", "参数"),
               Words("multiply-adds", "乘加次数")), _mobile_rows, _mobile_holds,
              Words(r"From $512$ to $512$ channels on $14 \times 14$ pixels, without biases.",
                    r"$14 \times 14$ 像素上从 $512$ 到 $512$ 个通道，无偏置。"), key="mobilenet"),
        Prose(Words(
            "Nearly all of what remains is in the $1 \\times 1$ layer. The two steps are a "
            "restriction: their composition is a full kernel of the form "
            "$w_{ocae} = p_{oc}\\, q_{cae}$, in which all outputs share the spatial pattern of an "
            "input channel up to a factor.",
            "剩下的代价几乎都在 $1 \\times 1$ 层中。这两步是一种限制：它们的复合是形如 "
            "$w_{ocae} = p_{oc}\\, q_{cae}$ 的完整卷积核，其中各输出共用同一输入通道的空间模式，只差一个"
            "因子。")),
        Formula(r"\sum_c p_{oc} \sum_{a,e} q_{cae}\, x_{c,i+a,j+e} = "
                r"\sum_{c,a,e} (p_{oc}\, q_{cae})\, x_{c,i+a,j+e}", _separable, key="separable"),
    )


def _product_expands() -> bool:
    """For L = 3 with noncommuting symbols, all orders."""
    import sympy

    one, two, three = sympy.symbols("J1:4", commutative=False)
    whole = sympy.expand((1 + three) * (1 + two) * (1 + one))
    wanted = (1 + one + two + three + two * one + three * one + three * two
              + three * two * one)
    return bool(sympy.expand(whole - wanted) == 0)


def _ten() -> Mapping[str, object]:
    """The gradient through ten layers x/10, and through ten blocks x + x/10, by the engine."""
    import math
    from fractions import Fraction

    def through(body: str) -> Fraction:
        lines = [f"h{k}[i] = {body.format(f'h{k - 1}[i]')}" for k in range(1, 11)]
        text = "; ".join(["h0: [N]", *lines])
        return Fraction(ch.gradient(text, "h0", [1], h0=[3])[0])

    plain, residual = through("{0}/10"), through("{0} + {0}/10")
    power = math.log10(plain)
    return {"plain": f"10^{{{power:.0f}}}" if plain == Fraction(1, 10 ** 10) else str(plain),
            "residual": f"{float(residual):.2f}"}


def _residual_counts() -> list[tuple[tuple[int, ...], tuple[int, ...], int, int]]:
    from symconv.notes.networks import conv, count, total, walk

    found: list[tuple[tuple[int, ...], tuple[int, ...], int, int]] = []
    for given, outputs, stride in (((1, 64, 56, 56), 64, 1), ((1, 64, 56, 56), 128, 2)):
        rows = walk([conv("c1", outputs, 3, stride, 1, bias=False),
                     conv("c2", outputs, 3, 1, 1, bias=False)], given)
        parameters, operations = total(rows)
        if stride > 1:
            shortcut = count(conv("s", outputs, 1, stride, bias=False), given)
            parameters += shortcut.parameters
            operations += shortcut.operations
            if shortcut.shape != rows[-1].count.shape:
                return []
        found.append((given, rows[-1].count.shape, parameters, operations))
    return found


def _residual_rows() -> Sequence[Sequence[Words | str]]:
    names = [Words("plain shortcut", "恒等捷径"), Words("halving", "减半")]
    return [(name, shape(given), shape(made), *amounts(parameters, operations))
            for name, (given, made, parameters, operations)
            in zip(names, _residual_counts(), strict=True)]


def _residual_holds() -> bool:
    pixels = 28 * 28
    return [row[1:] for row in _residual_counts()] == [
        ((1, 64, 56, 56), 2 * 9 * 64 ** 2, 2 * 9 * 64 ** 2 * 56 ** 2),
        ((1, 128, 28, 28), 9 * 64 * 128 + 9 * 128 ** 2 + 64 * 128,
         (9 * 64 * 128 + 9 * 128 ** 2 + 64 * 128) * pixels)]


def _same_cost() -> tuple[Any, Any]:
    """The unevaluated cost after halving and doubling, and the cost before."""
    import sympy

    k, c, h, w = sympy.symbols("k c h w", positive=True)
    after = sympy.Mul(k ** 2, sympy.Pow(sympy.Mul(2, c, evaluate=False), 2, evaluate=False),
                      sympy.Mul(sympy.Rational(1, 2), h, evaluate=False),
                      sympy.Mul(sympy.Rational(1, 2), w, evaluate=False), evaluate=False)
    return after, k ** 2 * c ** 2 * h * w


def _stage_counts() -> list[tuple[tuple[int, ...], int, int]]:
    from symconv.notes.networks import conv, count

    found = []
    for channels, size in ((64, 56), (128, 28), (256, 14), (512, 7)):
        made = count(conv("c", channels, 3, 1, 1, bias=False), (1, channels, size, size))
        found.append((made.shape, made.parameters, made.operations))
    return found


def _stage_rows() -> Sequence[Sequence[str]]:
    import math

    return [(f"${number}$", shape(made), *amounts(math.prod(made), parameters, operations))
            for number, (made, parameters, operations) in enumerate(_stage_counts(), 1)]


def _stages_hold() -> bool:
    import math

    rows = _stage_counts()
    return ({row[2] for row in rows} == {9 * 64 ** 2 * 56 ** 2}
            and all(math.prod(one[0]) == 2 * math.prod(two[0]) and 4 * one[1] == two[1]
                    for one, two in itertools.pairwise(rows)))


def _ratio() -> tuple[Any, Any]:
    import sympy

    c, o, k = sympy.symbols("C O k", positive=True)
    return (c * k ** 2 + c * o) / (c * o * k ** 2), 1 / o + 1 / k ** 2


def _mobile() -> list[tuple[int, int]]:
    from symconv.notes.networks import conv, total, walk

    given = (1, 512, 14, 14)
    paths = [[conv("c", 512, 3, 1, 1, bias=False)],
             [conv("d", 512, 3, 1, 1, groups=512, bias=False)],
             [conv("p", 512, 1, bias=False)]]
    return [total(walk(path, given)) for path in paths]


def _ratio_holds() -> bool:
    """The ratio of the engine's counts is the printed one, for the layer of the table."""
    from fractions import Fraction

    (plain, work), *parts = _mobile()
    expected = Fraction(1, 512) + Fraction(1, 9)
    return (Fraction(sum(part[0] for part in parts), plain) == expected
            and Fraction(sum(part[1] for part in parts), work) == expected)


def _mobile_rows() -> Sequence[Sequence[Words | str]]:
    plain, depth, point = _mobile()
    names = [Words(r"plain $3 \times 3$", r"普通 $3 \times 3$"),
             Words(r"depthwise $3 \times 3$", r"逐通道 $3 \times 3$"),
             Words(r"$1 \times 1$", r"$1 \times 1$"), Words("both steps", "两步合计")]
    sums = (depth[0] + point[0], depth[1] + point[1])
    return [(name, *amounts(*row)) for name, row
            in zip(names, (plain, depth, point, sums), strict=True)]


def _mobile_holds() -> bool:
    return _mobile() == [(512 ** 2 * 9, 512 ** 2 * 9 * 196), (512 * 9, 512 * 9 * 196),
                         (512 ** 2, 512 ** 2 * 196)]


def _separable() -> bool:
    import random

    import numpy as np

    draw = random.Random("separable")

    def some(*extents: int) -> Any:
        array = np.empty(extents, dtype=object)
        for place in np.ndindex(*extents):
            array[place] = draw.randint(-9, 9)
        return array

    x, q, p = some(1, 3, 4, 5), some(3, 1, 2, 2), some(4, 3)
    steps = ops.conv2d(groups=3, bias=False, name="d") >> ops.conv1x1(bias=False, name="p")
    whole = p[:, :, None, None] * q[:, 0][None]
    return ch.same(ch.run(steps, x=x, d_w=q, p_w=p), ch.run(ops.conv2d(bias=False), x=x, w=whole))
