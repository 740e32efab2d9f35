"""What forward and reverse accumulation cost, counted on derived programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from symconv.notes import checking as ch
from symconv.notes.model import Block, Example, Heading, Items, Prose, Table, Words
from symconv.operator import parse

if TYPE_CHECKING:
    from symconv.differentiate import Derived
    from symconv.ir import Definition, Program

_DEPTHS = (1, 2, 4, 8, 16)
_NETWORK = """x: [H]
f: [K]
b: []
v: [M, P]
i < H - K + 1
j < P
k < 2
c[i] = sum[a](x[i+a] * f[a])
e[i] = c[i] + b
r[i] = relu(e[i])
p[j] = max[k](r[2*j+k])
q[m] = sum[j](v[m,j] * p[j])
s[m] = sigmoid(q[m])
z = mean[m](s[m])
"""
_SHAPES = {"x": (32,), "f": (5,), "b": (), "v": (10, 14)}
_LAYERS = {"c": ("convolution", "卷积"), "e": ("bias", "偏置"), "r": ("relu", "relu"),
           "p": ("max pooling", "最大池化"), "q": ("fully connected", "全连接"),
           "s": ("sigmoid", "sigmoid"), "z": ("mean", "平均")}


def blocks() -> tuple[Block, ...]:
    """Operations and storage."""
    return (
        Heading(Words("What each order costs", "两种次序的代价")),
        Prose(Words(
            "Take a chain of $n$ elementary steps, here $n$ squarings. Each accumulation does one "
            "step of derivative work per step of the chain: $O(n)$ operations for *one* direction "
            "of the input, or $O(n)$ for *one* output. The difference is in storage. [[chains]] is "
            "counted on the programs that the engine derives.",
            "取由 $n$ 个基本步骤（此处为 $n$ 次平方）组成的链。两种累积对链的每一步各做一步求导运"
            "算：对输入的*一个*方向为 $O(n)$ 次运算，或对*一个*输出为 $O(n)$ 次运算。区别在于存储。"
            "[[chains]]由引擎推导出的程序统计而得。")),
        Table(("$n$", Words("tangent steps per input", "每个输入的切向量步数"),
               Words("live at once", "同时存活的数值"),
               Words("cotangent steps per output", "每个输出的余切向量步数"),
               Words("values kept", "保存的数值")), _chains, _chains_hold,
              Words("A chain of $n$ squarings: forward accumulation holds two values and two "
                    "tangents at a time, whatever $n$ is; reverse accumulation keeps $n$ values.",
                    "$n$ 次平方组成的链：无论 $n$ 多大，前向累积同时只持有两个数值与两个切向量；反"
                    "向"
                    "累积要保存 $n$ 个数值。"), key="chains"),
        Items((
            Words("All of $J$ for $p$ inputs and $q$ outputs costs $O(np)$ forward or $O(nq)$ in "
                  "reverse. A loss has $q = 1$ and millions of parameters: reverse wins.",
                  "对 $p$ 个输入、$q$ 个输出求整个 $J$，前向累积需 $O(np)$，反向累积需 $O(nq)$。损"
                  "失有 $q = 1$ 而参数数以百万计：反向累积胜出。"),
            Words("Forward accumulation needs no storage along the chain and suits few inputs and "
                  "many outputs, and second derivatives along one direction.",
                  "前向累积沿链无须存储，适合输入少而输出多的情形，以及沿单个方向的二阶导数。"))),
        Prose(Words(
            "Which values must be kept depends on the step. A linear step needs the *other* "
            "factor, a sum or an added bias needs nothing, a relu needs the side on which its "
            "input lay, a maximum needs to know who won, a sigmoid its input or its output. "
            "[[kept]] lists a small network on an input of length $32$, with what its derived "
            "gradient actually reads.",
            "要保存哪些数值取决于步骤本身。线性步骤需要*另一个*因子，求和或加偏置什么也不需要，"
            "relu 需要知道其输入落在哪一侧，最大值需要知道是谁取胜，sigmoid 需要其输入或输出。"
            "[[kept]]列出一个输入长度为 $32$ 的小网络，以及推导出的梯度实际读取的内容。")),
        Table((Words("step", "步骤"), Words("definition", "定义"), Words("elements", "元素个数"),
               Words("read by the gradient", "梯度所读取者")), _kept_rows, _kept_holds,
              Words("The network step by step, and what the gradient with respect to $f$, $b$ and "
                    "$v$ reads.",
                    "逐步列出的网络，以及对 $f$、$b$、$v$ 的梯度读取的内容。"), key="kept"),
        Example(Words(
            "The steps compute $<<all>>$ values. Reverse accumulation reads $<<reals>>$ of them "
            "again, and $<<winners>>$ integers that say which element of each window was the "
            "maximum. Neither $c$ nor $r$ need stay in memory.",
            "各步骤共算出 $<<all>>$ 个数值。反向累积重新读取其中 $<<reals>>$ 个，以及说明每个窗口中"
            "哪个元素最大的 $<<winners>>$ 个整数。$c$ 与 $r$ 都不必留在内存中。"), _totals,
            {"all": 28 * 3 + 14 + 10 * 2 + 1, "reals": 28 + 14 + 10, "winners": 14}),
    )


def _chain(depth: int) -> str:
    steps = [f"y{k}[i] = y{k - 1}[i]*y{k - 1}[i]" for k in range(2, depth + 1)]
    return "; ".join(["x: [N]", "y1[i] = x[i]*x[i]", *steps])


def _adjoints(derivation: Derived) -> tuple[Program, list[Definition]]:
    """The program that was differentiated (with selectors), and the statements added to it."""
    source = next(step.program for step in reversed(derivation.steps)
                  if step.rule in ("definition", "selector"))
    known = {definition.target.name for definition in source.definitions}
    return source, [definition for definition in derivation.result.definitions
                    if definition.target.name not in known]


def _reads(definitions: Iterable[Definition]) -> set[str]:
    """The tensors that definitions read, in bodies and in the rows of their relations."""
    from symconv.rewrite import accesses, row_expressions

    found: set[str] = set()
    for definition in definitions:
        for term in definition.terms:
            found |= {access.tensor for access in accesses(term.body)}
            found |= {element.tensor for row in term.rows
                      for expression in row_expressions(row)
                      for element in expression.elements()}
    return found


def _counts(depth: int) -> tuple[int, int, int, int]:
    """Tangent steps, values and tangents live at once, cotangent steps, values kept."""
    operator = parse(_chain(depth))
    source, tangents = _adjoints(operator.jvp().derived)
    _, cotangents = _adjoints(operator.vjp("x").derived)
    values = {"x", *(definition.target.name for definition in source.definitions)}
    return len(tangents), _peak(source, tangents), len(cotangents), len(_reads(cotangents) & values)


def _peak(source: Program, tangents: Sequence[Definition]) -> int:
    """The most arrays held at a time, if value and tangent of a step are made together and
    whatever no later statement reads is dropped."""
    order = [step for pair in zip(source.definitions, tangents, strict=True)
             for step in pair]
    held, peak = {"x", "tx"}, 0
    for place, definition in enumerate(order):
        held.add(definition.target.name)
        peak = max(peak, len(held))
        held &= _reads(order[place + 1:]) | {order[-1].target.name, order[-2].target.name}
    return peak


def _chains() -> Sequence[Sequence[str]]:
    return [[f"${number}$" for number in (depth, *_counts(depth))] for depth in _DEPTHS]


def _chains_hold() -> bool:
    """n, a constant, n, n; and the derived gradient of the longest but one is right."""
    found = [_counts(depth) for depth in _DEPTHS]
    return (found == [(n, 4, n, n) for n in _DEPTHS]
            and ch.gradient(_chain(4), "x", [1], x=[2]) == [16 * 2 ** 15])


def _network() -> tuple[Program, set[str], dict[str, int]]:
    """The network with selectors, what its gradient reads, and the elements of every value."""
    import math

    from symconv.shapes import bind, logical_shape

    operator = parse(_NETWORK)
    source, cotangents = _adjoints(operator.vjp("f", "b", "v").derived)
    sizes = bind(operator.definition, _SHAPES)
    counts = {definition.target.name: math.prod(logical_shape(definition.target, sizes))
              for definition in source.definitions}
    return source, _reads(cotangents), counts


def _kept_rows() -> Sequence[Sequence[Words | str]]:
    from symconv.report.formula import definition_formula
    from symconv.report.symbols import Notation

    source, read, counts = _network()
    program = parse(_NETWORK).definition
    rows: list[Sequence[Words | str]] = []
    for name, (english, chinese) in _LAYERS.items():
        formula = definition_formula(program.definition(name), Notation.of(program))
        winners = [extra for extra in _winners(source) if name == "p" and extra in read]
        mark = Words("yes", "是") if name in read else Words("no", "否")
        if winners:
            mark = Words(f"{mark.en}, and the winners", f"{mark.zh}，以及取胜的下标")
        rows.append((Words(english, chinese), f"${formula.tex().replace('&', '')}$",
                     f"${counts[name]}$", mark))
    return rows


def _winners(source: Program) -> list[str]:
    return [definition.target.name for definition in source.definitions
            if definition.target.kind == "integer"]


def _kept_holds() -> bool:
    """What must be read, by reasoning about each step; and the gradients are right."""
    source, read, counts = _network()
    small = {"x": (7,), "f": (2,), "b": (), "v": (2, 3)}
    return (read & set(_LAYERS) == {"e", "p", "q"} and len(set(_winners(source)) & read) == 1
            and [counts[name] for name in _LAYERS] == [28, 28, 28, 14, 10, 10, 1]
            and ch.derivative_holds(_NETWORK, "f", small))


def _totals() -> dict[str, object]:
    source, read, counts = _network()
    return {"all": sum(counts[name] for name in _LAYERS),
            "reals": sum(counts[name] for name in _LAYERS if name in read),
            "winners": sum(counts[name] for name in _winners(source) if name in read)}
