"""`symconv doctor`: what is there of all that symconv uses, and whether both targets work."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys

import click

from symconv.cli_options import say
from symconv.errors import SymconvError

_NEEDED = ("numpy", "sympy", "jinja2", "click", "rich")
_EXTRAS = (("cc", "ziglang", "ziglang"), ("notes", "latex2mathml", "latex2mathml"),
           ("notes", "pillow", "PIL"), ("verify", "z3-solver", "z3"), ("verify", "islpy", "islpy"),
           ("peers", "torch", "torch"))           # extra, distribution, module


@click.command("doctor")
def doctor_command() -> int:
    """Print what was found: Python, packages, compiler, cache, extras; try both targets.

    Exit status 0 where both targets work, 1 otherwise.
    """
    _line("ok", "Python", f"{platform.python_version()} ({sys.executable})")
    for package in _NEEDED:
        version = _version(package)
        _line("ok" if version else "MISSING", package,
              version or f"install it with: pip install {package}")
    _compiler()
    _cache()
    for extra, package, module in _EXTRAS:
        version = _version(package) if importlib.util.find_spec(module) else ""
        _line("ok" if version else "absent", package,
              version or f"optional; install it with: pip install 'symconv[{extra}]'")
    works = [_works(target) for target in ("c", "numpy")]
    return 0 if all(works) else 1


def _line(state: str, what: str, found: str) -> None:
    say(f"{state:<8}  {what:<13}  {found}\n")


def _version(package: str) -> str:
    """The version of an installed distribution; empty where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _compiler() -> None:
    try:
        from symconv.compiler import describe_compiler

        _line("ok", "C compiler", describe_compiler())
    except SymconvError as error:
        _line("MISSING", "C compiler", str(error))


def _cache() -> None:
    from symconv.cache import cache_directory

    try:
        _line("ok", "build cache", str(cache_directory()))
    except SymconvError as error:
        _line("FAILED", "build cache", str(error))


def _works(target: str) -> bool:
    """Whether a small kernel and its gradient can be made for a target and give exact values."""
    what = f"target {target}"
    try:
        import numpy as np

        from symconv.make import build
        from symconv.operator import parse

        kernel = build(parse("y[i] = sum[a](x[i + a] * w[a])"), target=target, dtype="float64")
        x, w = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0])
        y, dx = kernel.forward(x=x, w=w), kernel.vjp(np.array([1.0, 10.0]), x=x, w=w)["x"]
    except (SymconvError, ImportError) as error:
        _line("FAILED", what, str(error))
        return False
    right = np.array_equal(y, [13.0, 26.0]) and np.array_equal(dx, [3.0, 35.0, 50.0])
    _line("ok" if right else "FAILED", what, "a kernel and its gradient were built and give exact "
          "values" if right else f"a kernel gives {y} and {dx}: please report this machine")
    return right
