"""What a verdict promises: every pass is checked, faults are seen, and bounds are derived."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from acceptance import cross_entropy, max_unpool

import symconv as sc
from symconv.bounded import bounded
from symconv.emit import c_transforms
from symconv.errors import ParameterError, ShapeError
from symconv.evaluate import evaluate
from symconv.passes import all_passes
from symconv.rewrite import held
from symconv.shapes import bind
from symconv.toom import Scheme, quietest
from symconv.verification import Check, Verdict, ladder, verify
from symconv.verification.bounds import numeric_point
from symconv.verification.certificate import CertifyingArithmetic
from symconv.verification.points import SPACING, label_limits, spaced_point, steps
from symconv.verification.structure import structure
from symconv.verification.subject import make_subject
from symconv.verification.transforms import default_transforms, transform_checks

SHAPES = {"x": (2, 2, 8), "w": (3, 2, 3), "b": (3,)}
PASSES = ("forward", "vjp_x", "vjp_w", "vjp_b", "jvp", "double_vjp_dy", "double_vjp_x",
          "double_vjp_w", "double_vjp_b")


def names(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks]


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_strided_convolution_passes_every_check(target: str, dtype: str) -> None:
    op = sc.ops.conv1d(stride=2, dilation=3, padding=2)
    verdict = verify(op, target, dtype, **SHAPES)
    assert verdict, str(verdict)
    assert verdict.notes == ()
    assert names(verdict) == [
        *(f"interpreter: {name}" for name in PASSES), *(f"exact: {name}" for name in PASSES),
        *(f"differences: {name}" for name in PASSES[1:]),
        "adjoint: x", "adjoint: w", "adjoint: b", "adjoint: double_vjp", "fixed shapes"]


def test_a_bound_is_a_number_that_the_figure_stays_below() -> None:
    verdict = verify(sc.ops.conv1d(), **SHAPES)
    for check in verdict.checks:
        if check.name.startswith("interpreter"):
            assert 0 <= float(check.figure) <= float(check.bound) < 1e-3
    assert float(verdict.checks[0].bound) > 0


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("ties", ["first", "last", "even"])
def test_a_maximum_is_tried_at_ties(target: str, ties: str) -> None:
    verdict = verify(sc.ops.max_pool1d(3, stride=2, padding=1, ties=ties), target, x=(2, 2, 9))
    assert verdict, str(verdict)
    assert names(verdict)[-4:] == ["kink: y weights", f"kink: y ties {ties}", "kink: y one-sided",
                                   "kink: y NaN"]
    assert not verdict.checks[-3].detail.endswith(" 0 windows tie")


@pytest.mark.parametrize(("op", "kinks"), [
    (sc.ops.relu(at_zero=Fraction(1, 3)), ["relu"]),
    (sc.ops.abs(at_zero=1), ["abs"]),
    (sc.ops.minimum(ties="first"), ["minimum"]),
    (sc.parse("y[i] = sum[a](x[i+a] * w[a]); z[i] = relu(y[i])"), ["relu"]),
    (sc.parse("x: [N, C]; y[n] = max[c](x[n,c] * x[n,c])"), ["y"])])
def test_every_kink_is_tried_alone(op: sc.Operator, kinks: list[str]) -> None:
    verdict = verify(op)
    assert verdict, str(verdict)
    tried = [name.split()[1] for name in names(verdict) if name.endswith(" NaN")]
    assert tried == kinks


def test_quotients_are_exact_to_the_nearest_integer() -> None:
    verdict = verify(sc.ops.avg_pool1d(3, stride=2, padding=1, count_include_pad=False),
                     x=(1, 2, 8))
    assert verdict, str(verdict)
    (check,) = [check for check in verdict.checks if check.name == "exact: vjp_x"]
    assert (check.figure, check.bound) == ("0 of 16 differ", "nearest integer")
    assert check.detail.startswith("multiples of 6,")


def test_what_does_not_apply_is_noted_and_not_passed() -> None:
    case = cross_entropy()
    verdict = verify(sc.Operator(case.program), **case.shapes)
    assert verdict, str(verdict)
    assert not [name for name in names(verdict) if name.startswith("exact")]
    (note,) = verdict.notes
    assert "exp is no rational function" in note
    assert note in str(verdict)


def test_frozen_statements_are_held_fixed() -> None:
    """The derivative of f[i]*x[i] with f frozen is f, although f depends on x."""
    verdict = verify(sc.parse("x: [N]; f[i] = frozen(x[i] * x[i]); y[i] = f[i] * x[i]"), x=(5,))
    assert verdict, str(verdict)


def test_several_outputs_and_integer_outputs() -> None:
    op = sc.parse("x: [N, H]; k[n] = argmax[h](x[n,h], h); y[n] = sum[h]([h == k[n]] * x[n,h]); "
                  "z[n] = sum[h](x[n,h] * x[n,h] * x[n,h]); return y, k, z")
    verdict = verify(op, x=(3, 4))
    assert verdict, str(verdict)
    assert {"differences: double_vjp_dy", "differences: double_vjp_dz"} <= {*names(verdict)}


def test_shapes_may_be_left_out_or_lack_the_batch() -> None:
    verdict = verify(sc.ops.relu())
    assert verdict
    assert len(verdict.checks) > 10
    assert verify(sc.ops.conv1d(), x=(2, 6), w=(3, 2, 2))
    assert verify(sc.ops.conv1d(), shapes={"x": (2, 2, 6), "w": (3, 2, 2)})


def test_progress_names_every_check() -> None:
    said: list[str] = []
    verify(sc.ops.abs(), x=(3,), progress=said.append)
    assert said[0] == "derivation"
    assert {"interpreter: jvp", "exact: vjp_x", "differences: jvp", "kinks"} <= set(said)


@pytest.mark.parametrize(("op", "shapes", "error", "match"), [
    (sc.ops.conv1d(), {"x": (1, 2, 6), "w": (3, 1, 2)}, ShapeError, "needed"),
    (sc.ops.conv1d(), {"q": (1,)}, ShapeError, "q"),
    (sc.ops.conv1d(stride="s"), SHAPES, ParameterError, "s"),
    (sc.ops.conv2d(), {"x": (8, 64, 56, 56), "w": (64, 64, 3, 3)}, ParameterError,
     "choose smaller shapes")])
def test_a_request_without_meaning_is_refused(op: sc.Operator, shapes: dict[str, tuple[int, ...]],
                                              error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        verify(op, **shapes)


def test_unknown_targets_and_types_are_refused() -> None:
    for target, dtype in (("fortran", "float32"), ("c", "float16")):
        with pytest.raises(ParameterError):
            verify(sc.ops.abs(), target, dtype, x=(3,))


# --- parts ------------------------------------------------------------------------------------


def test_a_verdict_is_true_only_where_every_check_passed() -> None:
    good, bad = Check("a", "0", "0", True), Check("bb", "1", "0", False, "why")
    assert Verdict((good,))
    assert not Verdict((good, bad))
    assert not Verdict(())
    assert Verdict((good, bad)).failed == (bad,)
    lines = str(Verdict((good, bad), ("note",))).splitlines()
    assert lines[1:] == ["ok      a      0       0", "FAILED  bb     1       0      why",
                         "not applicable: note"]


def certify(text: str, dtype: str = "float32", **arrays: object) -> tuple[list[bool], set[int]]:
    program = sc.parse(text).definition
    inputs = {name: np.array(array, dtype) for name, array in arrays.items()}
    arithmetic = CertifyingArithmetic(dtype)
    found = evaluate(program, inputs, bind(program, {n: a.shape for n, a in inputs.items()}),
                     arithmetic)[program.outputs[0]]
    return [value.sure for value in found.flat], arithmetic.divisors


def test_certificates_end_where_rounding_begins() -> None:
    half = 2 ** 23 - 1                              # counts as 2**23, to leave room for a step
    assert certify("x: [N]; y = sum[i](x[i])", x=[half, -half]) == ([True], set())
    assert certify("x: [N]; y = sum[i](x[i])", x=[half, half + 1]) == ([False], set())
    assert certify("x: [N]; y = sum[i](x[i])", "float64", x=[2.0 ** 40, 0.5]) == ([True], {2})
    assert certify("x: [N]; y[i] = x[i] / 4", x=[2]) == ([True], {4})
    assert certify("x: [N]; y[i] = x[i] / 6", x=[6]) == ([False], {6})
    assert certify("x: [N]; y[i] = x[i]*x[i]*x[i]", x=[255, 256]) == ([True, False], set())


def test_the_structure_of_a_program() -> None:
    def of(text: str) -> tuple[list[float], float, str]:
        program = held(sc.parse(text).definition)
        names = [tensor.name for tensor in sc.parse(text).definition.inputs]
        found = structure(program, names)
        return list(found.degree.values()), found.joint, found.kinks

    inf = float("inf")
    assert of("y[i] = x[i]*w[i] + w[i]") == ([1, 1], 2, "none")
    assert of("t[i] = x[i]*x[i]; y[i] = t[i]*w[i]") == ([2, 1], 3, "none")
    assert of("y[i] = exp(x[i])*w[i]") == ([inf, 1], inf, "none")
    assert of("y[i] = x[i]/w[i]") == ([1, inf], inf, "none")
    assert of("x: [N, C]; y[i] = max[c](x[i,c])") == ([1], 1, "operands")
    assert of("x: [N, C]; y[i] = max[c](2*x[i,c])") == ([1], 1, "inside")
    assert of("t[i] = frozen(relu(x[i])); y[i] = t[i]*x[i]") == ([1], 1, "none")


def test_directions_reach_every_element_and_spaced_points_have_no_ties() -> None:
    few = list(steps((2, 3), seed=1))
    assert np.array_equal(np.sum(few[:6], axis=0), np.ones((2, 3)))
    assert all(np.all(np.abs(step) == 1) for step in few[6:])
    assert len(list(steps((100,), seed=1, units=10, dense=2))) == 12
    program = sc.ops.maximum(ndim=1).definition
    point = spaced_point(program, bind(program, {"a": (7,), "b": (7,)}), "float32", 1)
    numbers = np.sort(np.concatenate([array.ravel() for array in point.operands.values()]))
    assert np.diff(numbers).min() >= SPACING
    assert 0 not in numbers


def test_labels_stay_where_the_definition_can_read() -> None:
    case = max_unpool()
    assert label_limits(case.program, bind(case.program, case.shapes)) == {"k": (0, 5)}
    case = cross_entropy()
    assert label_limits(case.program, bind(case.program, case.shapes)) == {"k": (0, 3)}
    flat = sc.parse("x: [H, W]; k: int[N]; y[n] = sum[i,j]([3*i + j == k[n] - 1] * x[i,j])"
                    ).definition
    assert label_limits(flat, bind(flat, {"x": (4, 3), "k": (2,)})) == {"k": (1, 12)}


# --- transforms of the default kernel ------------------------------------------------------------

LAYERS = {
    "plane": (sc.ops.conv2d(padding=1), {"x": (1, 3, 6, 7), "w": (4, 3, 3, 3), "b": (4,)}),
    "groups": (sc.ops.conv1d(padding=1, groups=2), {"x": (2, 4, 19), "w": (6, 2, 3), "b": (6,)}),
    "strands": (sc.ops.conv1d(padding=2, dilation=2), {"x": (1, 3, 19), "w": (4, 3, 3), "b": (4,)}),
    "phases": (sc.ops.conv1d(padding=4), {"x": (1, 3, 29), "w": (4, 3, 9), "b": (4,)}),
    "scaled": (sc.parse("y[o,i] = sum[c,a](x[c,i+a] * w[o,c,a] / 2)"),
               {"x": (5, 40), "w": (7, 5, 3)})}


def transform_verdict(op: sc.Operator, shapes: dict[str, tuple[int, ...]]) -> Verdict:
    """The checks of a kernel that transforms wherever it can."""
    values = bind(op.definition, shapes)
    subject = make_subject(op, "c", "float32", values, all_passes(op.definition))
    point = numeric_point(subject)
    transforms = default_transforms(subject, "winograd")
    assert transforms is not None
    references = {item.name: subject.reference(item, point, bounded("float32"))
                  for item in transforms.subject.passes}
    return Verdict(tuple(transform_checks(transforms, point, references)))


@pytest.mark.parametrize("layer", LAYERS)
def test_a_transform_stays_within_its_worst_case(layer: str) -> None:
    verdict = transform_verdict(*LAYERS[layer])
    assert verdict, str(verdict)
    assert {"transforms: forward", "transforms: vjp_x", "transforms: vjp_w"} <= {*names(verdict)}
    for check in verdict.checks:
        assert 0 <= float(check.figure) <= float(check.bound) < 0.1


def sabotage(letter: str, patch: pytest.MonkeyPatch) -> None:
    """One entry of a matrix changes its sign in every kernel that is emitted."""
    def wrong(m: int, r: int) -> Scheme | None:
        found = quietest(m, r)
        if found is None:
            return None
        matrix = getattr(found, letter).copy()
        matrix[1, 1] = -matrix[1, 1]
        return replace(found, **{letter: matrix})

    patch.setattr(c_transforms, "quietest", wrong)


@pytest.mark.parametrize("letter", ["a", "b", "g"])
def test_a_transform_with_one_wrong_entry_is_refused(letter: str,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(letter, monkeypatch)
    verdict = transform_verdict(*LAYERS["plane"])
    assert verdict.failed == verdict.checks


@pytest.mark.parametrize("is_wrong", [False, True])
def test_a_verdict_covers_the_transforms(is_wrong: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a layer for which the model would not take them: those take the interpreter minutes."""
    monkeypatch.setattr(ladder, "default_transforms",
                        partial(default_transforms, schedule="winograd"))
    if is_wrong:
        sabotage("a", monkeypatch)
    verdict = verify(sc.ops.conv1d(padding=1, bias=False), x=(1, 2, 9), w=(3, 2, 3))
    found = tuple(check for check in verdict.checks if check.name.startswith("transforms: "))
    assert [check.name.removeprefix("transforms: ") for check in found] == [
        "forward", "vjp_x", "vjp_w", "double_vjp_x", "double_vjp_w"]
    assert verdict.failed == (found if is_wrong else ())


