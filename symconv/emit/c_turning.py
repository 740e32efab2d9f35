"""Squares of elements turned in registers, so that lanes far apart in memory become neighbours.

A square of L x L elements is turned in log2(L) rounds. Each of them merges the vectors i and
i + L/2 into their elements one by one, the first halves and then the second ones; a round moves
the highest bit of the row number to the bottom of the lane number, so that after all rounds row
and lane have changed places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def turning_lines(prefix: str, real: str) -> list[str]:
    """PREFIX_square for vectors of 64, 32 and 16 bytes."""
    element = 4 if real == "float" else 8
    lines: list[str] = []
    for number, size in enumerate((64, 32, 16)):
        test = f"{prefix}_BYTES == {size}"
        lines += [f"#if {test}" if not number else f"#elif {test}",
                  *_square(prefix, real, size // element)]
    return [*lines, "#endif"]


def _square(prefix: str, real: str, lanes: int) -> Iterator[str]:
    halves = [[place for pair in zip(range(low, low + lanes // 2),
                                     range(lanes + low, lanes + low + lanes // 2), strict=True)
               for place in pair] for low in (0, lanes // 2)]
    for name, half in zip(("LOW", "HIGH"), halves, strict=True):
        yield f"#define {prefix}_{name}(a, b) \\"
        yield f"    __builtin_shufflevector(a, b, {', '.join(map(str, half))})"
    yield f"static inline void {prefix}_square({real} *to, ptrdiff_t pitch, ptrdiff_t count,"
    yield f"    const {real} *from, ptrdiff_t stride)"
    yield "{"
    for lane in range(lanes):
        yield (f"    const {prefix}_vector a{lane} = "
               f"*(const {prefix}_part *)(from + {lane} * stride);")
    letter = "a"
    for _ in range(lanes.bit_length() - 1):
        following = chr(ord(letter) + 1)
        for lane in range(lanes // 2):
            pair = f"({letter}{lane}, {letter}{lane + lanes // 2})"
            yield (f"    const {prefix}_vector {following}{2 * lane} = {prefix}_LOW{pair}, "
                   f"{following}{2 * lane + 1} = {prefix}_HIGH{pair};")
        letter = following
    yield from _store(prefix, [f"{letter}{lane}" for lane in range(lanes)])
    yield "}"


def _store(prefix: str, turned: Sequence[str]) -> Iterator[str]:
    """The first `count` of the turned vectors."""
    yield f"    if (count == {len(turned)}) {{"
    for lane, name in enumerate(turned):
        yield f"        *({prefix}_part *)(to + {lane} * pitch) = {name};"
    yield "        return;"
    yield "    }"
    for lane, name in enumerate(turned[:-1]):
        yield f"    if (count > {lane}) {{"
        yield f"        *({prefix}_part *)(to + {lane} * pitch) = {name};"
        yield "    }"
