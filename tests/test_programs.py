"""Programs: chains and graphs of operators, their names, sizes, gradients and cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symconv as sc
from symconv.emission import specialised
from symconv.loops import plan_texts
from symconv.lower import lower
from symconv.passes import forward_passes
from symconv.shapes import bind

ops = sc.ops
LENET = {"x": (2, 1, 12, 12), "w": (2, 1, 3, 3), "b": (2,), "w_2": (3, 2, 3, 3), "b_2": (3,),
         "w_3": (5, 3 * 2 * 2), "b_3": (5,), "w_4": (4, 5), "b_4": (4,), "w_5": (3, 4), "b_5": (3,)}


def lenet(act: str, pool: str) -> sc.Operator:
    """LeNet-5 with smaller kernels: two convolutions and pools, three linear layers."""
    a, p = getattr(ops, act), getattr(ops, pool)
    return (ops.conv2d(padding=1) >> a() >> p(2) >> ops.conv2d() >> a() >> p(2) >> ops.flatten()
            >> ops.linear() >> a() >> ops.linear() >> a() >> ops.linear())


def sample(shapes: dict[str, tuple[int, ...]], seed: int = 0, integers: bool = False) -> Any:
    rng = np.random.default_rng(seed)
    if integers:
        return {name: rng.integers(-2, 3, shape).astype(float) for name, shape in shapes.items()}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def by_hand(t: dict[str, np.ndarray], act: str, pool: str) -> np.ndarray:
    """The forward pass of the LeNet above, with loops and NumPy alone."""
    f = {"relu": lambda v: np.maximum(v, 0), "sigmoid": lambda v: 1 / (1 + np.exp(-v))}[act]
    g = {"avg_pool2d": np.mean, "max_pool2d": np.max}[pool]

    def conv(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        h, k = x.shape[2] - w.shape[2] + 1, w.shape[2]
        y = np.zeros((len(x), len(w), h, h)) + b[:, None, None]
        for i, j in np.ndindex(h, h):
            y[:, :, i, j] += np.tensordot(x[:, :, i:i + k, j:j + k], w, ((1, 2, 3), (1, 2, 3)))
        return y

    def pooled(x: np.ndarray) -> np.ndarray:
        n, c, h, w = x.shape
        return g(x.reshape(n, c, h // 2, 2, w // 2, 2), axis=(3, 5))

    h = pooled(f(conv(np.pad(t["x"], ((0, 0), (0, 0), (1, 1), (1, 1))), t["w"], t["b"])))
    h = pooled(f(conv(h, t["w_2"], t["b_2"]))).reshape(len(h), -1)
    h = f(h @ t["w_3"].T + t["b_3"])
    h = f(h @ t["w_4"].T + t["b_4"])
    return h @ t["w_5"].T + t["b_5"]


# --- names and shapes -------------------------------------------------------------------------


def test_operands_of_a_chain_are_x_and_the_parameters_in_order_of_use() -> None:
    op = lenet("sigmoid", "avg_pool2d")
    assert op.inputs == tuple(LENET)
    assert op.outputs == ("y",)
    assert op.output_shape(**LENET) == {"y": (2, 3)}
    single = {**LENET, "x": LENET["x"][1:]}
    assert op.output_shape(**single) == {"y": (3,)}


def test_a_chain_does_not_depend_on_its_parentheses() -> None:
    a, b, c = (ops.conv1d(stride=s) for s in (1, 2, 3))
    left, right = (a >> b) >> c, a >> (b >> c)
    assert left.inputs == right.inputs == ("x", "w", "b", "w_2", "b_2", "w_3", "b_3")
    assert str(left) == str(right)


def test_named_operators_give_their_name_to_their_operands() -> None:
    chain = ops.conv1d(name="c1") >> ops.relu() >> ops.conv1d() >> ops.conv1d(bias=False)
    assert chain.inputs == ("x", "c1_w", "c1_b", "w", "b", "w_2")
    x = sc.tensor("x", ndim=3)
    h = ops.conv1d(name="c1")(x)
    graph = sc.program(inputs=[x], outputs=[ops.conv1d(name="c2")(h)], name="block")
    assert graph.inputs == ("x", "c1_w", "c1_b", "c2_w", "c2_b")
    assert (graph.name, graph.named) == ("block", True)
    nested = sc.program([x], [graph(graph(x))])
    assert nested.inputs[:5] == ("x", "block_c1_w", "block_c1_b", "block_c2_w", "block_c2_b")
    assert nested.inputs[5] == "block_c1_w_2"


def test_parameters_may_be_shared() -> None:
    x, w = sc.tensor("x", ndim=2), sc.tensor("w", ndim=2)
    layer = ops.linear(bias=False)
    op = sc.program([x, w], [layer(layer(x, w), w=w)])
    assert op.inputs == ("x", "w")
    t = sample({"x": (2, 3), "w": (3, 3)})
    np.testing.assert_allclose(sc.build(op, "numpy", "float64").forward(**t),
                               t["x"] @ t["w"].T @ t["w"].T)
    with pytest.raises(sc.ShapeError, match="axis 1 of w"):
        op.output_shape(x=(2, 3), w=(4, 3))


def test_several_outputs_are_numbered_or_named() -> None:
    x = sc.tensor("x", ndim=3)
    y, indices = ops.max_pool1d(2, return_indices=True)(x)
    op = sc.program([x], [ops.relu()(y), indices, ops.relu(name="top")(x)])
    assert op.outputs == ("y", "indices", "top_y")
    back = sc.program([x], [ops.max_unpool1d(2)(y, indices)])
    assert back.inputs == ("x",)
    x = np.array([[[1., 5., 4., 2.]]])
    np.testing.assert_array_equal(sc.build(back, "numpy", "float64").forward(x=x),
                                  [[[0, 5, 4, 0]]])


def test_an_open_rank_stays_open() -> None:
    op = ops.relu() >> ops.mul() >> ops.reduce_sum()
    assert op.inputs == ("x", "b")
    for shape in ((3,), (2, 3)):
        assert op.output_shape(x=shape, b=shape) == {"y": ()}
    x = np.array([[1., -2.], [3., 4.]])
    assert sc.build(op, "numpy", "float64").forward(x=x, b=2 * x) == 2 * (1 + 9 + 16)


# --- refusals ---------------------------------------------------------------------------------


def test_what_makes_no_program_is_refused() -> None:
    x, z = sc.tensor("x", ndim=3), sc.tensor("z", ndim=3)
    y = ops.relu()(x)
    pair = ops.max_pool1d(2, return_indices=True)
    for wrong, words in [
            (lambda: sc.tensor("x y", ndim=3), "name"),
            (lambda: sc.tensor("x", ndim=-1), "ndim"),
            (lambda: sc.program([x], [y, y]), "twice"),
            (lambda: sc.program([x, z], [y]), "z"),
            (lambda: sc.program([z], [y]), "x"),
            (lambda: sc.program([x], [x]), "input itself"),
            (lambda: sc.program([y], [y]), "inputs"),
            (lambda: sc.program([], [y]), "empty"),
            (lambda: ops.conv2d()(x), "4 axes"),
            (lambda: ops.relu()(np.zeros(3)), "symbolic"),
            (lambda: ops.relu()(x, x), "operands"),
            (lambda: ops.relu()(x, z=x), "z"),
            (lambda: pair >> ops.relu(), "indices"),
            (lambda: sc.program([x], [ops.conv1d()(x, pair(x)[1])]), "integer"),
            (lambda: sc.program([x, sc.tensor("tx", ndim=3)], [
                ops.add()(x, sc.tensor("tx", ndim=3))]), "tx")]:
        with pytest.raises(sc.ParameterError, match=words):
            wrong()


def test_branches_that_do_not_fit_are_refused_by_their_shapes() -> None:
    x = sc.tensor("x", ndim=4)
    op = sc.program([x], [ops.add()(ops.conv2d(padding=1)(x), x)])
    good = {"x": (1, 2, 5, 5), "w": (2, 2, 3, 3), "b": (2,)}
    assert op.output_shape(**good) == {"y": (1, 2, 5, 5)}
    with pytest.raises(sc.ShapeError, match="axis 1 of b"):
        op.output_shape(**{**good, "w": (3, 2, 3, 3), "b": (3,)})
    with pytest.raises(sc.ShapeError, match="axis 2 of b"):
        op.output_shape(**{**good, "w": (2, 2, 5, 3)})


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("act", "pool", "target"), [
    ("sigmoid", "avg_pool2d", "c"), ("sigmoid", "avg_pool2d", "numpy"),
    ("relu", "max_pool2d", "numpy"), ("relu", "avg_pool2d", "numpy"),
    ("sigmoid", "max_pool2d", "numpy")])
def test_lenet_and_every_parameter_gradient(act: str, pool: str, target: str) -> None:
    """Central differences of a forward pass written by hand, in double precision."""
    op = lenet(act, pool)
    kernel = sc.build(op, target, "float64", shapes=LENET)
    t = sample(LENET, 1)
    np.testing.assert_allclose(kernel.forward(**t), by_hand(t, act, pool), rtol=1e-12)
    dy = np.random.default_rng(2).normal(size=(2, 3))
    found = kernel.vjp(dy, **t)
    assert tuple(found) == op.inputs
    for name, gradient in found.items():
        for place in [np.unravel_index(k, LENET[name]) for k in
                      np.random.default_rng(3).integers(0, gradient.size, 4)]:
            sides = []
            for step in (-1e-5, 1e-5):
                moved = {**t, name: t[name].copy()}
                moved[name][place] += step
                sides.append((dy * by_hand(moved, act, pool)).sum())
            assert gradient[place] == pytest.approx((sides[1] - sides[0]) / 2e-5, rel=1e-6,
                                                    abs=1e-8)


def test_the_piecewise_linear_lenet_is_exact_on_integers() -> None:
    """Relu and max pools of small integers: <dy, J t> = <J^T dy, t> without rounding."""
    op = lenet("relu", "max_pool2d")
    t, v = sample(LENET, 4, integers=True), sample(LENET, 5, integers=True)
    dy = np.array([[1., -2., 3.], [2., 1., -1.]])
    tangents, gradients = [], []
    for target in ("c", "numpy"):
        kernel = sc.build(op, target, "float64", shapes=LENET)
        np.testing.assert_array_equal(kernel.forward(**t), by_hand(t, "relu", "max_pool2d"))
        tangents.append((dy * kernel.jvp(v, **t)).sum())
        gradients.append(sum((g * v[name]).sum() for name, g in kernel.vjp(dy, **t).items()))
    assert tangents == gradients
    assert len(set(tangents)) == 1


def inception() -> sc.Operator:
    x = sc.tensor("x", ndim=4)
    parts = [ops.conv2d(name="p1")(x),
             ops.conv2d(padding=1, name="p2b")(ops.conv2d(name="p2a")(x)),
             ops.conv2d(padding=2, name="p3b")(ops.conv2d(name="p3a")(x)),
             ops.conv2d(name="p4")(ops.max_pool2d(3, stride=1, padding=1)(x))]
    return sc.program(inputs=[x], outputs=[ops.concat(axis=1)(*parts)])


def test_an_inception_block() -> None:
    op = inception()
    shapes = {"x": (2, 3, 4, 5), "p1_w": (2, 3, 1, 1), "p1_b": (2,), "p2a_w": (2, 3, 1, 1),
              "p2a_b": (2,), "p2b_w": (3, 2, 3, 3), "p2b_b": (3,), "p3a_w": (1, 3, 1, 1),
              "p3a_b": (1,), "p3b_w": (2, 1, 5, 5), "p3b_b": (2,), "p4_w": (1, 3, 1, 1),
              "p4_b": (1,)}
    assert op.inputs == tuple(shapes)
    assert op.output_shape(**shapes) == {"y": (2, 8, 4, 5)}
    t, v = sample(shapes, 6, integers=True), sample(shapes, 7, integers=True)
    dy = np.random.default_rng(8).integers(-2, 3, (2, 8, 4, 5)).astype(float)
    results = []
    for target in ("c", "numpy"):
        kernel = sc.build(op, target, "float64")
        y = kernel.forward(**t)
        np.testing.assert_array_equal(y[:, :2], np.einsum(
            "nchw,oc->nohw", t["x"], t["p1_w"][:, :, 0, 0]) + t["p1_b"][:, None, None])
        gradients = kernel.vjp(dy, **t)
        assert (dy * kernel.jvp(v, **t)).sum() == sum(
            (g * v[name]).sum() for name, g in gradients.items())
        results.append([y, *gradients.values()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_residual_block_with_groups_regroups_the_channels() -> None:
    x = sc.tensor("x", ndim=4)
    h = ops.relu()(ops.conv2d(padding=1, name="c1")(x))
    op = sc.program([x], [ops.relu()(ops.add()(ops.conv2d(padding=1, groups=2, name="c2")(h), x))])
    shapes = {"x": (1, 4, 3, 3), "c1_w": (6, 4, 3, 3), "c1_b": (6,), "c2_w": (4, 3, 3, 3),
              "c2_b": (4,)}
    t = sample(shapes, 9, integers=True)
    plain = sc.build(ops.conv2d(padding=1), "numpy", "float64")
    grouped = sc.build(ops.conv2d(padding=1, groups=2), "numpy", "float64")
    h = np.maximum(plain.forward(x=t["x"], w=t["c1_w"], b=t["c1_b"]), 0)
    y = np.maximum(grouped.forward(x=h, w=t["c2_w"], b=t["c2_b"]) + t["x"], 0)
    for target in ("c", "numpy"):
        np.testing.assert_array_equal(sc.build(op, target, "float64").forward(**t), y)


@pytest.mark.parametrize(("first", "second"), [(2, 3), (3, 2), (4, 2)])
def test_groups_that_do_not_nest_are_copied(first: int, second: int) -> None:
    op = ops.conv1d(groups=first) >> ops.conv1d(groups=second)
    shapes = {"x": (2, 12, 4), "w": (12, 12 // first, 2), "b": (12,),
              "w_2": (12, 12 // second, 2), "b_2": (12,)}
    t, v = sample(shapes, 10, integers=True), sample(shapes, 11, integers=True)
    one, two = (sc.build(ops.conv1d(groups=g), "numpy", "float64") for g in (first, second))
    y = two.forward(x=one.forward(x=t["x"], w=t["w"], b=t["b"]), w=t["w_2"], b=t["b_2"])
    dy = np.random.default_rng(12).integers(-2, 3, y.shape).astype(float)
    for target in ("c", "numpy"):
        kernel = sc.build(op, target, "float64")
        np.testing.assert_array_equal(kernel.forward(**t), y)
        assert (dy * kernel.jvp(v, **t)).sum() == sum(
            (g * v[name]).sum() for name, g in kernel.vjp(dy, **t).items())


def test_a_classifier_ends_in_its_loss() -> None:
    op = ops.flatten() >> ops.linear() >> ops.softmax_cross_entropy()
    assert op.inputs == ("x", "w", "b", "labels")
    shapes = {"x": (3, 2, 2), "w": (4, 4), "b": (4,)}
    t = sample(shapes, 13)
    labels = np.array([0, 3, 1])
    kernel = sc.build(op, "numpy", "float64")
    logits = t["x"].reshape(3, 4) @ t["w"].T + t["b"]
    soft = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert kernel.forward(**t, labels=labels) == pytest.approx(
        -np.log(soft[range(3), labels]).mean())
    np.testing.assert_allclose(kernel.vjp(1.0, **t, labels=labels)["b"],
                               (soft - np.eye(4)[labels]).sum(0) / 3, rtol=1e-12)
    with pytest.raises(sc.ParameterError, match="labels"):
        kernel.forward(**t, labels=labels + 1)


# --- cost -------------------------------------------------------------------------------------


def test_intermediate_sizes_stay_named_and_derivation_is_linear() -> None:
    """The text and the gradient of a chain grow with its depth, and with no power of it."""
    lengths, gradients = [], []
    for layers in (1, 2, 4, 8, 16):
        op = ops.conv2d(padding=1)
        for _ in range(layers - 1):
            op = op >> ops.relu() >> ops.max_pool2d(2, stride=1) >> ops.conv2d(padding=1)
        lengths.append(len(str(op)))
        gradients.append(len(str(op.vjp().result)))
    for sizes in (lengths, gradients):
        assert sizes[4] - sizes[3] < 2.2 * (sizes[3] - sizes[2])


def test_lenet_is_emitted_as_one_c_file_without_malloc() -> None:
    from symconv.emission import emit

    files = emit(lenet("sigmoid", "avg_pool2d"), name="lenet")
    assert set(files) == {"lenet.h", "lenet.c", "lenet.py", "README.md"}
    assert "malloc" not in files["lenet.c"]


def layers(count: int) -> sc.Operator:
    op = ops.conv2d(padding=1) >> ops.relu()
    for _ in range(count - 1):
        op = op >> ops.conv2d(padding=1) >> ops.relu()
    return op


def test_emitted_text_grows_with_the_depth_and_not_with_its_square() -> None:
    """Twice the layers, twice the text, but for the arguments of each entry."""
    from symconv.emission import emit

    lengths = {count: {name: len(text) for name, text in emit(layers(count), name="k").items()
                       if name in ("k.c", "k.py")} for count in (2, 4, 8)}
    for name in ("k.c", "k.py"):
        first, second = (lengths[b][name] - lengths[a][name] for a, b in ((2, 4), (4, 8)))
        assert second < 2.5 * first


@pytest.mark.parametrize("double", [False, True])
def test_a_result_runs_what_it_needs_and_nothing_else(double: bool) -> None:
    """The definitions under the guards of a result are those of the pass for it alone."""
    from symconv.passes import double_passes, emitted_double, emitted_vjp, vjp_passes
    from symconv.wanted import guards, readers

    program = lenet("relu", "max_pool2d").definition
    (shared,) = (emitted_double if double else emitted_vjp)(program)
    alone = (double_passes if double else vjp_passes)(program)
    assert shared.entries == tuple(item.name for item in alone)
    needed = readers(shared.program)
    names = [definition.target.name for definition in shared.program.definitions]
    flags, tests = guards(shared.program, [needed[name] for name in names])
    for result, item in zip(shared.program.outputs, alone, strict=True):
        holds = {result}
        for flag in flags:
            if holds & {*flag.any_of}:
                holds.add(flag.name)
        running = [name for name, test in zip(names, tests, strict=True)
                   if test is None or test in holds]
        assert {name for name in names if result in needed[name]} <= {*running}
        assert len(running) == len(item.program.definitions), item.name


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("fixed", [False, True])
def test_gradients_are_the_same_alone_and_together(target: str, fixed: bool) -> None:
    op = ops.conv1d(padding=1) >> ops.relu() >> ops.max_pool1d(2) >> ops.conv1d()
    shapes = {"x": (2, 2, 8), "w": (3, 2, 3), "b": (3,), "w_2": (2, 3, 2), "b_2": (2,)}
    kernel = sc.build(op, target, "float64", shapes=shapes if fixed else None)
    t = sample(shapes, 20)
    dy = np.random.default_rng(21).normal(size=kernel.forward(**t).shape)
    together = kernel.vjp(dy, **t)
    assert tuple(together) == op.inputs
    for wrt in (*((name,) for name in op.inputs), ("w", "b_2"), ("b_2", "x"), ()):
        some = kernel.vjp(dy, wrt, **t)
        assert tuple(some) == wrt
        for name, gradient in some.items():
            np.testing.assert_array_equal(gradient, together[name])


def test_the_entries_of_c_and_numpy_give_what_the_shared_function_gives() -> None:
    import ctypes
    from types import ModuleType

    from symconv.emission import emit
    from symconv.libraries import compile_library

    op = ops.linear() >> ops.relu() >> ops.linear()
    shapes = {"x": (2, 3), "w": (4, 3), "b": (4,), "w_2": (2, 4), "b_2": (2,)}
    files = emit(op, name="k", dtype="float64", shapes=shapes)
    module = ModuleType("k")
    exec(compile(files["k.py"], "k.py", "exec"), module.__dict__)
    t = sample(shapes, 22)
    dy = np.random.default_rng(23).normal(size=(2, 2))
    every = module.vjp(dy, *t.values())
    library = ctypes.CDLL(str(compile_library({
        name: files[name] for name in ("k.c", "k.h")})))

    def call(name: str, arrays: list[np.ndarray | None]) -> int:
        room, tasks = (getattr(library, f"k_{name}_{what}") for what in ("workspace", "tasks"))
        room.restype, tasks.restype = ctypes.c_size_t, ctypes.c_ssize_t
        workspace = np.full(room() + 64, 0xFF, np.uint8)
        workspace = workspace[-workspace.ctypes.data % 64:]
        return getattr(library, f"k_{name}")(*(
            ctypes.c_void_p(None if array is None else array.ctypes.data)
            for array in (*arrays, workspace)), ctypes.c_ssize_t(0), ctypes.c_ssize_t(tasks()))

    for place, name in enumerate(shapes):
        alone = getattr(module, f"vjp_{name}")(dy, *t.values())
        np.testing.assert_array_equal(alone, every[place])
        some = module.vjp(dy, *t.values(), (name,))
        assert [one is None for one in some] == [other != name for other in shapes]
        entry, chosen = np.full(shapes[name], np.nan), np.full(shapes[name], np.nan)
        assert call(f"vjp_{name}", [dy, *t.values(), entry]) == 0
        assert call("vjp", [dy, *t.values(), *(chosen if other == name else None
                                               for other in shapes)]) == 0
        np.testing.assert_allclose(entry, alone, rtol=1e-12)
        np.testing.assert_array_equal(entry, chosen)


def test_an_operand_may_be_called_like_a_companion_of_a_function() -> None:
    x = np.arange(3.)
    for name in ("workspace", "tasks"):
        op = sc.parse(f"x: [N]; {name}: [N]; i < N; h[i] = x[i]*{name}[i]; y[i] = h[i]**2")
        found = sc.build(op, "c", "float64").vjp(x, **{"x": x, name: x})
        np.testing.assert_array_equal(found["x"], 2 * x**4)
    with pytest.raises(sc.ParameterError, match=r"operand x_tasks: .* rename it"):
        sc.build(sc.parse("x: [N]; x_tasks: [N]; y[i] = x[i]*x_tasks[i]"), "c").vjp(
            np.ones(3, np.float32), x=np.ones(3, np.float32), x_tasks=np.ones(3, np.float32))


@pytest.mark.parametrize(("op", "shapes", "tasks", "plan"), [
    (sc.ops.conv2d(padding=1, bias=False) >> sc.ops.relu(),
     {"x": (2, 3, 9, 8), "w": (7, 3, 3, 3)}, (2,), "tiles: rows o (7 of 7)"),
    (sc.ops.linear() >> sc.ops.relu(), {"x": (20, 30), "w": (41, 30), "b": (41,)}, (),
     "tiles: rows n (20 of 20)"),
    (sc.ops.linear() >> sc.ops.relu(), {"x": (1, 30), "w": (41, 30), "b": (41,)}, (1,), "tiles: "),
    (sc.ops.conv2d(padding=1, groups=8, bias=False) >> sc.ops.relu(),
     {"x": (2, 8, 9, 9), "w": (8, 1, 3, 3)}, (2, 8, 1), "stencil: ")],
    ids=["channels", "batch", "one item", "nothing to gain"])
def test_a_task_keeps_the_rows_and_lanes_of_a_product(op, shapes, tasks, plan):
    (item,) = specialised(forward_passes(op.definition), bind(op.definition, shapes))
    routine = lower(item)
    assert tuple(extent.constant for _, extent in routine.tasks) == tasks
    ((text,),) = plan_texts(routine).values()
    assert text.startswith(plan)
    rng = np.random.default_rng(0)
    values = {name: rng.integers(-3, 4, shape).astype(np.float32)
              for name, shape in shapes.items()}
    fast, plain = (sc.build(op, shapes=shapes, schedule=schedule).forward(**values)
                   for schedule in ("auto", "reference"))
    np.testing.assert_array_equal(fast, plain)
