"""The second requirement, locality, and the number of weights that is left."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Formula,
    Heading,
    Items,
    Prose,
    Table,
    Words,
)

ROWS, COLUMNS = 3000, 4000                    # pixels of a photograph


def blocks() -> tuple[Block, ...]:
    """Near pixels alone."""
    return (
        Heading(Words("Second requirement: locality", "第二项要求：局部性")),
        Prose(Words(
            "What stands at $(i,j)$ is recognised from its neighbourhood. Weights of far offsets "
            r"are set to zero, $v_{ab} = 0$ unless $|a| \le \Delta$ and $|b| \le \Delta$:",
            "$(i,j)$ 处是什么，由其邻域就能识别。远处偏移的权重取为零：除非 "
            r"$|a| \le \Delta$ 且 $|b| \le \Delta$，否则 $v_{ab} = 0$：")),
        Formula(r"h_{ij} = \sum_{a=-\Delta}^{\Delta} \sum_{b=-\Delta}^{\Delta} "
                r"v_{ab}\, x_{i+a,\,j+b}", _window_is_layer, key="local-sum"),
        Prose(Words(
            r"These are $(2\Delta+1)^2$ weights: a convolutional layer with an odd kernel and "
            r"padding $\Delta$. [[weights-table]] follows the number of weights from the fully "
            "connected layer on, with a hidden picture of the size of the input.",
            r"共 $(2\Delta+1)^2$ 个权重：这就是卷积核大小为奇数、填充为 $\Delta$ 的卷积层。"
            "[[weights-table]]从全连接层开始追踪权重的个数，其中隐藏图像与输入大小相同。")),
        Table((Words("layer", "层"), Words("weights", "权重"), Words("number", "个数")),
              _weights, _weights_hold,
              Words(r"Weights for one colour plane of $3000 \times 4000$ pixels, and, in the last "
                    "row, for three colours and $100$ hidden pictures.",
                    r"$3000 \times 4000$ 像素的单色平面的权重；最后一行为三色输入与 $100$ 幅隐藏"
                    "图像。"), key="weights-table"),
        Prose(Words(
            "The last row is fair to compare with [[dense-weights]]: three colours in, one hundred "
            "features out, and each feature now at *every* place. The price of the two "
            "requirements is a bias of its own kind: what depends on the absolute position, or on "
            "pixels far apart, a single such layer cannot express.",
            "最后一行可以与 [[dense-weights]] 直接比较：输入三种颜色，输出一百个特征，而且每个特征"
            "现在出现在*每个*位置。两项要求的代价是一种先验的限制：凡是取决于绝对位置，或取决于相距"
            "很远的像素的东西，单独一个这样的层无法表达。")),
        Items((
            Words("Fewer weights do not mean fewer operations: each of the weights is used at "
                  "every place. [[6]] counts.",
                  "权重少并不意味着运算少：每个权重在每个位置都要用到。[[6]]给出计数。"),
            Words("Deep stacks see far after all: the neighbourhood grows with every layer.",
                  "深的网络终究看得远：邻域随每一层而增大。"))),
    )


def _window_is_layer() -> bool:
    """For reach 1 and 2: the sum over offsets is conv2d with padding of that amount."""
    import numpy as np

    draw = random.Random("local")
    for reach in (1, 2):
        x = np.array([[draw.randint(-9, 9) for _ in range(5)] for _ in range(4)], dtype=object)
        side = 2 * reach + 1
        w = np.array([[draw.randint(-9, 9) for _ in range(side)] for _ in range(side)],
                     dtype=object)
        found = ch.run(ops.conv2d(padding=reach, bias=False), x=x[None, None], w=w[None, None])
        offsets = list(itertools.product(range(-reach, reach + 1), repeat=2))
        by_hand = [[sum(w[a + reach, b + reach] * x[i + a, j + b] for a, b in offsets
                        if 0 <= i + a < 4 and 0 <= j + b < 5) for j in range(5)]
                   for i in range(4)]
        if not ch.same(found[0][0], by_hand):
            return False
    return True


def _numbers() -> list[int]:
    places = ROWS * COLUMNS
    offsets = (2 * ROWS - 1) * (2 * COLUMNS - 1)
    window = (2 * 1 + 1) ** 2
    return [places ** 2, offsets, window, 100 * 3 * window]


def _weights() -> Sequence[Sequence[Words | str]]:
    from symconv.notes.numbers import integer

    names = [
        (Words("fully connected", "全连接"), "$w_{ijkl}$"),
        (Words("translation equivariant", "平移等变"), "$v_{ab}$"),
        (Words(r"and local, $\Delta = 1$", r"再加局部，$\Delta = 1$"),
         r"$v_{ab},\ |a|,|b| \le 1$"),
        (Words("$3$ colours, $100$ hidden pictures", "$3$ 色，$100$ 幅隐藏图像"),
         "$v_{doab}$")]
    return [(name, symbol, f"${integer(number)}$")
            for (name, symbol), number in zip(names, _numbers(), strict=True)]


def _weights_hold() -> bool:
    """The counts by enumeration on a small picture, by shapes of layers, and as recorded."""
    rows, columns = 4, 5
    pairs = list(itertools.product(range(rows), range(columns), range(rows), range(columns)))
    offsets = {(k - i, m - j) for i, j, k, m in pairs}
    small = (len(pairs) == (rows * columns) ** 2
             and len(offsets) == (2 * rows - 1) * (2 * columns - 1))
    shape = ops.conv2d(padding=1, bias=False).output_shape(
        x=(1, 3, ROWS, COLUMNS), w=(100, 3, 3, 3))
    return (small and shape == {"y": (1, 100, ROWS, COLUMNS)}
            and _numbers() == [144 * 10 ** 12, 47_986_001, 9, 2700])
