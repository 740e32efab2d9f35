"""Chapter 3: the computational graph, forward and reverse accumulation."""

from __future__ import annotations

import random
from collections.abc import Sequence

from symconv.notes import checking as ch
from symconv.notes.chapters import ch03_cost, ch03_orders
from symconv.notes.model import (
    Block,
    Chapter,
    DerivationBlock,
    Example,
    Figure,
    Formula,
    Heading,
    Items,
    Lang,
    Listing,
    Prose,
    Table,
    Words,
)
from symconv.notes.pictures.canvas import Drawing
from symconv.operator import Operator, parse

_LOSS = """x: [N]
w: [N]
t: []
a = sum[i](x[i] * w[i])
b = a - t
z = b * b
"""
_POINT = {"x": [1, 2], "w": [3, 4], "t": 9}
_SQUARE = "x: [N]; y = 2*sum[i](x[i]*x[i])"
_TWICE = "x: [H]; i < H - 1; u[i] = x[i]*x[i+1]; k < H - 2; y[k] = u[k]*u[k+1]"


def chapter() -> Chapter:
    """Graphs, JVP and VJP, and what they cost."""
    return Chapter(3, Words("The computational graph: forward and reverse accumulation",
                            "计算图：前向累积与反向累积"),
                   (*_graphs(), *_two_orders(), *_square(), *ch03_cost.blocks(),
                    *ch03_orders.blocks()))


def _graphs() -> tuple[Block, ...]:
    return (
        Heading(Words("A program is a graph", "程序就是一张图")),
        Prose(Words(
            r"A program that computes $z = (\langle x,w\rangle - t)^2$ does so in steps. Written "
            "with one operation per line, every line reads values computed before it. Draw each "
            "value as a node and each reading as an arrow: this directed graph without cycles is "
            "the **computational graph**.",
            r"计算 $z = (\langle x,w\rangle - t)^2$ 的程序是分步进行的。每行只写一个运算，则每一行"
            r"读取"
            "的都是之前算出的值。把每个值画成结点，把每次读取画成箭头：这个没有环的有向图就是"
            "**计算图**。")),
        Listing(_LOSS, _listing_holds),
        Items((
            Words("An **explicit** graph is described first, as data, and run afterwards: the "
                  "graphs of Theano and TensorFlow 1, the symbols of MXNet, and every definition "
                  "in these notes. It can be inspected, rewritten and printed before any number "
                  "is known.",
                  "**显式**的图先作为数据描述出来，然后再运行：Theano 与 TensorFlow 1 的图，MXNet "
                  "的符号式编程，以及本讲义中的每个定义都是如此。在任何数值已知之前就可以检查、改写"
                  "和打印它。"),
            Words("An **implicit** graph is recorded while an ordinary program runs: the tape of "
                  "PyTorch, the `GradientTape` of TensorFlow 2. Branches and loops of the host "
                  "language come for free; the record holds only the path that was taken.",
                  "**隐式**的图在普通程序运行时记录下来：PyTorch 的记录带，TensorFlow 2 的 "
                  "`GradientTape`。宿主语言的分支与循环可以直接使用；记录中只有实际走过的路径。"),
            Words("A *traced* graph lies between the two: JAX runs the program once on abstract "
                  "values and keeps what it saw as an explicit graph.",
                  "*追踪*得到的图介于两者之间：JAX 用抽象值把程序运行一次，把所见的运算保存为显式的"
                  "图。"))),
    )


