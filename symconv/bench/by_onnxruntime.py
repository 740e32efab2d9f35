"""ONNX Runtime on its processor provider, one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(made[0], options, ["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        return {}                               # an element type without a kernel
    fed = {"x": made[1]}
    binding = session.io_binding()
    binding.bind_cpu_input("x", made[1])
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return {"onnxruntime": lambda: session.run(None, fed),
            "onnxruntime bound": lambda: _bound(session, binding)}


def _bound(session: Any, binding: Any) -> object:
    """A call on memory that was bound before: the binding."""
    session.run_with_iobinding(binding)
    return binding


def settled(result: object) -> Array:
    given: Any = result
    found = given if isinstance(given, list) else given.copy_outputs_to_cpu()
    return np.asarray(found[0])
