"""Misstatements about kernels, layers and derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import Block, Misstatement, Words


def blocks() -> tuple[Block, ...]:
    """Kernels and biases, transposes, calculus."""
    return (*_kernels(), *_calculus())


def _kernels() -> tuple[Block, ...]:
    return (
        Misstatement(
            Words("dilation=1 puts one zero between the taps.",
                  "dilation=1 会在抽头之间插入一个零。"),
            Words("Tap $a$ reads at $si + da - p$, so neighbouring taps are $d$ places apart and "
                  "$d - 1$ places lie between them: none for $d = 1$, which is the ordinary "
                  "convolution. One output with kernel $(1,1,1)$ depends on the inputs $<<one>>$ "
                  "for $d = 1$ and on $<<two>>$ for $d = 2$.",
                  "抽头 $a$ 读取位置 $si + da - p$，所以相邻抽头相距 $d$，其间有 $d - 1$ 个位置：$d = 1$ 时一个"
                  "也没有，就是普通卷积。卷积核 $(1,1,1)$ 的一个输出，$d = 1$ 时依赖于输入 $<<one>>$，"
                  "$d = 2$ 时依赖于 $<<two>>$。"),
            lambda: _taps() == {"one": [0, 1, 2], "two": [0, 2, 4]}, values=lambda: _taps()),
        Misstatement(
            Words("One kernel is shared by all input channels.",
                  "所有输入通道共用一个卷积核。"),
            Words("$w_{ocae}$ has the index $c$: each input channel has taps of its own, and they "
                  "are summed. What is shared is shared among *places*. For $x = ((1),(10))$ the "
                  "weights $(2,3)$ give $<<own>>$; one shared weight could only give multiples of "
                  "$11$. The weights of a layer from $3$ to $8$ channels with $3 \\times 3$ are "
                  "$<<count>>$, not $<<claimed>>$.",
                  "$w_{ocae}$ 带有下标 $c$：每个输入通道有自己的抽头，再求和。共享是在各*位置*之间。对 "
                  "$x = ((1),(10))$，权重 $(2,3)$ 给出 $<<own>>$；若共用一个权重，只能得到 $11$ 的倍数。从 $3$ "
                  "到 $8$ 个通道、$3 \\times 3$ 的层有 $<<count>>$ 个权重，而不是 $<<claimed>>$ 个。"),
            lambda: _shared() == {"own": 32, "count": 216, "claimed": 72} and 32 % 11 != 0,
            values=lambda: _shared()),
        Misstatement(
            Words("Three $3 \\times 3$ layers equal two $5 \\times 5$ layers.",
                  "三个 $3 \\times 3$ 层等于两个 $5 \\times 5$ 层。"),
            Words("Reaches add: $n$ layers of extent $k$ reach $n(k-1)+1$. Three $3 \\times 3$ "
                  "reach $<<three>>$, as one $7 \\times 7$ does; two $5 \\times 5$ reach "
                  "$<<two>>$. *Two* $3 \\times 3$ reach as far as *one* $5 \\times 5$, "
                  "$<<pair>>$. And even then the functions agree only without activations, and "
                  "only for kernels that are convolutions of smaller ones.",
                  "作用范围相加：$n$ 层大小为 $k$ 的卷积覆盖 $n(k-1)+1$。三个 $3 \\times 3$ 覆盖 $<<three>>$，与"
                  "一个 $7 \\times 7$ 相同；两个 $5 \\times 5$ 覆盖 $<<two>>$。*两个* $3 \\times 3$ 才与*一个* "
                  "$5 \\times 5$ 相同，为 $<<pair>>$。即便如此，也只有在没有激活函数、且大卷积核恰为小卷积核的"
                  "卷积时，两者作为函数才相等。"),
            lambda: _stacked() == {"three": 7, "two": 9, "pair": 5}, values=lambda: _stacked()),
        Misstatement(
            Words("The bias has one entry per input channel.", "偏置对每个输入通道有一项。"),
            Words("It is added to the finished sum, so it has one entry per *output* channel. "
                  "With $3$ inputs and $8$ outputs the engine accepts a bias of $8$ entries and "
                  "refuses one of $3$; this layer has $8 \\cdot 3 \\cdot 9 + 8 = <<total>>$ "
                  "parameters.",
                  "它加在已完成的和上，因此对每个*输出*通道有一项。$3$ 个输入、$8$ 个输出时，引擎接受 $8$ 项的"
                  "偏置，拒绝 $3$ 项的；这个层有 $8 \\cdot 3 \\cdot 9 + 8 = <<total>>$ 个参数。"),
            lambda: _biases() == (True, False) and _total() == 224,
            values=lambda: {"total": _total()}),
        Misstatement(
            Words("A transposed convolution undoes a convolution.", "转置卷积是卷积的逆运算。"),
            Words("It multiplies by $J^{\\mathsf T}$, not by $J^{-1}$, which does not even exist "
                  "when sizes shrink. With kernel $(1,1)$, $(1,2,3,4)$ goes to $(3,5,7)$ and from "
                  "there to $<<back>>$.",
                  "它乘以 $J^{\\mathsf T}$ 而不是 $J^{-1}$；大小缩减时后者根本不存在。卷积核为 $(1,1)$ 时，"
                  "$(1,2,3,4)$ 变为 $(3,5,7)$，再变为 $<<back>>$。"),
            lambda: _undone() == [3, 8, 12, 7], values=lambda: {"back": _undone()}),
        Misstatement(
            Words("Output padding pads the output with zeros.", "输出填充就是给输出填零。"),
            Words("It chooses one of the $s$ sizes that a strided convolution maps to the same "
                  "size; the added places are computed. In the example of [[8]] the added entry is "
                  "$<<added>>$.",
                  "它从步幅卷积映到同一大小的 $s$ 个大小中选定一个；增加的位置是计算出来的。在[[8]]的例子里，"
                  "增加的一项是 $<<added>>$。"),
            lambda: _added() == 3, values=lambda: {"added": _added()}),
    )


def _calculus() -> tuple[Block, ...]:
    return (
        Misstatement(
            Words("The subderivatives of $|x|$ at $0$ form the open interval $(-1, 1)$.",
                  "$|x|$ 在 $0$ 处的次导数构成开区间 $(-1, 1)$。"),
            Words("$g$ is a subgradient if $|z| \\ge g z$ for all $z$. For $g = 1$ and $g = -1$ "
                  "this holds, with equality on one side; so the interval $[-1,1]$ is closed. "
                  "Subdifferentials always are: they are given by inequalities that are not "
                  "strict. For $g = \\tfrac{11}{10}$ it fails at $z = 1$.",
                  "若对一切 $z$ 有 $|z| \\ge g z$，则 $g$ 是次梯度。$g = 1$ 与 $g = -1$ 都满足，并在一侧取等号；"
                  "所以区间 $[-1,1]$ 是闭的。次微分总是闭集：它由非严格不等式给出。$g = \\tfrac{11}{10}$ 则在 "
                  "$z = 1$ 处不成立。"), lambda: _closed()),
        Misstatement(
            Words("Forward accumulation is the forward pass.", "前向累积就是前向传播。"),
            Words("The forward pass computes $y$; forward accumulation computes $J t$ for a "
                  "tangent $t$ along with it. At $x = (1,2,3)$ with $t = (1,0,0)$ the squares are "
                  "$<<values>>$ and the tangent is $<<tangent>>$ ([[3]]).",
                  "前向传播计算 $y$；前向累积与之同时计算切向量 $t$ 的 $J t$。在 $x = (1,2,3)$、$t = (1,0,0)$ "
                  "处，平方为 $<<values>>$，切向量为 $<<tangent>>$（[[3]]）。"),
            lambda: _forward() == {"values": [1, 4, 9], "tangent": [2, 0, 0]},
            values=lambda: _forward()),
        Misstatement(
            Words("Choosing a subgradient at every kink gives a subgradient of the whole.",
                  "在每个折点取次梯度，整体就得到次梯度。"),
            Words("$\\operatorname{relu}(x) - \\operatorname{relu}(-x)$ is $x$, with derivative "
                  "$1$; with the usual choice at $0$ the chain rule gives $<<slope>>$ ([[2]]).",
                  "$\\operatorname{relu}(x) - \\operatorname{relu}(-x)$ 就是 $x$，导数为 $1$；按 $0$ 处的通常"
                  "取法，链式法则给出 $<<slope>>$（[[2]]）。"),
            lambda: _kinked() == 0, values=lambda: {"slope": _kinked()}),
    )


def _taps() -> dict[str, list[int]]:
    found = {}
    for name, dilation in (("one", 1), ("two", 2)):
        dx = ch.gradient(ops.conv1d(dilation=dilation, bias=False), "x", [[[1]]],
                         x=[[[0] * (2 * dilation + 1)]], w=[[[1, 1, 1]]])[0][0]
        found[name] = [place for place, value in enumerate(dx) if value]
    return found


def _shared() -> Mapping[str, object]:
    from symconv.notes.counting import counted

    own = ch.run(ops.conv1d(bias=False), x=[[[1], [10]]], w=[[[2], [3]]])[0][0][0]
    count = counted(ops.conv2d(bias=False), x=(1, 3, 5, 5), w=(8, 3, 3, 3)).parameters
    return {"own": own, "count": count, "claimed": count // 3}


def _stacked() -> dict[str, int]:
    """The inputs that one output depends on, from the derived gradient of the chain."""
    found = {}
    for name, times, kernel in (("three", 3, 3), ("two", 2, 5), ("pair", 2, 3)):
        chain = ops.conv1d(bias=False, name="l1")
        for number in range(2, times + 1):
            chain = chain >> ops.conv1d(bias=False, name=f"l{number}")
        size = times * (kernel - 1) + 3
        weights = {name: [[[1] * kernel]] for name in chain.inputs[1:]}
        dx = ch.gradient(chain, "x", [[[0, 1, 0]]], x=[[[0] * size]], **weights)[0][0]
        found[name] = sum(value != 0 for value in dx)
    return found


def _biases() -> tuple[bool, bool]:
    from symconv.errors import ShapeError

    outcome = []
    for entries in (8, 3):
        try:
            ops.conv2d().output_shape(x=(1, 3, 5, 5), w=(8, 3, 3, 3), b=(entries,))
        except ShapeError:
            outcome.append(False)
        else:
            outcome.append(True)
    return outcome[0], outcome[1]


def _total() -> int:
    from symconv.notes.counting import counted

    return counted(ops.conv2d(), x=(1, 3, 5, 5), w=(8, 3, 3, 3), b=(8,)).parameters


def _undone() -> Any:
    y = ch.run(ops.conv1d(bias=False), x=[[[1, 2, 3, 4]]], w=[[[1, 1]]])
    back = ch.run(ops.conv_transpose1d(bias=False), x=y, w=[[[1, 1]]])[0][0]
    return back if y == [[[3, 5, 7]]] else None


def _added() -> Any:
    layer = ops.conv_transpose1d(stride=2, padding=1, output_padding=1, bias=False)
    return ch.run(layer, x=[[[1, 1]]], w=[[[1, 2, 3]]])[0][0][-1]


def _closed() -> bool:
    """The inequality on a grid with the engine's |z|; linear on either side, so z = -1 and z = 1
    decide."""
    places = [Fraction(n, 10) for n in range(-20, 21)]
    sizes = ch.run(ops.abs(), x=places)
    inside = [g for g in (Fraction(n, 10) for n in range(-15, 16))
              if all(size >= g * z for z, size in zip(places, sizes, strict=True))]
    tight = all(any(size == g * z for z, size in zip(places, sizes, strict=True) if z)
                for g in (1, -1))
    return [min(inside), max(inside)] == [Fraction(-1), Fraction(1)] and tight


def _forward() -> Mapping[str, object]:
    from symconv.notes.checking import operator_of

    text = "x: [N]; y[i] = x[i]*x[i]"
    program = operator_of(text).jvp().result
    tangent = program.definition.inputs[0].name
    return {"values": ch.run(text, x=[1, 2, 3]),
            "tangent": ch.run(program, x=[1, 2, 3], **{tangent: [1, 0, 0]})}


def _kinked() -> Any:
    return ch.gradient("x: [N]; y[i] = relu(x[i]) - relu(-x[i])", "x", [1], x=[0])[0]
