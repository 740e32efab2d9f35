"""A file of C brings along the helpers that it calls, and no other."""

from __future__ import annotations

import re

import pytest

import symconv as sc
from symconv.emission import ordered, sources, specialised
from symconv.passes import all_passes

ops = sc.ops
CASES = {
    "transformed": (ops.conv2d(padding=1, bias=False), {"x": (1, 32, 14, 14), "w": (32, 32, 3, 3)}),
    "woven": (ops.conv2d(stride=2, bias=False), {"x": (1, 8, 15, 15), "w": (16, 8, 3, 3)}),
    "maxima": (ops.max_pool2d(3, stride=2, padding=1), {"x": (1, 16, 33, 35)}),
    "maps abreast": (ops.conv2d(groups=32, bias=False), {"x": (1, 32, 6, 6), "w": (32, 1, 3, 3)}),
    "powers": (ops.lp_pool2d(3, stride=2, norm_type=3), {"x": (1, 4, 9, 9)}),
    "a program": (ops.linear() >> ops.sigmoid(), {"x": (4, 33), "w": (7, 33), "b": (7,)}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_helper_is_called_and_every_call_has_its_helper(case, dtype):
    operator, shapes = CASES[case]
    order = ordered(operator, "k", dtype, shapes)
    for item in specialised(all_passes(order.program), order.fixed):
        files = sources("c", order, [item])
        text, header = files["k.c"], files["k.h"]
        functions = re.findall(r"^static .*?\b(k_\w+)\(", text, re.MULTILINE)
        others = re.findall(r"^(?:#define|typedef|enum|\}).*?\b(k_\w+)", text, re.MULTILINE)
        for name in functions:
            places = len(re.findall(rf"\b{name}\b", text))
            assert places > functions.count(name), f"nothing calls {name}"
        known = {*functions, *others, *re.findall(r"\bk_\w+", header)}
        assert set(re.findall(r"\bk_\w+", text)) <= known
        assert ("memcpy(" in text) == ("<string.h>" in text)
