"""Chapter 8: the transposed convolution."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes import gallery
from symconv.notes.chapters import ch08_inverse, ch08_shapes
from symconv.notes.model import (
    Block,
    Chapter,
    Computed,
    DerivationBlock,
    Example,
    Figure,
    Formula,
    Heading,
    Lang,
    Prose,
    Words,
)

if TYPE_CHECKING:
    from symconv.notes.pictures.canvas import Drawing

_X, _W = [1, 2, 3, 4], [1, 1]


def chapter() -> Chapter:
    """The Jacobian transposed; shapes; what it is not."""
    return Chapter(8, Words("Transposed convolution", "转置卷积"),
                   (*_matrix(), *_relation(), *ch08_inverse.blocks(), *ch08_shapes.blocks()))


def _matrix() -> tuple[Block, ...]:
    return (
        Heading(Words("The matrix, transposed", "矩阵的转置")),
        Prose(Words(
            "Networks that draw pictures need layers that make them larger. One is at hand: the "
            "backward pass of a convolution takes something of the size of the output and returns "
            "something of the size of the input. A convolution with a fixed kernel is a linear map "
            "$y = Jx$, its gradient is $\\mathrm{d}x = J^{\\mathsf T}\\, \\mathrm{d}y$, and the "
            "**transposed convolution** is that map, used in the forward direction:",
            "生成图像的网络需要能把图像变大的层。现成的就有一个：卷积的反向传播接收与输出同样大小的"
            "量，返回与输入同样大小的量。卷积核固定的卷积是线性映射 $y = Jx$，其梯度为 "
            "$\\mathrm{d}x = J^{\\mathsf T}\\, \\mathrm{d}y$；**转置卷积**就是把这个映射用于前向：")),
        Formula(r"\text{conv}(x) = J x, \qquad \text{convT}(z) = J^{\mathsf T} z, \qquad "
                r"\langle z, Jx \rangle = \langle J^{\mathsf T} z, x \rangle", _is_adjoint,
                key="transposed-map"),
        Example(Words(
            "The kernel $(1,2,3)$ on inputs of length $5$ with stride $2$ has the matrix "
            "$J = <<J>>$. The transposed convolution of $(1,10)$ is $J^{\\mathsf T} (1,10)^{\\mathsf "
            "T}$, that is $<<y>>$: each input puts a copy of the kernel, scaled by itself, every "
            "second place, and where copies overlap they add: $3 + 10 = 13$.",
            "卷积核 $(1,2,3)$ 以步幅 $2$ 作用于长度为 $5$ 的输入，其矩阵为 $J = <<J>>$。$(1,10)$ 的转置"
            "卷积是 $J^{\\mathsf T} (1,10)^{\\mathsf T}$，即 $<<y>>$：每个输入在每隔一位处放下一份按自身"
            "缩放的卷积核，重叠之处相加：$3 + 10 = 13$。"), _stamped,
            {"J": [[1, 2, 3, 0, 0], [0, 0, 1, 2, 3]], "y": [1, 2, 13, 20, 30]}),
        Example(Words(
            "In two dimensions, for $x = <<x>>$ and the kernel $w = <<w>>$ with stride $1$, the "
            "result is $<<y>>$; its middle is $1 \\cdot 2 + 2 \\cdot 1 = 4$.",
            "二维情形，$x = <<x>>$，卷积核 $w = <<w>>$，步幅 $1$，结果为 $<<y>>$；其中央为 "
            "$1 \\cdot 2 + 2 \\cdot 1 = 4$。"), _plane,
            {"y": [[0, 0, 1], [0, 4, 6], [4, 12, 9]]}),
        Figure("transposed-jacobian", _draw_matrices, Words(
            "The Jacobian of a convolution of length $5$ with stride $2$ and three taps, and below "
            "it that of the transposed convolution with the same weights: one is the other, "
            "reflected in the diagonal.",
            "长度为 $5$、步幅为 $2$、三个抽头的卷积的雅可比矩阵；其下是相同权重的转置卷积的雅可比矩阵："
            "二者关于对角线互为镜像。"), _matrices_are_transposed, key="transposed-jacobian"),
    )


def _relation() -> tuple[Block, ...]:
    return (
        Heading(Words("The same relation, its ends exchanged", "同一关系，两端互换")),
        Prose(Words(
            "In [[6]] position $u$ of the input met position $i$ of the output under tap $a$ where "
            "$u + p = si + da$. Here the equation is the same, and $i$ now counts the input and "
            "$u$ the output. With stride $2$ and padding $1$ the engine writes",
            "在[[6]]中，输入位置 $u$ 与输出位置 $i$ 在抽头 $a$ 下相遇，当且仅当 $u + p = si + da$。"
            "这里方程不变，只是 $i$ 现在是输入的下标，$u$ 是输出的下标。步幅为 $2$、填充为 $1$ 时，"
            "引擎写出")),
        Computed(lambda: ops.conv_transpose1d(stride=2, padding=1, bias=False),
                 {"x": (2, 3, 4), "w": (3, 2, 3)}, _scattered, key="transposed-definition"),
        Figure("transposed-axis", _draw_axis, Words(
            "A transposed convolution with stride $2$ and three taps. On the left what feeds one "
            "output, on the right where one input goes: always to three neighbouring outputs.",
            "步幅为 $2$、三个抽头的转置卷积。左：参与一个输出的输入；右：一个输入的去向，总是相邻的三个"
            "输出。"), _axis_holds, key="transposed-axis"),
        gallery.transposed(),
        Prose(Words(
            "Its gradient with respect to $x$ must be $(J^{\\mathsf T})^{\\mathsf T} = J$, an "
            "ordinary strided convolution of the cotangent. Nobody tells the engine; it derives "
            "it:",
            "它对 $x$ 的梯度应为 $(J^{\\mathsf T})^{\\mathsf T} = J$，即对余切向量做普通的步幅卷积。"
            "没有人告诉引擎这一点；它自己推导出来：")),
        DerivationBlock(lambda: ops.conv_transpose1d(stride=2, padding=1, bias=False),
                        {"x": (2, 3, 4), "w": (3, 2, 3)}, wrt=("x",), key="transposed-vjp"),
        Prose(Words(
            "Solving the equation for the output side gives the residue classes of [[6]] again: "
            "with stride $s$ the outputs fall into $s$ classes, and each is a convolution of "
            "stride $1$ with every $s$-th tap. The usual recipe, *put $s-1$ zeros between the "
            "inputs, pad by $d(k-1)-p$, and convolve with the flipped kernel*, is the same sum "
            "with the zeros written out:",
            "把方程对输出一侧求解，又得到[[6]]的同余类：步幅为 $s$ 时，输出分为 $s$ 类，每一类都是步幅为 "
            "$1$、每隔 $s$ 个取一个抽头的卷积。常见的做法*在输入之间放 $s-1$ 个零，填充 $d(k-1)-p$，再与"
            "翻转的卷积核做卷积*，就是把零写出来的同一个和：")),
        Formula(r"\text{convT}_{s,p,d}(z)_u = \sum_{a=0}^{k-1} "
                r"\tilde z_{\,u + p - da}\, w_a, \qquad \tilde z_{si} = z_i,\quad "
                r"\tilde z_v = 0 \quad (s \nmid v)", _zeros_inserted, key="zero-insertion"),
        Prose(Words(
            "An implementation that really stores $\\tilde z$ multiplies by zeros most of the time: "
            "of the products, only one in $s$ per axis is not one with an inserted zero.",
            "若真的存储 $\\tilde z$，则大部分乘法都是乘以零：沿每个轴，每 $s$ 个乘积中只有一个不涉及插入"
            "的零。")),
    )


def _is_adjoint() -> bool:
    """With stride, dilation, padding and channels: the catalogue's operator is the derived
    gradient of the convolution, and the inner products agree."""
    draw = random.Random("adjoint")
    for stride, padding, dilation, extra in ((1, 0, 1, 0), (2, 1, 1, 0), (3, 1, 2, 2), (2, 0, 3, 0)):
        x, w = ch.drawn(draw, 1, 2, 11), ch.drawn(draw, 3, 2, 3)
        forward = ops.conv1d(stride=stride, padding=padding, dilation=dilation, bias=False)
        y = ch.run(forward, x=x, w=w)
        z = ch.drawn(draw, 1, 3, len(y[0][0]))
        back = ops.conv_transpose1d(stride=stride, padding=padding, dilation=dilation, bias=False,
                                    output_padding=extra)
        found = ch.run(back, x=z, w=w)
        if not ch.same(found, ch.gradient(forward, "x", z, x=x, w=w)):
            return False
        import numpy as np

        left = (z * np.array(y, dtype=object)).sum()
        if left != (np.array(found, dtype=object) * x).sum():
            return False
    return True


def _stamped() -> dict[str, object]:
    w = [[[1, 2, 3]]]
    matrix = ch.jacobian(ops.conv1d(stride=2, bias=False), "x", x=[[[0] * 5]], w=w)
    return {"J": matrix,
            "y": ch.run(ops.conv_transpose1d(stride=2, bias=False), x=[[[1, 10]]], w=w)[0][0]}


def _plane() -> dict[str, object]:
    x = w = [[0, 1], [2, 3]]
    return {"x": x, "w": w,
            "y": ch.run(ops.conv_transpose2d(bias=False), x=[[x]], w=[[w]])[0][0]}


def _matrices() -> tuple[Any, Any]:
    one = ops.conv1d(stride=2, bias=False).jacobian("x").matrix(x=(1, 1, 5), w=(1, 1, 3))
    other = ops.conv_transpose1d(stride=2, bias=False).jacobian("x").matrix(
        x=(1, 1, 2), w=(1, 1, 3))
    return one, other


def _matrices_are_transposed() -> bool:
    one, other = _matrices()
    return bool(one.shape == (2, 5) and other == one.T)


def _draw_matrices(lang: Lang) -> Drawing:
    from symconv.notes.pictures.canvas import below
    from symconv.notes.pictures.matrices import pattern

    rows, columns = ("outputs", "inputs") if lang == "en" else ("输出", "输入")
    return below([pattern(matrix, rows, columns) for matrix in _matrices()])


def _draw_axis(lang: Lang) -> Drawing:
    from symconv.notes.pictures.axis import Window, sheet

    return sheet([(Window(4, 3, stride=2, transposed=True), "s = 2")], lang)


def _axis_holds() -> bool:
    """Input i meets exactly the outputs 2i, 2i+1, 2i+2, at taps 0, 1, 2."""
    from symconv.notes.pictures.axis import Window

    found = sorted(Window(4, 3, stride=2, transposed=True).links())
    return found == sorted((2 * i + a, i, a) for i in range(4) for a in range(3))


def _scattered(x: Any, w: Any) -> Any:
    """Every input puts its copy of the kernel; what falls outside is dropped."""
    import numpy as np

    extent = 2 * x.shape[2] + w.shape[2] - 4
    found = np.zeros((x.shape[0], w.shape[1], extent), dtype=object)
    for n, c, i in np.ndindex(*x.shape):
        for o, a in np.ndindex(*w.shape[1:]):
            if 0 <= 2 * i + a - 1 < extent:
                found[n, o, 2 * i + a - 1] += x[n, c, i] * w[c, o, a]
    return found


def _zeros_inserted() -> bool:
    """The sum over the spread input by hand, and as a convolution with input dilation."""
    draw = random.Random("zeros")
    for stride, padding, dilation in ((2, 1, 1), (3, 0, 2), (3, 2, 1), (1, 1, 2)):
        z, w = ch.drawn(draw, 5), ch.drawn(draw, 3)
        found = ch.run(ops.conv_transpose1d(stride=stride, padding=padding, dilation=dilation,
                                            bias=False), x=[[z]], w=[[w]])[0][0]
        spread = {stride * i: value for i, value in enumerate(z)}
        by_hand = [sum(spread.get(u + padding - dilation * a, 0) * w[a] for a in range(3))
                   for u in range(len(found))]
        edge = dilation * 2 - padding
        recipe = ops.conv1d(input_dilation=stride, dilation=dilation, flip=True, bias=False,
                            padding=((edge, edge),))
        if not ch.same(found, by_hand) or \
                not ch.same(found, ch.run(recipe, x=[[z]], w=[[w]])[0][0]):
            return False
    return True
