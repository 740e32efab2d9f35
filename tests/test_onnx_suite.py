"""The node tests that the `onnx` package ships, from their recorded inputs and outputs.

Every node of a kind that the catalogue has is run against both targets. What lies outside is
listed below with its reason, and a case that is neither passed nor listed fails.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

import symconv as sc

onnx = pytest.importorskip("onnx")

from onnx_nodes import SUPPORTED, Outside, translate  # noqa: E402 - needs onnx

_MODULES = (
    "abs", "averagepool", "batch_normalization", "col2im", "concat", "conv", "convtranspose",
    "flatten", "globalaveragepool", "globalmaxpool", "leakyrelu", "lppool", "maxpool",
    "maxunpool", "pad", "reducemax", "reducemean", "reducemin", "reducesum", "relu", "sigmoid",
    "softmax_cross_entropy_loss", "tanh")
RTOL = 1e-3                            # the suite's own; some outputs are recorded to 4 digits

OUTSIDE = {
    "inference with running statistics": {
        *(f"pytorch-converted: test_BatchNorm{name}_eval" for name in (
            "1d_3d_input", "2d", "2d_momentum", "3d", "3d_momentum")),
        "test_batchnorm_epsilon", "test_batchnorm_example"},
    "flattening from another axis than 1": {
        "pytorch-operator: test_operator_view", "test_flatten_axis0", "test_flatten_axis2",
        "test_flatten_axis3", "test_flatten_negative_axis1", "test_flatten_negative_axis2",
        "test_flatten_negative_axis4"},
    "indices in column-major order: here they are row-major": {
        "test_maxpool_with_argmax_2d_precomputed_strides"},
    "indices are flat in the plane of the default output, not of output_shape": {
        "test_maxunpool_export_with_output_shape"},
    "an extremum of no elements is refused, not infinite": {
        "test_reduce_max_empty_set", "test_reduce_max_empty_set_bool",
        "test_reduce_min_empty_set"},
    "class weights": {
        f"test_sce_{name}{end}" for end in ("", "_log_prob") for name in (
            "NCd1_mean_weight_negative_ii", "NCd1d2d3_sum_weight_high_ii",
            "NCd1d2d3d4d5_mean_weight", "mean_weight", "mean_weight_ii", "mean_weight_ii_3d",
            "mean_weight_ii_4d", "none_weights")},
    "ignore_index": {
        f"test_sce_{name}{end}" for end in ("", "_log_prob") for name in (
            "NCd1d2d3_none_no_weight_negative_ii", "mean_no_weight_ii", "mean_no_weight_ii_3d",
            "mean_no_weight_ii_4d")},
}


@cache
def recorded() -> dict[str, tuple[object, list[np.ndarray], list[np.ndarray]]]:
    """name -> (node, inputs, outputs) of every single-node model of a supported kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case import node as package

        for name in _MODULES:
            try:
                importlib.import_module(f"onnx.backend.test.case.node.{name}")
            except ModuleNotFoundError:
                continue               # module names differ between releases of onnx
        found = {}
        for case in package._NodeTestCases:
            graph = case.model.graph
            if len(graph.node) == 1 and graph.node[0].op_type in SUPPORTED:
                inputs, outputs = case.data_sets[0]
                found[case.name] = (graph.node[0], list(inputs), list(outputs))
        found.update(_stored())
    return found


def _stored() -> Iterator[tuple[str, tuple[object, list[np.ndarray], list[np.ndarray]]]]:
    """The models that were recorded from PyTorch, with their data as files."""
    from pathlib import Path

    from onnx import numpy_helper
    from onnx.backend.test.loader import load_model_tests

    def arrays(folder: Path, stem: str) -> list[np.ndarray]:
        files = sorted(folder.glob(f"{stem}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
        return [numpy_helper.to_array(onnx.load_tensor(path)) for path in files]

    for kind in ("pytorch-operator", "pytorch-converted"):
        for case in load_model_tests(kind=kind):
            graph = onnx.load(Path(case.model_dir) / "model.onnx").graph
            if len(graph.node) != 1 or graph.node[0].op_type not in SUPPORTED:
                continue
            data = Path(case.model_dir) / "test_data_set_0"
            known = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
            free = [item.name for item in graph.input if item.name not in known]
            known.update(zip(free, arrays(data, "input"), strict=True))
            node = graph.node[0]
            yield f"{kind}: {case.name}", (node, [known[name] for name in node.input if name],
                                           arrays(data, "output"))


def _names() -> list[str]:
    return sorted(recorded())


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("name", _names())
def test_a_recorded_node_is_reproduced(name: str, target: str) -> None:
    node, inputs, outputs = recorded()[name]
    try:
        case = translate(node, inputs)
    except Outside as reason:
        pytest.skip(f"outside: {reason}")
    kernel = sc.build(case.op, target=target)
    found = kernel.forward(**case.operands)
    results = found if isinstance(found, tuple) else (found,)
    for result, wanted in zip(results, outputs[:case.outputs], strict=True):
        assert result.shape == wanted.shape
        np.testing.assert_allclose(result, wanted.astype(result.dtype), rtol=RTOL, atol=1e-6)


def test_what_lies_outside_is_listed_with_its_reason() -> None:
    """No recorded node leaves the suite silently."""
    outside: dict[str, set[str]] = {}
    for name, (node, inputs, _) in recorded().items():
        try:
            translate(node, inputs)
        except Outside as reason:
            outside.setdefault(str(reason), set()).add(name)
    assert outside == OUTSIDE
