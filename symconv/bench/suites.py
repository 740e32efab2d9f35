"""The suites, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from symconv.bench.layers import Case, Layer, Pool
from symconv.errors import ParameterError

PEERS: tuple[Case, ...] = (
    Layer("a", (1, 3, 224, 224), 64, 7, 2, 3),
    Layer("b", (1, 64, 56, 56), 64, 3, 1, 1),
    Layer("c", (1, 128, 28, 28), 128, 3, 1, 1),
    Layer("d", (1, 256, 14, 14), 256, 3, 1, 1),
    Layer("e", (1, 512, 7, 7), 512, 3, 1, 1),
    Layer("f", (1, 128, 56, 56), 128, 3, 2, 1),
    Layer("g1", (1, 256, 56, 56), 64, 1),
    Layer("g2", (1, 1024, 14, 14), 256, 1),
    Layer("h1", (1, 96, 56, 56), 96, 3, 1, 1, 1, 96),
    Layer("h2", (1, 96, 56, 56), 96, 3, 2, 1, 1, 96),
    Layer("i1", (64, 1, 28, 28), 6, 5, 1, 2),
    Layer("i2", (64, 6, 14, 14), 16, 5),
    Layer("j", (1, 64, 56, 56), 64, 3, 1, 2, 2),
    Layer("k", (1, 1, 8, 8), 1, 3),
    Layer("l", (8, 64, 16000), 64, 9, 1, 4),
    Layer("m", (1, 16, 16, 56, 56), 32, 3, 1, 1),
    Pool("max1", "max", (1, 64, 112, 112), 3, 2, 1),
    Pool("avg1", "average", (1, 64, 112, 112), 2, 2),
    Pool("max2", "max", (64, 6, 28, 28), 2, 2),
)


def _resnet50() -> tuple[Case, ...]:
    """The distinct layers: a stem, then four stages of blocks 1x1, 3x3, 1x1; the first block of
    each stage halves the map (from the second stage on) and has a 1x1 shortcut."""
    found: list[Case] = [Layer("stem", (1, 3, 224, 224), 64, 7, 2, 3),
                         Pool("pool", "max", (1, 64, 112, 112), 3, 2, 1)]
    size, inside = 56, 64
    for stage, width in enumerate((64, 128, 256, 512), 2):
        stride = 1 if stage == 2 else 2
        small = size // stride
        found += [
            Layer(f"{stage} first reduce", (1, inside, size, size), width, 1),
            Layer(f"{stage} first window", (1, width, size, size), width, 3, stride, 1),
            Layer(f"{stage} shortcut", (1, inside, size, size), 4 * width, 1, stride),
            Layer(f"{stage} expand", (1, width, small, small), 4 * width, 1),
            Layer(f"{stage} reduce", (1, 4 * width, small, small), width, 1)]
        if stride == 2:
            found.append(Layer(f"{stage} window", (1, width, small, small), width, 3, 1, 1))
        size, inside = small, 4 * width
    return tuple(found)


def _mobilenet_v2() -> tuple[Case, ...]:
    """The distinct layers: inverted bottlenecks (expansion, outputs, repeats, stride)."""
    found: list[Case] = [Layer("stem", (1, 3, 224, 224), 32, 3, 2, 1)]
    size, inside = 112, 32
    for stage, (expansion, outputs, repeats, first) in enumerate((
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1)), 1):
        for block in range(min(repeats, 2)):
            stride, width = first if block == 0 else 1, inside * expansion
            if expansion > 1:
                found.append(Layer(f"{stage}.{block} expand", (1, inside, size, size), width, 1))
            found.append(Layer(f"{stage}.{block} depthwise", (1, width, size, size), width, 3,
                               stride, 1, 1, width))
            size //= stride
            found.append(Layer(f"{stage}.{block} project", (1, width, size, size), outputs, 1))
            inside = outputs
    found.append(Layer("head", (1, 320, 7, 7), 1280, 1))
    return tuple(found)


SUITES: Mapping[str, tuple[Case, ...]] = {
    "peers": PEERS,
    "resnet50": _resnet50(),
    "mobilenet_v2": _mobilenet_v2(),
    "photograph": tuple(Layer(f"{k}x{k}", (1, 1, 4096, 4096), 1, k, 1, k // 2)
                        for k in (3, 5, 15)),
    "audio": (
        Layer("filter", (1, 1, 480000), 1, 255, 1, 127),
        Layer("frame", (1, 1, 160000), 512, 10, 5),
        Layer("encoder", (1, 512, 8000), 512, 3, 2),
        Layer("dilated", (1, 64, 16000), 64, 3, 1, 8, 8),
        Layer("depthwise", (8, 256, 4000), 256, 31, 1, 15, 1, 256)),
    "volumes": (
        Layer("first", (1, 1, 64, 64, 64), 16, 3, 1, 1),
        Layer("inner", (1, 32, 32, 32, 32), 32, 3, 1, 1),
        Layer("halving", (1, 32, 32, 32, 32), 64, 3, 2, 1),
        Layer("video", (1, 16, 16, 56, 56), 32, 3, 1, 1),
        Layer("pointwise", (1, 64, 16, 28, 28), 64, 1)),
    "batch8": tuple(replace(case, shape=(8, *case.shape[1:])) for case in PEERS
                    if case.shape[0] == 1 and case.name != "k"),
    "float64": tuple(replace(case, dtype="float64") for case in PEERS),
}


def chosen(suite: str, names: tuple[str, ...]) -> tuple[Case, ...]:
    """The cases of a suite, or those named. Raises ParameterError."""
    cases = SUITES[suite]
    for name in names:
        if name not in {case.name for case in cases}:
            raise ParameterError(f"--layer {name!r}: choose among "
                                 f"{', '.join(case.name for case in cases)}")
    return tuple(case for case in cases if not names or case.name in names)
