"""NaN, infinities, subnormal numbers and -0.0 pass through kernels as the README states."""

import itertools

import numpy as np
import pytest

import symconv as sc
from symconv.bounded import bounded
from symconv.emit.comments import rule_comment
from symconv.evaluate import evaluate
from symconv.passes import vjp_passes
from symconv.shapes import bind

NAN, INF = np.nan, np.inf
TINY = np.float32(2.0**-149)                       # the smallest subnormal number
SPECIAL = np.array([NAN, -NAN, INF, -INF, 0.0, -0.0, TINY, -TINY, 2.0**-126, 1.0, -1.0, 3e38,
                    -3e38], np.float32)
PAIRS = np.array(list(itertools.product(SPECIAL, SPECIAL)), np.float32)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(params=["c", "numpy"])
def target(request):
    return request.param


def forward(op, target, **inputs):
    return sc.build(op, target=target).forward(**inputs)


def gradient(op, target, wrt="x", **inputs):
    kernel = sc.build(op, target=target)
    result = kernel.forward(**inputs)
    result = result[0] if isinstance(result, tuple) else result
    return kernel.vjp(np.ones_like(result), wrt, **inputs)[wrt]


def same(left, right):
    """Equal numbers, NaN at NaN; 0.0 and -0.0 are equal."""
    np.testing.assert_array_equal(left, right)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_elementwise_values_are_those_of_numpy(target):
    with np.errstate(all="ignore"):
        same(forward(sc.ops.relu(), target, x=SPECIAL), np.maximum(SPECIAL, 0))
        same(forward(sc.ops.abs(), target, x=SPECIAL), np.abs(SPECIAL))
        for name in ("exp", "log", "sqrt", "tanh"):
            found = forward(getattr(sc.ops, name)(), target, x=SPECIAL)
            np.testing.assert_allclose(found, getattr(np, name)(SPECIAL), rtol=3e-7, atol=0)
        a, b = np.ascontiguousarray(PAIRS.T)
        for name in ("maximum", "minimum"):
            same(forward(getattr(sc.ops, name)(), target, a=a, b=b), getattr(np, name)(a, b))
        same(forward(sc.ops.add(), target, a=a, b=b), a + b)
        same(forward(sc.ops.mul(), target, a=a, b=b), a * b)


@pytest.mark.parametrize(("name", "options"), [
    ("relu", {}), ("abs", {}), ("sigmoid", {}), ("tanh", {}), ("exp", {}), ("log", {}),
    ("sqrt", {}), ("leaky_relu", {"slope": 0.01})])
def test_elementwise_values_are_those_of_pytorch(target, torch, name, options):
    library = torch if hasattr(torch, name) else torch.nn.functional
    argument = {"negative_slope": options["slope"]} if options else {}
    wanted = getattr(library, name)(torch.tensor(SPECIAL), **argument).numpy()
    found = forward(getattr(sc.ops, name)(**options), target, x=SPECIAL)
    np.testing.assert_allclose(found, wanted, rtol=3e-7, atol=0)


def test_slopes_at_zero_and_nan(target):
    zeros = np.array([0.0, -0.0], np.float32)
    for at_zero in (0, 0.5, 1):
        same(gradient(sc.ops.relu(at_zero=at_zero), target, x=zeros), [at_zero] * 2)
        same(gradient(sc.ops.abs(at_zero=at_zero), target, x=zeros), [at_zero] * 2)
    x = np.array([NAN, INF, -INF, TINY, -TINY], np.float32)
    same(gradient(sc.ops.relu(), target, x=x), [1, 1, 0, 1, 0])       # a NaN lets NaN through
    same(gradient(sc.ops.abs(), target, x=x), [0, 1, -1, 1, -1])


def test_slopes_are_those_of_pytorch(target, torch):
    x = SPECIAL[~np.isnan(SPECIAL)]
    for name in ("relu", "abs"):
        leaf = torch.tensor(x, requires_grad=True)
        getattr(torch, name)(leaf).sum().backward()
        same(gradient(getattr(sc.ops, name)(), target, x=x), leaf.grad.numpy())


def test_a_maximum_shares_ties_evenly_as_in_pytorch(target, torch):
    numbers = PAIRS[~np.isnan(PAIRS).any(axis=1)]
    a, b = np.ascontiguousarray(numbers.T)
    for name in ("maximum", "minimum"):
        leaves = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
        getattr(torch, name)(*leaves).sum().backward()
        for operand, leaf in zip("ab", leaves, strict=True):
            found = gradient(getattr(sc.ops, name)(), target, operand, a=a, b=b)
            same(found, leaf.grad.numpy())


@pytest.mark.parametrize("ties", ["first", "last", "even"])
def test_a_nan_wins_a_window_and_gets_the_gradient(target, ties):
    x = np.array([1, NAN, 2, NAN, INF, INF, -INF, -INF], np.float32).reshape(1, 1, 8)
    op = sc.ops.max_pool1d(kernel_size=4, ties=ties)
    same(forward(op, target, x=x), [[[NAN, INF]]])
    wanted = {"first": [0, 1, 0, 0, 1, 0, 0, 0], "last": [0, 1, 0, 0, 0, 1, 0, 0],
              "even": [0, 0.5, 0, 0.5, 0.5, 0.5, 0, 0]}[ties]
    same(gradient(op, target, x=x), [[wanted]])


