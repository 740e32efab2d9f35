"""One channel, many channels, two and three dimensions, groups."""

from __future__ import annotations

import itertools
import math
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Computed,
    Example,
    Formula,
    Heading,
    Items,
    Prose,
    Words,
)
from symconv.operator import Operator, parse

_PLAIN = ("x: [H, W]; w: [K, L]; i < H - K + 1; j < W - L + 1; "
          "y[i,j] = sum[a,e](x[i+a,j+e] * w[a,e])")
_X = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
_W = [[0, 1], [2, 3]]


def blocks() -> tuple[Block, ...]:
    """From a kernel on a picture to groups of channels."""
    return (*_single(), *_channels(), *_dimensions(), *_groups())


def _single() -> tuple[Block, ...]:
    return (
        Heading(Words("One channel", "单个通道")),
        Prose(Words(
            "The kernel is laid on the input, products of elements on top of each other are "
            "added, and the kernel moves on:",
            "把卷积核放在输入上，重叠的元素相乘再求和，然后卷积核移动到下一个位置：")),
        Computed(lambda: parse(_PLAIN), {"x": (4, 5), "w": (2, 3)},
                 lambda x, w: _cross(x, w), key="single-channel"),
        Example(Words(
            "With $x = <<x>>$ and $w = <<w>>$ the first output is "
            r"$0\cdot0 + 1\cdot1 + 3\cdot2 + 4\cdot3 = 19$; all four are $y = <<y>>$.",
            "取 $x = <<x>>$，$w = <<w>>$，第一个输出为 "
            r"$0\cdot0 + 1\cdot1 + 3\cdot2 + 4\cdot3 = 19$；四个输出为 $y = <<y>>$。"),
            lambda: {"x": _X, "w": _W, "y": ch.run(_PLAIN, x=_X, w=_W)},
            {"y": [[19, 25], [37, 43]]}),
    )


def _channels() -> tuple[Block, ...]:
    return (
        Heading(Words("Input channels, output channels, bias", "输入通道、输出通道与偏置")),
        Prose(Words(
            "The whole layer: a batch of $N$ inputs with $C$ channels, $O$ output channels, "
            "stride $s$, dilation $d$, padding $p$ on each side. For one spatial axis:",
            "完整的层：一批 $N$ 个输入，每个有 $C$ 个通道；$O$ 个输出通道；步幅 $s$，膨胀 $d$，每侧"
            "填充 $p$。对一个空间轴：")),
        Computed(lambda: ops.conv1d(stride="s", padding="p", dilation="d"),
                 {"x": (2, 2, 7), "w": (3, 2, 2), "b": (3,)}, _layer_by_hand,
                 {"s": 2, "p": 1, "d": 2}, key="layer"),
        Items((
            Words("**Every output channel has its own kernel for every input channel**: $w$ has "
                  "the axes (output, input, taps). The kernel is shared by the *positions*, not "
                  "by the channels.",
                  "**每个输出通道对每个输入通道各有自己的卷积核**：$w$ 的轴为（输出，输入，"
                  "抽头）。卷积核由各*位置*共享，不由各通道共享。"),
            Words("The results of the input channels are added. The sum over $c$ is a fully "
                  "connected layer across channels at each tap.",
                  "各输入通道的结果相加。对 $c$ 的求和，是在每个抽头处跨通道的全连接层。"),
            Words("There is one bias for each *output* channel, at all positions the same.",
                  "每个*输出*通道有一个偏置，在所有位置相同。"))),
        Example(Words(
            "Two input channels, $<<x>>$ with the kernels $<<w>>$: the first channel gives "
            "$<<one>>$ as above, the second $<<two>>$, and the sum is $<<y>>$.",
            "两个输入通道，$<<x>>$，卷积核为 $<<w>>$：第一个通道如上得到 $<<one>>$，第二个得到 "
            "$<<two>>$，其和为 $<<y>>$。"), _two_inputs,
            {"one": [[19, 25], [37, 43]], "two": [[37, 47], [67, 77]],
             "y": [[56, 72], [104, 120]]}),
        Example(Words(
            "Three output channels, with the kernels $w$, $w+1$ and $w+2$ of all channels: "
            "$<<y>>$. The stack of kernels has the shape $<<shape>>$.",
            "三个输出通道，各通道的卷积核依次为 $w$、$w+1$ 与 $w+2$：$<<y>>$。卷积核堆叠后的形状为 "
            "$<<shape>>$。"), _three_outputs,
            {"y": [[[56, 72], [104, 120]], [[76, 100], [148, 172]], [[96, 128], [192, 224]]],
             "shape": [3, 2, 2, 2]}),
    )


