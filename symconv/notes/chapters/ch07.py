"""Chapter 7: the 1x1 convolution is a fully connected layer at every pixel."""

from __future__ import annotations

import random
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Chapter,
    Computed,
    DerivationBlock,
    Example,
    Formula,
    Heading,
    Identity,
    Prose,
    Table,
    Words,
)

_SHAPES = {"x": (2, 3, 2, 3), "w": (4, 3), "b": (4,)}


def chapter() -> Chapter:
    """Channels are mixed, pixels are not."""
    return Chapter(7, Words("The 1×1 convolution", "1×1 卷积"),
                   (*_definition(), *_gradients(), *_cost(), *_converse()))


def _definition() -> tuple[Block, ...]:
    return (
        Heading(Words("A fully connected layer for each pixel", "每个像素一个全连接层")),
        Prose(Words(
            r"A kernel of extent $1 \times 1$ sees no neighbour. It looks pointless until one "
            "remembers the channels: what is left of the convolution is the sum over them,",
            r"大小为 $1 \times 1$ 的卷积核看不到任何邻居。若忘记通道，它似乎毫无用处；卷积剩下的正是对"
            "通道的求和：")),
        Computed(lambda: ops.conv1x1(), _SHAPES, _by_einsum, key="conv1x1"),
        Prose(Words(
            "For a fixed pixel $(i,j)$ this is a matrix $w$ times the vector of the channels, "
            "plus $b$: a fully connected layer, the same for all pixels. Write the pixels of all "
            "pictures below each other, one row of $C$ channels per pixel, as a matrix $X$ of "
            "$NHW$ rows. Then",
            "固定像素 $(i,j)$，这就是矩阵 $w$ 乘以该像素的通道向量，再加 $b$：一个全连接层，对所有像素"
            "相同。把全部图像的像素上下排列，每个像素一行，含 $C$ 个通道，得到 $NHW$ 行的矩阵 $X$。则")),
        Formula(r"Y = X w^{\mathsf T} + \mathbf{1}\, b^{\mathsf T}, \qquad "
                r"X \in \mathbb{R}^{NHW \times C},\quad Y \in \mathbb{R}^{NHW \times O}",
                _is_linear, key="pixel-rows"),
        Example(Words(
            r"Two channels of $2 \times 2$ pixels, $<<x>>$, and the weights $w = <<w>>$ give the "
            "two channels $<<y>>$. The upper left pixel has the channels $(1,5)$; its outputs "
            "are $1+5$ and $2 \\cdot 1 - 5$.",
            r"两个通道、$2 \times 2$ 个像素，$<<x>>$，权重 $w = <<w>>$，得到两个通道 $<<y>>$。左上角像素的"
            "通道为 $(1,5)$，其输出为 $1+5$ 与 $2 \\cdot 1 - 5$。"),
            _worked, {"y": [[[6, 8], [10, 12]], [[-3, -2], [-1, 0]]]}),
        Prose(Words(
            "The layer does not even notice where a pixel stands: for every permutation $\\pi$ "
            "of the pixels,",
            "这个层甚至不在意像素的位置：对像素的任何排列 $\\pi$，")),
        Formula(r"f(\pi x) = \pi f(x), \qquad (\pi x)_{ncu} = x_{nc\,\pi(u)}", _permutes,
                key="permutation"),
        Prose(Words(
            "which is far more than the translations of [[5]]. Everything spatial must come from "
            "other layers.",
            "这远远强于[[5]]的平移。一切与空间有关的东西都必须来自其他层。")),
    )


def _gradients() -> tuple[Block, ...]:
    return (
        Heading(Words("Its gradients", "它的梯度")),
        Prose(Words(
            "They are those of a fully connected layer, summed over the pixels where a parameter "
            "was shared. No equation has to be solved, since a tap at offset $0$ leaves nothing "
            "to solve:",
            "它们就是全连接层的梯度；凡是被共享的参数，就对各像素求和。由于偏移为 $0$，没有任何方程"
            "需要求解：")),
        DerivationBlock(lambda: ops.conv1x1(), _SHAPES, depth="result", key="conv1x1-vjp"),
        Prose(Words("In rows, with the cotangent $\\mathrm{d}Y$ arranged as $Y$ is:",
                    "按行排列，余切向量 $\\mathrm{d}Y$ 与 $Y$ 的排法相同：")),
        Formula(r"\mathrm{d}X = \mathrm{d}Y\, w, \qquad "
                r"\mathrm{d}w = \mathrm{d}Y^{\mathsf T} X, \qquad "
                r"\mathrm{d}b = \mathrm{d}Y^{\mathsf T} \mathbf{1}", _row_gradients,
                key="row-gradients"),
    )


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


