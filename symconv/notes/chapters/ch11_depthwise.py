"""MobileNet's depthwise block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters.ch11_tables import (
    HEADER,
    amounts,
    followed_back,
    line,
    percent,
    shape,
)
from symconv.notes.model import Block, Example, Formula, Heading, Identity, Prose, Table, Words
from symconv.notes.networks import Row, conv, total, walk

_INPUT = (1, 512, 14, 14)
_PLAIN = conv("c", 512, 3, 1, 1, bias=False)
_BOTH = (conv("d", 512, 3, 1, 1, groups=512, bias=False), conv("p", 512, 1, bias=False))


def blocks() -> tuple[Block, ...]:
    """A convolution per channel, then one per pixel."""
    return (
        Heading(Words("MobileNet's depthwise block", "MobileNet 的逐通道块")),
        Prose(Words(
            "A convolution mixes pixels and channels at the same time. MobileNet does one after "
            "the other: a depthwise convolution ([[6]], as many groups as channels) and then a "
            "$1 \\times 1$ convolution. For $C$ inputs, $O$ outputs and kernel size $k$ the ratio "
            "of the costs is",
            "卷积同时混合像素与通道。MobileNet 先后进行：先是逐通道卷积（[[6]]，分组数等于通道数），再是 "
            "$1 \\times 1$ 卷积。设 $C$ 个输入、$O$ 个输出、卷积核大小 $k$，代价之比为")),
        Identity(lambda: _ratio(), key="depthwise-ratio", check=lambda: _ratio_holds()),
        Table(HEADER, _rows, _holds,
              Words("A plain layer $c$ from $512$ to $512$ channels on $14 \\times 14$ pixels, and "
                    "in its place a depthwise layer $d$ and a $1 \\times 1$ layer $p$; without "
                    "biases.",
                    "$14 \\times 14$ 像素上从 $512$ 到 $512$ 个通道的普通层 $c$，以及代替它的逐通道层 $d$ 与 "
                    "$1 \\times 1$ 层 $p$；均无偏置。"), key="mobilenet"),
        Example(Words(
            "The two steps need $<<rest>>$ of the weights of the plain layer, and $<<point>>$ of "
            "these are in the $1 \\times 1$ layer; so it is with the multiply-adds.",
            "这两步的权重只有普通层的 $<<rest>>$，其中 $<<point>>$ 在 $1 \\times 1$ 层中；乘加次数也是如此。"),
            _shares, {"rest": r"11.3\,\%", "point": r"98.3\,\%"}),
        Prose(Words(
            "The two steps are a restriction: their composition is a full kernel of the form "
            "$w_{ocae} = p_{oc}\\, q_{cae}$, in which all outputs share the spatial pattern of an "
            "input channel up to a factor.",
            "这两步是一种限制：它们的复合是形如 "
            "$w_{ocae} = p_{oc}\\, q_{cae}$ 的完整卷积核，其中各输出共用同一输入通道的空间模式，只差一个"
            "因子。")),
        Formula(r"\sum_c p_{oc} \sum_{a,e} q_{cae}\, x_{c,i+a,j+e} = "
                r"\sum_{c,a,e} (p_{oc}\, q_{cae})\, x_{c,i+a,j+e}", _separable, key="separable"),
    )


def _ratio() -> tuple[Any, Any]:
    import sympy

    c, o, k = sympy.symbols("C O k", positive=True)
    return (c * k ** 2 + c * o) / (c * o * k ** 2), 1 / o + 1 / k ** 2


def _layers() -> tuple[Row, list[Row]]:
    """The plain layer, and the two in its place."""
    return walk([_PLAIN], _INPUT)[0], walk(_BOTH, _INPUT)


def _ratio_holds() -> bool:
    """The ratio of the engine's counts is the printed one, for the layers of the table."""
    from fractions import Fraction

    plain, both = _layers()
    expected = Fraction(1, 512) + Fraction(1, 9)
    return all(Fraction(part, whole) == expected
               for part, whole in zip(total(both), total([plain]), strict=True))


def _shares() -> dict[str, object]:
    """Of the weights; {} where the multiply-adds have other shares."""
    plain, both = _layers()
    found = [{"rest": percent(whole, one), "point": percent(point, whole)}
             for one, whole, point in zip(total([plain]), total(both), total(both[1:]),
                                          strict=True)]
    return dict(found[0]) if found[0] == found[1] else {}


def _rows() -> Sequence[Sequence[Words | str]]:
    plain, both = _layers()
    return [line(plain), *map(line, both),
            (Words("d and p", "d 与 p 合计"), shape(both[-1].count.shape),
             *amounts(*total(both), both[-1].field))]


def _holds() -> bool:
    """Counts by the formulas, and fields by following the relations."""
    plain, both = _layers()
    found = [(row.count.parameters, row.count.operations, row.field) for row in (plain, *both)]
    return (found == [(512 ** 2 * 9, 512 ** 2 * 9 * 196, 3), (512 * 9, 512 * 9 * 196, 3),
                      (512 ** 2, 512 ** 2 * 196, 3)]
            and {row.count.shape for row in (plain, *both)} == {_INPUT}
            and followed_back([_PLAIN], 14) == followed_back(_BOTH, 14) == 3)


def _separable() -> bool:
    import random


    draw = random.Random("separable")

    x, q, p = ch.drawn(draw, 1, 3, 4, 5), ch.drawn(draw, 3, 1, 2, 2), ch.drawn(draw, 4, 3)
    steps = ops.conv2d(groups=3, bias=False, name="d") >> ops.conv1x1(bias=False, name="p")
    whole = p[:, :, None, None] * q[:, 0][None]
    return ch.same(ch.run(steps, x=x, d_w=q, p_w=p), ch.run(ops.conv2d(bias=False), x=x, w=whole))
