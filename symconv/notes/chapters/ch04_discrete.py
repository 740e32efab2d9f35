"""The discrete convolution, as an operation and as a transformation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Computed,
    Example,
    Formula,
    Heading,
    Identity,
    Prose,
    Table,
    Words,
)

LEFT, RIGHT = (1, 2, 3, 4), (1, 2, 3)


def blocks() -> tuple[Block, ...]:
    """Sequences in place of functions."""
    return (*_sums(), *_transformation())


def _sums() -> tuple[Block, ...]:
    return (
        Heading(Words("Sequences: a product of polynomials", "序列：多项式的乘积")),
        Prose(Words(
            "For sequences the integral becomes a sum, and again the two indices add up to the "
            "index of the result. The engine prints it with ranges; terms outside count as absent:",
            "对序列而言，积分变成求和，两个下标之和仍等于结果的下标。引擎连同范围一起打印；范围之外"
            "的项视为不存在：")),
        Computed(lambda: ops.convolve(), {"a": (4,), "b": (3,)}, _by_pairs,
                 key="discrete-convolution"),
        Example(Words(
            "$(1,2,3,4) * (1,2,3) = <<y>>$. Four numbers and three give $4 + 3 - 1 = <<length>>$.",
            "$(1,2,3,4) * (1,2,3) = <<y>>$。四个数与三个数得到 $4 + 3 - 1 = <<length>>$ 个数。"),
            lambda: {"y": _full(), "length": len(_full())},
            {"y": [1, 4, 10, 16, 17, 12], "length": 6}),
        Prose(Words(
            "By hand, write $a_k$ times the sequence $b$, shifted by $k$, one row below the other, "
            "and add the columns: long multiplication without carrying. [[sliding]] does so.",
            "笔算时，把 $a_k$ 乘以序列 $b$ 再右移 $k$ 位，逐行写下，然后各列相加：这就是不进位的竖"
            "式乘法，见 [[sliding]]。")),
        Table(("", "$0$", "$1$", "$2$", "$3$", "$4$", "$5$"), _rows, _rows_hold,
              Words("The sliding table of $(1,2,3,4) * (1,2,3)$.",
                    "$(1,2,3,4) * (1,2,3)$ 的滑动表。"), key="sliding"),
        Prose(Words(
            "With the sequences as coefficients this *is* the product of polynomials, which is why "
            "convolution is commutative and associative, and why evaluating at points (the "
            "discrete Fourier transform takes roots of unity) turns it into an ordinary product:",
            "把序列当作系数，这*就是*多项式的乘积，因此卷积满足交换律与结合律；又因此，在若干点求值"
            "（离散傅里叶变换取单位根）便把它变成普通的乘积：")),
        Identity(_polynomials, key="polynomials"),
    )


def _transformation() -> tuple[Block, ...]:
    return (
        Heading(Words("An operation, or a transformation by a kernel",
                      "作为运算，或作为由卷积核给出的变换")),
        Prose(Words(
            "So far the two sequences had equal rights: convolution as an *operation*. In signal "
            "processing and in learning one of them, the **kernel** $w$, is short and fixed, and "
            "$x \\mapsto w * x$ is a *transformation* of arbitrary inputs. It is linear, so it has "
            "a matrix, its Jacobian; every column is the kernel, one place further down. Every "
            "diagonal is constant (a Toeplitz matrix):",
            "到目前为止两个序列地位平等：卷积是一种*运算*。在信号处理与学习中，其中之一，即**卷积核"
            "** $w$，很短并且固定，而 $x \\mapsto w * x$ 是对任意输入的*变换*。它是线性的，因而有矩"
            "阵，即其雅可比矩阵；每一列都是卷积核，逐列下移一位。每条对角线上的元素相同（托普利茨矩"
            "阵）：")),
        Formula(r"w * x = <<matrix>> \begin{bmatrix} 1 \\ 2 \\ 3 \\ 4 \end{bmatrix}, \qquad "
                r"w = (1,2,3)", _toeplitz, key="toeplitz", values=lambda: {"matrix": _matrix()}),
    )


def _full() -> Any:
    return ch.run(ops.convolve(), a=LEFT, b=RIGHT)


def _by_pairs(a: Any, b: Any) -> list[Any]:
    """Every product a_k b_l goes to place k + l."""
    found = [0] * (len(a) + len(b) - 1)
    for k, left in enumerate(a):
        for place, right in enumerate(b):
            found[k + place] += left * right
    return found


def _shifted_rows() -> list[list[Any]]:
    """a_k b, shifted by k: the convolution of b with a sequence that is a_k at k alone."""
    return [ch.run(ops.convolve(), a=[value if place == k else 0 for place in range(len(LEFT))],
                   b=RIGHT) for k, value in enumerate(LEFT)]


def _rows() -> Sequence[Sequence[Words | str]]:
    rows: list[Sequence[Words | str]] = []
    for k, row in enumerate(_shifted_rows()):
        cells = [f"${value}$" if k <= place < k + len(RIGHT) else "" for place, value in
                 enumerate(row)]
        rows.append((rf"${LEFT[k]} \cdot (1,2,3)$", *cells))
    return [*rows, (Words("sum", "和"), *(f"${value}$" for value in _full()))]


def _rows_hold() -> bool:
    rows = _shifted_rows()
    hand = [[1, 2, 3, 0, 0, 0], [0, 2, 4, 6, 0, 0], [0, 0, 3, 6, 9, 0], [0, 0, 0, 4, 8, 12]]
    return rows == hand and [sum(column) for column in zip(*rows, strict=True)] == _full()


def _polynomials() -> Sequence[Any]:
    """The product left as it is written, and the polynomial whose coefficients are computed."""
    import sympy

    z = sympy.Symbol("z")
    left, right = (sympy.Add(*(value * z ** place for place, value in enumerate(sequence)))
                   for sequence in (LEFT, RIGHT))
    return (sympy.Mul(left, right, evaluate=False),
            sympy.Add(*(value * z ** place for place, value in enumerate(_full()))))


def _matrix() -> list[list[Any]]:
    return ch.jacobian(ops.convolve(), "a", a=[0, 0, 0, 0], b=RIGHT)


def _toeplitz() -> bool:
    """The derived matrix, applied to (1,2,3,4), is the convolution; diagonals are constant."""
    matrix = _matrix()
    applied = [sum(entry * value for entry, value in zip(row, LEFT, strict=True)) for row in matrix]
    by_hand = [[RIGHT[i - k] if 0 <= i - k < len(RIGHT) else 0 for k in range(4)] for i in range(6)]
    return applied == _full() and matrix == by_hand
