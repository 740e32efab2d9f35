"""A kernel that is learned: gradient descent finds the edge detector (1, -1).

The data are an image of zeros and ones and its horizontal differences; the loss is the mean
squared difference. Forward pass and gradient are those of the emitted NumPy kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from symconv import build, ops
from symconv.notes.model import Lang
from symconv.notes.pictures.canvas import Drawing, Label, Line, Polyline, Rect, Role, Shape

EDGE = (1.0, -1.0)
RATE = 0.6
STEPS = 30


@dataclass(frozen=True, slots=True)
class Course:
    """How the learning went: the kernel and the loss before each step and after the last."""

    image: Any
    target: Any
    kernels: tuple[tuple[float, float], ...]
    losses: tuple[float, ...]


def image() -> Any:
    """Six rows of eight pixels: white, with a black band of four in the middle."""
    pixels = np.ones((1, 1, 6, 8))
    pixels[..., 2:6] = 0.0
    return pixels


def learn(steps: int = STEPS, rate: float = RATE) -> Course:
    """Start from the kernel (0, 0) and follow the negative gradient."""
    kernel = build(ops.conv2d(kernel_size=(1, 2), bias=False), target="numpy", dtype="float64")
    pixels = image()
    target: Any = kernel.forward(x=pixels, w=np.array(EDGE).reshape(1, 1, 1, 2))
    weights: Any = np.zeros((1, 1, 1, 2))
    kernels, losses = [], []
    for step in range(steps + 1):
        found: Any = kernel.forward(x=pixels, w=weights)
        error = found - target
        kernels.append((float(weights[0, 0, 0, 0]), float(weights[0, 0, 0, 1])))
        losses.append(float(np.mean(error ** 2)))
        if step < steps:
            slope = kernel.vjp(2 * error / error.size, x=pixels, w=weights, wrt=("w",))["w"]
            weights = weights - rate * slope
    return Course(pixels[0, 0], target[0, 0], tuple(kernels), tuple(losses))


_WORDS = {
    "en": ("image", "its edges", "kernel", "loss (log scale)", "step"),
    "zh": ("图像", "边缘", "卷积核", "损失（对数刻度）", "步数"),
}


def chart(course: Course, lang: Lang) -> Drawing:
    """The image, its edges, the two weights step by step, and the loss."""
    words = _WORDS[lang]
    shapes = [*_pixels(course.image, 10, 34, words[0]), *_pixels(course.target, 10, 204, words[1])]
    steps = len(course.losses) - 1
    frame = (200.0, 34.0, 250.0, 250.0)
    shapes += _frame(frame, words[2], words[4], steps)
    zero = _point(frame, 0, steps, 0.0)
    shapes.append(Line(frame[0], zero[1], frame[0] + frame[2], zero[1], "faint", 1.0, dashed=True))
    roles: tuple[Role, ...] = ("input", "kernel")
    for which, role in enumerate(roles):
        points = tuple(_point(frame, step, steps, pair[which] / 1.2)
                       for step, pair in enumerate(course.kernels))
        final = course.kernels[-1][which]
        shapes += [Polyline(points, role, 2.2),
                   Label(points[-1][0] - 6, points[-1][1] - 8 if final > 0 else points[-1][1] + 18,
                         f"w_{{{which}}} → {final:.2f}".replace("-", "−"), 13, "end", math=True)]
    second = (510.0, 34.0, 250.0, 250.0)
    shapes += _frame(second, words[3], words[4], steps)
    logs = [math.log10(loss) for loss in course.losses]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    shapes.append(Polyline(tuple(
        _point(second, step, steps, 2 * (value - low) / (high - low) - 1)
        for step, value in enumerate(logs)), "output", 2.2))
    for power in range(low, high + 1):
        x, y = _point(second, 0, steps, 2 * (power - low) / (high - low) - 1)
        shapes.append(Label(x - 5, y + 4, f"10^{{{power}}}".replace("-", "−"), 11, "end", "muted"))
    return Drawing(780, 318, tuple(shapes))


def _pixels(values: Any, left: float, top: float, name: str) -> list[Shape]:
    shapes: list[Shape] = [Label(left, top - 10, name, 13, "start")]
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = float(values[row, column])
            fill: Role = "paper" if value == 0 else "input-soft" if value > 0 else "warn-soft"
            shapes += [Rect(left + column * 17, top + row * 17, 17, 17,
                            fill, "faint", 0.7),
                       Label(left + column * 17 + 8.5, top + row * 17 + 12.5,
                             f"{value:.0f}".replace("-", "−"), 10, fill="muted")]
    return shapes


def _frame(place: tuple[float, float, float, float], title: str, below: str,
           steps: int) -> list[Shape]:
    x, y, width, height = place
    return [Rect(x, y, width, height, None, "muted", 0.8), Label(x, y - 10, title, 13, "start"),
            Label(x + width, y + height + 18, f"{below} {steps}", 11, "end", "muted"),
            Label(x, y + height + 18, "0", 11, "start", "muted")]


def _point(place: tuple[float, float, float, float], step: int, steps: int,
           value: float) -> tuple[float, float]:
    """Where a value between -1 and 1 lies in a frame."""
    x, y, width, height = place
    return x + width * step / steps, y + height * (1 - value) / 2
