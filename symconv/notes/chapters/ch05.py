"""Chapter 5: from the fully connected layer to convolution."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters import ch05_locality
from symconv.notes.chapters.ch05_locality import COLUMNS, ROWS
from symconv.notes.model import (
    Block,
    Chapter,
    Example,
    Formula,
    Heading,
    Prose,
    Words,
)

_FULL = "x: [H, W]; w: [H, W, H, W]; h[i,j] = sum[k,l](w[i,j,k,l] * x[k,l])"
_SHIFTED = ("x: [H, W]; w: [H, W, H, W]; a < 2*H - 1; e < 2*W - 1; "
            "h[i,j] = sum[a,e](w[i,j, i+a-H+1, j+e-W+1] * x[i+a-H+1, j+e-W+1])")


def chapter() -> Chapter:
    """Two requirements turn a matrix of weights into a kernel."""
    return Chapter(5, Words("From the fully connected layer to convolution",
                            "从全连接层到卷积"),
                   (*_too_many(), *_reindexed(), *_equivariance(), *ch05_locality.blocks()))


def _too_many() -> tuple[Block, ...]:
    return (
        Heading(Words("Too many weights", "权重太多")),
        Prose(Words(
            "A photograph of $12$ million pixels in three colours is a vector of $36$ million "
            "numbers. A single fully connected layer with $100$ units has a weight for every pair "
            "of an input and a unit:",
            "一张 $1200$ 万像素的三色照片是一个有 $3600$ 万个数的向量。仅一个有 $100$ 个单元的全连"
            "接层，就对每一对（输入，单元）各有一个权重：")),
        Formula(r"3 \cdot <<rows>> \cdot <<columns>> \cdot 100 = "
                r"<<inputs>> \cdot 100 = <<weights>> = 3.6 \cdot 10^{9}",
                lambda: _first_layer()["weights"] == 36 * 10 ** 8 == _counted_weights(),
                key="dense-weights", values=lambda: _first_layer()),
        Prose(Words(
            "With four bytes each these are $<<gigabytes>>$ gigabytes for one layer that has not "
            "looked at anything twice: an eye in the upper left corner and the same eye in the "
            "lower right have no weight in common.",
            "每个权重四字节，这一层就需要 $<<gigabytes>>$ 吉字节，而且它从不触类旁通：左上角的一只"
            "眼睛与右下角的同一只眼睛没有一个共同的权重。"),
            lambda: {"gigabytes": f"{_first_layer()['weights'] * 4 / 10 ** 9:.1f}"}),
    )


def _reindexed() -> tuple[Block, ...]:
    return (
        Heading(Words("The same layer, indexed by offsets", "同一个层，改用偏移作下标")),
        Prose(Words(
            "Keep the picture as a matrix $x_{kl}$, and let the hidden units form a picture "
            "$h_{ij}$ too. A fully connected layer then has weights with four indices. Writing "
            "$k = i+a$, $l = j+b$ merely gives them other names, $v_{ijab} = w_{i,j,i+a,j+b}$, "
            "where $a$ and $b$ run over positive and negative offsets:",
            "让图像保持为矩阵 $x_{kl}$，并让隐藏单元也排成图像 $h_{ij}$。于是全连接层的权重有四个下"
            "标。令 $k = i+a$，$l = j+b$，只是给它们换了名字，$v_{ijab} = w_{i,j,i+a,j+b}$，其中偏"
            "移 $a$、$b$ 可正可负：")),
        Formula(r"h_{ij} = \sum_{k,l} w_{ijkl}\, x_{kl} = "
                r"\sum_{a,b} v_{ijab}\, x_{i+a,\,j+b}",
                lambda: ch.agree(_FULL, _SHIFTED, {"x": (3, 4), "w": (3, 4, 3, 4)}),
                key="reindexed"),
        Prose(Words(
            "Nothing has been assumed and nothing saved: every output still has weights of its "
            "own. Two requirements on what the layer should do now remove most of them.",
            "至此没有任何假设，也没有任何节省：每个输出仍有自己的一套权重。接下来，对这个层提出的两"
            "项要求将去掉其中的绝大部分。")),
    )


def _equivariance() -> tuple[Block, ...]:
    return (
        Heading(Words("First requirement: translation equivariance", "第一项要求：平移等变性")),
        Prose(Words(
            r"Let $T$ shift a picture by one pixel, $(Tx)_{kl} = x_{k-1,l}$. The layer $f$ is "
            "**equivariant** if the shifted picture gives the shifted answer, for shifts along "
            "both axes:",
            r"设 $T$ 把图像平移一个像素，$(Tx)_{kl} = x_{k-1,l}$。若平移后的图像给出平移后的结果，"
            r"则称层 "
            "$f$ 是**等变**的（对两个轴的平移都如此）：")),
        Formula(Words(
                    r"f(Tx) = T f(x)\ \text{for all } x \iff v_{ijab} = v_{ab}",
                    r"f(Tx) = T f(x)\ \text{对一切 } x \text{ 成立} \iff v_{ijab} = v_{ab}"),
                _commutant_is_convolution, key="equivariance"),
        Prose(Words(
            "To see it, feed a picture that is $1$ at a single pixel $(k,l)$: the output at "
            "$(i,j)$ is the weight $v_{i,j,k-i,l-j}$. Shifting picture and answer changes "
            "$(i,j,k,l)$ to $(i+1,j,k+1,l)$, which leaves the offset alone; so the weight must not "
            "change, and step by step it is the same for all $(i,j)$. The indices $i$ and $j$ "
            "drop out:",
            "理由如下：输入只在一个像素 $(k,l)$ 处为 $1$ 的图像，则 $(i,j)$ 处的输出就是权重 "
            "$v_{i,j,k-i,l-j}$。平移图像与结果，$(i,j,k,l)$ 变成 $(i+1,j,k+1,l)$，偏移不变；因此权"
            "重也不得改变，逐步推知它对一切 $(i,j)$ 相同。下标 $i$ 与 $j$ 就此消失：")),
        Formula(r"h_{ij} = \sum_{a,b} v_{ab}\, x_{i+a,\,j+b}", _sum_is_equivariant,
                key="equivariant-sum"),
        Prose(Words(
            "This is a cross-correlation with one kernel $v$ for the whole picture. The check of "
            "[[equivariance]] solves the linear equations $f(Tx) = Tf(x)$ for the weights. On a "
            "grid of $3 \\times 3$ pixels that wraps around, so that shifts lose nothing, "
            "$<<before>>$ weights satisfy them in $<<after>>$ dimensions, one for each offset.",
            "这是整幅图像共用一个卷积核 $v$ 的互相关。[[equivariance]] 的检验就是对权重求解线性方程"
            "组 $f(Tx) = Tf(x)$。在首尾相接（因此平移不丢失任何内容）的 $3 \\times 3$ 像素网格上，"
            "$<<before>>$ 个权重的解空间是 $<<after>>$ 维的，每个偏移一维。"),
            lambda: {"before": 81, "after": _commutant(3)}),
        Prose(Words(
            "*Equivariant* is not *invariant*. The response moves with the picture; it does not "
            "stay put. Invariance, $f(Tx) = f(x)$, comes later and only by discarding places, as "
            "a maximum over all pixels does. At the border of a picture that does not wrap "
            "around, even equivariance holds only as far as the windows do not reach the border.",
            "*等变*不是*不变*。响应随图像一起移动，而不是停在原处。不变性 $f(Tx) = f(x)$ 是后来的"
            "事，并且只能通过丢弃位置信息得到，例如对全部像素取最大值。对首尾不相接的图像，在边界处"
            "连等变性也只在窗口触及不到边界的范围内成立。")),
        Example(Words(
            "The kernel $(1,-1)$ finds edges. On $x = (0,0,5,5,5,0,0)$ it gives $<<here>>$, on "
            "$x$ shifted by one place $<<there>>$: the answers moved along. The maximum over all "
            "places is $<<top>>$ both times: that is invariant.",
            "卷积核 $(1,-1)$ 用来检测边缘。对 $x = (0,0,5,5,5,0,0)$ 得 $<<here>>$，对平移一位的 "
            "$x$ 得 $<<there>>$：结果随之移动。对全部位置取最大值，两次都是 $<<top>>$：这才是不"
            "变。"),
            _edges, {"here": [0, -5, 0, 0, 5, 0], "there": [0, 0, -5, 0, 0, 5], "top": 5}),
    )


def _first_layer() -> dict[str, Any]:
    inputs = 3 * ROWS * COLUMNS
    return {"rows": ROWS, "columns": COLUMNS, "inputs": inputs, "weights": inputs * 100}


def _counted_weights() -> int:
    """From the shape that the engine's own fully connected layer needs."""
    from symconv.shapes import bind, stored_shape

    program = ops.linear(bias=False).definition
    sizes = bind(program, {"x": (1, 3 * ROWS * COLUMNS), "w": (100, 3 * ROWS * COLUMNS)})
    return math.prod(stored_shape(program.tensor("w"), sizes))


