"""Transposed convolution: sizes, output_padding, overlap, weight layouts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Example,
    Formula,
    Heading,
    Items,
    Prose,
    Table,
    Words,
)


def blocks() -> tuple[Block, ...]:
    """Sizes, overlap, layouts."""
    return (*_sizes(), *_overlap(), *_layouts())


def _sizes() -> tuple[Block, ...]:
    return (
        Heading(Words("Sizes, and output padding", "大小与输出填充")),
        Prose(Words(
            "A convolution of stride $s$ takes several input sizes to one output size: the floor "
            "forgets a remainder. Going back, the smallest of them is",
            "步幅为 $s$ 的卷积把若干个输入大小变为同一个输出大小：取整丢掉了余数。反过来，其中最小的"
            "一个是")),
        Formula(r"H = s\,(H_o - 1) + d\,(k-1) + 1 - 2p,", _smallest, key="transposed-size"),
        Prose(Words(
            "and the others are the $s-1$ sizes above it. The parameter *output padding* "
            "$q$ picks one of these $s$ sizes; it says which input the convolution is imagined to "
            "have had:",
            "其余的是紧接其上的 $s-1$ 个大小。参数*输出填充* $q$ 从这 $s$ 个大小中选定一个；它说明设想中的"
            "卷积原先有怎样的输入：")),
        Formula(Words(
                    r"\left\lfloor \frac{H + q + 2p - d(k-1) - 1}{s} \right\rfloor + 1 = H_o "
                    r"\iff 0 \le q < s \qquad (H \text{ as above})",
                    r"\left\lfloor \frac{H + q + 2p - d(k-1) - 1}{s} \right\rfloor + 1 = H_o "
                    r"\iff 0 \le q < s \qquad (H \text{ 如上式})"),
                _preimages, key="s-preimages"),
        Table((Words("$q$", "$q$"), Words("size $H + q$", "大小 $H + q$"),
               Words("size after the convolution", "卷积之后的大小")), _size_rows, _sizes_hold,
              Words("Stride $3$, kernel size $3$, padding $1$, four inputs: three sizes lead back "
                    "to $4$, the next one does not.",
                    "步幅 $3$，卷积核大小 $3$，填充 $1$，四个输入：有三个大小变回 $4$，再下一个则不是。"),
              key="output-padding"),
        Prose(Words(
            "Output padding is *not* padding with zeros. It lengthens the output on one side, and "
            "the new places are computed like all others. Libraries allow $q$ below the larger of "
            "stride and dilation; from $s$ on, the convolution of the longer result has more "
            "outputs than the input had, but the relation, and so the value, is still defined.",
            "输出填充*不是*补上零。它把输出在一侧加长，新增的位置与其他位置一样计算。各框架允许 $q$ 小于"
            "步幅与膨胀中的较大者；当 $q$ 达到 $s$ 时，对加长的结果做卷积会得到比原输入更多的输出，但关系"
            "仍有定义，因而数值也有定义。")),
        Example(Words(
            "Input $(1,1)$, kernel $(1,2,3)$, stride $2$, padding $1$: without output padding "
            "$<<plain>>$, with $q = 1$ it is $<<longer>>$. The new entry is $3$ and not $0$: it is "
            "what padding $1$ had cut off. With no padding at all the result is $<<full>>$.",
            "输入 $(1,1)$，卷积核 $(1,2,3)$，步幅 $2$，填充 $1$：不用输出填充得 $<<plain>>$，$q = 1$ 得 "
            "$<<longer>>$。新增的一项是 $3$ 而不是 $0$：它原是被填充 $1$ 切掉的。完全不填充则得 "
            "$<<full>>$。"), _longer,
            {"plain": [2, 4, 2], "longer": [2, 4, 2, 3], "full": [1, 2, 4, 2, 3]}),
        Prose(Words(
            "The example shows as well what padding means here: it *removes* $p$ places at either "
            "end of the result. That is the adjoint of adding them.",
            "这个例子同时说明了填充在这里的含义：它在结果的两端各*去掉* $p$ 个位置。这正是补上它们的"
            "伴随。")),
    )


def _overlap() -> tuple[Block, ...]:
    return (
        Heading(Words("Overlap accumulates", "重叠处累加")),
        Prose(Words(
            "How many products an output receives depends on its residue class. Where the kernel "
            "size is not a multiple of the stride the classes differ, which shows as a pattern of "
            "stripes, in two dimensions as a *checkerboard*.",
            "一个输出得到多少个乘积，取决于它所属的同余类。若卷积核大小不是步幅的倍数，各类就不相同，"
            "表现为条纹，在二维中就是*棋盘*状花纹。")),
        Example(Words(
            "Four ones, a kernel of ones, stride $2$: kernel size $3$ gives $<<three>>$, kernel "
            "size $4$ gives $<<four>>$, even away from the ends.",
            "四个一，全一的卷积核，步幅 $2$：卷积核大小为 $3$ 得 $<<three>>$；大小为 $4$ 得 $<<four>>$，"
            "除两端外是均匀的。"), lambda: {"three": _ones(3), "four": _ones(4)},
            {"three": [1, 1, 2, 1, 2, 1, 2, 1, 1], "four": [1, 1, 2, 2, 2, 2, 2, 2, 1, 1]}),
        Example(Words(
            "Some weights are old acquaintances. The kernel $(\\tfrac12, 1, \\tfrac12)$ with stride "
            "$2$ and padding $1$ takes $(1,3,7)$ to $<<linear>>$: linear interpolation. The kernel "
            "$(1,1)$ with stride $2$ gives $<<nearest>>$: every value twice.",
            "有些权重是老相识。卷积核 $(\\tfrac12, 1, \\tfrac12)$、步幅 $2$、填充 $1$ 把 $(1,3,7)$ 变为 "
            "$<<linear>>$：线性插值。卷积核 $(1,1)$、步幅 $2$ 给出 $<<nearest>>$：每个值重复两次。"),
            _interpolated, {"linear": [1, 2, 3, 5, 7], "nearest": [1, 1, 3, 3, 7, 7]}),
    )


def _layouts() -> tuple[Block, ...]:
    return (
        Heading(Words("Whose channels come first", "谁的通道在前")),
        Prose(Words(
            "A convolution from $A$ to $B$ channels keeps its weights as $(B, A, k_h, k_w)$, "
            "outputs first. Its transpose maps $B$ channels to $A$ and uses *the same* array. "
            "Read as a layer of its own, that array has the *inputs* first:",
            "从 $A$ 个通道到 $B$ 个通道的卷积以 $(B, A, k_h, k_w)$ 存放权重，输出在前。其转置把 $B$ 个"
            "通道变为 $A$ 个，使用的是*同一个*数组。把它当作独立的层来看，这个数组的*输入*在前：")),
        Table((Words("layer", "层"), Words("input", "输入"), Words("weights", "权重"),
               Words("output", "输出")), _layout_rows, _layouts_hold,
              Words("One array of weights $w$, read by a convolution and by its transpose; with "
                    "two groups in the lower half.",
                    "同一个权重数组 $w$，分别由卷积与其转置读取；下半部分为两个分组。"),
              key="weight-layouts"),
        Items((
            Words("With $g$ groups the transposed layer keeps $(C, O/g, k_h, k_w)$, the "
                  "convolution $(O, C/g, k_h, k_w)$.",
                  "有 $g$ 个分组时，转置层存放 $(C, O/g, k_h, k_w)$，卷积存放 $(O, C/g, k_h, k_w)$。"),
            Words("The bias of the transposed layer has one entry per *output* channel, as always; "
                  "it is no part of the transpose, which is linear.",
                  "转置层的偏置照例是每个*输出*通道一项；它不属于转置本身，转置是线性的。"))),
    )


def _outputs(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    shape = ops.conv1d(stride=stride, padding=padding, dilation=dilation, bias=False).output_shape(
        x=(1, 1, size), w=(1, 1, kernel))
    return shape["y"][2]


def _back(size: int, kernel: int, stride: int, padding: int, dilation: int, extra: int = 0) -> int:
    shape = ops.conv_transpose1d(stride=stride, padding=padding, dilation=dilation, bias=False,
                                 output_padding=extra).output_shape(
        x=(1, 1, size), w=(1, 1, kernel))
    return shape["y"][2]


_GRID = ((3, 1, 0, 1), (3, 2, 1, 1), (4, 2, 1, 1), (3, 3, 1, 2), (2, 3, 0, 1), (3, 4, 0, 2))


def _smallest() -> bool:
    """The engine's transposed size; the convolution maps it to H_o and nothing smaller."""
    for kernel, stride, padding, dilation in _GRID:
        for out in (2, 5):
            size = stride * (out - 1) + dilation * (kernel - 1) + 1 - 2 * padding
            if _back(out, kernel, stride, padding, dilation) != size:
                return False
            if _outputs(size, kernel, stride, padding, dilation) != out:
                return False
            if _outputs(size - 1, kernel, stride, padding, dilation) == out:
                return False
    return True


