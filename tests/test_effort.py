"""The model of time: what it counts."""

from __future__ import annotations

import math

import pytest

from symconv.effort import blocks, split, widest


@pytest.mark.parametrize("most", [1, 2, 3, 7, 8])
def test_parts_are_few_and_nearly_equal_the_larger_ones_first(most):
    for count in range(200):
        parts = split(count, most)
        assert sum(parts) == count
        assert len(parts) == math.ceil(count / most)
        assert parts == sorted(parts, reverse=True)
        assert not parts or 0 < parts[0] - 1 <= parts[-1] <= parts[0] <= most or set(parts) == {1}
        assert blocks(count, most) == {size: parts.count(size) for size in parts}


def test_sums_vectors_and_a_number_fit_into_the_registers():
    for rows in range(1, 9):
        for registers in (16, 32):
            vectors = widest(rows, registers)
            assert rows * vectors + vectors + 1 < registers
            assert vectors == 8 or rows * (vectors + 1) + vectors + 2 >= registers