def _random(draw: random.Random, *shape: int) -> Any:
    import numpy as np

    array: Any = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        array[place] = draw.randint(-9, 9)
    return array


def _rows_of(x: Any) -> Any:
    """(N, C, H, W) as a matrix with one row per pixel."""
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def _by_einsum(x: Any, w: Any, b: Any) -> Any:
    """Pixel by pixel, matrix times vector."""
    import numpy as np

    found = np.empty((x.shape[0], w.shape[0], *x.shape[2:]), dtype=object)
    for n, i, j in np.ndindex(x.shape[0], *x.shape[2:]):
        found[n, :, i, j] = w.dot(x[n, :, i, j]) + b
    return found


def _is_linear() -> bool:
    """Rows through `linear`, and the kernel of extent 1 through `conv2d`, give the same."""
    import numpy as np

    draw = random.Random("pixels")
    x, w, b = _random(draw, 2, 3, 2, 3), _random(draw, 4, 3), _random(draw, 4)
    layer = np.array(ch.run(ops.conv1x1(), x=x, w=w, b=b), dtype=object)
    window = ch.run(ops.conv2d(), x=x, w=w[:, :, None, None], b=b)
    by_hand = _rows_of(x).dot(w.T) + b
    return (ch.same(_rows_of(layer), by_hand) and ch.same(layer, window)
            and ch.same(ch.run(ops.linear(), x=_rows_of(x), w=w, b=b), by_hand))


def _worked() -> dict[str, object]:
    x, w = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[1, 1], [2, -1]]
    return {"x": x, "w": w, "y": ch.run(ops.conv1x1(bias=False), x=[x], w=w)[0]}


def _permutes() -> bool:
    import numpy as np

    draw = random.Random("permute")
    for _ in range(ch.TRIALS):
        x, w, b = _random(draw, 1, 3, 2, 3), _random(draw, 2, 3), _random(draw, 2)
        order = draw.sample(range(6), 6)
        moved = x.reshape(1, 3, 6)[:, :, order].reshape(x.shape)
        plain = np.array(ch.run(ops.conv1x1(), x=x, w=w, b=b), dtype=object)
        found = ch.run(ops.conv1x1(), x=moved, w=w, b=b)
        if not ch.same(found, plain.reshape(1, 2, 6)[:, :, order].reshape(plain.shape)):
            return False
    return True


def _row_gradients() -> bool:
    import numpy as np

    draw = random.Random("rows")
    x, w, b = _random(draw, 2, 3, 2, 3), _random(draw, 4, 3), _random(draw, 4)
    dy = _random(draw, 2, 4, 2, 3)
    found = {name: np.array(ch.gradient(ops.conv1x1(), name, dy, x=x, w=w, b=b), dtype=object)
             for name in "xwb"}
    rows = _rows_of(dy)
    return (ch.same(_rows_of(found["x"]), rows.dot(w)) and ch.same(found["w"], rows.T.dot(
        _rows_of(x))) and ch.same(found["b"], rows.sum(axis=0)))


_PATHS = (("$3 \\times 3$, $256 \\to 256$", ((256, 256, 3),)),
          ("$1 \\times 1$, $256 \\to 64$; $3 \\times 3$, $64 \\to 64$; "
           "$1 \\times 1$, $64 \\to 256$", ((256, 64, 1), (64, 64, 3), (64, 256, 1))))


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
        x, w1, b1 = _random(draw, 1, 3, 2, 2), _random(draw, 4, 3), _random(draw, 4)
        w2, b2 = _random(draw, 2, 4), _random(draw, 2)
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
    x, w = _random(draw, 1, 2, 3, 4), _random(draw, 5, 2, 3, 4)
    dense = ch.run(ops.flatten() >> ops.linear(bias=False), x=x, w=w.reshape(5, 24))
    window = ch.run(ops.conv2d(bias=False), x=x, w=w)
    by_index = [sum(w.reshape(5, 24)[o, (c * 3 + a) * 4 + e] * x[0, c, a, e]
                    for c in range(2) for a in range(3) for e in range(4)) for o in range(5)]
    return ch.same([[[[value]] for value in by_index]], window) and dense == [by_index]
