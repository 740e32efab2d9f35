"""The usual ways to write a convolution in NumPy: what emitted NumPy is measured against.

x (N,C,spatial) * w (O,C/g,window) -> y (N,O,output), all contiguous, and the two gradients. Every
function works in any number of dimensions; arrays with groups have an axis more:

    x (N,g,C/g,spatial)    w (g,O/g,C/g,window)    y (N,g,O/g,output)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from symconv.bench.layers import COLUMNS, Layer

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The sizes of a layer, with its groups apart."""

    layer: Layer

    @property
    def window(self) -> tuple[int, ...]:
        return self.layer.weight_shape[2:]

    @property
    def output(self) -> tuple[int, ...]:
        return self.layer.output_shape[2:]

    def grouped(self, array: Array, axis: int) -> Array:
        """The array with `axis` (channels of x and y, outputs of w) split into groups."""
        shape, g = array.shape, self.layer.groups
        return array.reshape(*shape[:axis], g, shape[axis] // g, *shape[axis + 1:])

    def padded(self, x: Array) -> Array:
        sides = [(self.layer.padding,) * 2] * len(self.window)
        return np.pad(x, [(0, 0)] * (x.ndim - len(sides)) + sides)

    def taps(self) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
        """Each tap of the window, and the places of padded x that it meets."""
        step, spread = self.layer.stride, self.layer.dilation
        for tap in itertools.product(*(range(size) for size in self.window)):
            yield tap, tuple(slice(spread * t, spread * t + step * (size - 1) + 1, step)
                             for t, size in zip(tap, self.output, strict=True))

    def columns(self, x: Array) -> Array:
        """im2col: (N, g, C/g * taps, places)."""
        source = self.padded(self.grouped(x, 1))
        made = np.empty((*source.shape[:3], *self.window, *self.output), source.dtype)
        for tap, places in self.taps():
            made[_slab(tap)] = source[_last(*places)]
        return made.reshape(*source.shape[:2], -1, int(np.prod(self.output)))

    def windows(self, x: Array) -> Array:
        """A view of padded x: (N, g, C/g, output, window)."""
        axes, source = len(self.window), self.padded(self.grouped(x, 1))
        reach = [self.layer.dilation * (size - 1) + 1 for size in self.window]
        view = np.lib.stride_tricks.sliding_window_view(
            source, reach, tuple(range(source.ndim - axes, source.ndim)))
        found: Array = view[_last(*(slice(None, None, self.layer.stride),) * axes,
                                  *(slice(None, None, self.layer.dilation),) * axes)]
        return found

    def unpadded(self, dx: Array) -> Array:
        sides = tuple(slice(self.layer.padding, self.layer.padding + size)
                      for size in self.layer.shape[2:])
        return np.ascontiguousarray(dx[_last(*sides)]).reshape(self.layer.shape)

    def room(self, dtype: np.dtype[np.floating]) -> Array:
        """Zeros for the gradient of padded x."""
        layer = self.layer
        return np.zeros((layer.shape[0], layer.groups, layer.shape[1] // layer.groups,
                         *(size + 2 * layer.padding for size in layer.shape[2:])), dtype)


def _last(*items: Any) -> tuple[Any, ...]:
    """Subscripts of the last axes."""
    return ..., *items


def _slab(tap: tuple[int, ...]) -> tuple[Any, ...]:
    """One tap of an array (N, g, c, window, places)."""
    return (slice(None), slice(None), slice(None), *tap)


Idiom = Callable[[Geometry, Array, Array, Array], Array]


def im2col_forward(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    weights = layer.grouped(w, 0).reshape(layer.layer.groups, -1, w[0].size)
    made: Array = (weights @ layer.columns(x)).reshape(dy.shape)
    return made


def im2col_grad_input(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    weights = layer.grouped(w, 0).reshape(layer.layer.groups, -1, w[0].size)
    parts = weights.swapaxes(-1, -2) @ layer.grouped(dy, 1).reshape(
        *layer.grouped(dy, 1).shape[:3], -1)
    made = layer.room(x.dtype)
    parts = parts.reshape(*made.shape[:3], *layer.window, *layer.output)
    for tap, places in layer.taps():
        made[_last(*places)] += parts[_slab(tap)]
    return layer.unpadded(made)


def im2col_grad_weight(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    slopes = layer.grouped(dy, 1).reshape(*layer.grouped(dy, 1).shape[:3], -1)
    made: Array = (slopes @ layer.columns(x).swapaxes(-1, -2)).sum(axis=0)
    return made.reshape(w.shape)


def tensordot_forward(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    """Without groups: sliding_window_view and tensordot over channels and window."""
    axes = len(layer.window)
    windows = layer.windows(x)[:, 0]
    inner = (1, *range(2 + axes, 2 + 2 * axes))
    made = np.tensordot(windows, w, (inner, tuple(range(1, 2 + axes))))
    return np.ascontiguousarray(np.moveaxis(made, -1, 1))


def tensordot_grad_weight(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    axes = len(layer.window)
    places = (0, *range(2, 2 + axes))
    return np.tensordot(dy, layer.windows(x)[:, 0], (places, places))


def einsum_forward(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    i, a = "ijk"[:len(layer.window)], "abd"[:len(layer.window)]
    made: Array = np.einsum(f"ngc{i}{a},goc{a}->ngo{i}", layer.windows(x), layer.grouped(w, 0),
                            optimize=True)
    return made.reshape(dy.shape)


def einsum_grad_weight(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    i, a = "ijk"[:len(layer.window)], "abd"[:len(layer.window)]
    made: Array = np.einsum(f"ngc{i}{a},ngo{i}->goc{a}", layer.windows(x), layer.grouped(dy, 1),
                            optimize=True)
    return made.reshape(w.shape)


def taps_forward(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    """One matrix product per tap, or for one channel per group one product by a number."""
    source, weights = layer.padded(layer.grouped(x, 1)), layer.grouped(w, 0)
    made = np.zeros(layer.grouped(dy, 1).shape, x.dtype)
    single, spread = weights.shape[1:3] == (1, 1), _last(*(None,) * len(layer.window))
    room = np.empty_like(made) if single else None
    for tap, places in layer.taps():
        seen, factor = source[_last(*places)], weights[_last(*tap)]
        made += (np.multiply(factor[:, 0][spread], seen, out=room) if single else (
            factor @ seen.reshape(*seen.shape[:3], -1)).reshape(made.shape))
    return made.reshape(dy.shape)


def taps_grad_input(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    slopes, weights = layer.grouped(dy, 1), layer.grouped(w, 0)
    made = layer.room(x.dtype)
    single, spread = weights.shape[1:3] == (1, 1), _last(*(None,) * len(layer.window))
    room = np.empty_like(slopes) if single else None
    for tap, places in layer.taps():
        seen, factor = made[_last(*places)], weights[_last(*tap)]
        seen += (np.multiply(factor[:, 0][spread], slopes, out=room) if single else (
            factor.swapaxes(-1, -2) @ slopes.reshape(*slopes.shape[:3], -1)).reshape(seen.shape))
    return layer.unpadded(made)


def taps_grad_weight(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    source, slopes = layer.padded(layer.grouped(x, 1)), layer.grouped(dy, 1)
    slopes = slopes.reshape(*slopes.shape[:3], -1)
    made = np.empty_like(layer.grouped(w, 0))
    for tap, places in layer.taps():
        seen = source[_last(*places)]
        seen = seen.reshape(*seen.shape[:3], -1)
        made[_last(*tap)] = (slopes @ seen.swapaxes(-1, -2)).sum(axis=0)
    return made.reshape(w.shape)


def dots_grad_weight(layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    """One channel per group: a sum of products per tap, of windows as they lie in memory."""
    i = "ijk"[:len(layer.window)]
    source, slopes = layer.padded(layer.grouped(x, 1)), layer.grouped(dy, 1)
    made = np.empty_like(layer.grouped(w, 0))
    for tap, places in layer.taps():
        made[_last(*tap)] = np.einsum(f"ngo{i},ngc{i}->goc", slopes, source[_last(*places)])
    return made.reshape(w.shape)


def by_sample(idiom: Idiom, layer: Geometry, x: Array, w: Array, dy: Array) -> Array:
    """An idiom for each sample of a batch alone, whose columns stay in the cache."""
    one = Geometry(replace(layer.layer, shape=(1, *layer.layer.shape[1:])))
    parts = [idiom(one, x[n:n + 1], w, dy[n:n + 1]) for n in range(len(x))]
    if idiom is im2col_grad_weight:
        made: Array = np.sum(parts, axis=0, dtype=x.dtype)
        return made
    return np.concatenate(parts)


IDIOMS: dict[str, dict[str, Idiom]] = {
    "forward": {"im2col": im2col_forward, "samples": partial(by_sample, im2col_forward),
                "tensordot": tensordot_forward, "einsum": einsum_forward, "taps": taps_forward},
    "grad_input": {"im2col": im2col_grad_input, "samples": partial(by_sample, im2col_grad_input),
                   "taps": taps_grad_input},
    "grad_weight": {"im2col": im2col_grad_weight,
                    "samples": partial(by_sample, im2col_grad_weight),
                    "tensordot": tensordot_grad_weight, "einsum": einsum_grad_weight,
                    "taps": taps_grad_weight, "dots": dots_grad_weight},
}


def suited(layer: Layer, part: str) -> dict[str, Callable[[Array, Array, Array], Array]]:
    """The idioms that run the layer within reason: im2col needs memory for its columns."""
    geometry = Geometry(layer)
    grouped, wide = layer.groups > 1, layer.columns > COLUMNS
    single = layer.weight_shape[1] == 1 and layer.outputs == layer.groups
    return {name: partial(run, geometry)
            for name, run in IDIOMS[part].items()
            if not (grouped and name == "tensordot") and not (wide and name not in ("taps", "dots"))
            and not (layer.shape[0] == 1 and name == "samples")
            and not (name == "dots" and not single)}
