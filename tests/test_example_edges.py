"""The example `edges` learns what it says, its filters agree with SciPy and NumPy, and it runs
from any directory, giving the same bytes each time.

SciPy computes in float64 from the same float32 values. A kernel's result is a sum of n products:
each rounds at most n times, so it is within gamma(n, 2**-24) * sum |terms| of the exact sum.
"""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import scipy.special

SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "edges" / "edges.py"
SINGLE, DOUBLE = 2.0 ** -24, 2.0 ** -53


def gamma(roundings: int, unit: float) -> float:
    return roundings * unit / (1 - roundings * unit)


@pytest.fixture(scope="module")
def edges() -> ModuleType:
    spec = importlib.util.spec_from_file_location("edges", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def planes(edges: ModuleType) -> np.ndarray:
    return edges.photograph()


def windows(image: np.ndarray) -> np.ndarray:
    """The pixels under each of the two taps: (2, positions)."""
    return np.stack([image[:, :-1].ravel(), image[:, 1:].ravel()])


def predicted(image: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """The kernel after gradient descent from zero on the sum of squares, by linear algebra.

    The gradient at k is 2 G (k - k*) with the Gram matrix G of the windows, so the distance to
    k* = (1, -1) is multiplied by I - 2 rate G in every step.
    """
    goal = np.array([1.0, -1.0])
    shrink = np.eye(2) - 2 * rate * windows(image) @ windows(image).T
    return goal - np.linalg.matrix_power(shrink, steps) @ goal


@pytest.mark.parametrize("target", ["c", "numpy"])
def test_ten_steps_on_the_classical_image(edges: ModuleType, target: str) -> None:
    image = edges.classical_image()
    expected = np.zeros((6, 7))
    expected[:, 1], expected[:, 5] = 1, -1
    found = edges.edge_map(image, edges.DIFFERENCE, target)
    assert np.array_equal(found, expected)

    kernel, losses = edges.learn(image, found, 3e-2, 10, target)
    # G = [[18, 12], [12, 18]] shrinks (1, -1) by 1 - 2 * 0.03 * 6 = 0.64 per step
    np.testing.assert_allclose(kernel, [[1 - 0.64 ** 10, 0.64 ** 10 - 1]], rtol=0, atol=1e-14)
    np.testing.assert_allclose(kernel[0], predicted(image, 3e-2, 10), rtol=0, atol=1e-14)
    np.testing.assert_allclose(losses, [12 * 0.64 ** (2 * step) for step in range(10)],
                               rtol=1e-13)


@pytest.mark.parametrize("target", ["c", "numpy"])
def test_the_transposed_image_has_no_edges_of_this_kind(edges: ModuleType, target: str) -> None:
    found = edges.edge_map(edges.classical_image().T, edges.DIFFERENCE, target)
    assert found.shape == (8, 5)
    assert not found.any()


def test_the_photograph_teaches_the_same_kernel(edges: ModuleType, planes: np.ndarray) -> None:
    grey = edges.standardised(planes)
    found = edges.edge_map(grey, edges.DIFFERENCE)
    assert np.array_equal(found, grey[:, :-1] - grey[:, 1:])

    steps, rate = 150, 0.4 / found.size
    kernel, losses = edges.learn(grey, found, rate, steps)
    # a gradient is a sum of 2 (y - t) x over all pixels, with |k| <= 1 on the way; an error made
    # in one step never grows, because the eigenvalues of I - 2 rate G are between -1 and 1
    taps = np.abs(windows(grey))
    terms = 2 * ((taps.sum(0) + np.abs(found).ravel()) * taps).sum(1).max()
    bound = 2 * 2 ** 0.5 * steps * rate * gamma(found.size + 9, DOUBLE) * terms
    assert bound < 1e-7
    assert np.abs(kernel[0] - predicted(grey, rate, steps)).max() <= bound
    assert np.abs(kernel - edges.DIFFERENCE).max() < 1e-3
    assert all(after < before for before, after in itertools.pairwise(losses))


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("name", ["BLUR", "SHARPEN", "SOBEL"])
def test_filters_agree_with_scipy(edges: ModuleType, planes: np.ndarray, name: str,
                                  target: str) -> None:
    kernels = np.atleast_3d(getattr(edges, name).T).T
    found = edges.convolved(planes, kernels, target)
    assert found.dtype == np.float32
    assert found.shape == (3, len(kernels), *planes.shape[1:])
    rounded = kernels.astype(np.float32).astype(np.float64)
    for plane, results in zip(planes.astype(np.float64), found, strict=True):
        for kernel, result in zip(rounded, results, strict=True):
            expected, terms = (scipy.signal.correlate2d(plane, weights, "same", boundary="symm")
                               for weights in (kernel, np.abs(kernel)))
            slack = gamma(kernel.size, SINGLE) + 2 * gamma(kernel.size, DOUBLE)
            assert (np.abs(result - expected) <= slack * terms).all()


def test_blur_is_binomial_and_sharpening_adds_what_a_blur_takes_away(edges: ModuleType) -> None:
    wide, narrow = scipy.special.comb(8, np.arange(9)), scipy.special.comb(4, np.arange(5))
    assert np.array_equal(edges.BLUR, np.outer(wide, wide) / 4 ** 8)
    identity = np.zeros((5, 5))
    identity[2, 2] = 1
    assert np.array_equal(edges.SHARPEN, identity + 2 * (identity - np.outer(narrow, narrow) / 256))


@pytest.mark.parametrize("target", ["c", "numpy"])
def test_sobel_is_the_length_of_the_slopes(edges: ModuleType, planes: np.ndarray,
                                           target: str) -> None:
    found = edges.sobel(planes, target)
    slopes = [[scipy.ndimage.sobel(plane, axis, mode="reflect")      # the border repeats: "symm"
               for plane in planes.astype(np.float64)] for axis in (1, 0)]
    terms = [[scipy.signal.correlate2d(plane, np.abs(kernel), "same", boundary="symm")
              for plane in planes.astype(np.float64)] for kernel in edges.SOBEL]
    expected = np.hypot(*slopes)
    # the length moves by at most the length of the change of the slopes; then two squares, a sum
    # and a root round, and a square below the normal range loses at most sqrt(2**-149)
    bound = (gamma(9, SINGLE) + 3 * gamma(9, DOUBLE)) * np.hypot(*terms)
    bound += gamma(4, SINGLE) * (expected + bound) + 2.0 ** -73
    assert (np.abs(found - expected) <= bound).all()


@pytest.mark.parametrize("target", ["c", "numpy"])
def test_max_pooling_is_a_maximum_over_blocks(edges: ModuleType, planes: np.ndarray,
                                              target: str) -> None:
    assert planes.shape == (3, 427, 640)
    blocks = planes[:, :426].reshape(3, 213, 2, 320, 2)
    assert np.array_equal(edges.max_pooled(planes, target), blocks.max((2, 4)))


def test_it_runs_from_any_directory_and_repeats_itself(tmp_path: Path) -> None:
    written = []
    for folder in ("first", "second/inner"):
        done = subprocess.run([sys.executable, str(SCRIPT), "-o", folder], cwd=tmp_path,
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert "kernel [ 0.9885 -0.9885]" in done.stdout
        assert "kernel [ 0.9992 -0.9992]" in done.stdout
        assert [path.name for path in (tmp_path / folder).iterdir()] == ["edges.png"]
        written.append((tmp_path / folder / "edges.png").read_bytes())
    assert written[0] == written[1]


def test_the_panels_show_what_their_titles_say(edges: ModuleType, planes: np.ndarray) -> None:
    found = edges.edge_map(edges.standardised(planes), edges.DIFFERENCE)
    page = np.asarray(edges.before_and_after(planes, found, "c"), dtype=float)
    height, width = planes.shape[1:]
    panels = [page[top:top + height, left:left + width] for top in (34, 495, 956)
              for left in (12, 664)]
    before, learned, blurred, sharpened, slopes, pooled = panels
    assert np.array_equal(before, np.rint(255 * planes.astype(float)).transpose(1, 2, 0))
    assert (learned == learned[..., :1]).all()

    def roughness(panel: np.ndarray) -> float:
        return float(np.abs(np.diff(panel, axis=0)).mean() + np.abs(np.diff(panel, axis=1)).mean())

    assert 2 * roughness(blurred) < roughness(before) < roughness(sharpened) / 1.5
    sky = np.s_[20:100, 350:600]
    assert slopes[sky].mean() < 0.1 * slopes.mean()
    assert np.array_equal(pooled[0:426:2], pooled[1:426:2])
    assert (pooled[:426] >= before[:426]).all()


def test_a_folder_that_cannot_be_made_is_one_message(edges: ModuleType, tmp_path: Path,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("a file")
    assert edges.main(["-o", str(tmp_path / "taken")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("edges: ")
    assert message.count("\n") == 1
