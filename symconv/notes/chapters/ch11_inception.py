"""GoogLeNet: the module of four branches, and the whole network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters.ch11_tables import (
    amounts,
    followed_back,
    line,
    shape,
    total_line,
)
from symconv.notes.counting import Count
from symconv.notes.model import Block, Formula, Heading, Prose, Table, Words
from symconv.notes.networks import (
    INCEPTION,
    STEM,
    Layer,
    Row,
    branches,
    by_hand,
    dense,
    pool,
    total,
    walk,
)

_BETWEEN = pool("p", 3, 2, ceil=True)
_FOLLOWED = ("3b", "4a", "4e", "5b")


def blocks() -> tuple[Block, ...]:
    """One module, and all of them."""
    return (
        Heading(Words("GoogLeNet: four branches", "GoogLeNet：四条分支")),
        Prose(Words(
            "An Inception module looks at its input with four kernels at once and joins the "
            "results along the channels. All branches keep height and width, so that they can be "
            "joined; $1 \\times 1$ layers keep the wide kernels affordable.",
            "Inception 模块同时用四种卷积核看输入，再把结果沿通道拼接。各分支都保持高与宽，以便拼接；"
            "$1 \\times 1$ 层使大卷积核的代价可以承受。")),
        Table((Words("branch", "分支"), Words("layers", "层"), Words("output", "输出"),
               Words("parameters", "参数"), Words("multiply-adds", "乘加次数"),
               Words("field", "感受野")), _branch_rows, _branches_hold,
              Words(r"Module 3a on $192 \times 28 \times 28$. The last line joins the channels: "
                    "$64 + 128 + 32 + 32 = 256$. Fields are counted in pixels of the picture.",
                    r"模块 3a，输入 $192 \times 28 \times 28$。最后一行拼接通道："
                    "$64 + 128 + 32 + 32 = 256$。感受野以图像的像素计。"), key="inception"),
        Formula(r"y = \operatorname{concat}(a,b): \qquad "
                r"\mathrm{d}a_{c} = \mathrm{d}y_{c}, \qquad \mathrm{d}b_{c} = "
                r"\mathrm{d}y_{\,C_a + c}", _concat_splits, key="concat-gradient"),
        Prose(Words(
            "The gradient of joining is splitting; that of a tensor that feeds four branches is "
            "the sum of what the four return.",
            "拼接的梯度是拆分；供给四条分支的张量的梯度，是四条分支返回的梯度之和。")),
        Table((Words("part", "部分"), Words("output", "输出"), Words("parameters", "参数"),
               Words("multiply-adds", "乘加次数"), Words("field", "感受野")), _google_rows, _google_holds,
              Words("GoogLeNet without its auxiliary classifiers; pooling between the stages in "
                    "ceil mode. The field is that of the $5 \\times 5$ branches; where it exceeds "
                    "the $224$ pixels of the picture, padding is part of it.",
                    "不含辅助分类器的 GoogLeNet；各级之间的池化采用向上取整模式。感受野取 $5 \\times 5$ "
                    "分支的；超出图像的 $224$ 个像素时，其中包含填充。"),
              key="googlenet"),
    )


def _module(number: int, before: Row) -> tuple[list[list[Row]], tuple[int, ...]]:
    """The rows of each branch of a module behind a layer, and the joined shape."""
    _, channels, size, *widths = INCEPTION[number]
    given = (1, channels, size, size)
    rows = [walk(path, given, before.field, before.jump) for path in branches(*widths)]
    joined = ops.concat(axis=1, count=4).output_shape(
        **{name: row[-1].count.shape for name, row in zip("abcd", rows, strict=True)})["y"]
    return rows, joined


def _stem() -> list[Row]:
    return walk(STEM, (1, 3, 224, 224))


def _branch_rows() -> Sequence[Sequence[Words | str]]:
    rows, joined = _module(0, _stem()[-1])
    names: list[Words | str] = [
        r"$1 \times 1$", r"$1 \times 1$, $3 \times 3$", r"$1 \times 1$, $5 \times 5$",
        Words(r"max $3 \times 3$, $1 \times 1$", r"最大 $3 \times 3$，$1 \times 1$")]
    found: list[Sequence[Words | str]] = [
        (f"${number}$", name, shape(row[-1].count.shape), *amounts(*total(row), row[-1].field))
        for number, (name, row) in enumerate(zip(names, rows, strict=True), 1)]
    sums = [sum(part) for part in zip(*map(total, rows), strict=True)]
    return [*found, (Words("joined", "拼接"), "", shape(joined),
                     *amounts(*sums, max(row[-1].field for row in rows)))]


def _branches_hold() -> bool:
    """Counts by the formulas; fields by following the relations from module to picture."""
    rows, joined = _module(0, _stem()[-1])
    _, channels, size, *widths = INCEPTION[0]
    paths = branches(*widths)
    hand = [by_hand(path, (1, channels, size, size)) for path in paths]
    followed = [followed_back([*STEM, *path], 224) for path in paths]
    return ([[row.count for row in path] for path in rows] == hand and joined == (1, 256, 28, 28)
            and sum(total(path)[0] for path in rows) == 163_696
            and [path[-1].count.shape[1] for path in rows] == [64, 128, 32, 32]
            and [path[-1].field for path in rows] == followed)


def _google() -> list[tuple[str, Row]]:
    """The parts of the network, each with its cost and field."""
    stem = _stem()
    found = [("stem", replace(stem[-1], count=Count(stem[-1].count.shape, *total(stem))))]
    for number, (name, channels, size, *_) in enumerate(INCEPTION):
        before = found[-1][1]
        if before.count.shape[2] != size:
            (before,) = walk([_BETWEEN], before.count.shape, before.field, before.jump)
            found.append(("pool", before))
        if before.count.shape != (1, channels, size, size):
            return []
        rows, joined = _module(number, before)
        parameters, operations = (sum(part) for part in zip(*map(total, rows), strict=True))
        found.append((name, replace(before, count=Count(joined, parameters, operations),
                                    field=max(row[-1].field for row in rows))))
    last = found[-1][1].count.shape
    mean, head = walk([Layer("g", "mean"), dense("f", 1000)], last)
    return [*found, ("head", replace(head, count=Count(head.count.shape, *total([mean, head]))))]


def _google_rows() -> Sequence[Sequence[Words | str]]:
    names = {"stem": Words("stem", "起始部分"), "pool": Words("max, $s=2$", "最大，$s=2$"),
             "head": Words("mean, fully connected", "平均，全连接")}
    parts = _google()
    found: list[Sequence[Words | str]] = [(names.get(name, name), *line(row)[1:])
                                          for name, row in parts]
    return [*found, total_line([row for _, row in parts])]


def _google_holds() -> bool:
    """The published number of parameters; shapes chain; work by the formulas; fields by
    following the relations of the widest path through a picture that is large enough."""
    parts = dict(_google())
    hand = [sum(count.operations for count in by_hand(STEM, (1, 3, 224, 224)))]
    path, size = list(STEM), 28
    for name, channels, extent, *widths in INCEPTION:
        paths = branches(*widths)
        hand.append(sum(count.operations for layers in paths
                        for count in by_hand(layers, (1, channels, extent, extent))))
        path += [*([_BETWEEN] if extent != size else []), *paths[2]]
        size = extent
        if name in _FOLLOWED and followed_back(path, 1000) != parts[name].field:
            return False
    parameters, operations = total([row for _, row in _google()])
    return (parameters == 6_998_552 and parts["5b"].count.shape == (1, 1024, 7, 7)
            and operations == sum(hand) + 1024 * 1000)


def _concat_splits() -> bool:
    dy = [[1, -2, 3, 4, 5]]
    found = [ch.gradient(ops.concat(axis=1, count=2), name, dy, a=[[7, 8]], b=[[9, 1, 2]])
             for name in "ab"]
    return found == [[[1, -2]], [[3, 4, 5]]]
