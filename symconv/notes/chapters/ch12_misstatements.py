"""Common misstatements, each with what refutes it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import Block, Heading, Misstatement, Prose, Words


def blocks() -> tuple[Block, ...]:
    """What is said, and what is so."""
    return (
        Heading(Words("Common misstatements", "常见误说")),
        Prose(Words(
            "These sentences stand in lecture notes, answers and blog posts. Each is followed by a "
            "number or a derivation that it does not survive.",
            "下面这些话出现在讲义、回答与博客中。每一句之后都有一个数字或一个推导，使它不能成立。")),
        *_sizes(), *_pools())


def _sizes() -> tuple[Block, ...]:
    return (
        Misstatement(
            Words("To keep the size, the padding must depend on the stride.",
                  "要保持大小，填充必须取决于步幅。"),
            Words("The padding that keeps the size at stride $1$ is $p = d(k-1)/2$ on each side: "
                  "no $s$ occurs in it. A larger stride divides the size, and the same $p$ gives "
                  "$\\lceil H/s \\rceil$: for $H = 32$, $k = 3$, $p = 1$ and $s = 1, 2, 3, 4$ the "
                  "sizes are $<<sizes>>$.",
                  "步幅为 $1$ 时保持大小的填充是每侧 $p = d(k-1)/2$：其中没有 $s$。更大的步幅只是把大小相除，"
                  "同一个 $p$ 给出 $\\lceil H/s \\rceil$：对 $H = 32$、$k = 3$、$p = 1$，$s = 1, 2, 3, 4$ 时大小"
                  "为 $<<sizes>>$。"),
            lambda: _strided() == [32, 16, 11, 8] == [-(-32 // s) for s in (1, 2, 3, 4)],
            values=lambda: {"sizes": _strided()}),
        Misstatement(
            Words("Padding never depends on the stride.", "填充从不取决于步幅。"),
            Words("A number $p$ does not. The rule *same upper* of ONNX, which is TensorFlow's "
                  "*same*, asks for $H_o = \\lceil H/s \\rceil$ outputs and pads just as much as "
                  "they need, $P = \\max\\big((H_o - 1)s + d(k-1) + 1 - H,\\, 0\\big)$, the odd "
                  "place at the end: for $H = 32$, $k = 3$ and $s = 1, 2, 3, 4$ in total "
                  "$<<totals>>$. With $s = 2$ it pads $<<upper>>$, where $p = 1$ pads $(1,1)$: the "
                  "windows lie one place further right, and a network trained with one of the two "
                  "computes something else with the other.",
                  "数 $p$ 确实如此。ONNX 的 *same upper* 规则（即 TensorFlow 的 *same*）要求 "
                  "$H_o = \\lceil H/s \\rceil$ 个输出，只填充所需的数量，"
                  "$P = \\max\\big((H_o - 1)s + d(k-1) + 1 - H,\\, 0\\big)$，多出的一个放在末尾："
                  "对 $H = 32$、$k = 3$，$s = 1, 2, 3, 4$ 时总填充为 $<<totals>>$。$s = 2$ 时它填充 "
                  "$<<upper>>$，而 $p = 1$ 填充 $(1,1)$：窗口右移一个位置；用其中一种训练的网络，"
                  "换用另一种就算出不同的结果。"),
            lambda: _same_upper() == {"totals": [2, 1, 1, 0], "upper": [0, 1]},
            values=lambda: _same_upper()),
        Misstatement(
            Words("A convolution loses $(k_h - 1) \\times (k_w - 1)$ elements.",
                  "卷积损失 $(k_h - 1) \\times (k_w - 1)$ 个元素。"),
            Words("It loses $k_h - 1$ rows *and* $k_w - 1$ columns. From $8 \\times 10$ with $3 "
                  "\\times 3$ the output has $<<rows>> \\times <<columns>>$ elements: $<<lost>>$ "
                  "are lost, not $<<claimed>>$. In general $HW - (H-k_h+1)(W-k_w+1)$.",
                  "它损失 $k_h - 1$ 行*和* $k_w - 1$ 列。从 $8 \\times 10$ 出发，用 $3 \\times 3$，输出有 "
                  "$<<rows>> \\times <<columns>>$ 个元素：损失 $<<lost>>$ 个，而不是 $<<claimed>>$ 个。一般为 "
                  "$HW - (H-k_h+1)(W-k_w+1)$。"),
            lambda: _lost() == {"rows": 6, "columns": 8, "lost": 32, "claimed": 4}
            and _lost()["lost"] == 80 - (8 - 3 + 1) * (10 - 3 + 1),
            values=lambda: _lost()),
        Misstatement(
            Words("Padding fills the border with ones or zeros, as one likes.",
                  "填充就是在边界补 1 或补 0，随意选择。"),
            Words("Zero is the value that makes padding the same as leaving the terms out. Ones "
                  "would add the sum of the overhanging weights: with $x = (1,1,1)$, $w = (1,2,3)$ "
                  "and $p = 1$, zeros give $<<zeros>>$, ones would give $<<ones>>$. Other modes in "
                  "use repeat, mirror or wrap the input ([[6]]).",
                  "零是使填充等同于略去这些项的值。填一则会加上伸出部分的权重之和：$x = (1,1,1)$、"
                  "$w = (1,2,3)$、$p = 1$ 时，填零给出 $<<zeros>>$，补一会给出 $<<ones>>$。实际使用的其他模式是"
                  "重复、镜像或循环输入（[[6]]）。"),
            lambda: _padded() == {"zeros": [5, 6, 3], "ones": [6, 6, 6]},
            values=lambda: _padded()),
        Misstatement(
            Words("Kernels have an odd size.", "卷积核的大小是奇数。"),
            Words("Nothing in the definition asks for it. With $k = 2$ and $k = 4$ an input of "
                  "length $10$ gives $<<sizes>>$ outputs, and the gradient is derived in the same "
                  "way. The transposed layers of [[11]] use $2 \\times 2$.",
                  "定义中没有任何这样的要求。$k = 2$ 与 $k = 4$ 时，长度为 $10$ 的输入给出 $<<sizes>>$ 个输出，"
                  "梯度的推导也一样。[[11]]中的转置层就用 $2 \\times 2$。"),
            lambda: _even() == [9, 7] and all(ch.derivative_holds(
                ops.conv1d(bias=False), "x", {"x": (1, 1, 7), "w": (1, 1, k)}) for k in (2, 4)),
            values=lambda: {"sizes": _even()}),
    )


def _pools() -> tuple[Block, ...]:
    return (
        Misstatement(
            Words("Max pooling is a sharpening filter, computed like a convolution.",
                  "最大池化是一种锐化滤波器，像卷积那样计算。"),
            Words("A convolution is linear, so changing the sign must flip the result: for $x = "
                  "(1,-2)$ and $-x$ the maxima are $<<plus>>$ and $<<minus>>$, which do not cancel. "
                  "Nor does it sharpen: on the edge $(0,0,5,5)$ windows of $2$ with stride $1$ "
                  "give $<<edge>>$, while sharpening would overshoot the values $0$ and $5$, as "
                  "the kernel $(-1,3,-1)$ does: $<<sharp>>$.",
                  "卷积是线性的，改变输入的符号必使结果变号：而对 $x = (1,-2)$ 与 $-x$，最大值为 $<<plus>>$ 与 "
                  "$<<minus>>$，并不抵消。它也不锐化：对边缘 $(0,0,5,5)$，窗口 $2$、步幅 $1$ 给出 "
                  "$<<edge>>$；锐化则会越过 $0$ 与 $5$ 这两个值，如卷积核 $(-1,3,-1)$ 给出 $<<sharp>>$。"),
            lambda: _sharpening() == {"plus": 1, "minus": 2, "edge": [0, 5, 5],
                                      "sharp": [-5, 10]}, values=lambda: _sharpening()),
        Misstatement(
            Words("An average has no derivative; only max pooling can be trained through.",
                  "平均没有导数；只有最大池化可以训练。"),
            Words("It is linear, hence differentiable everywhere: each of $k$ inputs gets $1/k$. "
                  "For four inputs and $\\mathrm{d}y = 1$ the engine derives $<<dx>>$. It is the "
                  "*maximum* that has points without derivative.",
                  "它是线性的，因此处处可微：$k$ 个输入各得 $1/k$。对四个输入与 $\\mathrm{d}y = 1$，引擎推导出 "
                  "$<<dx>>$。有不可微点的倒是*最大值*。"),
            lambda: _averaged() == [Fraction(1, 4)] * 4 and ch.derivative_holds(
                ops.avg_pool1d(4), "x", {"x": (1, 1, 8)}), values=lambda: {"dx": _averaged()}),
    )


def _extent(layer: Any, size: int, kernel: int) -> int:
    found: int = layer.output_shape(x=(1, 1, size), w=(1, 1, kernel))["y"][2]
    return found


def _strided() -> list[int]:
    return [_extent(ops.conv1d(stride=s, padding=1, bias=False), 32, 3) for s in (1, 2, 3, 4)]


def _same_upper() -> Mapping[str, object]:
    """The padding that the engine's rule applies, found as the one with the same outputs."""
    x, w = [[[n * n % 7 + 1 for n in range(32)]]], [[[1, 2, 4]]]
    found = []
    for stride in (1, 2, 3, 4):
        y = ch.run(ops.conv1d(stride, "same_upper", bias=False), x=x, w=w)
        size = -(-32 // stride)
        whole = max((size - 1) * stride + 3 - 32, 0)
        low, high = whole // 2, whole - whole // 2
        if y != ch.run(ops.conv1d(stride, ((low, high),), bias=False), x=x, w=w) \
                or len(y[0][0]) != size:
            return {}
        found.append((low, high))
    other = ch.run(ops.conv1d(2, 1, bias=False), x=x, w=w)
    if other == ch.run(ops.conv1d(2, "same_upper", bias=False), x=x, w=w):
        return {}
    return {"totals": [sum(pair) for pair in found], "upper": list(found[1])}


def _lost() -> dict[str, int]:
    rows, columns = ops.conv2d(bias=False).output_shape(x=(1, 1, 8, 10), w=(1, 1, 3, 3))["y"][2:]
    return {"rows": rows, "columns": columns, "lost": 80 - rows * columns,
            "claimed": (3 - 1) * (3 - 1)}


def _padded() -> Mapping[str, object]:
    w = [[[1, 2, 3]]]
    return {"zeros": ch.run(ops.conv1d(padding=1, bias=False), x=[[[1, 1, 1]]], w=w)[0][0],
            "ones": ch.run(ops.conv1d(bias=False), x=[[[1, 1, 1, 1, 1]]], w=w)[0][0]}


def _even() -> list[int]:
    return [_extent(ops.conv1d(bias=False), 10, k) for k in (2, 4)]


def _sharpening() -> Mapping[str, object]:
    plus, minus = (ch.run(ops.max_pool1d(2), x=[[x]])[0][0][0] for x in ([1, -2], [-1, 2]))
    edge = [[[0, 0, 5, 5]]]
    return {"plus": plus, "minus": minus,
            "edge": ch.run(ops.max_pool1d(2, stride=1), x=edge)[0][0],
            "sharp": ch.run(ops.conv1d(bias=False), x=edge, w=[[[-1, 3, -1]]])[0][0]}


def _averaged() -> list[Any]:
    found: list[Any] = ch.gradient(ops.avg_pool1d(4), "x", [[[1]]], x=[[[5, -2, 0, 1]]])[0][0]
    return found
