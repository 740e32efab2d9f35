"""What a layer costs, read off its definition: parameters, and multiply-adds.

A multiply-add is one combination of the indices at which a sum reads the two operands that it
multiplies. Those that fall on padding are counted like the others, as is usual; a kernel that
skips them does less. Additions of a bias and comparisons are not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from symconv.integers import evaluate
from symconv.operator import Operator
from symconv.rewrite import accesses
from symconv.shapes import bind, output_shapes, stored_shape


@dataclass(frozen=True, slots=True)
class Count:
    """The shape of the output, the elements of the parameters, and the multiply-adds."""

    shape: tuple[int, ...]
    parameters: int
    operations: int


def counted(operator: Operator, /, **shapes: tuple[int, ...]) -> Count:
    """The count of an operator for shapes of its operands; all but the first are parameters.

    The output index of a transposed convolution is tied by an equation and read by neither
    operand, so that each input meets each tap once.
    """
    program = operator.for_shapes(shapes).definition
    sizes = bind(program, dict(shapes))
    parameters = sum(math.prod(stored_shape(tensor, sizes)) for tensor in program.inputs[1:])
    operations = 0
    for definition in program.definitions:
        for term in definition.terms:
            reads = accesses(term.body)
            if definition.reduction != "sum" or len(reads) < 2:
                continue
            used = {name for read in reads for part in read.subscripts for name in part.names()}
            operations += math.prod(evaluate(index.extent, sizes)
                                    for index in (*definition.free, *term.bound)
                                    if index.name in used)
    (shape,) = output_shapes(program, sizes).values()
    return Count(tuple(shape), parameters, operations)