def _dimensions() -> tuple[Block, ...]:
    return (
        Heading(Words("Deep kernels slide in two dimensions", "有深度的卷积核在二维中滑动")),
        Prose(Words(
            "A kernel of a two-dimensional convolution has a depth, the input channels, but it "
            "does not slide along it: it covers all channels at once, and the channel axis is "
            "gone after the sum. A three-dimensional convolution has the channel axis *and* three "
            "axes to slide along. For kernels of size $k$:",
            "二维卷积的卷积核有深度，即输入通道，但它不沿深度滑动：它一次覆盖全部通道，求和之后通道"
            "轴就消失了。三维卷积除通道轴*之外*还有三个可滑动的轴。对大小为 $k$ 的卷积核：")),
        Formula(r"\begin{aligned} \text{conv2d:} \quad & (C,H,W),\ (O,C,k,k) \mapsto "
                r"(O,\, H-k+1,\, W-k+1) \\ \text{conv3d:} \quad & (C,D,H,W),\ (O,C,k,k,k) \mapsto "
                r"(O,\, D-k+1,\, H-k+1,\, W-k+1) \end{aligned}", _shapes_hold, key="dimensions"),
        Prose(Words(
            "If the kernel of a conv3d is as deep as its volume, it has one place to go along that "
            "axis; with one channel it is then a conv2d whose channels are the slices.",
            "若 conv3d 的卷积核与体数据一样深，则沿该轴只有一个位置；当通道数为一时，它就是以各切片"
            "为通道的 conv2d。")),
        Formula(r"\operatorname{conv3d}(X, W)_{o,0,i,j} = \operatorname{conv2d}(x, w)_{o,i,j}, "
                r"\qquad X_{0,c,i,j} = x_{c,i,j},\ \ W_{o,0,c,a,b} = w_{o,c,a,b}",
                _slices_are_channels),
    )


def _groups() -> tuple[Block, ...]:
    return (
        Heading(Words("Groups", "分组")),
        Prose(Words(
            "With $g$ groups the channels are split into $g$ equal parts, and each output channel "
            "sees the inputs of its own part only. The engine writes an axis that is split as a "
            "pair of indices, here $(h,o)$ for the output channels and $(h,c)$ for the input "
            "channels of two groups:",
            "分为 $g$ 个分组时，通道被等分为 $g$ 份，每个输出通道只看到自己那一份输入。引擎把被拆分"
            "的轴写成一对下标；此处两个分组的输出通道写成 $(h,o)$，输入通道写成 $(h,c)$：")),
        Computed(_grouped, {"x": (1, 4, 5), "w": (6, 2, 3)}, _grouped_by_hand, key="groups"),
        Example(Words(
            "For $64$ input and $64$ output channels and $3 \\times 3$ taps there are $<<one>>$ "
            "weights in one group, $<<two>>$ in two, and $<<depthwise>>$ in $64$ groups, which is "
            "the *depthwise* convolution. Multiplications shrink by the same factor $g$.",
            "$64$ 个输入通道、$64$ 个输出通道、$3 \\times 3$ 的卷积核：一个分组时有 $<<one>>$ 个权"
            "重，两个分组时有 $<<two>>$ 个，$64$ 个分组时有 $<<depthwise>>$ 个，这就是*逐通道卷积"
            "*。乘法次数按同一倍数 $g$ 减少。"),
            lambda: {name: _weight_count(groups) for name, groups in
                     (("one", 1), ("two", 2), ("depthwise", 64))},
            {"one": 36864, "two": 18432, "depthwise": 576}),
    )