LARGE = {"x": (1, 64, 28, 28), "w": (64, 64, 3, 3)}


def test_the_passes_that_transform_by_default_are_found() -> None:
    op = sc.ops.conv2d(padding=1, bias=False)
    values = bind(op.definition, LARGE)
    subject = make_subject(op, "c", "float32", values, all_passes(op.definition))
    transforms = default_transforms(subject)
    assert transforms is not None
    assert {"forward", "vjp_x", "vjp_w"} <= {*transforms.nodes}


@pytest.mark.parametrize(("target", "dtype"), [("c", "float64"), ("numpy", "float32")])
def test_without_transforms_there_is_nothing_to_check(target: str, dtype: str) -> None:
    op = sc.ops.conv2d(padding=1, bias=False)
    values = bind(op.definition, LARGE)
    subject = make_subject(op, target, dtype, values, all_passes(op.definition))
    assert default_transforms(subject) is None


def test_small_layers_keep_to_sums_which_are_exact_on_integers() -> None:
    op = sc.ops.conv2d(padding=1, bias=False)
    values = bind(op.definition, {"x": (2, 16, 16, 16), "w": (16, 16, 3, 3)})
    subject = make_subject(op, "c", "float32", values, all_passes(op.definition))
    assert default_transforms(subject) is None