def _two_orders() -> tuple[Block, ...]:
    return (
        Heading(Words("One product, two orders", "一个乘积，两种次序")),
        Prose(Words(
            r"For a chain $x = x_0 \to x_1 \to \dots \to x_n = y$ with Jacobian matrices "
            "$J_1, \\dots, J_n$ the chain rule [[chain-rule]] gives one product of matrices. "
            "Products are associative, so one may start at either end:",
            r"对链 $x = x_0 \to x_1 \to \dots \to x_n = y$，设各步的雅可比矩阵为 "
            "$J_1, \\dots, J_n$，链式法则 [[chain-rule]] 给出一个矩阵乘积。乘法满足结合律，因此可以"
            "从任一端开始：")),
        Formula(r"J = J_n\bigl(\cdots (J_2\, J_1)\bigr) = \bigl((J_n\, J_{n-1}) \cdots\bigr) J_1",
                _orders_agree, key="two-orders"),
        Items((
            Words("**Forward accumulation** carries a tangent along with the values, "
                  "$t_k = J_k t_{k-1}$, from a chosen direction $t_0$ of the input. The result is "
                  "a Jacobian-vector product (JVP): one *column* of $J$ for $t_0 = e_j$.",
                  "**前向累积**随着数值一起传递切向量 $t_k = J_k t_{k-1}$，从输入的选定方向 $t_0$ "
                  "出发。结果是雅可比矩阵与向量之积（JVP）：取 $t_0 = e_j$ 得 $J$ 的一*列*。"),
            Words("**Reverse accumulation** carries a cotangent back, "
                  r"$g_{k-1} = J_k^{\top} g_k$, from a chosen weighting $g_n$ of the outputs. The "
                  "result is a vector-Jacobian product (VJP): one *row* of $J$ for $g_n = e_i$.",
                  r"**反向累积**把余切向量 $g_{k-1} = J_k^{\top} g_k$ 向回传递，从输出的选定加权 "
                  r"$g_n$ "
                  "出发。结果是向量与雅可比矩阵之积（VJP）：取 $g_n = e_i$ 得 $J$ 的一*行*。"))),
        Prose(Words(
            "Forward accumulation must not be confused with the *forward pass*, which computes "
            "the values $x_k$ and no derivative. Both kinds of accumulation need the values; the "
            "forward kind can use each value at once and forget it, the reverse kind meets them "
            "in the opposite order and must have kept them. The two are transposes of each "
            "other, which gives the most useful test of a gradient that there is:",
            "不要把前向累积与*前向传播*混为一谈：后者计算数值 $x_k$，不计算任何导数。两种累积都需要"
            "这些数值；前向累积随用随弃，反向累积则以相反的次序用到它们，因而必须事先保存。两者互为"
            "转置，由此得到检验梯度的最有用的等式：")),
        Formula(r"\langle g,\, J t\rangle = \langle J^{\top} g,\, t\rangle", _adjoint_identity,
                key="adjoint-identity"),
    )


def _square() -> tuple[Block, ...]:
    return (
        Heading(Words(r"A worked case: $y = 2\,x^{\top}x$", r"完整的例子：$y = 2\,x^{\top}x$")),
        DerivationBlock(lambda: parse(_SQUARE), {"x": (4,)}, wrt=("x",), key="two-xx"),
        Example(Words(
            "At $x = (0,1,2,3)$ the value is $y = <<y>>$ and one reverse accumulation gives the "
            "whole gradient $4x = <<reverse>>$. Forward accumulation gives $<<directional>>$ for "
            "the direction $t = (1,1,1,1)$, a single number. For the gradient it must run once "
            "for each of the four unit directions: $<<columns>>$.",
            "在 $x = (0,1,2,3)$ 处，函数值为 $y = <<y>>$，一次反向累积给出整个梯度 $4x = "
            "<<reverse>>$。前向累积对方向 $t = (1,1,1,1)$ 给出 $<<directional>>$，只是一个数。要得"
            "到梯度，它必须对四个单位方向各运行一次：$<<columns>>$。"), _at_the_point,
            {"y": 28, "reverse": [0, 4, 8, 12], "directional": 24, "columns": [0, 4, 8, 12]}),
        Prose(Words(
            "The loss $z$ of the first section, node by node: the forward pass fills in the "
            "values from above, reverse accumulation the gradients of $z$ from below.",
            "再逐个结点看第一节中的损失 $z$：前向传播自上而下填入数值，反向累积自下而上填入 $z$ 的"
            "梯度。")),
        Table((Words("node", "结点"), Words("value", "数值"), Words("gradient", "梯度"),
               Words("rule", "规则")), _nodes, _nodes_hold,
              Words(r"Values and gradients of $z = (\langle x,w\rangle - t)^2$ at $x = (1,2)$, "
                    "$w = (3,4)$, $t = 9$.",
                    r"$z = (\langle x,w\rangle - t)^2$ 在 $x = (1,2)$、$w = (3,4)$、$t = 9$ 处各结"
                    r"点的"
                    "数值与梯度。"), key="graph-values"),
        Figure("ch03-graph", _draw_graph,
               Words("The same graph: values above, gradients of $z$ below.",
                     "同一张计算图：上为数值，下为 $z$ 的梯度。"), _drawing_holds,
               key="graph-figure"),
    )


def _listing_holds() -> bool:
    draw = random.Random("listing")
    for _ in range(ch.TRIALS):
        x, w = ([draw.randint(-9, 9) for _ in range(3)] for _ in range(2))
        t = draw.randint(-9, 9)
        product = sum(a * b for a, b in zip(x, w, strict=True))
        if ch.run(_LOSS, x=x, w=w, t=t) != (product - t) ** 2:
            return False
    return True


