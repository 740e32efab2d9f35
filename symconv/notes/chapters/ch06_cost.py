"""The cost of a layer, and convolutions of convolutions."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Example,
    Figure,
    Formula,
    Heading,
    Lang,
    Prose,
    Table,
    Words,
)
from symconv.notes.pictures.canvas import Drawing


def blocks() -> tuple[Block, ...]:
    """Counting, and stacking without an activation."""
    return (*_counting(), *_stacks())


def _counting() -> tuple[Block, ...]:
    return (
        Heading(Words("What a layer costs", "一个层的代价")),
        Prose(Words(
            "Each of the $c_o m_h m_w$ outputs is a sum over $c_i k_h k_w$ products. A layer "
            "without padding performs exactly",
            "$c_o m_h m_w$ 个输出中的每一个都是 $c_i k_h k_w$ 个乘积之和。不带填充的层恰好执行")),
        Formula(Words(
                    r"c_i\, c_o\, k_h\, k_w\, m_h\, m_w \ \text{multiply-adds, with}\ "
                    r"c_o\,(c_i\, k_h\, k_w + 1)\ \text{parameters.}",
                    r"c_i\, c_o\, k_h\, k_w\, m_h\, m_w \ \text{次乘加，并有}\ "
                    r"c_o\,(c_i\, k_h\, k_w + 1)\ \text{个参数。}"), _cost_is_count, key="cost"),
        Prose(Words(
            "With zero padding the products with padded zeros may be skipped, so the formula is an "
            "upper bound. The gradients of $x$ and $w$ are sums over the same relation and cost "
            "the same again, each: a training step takes about three times the forward pass.",
            "用零填充时，与填充的零的乘积可以跳过，因此公式是上界。$x$ 与 $w$ 的梯度是对同一关系的"
            "求和，各自再花费同样的代价：一个训练步约为前向传播的三倍。")),
        Example(Words(
            "$c_i = c_o = 100$, a $5 \\times 5$ kernel, $64 \\times 64$ outputs: "
            "$<<adds>>$ multiply-adds, about $10^9$, from only $<<parameters>>$ parameters. One "
            "million such pictures are about $10^{15}$.",
            "$c_i = c_o = 100$，$5 \\times 5$ 的卷积核，$64 \\times 64$ 个输出：$<<adds>>$ 次乘加，"
            "约 $10^9$，而参数只有 $<<parameters>>$ 个。一百万幅这样的图像约需 $10^{15}$ 次。"),
            lambda: dict(zip(("adds", "parameters"), _cost(100, 100, (5, 5), (64, 64)),
                             strict=True)),
            {"adds": 1_024_000_000, "parameters": 250_100}),
    )


def _stacks() -> tuple[Block, ...]:
    return (
        Heading(Words("A convolution of a convolution is a convolution", "卷积的卷积仍是卷积")),
        Prose(Words(
            "Two layers of stride $1$ with nothing in between are one layer: the offsets add, so "
            "the kernels are *convolved* with each other. For one channel and no padding:",
            "两个步幅为 $1$ 的层，中间什么也没有，就等于一个层：偏移相加，所以两个卷积核彼此作*卷积"
            "*。对单通道、不填充的情形：")),
        Formula(r"(x \star w) \star v = x \star (w * v), \qquad (w * v)_c = "
                r"\sum_{a+b=c} w_a v_b", _kernels_convolve, key="composition"),
        Example(Words(
            "In one dimension $(1,2,1) * (1,2,1) = <<two>>$ and once more $<<three>>$: taps $3$, "
            "$5$, $7$. Two $3 \\times 3$ layers are one $5 \\times 5$ layer, three are one $7 "
            "\\times 7$ layer.",
            "在一维中 $(1,2,1) * (1,2,1) = <<two>>$，再作一次得 $<<three>>$：抽头个数为 $3$、$5$、"
            "$7$。两个 $3 \\times 3$ 的层是一个 $5 \\times 5$ 的层，三个是一个 $7 \\times 7$ 的"
            "层。"),
            _binomials, {"two": [1, 4, 6, 4, 1], "three": [1, 6, 15, 20, 15, 6, 1]}),
        Figure("ch06-receptive", _stack,
               Words("Three layers of kernel size $3$: one output depends on seven inputs.",
                     "三个卷积核大小为 $3$ 的层：一个输出取决于七个输入。"), _seven_inputs,
               key="receptive-stack"),
        Table((Words("stack", "堆叠"), Words("field", "感受野"), Words("weights", "权重"),
               Words("one layer", "单层"), Words("weights", "权重")), _stack_rows,
              _stack_rows_hold,
              Words("Stacks of $3 \\times 3$ layers against one layer with the same receptive "
                    "field, for one channel throughout; $c$ channels multiply all weights by "
                    "$c^2$.",
                    "$3 \\times 3$ 层的堆叠与感受野相同的单个层的比较，始终为单通道；通道数为 $c$ "
                    "时，"
                    "所有权重都乘以 $c^2$。"), key="stacks"),
        Prose(Words(
            "The converse fails: $18$ weights cannot produce every kernel of $25$, and three "
            "layers do not equal *two* $5 \\times 5$, which reach $9 \\times 9$. And without an "
            "activation the stack can do *less* than the single layer. It is the nonlinear "
            "function in between that makes depth worth its while; with it no single kernel can "
            "replace the two layers, because the result is not linear any more:",
            "反之不成立：$18$ 个权重不能产生每一个有 $25$ 个元素的卷积核；三个层也不等于*两个* $5 "
            "\\times 5$ 的层，后者的感受野为 $9 \\times 9$。而且没有激活函数时，堆叠的能力比单个层*"
            "更弱*。使深度有价值的正是中间的非线性函数；有了它，任何单个卷积核都不能代替这两个层，"
            "因为结果不再是线性的："), check=_stacks_are_less),
        Example(Words(
            "With $f(x) = \\operatorname{relu}(x \\star (1,-1)) \\star (1,1)$ and $x = (0,1,0)$: "
            "$f(x) = <<plus>>$ and $f(-x) = <<minus>>$, but a linear map would have given "
            "$f(-x) = -f(x)$. Without the relu, $<<linear>>$ and $<<opposite>>$.",
            "取 $f(x) = \\operatorname{relu}(x \\star (1,-1)) \\star (1,1)$，$x = (0,1,0)$：$f(x) "
            "= <<plus>>$，$f(-x) = <<minus>>$，而线性映射应给出 $f(-x) = -f(x)$。去掉 relu 则为 "
            "$<<linear>>$ 与 $<<opposite>>$。"), _activated,
            {"plus": [1], "minus": [1], "linear": [0], "opposite": [0]}),
    )


def _cost(c_in: int, c_out: int, kernel: tuple[int, int],
          outputs: tuple[int, int]) -> tuple[int, int]:
    taps = math.prod(kernel)
    return c_in * c_out * taps * math.prod(outputs), c_out * (c_in * taps + 1)


def _cost_is_count() -> bool:
    """The points of the relation and the elements of the operands, counted."""
    from symconv.notes.pictures.meetings import meetings
    from symconv.shapes import bind, stored_shape

    for c_in, c_out, kernel in itertools.product((1, 2), (1, 3), ((1, 2), (3, 2))):
        shapes = {"x": (1, c_in, 4, 5), "w": (c_out, c_in, *kernel)}
        plain = ops.conv2d(bias=False)
        outputs = plain.output_shape(**shapes)["y"][2:]
        biased = ops.conv2d().definition
        sizes = bind(biased, {**shapes, "b": (c_out,)})
        parameters = sum(math.prod(stored_shape(biased.tensor(name), sizes)) for name in "wb")
        counted = len(meetings(plain, shapes)), parameters
        if counted != _cost(c_in, c_out, kernel, (outputs[0], outputs[1])):
            return False
    return True


def _layer(x: Sequence[Any], w: Sequence[Any]) -> list[Any]:
    found: list[Any] = ch.run(ops.conv1d(bias=False), x=[[x]], w=[[w]])[0][0]
    return found


def _kernels_convolve() -> bool:
    import numpy as np

    draw = random.Random("composition")
    for first, second in ((2, 3), (3, 3), (1, 4)):
        x, w, v = ([draw.randint(-9, 9) for _ in range(n)] for n in (9, first, second))
        joint = ch.run(ops.convolve(), a=w, b=v)
        by_hand = [sum(w[a] * v[c - a] for a in range(first) if 0 <= c - a < second)
                   for c in range(first + second - 1)]
        if not (ch.same(joint, by_hand) and ch.same(_layer(_layer(x, w), v), _layer(x, joint))):
            return False
    flat = ops.conv2d(bias=False)
    inputs = ch.sample(flat.definition, {"x": (1, 1, 7, 6), "w": (1, 1, 3, 3)}, 0)
    outer = np.array([[[[draw.randint(-9, 9) for _ in range(3)] for _ in range(3)]]],
                     dtype=object)
    both = ch.run(ops.convolve(2), a=inputs["w"][0, 0], b=outer[0, 0])
    inner = ch.run(flat, x=inputs["x"], w=inputs["w"])
    return np.shape(both) == (5, 5) and ch.same(
        ch.run(flat, x=inner, w=outer), ch.run(flat, x=inputs["x"], w=[[both]]))


def _binomials() -> dict[str, object]:
    two = ch.run(ops.convolve(), a=[1, 2, 1], b=[1, 2, 1])
    return {"two": two, "three": ch.run(ops.convolve(), a=two, b=[1, 2, 1])}


def _threes(count: int) -> list[Any]:
    from symconv.notes.pictures.receptive import Layer

    return [Layer(f"k = 3 ({number})", 3) for number in range(1, count + 1)]


def _stack(lang: Lang) -> Drawing:
    from symconv.notes.pictures.receptive import stack

    return stack(_threes(3), 11)


def _reach(count: int) -> int:
    from symconv.notes.pictures.receptive import fields

    return len(fields(_threes(count), 11, 1)[0])


def _seven_inputs() -> bool:
    return _reach(3) == 7


def _stack_rows() -> Sequence[Sequence[Words | str]]:
    rows: list[Sequence[Words | str]] = []
    for count, name in ((2, ("two", "两个")), (3, ("three", "三个"))):
        side = _reach(count)
        rows.append((Words(rf"{name[0]} $3 \times 3$", rf"{name[1]} $3 \times 3$"),
                     rf"${side} \times {side}$", f"${9 * count}$",
                     rf"${side} \times {side}$", f"${side ** 2}$"))
    return rows


def _stack_rows_hold() -> bool:
    return ([(_reach(n), 9 * n, _reach(n) ** 2) for n in (2, 3)] == [(5, 18, 25), (7, 27, 49)])


def _activated() -> dict[str, object]:
    def with_relu(x: list[int]) -> list[Any]:
        edges = ch.run("x: [N]; y[i] = relu(x[i])", x=_layer(x, [1, -1]))
        return _layer(edges, [1, 1])

    def without(x: list[int]) -> list[Any]:
        return _layer(_layer(x, [1, -1]), [1, 1])

    x = [0, 1, 0]
    turned = [-value for value in x]
    return {"plus": with_relu(x), "minus": with_relu(turned), "linear": without(x),
            "opposite": without(turned)}


def _stacks_are_less() -> bool:
    """Of the 25 directions in which a 5x5 kernel can move, two 3x3 kernels reach fewer: the
    Jacobian of their convolution, which is linear in each, has a smaller rank."""
    import sympy

    from symconv.notes.pictures.receptive import Layer, width

    draw = random.Random("stacks")
    one, two = ch.drawn(draw, 3, 3), ch.drawn(draw, 3, 3)
    matrix = ch.jacobian(ops.convolve(ndim=2), "a", a=one, b=two)
    other = ch.jacobian(ops.convolve(ndim=2), "b", a=one, b=two)
    rank = sympy.Matrix([[*left, *right] for left, right in zip(matrix, other, strict=True)]).rank()
    return rank < 25 and (width([Layer("c", 3)] * 3), width([Layer("c", 5)] * 2)) == (7, 9)