def _cross(x: Any, w: Any) -> list[list[Any]]:
    """Plain cross-correlation of two matrices."""
    rows, columns = len(x) - len(w) + 1, len(x[0]) - len(w[0]) + 1
    return [[sum(x[i + a][j + b] * w[a][b] for a in range(len(w)) for b in range(len(w[0])))
             for j in range(columns)] for i in range(rows)]


def _layer_by_hand(x: Any, w: Any, b: Any) -> Any:
    """Stride 2, padding 1, dilation 2: zeros are put around x, then windows are cut out."""
    import numpy as np

    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    span = 2 * (w.shape[2] - 1) + 1
    starts = range(0, padded.shape[2] - span + 1, 2)
    return [[[b[o] + sum((padded[n, c, start:start + span:2] * w[o, c]).sum()
                         for c in range(x.shape[1])) for start in starts]
             for o in range(len(b))] for n in range(len(x))]


def _two_inputs() -> dict[str, object]:
    x = [_X, [[value + 1 for value in row] for row in _X]]
    w = [_W, [[value + 1 for value in row] for row in _W]]
    y = ch.run(ops.conv2d(bias=False), x=[x], w=[w])[0][0]
    return {"x": x, "w": w, "y": y, "one": ch.run(_PLAIN, x=x[0], w=w[0]),
            "two": ch.run(_PLAIN, x=x[1], w=w[1])}


def _three_outputs() -> dict[str, object]:
    x = [_X, [[value + 1 for value in row] for row in _X]]
    w = [[[[value + more + channel for value in row] for row in _W] for channel in (0, 1)]
         for more in (0, 1, 2)]
    y = ch.run(ops.conv2d(bias=False), x=[x], w=w)[0]
    return {"y": y, "shape": [3, len(w[0]), len(w[0][0]), len(w[0][0][0])]}


def _shapes_hold() -> bool:
    for c, o, k in itertools.product((1, 3), (2, 4), (1, 2, 3)):
        flat = ops.conv2d(bias=False).output_shape(x=(1, c, 8, 9), w=(o, c, k, k))["y"]
        solid = ops.conv3d(bias=False).output_shape(x=(1, c, 7, 8, 9), w=(o, c, k, k, k))["y"]
        if flat[1:] != (o, 9 - k, 10 - k) or solid[1:] != (o, 8 - k, 9 - k, 10 - k):
            return False
    return True


def _slices_are_channels() -> bool:
    import numpy as np

    flat = ops.conv2d(bias=False)
    inputs = ch.sample(flat.definition, {"x": (1, 3, 4, 4), "w": (2, 3, 2, 2)}, 0)
    x, w = inputs["x"], inputs["w"]
    solid = np.array(ch.run(ops.conv3d(bias=False), x=x[:, None], w=w[:, None]), dtype=object)
    return solid.shape[2] == 1 and ch.same(solid[:, :, 0], ch.run(flat, x=x, w=w))


def _grouped() -> Operator:
    return ops.conv1d(groups=2, bias=False)


def _grouped_by_hand(x: Any, w: Any) -> Any:
    """Two convolutions side by side: channels 0 and 1 feed 0 to 2, channels 2 and 3 feed 3 to 5."""
    import numpy as np

    plain = ops.conv1d(bias=False)
    halves = [np.array(ch.run(plain, x=x[:, 2 * h:2 * h + 2], w=w[3 * h:3 * h + 3]), dtype=object)
              for h in (0, 1)]
    return np.concatenate(halves, axis=1)


def _weight_count(groups: int) -> int:
    from symconv.shapes import bind, stored_shape

    program = ops.conv2d(groups=groups, bias=False).definition
    shape = (64, 64 // groups, 3, 3)
    sizes = bind(program, {"x": (1, 64, 8, 8), "w": shape})
    return math.prod(stored_shape(program.tensor("w"), sizes))
