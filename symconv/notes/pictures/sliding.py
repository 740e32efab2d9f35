"""The convolutions that are drawn: small, the same along every axis, with one channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from symconv import ops
from symconv.notes.pictures.meetings import Meeting, meetings
from symconv.operator import Operator

_MAKERS: dict[tuple[int, bool], Callable[..., Operator]] = {
    (1, False): ops.conv1d, (1, True): ops.conv_transpose1d,
    (2, False): ops.conv2d, (2, True): ops.conv_transpose2d}


@dataclass(frozen=True, slots=True)
class Sliding:
    """A convolution along `axes` axes, or the transposed one."""

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: int = 0
    transposed: bool = False
    axes: ClassVar[int]

    def operator(self) -> Operator:
        """The operator of the catalogue with one batch entry and one channel."""
        return _MAKERS[self.axes, self.transposed](
            stride=self.stride, padding=self.padding, dilation=self.dilation, bias=False)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its operands."""
        return {"x": (1, 1, *(self.size,) * self.axes), "w": (1, 1, *(self.kernel,) * self.axes)}

    def points(self) -> tuple[Meeting, ...]:
        """The points of its relation."""
        return _points(self)

    def outputs(self) -> int:
        """The extent of the output along each axis."""
        return _outputs(self)


@lru_cache(maxsize=256)
def _points(sliding: Sliding) -> tuple[Meeting, ...]:
    return meetings(sliding.operator(), sliding.shapes())


@lru_cache(maxsize=256)
def _outputs(sliding: Sliding) -> int:
    return sliding.operator().output_shape(**sliding.shapes())["y"][-1]