def _shift(size: int, axis: int) -> Any:
    """The matrix of the shift by one place along an axis of a grid that wraps around."""
    import sympy

    places = list(itertools.product(range(size), repeat=2))
    moved = {place: tuple((k + (axis == number)) % size for number, k in enumerate(place))
             for place in places}
    return sympy.Matrix(len(places), len(places),
                        lambda row, column: int(moved[places[column]] == places[row]))


def _commutant(size: int) -> int:
    """The dimension of the weights w with w T = T w for both shifts."""
    import sympy

    count = size ** 2
    rows = []
    for axis in (0, 1):
        shift, one = _shift(size, axis), sympy.eye(count)
        rows.append(sympy.kronecker_product(one, shift) - sympy.kronecker_product(shift.T, one))
    equations = rows[0].col_join(rows[1])
    from sympy.polys.domains import QQ
    from sympy.polys.matrices import DomainMatrix

    return count ** 2 - int(DomainMatrix.from_Matrix(equations).convert_to(QQ).rank())


def _commutant_is_convolution() -> bool:
    """Solutions have as many dimensions as there are offsets, and circular kernels are some."""
    if _commutant(3) != 9 or _commutant(2) != 4:
        return False
    draw = random.Random("commutant")
    kernel = [[draw.randint(-9, 9) for _ in range(3)] for _ in range(3)]
    places = list(itertools.product(range(3), repeat=2))
    import sympy

    weights = sympy.Matrix(9, 9, lambda row, column: kernel[
        (places[column][0] - places[row][0]) % 3][(places[column][1] - places[row][1]) % 3])
    other = weights.copy()
    other[0, 0] += 1                                 # one weight of its own breaks it
    return all(weights * _shift(3, axis) == _shift(3, axis) * weights
               and other * _shift(3, axis) != _shift(3, axis) * other for axis in (0, 1))


