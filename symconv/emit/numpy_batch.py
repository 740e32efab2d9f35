"""A batch of small maps, with the batch as the last axis while products are added to the maps.

NumPy adds row by row, and a row of a small map is short. With the batch behind it, a row of all
maps is one piece of memory, and the products of all maps are one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.emit.numpy_frame import Frame
from symconv.integers import Int
from symconv.ir import Access, Axis, Tensor

_LONG = 32              # elements of a row that hide what it takes to begin one
_LEAST = 2 * _LONG      # maps that are worth turning


@dataclass(frozen=True, slots=True)
class BatchLast:
    """The frame and the reads with the batch last, and the statements around them."""

    frame: Frame
    reads: tuple[Access, ...]
    before: str
    after: str


def batch_last(frame: Frame, reads: Sequence[Access], moved: Sequence[str]) -> BatchLast | None:
    """None where rows are long or maps are few, or where another read has the batch, too; `moved`
    are the indices that taps move."""
    target, plan, scope = frame.definition.target, frame.plan, frame.scope
    if not plan.target or not frame.target.axes:
        return None
    lead, spans = plan.target[0].name, frame.spans
    if lead is None or lead in moved or lead not in spans:
        return None
    count, row = (spans[name].extent.constant for name in (lead, frame.target.axes[-1]))
    with_batch = [read for read in reads if any(lead in sub.names() for sub in read.subscripts)]
    if count is None or row is None or count < _LEAST or row > _LONG or len(with_batch) != 1:
        return None
    (read,) = with_batch
    if read.subscripts[0].name != lead or any(
            lead in sub.names() for sub in (*read.subscripts[1:], *plan.target[1:])):
        return None
    source = _turned(scope.tensors[read.tensor], frame.name("last"))
    made = _turned(target, frame.name("maps"))
    scope = replace(scope, tensors={**scope.tensors, source.name: source, made.name: made},
                    names=scope.names | {source.name, made.name})
    inside = Access(source.name, _rotated(read.subscripts))
    definition = replace(frame.definition, target=made)
    return BatchLast(
        Frame(definition, replace(plan, target=_rotated(plan.target)), scope),
        tuple(inside if one == read else one for one in reads),
        f"{source.name} = np.ascontiguousarray(np.moveaxis({read.tensor}, 0, -1))",
        f"{target.name} = np.ascontiguousarray(np.moveaxis({made.name}, -1, 0))")


def _turned(tensor: Tensor, name: str) -> Tensor:
    return Tensor(name, tuple(Axis(extent, (extent,)) for extent in _rotated(tensor.logical)))


def _rotated(given: tuple[Int, ...]) -> tuple[Int, ...]:
    """The first one behind the others."""
    return (*given[1:], *given[:1])