def _preimages() -> bool:
    """Both directions, for q from -1 to s + 1, by the engine's own sizes."""
    for kernel, stride, padding, dilation in _GRID:
        size = _back(4, kernel, stride, padding, dilation)
        for extra in range(-1, stride + 2):
            leads_back = _outputs(size + extra, kernel, stride, padding, dilation) == 4
            if leads_back is not (0 <= extra < stride):
                return False
        if any(_back(4, kernel, stride, padding, dilation, extra) != size + extra
               for extra in range(stride)):
            return False
    return True


def _size_numbers() -> list[tuple[int, int, int]]:
    size = _back(4, 3, 3, 1, 1)
    return [(q, size + q, _outputs(size + q, 3, 3, 1, 1)) for q in range(4)]


def _size_rows() -> Sequence[Sequence[str]]:
    return [tuple(f"${number}$" for number in row) for row in _size_numbers()]


def _sizes_hold() -> bool:
    return _size_numbers() == [(0, 10, 4), (1, 11, 4), (2, 12, 4), (3, 13, 5)]


def _longer() -> dict[str, object]:
    x, w = [[[1, 1]]], [[[1, 2, 3]]]
    layers = {"plain": ops.conv_transpose1d(stride=2, padding=1, bias=False),
              "longer": ops.conv_transpose1d(stride=2, padding=1, output_padding=1, bias=False),
              "full": ops.conv_transpose1d(stride=2, bias=False)}
    return {name: ch.run(layer, x=x, w=w)[0][0] for name, layer in layers.items()}


