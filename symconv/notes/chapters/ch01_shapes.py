"""The shapes of derivatives, and the two layouts in which they are written."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    DerivationBlock,
    Example,
    Formula,
    Heading,
    Prose,
    Table,
    Words,
)
from symconv.operator import parse

_OUT, _IN = ("M", "L"), ("N", "K")
_KINDS = (Words("scalar", "标量"), Words("vector", "向量"), Words("matrix", "矩阵"))
_SANDWICH = ("A: [M, N]; X: [N, K]; B: [K, L]; "
             "Y[a,b] = sum[i,j](A[a,i] * X[i,j] * B[j,b])")


def blocks() -> tuple[Block, ...]:
    """Index order, numerator layout, denominator layout."""
    return (
        Heading(Words("What shape has a derivative?", "导数是什么形状？")),
        Prose(Words(
            "A derivative has one entry for every pair of an output element and an input element. "
            "Its natural shape is thus the axes of the output followed by the axes of the input. "
            "We call this *index order*; it is what array libraries return, and in it nothing is "
            "ever transposed. For the matrix $Y$ of shape $(m,l)$ as a function of the matrix $X$ "
            "of shape $(n,k)$ it is the fourth-order tensor of shape $(m,l,n,k)$. The engine "
            "derives it for $Y = AXB$:",
            "导数对每一对（输出元素，输入元素）各有一个元素，因此其自然的形状是输出的各轴后接输入的"
            "各轴。我们称之为*下标顺序*；数组库返回的就是它，其中不出现任何转置。形状为 $(m,l)$ 的"
            "矩阵 $Y$ 对形状为 $(n,k)$ 的矩阵 $X$ 的导数，就是形状为 $(m,l,n,k)$ 的四阶张量。对 "
            "$Y = AXB$，引擎推导如下：")),
        DerivationBlock(lambda: parse(_SANDWICH), {"A": (2, 3), "X": (3, 4), "B": (4, 2)},
                        kind="jacobian", wrt=("X",), key="four-axes"),
        Example(Words(
            "With $A = <<a>>$, $B = <<b>>$ and $X$ of shape $(2,3)$, the tensor has shape "
            r"$<<shape>>$. Its slice $\partial Y/\partial X_{01}$ is $<<slice>>$: column $0$ of "
            "$A$ times row $1$ of $B$.",
            "取 $A = <<a>>$，$B = <<b>>$，$X$ 的形状为 $(2,3)$，则该张量的形状为 $<<shape>>$。其切"
            "片 "
            r"$\partial Y/\partial X_{01}$ 为 $<<slice>>$，即 $A$ 的第 $0$ 列乘以 $B$ 的第 $1$ "
            r"行。"),
            _slice, {"shape": [1, 2, 2, 3], "slice": [[15, 18]]}),
        Prose(Words(
            "On paper one wishes to write products of matrices without indices, and this needs a "
            "convention for where the input axes go. The **numerator layout** keeps the axes of "
            "the output and appends those of the input *in reverse*; a vector counts as a column. "
            "The **denominator layout** is the same with the order of all axes reversed. The "
            "gradient of a scalar is then a row in the first and a column in the second. "
            "[[layouts]] is computed from derived Jacobians; texts differ in their convention "
            "but never in the entries.",
            "书写时人们希望不带下标地写矩阵乘积，这就需要约定输入的轴放在何处。**分子布局**保留输出"
            "的各轴，再把输入的各轴*逆序*接在后面；向量视为列。**分母布局**则把前者的全部轴的次序"
            "颠倒。于是标量的梯度在前者中是行，在后者中是列。[[layouts]]由推导出的雅可比张量算得；"
            "各书的约定可以不同，元素却总是相同的。")),
        Table((Words("output", "输出"), Words("input", "输入"), Words("index order", "下标顺序"),
               Words("numerator layout", "分子布局"), Words("denominator layout", "分母布局")),
              _rows, _table_holds,
              Words("Shapes of the derivative of a scalar, a vector of length $m$ or a matrix "
                    "$(m,l)$ by a scalar, a vector of length $n$ or a matrix $(n,k)$.",
                    "标量、长为 $m$ 的向量或 $(m,l)$ 矩阵，对标量、长为 $n$ 的向量或 $(n,k)$ 矩阵的"
                    "导数的形状。"), key="layouts"),
        Prose(Words(
            "The last row is where papers and code part company: $(m,l,n,k)$ in index order, "
            "$(m,l,k,n)$ in numerator layout. The layout also decides the order of the factors in "
            r"the chain rule. For vectors $x \to y \to z$, in numerator and in denominator layout:",
            "论文与代码正是在最后一行分道扬镳：下标顺序为 $(m,l,n,k)$，分子布局为 $(m,l,k,n)$。布局"
            r"还决定链式法则中因子的次序。对向量 $x \to y \to z$，分子布局与分母布局依次为：")),
        Formula(r"\frac{\partial z}{\partial x} = \frac{\partial z}{\partial y}\,"
                r"\frac{\partial y}{\partial x}, \qquad"
                r"\left(\frac{\partial z}{\partial x}\right)^{\!\top} = "
                r"\left(\frac{\partial y}{\partial x}\right)^{\!\top}"
                r"\left(\frac{\partial z}{\partial y}\right)^{\!\top}",
                _orders_of_factors),
        Prose(Words(
            "In these notes derivatives of arrays are written with all indices, where the question "
            "of layout does not arise; matrices stand in numerator layout, and $\\mathrm{d}x$ "
            "denotes the gradient of a scalar with respect to $x$, in the shape of $x$ itself.",
            "在本讲义中，数组的导数写出全部下标，布局问题便不复存在；矩阵采用分子布局，而 "
            "$\\mathrm{d}x$ 表示某个标量对 $x$ 的梯度，其形状与 $x$ 相同。")),
    )


def _definition(outer: int, inner: int) -> str:
    """A linear function from a tensor of rank `inner` to one of rank `outer`."""
    free, bound = ("a", "b")[:outer], ("i", "j")[:inner]
    weights = ", ".join((*_OUT[:outer], *_IN[:inner]))
    place = f"[{','.join((*free, *bound))}]" if outer or inner else ""
    operand = f"x[{','.join(bound)}]" if inner else "x"
    body = f"t{place} * {operand}"
    left = f"y[{','.join(free)}]" if outer else "y"
    right = f"sum[{','.join(bound)}]({body})" if inner else body
    return f"t: [{weights}]; x: [{', '.join(_IN[:inner])}]; {left} = {right}"


def _layouts(outer: int, inner: int) -> tuple[tuple[str, ...], ...]:
    """The extents of the derived Jacobian in index order, numerator and denominator layout."""
    program = parse(_definition(outer, inner)).jacobian("x").derived.result
    extents = tuple(str(axis.stored).lower() for axis in program.tensor("J").axes)
    above, below = extents[:outer], extents[outer:]
    if max(outer, inner) < 2:                        # vectors are columns, scalars 1 by 1
        above, below = above or ("1",), below or ("1",)
    numerator = (*above, *reversed(below))
    return extents, numerator, tuple(reversed(numerator))


def _rows() -> Sequence[Sequence[Words | str]]:
    return [(_KINDS[outer], _KINDS[inner], *(f"$({','.join(shape)})$" if shape else "$()$"
                                            for shape in _layouts(outer, inner)))
            for outer, inner in itertools.product(range(3), range(3))]


def _table_holds() -> bool:
    """The shapes of a book's table (numerator layout), and the tensor itself by differences."""
    book = ["11", "1n", "kn", "m1", "mn", "mkn", "ml", "mln", "mlkn"]
    found = ["".join(_layouts(outer, inner)[1])
             for outer, inner in itertools.product(range(3), range(3))]
    shapes = {"t": (2, 3, 4, 5), "x": (4, 5)}
    return found == book and ch.derivative_holds(_definition(2, 2), "x", shapes)


