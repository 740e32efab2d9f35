"""A transposed convolution is no inverse."""

from __future__ import annotations

from fractions import Fraction

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Example,
    Formula,
    Heading,
    Prose,
    Words,
)

_X, _W = [1, 2, 3, 4], [1, 1]


def blocks() -> tuple[Block, ...]:
    """What is lost, and when nothing is."""
    return (
        Heading(Words("A transpose is not an inverse", "转置不是逆")),
        Prose(Words(
            "The old name *deconvolution* promises too much. A transposed convolution returns "
            "the *shape* of the input, not the input.",
            "旧名「反卷积」言过其实。转置卷积恢复的是输入的*形状*，不是输入本身。")),
        Example(Words(
            "The kernel $(1,1)$ takes $(1,2,3,4)$ to $<<y>>$, and the transposed convolution with "
            "the same kernel takes that to $<<back>>$. No other kernel and no other method does "
            "better in general: $x = <<null>>$ gives $<<zero>>$ and is lost.",
            "卷积核 $(1,1)$ 把 $(1,2,3,4)$ 变为 $<<y>>$，同一卷积核的转置卷积再把它变为 $<<back>>$。"
            "换别的卷积核、别的方法，一般而言也无济于事：$x = <<null>>$ 给出 $<<zero>>$，信息已经丢失。"),
            _there_and_back, {"y": [3, 5, 7], "back": [3, 8, 12, 7], "zero": [0, 0, 0]}),
        Prose(Words(
            "A matrix $J$ with fewer rows than columns has no left inverse. The transpose undoes "
            "$J$ on one side exactly when the rows of $J$ are orthonormal. Stride $2$ and the "
            "kernel $(\\tfrac35, \\tfrac45)$ are of this kind, since the windows do not overlap:",
            "行数少于列数的矩阵 $J$ 没有左逆。当且仅当 $J$ 的各行标准正交时，转置才在一侧抵消 $J$。步幅 "
            "$2$ 与卷积核 $(\\tfrac35, \\tfrac45)$ 就属于这种情形，因为窗口互不重叠：")),
        Formula(r"J J^{\mathsf T} = I, \qquad J^{\mathsf T} J = P \ne I, \qquad P^2 = P",
                _orthonormal, key="orthonormal-rows"),
        Prose(Words(
            "So the convolution of the transposed convolution is the identity, and the transposed "
            "convolution of the convolution is a projection: it keeps what the convolution could "
            "see.",
            "于是先转置卷积后卷积是恒等映射，而先卷积后转置卷积是投影：它保留卷积所能看见的部分。")),
    )


def _there_and_back() -> dict[str, object]:
    y = ch.run(ops.conv1d(bias=False), x=[[_X]], w=[[_W]])
    null = [1, -1, 1, -1]
    return {"y": y[0][0], "back": ch.run(ops.conv_transpose1d(bias=False), x=y, w=[[_W]])[0][0],
            "null": null, "zero": ch.run(ops.conv1d(bias=False), x=[[null]], w=[[_W]])[0][0]}


def _orthonormal() -> bool:
    import sympy

    w = [[[Fraction(3, 5), Fraction(4, 5)]]]
    matrix = sympy.Matrix([[sympy.Rational(str(entry)) for entry in row] for row in ch.jacobian(
        ops.conv1d(stride=2, bias=False), "x", x=[[[0] * 6]], w=w)])
    back = sympy.Matrix([[sympy.Rational(str(entry)) for entry in row] for row in ch.jacobian(
        ops.conv_transpose1d(stride=2, bias=False), "x", x=[[[0] * 3]], w=w)])
    project = back * matrix
    return bool(matrix * back == sympy.eye(3) and project != sympy.eye(6)
                and project * project == project)
