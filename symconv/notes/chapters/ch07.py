"""Chapter 7: the 1x1 convolution is a fully connected layer at every pixel."""

from __future__ import annotations

import random
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters import ch07_uses
from symconv.notes.model import (
    Block,
    Chapter,
    Computed,
    DerivationBlock,
    Example,
    Formula,
    Heading,
    Prose,
    Words,
)

_SHAPES = {"x": (2, 3, 2, 3), "w": (4, 3), "b": (4,)}


def chapter() -> Chapter:
    """Channels are mixed, pixels are not."""
    return Chapter(7, Words("The 1×1 convolution", "1×1 卷积"),
                   (*_definition(), *_gradients(), *ch07_uses.blocks()))


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
            "它们就是全连接层的梯度；凡是被共享的参数，就对各像素求和。由于抽头的偏移为 $0$，没有任何方程"
            "需要求解：")),
        DerivationBlock(lambda: ops.conv1x1(), _SHAPES, depth="result", key="conv1x1-vjp"),
        Prose(Words("In rows, with the cotangent $\\mathrm{d}Y$ arranged as $Y$ is:",
                    "按行排列，余切向量 $\\mathrm{d}Y$ 与 $Y$ 的排法相同：")),
        Formula(r"\mathrm{d}X = \mathrm{d}Y\, w, \qquad "
                r"\mathrm{d}w = \mathrm{d}Y^{\mathsf T} X, \qquad "
                r"\mathrm{d}b = \mathrm{d}Y^{\mathsf T} \mathbf{1}", _row_gradients,
                key="row-gradients"),
    )


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
    x, w, b = ch.drawn(draw, 2, 3, 2, 3), ch.drawn(draw, 4, 3), ch.drawn(draw, 4)
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
        x, w, b = ch.drawn(draw, 1, 3, 2, 3), ch.drawn(draw, 2, 3), ch.drawn(draw, 2)
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
    x, w, b = ch.drawn(draw, 2, 3, 2, 3), ch.drawn(draw, 4, 3), ch.drawn(draw, 4)
    dy = ch.drawn(draw, 2, 4, 2, 3)
    found = {name: np.array(ch.gradient(ops.conv1x1(), name, dy, x=x, w=w, b=b), dtype=object)
             for name in "xwb"}
    rows = _rows_of(dy)
    return (ch.same(_rows_of(found["x"]), rows.dot(w)) and ch.same(found["w"], rows.T.dot(
        _rows_of(x))) and ch.same(found["b"], rows.sum(axis=0)))
