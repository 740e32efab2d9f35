"""PyTorch as a second opinion: forward and gradients in float64, extra `peers`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symconv as sc

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = [pytest.mark.peers,
              pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")]

ops = sc.ops


def agree(op: sc.Operator, function: Any, target: str, **operands: np.ndarray) -> None:
    """The values and the gradients of every real operand."""
    kernel = sc.build(op, target, "float64")
    tensors = {name: torch.from_numpy(array).requires_grad_(array.dtype.kind == "f")
               for name, array in operands.items()}
    wanted = function(**tensors)
    found = kernel.forward(**operands)
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-11, atol=1e-12)
    dy = np.asarray(np.random.default_rng(9).normal(size=found.shape))
    wanted.backward(torch.from_numpy(dy))
    for name, gradient in kernel.vjp(dy, **operands).items():
        np.testing.assert_allclose(gradient, tensors[name].grad.numpy(), rtol=1e-10, atol=1e-11)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


X1, X2, X3 = normal(2, 4, 9), normal(2, 4, 7, 8), normal(1, 2, 4, 5, 6)
W2, W3, B = normal(6, 2, 3, 2), normal(3, 2, 2, 2, 3), normal(6)
TORCH_MODES = {"replicate": "replicate", "reflect": "reflect", "circular": "circular"}


def cases() -> dict[str, tuple[sc.Operator, Any, dict[str, np.ndarray]]]:
    conv = {"x": X2, "w": W2, "b": B}
    found: dict[str, tuple[sc.Operator, Any, dict[str, np.ndarray]]] = {
        "conv2d": (ops.conv2d(stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
                   lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), 2), conv),
        "conv2d same": (ops.conv2d(padding="same", groups=2),
                        lambda x, w, b: F.conv2d(x, w, b, padding="same", groups=2), conv),
        "conv3d": (ops.conv3d(bias=False, stride=2, padding=1),
                   lambda x, w: F.conv3d(x, w, stride=2, padding=1), {"x": X3, "w": W3}),
        "conv_transpose2d": (
            ops.conv_transpose2d(stride=2, dilation=3, output_padding=2, padding=1, groups=2),
            lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 2, 2, 3),
            {"x": X2, "w": normal(4, 3, 2, 3), "b": B}),
        "max_pool2d": (ops.max_pool2d(3, stride=2, padding=1, dilation=2, ceil_mode=True),
                       lambda x: F.max_pool2d(x, 3, 2, 1, 2, True), {"x": X2}),
        "max_pool3d": (ops.max_pool3d(2, stride=1), lambda x: F.max_pool3d(x, 2, 1), {"x": X3}),
        "adaptive_avg": (ops.adaptive_avg_pool2d((3, 5)),
                         lambda x: F.adaptive_avg_pool2d(x, (3, 5)), {"x": X2}),
        "adaptive_max": (ops.adaptive_max_pool2d((4, 3)),
                         lambda x: F.adaptive_max_pool2d(x, (4, 3)), {"x": X2}),
        "adaptive_avg3d": (ops.adaptive_avg_pool3d(2), lambda x: F.adaptive_avg_pool3d(x, 2),
                           {"x": X3}),
        "unfold": (ops.unfold((3, 2), stride=2, padding=1, dilation=(1, 2)),
                   lambda x: F.unfold(x, (3, 2), (1, 2), 1, 2), {"x": X2}),
        "fold": (ops.fold((2, 3), (5, 6), padding=1, stride=2),
                 lambda x: F.fold(x, (5, 6), (2, 3), 1, 1, 2), {"x": normal(2, 12, 9)}),
        "batch_norm": (ops.batch_norm(),
                       lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, True),
                       {"x": X2, "gamma": normal(4), "beta": normal(4) + 1}),
        "leaky_relu": (ops.leaky_relu(0.2), lambda x: F.leaky_relu(x, 0.2), {"x": X1}),
        "linear": (ops.linear(), F_linear, {"x": normal(3, 5), "w": normal(2, 5), "b": normal(2)}),
        "concat": (ops.concat(), lambda a, b, c: torch.cat((a, b, c), 1),
                   {"a": X1, "b": X1[:, :1].copy(), "c": X1[:, :3].copy()}),
    }
    for ceil in (False, True):
        for counted in (False, True):
            found[f"avg_pool2d ceil={ceil} pad={counted}"] = (
                ops.avg_pool2d((3, 2), stride=2, padding=1, ceil_mode=ceil,
                               count_include_pad=counted),
                lambda x, ceil=ceil, counted=counted: F.avg_pool2d(
                    x, (3, 2), 2, 1, ceil, counted), {"x": X2})
    for p in (2, 3.0):
        found[f"lp_pool1d {p}"] = (ops.lp_pool1d(3, stride=2, norm_type=p),
                                   lambda x, p=p: F.lp_pool1d(x.abs(), p, 3, 2), {"x": X1})
    for mode, theirs in TORCH_MODES.items():
        found[f"pad {mode}"] = (
            ops.pad(((0, 0), (0, 0), (2, 1), (3, 2)), mode=mode),
            lambda x, theirs=theirs: F.pad(x, (3, 2, 2, 1), theirs), {"x": X2})
        found[f"conv2d {mode}"] = (
            ops.conv2d(padding=(2, 1), padding_mode=mode, groups=2),
            lambda x, w, b, theirs=theirs: F.conv2d(F.pad(x, (1, 1, 2, 2), theirs), w, b,
                                                    groups=2), conv)
    for reduction in ("mean", "sum", "none"):
        found[f"cross entropy {reduction}"] = (
            ops.softmax_cross_entropy(reduction),
            lambda x, labels, r=reduction: F.cross_entropy(x, labels, reduction=r),
            {"x": normal(2, 5, 3), "labels": np.array([[0, 4, 2], [1, 1, 3]])})
    return found


def F_linear(x: Any, w: Any, b: Any) -> Any:
    return F.linear(x, w, b)


CASES = cases()


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("name", CASES)
def test_pytorch_agrees(name: str, target: str) -> None:
    op, function, operands = CASES[name]
    agree(op, function, target, **operands)


@pytest.mark.parametrize("target", ["c", "numpy"])
def test_pytorch_agrees_on_indices_and_unpooling(target: str) -> None:
    y, indices = sc.build(ops.max_pool2d(2, return_indices=True), target, "float64").forward(x=X2)
    ours, theirs = F.max_pool2d(torch.from_numpy(X2), 2, return_indices=True)
    np.testing.assert_array_equal(y, ours.numpy())
    np.testing.assert_array_equal(indices, theirs.numpy())
    back = sc.build(ops.max_unpool2d(2, output_size=(7, 8)), target, "float64")
    np.testing.assert_array_equal(back.forward(x=y, indices=indices), F.max_unpool2d(
        ours, theirs, 2, output_size=(7, 8)).numpy())
