"""Woven sums: what lies between them is written back, so that it is the same task's."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from test_schedules import Compiled, convolution

import symconv as sc

OTHER = 77.0        # what no sum is

CASES = {
    "points": convolution((1, 64, 56, 56), (48, 64, 1, 1), stride=2),
    "points of an odd map": convolution((1, 40, 61, 33), (96, 40, 1, 1), stride=2),
    "every third": convolution((2, 64, 60, 48), (24, 64, 1, 1), stride=3),
    "rows alone": convolution((1, 32, 64, 40), (64, 32, 1, 1), stride=(1, 2)),
    "two of three": convolution((1, 32, 60, 60), (40, 32, 2, 2), stride=3),
    "all classes": convolution((1, 24, 64, 64), (16, 24, 3, 3), stride=2, padding=1),
    "frames": convolution((3, 16, 400), (32, 16, 1), stride=2),
}


def alone(made, item, inputs, task):
    """The output of one task, `OTHER` where it writes nothing."""
    function, room = (getattr(made.library, f"k_{item.name}{what}") for what in ("", "_workspace"))
    room.restype = ctypes.c_size_t
    tensor = item.program.tensor(item.program.outputs[0])
    output = np.full([extent.constant for extent in tensor.logical], OTHER, made.dtype)
    workspace = np.zeros(room() + 64, np.uint8)
    workspace = workspace[-workspace.ctypes.data % 64:]
    function(*(ctypes.c_void_p(array.ctypes.data) for array in (*inputs, output, workspace)),
             ctypes.c_ssize_t(task), ctypes.c_ssize_t(task + 1))
    return output


def expect_whole_rows(made, name):
    """Every element of the output of a pass has one task, which has all of its row where sums are
    woven."""
    (item,) = (item for item in made.passes if item.name == name)
    inputs = [np.ones([extent.constant for extent in tensor.logical], "float32")
              for tensor in item.program.inputs]
    body = made.sources["k.c"].split(f"int k_{name}(")[1].split("\nsize_t ")[0]
    count = getattr(made.library, f"k_{name}_tasks")
    count.restype = ctypes.c_ssize_t
    written = [alone(made, item, inputs, task) != OTHER for task in range(count())]
    assert np.all(np.sum(written, axis=0) == 1)         # every element has one task
    if "k_weave" in body:
        rows = np.array(written).reshape(-1, written[0].shape[-1])
        assert np.all(rows.any(axis=1) == rows.all(axis=1))


@pytest.mark.parametrize("name", CASES)
def test_a_task_writes_whole_rows_or_weaves_none(name):
    expect_whole_rows(Compiled(*CASES[name], "float32", "auto"), "vjp_x")


def test_some_of_these_weave_in_several_tasks():
    made = Compiled(*CASES["points"], "float32", "auto")
    assert "k_weave2(" in made.sources["k.c"].split("int k_vjp_x(")[1]
    assert made.library.k_vjp_x_tasks() > 1


class Begun:
    """A choice of the first plans whose texts begin like this, by number of the contraction."""

    def __init__(self, *texts):
        self.texts = texts

    def taken(self, target, kind, number, offered, usual):
        return (kind == "tiles" and next(
            text for text in offered if text.startswith(f"tiles: {self.texts[number]}"))) or None

    def confirm(self, found):
        assert len(found["y"]) == len(self.texts)


def test_plans_with_other_tasks_weave_nothing_where_their_rows_are_counted_from_other_numbers():
    """The rows 3*u + 2 for u >= 0 are those 3*u - 1 for u >= 1: one task has all sums of the first
    plan, and some that lie between are those of another task."""
    op = sc.ops.conv_transpose2d(stride=3, padding=(1, 0), bias=False)
    shapes = {"x": (3, 17, 30, 40), "w": (17, 16, 1, 5)}
    choice = Begun("rows o (16 of 16), lanes v_class (", "rows o (16 of 16), lanes n, v_class (1")
    made = Compiled(op, shapes, "float32", "auto", {"forward": choice})
    tasks = made.library.k_forward_tasks
    tasks.restype = ctypes.c_ssize_t
    assert tasks() > 1
    expect_whole_rows(made, "forward")
