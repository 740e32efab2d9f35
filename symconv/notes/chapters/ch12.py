"""Chapter 12: questions people ask, and common misstatements."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters import ch12_layers, ch12_misstatements
from symconv.notes.model import Block, Chapter, Heading, Prose, Question, Words


def chapter() -> Chapter:
    """Answers with a number or a derivation."""
    return Chapter(12, Words("Questions and misstatements", "问答与常见误说"),
                   (*_questions(), *ch12_misstatements.blocks(), *ch12_layers.blocks()))


def _questions() -> tuple[Block, ...]:
    return (
        Heading(Words("Questions people really ask", "人们真正会问的问题")),
        Prose(Words(
            "Each answer states something that the engine has just computed.",
            "每个回答都陈述了引擎刚刚算得的事实。")),
        Question(
            Words("Why is the gradient of the bias a sum and not a mean?",
                  "偏置的梯度为什么是求和而不是平均？"),
            Words("Because $b_o$ is added at every place of every picture, and the chain rule adds "
                  "over all the places where it is used. With $\\mathrm{d}y = 1$ everywhere, two "
                  "pictures and $3 \\times 4$ outputs it is $<<db>>$. A mean appears only if the "
                  "*loss* divides.",
                  "因为 $b_o$ 加在每张图像的每个位置上，链式法则对所有使用它的地方求和。当 $\\mathrm{d}y$ "
                  "处处为 $1$、有两张图像与 $3 \\times 4$ 个输出时，它等于 $<<db>>$。只有当*损失*作除法时"
                  "才会出现平均。"),
            lambda: _bias() == 24, values=lambda: {"db": _bias()}),
        Question(
            Words("Why does everybody call it convolution when it is a cross-correlation?",
                  "它明明是互相关，为什么人人都叫它卷积？"),
            Words("Because for learned kernels it makes no difference: flipping the kernel turns "
                  "one into the other, and the learned kernel comes out flipped. For $x = "
                  "(1,2,3,4)$ and $w = (1,0,-1)$ correlation gives $<<correlation>>$, convolution "
                  "$<<convolution>>$, and convolution with the flipped kernel the first again "
                  "([[4]]).",
                  "因为对学习得到的卷积核没有区别：翻转卷积核就把一个变成另一个，而学到的卷积核也随之翻转。"
                  "对 $x = (1,2,3,4)$、$w = (1,0,-1)$，互相关给出 $<<correlation>>$，卷积给出 "
                  "$<<convolution>>$，用翻转的卷积核做卷积又得到前者（[[4]]）。"),
            lambda: _flips()["correlation"] == [-2, -2] == _flips()["again"]
            and _flips()["convolution"] == [2, 2], values=lambda: _flips()),
        Question(
            Words("What happens to the last rows when the stride does not divide the size?",
                  "步幅不能整除大小时，最后几行怎么办？"),
            Words("No window reaches them: they do not influence the output, and their gradient is "
                  "exactly $0$. For $H = 6$, $k = 2$, $s = 3$ and $\\mathrm{d}y = (1,1)$, $w = "
                  "(1,1)$: $<<dx>>$. The zero must be written, not left unset.",
                  "没有窗口到达它们：它们不影响输出，其梯度恰为 $0$。对 $H = 6$、$k = 2$、$s = 3$、"
                  "$\\mathrm{d}y = (1,1)$、$w = (1,1)$，得 $<<dx>>$。这些零必须写入，而不是留空。"),
            lambda: _leftover() == [1, 1, 0, 1, 1, 0], values=lambda: {"dx": _leftover()}),
        Question(
            Words("Does the number of parameters depend on the size of the picture?",
                  "参数个数与图像大小有关吗？"),
            Words("Not in a convolution: $k_h k_w c_i c_o + c_o$. A layer from $3$ to $64$ channels "
                  "with $3 \\times 3$ has $<<small>>$ on $32 \\times 32$ pixels and $<<large>>$ on "
                  "$224 \\times 224$; its work grows by the factor $<<factor>>$.",
                  "卷积中无关：$k_h k_w c_i c_o + c_o$。从 $3$ 到 $64$ 个通道的 $3 \\times 3$ 层，在 "
                  "$32 \\times 32$ 像素上有 $<<small>>$ 个，在 $224 \\times 224$ 上有 $<<large>>$ 个；运算量"
                  "则增大到 $<<factor>>$ 倍。"),
            lambda: _parameters() == {"small": 1792, "large": 1792, "factor": 49},
            values=lambda: _parameters()),
        Question(
            Words("How is a convolution computed as a matrix product?",
                  "卷积怎样化为矩阵乘法来计算？"),
            Words("*Unfold* copies each window into a column; the kernel, flattened, multiplies the "
                  "matrix of the columns. One window of $<<rows>>$ numbers for each of "
                  "$<<columns>>$ places in the example that is checked: $2$ channels, $4 \\times "
                  "5$ pixels, $3 \\times 3$.",
                  "*展开*把每个窗口复制成一列；展平的卷积核乘以由这些列组成的矩阵。在所检验的例子（$2$ 个"
                  "通道，$4 \\times 5$ 像素，$3 \\times 3$）中，$<<columns>>$ 个位置各有一个含 $<<rows>>$ 个数"
                  "的窗口。"),
            lambda: _columns()["agrees"] is True, values=lambda: _columns()),
        Question(
            Words("How far does a dilated kernel reach?", "膨胀的卷积核覆盖多大的范围？"),
            Words("It spans $d(k-1)+1$ places with $k$ weights. For $k = 3$ and $d = 1, 2, 3$ the "
                  "gradient of one output is nonzero at the inputs $<<one>>$, $<<two>>$, "
                  "$<<three>>$.",
                  "它用 $k$ 个权重跨越 $d(k-1)+1$ 个位置。$k = 3$ 而 $d = 1, 2, 3$ 时，一个输出的梯度非零的"
                  "输入下标分别为 $<<one>>$、$<<two>>$、$<<three>>$。"),
            lambda: list(_reaches().values()) == [[0, 1, 2], [0, 2, 4], [0, 3, 6]],
            values=lambda: _reaches()),
        Question(
            Words("Can the input be recovered from the output of a convolution?",
                  "能从卷积的输出恢复输入吗？"),
            Words("In general not. The map with kernel $(1,1)$ from $4$ to $3$ values has rank "
                  "$<<rank>>$, so one dimension is lost ([[8]]). A transposed convolution returns "
                  "the shape.",
                  "一般不能。卷积核为 $(1,1)$ 的映射从 $4$ 个值到 $3$ 个值，秩为 $<<rank>>$，因此丢失一维"
                  "（[[8]]）。转置卷积恢复的只是形状。"),
            lambda: _rank() == 3, values=lambda: {"rank": _rank()}),
        Question(
            Words("Why may I call `backward()` on a loss but not on a vector?",
                  "为什么能对损失调用 `backward()`，却不能对向量调用？"),
            Words("The reverse pass computes $J^{\\mathsf T} v$ and needs a $v$. For a scalar the "
                  "obvious choice is $v = 1$; calling `sum()` first is the choice $v = (1,\\dots,"
                  "1)$. For $y_i = x_i^2$ at $(1,2,3)$ both ways give $<<both>>$.",
                  "反向传播计算 $J^{\\mathsf T} v$，需要一个 $v$。对标量，显然取 $v = 1$；先调用 `sum()` 就是取 "
                  "$v = (1,\\dots,1)$。对 $y_i = x_i^2$，在 $(1,2,3)$ 处两种方式都给出 $<<both>>$。"),
            lambda: _summed() == [[2, 4, 6], [2, 4, 6]], values=lambda: {"both": _summed()[0]}),
        Question(
            Words("Is a convolutional network invariant to translation?",
                  "卷积网络对平移不变吗？"),
            Words("Its layers are *equivariant* ([[5]]), and with a stride only for shifts by "
                  "multiples of the stride. With $s = 2$ and the kernel $(1)$, $x = (0,9,0,0)$ "
                  "gives $<<here>>$ and the same shifted by one place $<<there>>$: not even a "
                  "shift of the first.",
                  "它的层是*等变*的（[[5]]），而有步幅时只对步幅倍数的平移等变。取 $s = 2$、卷积核 $(1)$，"
                  "$x = (0,9,0,0)$ 给出 $<<here>>$，平移一位之后给出 $<<there>>$：连前者的平移都不是。"),
            lambda: _subsampled() == {"here": [0, 0], "there": [0, 9]},
            values=lambda: _subsampled()),
        Question(
            Words("Why do odd kernels dominate, then?", "那么为什么奇数大小的卷积核占多数？"),
            Words("Only for symmetry: to keep the size at stride $1$ an odd $k$ needs $(k-1)/2$ on "
                  "each side, an even $k$ one more on one side. For $H = 10$ and $k = 3, 4$ the "
                  "rule *same* gives $<<sizes>>$ outputs, with total padding $2$ and $3$.",
                  "只是为了对称：步幅为 $1$ 时保持大小，奇数 $k$ 两侧各需 $(k-1)/2$，偶数 $k$ 则有一侧要多一"
                  "个。对 $H = 10$、$k = 3, 4$，规则 *same* 给出 $<<sizes>>$ 个输出，总填充为 $2$ 与 $3$。"),
            lambda: _same_sizes() == [10, 10], values=lambda: {"sizes": _same_sizes()}),
        Question(
            Words("Where is the 180 degree rotation in the code that my framework runs?",
                  "在框架实际运行的代码里，旋转 180 度在哪里？"),
            Words("Nowhere, usually. It is how one may *read* the sum $\\sum_a \\mathrm{d}y_{u-a} "
                  "w_a$: the tap index runs against the place. For $w = (1,2,3)$ and "
                  "$\\mathrm{d}y = (1,0,0)$ the gradient is $<<dx>>$: the kernel itself, not "
                  "reversed.",
                  "通常哪里也没有。它只是*读*求和式 $\\sum_a \\mathrm{d}y_{u-a} w_a$ 的一种方式：抽头下标与"
                  "位置反向而行。对 $w = (1,2,3)$、$\\mathrm{d}y = (1,0,0)$，梯度为 $<<dx>>$：就是卷积核"
                  "本身，并未翻转。"),
            lambda: _unturned() == [1, 2, 3, 0, 0], values=lambda: {"dx": _unturned()}),
    )


def _row(layer: Any, x: Sequence[Any], w: Sequence[Any]) -> Any:
    return ch.run(layer, x=[[list(x)]], w=[[list(w)]])[0][0]


def _back(layer: Any, dy: Sequence[Any], x: Sequence[Any], w: Sequence[Any]) -> Any:
    return ch.gradient(layer, "x", [[list(dy)]], x=[[list(x)]], w=[[list(w)]])[0][0]


def _bias() -> Any:
    import numpy as np

    ones = np.ones((2, 1, 3, 4), dtype=object)
    x, w = np.ones((2, 1, 4, 5), dtype=object), np.ones((1, 1, 2, 2), dtype=object)
    return ch.gradient(ops.conv2d(), "b", ones, x=x, w=w, b=[0])[0]


def _flips() -> dict[str, Any]:
    x, w = [1, 2, 3, 4], [1, 0, -1]
    return {"correlation": _row(ops.conv1d(bias=False), x, w),
            "convolution": _row(ops.conv1d(bias=False, flip=True), x, w),
            "again": _row(ops.conv1d(bias=False, flip=True), x, w[::-1])}


def _leftover() -> Any:
    return _back(ops.conv1d(stride=3, bias=False), [1, 1], [5, 4, 3, 2, 1, 7], [1, 1])


def _parameters() -> Mapping[str, object]:
    from symconv.notes.counting import counted

    found = [counted(ops.conv2d(padding=1), x=(1, 3, size, size), w=(64, 3, 3, 3), b=(64,))
             for size in (32, 224)]
    return {"small": found[0].parameters, "large": found[1].parameters,
            "factor": found[1].operations // found[0].operations}


def _columns() -> dict[str, Any]:
    import numpy as np

    draw = random.Random("columns")
    x = np.array([draw.randint(-9, 9) for _ in range(40)], dtype=object).reshape(1, 2, 4, 5)
    w = np.array([draw.randint(-9, 9) for _ in range(54)], dtype=object).reshape(3, 2, 3, 3)
    columns = np.array(ch.run(ops.unfold(3), x=x), dtype=object)[0]
    product = w.reshape(3, 18).dot(columns)
    layer = np.array(ch.run(ops.conv2d(bias=False), x=x, w=w), dtype=object)
    return {"rows": columns.shape[0], "columns": columns.shape[1],
            "agrees": ch.same(product, layer[0].reshape(3, -1))}


def _reaches() -> dict[str, list[int]]:
    found = {}
    for name, dilation in (("one", 1), ("two", 2), ("three", 3)):
        dx = _back(ops.conv1d(dilation=dilation, bias=False), [1] + [0] * (8 - 2 * dilation),
                   [1] * 9, [1, 1, 1])
        found[name] = [place for place, value in enumerate(dx) if value]
    return found


def _rank() -> int:
    import sympy

    matrix = ch.jacobian(ops.conv1d(bias=False), "x", x=[[[0] * 4]], w=[[[1, 1]]])
    return int(sympy.Matrix(matrix).rank())


def _summed() -> list[Any]:
    text = "x: [N]; y[i] = x[i]*x[i]"
    return [ch.gradient(text, "x", [1, 1, 1], x=[1, 2, 3]),
            ch.gradient(text + "; z = sum[i](y[i]); return z", "x", 1, x=[1, 2, 3])]


def _subsampled() -> dict[str, Any]:
    layer = ops.conv1d(stride=2, bias=False)
    return {"here": _row(layer, [0, 9, 0, 0], [1]), "there": _row(layer, [0, 0, 9, 0], [1])}


def _same_sizes() -> list[int]:
    layer = ops.conv1d(padding="same", bias=False)
    return [layer.output_shape(x=(1, 1, 10), w=(1, 1, k))["y"][2] for k in (3, 4)]


def _unturned() -> Any:
    return _back(ops.conv1d(bias=False), [1, 0, 0], [0] * 5, [1, 2, 3])
