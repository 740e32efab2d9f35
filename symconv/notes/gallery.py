"""Figures that bring their captions and checks, for chapters to put in their places."""

from __future__ import annotations

from symconv import ops
from symconv.notes.model import Figure, Words
from symconv.notes.pictures import matrices, windows
from symconv.notes.pictures.windows import Plane


def pattern() -> Figure:
    """The sparsity pattern of a strided, padded convolution."""
    def holds() -> bool:
        points = Plane(9, 3, 2, 1, 1).points()
        matrix = ops.conv2d(stride=2, padding=1, bias=False).jacobian("x").matrix(
            x=(1, 1, 9, 9), w=(1, 1, 3, 3))
        return sum(matrices.columns_of(matrix)) == len({
            (point.output, point.reads["x"]) for point in points})

    return Figure(
        "pattern", lambda _: matrices.pattern(ops.conv2d(
            stride=2, padding=1, bias=False).jacobian("x").matrix(
                x=(1, 1, 9, 9), w=(1, 1, 3, 3)), "y", "x"),
        Words("Which entries of a Jacobian can be nonzero: a $3\\times 3$ kernel with stride 2 and "
              "padding 1 on a $9\\times 9$ input. Rows near the border are shorter.",
              "雅可比矩阵中可能非零的元素：$3\\times 3$ 卷积核，步幅为 2，填充为 1，"
              "输入为 $9\\times 9$。靠近边界的行较短。"), holds, key="fig-pattern")


def stepping(name: str, plane: Plane, caption: Words, positions: tuple[tuple[int, int], ...],
             key: str = "") -> Figure:
    """A window that steps over a plane; on paper, some positions of it."""
    def holds() -> bool:
        found = {(point.output[-2:], point.reads["x"][-2:], point.reads["w"][-2:])
                 for point in plane.points()}
        count, size = plane.outputs(), plane.size
        wide, narrow = (count, size) if plane.transposed else (size, count)
        wanted = set()
        for i in range(narrow):
            for j in range(narrow):
                for a in range(plane.kernel):
                    for e in range(plane.kernel):
                        u = plane.stride * i + plane.dilation * a - plane.padding
                        v = plane.stride * j + plane.dilation * e - plane.padding
                        if 0 <= u < wide and 0 <= v < wide:
                            pair = ((u, v), (i, j)) if plane.transposed else ((i, j), (u, v))
                            wanted.add((*pair, (a, e)))
        return found == wanted

    return Figure(name, lambda _: windows.still(plane, positions), caption, holds,
                  moving=lambda lang: windows.stepping(plane, caption.get(lang)), key=key)


def dilated() -> Figure:
    """Dilation 2."""
    return stepping("dilated", Plane(7, 3, dilation=2), Words(
        "A $3\\times 3$ kernel with dilation 2 reads nine elements of a $5\\times 5$ window.",
        "膨胀为 2 的 $3\\times 3$ 卷积核，从 $5\\times 5$ 的窗口中读取九个元素。"),
        ((0, 0), (1, 2)), "fig-dilated")


def transposed() -> Figure:
    """The transposed convolution of stride 2 and padding 1."""
    return stepping("transposed", Plane(3, 3, stride=2, padding=1, transposed=True), Words(
        "A transposed convolution with stride 2 and padding 1: one input flows to the outputs "
        "that the same relation joins to it. What would fall outside is dropped.",
        "转置卷积，步幅为 2，填充为 1：一个输入流向同一关系中与之相连的各输出；"
        "落在外面的部分被舍去。"), ((0, 0), (1, 2)), "fig-transposed")
