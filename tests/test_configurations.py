"""Every pass of a convolution is exact on integers, for strides, dilations, kernels and paddings
that do not fit each other, on both targets and in both element types.

The oracle is written out by hand: it adds up the relation u = s*i + d*a - p point by point.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import symconv as sc

# (stride, dilation, padding), each with several kernels and sizes that leave a remainder
CONFIGURATIONS = [(1, 1, 0), (1, 1, 1), (1, 2, 2), (1, 3, 1), (1, 4, 3), (2, 1, 0), (2, 1, 1),
                  (2, 2, 1), (2, 3, 2), (2, 4, 3), (3, 1, 1), (3, 2, 0), (3, 2, 3), (3, 3, 2),
                  (3, 4, 1), (4, 1, 3), (4, 2, 1), (4, 3, 0), (4, 4, 2), (4, 1, 0), (2, 2, 0),
                  (1, 4, 0), (3, 1, 3), (4, 3, 3), (2, 1, 3)]
KERNELS = (1, 2, 3, 5)


def oracle(s: int, d: int, p: int, t: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All passes of y[n,o,i] = b[o] + sum over u = s*i + d*a - p of x[n,c,u] w[o,c,a]."""
    r = {"y": np.zeros_like(t["dy"]) + t["b"][:, None],
         "ty": np.zeros_like(t["dy"]) + t["tb"][:, None],
         "dx": np.zeros_like(t["x"]), "dw": np.zeros_like(t["w"]), "db": t["dy"].sum((0, 2)),
         "gdy": np.zeros_like(t["dy"]) + t["vb"][:, None],
         "gx": np.zeros_like(t["x"]), "gw": np.zeros_like(t["w"]), "gb": np.zeros_like(t["b"])}
    for i, a in itertools.product(range(t["dy"].shape[2]), range(t["w"].shape[2])):
        u = s * i + d * a - p
        if not 0 <= u < t["x"].shape[2]:
            continue
        x, w, dy = t["x"][:, :, u], t["w"][:, :, a], t["dy"][:, :, i]
        r["y"][:, :, i] += x @ w.T
        r["ty"][:, :, i] += t["tx"][:, :, u] @ w.T + x @ t["tw"][:, :, a].T
        r["dx"][:, :, u] += dy @ w
        r["dw"][:, :, a] += dy.T @ x
        r["gdy"][:, :, i] += t["vx"][:, :, u] @ w.T + x @ t["vw"][:, :, a].T
        r["gx"][:, :, u] += dy @ t["vw"][:, :, a]
        r["gw"][:, :, a] += dy.T @ t["vx"][:, :, u]
    return r


def integers(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-4, 5, shape).astype(dtype)


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("s", "d", "p"), CONFIGURATIONS)
def test_every_pass_is_exact_on_integers(s: int, d: int, p: int, dtype: str, target: str) -> None:
    rng = np.random.default_rng(1000 * s + 100 * d + p)
    kernel = sc.build(sc.ops.conv1d(stride=s, dilation=d, padding=p), target=target, dtype=dtype)
    for taps in KERNELS:
        least = max(1, d * (taps - 1) + 1 - 2 * p)
        for size in (least, least + s, least + 2 * s + 1 + s // 2):
            shapes = {"x": (2, 2, size), "w": (3, 2, taps), "b": (3,)}
            outputs = (size + 2 * p - d * (taps - 1) - 1) // s + 1
            t = {"dy": integers((2, 3, outputs), dtype, rng)}
            for name, shape in shapes.items():
                for prefix in ("", "t", "v"):
                    t[prefix + name] = integers(shape, dtype, rng)
            expected = oracle(s, d, p, t)
            operands = {name: t[name] for name in shapes}
            found = {"y": kernel.forward(**operands)}
            found |= {f"d{n}": g for n, g in kernel.vjp(t["dy"], **operands).items()}
            found["ty"] = kernel.jvp({n: t[f"t{n}"] for n in shapes}, **operands)
            found |= {f"g{n}": g for n, g in kernel.double_vjp(
                {n: t[f"v{n}"] for n in shapes}, t["dy"], **operands).items()}
            assert found.keys() == expected.keys()
            for name, value in expected.items():
                assert found[name].dtype == dtype
                np.testing.assert_array_equal(found[name], value, err_msg=name)
