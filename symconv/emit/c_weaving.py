"""Sums that are woven into the target in C: vectors of the target with some elements replaced.

    v-th vector of `apart`:   element v*L + l is sum (v*L + l)/apart where apart divides v*L + l,
                              and what stands there otherwise
"""

from __future__ import annotations

from collections.abc import Iterator

from symconv.tiles import COMBED


def weaving_lines(prefix: str, real: str) -> list[str]:
    """PREFIX_weave2 and so on."""
    element = 4 if real == "float" else 8
    return [line for apart in range(2, COMBED + 1)
            for line in _weave(prefix, real, element, apart)]


def _weave(prefix: str, real: str, element: int, apart: int) -> Iterator[str]:
    yield f"/* to[k * {apart}] = start + scale * sum[k]; nothing behind the last one is touched. */"
    yield f"static inline void {prefix}_weave{apart}({real} *restrict to,"
    yield f"    const {real} *restrict sum, ptrdiff_t count, {real} start, {real} scale)"
    yield "{"
    yield "    ptrdiff_t k = 0;"
    yield "#if defined(__clang__) || __GNUC__ >= 12"
    yield f"    for (; k + {prefix}_LANES < count; k += {prefix}_LANES) {{"
    yield (f"        const {prefix}_vector x = start + scale * "
           f"*(const {prefix}_part *)(sum + k);")
    yield f"        {prefix}_part *const at = ({prefix}_part *)(to + k * {apart});"
    yield (f"        const {prefix}_vector "
           f"{', '.join(f'y{place} = at[{place}]' for place in range(apart))};")
    for number, size in enumerate((64, 32, 16)):
        lanes = size // element
        yield f"#{'elif' if number else 'if'} {prefix}_BYTES == {size}"
        for place in range(apart):
            chosen = [one // apart if one % apart == 0 else lanes + one - place * lanes
                      for one in range(place * lanes, (place + 1) * lanes)]
            yield (f"        at[{place}] = __builtin_shufflevector(x, y{place}, "
                   f"{', '.join(map(str, chosen))});")
    yield "#endif"
    yield "    }"
    yield "#endif"
    yield "    for (; k < count; k++) {"
    yield f"        to[k * {apart}] = start + scale * sum[k];"
    yield "    }"
    yield "}"
    yield ""
