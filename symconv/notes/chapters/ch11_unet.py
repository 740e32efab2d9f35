"""U-Net: the way down, and the way up with transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symconv import ops
from symconv.notes.chapters.ch11_tables import amounts, shape
from symconv.notes.model import Block, Example, Formula, Heading, Prose, Table, Words

if TYPE_CHECKING:
    from symconv.notes.networks import Layer

_WIDTHS = (64, 128, 256, 512, 1024)


def blocks() -> tuple[Block, ...]:
    """Shapes down and up."""
    return (
        Heading(Words("U-Net's up path", "U-Net 的上行路径")),
        Prose(Words(
            "U-Net answers for every pixel. On the way down, pairs of $3 \\times 3$ layers without "
            "padding alternate with pooling; on the way up a transposed convolution of kernel size "
            "and stride $2$ doubles the size and halves the channels, and the map of the same "
            "level from the way down is cropped and joined to it. With kernel size equal to the "
            "stride nothing overlaps and there is no checkerboard ([[8]]).",
            "U-Net 对每个像素给出答案。下行时，成对的无填充 $3 \\times 3$ 层与池化交替；上行时，卷积核大小"
            "与步幅均为 $2$ 的转置卷积把大小加倍、通道减半，再把下行路径同一级的特征图裁剪后与之拼接。"
            "卷积核大小等于步幅，所以没有重叠，也没有棋盘状花纹（[[8]]）。")),
        Table((Words("level", "级"), Words("layers", "层"), Words("output", "输出"),
               Words("parameters", "参数"), Words("multiply-adds", "乘加次数"),
               Words("field", "感受野")), _rows, _holds,
              Words("The U-Net of the paper: one channel of $572 \\times 572$ pixels in, two "
                    "classes for $388 \\times 388$ pixels out. Fields are those through all levels below.",
                    "论文中的 U-Net：输入一个通道、$572 \\times 572$ 像素，输出 $388 \\times 388$ 像素的两个"
                    "类别。感受野按经由其下各级的路径计。"), key="unet"),
        Prose(Words(
            "The sizes tell why $572$: each pooling needs an even extent. With $n$ pixels at the "
            "bottom before its two layers,",
            "这些大小说明了为什么是 $572$：每次池化都需要偶数的大小。设最底层两个卷积层之前为 $n$ 像素，则"
            "输入与输出的大小为")),
        Formula(Words(
                    r"\text{input} = 16 n + 60, \qquad \text{output} = 16 n - 124",
                    r"\text{输入} = 16 n + 60, \qquad \text{输出} = 16 n - 124"),
                _sizes_hold, key="unet-sizes"),
        Example(Words(
            "For $n = 32$ these are $<<input>>$ and $<<output>>$. The difference is $184$ for "
            "every $n$: the picture that is answered for lies in a frame of context, $92$ pixels on "
            "each side.",
            "$n = 32$ 时为 $<<input>>$ 与 $<<output>>$。对任何 $n$，二者之差都是 $184$：被回答的图像"
            "四周各有 $92$ 个像素的上下文。"), _at_32, {"input": 572, "output": 388}),
        Prose(Words(
            "On the way up the receptive field depends on where a pixel lies relative to the "
            "pooling windows, because a transposed convolution of stride $2$ treats even and odd "
            "places differently ([[8]]): the last lines of [[unet]] name both extents. The check "
            "follows the relations back from sixteen neighbouring outputs, and finds what the "
            "joined maps see inside of what is seen through the lowest level:",
            "上行时，感受野取决于像素相对于池化窗口的位置，因为步幅为 $2$ 的转置卷积对偶数与奇数位置的处理"
            "不同（[[8]]）：[[unet]] 的最后几行列出两种范围。检验从相邻的十六个输出沿关系往回追踪，并确认"
            "拼接进来的特征图所见都在经由最底层所见的范围之内：")),
        Formula(r"r = \max u - \min u + 1 \in \{ <<least>>, <<most>> \}", _fields_hold,
                key="unet-field",
                values=_extremes),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the table."""

    level: int
    kind: str
    shape: tuple[int, ...]
    parameters: int
    operations: int
    path: str                    # the steps from the picture to here: conv, pool, up, by letters

    def field(self) -> tuple[int, ...]:
        """The extents that sixteen neighbours in the middle see."""
        return tuple(sorted({high - low + 1 for low, high in (
            _back(self.path, place, place) for place in range(160, 176))}))


def _pair(width: int) -> list[Layer]:
    from symconv.notes.networks import conv

    return [conv("a", width, 3), conv("b", width, 3)]