def _orders_agree() -> bool:
    """Both orders give the Jacobian of a program of two steps, one after the other thrice."""
    import numpy as np

    draw = random.Random("orders")
    matrices = [np.array([[draw.randint(-5, 5) for _ in range(columns)] for _ in range(rows)],
                         dtype=object) for rows, columns in ((3, 4), (2, 3), (5, 2))]
    text = ("p: [A, M]; q: [B, A]; r: [C, B]; x: [M]; u[i] = sum[m](p[i,m]*x[m]); "
            "v[k] = sum[l](q[k,l]*u[l]); y[h] = sum[g](r[h,g]*v[g])")
    first, second, third = matrices
    derived = ch.jacobian(text, "x", p=first, q=second, r=third, x=[1, 2, 3, 4])
    return (ch.same(third.dot(second.dot(first)), derived)
            and ch.same(third.dot(second).dot(first), derived))


def _tangent(text: str) -> Operator:
    return parse(text).jvp().result


def _adjoint_identity() -> bool:
    draw = random.Random("adjoint")
    for _ in range(ch.TRIALS):
        x, t = ([draw.randint(-9, 9) for _ in range(6)] for _ in range(2))
        g = [draw.randint(-9, 9) for _ in range(4)]
        ahead = ch.run(_tangent(_TWICE), tx=t, x=x)
        back = ch.gradient(_TWICE, "x", g, x=x)
        if sum(a * b for a, b in zip(g, ahead, strict=True)) != \
                sum(a * b for a, b in zip(back, t, strict=True)):
            return False
    return True


def _at_the_point() -> dict[str, object]:
    x, tangent = [0, 1, 2, 3], _tangent(_SQUARE)
    return {"y": ch.run(_SQUARE, x=x), "reverse": ch.gradient(_SQUARE, "x", 1, x=x),
            "directional": ch.run(tangent, tx=[1] * 4, x=x),
            "columns": [ch.run(tangent, tx=[int(i == j) for i in range(4)], x=x)
                        for j in range(4)]}


def _graph_values() -> dict[str, object]:
    """The value of every node, by the interpreter, and the gradient of z by every node."""
    a = ch.run("x: [N]; w: [N]; y = sum[i](x[i]*w[i])", x=_POINT["x"], w=_POINT["w"])
    b = ch.run("a: []; t: []; y = a - t", a=a, t=9)
    return {"a": a, "b": b, "z": ch.run(_LOSS, **_POINT),
            "db": ch.gradient("b: []; z = b*b", "b", 1, b=b),
            "da": ch.gradient("a: []; t: []; b = a - t; z = b*b", "a", 1, a=a, t=9),
            **{f"d{name}": ch.gradient(_LOSS, name, 1, **_POINT) for name in ("x", "w", "t")}}


def _draw_graph(lang: Lang) -> Drawing:
    from symconv.notes.pictures.graph import graph

    return graph(parse(_LOSS), _POINT, labels={"a": "x · w", "b": "a − t", "z": "b · b"})


def _drawing_holds() -> bool:
    """The numbers in the drawing are those of the table."""
    from symconv.notes.pictures.graph import both

    values, slopes = both(parse(_LOSS), _POINT, 1)
    found = _graph_values()
    return (all(ch.same(values[name], found[name]) for name in ("a", "b", "z"))
            and all(ch.same(slopes[name], found[f"d{name}"]) for name in ("x", "w", "t", "a", "b")))


def _nodes() -> Sequence[Sequence[Words | str]]:
    from symconv.notes.numbers import shown

    found = {name: shown(value) for name, value in _graph_values().items()}
    return [
        ("$x$", "$(1, 2)$", f"${found['dx']}$", r"$\mathrm{d}x = \mathrm{d}a\; w$"),
        ("$w$", "$(3, 4)$", f"${found['dw']}$", r"$\mathrm{d}w = \mathrm{d}a\; x$"),
        ("$t$", "$9$", f"${found['dt']}$", r"$\mathrm{d}t = -\mathrm{d}b$"),
        (r"$a = \langle x,w\rangle$", f"${found['a']}$", f"${found['da']}$",
         r"$\mathrm{d}a = \mathrm{d}b$"),
        ("$b = a - t$", f"${found['b']}$", f"${found['db']}$",
         r"$\mathrm{d}b = 2b\;\mathrm{d}z$"),
        ("$z = b^2$", f"${found['z']}$", "$1$", r"$\mathrm{d}z = 1$"),
    ]


def _nodes_hold() -> bool:
    found = _graph_values()
    expected = {"a": 11, "b": 2, "z": 4, "db": 4, "da": 4, "dx": [12, 16], "dw": [4, 8], "dt": -4}
    return all(ch.same(found[name], value) for name, value in expected.items())