def _sum_is_equivariant() -> bool:
    """With circular padding, shifting the input shifts the output, along each axis."""
    import numpy as np

    layer = ops.conv2d(padding=1, padding_mode="circular", bias=False)
    draw = random.Random("equivariant")
    for axis in (0, 1):
        x, w = (np.array([[draw.randint(-9, 9) for _ in range(n)] for _ in range(n)],
                         dtype=object) for n in (4, 3))
        plain = np.array(ch.run(layer, x=x[None, None], w=w[None, None]), dtype=object)[0, 0]
        moved = ch.run(layer, x=np.roll(x, 1, axis)[None, None], w=w[None, None])
        by_hand = [[sum(w[a + 1, b + 1] * x[(i + a) % 4, (j + b) % 4] for a in (-1, 0, 1)
                        for b in (-1, 0, 1)) for j in range(4)] for i in range(4)]
        if not (ch.same(moved[0][0], np.roll(plain, 1, axis)) and ch.same(plain, by_hand)):
            return False
    return True


def _edges() -> dict[str, object]:
    layer, w = ops.conv1d(bias=False), [[[1, -1]]]
    here, there = (ch.run(layer, x=[[x]], w=w)[0][0]
                   for x in ([0, 0, 5, 5, 5, 0, 0], [0, 0, 0, 5, 5, 5, 0]))
    tops = {max(here), max(there)}
    return {"here": here, "there": there, "top": tops.pop() if len(tops) == 1 else sorted(tops)}
