"""ONNX Runtime on its processor provider, one thread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime

from symconv.bench.layers import Array, Arrays, Case
from symconv.bench.onnx_models import model


def prepare(case: Case, part: str, arrays: Arrays) -> dict[str, Callable[[], object]]:
    made = model(case, part, arrays)
    if made is None:
        return {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(made[0], options, ["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        return {}                               # an element type without a kernel
    fed = {"x": made[1]}
    return {"onnxruntime": lambda: session.run(None, fed)}


def settled(result: object) -> Array:
    assert isinstance(result, list)
    return np.asarray(result[0])
