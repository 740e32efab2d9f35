"""GoogLeNet: the module of four branches, and the whole network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters.ch11_classic import amounts, shape
from symconv.notes.model import (
    Block,
    Formula,
    Heading,
    Prose,
    Table,
    Words,
)


def blocks() -> tuple[Block, ...]:
    """One module, and all of them."""
    return _googlenet()


def _googlenet() -> tuple[Block, ...]:
    return (
        Heading(Words("GoogLeNet: four branches", "GoogLeNet：四条分支")),
        Prose(Words(
            "An Inception module looks at its input with four kernels at once and joins the "
            "results along the channels. All branches keep height and width, so that they can be "
            "joined; $1 \\times 1$ layers keep the wide kernels affordable.",
            "Inception 模块同时用四种卷积核看输入，再把结果沿通道拼接。各分支都保持高与宽，以便拼接；"
            "$1 \\times 1$ 层使大卷积核的代价可以承受。")),
        Table((Words("branch", "分支"), Words("layers", "层"), Words("output", "输出"),
               Words("parameters", "参数"), Words("multiply-adds", "乘加次数")),
              _branch_rows, _branches_hold,
              Words(r"Module 3a on $192 \times 28 \times 28$. The last line joins the channels: "
                    "$64 + 128 + 32 + 32 = 256$.",
                    r"模块 3a，输入 $192 \times 28 \times 28$。最后一行拼接通道："
                    "$64 + 128 + 32 + 32 = 256$。"), key="inception"),
        Formula(r"y = \operatorname{concat}(a,b): \qquad "
                r"\mathrm{d}a_{c} = \mathrm{d}y_{c}, \qquad \mathrm{d}b_{c} = "
                r"\mathrm{d}y_{\,C_a + c}", _concat_splits, key="concat-gradient"),
        Prose(Words(
            "The gradient of joining is splitting; that of a tensor that feeds four branches is "
            "the sum of what the four return.",
            "拼接的梯度是拆分；供给四条分支的张量的梯度，是四条分支返回的梯度之和。")),
        Table((Words("part", "部分"), Words("output", "输出"), Words("parameters", "参数"),
               Words("multiply-adds", "乘加次数")), _google_rows, _google_holds,
              Words("GoogLeNet without its auxiliary classifiers; pooling between the stages in "
                    "ceil mode.",
                    "不含辅助分类器的 GoogLeNet；各级之间的池化采用向上取整模式。"),
              key="googlenet"),
    )


def _module(number: int) -> tuple[list[Any], tuple[int, ...], list[Any]]:
    """Counts of each branch, the joined shape by the engine, and the counts by hand."""
    from symconv.notes.networks import INCEPTION, branches, by_hand, walk

    _, channels, size, *widths = INCEPTION[number]
    given = (1, channels, size, size)
    paths = branches(*widths)
    rows = [walk(path, given) for path in paths]
    joined = ops.concat(axis=1, count=4).output_shape(
        **{name: row[-1].count.shape for name, row in zip("abcd", rows, strict=True)})["y"]
    return rows, joined, [by_hand(path, given) for path in paths]


def _branch_rows() -> Sequence[Sequence[Words | str]]:
    from symconv.notes.networks import total

    rows, joined, _ = _module(0)
    names: list[Words | str] = [
        r"$1 \times 1$", r"$1 \times 1$, $3 \times 3$", r"$1 \times 1$, $5 \times 5$",
        Words(r"max $3 \times 3$, $1 \times 1$", r"最大 $3 \times 3$，$1 \times 1$")]
    found: list[Sequence[Words | str]] = [
        (f"${number}$", name, shape(row[-1].count.shape), *amounts(*total(row)))
        for number, (name, row) in enumerate(zip(names, rows, strict=True), 1)]
    sums = [sum(part) for part in zip(*map(total, rows), strict=True)]
    return [*found, (Words("joined", "拼接"), "", shape(joined), *amounts(*sums))]


def _branches_hold() -> bool:
    from symconv.notes.networks import total

    rows, joined, hand = _module(0)
    return ([[row.count for row in path] for path in rows] == hand and joined == (1, 256, 28, 28)
            and sum(total(path)[0] for path in rows) == 163_696
            and [path[-1].count.shape[1] for path in rows] == [64, 128, 32, 32])


def _google() -> list[tuple[str, tuple[int, ...], int, int]]:
    from symconv.notes.networks import INCEPTION, STEM, count, dense, pool, total, walk

    stem = walk(STEM, (1, 3, 224, 224))
    found = [("stem", stem[-1].count.shape, *total(stem))]
    for number, (name, channels, size, *_) in enumerate(INCEPTION):
        if found[-1][1][2] != size:
            before = pool("p", 3, 2, ceil=True)
            found.append(("pool", count(before, found[-1][1]).shape, 0, 0))
        if found[-1][1] != (1, channels, size, size):
            return []
        rows, joined, _ = _module(number)
        sums = [sum(part) for part in zip(*map(total, rows), strict=True)]
        found.append((name, joined, sums[0], sums[1]))
    shape_ = ops.global_avg_pool().output_shape(x=found[-1][1])["y"]
    head = count(dense("f", 1000), shape_)
    return [*found, ("head", head.shape, head.parameters, head.operations)]


def _google_rows() -> Sequence[Sequence[Words | str]]:
    names = {"stem": Words("stem", "起始部分"), "pool": Words("max, $s=2$", "最大，$s=2$"),
             "head": Words("mean, fully connected", "平均，全连接")}
    rows = _google()
    found: list[Sequence[Words | str]] = [
        (names.get(name, name), shape(extents), *amounts(parameters, operations))
        for name, extents, parameters, operations in rows]
    return [*found, (Words("total", "合计"), "", *amounts(sum(row[2] for row in rows),
                                                         sum(row[3] for row in rows)))]


def _google_holds() -> bool:
    """The published number of parameters; shapes chain; work by the formulas."""
    from symconv.notes.networks import INCEPTION, STEM, branches, by_hand

    rows = _google()
    hand = [sum(count.operations for count in by_hand(STEM, (1, 3, 224, 224)))]
    for _, channels, size, *widths in INCEPTION:
        hand.append(sum(count.operations for path in branches(*widths)
                        for count in by_hand(path, (1, channels, size, size))))
    return (sum(row[2] for row in rows) == 6_998_552 and rows[-2][1] == (1, 1024, 7, 7)
            and sum(row[3] for row in rows) == sum(hand) + 1024 * 1000)


def _concat_splits() -> bool:
    dy = [[1, -2, 3, 4, 5]]
    found = [ch.gradient(ops.concat(axis=1, count=2), name, dy, a=[[7, 8]], b=[[9, 1, 2]])
             for name in "ab"]
    return found == [[[1, -2]], [[3, 4, 5]]]
