"""The catalogue as data: names, signatures and summaries, for `symconv list` and `show`.

Everything is read off the functions of `symconv.operators`; neither SymPy nor NumPy is needed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from symconv import operators
from symconv.errors import ParameterError
from symconv.operator import Operator

_SYMBOLS = {"stride": "s", "padding": "p", "dilation": "d", "kernel_size": "k",
            "output_size": "m"}
_NEEDED = ("kernel_size", "output_size")      # symbols only where there is no default


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator: its function, its Python signature and one line about it."""

    name: str
    make: Callable[..., Operator]
    signature: inspect.Signature
    summary: str


def names() -> tuple[str, ...]:
    """All operators, in alphabetical order."""
    return tuple(operators.__all__)


def entry(name: str) -> Entry:
    """The operator of that name. ParameterError with the nearest names where there is none."""
    if name not in operators.__all__:
        near = get_close_matches(name, operators.__all__, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "`symconv list` shows all"
        raise ParameterError(f"operator {name!r} is not in the catalogue; {hint}")
    make: Callable[..., Operator] = getattr(operators, name)
    summary = (inspect.getdoc(make) or "").split("\n", 1)[0]
    return Entry(name, make, inspect.signature(make), summary)


def entries() -> tuple[Entry, ...]:
    """Every operator of the catalogue."""
    return tuple(entry(name) for name in names())


def symbolic_defaults(name: str) -> dict[str, int | str]:
    """Values that keep a derivation general, for what the user leaves out.

    Stride, padding and dilation become the symbols s, p and d, a kernel size and an output size
    without a default k and m, and an open number of axes becomes a small one.
    """
    found: dict[str, int | str] = {}
    for parameter in entry(name).signature.parameters.values():
        required = parameter.default is inspect.Parameter.empty
        required |= name.startswith("max_unpool") and parameter.name == "kernel_size"
        if parameter.name in _SYMBOLS and (parameter.name not in _NEEDED or required):
            found[parameter.name] = _SYMBOLS[parameter.name]
        if parameter.name == "ndim" and parameter.default is None:
            found["ndim"] = 4 if name == "flatten" else 2
    return found
