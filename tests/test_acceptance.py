"""The interpreter gives the acceptance set the values that plain loops over arrays give."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from acceptance import ACCEPTANCE, Case

from symconv.arithmetic import EXACT
from symconv.bounded import bounded
from symconv.certainty import nearest, worst
from symconv.evaluate import evaluate
from symconv.shapes import bind, output_shapes

Arrays = dict[str, np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def correlate(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Stride 1 without padding, two spatial axes."""
    rows, columns = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    y = np.zeros((x.shape[0], w.shape[0], rows, columns))
    for a, e in itertools.product(range(w.shape[2]), range(w.shape[3])):
        y += np.einsum("nchw,oc->nohw", x[:, :, a:a + rows, e:e + columns], w[:, :, a, e])
    return y


def halve(x: np.ndarray) -> np.ndarray:
    rows, columns = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    return (x[:, :, 0:rows:2, 0:columns:2] + x[:, :, 1:rows:2, 0:columns:2]
            + x[:, :, 0:rows:2, 1:columns:2] + x[:, :, 1:rows:2, 1:columns:2]) / 4


def grouped_convolution(q: Arrays) -> np.ndarray:
    x, w, b = np.pad(q["x"], ((0, 0), (0, 0), (2, 2))), q["w"], q["b"]
    y = np.zeros((2, 6, (x.shape[2] - 7) // 2 + 1))
    for n, o, i in np.ndindex(y.shape):
        group = o // 3
        y[n, o, i] = b[o] + sum(x[n, 2 * group + c, 2 * i + 3 * a] * w[o, c, a]
                                for c in range(2) for a in range(3))
    return y


def reflect_convolution(q: Arrays) -> np.ndarray:
    x = np.pad(q["x"], ((0, 0), (0, 0), (2, 3)), mode="reflect")
    return correlate(x[:, :, None], q["w"][:, :, None])[:, :, 0]


def max_pooling(q: Arrays) -> np.ndarray:
    x = np.pad(q["x"], ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    y = np.empty((1, 2, 3, 3))
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = x[n, c, 2 * i:2 * i + 3, 2 * j:2 * j + 2].max()
    return y


def adaptive_average(q: Arrays) -> np.ndarray:
    extent = q["x"].shape[2]
    return np.stack([q["x"][:, :, i * extent // 3:-(-(i + 1) * extent // 3)].mean(axis=2)
                     for i in range(3)], axis=2)


def max_unpool(q: Arrays) -> np.ndarray:
    y = np.zeros((2, 2, 6))
    for n, c, h in np.ndindex(q["x"].shape):
        y[n, c, q["k"][n, c, h]] += q["x"][n, c, h]
    return y


def unfold(q: Arrays) -> np.ndarray:
    x = np.pad(q["x"], ((0, 0), (0, 0), (1, 1), (1, 1)))
    columns = [x[:, :, 2 * i:2 * i + 3, j:j + 2].reshape(1, -1)
               for i in range(2) for j in range(4)]
    return np.stack(columns, axis=2)


def cross_entropy(q: Arrays) -> np.ndarray:
    x = q["x"]
    return np.mean(np.log(np.exp(x).sum(axis=1)) - x[np.arange(len(x)), q["k"]])


def batch_norm(q: Arrays) -> np.ndarray:
    x = q["x"]
    mean, variance = x.mean(axis=(0, 2), keepdims=True), x.var(axis=(0, 2), keepdims=True)
    return ((x - mean) / np.sqrt(variance + 1e-3) * q["gamma"][:, None]) + q["beta"][:, None]


def lp_pooling(q: Arrays) -> np.ndarray:
    return np.stack([np.linalg.norm(q["x"][:, :, 2 * i:2 * i + 3], ord=3, axis=2)
                     for i in range(3)], axis=2)


def transposed_convolution(q: Arrays) -> np.ndarray:
    x, w = q["x"], q["w"]
    full = np.zeros((1, 2, 3 * 2 + 2 * 3 + 1 + 2))
    for i, a in itertools.product(range(4), range(3)):
        full[:, :, 2 * i + 3 * a] += x[:, :, i] @ w[:, :, a]
    return full[:, :, 1:-1] + q["b"][:, None]


def diagonal(q: Arrays) -> np.ndarray:
    return np.diag(q["x"])


def neighbours(q: Arrays) -> np.ndarray:
    return q["x"][:-1] * q["x"][1:]


def lenet(q: Arrays) -> np.ndarray:
    x = np.pad(q["x"], ((0, 0), (0, 0), (1, 1), (1, 1)))
    x = halve(sigmoid(correlate(x, q["w1"]) + q["b1"][:, None, None]))
    x = halve(sigmoid(correlate(x, q["w2"]) + q["b2"][:, None, None]))
    x = sigmoid(x.reshape(len(x), -1) @ q["w3"].T + q["b3"])
    return x @ q["w4"].T + q["b4"]


LOOPS = (grouped_convolution, reflect_convolution, max_pooling, adaptive_average, max_unpool,
         unfold, cross_entropy, batch_norm, lp_pooling, transposed_convolution, diagonal,
         neighbours, lenet)
PAIRS = list(zip(ACCEPTANCE, LOOPS, strict=True))


@pytest.mark.parametrize(("case", "loops"), PAIRS, ids=[case.name for case in ACCEPTANCE])
@pytest.mark.parametrize("seed", [0, 1])
def test_bounded_values_are_those_of_plain_loops(case: Case, loops, seed: int) -> None:
    inputs = case.sample(seed)
    sizes = bind(case.program, case.shapes)
    found = evaluate(case.program, inputs, sizes, bounded("float64"))["y"]
    assert found.shape == output_shapes(case.program, sizes)["y"]
    np.testing.assert_allclose(nearest(found), loops(inputs), rtol=1e-12, atol=1e-13)
    assert worst(nearest(found), found) <= 1


@pytest.mark.parametrize(("case", "loops"), [pair for pair in PAIRS if pair[0].exact],
                         ids=[case.name for case in ACCEPTANCE if case.exact])
def test_rational_values_are_those_of_plain_loops(case: Case, loops) -> None:
    inputs = case.sample(2)
    found = evaluate(case.program, inputs, bind(case.program, case.shapes), EXACT)["y"]
    expected = loops(inputs)
    if case.name == "adaptive average pooling":          # thirds are not dyadic
        np.testing.assert_allclose(found.astype(float), expected, rtol=1e-15)
    else:
        assert found.tolist() == expected.tolist()
