"""The catalogue: parameters are checked, definitions are the ones promised, bad shapes refused."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

import symconv as sc
from symconv.operators import catalogue


@pytest.mark.parametrize("name", catalogue.names())
def test_every_operator_has_a_signature_a_summary_and_a_symbolic_form(name: str) -> None:
    entry = catalogue.entry(name)
    assert entry.summary.endswith(".")
    assert "name" in entry.signature.parameters
    assert all(parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
               for parameter in entry.signature.parameters.values())
    op = entry.make(**catalogue.symbolic_defaults(name))
    assert op.outputs == ("y",)
    assert op.definition.inputs[0].name == op.inputs[0]


def test_unknown_operator_suggests_the_nearest() -> None:
    with pytest.raises(sc.ParameterError, match="conv2d"):
        catalogue.entry("conv2")


def test_the_catalogue_needs_neither_sympy_nor_numpy() -> None:
    code = ("import sys; from symconv.operators import catalogue; import symconv as sc; "
            "catalogue.entries(); sc.ops.conv2d(stride=2); "
            "print([m for m in ('sympy', 'numpy') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "parameters", "words"), [
    ("conv2d", {"stride": 0}, ["stride", "axis H", "0", "at least 1"]),
    ("conv2d", {"stride": (1, 2, 3)}, ["stride", "(1, 2, 3)", "one per axis (H, W)"]),
    ("conv2d", {"stride": True}, ["stride", "True", "integer"]),
    ("conv2d", {"stride": 1.0}, ["stride", "1.0", "integer"]),
    ("conv2d", {"stride": "S"}, ["stride", "'S'", "lower-case"]),
    ("conv2d", {"stride": "x"}, ["stride", "'x'"]),
    ("conv2d", {"stride": "lambda"}, ["stride", "'lambda'"]),
    ("conv2d", {"padding": -1}, ["padding", "-1", "at least 0"]),
    ("conv2d", {"padding": ((1, 2),)}, ["padding", "(low, high)", "(1, 2), (1, 2)"]),
    ("conv1d", {"padding": (1, 2)}, ["padding", "(1, 2)"]),
    ("conv2d", {"padding": "same", "stride": 2}, ["same_upper", "stride"]),
    ("conv2d", {"groups": 0}, ["groups", "0"]),
    ("conv2d", {"bias": 1}, ["bias", "1", "True or False"]),
    ("conv2d", {"padding_mode": "mirror"}, ["padding_mode", "mirror", "reflect"]),
    ("conv2d", {"kernel_size": (3,)}, ["kernel_size", "(3,)"]),
    ("conv2d", {"name": "my conv"}, ["name", "my conv", "identifier"]),
    ("conv_transpose2d", {"output_padding": 1}, ["output_padding", "axis H", "below 1"]),
    ("max_pool2d", {"kernel_size": 2, "ties": "all"}, ["ties", "all", "first"]),
    ("max_pool2d", {"kernel_size": 2, "return_indices": 1}, ["return_indices", "1"]),
    ("lp_pool2d", {"kernel_size": 2, "norm_type": 0}, ["norm_type", "0", "positive"]),
    ("lp_pool2d", {"kernel_size": 2, "norm_type": -2}, ["norm_type", "-2", "positive"]),
    ("lp_pool2d", {"kernel_size": 2, "norm_type": float("-inf")}, ["norm_type", "-inf"]),
    ("lp_pool2d", {"kernel_size": 2, "norm_type": "big"}, ["norm_type", "big"]),
    ("adaptive_avg_pool2d", {"output_size": (1, 2, 3)}, ["output_size", "(1, 2, 3)", "H, W"]),
    ("adaptive_max_pool2d", {"output_size": 0}, ["output_size", "axis H", "0"]),
    ("global_max_pool", {"ndim": 0}, ["ndim", "0"]),
    ("max_unpool2d", {}, ["kernel_size", "output_size"]),
    ("pad", {"padding": ()}, ["padding", "()", "(low, high)"]),
    ("pad", {"padding": ((1, 2), 3)}, ["padding", "(low, high)"]),
    ("pad", {"padding": ((1, 1),), "ndim": 2}, ["padding", "2 axes", "ndim"]),
    ("pad", {"padding": 1, "mode": "mirror"}, ["mode", "mirror", "reflect"]),
    ("pad", {"padding": 1, "mode": "reflect", "value": 2}, ["value", "2", "reflect"]),
    ("unfold", {"kernel_size": (1, 1, 1, 1)}, ["kernel_size", "length 1, 2 or 3"]),
    ("fold", {"kernel_size": 2, "output_size": (3,)}, ["output_size", "(3,)"]),
    ("concat", {"axis": 1.0}, ["axis", "1.0"]),
    ("concat", {"count": 0}, ["count", "0"]),
    ("concat", {"axis": 2, "ndim": 2}, ["axis", "2", "from -2 to 1"]),
    ("batch_norm", {"eps": 0}, ["eps", "0", "above 0"]),
    ("softmax_cross_entropy", {"reduction": "max"}, ["reduction", "max", "mean"]),
    ("avg_pool2d", {"kernel_size": 2, "divisor_override": 0}, ["divisor_override"]),
    ("convolve", {"ndim": 4}, ["ndim", "4"]),
    ("convolve", {"mode": "wrap"}, ["mode", "wrap"]),
    ("reduce_sum", {"ndim": 2, "axes": 2}, ["axes", "2", "2 axes"]),
    ("reduce_sum", {"ndim": 2, "axes": (0, -2)}, ["axes", "distinct"]),
    ("relu", {"at_zero": 2}, ["at_zero", "2", "from 0 to 1"]),
    ("abs", {"at_zero": float("nan")}, ["at_zero", "nan"]),
    ("relu", {"ndim": -1}, ["ndim", "-1"]),
    ("maximum", {"ties": "both"}, ["ties", "both"]),
])
def test_a_bad_parameter_is_refused_with_its_name_and_a_remedy(
        name: str, parameters: dict[str, object], words: list[str]) -> None:
    with pytest.raises(sc.ParameterError) as caught:
        catalogue.entry(name).make(**parameters)
    for word in [name, *words]:
        assert word in str(caught.value)
    assert ";" in str(caught.value)


def test_numpy_integers_are_integers_and_numpy_bools_are_not() -> None:
    given = sc.ops.conv2d(stride=np.int64(2), padding=np.array([1, 2]))
    assert given.definition == sc.ops.conv2d(stride=2, padding=(1, 2)).definition
    with pytest.raises(sc.ParameterError, match="stride"):
        sc.ops.conv2d(stride=np.bool_(True))
    with pytest.raises(sc.ParameterError, match="stride"):
        sc.ops.conv2d(stride=np.array([[1, 2]]))


def test_symbols_become_parameters_and_never_capture_an_index() -> None:
    op = sc.ops.conv2d(stride=("n", "a"), padding="i", dilation="d", groups="g")
    assert set(op.definition.parameters) == {"n", "a", "i", "d", "g"}
    indices = {index.name for definition in op.definition.definitions
               for index in definition.free}
    assert not indices & {"n", "a", "i", "d", "g"}


def test_sizes_have_the_names_of_the_interface() -> None:
    op = sc.ops.conv2d(stride=2, padding=1)
    assert [size.name for size in op.definition.sizes] == [
        "N", "C", "H", "W", "O", "KH", "KW", "Ho", "Wo"]
    assert op.inputs == ("x", "w", "b")
    assert sc.ops.conv1d(bias=False).inputs == ("x", "w")


@pytest.mark.parametrize(("op", "shapes"), [
    (sc.ops.conv2d(), {"x": (1, 1, 2, 5), "w": (1, 1, 3, 3), "b": (1,)}),
    (sc.ops.conv2d(), {"x": (1, 2, 5, 5), "w": (1, 1, 3, 3), "b": (1,)}),
    (sc.ops.conv2d(), {"x": (1, 1, 5, 5), "w": (2, 1, 3, 3), "b": (1,)}),
    (sc.ops.conv2d(), {"x": (5, 5), "w": (2, 1, 3, 3), "b": (2,)}),
    (sc.ops.conv2d(groups=2), {"x": (1, 3, 5, 5), "w": (2, 1, 3, 3), "b": (2,)}),
    (sc.ops.conv2d(groups=2), {"x": (1, 4, 5, 5), "w": (3, 2, 3, 3), "b": (3,)}),
    (sc.ops.conv2d(kernel_size=3), {"x": (1, 1, 5, 5), "w": (2, 1, 3, 2), "b": (2,)}),
    (sc.ops.conv1d(padding=((-3, -3),)), {"x": (1, 1, 5), "w": (1, 1, 1), "b": (1,)}),
    (sc.ops.conv1d(padding=2, padding_mode="reflect"), {"x": (1, 1, 2), "w": (1, 1, 1),
                                                        "b": (1,)}),
    (sc.ops.convolve(mode="valid", ndim=2), {"a": (3, 2), "b": (2, 3)}),
    (sc.ops.max_pool1d(2, padding=2), {"x": (1, 1, 4)}),              # first window
    (sc.ops.max_pool1d(1, stride=2, padding=((0, 2),)), {"x": (1, 1, 3)}),       # last window
    (sc.ops.max_pool1d(2, stride=1, padding=1, dilation=3), {"x": (1, 1, 2)}),   # jumps over
    (sc.ops.avg_pool1d(2, stride=1, padding=1, dilation=3, count_include_pad=False),
     {"x": (1, 1, 2)}),
    (sc.ops.reduce_max(axes=0), {"x": (0, 3)}),
    (sc.ops.flatten(), {"x": (3,)}),
    (sc.ops.add(), {"a": (3,), "b": (4,)}),
    (sc.ops.add(), {"a": (3,), "b": (3, 1)}),
])
def test_shapes_without_a_meaning_are_refused(op: sc.Operator,
                                              shapes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(sc.ShapeError):
        op.output_shape(**shapes)


@pytest.mark.parametrize(("op", "shape", "expected"), [
    (sc.ops.max_pool2d(2), (1, 3, 7, 8), (1, 3, 3, 4)),
    (sc.ops.max_pool2d(2, ceil_mode=True), (1, 3, 7, 8), (1, 3, 4, 4)),
    (sc.ops.max_pool2d(2), (3, 7, 8), (3, 3, 4)),
    (sc.ops.max_pool1d(2, padding=1), (0, 3, 7), (0, 3, 4)),
    (sc.ops.max_pool1d(2, stride=1, padding=1, dilation=3), (1, 1, 3), (1, 1, 2)),
    (sc.ops.avg_pool3d((1, 2, 3), stride=1), (1, 1, 4, 4, 4), (1, 1, 4, 3, 2)),
    (sc.ops.min_pool1d(5, ceil_mode=True), (1, 1, 3), (1, 1, 1)),
    (sc.ops.sum_pool1d(2, input_dilation=2), (1, 1, 4), (1, 1, 3)),
    (sc.ops.relu(), (), ()),
    (sc.ops.reduce_sum(axes=1, keepdims=True), (2, 0), (2, 1)),
    (sc.ops.flatten(), (2, 3, 4), (2, 12)),
])
def test_output_shapes(op: sc.Operator, shape: tuple[int, ...],
                       expected: tuple[int, ...]) -> None:
    assert op.output_shape(x=shape) == {"y": expected}


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_the_stated_requirements_are_exactly_the_windows_with_a_tap(ceil_mode: bool) -> None:
    """Counted by hand for every small pool: the rows in the definition refuse what they must."""
    from symconv.integers import evaluate

    for k, s, d, low, high, h in np.ndindex(4, 4, 4, 4, 4, 6):
        if 0 in (k, s, d):
            continue
        room = h + low + high - d * (k - 1) - 1
        out = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (out - 1) * s >= h + low:
            out -= 1
        good = out >= 1 and all(any(0 <= s * i + d * a - low < h for a in range(k))
                                for i in range(out))
        program = _pool(k, s, d, low, high, ceil_mode).definition
        values = {"N": 1, "C": 1, "H": int(h)}
        for size in program.sizes:
            if size.value is not None:
                values[size.name] = evaluate(size.value, values)
        assert values["Ho"] == out
        rows = [evaluate(need.row.expression, values) >= 0 for need in program.requirements]
        assert all(rows) == good, (k, s, d, low, high, h)


_POOLS: dict[tuple[object, ...], sc.Operator] = {}


def _pool(k: int, s: int, d: int, low: int, high: int, ceil_mode: bool) -> sc.Operator:
    key = (k, s, d, low, high, ceil_mode)
    if key not in _POOLS:
        _POOLS[key] = sc.ops.max_pool1d(int(k), int(s), ((int(low), int(high)),), int(d),
                                        ceil_mode)
    return _POOLS[key]