def _slice() -> dict[str, object]:
    import numpy as np

    a, b = [[3, 4]], [[1, 2], [5, 6], [7, 8]]
    flat = ch.jacobian(_SANDWICH, "X", A=a, X=[[0] * 3] * 2, B=b)
    tensor = np.array(flat, dtype=object).reshape(1, 2, 2, 3)
    return {"a": a, "b": b, "shape": list(tensor.shape), "slice": tensor[:, :, 0, 1].tolist()}


def _orders_of_factors() -> bool:
    """For x -> y = Px -> z = Qy: the derivative by differences is QP, its transpose P^T Q^T."""
    import numpy as np

    draw = random.Random("layout")
    for _ in range(ch.TRIALS):
        p, q = (np.array([[draw.randint(-9, 9) for _ in range(columns)] for _ in range(rows)],
                         dtype=object) for rows, columns in ((3, 4), (2, 3)))
        text = "p: [M, N]; q: [L, M]; x: [N]; y[i] = sum[j](p[i,j]*x[j]); " \
               "z[k] = sum[m](q[k,m]*y[m])"
        x = [Fraction(draw.randint(-9, 9)) for _ in range(4)]
        slopes = [np.array(ch.run(text, p=p, q=q, x=[v + (j == k) for k, v in enumerate(x)]))
                  - np.array(ch.run(text, p=p, q=q, x=x)) for j in range(4)]
        found: Any = np.array(slopes, dtype=object)          # rows are inputs: the transpose
        if not (ch.same(found.T, q.dot(p)) and ch.same(found, p.T.dot(q.T))):
            return False
    return True