@pytest.mark.parametrize("ties", ["first", "last", "even"])
def test_the_comment_says_which_nan_gets_the_gradient(target, ties):
    """As the interpreter has it, and the kernel: the first one, or all of them in equal parts."""
    x = np.array([[[1, NAN, 2, NAN, NAN, INF]]], np.float32)
    op = sc.ops.max_pool1d(kernel_size=6, ties=ties)
    found = gradient(op, target, x=x)
    (item,) = vjp_passes(op.definition)
    sizes = bind(op.definition, {"x": x.shape})
    (wanted,) = evaluate(item.program, {"x": x, "dy": [[[1]]]}, sizes, bounded("float32")).values()
    np.testing.assert_allclose(found.ravel(), [float(each.value) for each in wanted.ravel()],
                               rtol=1e-6)
    said = {(1, 0, 0): "the first NaN counts as the extremum",
            (1, 1, 1): "NaNs count as the extremum, and as equal"}
    assert said[tuple(np.sign(found[np.isnan(x)]))] in " ".join(rule_comment(item.program))


def test_pooling_is_that_of_pytorch(target, torch):
    rng = np.random.default_rng(0)
    x = rng.choice(SPECIAL, (2, 3, 9, 8))
    functional = torch.nn.functional
    op = sc.ops.max_pool2d(kernel_size=3, stride=2, padding=1)
    same(forward(op, target, x=x), functional.max_pool2d(torch.tensor(x), 3, 2, 1).numpy())
    numbers = rng.choice(SPECIAL[~np.isnan(SPECIAL)], (2, 3, 9, 8))
    leaf = torch.tensor(numbers, requires_grad=True)
    functional.max_pool2d(leaf, 3, 2, 1).sum().backward()
    same(gradient(op, target, x=numbers), leaf.grad.numpy())
    huge = np.where(np.abs(x) > 1, np.float32(INF), x)       # no overflow that depends on order
    mean = sc.ops.avg_pool2d(kernel_size=3, stride=2, padding=1)
    np.testing.assert_allclose(
        forward(mean, target, x=huge),
        functional.avg_pool2d(torch.tensor(huge), 3, 2, 1).numpy(), rtol=1e-6, atol=1e-44)


def test_convolution_adds_special_values_as_pytorch_does_where_nothing_is_padded(target, torch):
    rng = np.random.default_rng(1)
    x = rng.choice(np.array([NAN, INF, -INF, 0, 1, 2, -3], np.float32), (1, 2, 7, 6),
                   p=[.03, .03, .03, .31, .2, .2, .2])
    w = rng.integers(-3, 4, (3, 2, 3, 2)).astype(np.float32)
    wanted = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w)).numpy()
    assert np.isnan(wanted).any()
    assert np.isfinite(wanted).any()
    same(forward(sc.ops.conv2d(bias=False), target, x=x, w=w), wanted)


def test_padding_adds_no_term(target):
    """A read outside removes its term: 0 * infinity is never added at the border."""
    x = np.ones((1, 1, 3), np.float32)
    w = np.array([[[INF, 1, NAN]]], np.float32)
    found = forward(sc.ops.conv1d(padding=1, bias=False), target, x=x, w=w)
    same(found, [[[NAN, NAN, INF]]])
    far = forward(sc.ops.conv1d(padding=2, bias=False), target, x=x, w=w)
    same(far[0, 0, [0, -1]], [NAN, INF])
    same(gradient(sc.ops.conv1d(padding=1, bias=False), target, x=x, w=w), [[[INF, NAN, NAN]]])


def test_selection_never_multiplies_what_was_not_chosen(target):
    x = np.array([[[1, INF, 2, NAN]]], np.float32)
    kernel = sc.build(sc.ops.max_pool1d(kernel_size=2), target=target)
    dy = np.array([[[INF, NAN]]], np.float32)
    same(kernel.vjp(dy, x=x)["x"], [[[0, INF, 0, NAN]]])
    same(kernel.jvp({"x": np.array([[[NAN, 1, NAN, 2]]], np.float32)}, x=x), [[[1, 2]]])


def test_subnormal_numbers_are_not_flushed(target):
    x = np.full((1, 1, 5), 3 * TINY, np.float32)
    w = np.full((1, 1, 2), 0.5, np.float32)
    same(forward(sc.ops.conv1d(bias=False), target, x=2 * x, w=w), np.full((1, 1, 4), 6 * TINY))
    same(forward(sc.ops.relu(), target, x=x[0, 0]), x[0, 0])
    same(forward(sc.ops.max_pool1d(kernel_size=2), target, x=-x), -x[..., :2])
    same(forward(sc.ops.sum_pool1d(kernel_size=5), target, x=x), [[[15 * TINY]]])
    assert (forward(sc.ops.relu(), target, x=x[0, 0]) > 0).all()


def test_zeros_of_both_signs_are_one_number(target):
    """Equal in comparisons and ties; the sign of a zero result is not promised."""
    x = np.array([[[-0.0, 0.0, 0.0, -0.0]]], np.float32)
    indices = forward(sc.ops.max_pool1d(kernel_size=2, return_indices=True), target, x=x)[1]
    same(indices, [[[0, 2]]])
    even = sc.ops.max_pool1d(kernel_size=2, ties="even")
    same(gradient(even, target, x=x), np.full((1, 1, 4), 0.5))
    a, b = np.array([-0.0], np.float32), np.array([0.0], np.float32)
    same(gradient(sc.ops.maximum(), target, "a", a=a, b=b), [0.5])


def test_an_argmax_takes_the_first_nan(target):
    op = sc.parse("k[i] = argmax[a](x[i,a], a)")
    x = np.array([[1, NAN, 3, NAN], [INF, 1, INF, 0], [-INF] * 4], np.float32)
    same(forward(op, target, x=x), np.argmax(x, axis=1))
    assert forward(op, target, x=x).dtype == np.int64
