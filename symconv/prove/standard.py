"""What `symconv prove --all` proves."""

from __future__ import annotations

from collections.abc import Iterator

from symconv.ir import Program
from symconv.operators import catalogue
from symconv.operators.standard import standard

LARGEST = 4             # strides and dilations of the residue classes
_NEEDED = {"stride", "dilation"}
_SWEPT: dict[str, dict[str, str]] = {
    "conv1d": {}, "conv_transpose1d": {}, "sum_pool1d": {"kernel_size": "k"},
    "max_pool1d": {"kernel_size": "k"}}


def symbolic_programs() -> Iterator[tuple[str, Program]]:
    """Every operator with one spatial axis; size, kernel, stride, padding and dilation symbolic."""
    for name in catalogue.names():
        entry = catalogue.entry(name)
        if name.endswith("1d") and entry.signature.parameters.keys() >= _NEEDED:
            made = entry.make(**catalogue.symbolic_defaults(name))
            yield f"{name} with symbolic parameters", made.definition


def swept_programs() -> Iterator[tuple[str, Program]]:
    """One-axis operators for every stride and dilation up to `LARGEST`, with any padding."""
    for name, arguments in _SWEPT.items():
        for stride in range(1, LARGEST + 1):
            for dilation in range(1, LARGEST + 1):
                made = catalogue.entry(name).make(
                    stride=stride, dilation=dilation, padding="p", **arguments)
                yield f"{name} with stride {stride} and dilation {dilation}", made.definition


def standard_programs() -> Iterator[tuple[str, Program]]:
    """All of these and the standard set."""
    yield from symbolic_programs()
    yield from swept_programs()
    for name, operator in standard():
        yield name, operator.definition
