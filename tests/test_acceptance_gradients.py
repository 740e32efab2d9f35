"""Jacobian, VJP and JVP of the acceptance set are those of differences of its values."""

from __future__ import annotations

import numpy as np
import pytest
from acceptance import ACCEPTANCE, Case
from brute import brute_jacobian

from symconv.arithmetic import EXACT
from symconv.bounded import bounded
from symconv.certainty import nearest
from symconv.differentiate import differentiable, jacobian, jvp, vjp
from symconv.evaluate import evaluate
from symconv.ir import Program
from symconv.shapes import bind, output_shapes

PAIRS = [pytest.param(case, wrt, id=f"{case.name}, {wrt}")
         for case in ACCEPTANCE for wrt in differentiable(case.program)]
CASES = [pytest.param(case, id=case.name) for case in ACCEPTANCE]


def run(case: Case, program: Program, inputs: dict[str, np.ndarray], output: str) -> np.ndarray:
    sizes = bind(case.program, case.shapes)
    if case.exact:
        return evaluate(program, inputs, sizes, EXACT)[output]
    return nearest(evaluate(program, inputs, sizes, bounded("float64"))[output])


def differences(case: Case, wrt: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
    return brute_jacobian(case.program, wrt, inputs, bind(case.program, case.shapes), case.exact)


def agree(case: Case, found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    if case.exact:
        assert found.tolist() == expected.tolist()
    else:
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * scale)


def cotangent(case: Case) -> np.ndarray:
    shape = output_shapes(case.program, bind(case.program, case.shapes))["y"]
    return np.random.default_rng(7).integers(-4, 5, shape)


@pytest.mark.parametrize(("case", "wrt"), PAIRS)
def test_jacobian_is_the_matrix_of_differences(case: Case, wrt: str) -> None:
    inputs = case.sample()
    agree(case, run(case, jacobian(case.program, wrt).result, inputs, "J"),
          differences(case, wrt, inputs))


@pytest.mark.parametrize(("case", "wrt"), PAIRS)
def test_vjp_contracts_the_cotangent_with_the_differences(case: Case, wrt: str) -> None:
    inputs, dy = case.sample(1), cotangent(case)
    expected = np.tensordot(dy, differences(case, wrt, inputs), axes=dy.ndim)
    found = run(case, vjp(case.program, (wrt,)).result, {"dy": dy, **inputs}, f"d{wrt}")
    agree(case, found, expected)


@pytest.mark.parametrize("case", CASES)
def test_jvp_contracts_the_differences_with_the_tangents(case: Case) -> None:
    inputs, rng = case.sample(2), np.random.default_rng(8)
    tangents = {name: rng.integers(-4, 5, case.shapes[name])
                for name in differentiable(case.program)}
    expected = sum(np.tensordot(differences(case, name, inputs), tangent, axes=tangent.ndim)
                   for name, tangent in tangents.items())
    found = run(case, jvp(case.program).result,
                {**{f"t{name}": tangent for name, tangent in tangents.items()}, **inputs}, "ty")
    agree(case, found, np.asarray(expected))


@pytest.mark.parametrize("case", CASES)
def test_every_step_of_a_derivation_means_the_same(case: Case) -> None:
    """Selectors keep the outputs; contraction keeps the gradients."""
    inputs, dy = case.sample(3), cotangent(case)
    for wrt in differentiable(case.program):
        steps = vjp(case.program, (wrt,)).steps
        derived = [step for step in steps if step.program.outputs != case.program.outputs]
        plain = [step for step in steps if step.program.outputs == case.program.outputs]
        values = [run(case, step.program, inputs, "y").tolist() for step in plain]
        gradients = [run(case, step.program, {"dy": dy, **inputs}, step.program.outputs[0]).tolist()
                     for step in derived]
        assert all(value == values[0] for value in values)
        if case.exact:
            assert all(gradient == gradients[0] for gradient in gradients)
        else:
            for gradient in gradients:
                np.testing.assert_allclose(gradient, gradients[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", CASES)
def test_the_vjp_derives_again(case: Case) -> None:
    """The gradient with respect to dy of <dx, v> is the JVP in x of direction v."""
    inputs, dy = case.sample(4), cotangent(case)
    wrt = differentiable(case.program)[0]
    v = np.random.default_rng(9).integers(-4, 5, case.shapes[wrt])
    first = vjp(case.program, (wrt,)).result
    again = vjp(first, ("dy",), {f"d{wrt}": "v"}, {"dy": "ddy"}).result
    found = run(case, again, {"v": v, "dy": dy, **inputs}, "ddy")
    agree(case, found, np.tensordot(differences(case, wrt, inputs), v, axes=v.ndim))
