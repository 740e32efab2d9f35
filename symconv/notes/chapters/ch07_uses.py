"""What 1x1 convolutions are for, and fully connected layers as convolutions."""

from __future__ import annotations

import random
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Example,
    Formula,
    Heading,
    Identity,
    Prose,
    Table,
    Words,
)

_PATHS = (("$3 \\times 3$, $256 \\to 256$", ((256, 256, 3),)),
          ("$1 \\times 1$, $256 \\to 64$; $3 \\times 3$, $64 \\to 64$; "
           "$1 \\times 1$, $64 \\to 256$", ((256, 64, 1), (64, 64, 3), (64, 256, 1))))


def blocks() -> tuple[Block, ...]:
    """Bottlenecks, and the other way round."""
    return (*_cost(), *_converse())


def _cost() -> tuple[Block, ...]:
    return (
        Heading(Words("What it is for", "用途")),
        Prose(Words(
            "It changes the number of channels cheaply. A $3 \\times 3$ layer on many channels is "
            "expensive; a *bottleneck* first reduces the channels, works there, and expands "
            "again. [[bottleneck]] counts both for $256$ channels.",
            "它以低廉的代价改变通道数。在许多通道上做 $3 \\times 3$ 卷积代价高昂；*瓶颈*结构先减少通道，"
            "在其中计算，再恢复通道数。[[bottleneck]]对 $256$ 个通道比较二者。")),
        Table((Words("layers", "层"), Words("weights", "权重"),
               Words(r"multiply-adds on $14 \times 14$ pixels",
                     r"$14 \times 14$ 像素上的乘加次数")), _bottleneck_rows, _bottleneck_holds,
              Words("A plain layer and a bottleneck between $256$ channels; biases left out.",
                    "$256$ 个通道之间的普通层与瓶颈结构；不计偏置。"), key="bottleneck"),
        Prose(Words(
            "Two of them in a row, with nothing in between, are one, because the product of two "
            "matrices is a matrix. With an activation in between they are a small network that is "
            "applied to every pixel: the *network in network* of [[11]].",
            "两个相连而中间什么也没有，仍是一个，因为两个矩阵之积是矩阵。中间放一个激活函数，就成为作用"
            "于每个像素的小网络：即[[11]]中的 *NiN*。")),
        Formula(r"w_2\,(w_1 x + b_1) + b_2 = (w_2 w_1)\, x + (w_2 b_1 + b_2)", _two_are_one,
                key="two-pointwise"),
        Identity(lambda: _two_sides(), key="two-pointwise-example"),
    )


def _converse() -> tuple[Block, ...]:
    return (
        Heading(Words("The other way round", "反过来看")),
        Prose(Words(
            "A fully connected layer on a picture of $C$ channels and $H \\times W$ pixels is a "
            "convolution whose kernel is as large as the picture: one output position, each "
            "weight used once.",
            "作用于 $C$ 个通道、$H \\times W$ 像素图像的全连接层，是卷积核与图像一样大的卷积：输出只有一个"
            "位置，每个权重恰用一次。")),
        Formula(r"\sum_{m} W_{om}\, \operatorname{flatten}(x)_m = "
                r"\sum_{c,a,e} w_{ocae}\, x_{c,\,0+a,\,0+e}, \qquad m = (cH + a)W + e",
                _dense_is_convolution, key="dense-as-convolution"),
        Example(Words(
            "This turns a classifier into a detector. A network trained on $7 \\times 7$ features "
            "ends in a fully connected layer; written as a $7 \\times 7$ convolution it accepts "
            "a larger picture, of $10 \\times 12$ features, and answers at "
            r"$<<rows>> \times <<columns>>$ positions in one pass.",
            "由此可把分类器变成检测器。在 $7 \\times 7$ 特征上训练的网络以全连接层结尾；写成 $7 \\times 7$ "
            "卷积后，它可以接受更大的图像，例如 $10 \\times 12$ 的特征，一遍就在 "
            r"$<<rows>> \times <<columns>>$ 个位置给出结果。"),
            lambda: dict(zip(("rows", "columns"), ops.conv2d(bias=False).output_shape(
                x=(1, 512, 10, 12), w=(1000, 512, 7, 7))["y"][2:], strict=True)),
            {"rows": 4, "columns": 6}),
    )


def _bottleneck() -> list[tuple[int, int]]:
    """Weights and multiply-adds of both paths, from the engine's shapes."""
    from symconv.notes.counting import counted

    found = []
    for _, layers in _PATHS:
        weights = operations = 0
        for inputs, outputs, kernel in layers:
            count = counted(ops.conv2d(padding=kernel // 2, bias=False),
                            x=(1, inputs, 14, 14), w=(outputs, inputs, kernel, kernel))
            weights += count.parameters
            operations += count.operations
        found.append((weights, operations))
    return found


def _bottleneck_rows() -> list[tuple[str, str, str]]:
    from symconv.notes.numbers import integer

    return [(name, f"${integer(weights)}$", f"${integer(operations)}$")
            for (name, _), (weights, operations) in zip(_PATHS, _bottleneck(), strict=True)]


def _bottleneck_holds() -> bool:
    weights = [256 * 256 * 9, 256 * 64 + 64 * 64 * 9 + 64 * 256]
    return _bottleneck() == [(count, count * 14 * 14) for count in weights]


def _two_are_one() -> bool:
    draw = random.Random("two")
    for _ in range(ch.TRIALS):
        x, w1, b1 = ch.drawn(draw, 1, 3, 2, 2), ch.drawn(draw, 4, 3), ch.drawn(draw, 4)
        w2, b2 = ch.drawn(draw, 2, 4), ch.drawn(draw, 2)
        twice = ch.run(ops.conv1x1(name="one") >> ops.conv1x1(name="two"), x=x, one_w=w1,
                       one_b=b1, two_w=w2, two_b=b2)
        if not ch.same(twice, ch.run(ops.conv1x1(), x=x, w=w2.dot(w1), b=w2.dot(b1) + b2)):
            return False
    return True


def _two_sides() -> tuple[Any, Any]:
    """The engine's weights of the composition, read off unit inputs, and the matrix product."""
    import sympy

    first, second = [[1, 2], [0, 1], [1, 0]], [[1, 1, 0], [0, 2, 1]]
    columns = [ch.run(ops.conv1x1(bias=False, name="one") >> ops.conv1x1(bias=False, name="two"),
                      x=[[[[unit]], [[1 - unit]]]], one_w=first, two_w=second)[0]
               for unit in (1, 0)]
    found = sympy.Matrix(2, 2, lambda row, column: columns[column][row][0][0])
    product = sympy.MatMul(sympy.Matrix(second), sympy.Matrix(first), evaluate=False)
    return product, sympy.ImmutableMatrix(found)


def _dense_is_convolution() -> bool:
    draw = random.Random("dense")
    x, w = ch.drawn(draw, 1, 2, 3, 4), ch.drawn(draw, 5, 2, 3, 4)
    dense = ch.run(ops.flatten() >> ops.linear(bias=False), x=x, w=w.reshape(5, 24))
    window = ch.run(ops.conv2d(bias=False), x=x, w=w)
    by_index = [sum(w.reshape(5, 24)[o, (c * 3 + a) * 4 + e] * x[0, c, a, e]
                    for c in range(2) for a in range(3) for e in range(4)) for o in range(5)]
    return ch.same([[[[value]] for value in by_index]], window) and dense == [by_index]
