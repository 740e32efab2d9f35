"""Names: which are allowed in a definition, and names that are still free."""

from __future__ import annotations

import keyword
from collections.abc import Container

from symconv.functions import FUNCTIONS
from symconv.ir import Reduction, Ties

LONGEST = 64
DERIVED = "dgtv"            # how names of derivatives start; g in a double backward

REDUCTIONS: dict[str, tuple[Reduction, Ties]] = {
    "sum": ("sum", "first"), "mean": ("sum", "first"),
    "max": ("max", "first"), "max_first": ("max", "first"),
    "max_last": ("max", "last"), "max_even": ("max", "even"),
    "min": ("min", "first"), "min_first": ("min", "first"),
    "min_last": ("min", "last"), "min_even": ("min", "even"),
    "argmax": ("argmax", "first"), "argmax_last": ("argmax", "last"),
    "argmin": ("argmin", "first"), "argmin_last": ("argmin", "last"),
}

RESERVED = frozenset(REDUCTIONS) | frozenset(FUNCTIONS) | {"frozen", "int"}

_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline
int long register restrict return short signed sizeof static struct switch typedef union unsigned
void volatile while bool true false alignas alignof asm catch class constexpr delete explicit
export friend mutable namespace new nullptr operator private protected public template this throw
try typename using virtual
typeof typeof_unqual thread_local static_assert noreturn and_eq bitand bitor compl not_eq or_eq xor
xor_eq char8_t char16_t char32_t wchar_t concept consteval constinit co_await co_return co_yield
const_cast decltype dynamic_cast noexcept reinterpret_cast requires static_cast typeid
"""
C_KEYWORDS = frozenset(_WORDS.split())
_FOREIGN_FILES = frozenset({"math", "stddef", "stdint", "numpy"})


def fault(name: str) -> str | None:
    """Why a name is not allowed anywhere in a definition, or None. `int` and `return` are."""
    if len(name) > LONGEST:
        return f"a name has at most {LONGEST} characters, this one has {len(name)}"
    if name.startswith("_") or name.endswith("_") or "__" in name:
        return f"'{name}' has a leading, trailing or double underscore"
    if name in ("int", "return"):
        return None
    if keyword.iskeyword(name) or name in C_KEYWORDS:
        return f"'{name}' is a keyword of Python, C or C++"
    return None


def is_derived(name: str) -> bool:
    """Whether a name can be that of a derivative of an allowed name: do, tanh, vdy."""
    rest = name[1:]
    return name[0] in DERIVED and rest != "" and (fault(rest) is None or is_derived(rest))


def kernel_fault(name: str) -> str | None:
    """Why a name cannot be that of a kernel, its files and its functions, or None."""
    if not name.isascii() or not name.isidentifier() or len(name) > LONGEST:
        return f"a kernel's name is a C identifier of at most {LONGEST} characters"
    if name in _FOREIGN_FILES:
        return f"{name}.h or {name}.py is a file that kernels need"
    return fault(name) if name not in ("int", "return") else f"'{name}' is a keyword"


def is_name(text: str) -> bool:
    """Whether a text can name an operand, a size, an index or a parameter."""
    return (text.isascii() and text.isidentifier() and fault(text) is None
            and text not in RESERVED and text != "return")


def fresh(base: str, taken: Container[str]) -> str:
    """`base`, or the first of base2, base3, ... that is not taken."""
    if base not in taken:
        return base
    stem = f"{base}_" if base[-1].isdigit() else base
    number = 2
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def derived_names(tensor: str, is_output: bool) -> tuple[str, ...]:
    """The names that derivatives of a tensor take: cotangent or gradient, tangent, direction."""
    return (f"d{tensor}",) if is_output else (f"d{tensor}", f"t{tensor}", f"v{tensor}")
