"""symconv: index-level definitions of operators; derived, checked NumPy and C kernels.

    >>> import symconv as sc
    >>> op = sc.ops.conv2d(stride=2, padding=1)
    >>> op.output_shape(x=(1, 3, 32, 32), w=(8, 3, 3, 3), b=(8,))
    {'y': (1, 8, 16, 16)}

Every public name is loaded when it is first used, so that importing the package is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symconv import operators as ops
    from symconv.errors import (
        BuildError,
        DTypeError,
        ParameterError,
        ParseError,
        ShapeError,
        SymconvError,
    )
    from symconv.graph import program, tensor
    from symconv.make import build
    from symconv.operator import Operator, parse
    from symconv.verification import verify

__version__ = "0.1.0"

__all__ = [
    "BuildError", "DTypeError", "Operator", "ParameterError", "ParseError", "ShapeError",
    "SymconvError", "build", "ops", "parse", "program", "tensor",
    "verify",
]

_ERRORS = ("BuildError", "DTypeError", "ParameterError", "ParseError", "ShapeError",
           "SymconvError")
_HOMES = dict.fromkeys(_ERRORS, "symconv.errors") | {
    "Operator": "symconv.operator",
    "build": "symconv.make",
    "parse": "symconv.operator",
    "program": "symconv.graph",
    "tensor": "symconv.graph",
    "verify": "symconv.verification",
}


def __getattr__(name: str) -> object:
    if name == "ops":
        value: object = importlib.import_module("symconv.operators")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'symconv' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

