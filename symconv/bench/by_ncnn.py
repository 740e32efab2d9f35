"""ncnn, one thread, float32 throughout: forward alone, and batches of one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import ncnn
import numpy as np

from symconv.bench.layers import Array, Arrays, Case, Pool

_MAGIC = 7767517
_BLOBS, _WORKSPACES = ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator()   # memory is used again


def prepare(case: Case, part: str, arrays: Arrays) -> dict[str, Callable[[], object]]:
    plain = case.dtype == "float32" and case.shape[0] == 1 and part == "forward"
    layer = _node(case) if plain else None
    if layer is None:
        return {}
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_packed = net.opt.use_bf16_storage = False
    net.opt.blob_allocator, net.opt.workspace_allocator = _BLOBS, _WORKSPACES
    # ncnn reads weights from a file: a flag (0: float32), then the numbers
    with tempfile.TemporaryDirectory() as folder:
        graph, weights = Path(folder) / "case.param", Path(folder) / "case.bin"
        graph.write_text(f"{_MAGIC}\n2 2\nInput in 0 1 x\n{layer}\n", encoding="ascii")
        flag = b"" if arrays.w is None else b"\0\0\0\0" + arrays.w.tobytes()
        weights.write_bytes(flag)
        net.load_param(str(graph))
        net.load_model(str(weights))
    given = ncnn.Mat(np.ascontiguousarray(arrays.x[0]))

    def run() -> object:
        extractor = net.create_extractor()
        extractor.input("x", given)
        return extractor.extract("y")[1]

    return {"ncnn": run}


def settled(result: object) -> Array:
    return np.array(result)[None]


def _node(case: Case) -> str | None:
    """The line of a layer; None for what ncnn lacks, such as grouped windows of volumes."""
    if isinstance(case, Pool):
        kind = "0=0" if case.kind == "max" else "0=1 6=1"
        return (f"Pooling pool 1 1 x y {kind} 1={case.kernel} 2={case.stride} 3={case.padding} "
                "5=1")
    sides = {1: "Convolution1D", 2: "Convolution", 3: "Convolution3D"}[case.axes]
    name = {"Convolution": "ConvolutionDepthWise", "Convolution1D": "ConvolutionDepthWise1D",
            "Convolution3D": "ConvolutionDepthWise3D"}[sides] if case.groups > 1 else sides
    count = int(np.prod(case.weight_shape))
    return (f"{name} window 1 1 x y 0={case.outputs} 1={case.kernel} 2={case.dilation} "
            f"3={case.stride} 4={case.padding} 5=0 6={count}"
            + (f" 7={case.groups}" if case.groups > 1 else ""))
