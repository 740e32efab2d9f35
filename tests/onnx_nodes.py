"""Nodes of the `onnx` package's own suite as operators of the catalogue.

`translate` gives, for a node with recorded inputs, the operator and its operands, or says why the
node lies outside what the catalogue promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

import symconv as sc

Arrays = list[np.ndarray]
Pairs = tuple[tuple[int, int], ...]


class Outside(Exception):
    """The node asks for something that the catalogue does not have; the reason."""


@dataclass(frozen=True)
class Case:
    """An operator, its operands by name, and how many of the recorded outputs it has."""

    op: sc.Operator
    operands: Mapping[str, np.ndarray]
    outputs: int = 1


def translate(node: onnx.NodeProto, inputs: Arrays) -> Case:
    """The node as an operator. Raises Outside."""
    given: dict[str, Any] = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    given = {name: value.decode() if isinstance(value, bytes) else value
             for name, value in given.items()}
    arrays = [array.astype(np.float32) if array.dtype in (bool, np.uint8, np.int8, np.int32)
              else array for array in inputs]
    return _NODES[node.op_type](given, arrays, len(node.output))


def _pairs(pads: Sequence[int]) -> Pairs:
    half = len(pads) // 2
    return tuple((int(low), int(high)) for low, high in zip(pads[:half], pads[half:], strict=True))


def _window(given: dict[str, Any], shape: Sequence[int], kernel: Sequence[int]) -> dict[str, Any]:
    """Stride, dilation and padding, with auto_pad worked out for the shape."""
    rank = len(kernel)
    stride = tuple(given.get("strides", (1,) * rank))
    dilation = tuple(given.get("dilations", (1,) * rank))
    padding = _pairs(given.get("pads", (0,) * (2 * rank)))
    rule = given.get("auto_pad", "NOTSET")
    if rule.startswith("SAME"):
        pairs = []
        for h, k, s, d in zip(shape, kernel, stride, dilation, strict=True):
            total = max((-(-h // s) - 1) * s + d * (k - 1) + 1 - h, 0)
            small = total // 2
            pairs.append((small, total - small) if rule == "SAME_UPPER" else
                         (total - small, small))
        padding = tuple(pairs)
    return {"stride": stride, "dilation": dilation, "padding": padding}


def _conv(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    x, w = arrays[:2]
    rank = x.ndim - 2
    options = _window(given, x.shape[2:], w.shape[2:])
    rule = {"SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower"}.get(given.get("auto_pad", ""))
    if rule:
        options["padding"] = rule
    op = getattr(sc.ops, f"conv{rank}d")(groups=given.get("group", 1), bias=len(arrays) > 2,
                                         **options)
    return Case(op, dict(zip(op.inputs, arrays, strict=True)))


def _transposed(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    x, w = arrays[:2]
    rank = x.ndim - 2
    stride = tuple(given.get("strides", (1,) * rank))
    dilation = tuple(given.get("dilations", (1,) * rank))
    extra = list(given.get("output_padding", (0,) * rank))
    padding = list(_pairs(given.get("pads", (0,) * (2 * rank))))
    wanted = given.get("output_shape")
    if given.get("auto_pad", "NOTSET").startswith("SAME"):
        wanted = [h * s for h, s in zip(x.shape[2:], stride, strict=True)]
    if wanted:
        for axis, size in enumerate(wanted[-rank:]):
            full = stride[axis] * (x.shape[2 + axis] - 1) + dilation[axis] * (
                w.shape[2 + axis] - 1) + 1
            total = full - size
            extra[axis] = max(-total, 0)
            small = max(total, 0) // 2
            large = max(total, 0) - small
            padding[axis] = (small, large) if given.get("auto_pad") == "SAME_UPPER" else (
                large, small)
    op = getattr(sc.ops, f"conv_transpose{rank}d")(
        stride=stride, dilation=dilation, output_padding=tuple(extra), padding=tuple(padding),
        groups=given.get("group", 1), bias=len(arrays) > 2)
    return Case(op, dict(zip(op.inputs, arrays, strict=True)))


def _pool(kind: str) -> Any:
    def translate(given: dict[str, Any], arrays: Arrays, outputs: int) -> Case:
        (x,) = arrays
        rank = x.ndim - 2
        kernel = tuple(given["kernel_shape"])
        options = _window(given, x.shape[2:], kernel)
        options["ceil_mode"] = bool(given.get("ceil_mode", 0))
        if kind == "avg":
            options["count_include_pad"] = bool(given.get("count_include_pad", 0))
        if kind == "lp":
            options["norm_type"] = given.get("p", 2)
        if kind == "max" and outputs > 1:
            if given.get("storage_order", 0):
                raise Outside("indices in column-major order: here they are row-major")
            if x.shape[:2] != (1, 1):
                raise Outside("indices into the whole tensor: here they are per plane")
            options["return_indices"] = True
        return Case(getattr(sc.ops, f"{kind}_pool{rank}d")(kernel, **options), {"x": x}, outputs)
    return translate


def _global(kind: str) -> Any:
    return lambda given, arrays, _: Case(
        getattr(sc.ops, kind)(ndim=arrays[0].ndim - 2), {"x": arrays[0]})


def _unpool(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    x, indices = arrays[:2]
    if x.shape[:2] != (1, 1):
        raise Outside("indices into the whole tensor: here they are per plane")
    size = tuple(map(int, arrays[2][2:])) if len(arrays) > 2 else None
    kernel = tuple(given["kernel_shape"])
    if size is not None and np.prod(size) != np.prod([2 * h for h in x.shape[2:]]):
        raise Outside("indices are flat in the plane of the default output, not of output_shape")
    op = getattr(sc.ops, f"max_unpool{x.ndim - 2}d")(
        kernel, stride=tuple(given.get("strides", (1,) * len(kernel))), output_size=size)
    return Case(op, {"x": x, "indices": indices})


def _pad(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    x = arrays[0]
    mode = {"constant": "constant", "edge": "replicate", "reflect": "reflect",
            "wrap": "circular"}[given.get("mode", "constant")]
    pads = given["pads"] if "pads" in given else arrays[1].tolist()
    axes = arrays[3].tolist() if len(arrays) > 3 else range(x.ndim)
    pairs = [(0, 0)] * x.ndim
    for axis, pair in zip(axes, _pairs(pads), strict=True):
        pairs[axis] = pair
    value = given.get("value", float(arrays[2]) if len(arrays) > 2 else 0.0)
    return Case(sc.ops.pad(tuple(pairs), mode=mode, value=value), {"x": x})


def _reduce(kind: str) -> Any:
    def translate(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
        x = arrays[0]
        axes = tuple(map(int, arrays[1])) if len(arrays) > 1 else given.get("axes")
        if not axes and not (given.get("noop_with_empty_axes", 0)):
            axes = None
        if kind in ("max", "min") and x.size == 0:
            raise Outside("an extremum of no elements is refused, not infinite")
        op = getattr(sc.ops, f"reduce_{kind}")(axes=axes, keepdims=bool(given.get("keepdims", 1)))
        return Case(op, {"x": x})
    return translate


def _plain(kind: str) -> Any:
    return lambda given, arrays, _: Case(getattr(sc.ops, kind)(), {"x": arrays[0]})


def _leaky(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    return Case(sc.ops.leaky_relu(slope=float(given.get("alpha", 0.01))), {"x": arrays[0]})


def _loss(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    if len(arrays) > 2:
        raise Outside("class weights")
    if "ignore_index" in given:
        raise Outside("ignore_index")
    return Case(sc.ops.softmax_cross_entropy(reduction=given.get("reduction", "mean")),
                {"x": arrays[0], "labels": arrays[1]})


def _batch_norm(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    if not given.get("training_mode", 0):
        raise Outside("inference with running statistics")
    return Case(sc.ops.batch_norm(eps=round(float(given.get("epsilon", 1e-5)), 9)),
                dict(zip(("x", "gamma", "beta"), arrays, strict=False)))


def _col2im(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    x, image, block = arrays
    rank = len(block)
    op = sc.ops.fold(tuple(map(int, block)), tuple(map(int, image)),
                     stride=tuple(given.get("strides", (1,) * rank)),
                     dilation=tuple(given.get("dilations", (1,) * rank)),
                     padding=_pairs(given.get("pads", (0,) * (2 * rank))))
    return Case(op, {"x": x})


def _concat(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    return Case(sc.ops.concat(axis=given["axis"]), dict(zip("abcdef", arrays, strict=False)))


def _flatten(given: dict[str, Any], arrays: Arrays, _: int) -> Case:
    if given.get("axis", 1) % arrays[0].ndim != 1:
        raise Outside("flattening from another axis than 1")
    return Case(sc.ops.flatten(), {"x": arrays[0]})


_NODES = {
    "Conv": _conv, "ConvTranspose": _transposed, "MaxPool": _pool("max"),
    "AveragePool": _pool("avg"), "LpPool": _pool("lp"), "MaxUnpool": _unpool, "Pad": _pad,
    "GlobalAveragePool": _global("global_avg_pool"), "GlobalMaxPool": _global("global_max_pool"),
    "ReduceSum": _reduce("sum"), "ReduceMean": _reduce("mean"), "ReduceMax": _reduce("max"),
    "ReduceMin": _reduce("min"), "Abs": _plain("abs"), "Relu": _plain("relu"),
    "Sigmoid": _plain("sigmoid"), "Tanh": _plain("tanh"), "LeakyRelu": _leaky,
    "SoftmaxCrossEntropyLoss": _loss, "BatchNormalization": _batch_norm, "Col2Im": _col2im,
    "Concat": _concat, "Flatten": _flatten,
}
SUPPORTED = frozenset(_NODES)
