"""OpenVINO on the processor, one thread, in the precision of the case."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openvino

from symconv.bench.layers import Array, Arrays, Case
from symconv.bench.onnx_models import model


def prepare(case: Case, part: str, arrays: Arrays) -> dict[str, Callable[[], object]]:
    """Nothing in float64, which its kernels round to float32."""
    made = model(case, part, arrays) if case.dtype == "float32" else None
    if made is None:
        return {}
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(made[0], b""), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32"})
    request, given = compiled.create_infer_request(), made[1]
    return {"openvino": lambda: request.infer([given], share_inputs=True, share_outputs=True)[0]}


def settled(result: object) -> Array:
    return np.asarray(result)
