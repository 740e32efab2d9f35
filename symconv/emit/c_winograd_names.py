"""The names that the lines of a Winograd plan share."""

from __future__ import annotations

from dataclasses import dataclass, fields

from symconv.names import fresh


@dataclass(frozen=True, slots=True)
class WinogradNames:
    """Locals of the emitted blocks, and buffers of the workspace.

    `first`, `many`: the lanes of the task; `low`, `count`: its tiles of the first axis, or its
    rows, in the band of number `block`; `top`, `tall`: the tiles of a part; `all`: the rows of
    the product. `lane` begins a block of `vectors`, `some` lanes of a vector exist. `chunk`
    begins `deep` terms of a sum; where the vectors enter by slabs, these are the slab of number
    `slab`.
    """

    steps: str
    vector: str
    scalar: str
    sums: str
    stage: str
    held: str
    other: str
    start: str
    wild: str
    first: str
    many: str
    block: str
    low: str
    count: str
    top: str
    tall: str
    all: str
    part: str
    lane: str
    vectors: str
    some: str
    item: str
    point: str
    row: str
    rows: str
    chunk: str
    deep: str
    slab: str
    tile: str
    strand: str
    phase: str
    line: str

    @staticmethod
    def beside(used: set[str]) -> WinogradNames:
        return WinogradNames(*(fresh(field.name, used) for field in fields(WinogradNames)))
