"""Cross-correlation, the flip lemma, and the origin of the index."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters.ch04_discrete import LEFT, RIGHT
from symconv.notes.model import (
    Block,
    Example,
    Formula,
    Heading,
    Items,
    Prose,
    Words,
)


def blocks() -> tuple[Block, ...]:
    """Without turning the kernel round."""
    return (*_correlation(), *_origin())


def _correlation() -> tuple[Block, ...]:
    return (
        Heading(Words("Cross-correlation and the flip lemma", "互相关与翻转引理")),
        Prose(Words(
            "Layers of networks slide the kernel *without* turning it round: the two indices "
            "differ by the index of the result. This is the **cross-correlation**",
            "网络中的层滑动卷积核时*不*把它翻转：两个下标之差是结果的下标。这就是**互相关**")),
        Formula(r"(x \star w)_i = \sum_{a=0}^{K-1} x_{i+a}\, w_a", _is_correlation,
                key="cross-correlation"),
        Prose(Words(
            "here at all $i$ for which the window lies inside. With $a$ replaced by $K-1-a$ the "
            "sum becomes a convolution. The **flip lemma**: cross-correlation with $w$ is "
            r"convolution with the reversed kernel $\tilde w_a = w_{K-1-a}$, read $K-1$ places "
            "later:",
            "其中 $i$ 取遍使窗口完全落在序列内的值。把 $a$ 换成 $K-1-a$，此和就成为卷积。这就是"
            r"**翻转引理**：与 $w$ 的互相关等于与翻转后的卷积核 $\tilde w_a = w_{K-1-a}$ 的卷积，只"
            r"是向后"
            "读 $K-1$ 位：")),
        Formula(r"(x \star w)_i = (x * \tilde w)_{i+K-1}", _flip_lemma, key="flip-lemma"),
        Example(Words(
            r"For $x = (1,2,3,4)$ and $w = (1,2,3)$: $x \star w = <<inside>>$ where the window "
            r"lies "
            "inside, $<<full>>$ with all partial windows; the convolution $x * w$ has $<<true>>$ "
            "at the inner places.",
            r"对 $x = (1,2,3,4)$ 与 $w = (1,2,3)$：窗口完全在内时 $x \star w = <<inside>>$，包括全"
            r"部部分"
            "重叠的窗口时为 $<<full>>$；而卷积 $x * w$ 在内部位置的值为 $<<true>>$。"),
            _correlated, {"inside": [14, 20], "full": [3, 8, 14, 20, 11, 4], "true": [10, 16]}),
        Items((
            Words("Cross-correlation is not commutative: exchanging the operands reverses the "
                  r"result, $w \star x = \widetilde{x \star w}$ over all windows.",
                  "互相关不满足交换律：交换两个操作数使结果翻转，对全部窗口有 "
                  r"$w \star x = \widetilde{x \star w}$。"),
            Words("A learned kernel does not care: training a convolution finds the reverse of "
                  "what training a cross-correlation finds, and the outputs are the same. "
                  "Deep learning says *convolution* for both, and so do these notes where "
                  "nothing depends on it.",
                  "对学习得到的卷积核而言无所谓：训练卷积所得的核是训练互相关所得的核的翻转，输出完"
                  "全相同。深度学习把二者都称为*卷积*，在没有影响之处，本讲义也这样称呼。"))),
    )


def _origin() -> tuple[Block, ...]:
    return (
        Heading(Words("Moving the origin of the index", "移动下标的原点")),
        Prose(Words(
            "Counting from $1$ instead of $0$, or placing a kernel symmetrically around $0$, seems "
            "to change the formula. Let $a$ live on the indices from $p$ on and $b$ from $q$ on. "
            "Indices add, so $a * b$ lives from $p+q$ on. Writing $(S^p a)_i = a_{i-p}$ for the "
            "shifted sequence:",
            "从 $1$ 而不是从 $0$ 开始计数，或把卷积核对称地放在 $0$ 的两侧，似乎会改变公式。设 $a$ "
            "的下标从 $p$ 开始，$b$ 从 $q$ 开始。下标相加，所以 $a * b$ 的下标从 $p+q$ 开始。记平移"
            "后的序列为 $(S^p a)_i = a_{i-p}$，则")),
        Formula(r"(S^p a) * (S^q b) = S^{p+q}\,(a * b)", _shifts_add, key="shift-lemma"),
        Prose(Words(
            "The values are the same and there are just as many of them: the result is shifted and "
            "not lengthened. A kernel on $-1, 0, 1$ in place of $0, 1, 2$ moves the output by one "
            "place. That is what a padding of $1$ does in a layer of kernel size $3$.",
            "数值相同，个数也相同：结果只是平移，并没有变长。把卷积核放在 $-1, 0, 1$ 而不是 "
            "$0, 1, 2$ 上，输出就移动一位。在卷积核大小为 $3$ 的层中，大小为 $1$ 的填充所做的正是"
            "这件事。")),
        Example(Words(
            "With $a$ starting at $1$ and $b$ at $-1$, the product $(1,2,3,4) * (1,2,3)$ starts at "
            "$<<start>>$, and its values are $<<y>>$ as before; its length is $<<length>>$.",
            "若 $a$ 从 $1$ 开始而 $b$ 从 $-1$ 开始，则 $(1,2,3,4) * (1,2,3)$ 从 $<<start>>$ 开始，"
            "其值仍为 $<<y>>$，长度为 $<<length>>$。"), _shifted_example,
            {"start": 0, "y": [1, 4, 10, 16, 17, 12], "length": 6}),
    )


def _is_correlation() -> bool:
    """The layer of the catalogue, and SciPy's correlate, are this sum."""
    text = "x: [H]; w: [K]; i < H - K + 1; y[i] = sum[a](x[i+a] * w[a])"
    draw = random.Random("correlation")
    for _ in range(ch.TRIALS):
        x, w = ([draw.randint(-9, 9) for _ in range(count)] for count in (7, 3))
        by_hand = [sum(x[i + a] * w[a] for a in range(3)) for i in range(5)]
        layer = ch.run(ops.conv1d(bias=False), x=[[x]], w=[[w]])[0][0]
        if not ch.same(by_hand, layer) or not ch.same(by_hand, ch.run(text, x=x, w=w)):
            return False
        if not ch.same(by_hand, ch.run(ops.correlate(mode="valid"), a=x, b=w)):
            return False
    return True


