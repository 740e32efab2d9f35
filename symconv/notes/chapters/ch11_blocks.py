"""Residual blocks, and halving with doubling."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters.ch11_tables import HEADER, amounts, followed_back, line, shape
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
from symconv.notes.networks import Layer, Row, conv, count, total, walk

_INPUT = (1, 64, 56, 56)
_RESIDUAL = """x: [H]; w: [3]
j < H
q[j] = sum[a](x[j+a-1] * w[a])
h[j] = relu(q[j])
y[i] = x[i] + h[i]
"""


def blocks() -> tuple[Block, ...]:
    """Shortcuts, and how stages share the work."""
    return (*_residual_block(), *_halving())


def _residual_block() -> tuple[Block, ...]:
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
        Table(HEADER, _residual_rows, _residual_holds,
              Words("Two residual blocks on $64 \\times 56 \\times 56$, without biases: $a$ with the "
                    "plain shortcut, $b$ with stride $2$ and a $1 \\times 1$ shortcut. Fields are "
                    "counted from the input of the block.",
                    "作用于 $64 \\times 56 \\times 56$ 的两个残差块，无偏置：$a$ 为恒等捷径，$b$ 步幅为 "
                    "$2$，捷径为 $1 \\times 1$ 卷积。感受野从块的输入算起。"),
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


_SHORTCUT = conv("s", 128, 1, 2, bias=False)


def _paths() -> list[list[Layer]]:
    """The two layers of the block a, and those of b."""
    return [[conv(f"{name}1", outputs, 3, stride, 1, bias=False),
             conv(f"{name}2", outputs, 3, 1, 1, bias=False)]
            for name, outputs, stride in (("a", 64, 1), ("b", 128, 2))]


def _residual() -> tuple[list[Row], list[Row]]:
    """The layers of a, and those of b with its shortcut."""
    plain, halving = (walk(path, _INPUT) for path in _paths())
    return plain, [*halving, *walk([_SHORTCUT], _INPUT)]


def _residual_rows() -> Sequence[Sequence[Words | str]]:
    found: list[Sequence[Words | str]] = []
    for name, rows in zip("ab", _residual(), strict=True):
        parameters, operations = total(rows)
        found += [*map(line, rows),
                  (Words(f"{name}: sum", f"{name}：相加"), shape(rows[1].count.shape),
                   *amounts(parameters, operations, max(row.field for row in rows)))]
    return found


def _residual_holds() -> bool:
    """Counts by the formulas, shapes that can be added, and fields by following the relations."""
    plain, halving = _residual()
    joined = [ops.add(ndim=4).output_shape(a=one, b=other)["y"] for one, other in (
        (_INPUT, plain[1].count.shape), (halving[1].count.shape, halving[2].count.shape))]
    followed = [followed_back(path[:depth], 56) for path in _paths() for depth in (1, 2)]
    return (joined == [_INPUT, (1, 128, 28, 28)] and followed == [3, 5, 3, 7]
            and followed_back([_SHORTCUT], 56) == 1
            and [row.field for row in (*plain, *halving)] == [*followed, 1]
            and [total(plain), total(halving)] == [
                (2 * 9 * 64 ** 2, 2 * 9 * 64 ** 2 * 56 ** 2),
                tuple((9 * 64 * 128 + 9 * 128 ** 2 + 64 * 128) * pixels
                      for pixels in (1, 28 * 28))])


def _same_cost() -> tuple[Any, Any]:
    """The unevaluated cost after halving and doubling, and the cost before."""
    import sympy

    k, c, h, w = sympy.symbols("k c h w", positive=True)
    after = sympy.Mul(k ** 2, sympy.Pow(sympy.Mul(2, c, evaluate=False), 2, evaluate=False),
                      sympy.Mul(sympy.Rational(1, 2), h, evaluate=False),
                      sympy.Mul(sympy.Rational(1, 2), w, evaluate=False), evaluate=False)
    return after, k ** 2 * c ** 2 * h * w


def _stage_counts() -> list[tuple[tuple[int, ...], int, int]]:
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
