"""ONNX Runtime on its processor provider, one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime

from symconv.bench.layers import COLUMNS, Array, Arrays, Case, Layer
from symconv.bench.onnx_models import model

_NAMES = ("onnxruntime", "onnxruntime bound")


def prepare(case: Case, part: str, arrays: Arrays) -> Mapping[str, Callable[[], object] | None]:
    made = model(case, part, arrays)
    if made is None:
        return {}
    if isinstance(case, Layer) and part == "grad_input" and (
            case.columns // (case.shape[0] * case.groups) > COLUMNS):
        return dict.fromkeys(_NAMES)            # ConvTranspose makes the columns of a sample
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
    return dict(zip(_NAMES, (lambda: session.run(None, fed),
                             lambda: _bound(session, binding)), strict=True))


def _bound(session: Any, binding: Any) -> object:
    """A call on memory that was bound before: the binding."""
    session.run_with_iobinding(binding)
    return binding


def settled(result: object) -> Array:
    given: Any = result
    found = given if isinstance(given, list) else given.copy_outputs_to_cpu()
    return np.asarray(found[0])