def _ones(kernel: int) -> list[int]:
    found: list[int] = ch.run(ops.conv_transpose1d(stride=2, bias=False), x=[[[1] * 4]],
                              w=[[[1] * kernel]])[0][0]
    return found


def _interpolated() -> dict[str, object]:
    half = Fraction(1, 2)
    x = [[[1, 3, 7]]]
    return {"linear": ch.run(ops.conv_transpose1d(stride=2, padding=1, bias=False), x=x,
                             w=[[[half, 1, half]]])[0][0],
            "nearest": ch.run(ops.conv_transpose1d(stride=2, bias=False), x=x,
                              w=[[[1, 1]]])[0][0]}


def _layout_shapes() -> list[tuple[tuple[int, ...], ...]]:
    """(input, weights, output) of both layers for one array, without and with groups."""
    found: list[tuple[tuple[int, ...], ...]] = []
    for groups, shape in ((1, (8, 3, 5, 5)), (2, (8, 2, 5, 5))):
        channels = shape[1] * groups
        x = (1, channels, 12, 12)
        y = ops.conv2d(groups=groups, bias=False).output_shape(x=x, w=shape)["y"]
        back = ops.conv_transpose2d(groups=groups, bias=False).output_shape(x=y, w=shape)["y"]
        found += [(x, shape, y), (y, shape, back)]
    return found


def _layout_rows() -> Sequence[Sequence[Words | str]]:
    names = [Words("convolution", "卷积"), Words("transposed", "转置"),
             Words("convolution, $g = 2$", "卷积，$g = 2$"),
             Words("transposed, $g = 2$", "转置，$g = 2$")]
    return [(name, *(f"$({', '.join(map(str, shape))})$" for shape in row))
            for name, row in zip(names, _layout_shapes(), strict=True)]


def _layouts_hold() -> bool:
    """Shapes invert, and with groups the transposed layer is the derived gradient."""
    rows = _layout_shapes()
    if any(rows[k][0] != rows[k + 1][2] or rows[k][2] != rows[k + 1][0] for k in (0, 2)):
        return False
    import random


    draw = random.Random("layouts")

    x, w, z = ch.drawn(draw, 1, 4, 5), ch.drawn(draw, 6, 2, 3), ch.drawn(draw, 1, 6, 3)
    return ch.same(ch.run(ops.conv_transpose1d(groups=2, bias=False), x=z, w=w),
                   ch.gradient(ops.conv1d(groups=2, bias=False), "x", z, x=x, w=w))
