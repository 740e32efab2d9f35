"""From emitted sources to code that can be called: compiled C, or a module that uses NumPy."""

from __future__ import annotations

import ctypes
import importlib.util
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from symconv.cache import cached, fingerprint
from symconv.compiler import OPTIONAL_FLAGS, Compiler, accepted_flags, find_compiler, run_compiler
from symconv.errors import BuildError

FAST_FLAGS = ("-O3", "-march=native", "-std=gnu11", "-ffp-contract=fast",
              "-mprefer-vector-width=512")
"""Optimised for this machine. Multiply and add may fuse; nothing is reordered or approximated."""


def compile_library(source_files: Mapping[str, str], *,
                    flags: Sequence[str] = FAST_FLAGS) -> Path:
    """A shared library of C sources {file name: text}, from the cache where it is there.

    Every `.c` file is compiled, the others are there to be included. Raises BuildError.
    """
    compiler = find_compiler()
    accepted = accepted_flags(compiler) if set(flags) & set(OPTIONAL_FLAGS) else ()
    used = [flag for flag in flags if flag not in OPTIONAL_FLAGS or flag in accepted]
    sources = sorted(source_files.items())
    key = fingerprint("library", compiler.identity, *used, "sources",
                      *(part for source in sources for part in source))
    return cached(key, ".so", lambda folder: _compile(compiler, used, dict(sources), folder))


def load_library(path: Path) -> ctypes.CDLL:
    """A compiled library, loaded into this process. Raises BuildError."""
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise BuildError(f"the compiled kernel cannot be loaded: {error}; "
                         "set CC to a compiler for this machine") from None


def load_module(source: str) -> ModuleType:
    """An emitted Python module, kept in the cache and imported from there. Raises BuildError."""
    def make(folder: Path) -> Path:
        path = folder / "module.py"
        path.write_text(source, encoding="utf-8")
        return path

    key = fingerprint("module", source)
    path = cached(key, ".py", make)
    spec = importlib.util.spec_from_file_location(f"symconv_kernel_{key[:16]}", path)
    if spec is None or spec.loader is None:
        raise BuildError(f"{path} cannot be imported: Python knows no loader for it")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise BuildError(f"the emitted module cannot be imported: {error}; "
                         "install NumPy, and report the definition if that does not help") from None
    return module


def _compile(compiler: Compiler, flags: Sequence[str], sources: Mapping[str, str],
             folder: Path) -> Path:
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    library = folder / "kernel.so"
    units = [f"./{name}" for name in sources if name.endswith(".c")]
    arguments = [*flags, "-fPIC", "-shared", "-o", library.name, *units, "-lm"]
    status, output = run_compiler(compiler, arguments, folder)
    if status != 0 or not library.is_file():
        command = shlex.join((*compiler.command, *arguments))
        ending = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        lines = "\n".join(output.strip().splitlines()[:12]) or "it said nothing"
        raise BuildError(f"the C compiler {ending}{'' if status else ' but made no library'}: "
                         f"{command}\n{lines}\nSet CC to another compiler, or use "
                         'target="numpy"')
    return library
