"""Names that a C file must not declare: macros, types, functions that it calls, its own symbols.

Keywords are no names of a definition, but a derivative can be called like one: the cotangent of
`o` is `do`. Macros count wherever a common header defines them, because emitted headers are
included beside others.
"""

from __future__ import annotations

import re

from symconv.language.names import C_KEYWORDS

_FOREIGN = re.compile(r"""
    NULL | EOF | NAN | INFINITY | HUGE_VAL[FL]? | I | BUFSIZ | CHAR_BIT | CMPLX[FL]?
  | (?:M|FP|MATH|FE|SEEK|EXIT|SIG|LC|INT|UINT|FLT|DBL|LDBL|TIME|ATOMIC)_[A-Z0-9_]+
  | (?:PRI|SCN)[A-Za-z0-9]+ | CLOCKS_PER_SEC | WEOF | P_tmpdir | L_tmpnam
  | [A-Z0-9_]+_(?:MAX|MIN|WIDTH)
  | E[A-Z0-9]{3,} | SIG[A-Z0-9]+ | BIG_ENDIAN | LITTLE_ENDIAN | BYTE_ORDER
  | errno | math_errhandling | complex | imaginary | stdin | stdout | stderr | assert
  | linux | unix | i386 | near | far | small | interface
  | (?:u?int(?:_fast|_least)?(?:8|16|32|64)|u?intptr|u?intmax|ptrdiff|s?size|wchar|max_align
     |float|double)_t
  | (?:fabs|pow|exp|log|sqrt|tanh)[fl]?
""", re.VERBOSE)


def is_reserved(kernel: str, name: str) -> bool:
    """Whether a name means something else in the files of a kernel."""
    return (name == "sizes" or name in C_KEYWORDS or name.startswith(f"{kernel}_")
            or name == f"{kernel.upper()}_H" or _FOREIGN.fullmatch(name) is not None)