def _lines(size: int = 572) -> list[_Line]:
    from symconv.notes.networks import Layer, conv, count, pool, total, walk

    found: list[_Line] = []
    at: tuple[int, ...] = (1, 1, size, size)
    kept: list[tuple[int, ...]] = []
    path = ""
    for level, width in enumerate(_WIDTHS):
        if level:
            at, path = count(pool("p", 2, 2), at).shape, f"{path}p"
            found.append(_Line(level, "pool", at, 0, 0, path))
        rows = walk(_pair(width), at)
        at, path = rows[-1].count.shape, f"{path}cc"
        kept.append(at)
        found.append(_Line(level, "pair", at, *total(rows), path))
    for level in (3, 2, 1, 0):
        width = _WIDTHS[level]
        made = count(Layer("u", "up", width, 2, 2), at)
        path += "u"
        found.append(_Line(level, "up", made.shape, made.parameters, made.operations, path))
        cropped = (1, kept[level][1], *made.shape[2:])
        at = ops.concat(axis=1, count=2).output_shape(a=cropped, b=made.shape)["y"]
        found.append(_Line(level, "join", at, 0, 0, path))
        rows = walk(_pair(width), at)
        at, path = rows[-1].count.shape, f"{path}cc"
        found.append(_Line(level, "pair", at, *total(rows), path))
    last = count(conv("o", 2, 1), at)
    return [*found, _Line(0, "last", last.shape, last.parameters, last.operations, path)]


_KINDS = {"pair": Words(r"two $3 \times 3$", r"两个 $3 \times 3$"),
          "pool": Words(r"max $2 \times 2$, $s=2$", r"最大 $2 \times 2$，$s=2$"),
          "up": Words(r"transposed $2 \times 2$, $s=2$", r"转置 $2 \times 2$，$s=2$"),
          "join": Words("crop and join", "裁剪并拼接"),
          "last": Words(r"$1 \times 1$", r"$1 \times 1$")}


def _rows() -> Sequence[Sequence[Words | str]]:
    lines = _lines()
    found: list[Sequence[Words | str]] = [
        (f"${line.level}$", _KINDS[line.kind], shape(line.shape),
         *amounts(line.parameters, line.operations), "$" + r",\, ".join(map(str, line.field())) + "$")
        for line in lines]
    return [*found, (Words("total", "合计"), "", "", *amounts(sum(x.parameters for x in lines),
                                                             sum(x.operations for x in lines)), "")]


def _holds() -> bool:
    """The sizes of the paper's figure, and all weights by the formula for one layer."""
    lines = _lines()
    sizes = [line.shape[2] for line in lines if line.kind == "pair"]
    weights, channels = 0, 1
    for width in _WIDTHS:
        weights += 9 * channels * width + width + 9 * width * width + width
        channels = width
    for width in (512, 256, 128, 64):
        weights += 4 * 2 * width * width + width                     # up
        weights += 9 * 2 * width * width + width + 9 * width * width + width
    weights += 64 * 2 + 2
    return (sizes == [568, 280, 136, 64, 28, 52, 100, 196, 388]
            and sum(line.parameters for line in lines) == weights
            and lines[-1].shape == (1, 2, 388, 388))


def _bottom(n: int) -> tuple[int, int]:
    """Input and output sizes of the network whose lowest level starts with n pixels."""
    size = n
    for _ in range(4):
        size = 2 * size + 4
    return size, _lines(size)[-1].shape[2]


def _sizes_hold() -> bool:
    for n in (10, 12, 15):
        given, made = _bottom(n)
        if (given, made) != (16 * n + 60, 16 * n - 124):
            return False
        levels = [line.shape[2] for line in _lines(given) if line.kind == "pool"]
        if levels[-1] != n:
            return False
    return True


def _at_32() -> dict[str, object]:
    given, made = _bottom(32)
    return {"input": given, "output": made}


def _back(path: str, low: int, high: int) -> tuple[int, int]:
    """The inputs that the places from `low` to `high` at the end of a path depend on."""
    for step in reversed(path):
        match step:
            case "c":
                high += 2
            case "p":
                low, high = 2 * low, 2 * high + 1
            case "u":
                low, high = low // 2, high // 2
    return low, high


def _extremes() -> dict[str, object]:
    """The extents that the outputs of the network see."""
    least, most = _lines()[-1].field()
    return {"least": least, "most": most}


def _fields_hold() -> bool:
    """Each kind of step against the engine's relation; the joined maps see nothing else."""
    from symconv.notes.pictures.axis import Window

    for window, path in ((Window(9, 2, stride=2, transposed=True), "u"),
                         (Window(9, 2, stride=2), "p"), (Window(9, 3), "c")):
        links = window.links()
        for u in range(window.outputs()):
            sources = [source for output, source, _ in links if output == u]
            if (min(sources), max(sources)) != _back(path, u, u):
                return False
    return all(_inside(line) for line in _lines() if line.kind == "join")


def _inside(join: _Line) -> bool:
    """Whether a joined place sees, through the map of its level, inputs that it sees anyway."""
    (before,) = (line for line in _lines() if line.level == join.level and line.kind == "pair"
                 and "u" not in line.path)
    cropped = (before.shape[2] - join.shape[2]) // 2
    for place in range(join.shape[2]):
        low, high = _back(join.path, place, place)
        least, most = _back(before.path, place + cropped, place + cropped)
        if not low <= least <= most <= high:
            return False
    return True
