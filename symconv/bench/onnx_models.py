"""Cases as ONNX models of one node, for ONNX Runtime and OpenVINO."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from symconv.bench.layers import Arrays, Case, Layer, Pool


def model(case: Case, part: str, arrays: Arrays) -> tuple[bytes, np.ndarray[Any, Any]] | None:
    """The model with its weights inside and the array that it is fed; None for what a node of ONNX
    cannot say: gradients of weights and of poolings.

    The gradient of the input is a transposed convolution.
    """
    if isinstance(case, Layer):
        return _layer(case, part, arrays)
    if part == "grad_input":
        return None
    return _serialised(_pool_node(case, part), arrays.x, None, part == "indices"), arrays.x


def _layer(case: Layer, part: str,
           arrays: Arrays) -> tuple[bytes, np.ndarray[Any, Any]] | None:
    if part == "grad_weight":
        return None
    attributes: dict[str, Any] = {
        "kernel_shape": [case.kernel] * case.axes, "strides": [case.stride] * case.axes,
        "dilations": [case.dilation] * case.axes, "pads": [case.padding] * 2 * case.axes,
        "group": case.groups}
    if part == "forward":
        node = helper.make_node("Conv", ["x", "w"], ["y"], **attributes)
        return _serialised(node, arrays.x, arrays.w, False), arrays.x
    reach = case.dilation * (case.kernel - 1) + 1
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], **attributes, output_padding=[
        size - ((out - 1) * case.stride - 2 * case.padding + reach)
        for size, out in zip(case.shape[2:], case.output_shape[2:], strict=True)])
    return _serialised(node, arrays.dy, arrays.w, False), arrays.dy


def _pool_node(case: Pool, part: str) -> Any:
    window: dict[str, Any] = {"kernel_shape": [case.kernel] * 2, "strides": [case.stride] * 2,
                              "pads": [case.padding] * 4}
    if case.kind == "max":
        return helper.make_node("MaxPool", ["x"], ["y", *(["at"] if part == "indices" else [])],
                                **window)
    return helper.make_node("AveragePool", ["x"], ["y"], count_include_pad=1, **window)


def _serialised(node: Any, x: np.ndarray[Any, Any], w: np.ndarray[Any, Any] | None,
                indices: bool) -> bytes:
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    outputs = [helper.make_tensor_value_info("y", kind, None)]
    if indices:
        outputs.append(helper.make_tensor_value_info("at", TensorProto.INT64, None))
    graph = helper.make_graph(
        [node], "case", [helper.make_tensor_value_info("x", kind, x.shape)], outputs,
        [] if w is None else [numpy_helper.from_array(w, "w")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    text: bytes = made.SerializeToString()
    return text