def _flip_lemma() -> bool:
    draw = random.Random("flip")
    for kernel in (1, 2, 3, 4):
        x, w = ([draw.randint(-9, 9) for _ in range(count)] for count in (7, kernel))
        correlated = ch.run(ops.conv1d(bias=False), x=[[x]], w=[[w]])[0][0]
        convolved = ch.run(ops.convolve(), a=x, b=w[::-1])
        if not ch.same(correlated, convolved[kernel - 1:7]):
            return False
        # exchanged operands reverse the full result
        one, other = (ch.run(ops.correlate(), a=left, b=right)
                      for left, right in ((x, w), (w, x)))
        if not ch.same(one, other[::-1]):
            return False
    return True


def _correlated() -> dict[str, object]:
    return {"inside": ch.run(ops.conv1d(bias=False), x=[[LEFT]], w=[[RIGHT]])[0][0],
            "full": ch.run(ops.correlate(), a=LEFT, b=RIGHT),
            "true": ch.run(ops.convolve(mode="valid"), a=LEFT, b=RIGHT)}


def _placed(values: Sequence[Any], start: int) -> dict[int, Any]:
    return {start + place: value for place, value in enumerate(values)}


def _convolved(a: Mapping[int, Any], b: Mapping[int, Any]) -> dict[int, Any]:
    """Sequences with any origin: indices add."""
    found: dict[int, Any] = {}
    for k, left in a.items():
        for place, right in b.items():
            found[k + place] = found.get(k + place, 0) + left * right
    return dict(sorted(found.items()))


def _shifts_add() -> bool:
    """Against the engine's convolution, with origins at random places, negative ones included."""
    draw = random.Random("origin")
    for _ in range(5):
        a, b = ([draw.randint(1, 9) for _ in range(count)] for count in (5, 3))
        p, q = draw.randint(-4, 4), draw.randint(-4, 4)
        engine = _placed(ch.run(ops.convolve(), a=a, b=b), p + q)
        if _convolved(_placed(a, p), _placed(b, q)) != engine:
            return False
    return True


def _shifted_example() -> dict[str, object]:
    found = _convolved(_placed(LEFT, 1), _placed(RIGHT, -1))
    return {"start": min(found), "y": list(found.values()), "length": len(found)}
